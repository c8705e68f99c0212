// Members that the nodes of a site moved without the cloud.

#include <utility>

#include "engine/jobs/job_state.h"

namespace selvedge::engine {

using Now = NodeChanged::Now;
using model::TaskState;

namespace {

bool runs(const model::TaskStatus& status) {
  return status.state == TaskState::starting || status.state == TaskState::running;
}

}  // namespace

void JobBook::State::seen_elsewhere(JobEntry& job, const MemberKey& key, Member& member, const TaskReported& report,
                                    base::Instant now, JobOutputs& out) {
  if (!member.of_site && !member.behind.contains(report.node)) return;
  NodeEntry& node = nodes[report.node];
  if (!report.status) {                            // told after it was asked to go
    member.behind.erase(report.node);
    if (member.seen_on == report.node) member.seen_on.clear();
    node.members.erase(key);
    return;
  }
  const bool has_it = runs(*report.status) && report.status->generation == member.generation;
  if (has_it) member.seen_on = report.node;
  else if (member.seen_on == report.node) member.seen_on.clear();
  const bool is_news = member.behind.insert(report.node).second;
  node.members.insert(key);
  if (follow(job, key, member, now, out) || !begun || !is_news) return;
  // It is to say when it has gone.
  out.wishes.push_back({report.node, task_name(key), std::nullopt, member.patience.policy()});
}

bool JobBook::State::follow(JobEntry& job, const MemberKey& key, Member& member, base::Instant now, JobOutputs& out) {
  if (!begun || member.seen_on.empty() || member.node.empty() || member.seen_on == member.node || !wanted(job, key)) return false;
  const auto state_of = [&](const std::string& name) {
    const auto at = nodes.find(name);
    return at == nodes.end() ? Now::silent : at->second.state;
  };
  const Now there = state_of(member.seen_on), here = state_of(member.node);
  if (there != Now::connected && there != Now::draining) return false;
  // What one says that is heard of is newer than what the other said.
  const bool heard = here == Now::connected || here == Now::draining;
  if (heard && member.reported && (runs(*member.reported) || member.reported->state == TaskState::stopping)) return false;
  // The very task that runs there, so that it goes on.
  const auto has = [&](const JobContent& content) {
    const auto at = content.generations.find(key.group);
    return at != content.generations.end() && at->second.contains(member.generation) && find_group(content.job, key.group) != nullptr;
  };
  const JobContent* const content = has(job.record.now) ? &job.record.now : job.record.good && has(*job.record.good) ? &*job.record.good : nullptr;
  if (content == nullptr) return false;
  model::TaskGroup group = *find_group(content->job, key.group);
  model::Task task = group.task;
  task.name = task_name(key);
  task.generation = member.generation;

  const std::string to = std::exchange(member.seen_on, {});
  const std::string from = std::exchange(member.node, to);
  if (!member.next.empty()) out.released.push_back({key, std::exchange(member.next, {})});
  free_room(key, member, from, out);
  out.wishes.push_back({from, task.name, std::nullopt, member.patience.policy()});
  out.wishes.push_back({to, task_name(key), std::move(task), {}});
  out.held.push_back({key, to, job.record.now.job.tenant, std::move(group)});
  member.holds = true;
  member.behind.insert(from);
  member.behind.erase(to);
  member.ask = 0;
  member.ask_again.reset();
  member.reported.reset();
  member.well_since.reset();
  member.wished_at = now;
  member.moving = there == Now::draining;
  member.not_on = member.moving ? to : std::string();
  nodes[from].members.insert(key);
  nodes[to].members.insert(key);
  touch_job(key.job);
  touch_node(to);
  return true;
}

}  // namespace selvedge::engine
