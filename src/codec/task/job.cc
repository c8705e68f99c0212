// Jobs: groups of tasks and how they are placed and changed.

#include <algorithm>

#include "codec/task/describe.h"
#include "codec/task/task.h"

namespace selvedge::codec::task {

using base::Result;
using model::Constraint;
using model::Job;
using model::JobUpdate;
using model::TaskGroup;

// Found by the types of their arguments, so in no namespace of their own.

static Result<void> check(const Constraint& value, const std::string& at, Of<Constraint>) {
  using Is = Constraint::Is;
  if (value.label.empty()) return wrong(below(at, "label"), "is missing");
  const std::size_t count = value.values.size();
  const std::string values = below(at, "values");
  switch (value.is) {
    case Is::exists:
    case Is::absent:
      if (count != 0) return wrong(values, "must be empty where a label is only to be there or not");
      return {};
    case Is::one_of:
    case Is::none_of:
      if (count == 0) return wrong(values, "is missing");
      return {};
    case Is::at_least:
    case Is::at_most:
      if (count != 1 || !base::parse_double(value.values.front())) return wrong(values, "must be one number");
      return {};
    case Is::equal:
    case Is::not_equal:
      if (count != 1) return wrong(values, "must be one value");
      return {};
  }
  return {};
}

static Result<void> check(const TaskGroup& value, const std::string& at, Of<TaskGroup>) {
  if (value.name.empty()) return wrong(below(at, "name"), "is missing");
  if (value.task == model::Task{}) return wrong(below(at, "task"), "is missing");
  if (value.task.generation != 0)
    return wrong(below(below(at, "task"), "generation"), "is the job's to say");
  if ((value.latency_limit_ms > 0) != !value.near.empty())
    return wrong(below(at, "near"), "and latency_limit_ms go together");
  // A member is wished for with its generation, whose digits must find room.
  if (write_task(value.task).size() + 64 > TaskLimits::document_bytes)
    return wrong(below(at, "task"), "is larger than " + std::to_string(TaskLimits::document_bytes) + " bytes");
  return {};
}

static Result<void> check(const JobUpdate& value, const std::string& at, Of<JobUpdate>) {
  if (value.healthy > value.deadline) return wrong(below(at, "healthy"), "is longer than the deadline");
  return {};
}

static Result<void> check(const Job& value, const std::string& at, Of<Job>) {
  if (value.name.empty()) return wrong(below(at, "name"), "is missing");
  if (value.groups.empty()) return wrong(below(at, "groups"), "is missing or empty");
  const std::string groups = below(at, "groups");
  std::uint64_t members = 0;
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < value.groups.size(); ++i) {
    const TaskGroup& group = value.groups[i];
    if (std::ranges::find(names, group.name) != names.end())
      return wrong(below(below(groups, i), "name"), "'" + group.name + "' is that of another group");
    names.push_back(group.name);
    members += group.count;
    if (value.deadline && group.task.mode == model::TaskMode::service)
      return wrong(below(at, "deadline"), "is only for jobs whose tasks end");
  }
  if (members > TaskLimits::count)
    return wrong(groups, "have more than " + std::to_string(TaskLimits::count) + " members in all");
  return {};
}

template <typename Visit>
static void describe(Visit& visit, Of<Constraint>) {
  visit("label", &Constraint::label, name_text());
  visit("is", &Constraint::is,
        Word{{"equal", "not_equal", "one_of", "none_of", "exists", "absent", "at_least", "at_most"}});
  visit("values", &Constraint::values, texts(Text::Is::plain, 256, TaskLimits::values));
  visit("weight", &Constraint::weight, Whole{-100, 100});
}

template <typename Visit>
static void describe(Visit& visit, Of<TaskGroup>) {
  visit("name", &TaskGroup::name, Text{Text::Is::job_name, TaskLimits::group_name_bytes});
  visit("count", &TaskGroup::count, Whole{0, TaskLimits::count});
  visit("task", &TaskGroup::task, Object<model::Task>{});
  visit("priority", &TaskGroup::priority, Whole{0, 100});
  visit("constraints", &TaskGroup::constraints, List{Object<Constraint>{}, TaskLimits::constraints});
  visit("tolerations", &TaskGroup::tolerations, texts(Text::Is::plain, 256, TaskLimits::tolerations));
  visit("spread", &TaskGroup::spread, name_or_empty());
  visit("gang", &TaskGroup::gang, Flag{});
  visit("energy_weight", &TaskGroup::energy_weight, Number{0, 1'000});
  visit("latency_limit_ms", &TaskGroup::latency_limit_ms, Number{0, 1e6});
  visit("near", &TaskGroup::near, name_or_empty());
}

template <typename Visit>
static void describe(Visit& visit, Of<JobUpdate>) {
  visit("parallel", &JobUpdate::parallel, Whole{1, TaskLimits::count});
  visit("healthy", &JobUpdate::healthy, Time{{}, std::chrono::hours(24)});
  visit("deadline", &JobUpdate::deadline, Time{std::chrono::seconds(1), TaskLimits::time_most});
  visit("roll_back", &JobUpdate::roll_back, Flag{});
}

template <typename Visit>
static void describe(Visit& visit, Of<Job>) {
  visit("name", &Job::name, Text{Text::Is::job_name, TaskLimits::job_name_bytes});
  visit("tenant", &Job::tenant, name_text());
  visit("generation", &Job::generation, Whole{0, INT64_MAX});
  visit("groups", &Job::groups, List{Object<TaskGroup>{}, TaskLimits::groups});
  visit("update", &Job::update, Object<JobUpdate>{});
  visit("deadline", &Job::deadline, Moment{});
}

Result<Job> read_job(const json::Value& document) {
  Job job;
  TRY(Object<Job>{}.read(document, {}, job));
  return job;
}

Result<Job> parse_job(std::string_view text) {
  return read_job(TRY(parse_document(text, TaskLimits::job_bytes)));
}

std::string write_job(const Job& job) {
  base::JsonWriter json;
  Object<Job>{}.write(job, json);
  return json.take();
}

}  // namespace selvedge::codec::task
