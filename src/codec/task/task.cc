#include "codec/task/task.h"

#include <algorithm>

#include "codec/task/describe.h"

namespace selvedge::codec::task {

using base::Code;
using base::Result;

namespace {

// Each separator may become a value of some 60 bytes, so they are counted before any is made.
constexpr std::ptrdiff_t most_separators = 65'536;

Result<void> check_kind(const model::Task& task, const std::string& at) {
  if (task.command.size() > 0 && task.command.front().empty()) return wrong(below(at, "command[0]"), "is empty");
  const auto only_of = [&](std::string_view member, std::string_view kind) {
    return wrong(below(at, member), "is only for tasks of kind '" + std::string(kind) + "'");
  };
  if (!task.image.empty() && task.kind != model::TaskKind::container) return only_of("image", "container");
  if (!task.model.empty() && task.kind != model::TaskKind::model) return only_of("model", "model");
  switch (task.kind) {
    case model::TaskKind::process: {
      if (task.command.empty()) return wrong(below(at, "command"), "is missing: what is to run");
      const std::string& program = task.command.front();
      const Text path{program.starts_with('/') ? Text::Is::outer_path : Text::Is::inner_path, TaskLimits::path_bytes};
      return path.check(program.starts_with("./") ? program.substr(2) : program, below(at, "command[0]"));
    }
    case model::TaskKind::container:
      if (task.image.empty()) return wrong(below(at, "image"), "is missing: the artifact with the OCI image");
      return {};
    case model::TaskKind::model:
      if (task.model.empty()) return wrong(below(at, "model"), "is missing: the model that answers");
      if (!task.command.empty()) return wrong(below(at, "command"), "is not for tasks of kind 'model'");
      return {};
  }
  return {};
}

Result<void> check_mode(const model::Task& task, const std::string& at) {
  using Mode = model::TaskMode;
  if (task.mode == Mode::cron && task.schedule.empty())
    return wrong(below(at, "schedule"), "is missing: when a task of mode 'cron' is to run");
  if (task.mode != Mode::cron && !task.schedule.empty())
    return wrong(below(at, "schedule"), "is only for tasks of mode 'cron'");
  if (task.mode != Mode::job && task.retries != 0)
    return wrong(below(at, "retries"), "is only for tasks of mode 'job'");
  if (task.mode == Mode::service && task.time_limit != base::Duration{})
    return wrong(below(at, "time_limit"), "is not for tasks of mode 'service'");
  if (task.mode != Mode::service && task.health.wanted())
    return wrong(below(at, "health"), "is only for tasks of mode 'service'");
  return {};
}

}  // namespace

Result<void> check(const model::TaskArtifact& value, const std::string& at, Of<model::TaskArtifact>) {
  if (value.name.empty()) return wrong(below(at, "name"), "is missing");
  if (value.version == 0) return wrong(below(at, "version"), "is missing");
  return {};
}

Result<void> check(const model::TaskRestart& value, const std::string& at, Of<model::TaskRestart>) {
  if (value.backoff_first > value.backoff_most)
    return wrong(below(at, "backoff_first"), "is longer than backoff_most");
  return {};
}

Result<void> check(const model::TaskHealth& value, const std::string& at, Of<model::TaskHealth>) {
  if (!value.command.empty() && !value.http.empty()) return wrong(at, "has both a command and http");
  return {};
}

Result<void> check(const model::TaskFeed& value, const std::string& at, Of<model::TaskFeed>) {
  if (value.series.empty() == value.topic.empty()) return wrong(at, "needs a series or a topic, and not both");
  return {};
}

Result<void> check(const model::AcceleratorAsk& value, const std::string& at, Of<model::AcceleratorAsk>) {
  if (value.devices > 1 && value.thousandths != 1000)
    return wrong(below(at, "thousandths"), "must be 1000 of more than one device");
  return {};
}

Result<void> check(const model::Task& value, const std::string& at, Of<model::Task>) {
  TRY(check_kind(value, at));
  TRY(check_mode(value, at));
  std::size_t bytes = 0;
  for (const std::string& argument : value.command) bytes += argument.size() + 1;
  if (bytes > TaskLimits::argument_bytes)
    return wrong(below(at, "command"),
                 "has more than " + std::to_string(TaskLimits::argument_bytes) + " bytes in all");
  for (const auto& [name, secret] : value.secrets)
    if (value.environment.contains(name))
      return wrong(below(below(at, "secrets"), name), "is a variable of the environment too");
  // The node must have ended it before the lease does.
  if (value.disconnect.policy == model::TaskDisconnect::Policy::replace &&
      value.disconnect.after < value.stop_grace + 2 * TaskLimits::lease_margin)
    return wrong(below(below(at, "disconnect"), "after"),
                 "must be at least stop_grace and " + base::to_string(2 * TaskLimits::lease_margin) +
                     ", as the node ends it before it may be replaced");
  if (value.disconnect.policy != model::TaskDisconnect::Policy::site) return {};
  if (value.mode != model::TaskMode::service)
    return wrong(below(below(at, "disconnect"), "policy"), "site is for services");
  if (value.stop_grace > TaskLimits::site_grace)
    return wrong(below(at, "stop_grace"), "must be at most " + base::to_string(TaskLimits::site_grace) +
                                              " of a task that its site may move");
  return {};
}

Result<json::Value> parse_document(std::string_view text, std::size_t most) {
  if (text.size() > most)
    return wrong({}, "the document is larger than " + std::to_string(most) + " bytes");
  if (std::ranges::count_if(text, [](char c) { return c == ',' || c == '[' || c == '{'; }) > most_separators)
    return wrong({}, "the document has more members than any task");
  return json::parse(text, most);
}

Result<model::Task> parse_task(std::string_view name, std::string_view text) {
  if (!is_task_name(name))
    return wrong({}, "'" + base::printable(name) + "' is no name of a task (1 to " +
                         std::to_string(TaskLimits::name_bytes) + " of A-Z a-z 0-9 . _ -)");
  const json::Value document = TRY(parse_document(text, TaskLimits::document_bytes));
  model::Task task;
  TRY(Object<model::Task>{}.read(document, {}, task));
  task.name = name;
  return task;
}

std::string write_task(const model::Task& task) {
  base::JsonWriter json;
  Object<model::Task>{}.write(task, json);
  return json.take();
}

}  // namespace selvedge::codec::task
