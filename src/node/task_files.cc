#include "node/task_files.h"

#include "base/json.h"
#include "base/text.h"
#include "codec/json/value.h"
#include "codec/task/task.h"

namespace selvedge::node {

using base::Code;
using base::Result;

namespace {

constexpr std::string_view run_prefix = "run-", run_suffix = ".json", image_suffix = ".image";
constexpr std::uint64_t most_run_file = 2 * model::TaskLimits::document_bytes;

std::string run_file_name(std::uint64_t run) { return std::string(run_prefix) + std::to_string(run) + std::string(run_suffix); }

Result<TaskRunFile> read_run_file(os::Dir& dir, const std::string& task, std::string_view file) {
  const base::Bytes bytes = TRY(os::read_file(dir, file, most_run_file));
  if (bytes.empty()) return base::fail(Code::corrupt, "it is empty");
  const auto document = TRY(codec::json::parse(base::as_text(bytes), most_run_file));
  TaskRunFile read;
  read.name = task;
  read.run = static_cast<std::uint64_t>(document["run"].integer());
  read.preparation = static_cast<std::uint64_t>(document["preparation"].integer());
  read.task = TRY(codec::task::parse_task(task, document["task"].text()));
  if (file != run_file_name(read.run)) return base::fail(Code::corrupt, "it is of another run");
  return read;
}

}  // namespace

std::string task_folder(std::string_view root, std::string_view name) { return std::string(root) + "/" + std::string(name); }
std::string task_place(std::string_view root, std::string_view name, std::uint64_t preparation) {
  return task_folder(root, name) + "/" + std::to_string(preparation);
}
std::string task_image_folder(std::string_view root, std::string_view name, std::uint64_t preparation) {
  return task_place(root, name, preparation) + std::string(image_suffix);
}
std::string task_run_folder(std::string_view root, std::string_view name, std::uint64_t run) {
  return task_folder(root, name) + "/run/" + std::to_string(run);
}

Result<void> write_run_file(os::World& world, std::string_view root, const TaskRunFile& file) {
  const auto dir = TRY(world.directory(task_folder(root, file.name), true));
  base::JsonWriter json;
  json.begin_object()
      .field("run", file.run)
      .field("preparation", file.preparation)
      .field("task", codec::task::write_task(file.task))
      .end_object();
  return os::write_file(*dir, run_file_name(file.run), base::as_bytes(json.text()), os::Open::create_private);
}

Result<void> remove_run_file(os::World& world, std::string_view root, std::string_view name, std::uint64_t run) {
  const auto dir = TRY(world.directory(task_folder(root, name), false));
  return dir->remove(run_file_name(run));
}

Result<std::vector<std::string>> task_names(os::World& world, std::string_view root) {
  const auto dir = TRY(world.directory(root, true));
  std::vector<std::string> names = TRY(dir->folders());
  std::erase_if(names, [](const std::string& name) { return !codec::task::is_task_name(name); });
  return names;
}

Result<std::vector<TaskRunFile>> read_run_files(os::World& world, std::string_view root) {
  std::vector<TaskRunFile> all;
  for (const std::string& name : TRY(task_names(world, root))) {
    const auto dir = TRY(world.directory(task_folder(root, name), false));
    for (const std::string& file : TRY(dir->list())) {
      if (!file.starts_with(run_prefix)) continue;
      auto read = read_run_file(*dir, name, file);
      if (read) all.push_back(std::move(*read));
      else base::ignore(dir->remove(file), "it is looked at again at the next start");
    }
  }
  return all;
}

Result<void> remove_places(os::World& world, std::string_view root, std::string_view name, std::uint64_t kept) {
  const auto dir = TRY(world.directory(task_folder(root, name), false));
  for (const std::string& folder : TRY(dir->folders())) {
    const std::string_view number = std::string_view(folder).substr(0, folder.size() - (folder.ends_with(image_suffix) ? image_suffix.size() : 0));
    if (base::parse_int(number) && number != std::to_string(kept)) TRY(dir->remove_folder(folder));
  }
  return {};
}

Result<void> remove_place(os::World& world, std::string_view root, std::string_view name, std::uint64_t preparation) {
  const auto dir = TRY(world.directory(task_folder(root, name), false));
  TRY(dir->remove_folder(std::to_string(preparation) + std::string(image_suffix)));
  return dir->remove_folder(std::to_string(preparation));
}

Result<void> remove_task_folder(os::World& world, std::string_view root, std::string_view name) {
  const auto dir = TRY(world.directory(root, true));
  return dir->remove_folder(name);
}

}  // namespace selvedge::node
