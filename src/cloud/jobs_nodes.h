// What the cloud's jobs know of a node, from the node's twin:
//
//   features/node/properties    arch, os, resources/{cpu, memory, disk} (thousandths of a core, bytes),
//                               accelerators/{devices, model}: what the node says of itself
//   attributes                  labels/{name: value}, site, taints: [..], accelerators, scheduling: what operators say
//   features/tasks              desiredProperties/{<task>: {...}, _revision}, properties/{<task>: {...}, _heard}
//
// `_revision` grows with every change of the wishes; `_heard` is the newest that the node has carried out.
// Pure.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/placement/spec.h"
#include "engine/twin/twin.h"
#include "model/task.h"

namespace selvedge::cloud {

enum class Scheduling : std::uint8_t { ready, cordoned, draining, gone };
std::string_view name(Scheduling scheduling);
std::optional<Scheduling> parse_scheduling(std::string_view word);

// Of a node that does not say what it has.
struct NodeDefaults {
  model::Resources resources{1000, std::int64_t{256} << 20, std::int64_t{1} << 30};
};

// What is out of bounds is left out: a label that is too long, more taints than may be.
engine::placement::NodeSpec read_node_spec(const std::string& node, const engine::Twin& twin, const NodeDefaults& defaults);
Scheduling read_scheduling(const engine::Twin& twin);
std::uint64_t read_revision(const engine::Twin& twin);
std::uint64_t read_heard(const engine::Twin& twin);

struct FoundWishes {
  std::vector<model::Task> tasks;
  std::vector<std::string> unreadable;     // their names
};
FoundWishes read_wishes(const engine::Twin& twin);
// Names of the tasks that the node reports, and what it says of one. Nothing if it says nothing of it.
std::vector<std::string> reported_tasks(const engine::Twin& twin);
std::optional<base::Result<model::TaskStatus>> read_report(const engine::Twin& twin, std::string_view task);

}  // namespace selvedge::cloud
