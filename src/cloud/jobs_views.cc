// What is shown of jobs: JSON for the HTTP interface, and metrics.

#include <algorithm>
#include <array>

#include "base/json.h"
#include "cloud/jobs_state.h"
#include "codec/task/task.h"

namespace selvedge::cloud {

using base::Code;
using base::fail;
using base::JsonWriter;
using base::Result;
using engine::JobRecord;
using engine::JobStatus;
using engine::MemberState;
using engine::MemberStatus;

namespace {

std::string_view state_of(const JobRecord& record) {
  if (record.stopped) return "stopped";
  switch (record.rollout) {
    case JobRecord::Rollout::well: return "well";
    case JobRecord::Rollout::under_way: return "rolling-out";
    case JobRecord::Rollout::failed: return "failed";
  }
  return "";
}

void write_summary(JsonWriter& json, const JobStatus& status) {
  const model::Job& job = status.record.now.job;
  json.field("name", job.name)
      .field("tenant", job.tenant)
      .field("generation", job.generation)
      .field("state", state_of(status.record))
      .field("rolled_back", status.record.rolled_back)
      .field("reason", status.record.reason)
      .field("wanted", status.wanted)
      .field("running", status.running)
      .field("done", status.done)
      .field("failed", status.failed)
      .field("unplaced", status.unplaced);
}

void write_member(JsonWriter& json, const MemberStatus& member) {
  json.begin_object()
      .field("task", engine::task_name(member.member))
      .field("job", member.member.job)
      .field("group", member.member.group)
      .field("index", member.member.index)
      .field("node", member.node)
      .field("state", name(member.state))
      .field("generation", member.generation)
      .field("reason", member.reason);
  if (const auto& reported = member.reported) {
    json.field("task_state", codec::task::name(reported->state))
        .field("run", reported->run)
        .field("restarts", reported->restarts);
    if (reported->exit) json.field("exit", std::int64_t{*reported->exit});
    if (reported->healthy) json.field("healthy", *reported->healthy);
    if (reported->since.ns != 0) json.field("since", base::to_iso8601(reported->since));
    if (!reported->limits.empty()) json.field("limits", reported->limits);
  }
  json.end_object();
}

void write_why(JsonWriter& json, const model::TaskGroup& group, const JobPlaces::Why& why, std::size_t unplaced) {
  json.begin_object()
      .field("group", group.name)
      .field("unplaced", static_cast<std::uint64_t>(unplaced))
      .field("nodes", why.nodes)
      .field("fit", why.fit)
      .field("summary", why.summary)
      .field("quota", why.quota);
  json.key("reasons").begin_object();
  for (const auto& [reason, count] : why.reasons) json.field(reason, count);
  json.end_object().key("closest").begin_array();
  for (const JobPlaces::WhyNode& node : why.closest)
    json.begin_object().field("node", node.node).field("why", node.why).end_object();
  json.end_array().end_object();
}

const model::TaskGroup* find_group(const model::Job& job, std::string_view name) {
  const auto at = std::ranges::find(job.groups, name, &model::TaskGroup::name);
  return at == job.groups.end() ? nullptr : &*at;
}

}  // namespace

std::string Jobs::State::jobs_json() const {
  JsonWriter json;
  json.begin_array();
  for (const std::string& name : book.jobs()) {
    json.begin_object();
    write_summary(json, *book.status(name));
    json.end_object();
  }
  return json.end_array().take();
}

std::string Jobs::State::job_json(const std::string& name) const {
  const JobStatus status = *book.status(name);
  JsonWriter json;
  json.begin_object();
  write_summary(json, status);
  json.key("members").begin_array();
  for (const MemberStatus& member : book.members(name)) write_member(json, member);
  json.end_array().key("job").raw(codec::task::write_job(status.record.now.job));
  return json.end_object().take();
}

std::string Jobs::State::tasks_json(std::string_view node, std::string_view job) const {
  JsonWriter json;
  json.begin_array();
  for (const std::string& name : book.jobs()) {
    if (!job.empty() && name != job) continue;
    for (const MemberStatus& member : book.members(name))
      if (node.empty() || member.node == node) write_member(json, member);
  }
  return json.end_array().take();
}

Result<std::string> Jobs::State::explain_json(const std::string& name, std::string_view group, std::size_t closest) {
  const JobRecord* const record = book.record(name);
  if (record == nullptr) return fail(Code::not_found, "there is no job '" + name + "'");
  const model::Job& job = record->now.job;
  if (!group.empty() && find_group(job, group) == nullptr)
    return fail(Code::not_found, "job '" + name + "' has no group '" + std::string(group) + "'");
  const auto members = book.members(name);
  JsonWriter json;
  json.begin_array();
  for (const model::TaskGroup& one : job.groups) {
    if (!group.empty() && one.name != group) continue;
    const auto unplaced = std::ranges::count_if(members, [&](const MemberStatus& member) {
      return member.member.group == one.name && member.state == MemberState::unplaced;
    });
    const JobPlaces::Why why = TRY(places.explain(name, one, job.tenant, closest));
    write_why(json, one, why, static_cast<std::size_t>(unplaced));
  }
  return json.end_array().take();
}

// What the book would do with it, group by group.
Result<std::string> Jobs::State::plan_json(const model::Job& job) {
  const JobRecord* const record = book.record(job.name);
  const bool runs = record != nullptr && !record->stopped;
  JsonWriter json;
  json.begin_object()
      .field("name", job.name)
      .field("generation", record == nullptr ? std::uint64_t{1} : record->now.job.generation + 1)
      .field("new", record == nullptr);
  json.key("groups").begin_array();
  for (const model::TaskGroup& group : job.groups) {
    const model::TaskGroup* const old = runs ? find_group(record->now.job, group.name) : nullptr;
    const std::uint32_t before = old == nullptr ? 0 : old->count, stay = std::min(before, group.count);
    const bool same = old != nullptr && old->task == group.task;
    const std::uint32_t start = group.count - stay;
    const std::uint32_t fit = TRY(places.would_fit(group, job.tenant, start));
    json.begin_object()
        .field("group", group.name)
        .field("change", old == nullptr ? "new" : !same ? "changed" : before != group.count ? "scaled" : "same")
        .field("start", start)
        .field("stop", before - stay)
        .field("replace", same ? 0U : stay)
        .field("fit", fit);
    if (fit < start) {
      const JobPlaces::Why why = TRY(places.explain(job.name, group, job.tenant, 0));
      json.field("reason", why.quota.empty() ? why.summary : why.quota);
    }
    json.end_object();
  }
  if (runs) {
    for (const model::TaskGroup& old : record->now.job.groups)
      if (find_group(job, old.name) == nullptr)
        json.begin_object().field("group", old.name).field("change", "removed").field("start", 0U).field("stop", old.count)
            .field("replace", 0U).field("fit", 0U).end_object();
  }
  return json.end_array().end_object().take();
}

// Once a turn: a scrape asks for each state.
const Jobs::State::Counts& Jobs::State::count_members() const {
  const base::Instant now = world.loop().now();
  if (counted_at == now) return counted;
  counted_at = now;
  counted = {};
  for (const std::string& job : book.jobs())
    for (const MemberStatus& member : book.members(job)) ++counted[static_cast<std::size_t>(member.state)];
  return counted;
}

void Jobs::State::make_metrics(base::Registry& metrics) {
  placed_total = &metrics.counter("selvedge_placement_placed_total", "Members of jobs for which a node was found.");
  refused_total = &metrics.counter("selvedge_placement_refused_total", "Answers that no node takes a member of a job now.");
  displaced_total = &metrics.counter("selvedge_placement_displaced_total", "Members asked to go for others of higher priority.");
  edits_failed = &metrics.counter("selvedge_jobs_write_failures_total", "Changes of wishes that a twin did not take at once.");
  const auto gauge = [&](std::string_view name, std::string_view help, auto read, base::Labels labels = {}) {
    metrics.gauge_from(name, help, [this, read] { return static_cast<double>(read(*this)); }, std::move(labels));
  };
  gauge("selvedge_jobs", "Jobs that are kept, stopped ones too.", [](const State& s) { return s.book.jobs().size(); });
  gauge("selvedge_placement_nodes", "Nodes that placement knows.", [](const State& s) { return s.places.fleet().nodes(); });
  gauge("selvedge_placement_rooms", "Places that members of jobs hold.", [](const State& s) { return s.places.fleet().tasks(); });
  gauge("selvedge_jobs_leaving", "Tasks whose wish was withdrawn and whose node has not said yet that they are gone.",
        [](const State& s) {
          std::size_t count = 0;
          for (const auto& [name, node] : s.nodes) count += node.withdrawn.size();
          return count;
        });
  for (std::size_t i = 0; i < engine::placement_rules; ++i) {
    const auto rule = static_cast<engine::PlacementRule>(i);
    gauge("selvedge_placement_rule", "1 for the rule that places tasks.", [rule](const State& s) { return s.places.rule() == rule ? 1 : 0; },
          {{"rule", std::string(engine::name(rule))}});
  }
  for (const MemberState state : {MemberState::unplaced, MemberState::placed, MemberState::running, MemberState::done,
                                  MemberState::failed, MemberState::leaving, MemberState::lost})
    gauge("selvedge_jobs_members", "Members of jobs, by state.",
          [state](const State& s) { return s.count_members()[static_cast<std::size_t>(state)]; },
          {{"state", std::string(name(state))}});
}

}  // namespace selvedge::cloud
