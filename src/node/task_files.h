// What tasks have on the disk of a node, below <state>/tasks:
//
//   .supervisor              what engine::TaskSupervisor saved
//   <name>/<preparation>/    the folder of a task: its artifacts, and what it writes
//   <name>/<preparation>.image/   of a container: root/, which nobody writes to, and run.json (task_image.h)
//   <name>/run-<n>.json      which task and preparation run n is of; there before it starts
//   <name>/run/<n>/          what os::Child keeps of that run
//   <name>/log, log.old      what it wrote
//
// Everything here blocks: for a pool thread, or the start of the node. What is unpacked is not synced: after the
// machine was off it is unpacked anew.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/task.h"
#include "os/world.h"
#include "store/artifact_reader.h"

namespace selvedge::node {

struct TaskRunFile {
  std::string name;
  std::uint64_t run = 0, preparation = 0;
  model::Task task;
};

std::string task_folder(std::string_view root, std::string_view name);
std::string task_place(std::string_view root, std::string_view name, std::uint64_t preparation);
std::string task_image_folder(std::string_view root, std::string_view name, std::uint64_t preparation);
std::string task_run_folder(std::string_view root, std::string_view name, std::uint64_t run);

base::Result<void> write_run_file(os::World& world, std::string_view root, const TaskRunFile& file);
base::Result<void> remove_run_file(os::World& world, std::string_view root, std::string_view name, std::uint64_t run);
// Every run file; one that cannot be read is removed, since its run was never begun.
base::Result<std::vector<TaskRunFile>> read_run_files(os::World& world, std::string_view root);
// The names that have a folder.
base::Result<std::vector<std::string>> task_names(os::World& world, std::string_view root);
// All folders of preparations but this one; 0: all.
base::Result<void> remove_places(os::World& world, std::string_view root, std::string_view name, std::uint64_t kept);
base::Result<void> remove_place(os::World& world, std::string_view root, std::string_view name, std::uint64_t preparation);
base::Result<void> remove_task_folder(os::World& world, std::string_view root, std::string_view name);

// Unpacks an artifact into `place`/`path`: the members of a tar or a packed tar, else the file itself under the
// artifact's name. Every file may be read and run by anybody. Adds to `used`, and fails with Code::exhausted beyond
// `most`. Holds one chunk at a time.
base::Result<void> unpack_artifact(os::World& world, const std::string& place, std::string_view path,
                                   store::ArtifactReader& reader, std::uint64_t most, std::uint64_t& used);

}  // namespace selvedge::node
