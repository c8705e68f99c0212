// What a node says of a task: one leaf of its twin for each member, so that only what changed travels.

#include <array>

#include "base/text.h"
#include "codec/task/rules.h"
#include "codec/task/task.h"

namespace selvedge::codec::task {
namespace {

using base::Result;

constexpr std::array<std::string_view, 7> state_names{"waiting", "starting", "running", "stopping",
                                                      "done",    "failed",   "stopped"};
constexpr std::size_t most_reason_bytes = 4'096;

std::string json_of(const auto& value) {
  base::JsonWriter json;
  json.value(value);
  return json.take();
}

}  // namespace

std::string_view name(model::TaskState state) { return state_names[static_cast<std::size_t>(state)]; }

std::vector<StatusMember> status_members(const model::TaskStatus& status) {
  std::vector<StatusMember> members;
  members.push_back({"state", json_of(name(status.state))});
  members.push_back({"reason", status.reason.empty() ? "" : json_of(status.reason)});
  members.push_back({"generation", json_of(status.generation)});
  members.push_back({"run", json_of(status.run)});
  members.push_back({"restarts", json_of(std::uint64_t{status.restarts})});
  members.push_back({"exit", status.exit ? json_of(std::int64_t{*status.exit}) : ""});
  members.push_back({"healthy", status.healthy ? json_of(*status.healthy) : ""});
  members.push_back({"since", json_of(base::to_iso8601(status.since))});
  members.push_back({"limits", status.limits.empty() ? "" : json_of(status.limits)});
  return members;
}

Result<model::TaskStatus> read_status(const json::Value& status) {
  if (!status.is_object()) return wrong("status of a task", "expected an object");
  model::TaskStatus read;
  const auto member = [&](std::string_view name, const auto& rule, auto& into) -> Result<void> {
    const json::Value& value = status[name];
    if (value.is_null()) return {};
    return rule.read(value, std::string(name), into);
  };
  std::optional<base::Time> since;
  TRY(member("state", Word{{state_names.begin(), state_names.end()}}, read.state));
  TRY(member("reason", Text{Text::Is::any, most_reason_bytes}, read.reason));
  TRY(member("generation", Whole{0, INT64_MAX}, read.generation));
  TRY(member("run", Whole{0, INT64_MAX}, read.run));
  TRY(member("restarts", Whole{0, UINT32_MAX}, read.restarts));
  if (!status["exit"].is_null()) TRY(member("exit", Whole{INT32_MIN, INT32_MAX}, read.exit.emplace()));
  if (!status["healthy"].is_null()) TRY(member("healthy", Flag{}, read.healthy.emplace()));
  TRY(member("since", Moment{}, since));
  read.since = since.value_or(base::Time{});
  TRY(member("limits", Text{Text::Is::any, most_reason_bytes}, read.limits));
  return read;
}

}  // namespace selvedge::codec::task
