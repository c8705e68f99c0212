// Task: what is wished of a node, what it says of it, and jobs, as JSON.
//
//   wish     features/tasks/desiredProperties/<name> = {"generation": 3, "command": ["./convert"], ...}
//   status   features/tasks/properties/<name>/{state, reason, run, ...}
//   job      of the HTTP API; job files are the same in TOML, by settings::toml_value
//
// docs/spec/task.md has the members. What is read is held against every bound of model::TaskLimits; an unknown
// member is refused, with a suggestion. Errors name the path in the document: "groups[0].task.command: ...".
// What is written is canonical: the same value gives the same bytes, and what has its default is left out. Pure.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json/value.h"
#include "model/task.h"

namespace selvedge::codec::task {

// The name is not in the document: it is that of the property which holds it.
base::Result<model::Task> parse_task(std::string_view name, std::string_view json);
std::string write_task(const model::Task& task);

base::Result<model::Job> parse_job(std::string_view json);
base::Result<model::Job> read_job(const json::Value& document);
std::string write_job(const model::Job& job);

// 1 to `most` of [A-Za-z0-9_-], and '.' in a task's name; neither '.' nor '-' comes first.
bool is_task_name(std::string_view name);
bool is_job_name(std::string_view name);

// The members of a status, each with its JSON; an empty one is absent.
struct StatusMember {
  std::string_view name;
  std::string json;
};
std::vector<StatusMember> status_members(const model::TaskStatus& status);
// Takes what status_members gave; members that are not known are of a newer node and skipped.
base::Result<model::TaskStatus> read_status(const json::Value& status);

std::string_view name(model::TaskState state);

}  // namespace selvedge::codec::task
