#include <algorithm>
#include <utility>

#include "engine/jobs/job_state.h"

namespace selvedge::engine {

using Now = NodeChanged::Now;

bool JobBook::State::wanted(const JobEntry& job, const MemberKey& key) {
  const model::TaskGroup* group = find_group(job.record.now.job, key.group);
  return !job.record.stopped && group != nullptr && key.index < group->count;
}

Member* JobBook::State::find(const MemberKey& key) {
  const auto job = jobs.find(key.job);
  if (job == jobs.end()) return nullptr;
  const auto member = job->second.members.find({key.group, key.index});
  return member == job->second.members.end() ? nullptr : &member->second;
}

void JobBook::State::found(const WishFound& wish, base::Instant now, JobOutputs& out) {
  const auto key = member_of(wish.task.name);
  const auto job = key ? jobs.find(key->job) : jobs.end();
  // What is wished for by somebody else's hand under a name of ours would never end.
  if (job == jobs.end()) {
    if (key) out.wishes.push_back({wish.node, wish.task.name, std::nullopt, {}});
    return;
  }
  Member& member = job->second.members[{key->group, key->index}];
  if (!member.node.empty() || !member.leaving.empty()) {
    out.wishes.push_back({wish.node, wish.task.name, std::nullopt, {}});
    return;
  }
  member.node = wish.node;
  member.generation = wish.task.generation;
  member.resources = wish.task.resources;
  member.accelerators = wish.task.accelerators;
  member.wished_at = now;
  member.of_site = wish.task.disconnect.policy == model::TaskDisconnect::Policy::site;
  member.wished_patience = Patience::of(wish.task.disconnect);   // what runs is known when it is reported
  member.holds = true;
  nodes[wish.node].members.insert(*key);
  job->second.to_fit = true;
  touch_job(key->job);
}

void JobBook::State::found(const LeavingFound& leaving) {
  const auto job = jobs.find(leaving.member.job);
  if (job == jobs.end()) return;
  Member& member = job->second.members[{leaving.member.group, leaving.member.index}];
  const model::TaskGroup* const group = find_group(job->second.record.now.job, leaving.member.group);
  member.of_site = member.of_site || (group != nullptr && group->task.disconnect.policy == model::TaskDisconnect::Policy::site);
  // Wished for elsewhere since: this node was given up then, if its site does not have it.
  if (!member.node.empty() || !member.leaving.empty()) {
    if (!member.of_site || leaving.node == member.node || leaving.node == member.leaving) return;
    member.behind.insert(leaving.node);
    nodes[leaving.node].members.insert(leaving.member);
    return;
  }
  const auto finished = job->second.record.finished.find(leaving.member.group);
  member.finished = finished != job->second.record.finished.end() && finished->second.contains(leaving.member.index);
  if (member.finished) return;                     // and where it was does not matter any more
  member.leaving = leaving.node;
  member.patience = Patience::of(leaving.disconnect);
  member.holds = true;
  nodes[leaving.node].members.insert(leaving.member);
  job->second.to_fit = true;
  touch_job(leaving.member.job);
  touch_node(leaving.node);
}

void JobBook::State::ask(JobEntry& job, const model::TaskGroup& group, std::vector<MemberKey> members, JobOutputs& out) {
  AskPlace asked{.ask = next_ask++, .members = std::move(members), .group = group, .tenant = job.record.now.job.tenant, .not_on = {}};
  for (const MemberKey& key : asked.members) {
    Member& member = *find(key);
    member.ask = asked.ask;
    member.ask_again.reset();
    asked.not_on = member.not_on;
  }
  out.asks.push_back(std::move(asked));
}

void JobBook::State::ask_what_waits(JobEntry& job, base::Instant now, JobOutputs& out) {
  for (const model::TaskGroup& group : job.record.now.job.groups) {
    std::vector<MemberKey> together;
    bool wait = false;                             // one of a gang is not ready to be asked for
    for (auto at = job.members.lower_bound({group.name, 0});
         at != job.members.end() && at->first.first == group.name && at->first.second < group.count; ++at) {
      Member& member = at->second;
      const bool nowhere = member.node.empty() && !member.finished;
      if ((!nowhere && !member.moving) || !member.next.empty()) continue;
      if (member.ask != 0 || !member.leaving.empty() || (member.ask_again && now < *member.ask_again)) {
        wait = true;
        continue;
      }
      const MemberKey key = key_of(job, at->first);
      // One of a gang that moves goes alone: the others run already.
      if (group.gang && nowhere) together.push_back(key);
      else ask(job, group, {key}, out);
    }
    if (!together.empty() && !wait) ask(job, group, std::move(together), out);
  }
}

void JobBook::State::placed(const MemberPlaced& placed, base::Instant now, JobOutputs& out) {
  Member* member = find(placed.member);
  const bool current = member != nullptr && member->ask == placed.ask && placed.ask != 0;
  const auto node = nodes.find(placed.node);
  const bool gone = node != nodes.end() && node->second.state == Now::gone;
  if (!current || gone) {
    out.released.push_back({placed.member, placed.node});
    if (current) member->ask = 0;
    touch_job(placed.member.job);
    return;
  }
  JobEntry& job = jobs.find(placed.member.job)->second;
  member->ask = 0;
  member->pause = {};
  member->reason.clear();
  member->not_on.clear();
  if (!member->moving) return wish(job, placed.member, *member, placed.node, now, out);
  member->next = placed.node;
  leave(placed.member, *member, out);
}

void JobBook::State::not_placed(const MemberNotPlaced& refused, base::Instant now) {
  Member* member = find(refused.member);
  if (member == nullptr || member->ask != refused.ask || refused.ask == 0) return;
  member->ask = 0;
  member->reason = refused.reason;
  member->pause = std::clamp(member->pause * 2, limits.place_again_first, limits.place_again_most);
  member->ask_again = now + member->pause;
  waiting_jobs.insert(refused.member.job);
  touch_job(refused.member.job);
}

void JobBook::State::free_room(const MemberKey& key, Member& member, const std::string& node, JobOutputs& out) {
  if (std::exchange(member.holds, false)) out.released.push_back({key, node});
}

void JobBook::State::wish(JobEntry& job, const MemberKey& key, Member& member, const std::string& node, base::Instant now,
                          JobOutputs& out) {
  model::Task task = find_group(job.record.now.job, key.group)->task;
  // A node that has not heard of it yet goes on with what it had.
  const Patience patience = Patience::of(task.disconnect);
  member.wished_patience = patience;
  member.patience = member.node == node ? member.patience.or_else(patience) : patience;
  task.name = task_name(key);
  task.generation = newest(job, key.group);
  member.node = node;
  member.generation = task.generation;
  member.resources = task.resources;
  member.accelerators = task.accelerators;
  member.of_site = task.disconnect.policy == model::TaskDisconnect::Policy::site;
  member.seen_on.clear();
  member.reported.reset();
  member.well_since.reset();
  member.wished_at = now;
  member.nowhere_since.reset();
  member.holds = true;
  member.finished = false;
  NodeEntry& entry = nodes[node];
  entry.members.insert(key);
  if (entry.state == Now::draining) {              // since it was placed there
    member.moving = true;
    member.not_on = node;
  }
  out.wishes.push_back({node, task.name, std::move(task), {}});
  touch_job(key.job);
  touch_node(node);
}

void JobBook::State::leave(const MemberKey& key, Member& member, JobOutputs& out) {
  member.leaving = std::exchange(member.node, {});
  member.moving = false;
  member.ask = 0;                                  // an answer would have it wished for elsewhere before it has left
  member.reported.reset();
  member.well_since.reset();
  out.wishes.push_back({member.leaving, task_name(key), std::nullopt, member.patience.policy()});
  touch_job(key.job);
  touch_node(member.leaving);                      // it may be one that says nothing any more
}

void JobBook::State::left(JobEntry& job, const MemberKey& key, Member& member, base::Instant now, JobOutputs& out) {
  const std::string node = std::exchange(member.leaving, {});
  free_room(key, member, node, out);
  if (const auto entry = nodes.find(node); entry != nodes.end()) entry->second.members.erase(key);
  touch_job(key.job);
  job.to_fit = job.to_fit || !wanted(job, key);
  if (!member.behind.empty()) {                    // another may run it yet
    member.leaving = *member.behind.begin();
    member.behind.erase(member.behind.begin());
    return touch_node(member.leaving);
  }
  if (!wanted(job, key) || member.next.empty()) return;
  const std::string next = std::exchange(member.next, {});
  wish(job, key, member, next, now, out);
}

void JobBook::State::reported(const TaskReported& report, base::Instant now, JobOutputs& out) {
  const auto key = member_of(report.task);
  if (!key) return;
  const auto known = jobs.find(key->job);
  if (known == jobs.end()) return;
  JobEntry& job = known->second;
  if (!begun && report.status) {
    job.members.try_emplace({key->group, key->index});
    job.to_fit = true;
  }
  Member* member = find(*key);
  if (member == nullptr) return;
  if (report.node == member->leaving) {
    if (!report.status) left(job, *key, *member, now, out);
    return;
  }
  if (report.node != member->node) {
    // Its wish is not there any more, and it still runs.
    if (!begun && report.status) found(LeavingFound{report.node, *key, {}});
    if (report.node != member->leaving) seen_elsewhere(job, *key, *member, report, now, out);
    if (report.node != member->node) return;
  }
  if (!report.status || report.status->generation != member->generation) return;
  const bool was_well = member->well_since.has_value(), was_finished = member->finished;
  const std::uint64_t run = member->reported ? member->reported->run : report.status->run;
  member->reported = report.status;
  member->patience = member->wished_patience;
  const model::TaskStatus& status = *member->reported;
  const bool well = status.state == model::TaskState::done ||
                    (status.state == model::TaskState::running && status.healthy.value_or(true));
  if (!well || (status.run != run && status.state != model::TaskState::done)) member->well_since.reset();
  if (well && !member->well_since) member->well_since = now;
  const model::TaskGroup* group = find_group(job.record.now.job, key->group);
  if (status.state == model::TaskState::done && group != nullptr && group->task.mode == model::TaskMode::job) {
    member->finished = true;
    member->moving = false;
    free_room(*key, *member, member->node, out);
  }
  if (follow(job, *key, *member, now, out)) return;
  // Most reports change nothing that the job as a whole depends on, or not yet.
  const bool under_way = job.record.rollout == JobRecord::Rollout::under_way;
  if (member->finished != was_finished || (was_well && !member->well_since) || (under_way && status.state == model::TaskState::failed))
    touch_job(key->job);
  else if (under_way && member->well_since)
    wake_no_later(job, *member->well_since + job.record.now.job.update.healthy);
}

void JobBook::State::node_changed(const NodeChanged& changed, base::Instant now) {
  NodeEntry& node = nodes[changed.node];
  const Now was = std::exchange(node.state, changed.state);
  if (changed.state == Now::silent && was != Now::silent) node.silent_since = now;
  for (const MemberKey& key : node.members) {
    Member& member = *find(key);
    if (member.node != changed.node || member.finished) continue;
    if (changed.state == Now::draining && !member.moving && member.leaving.empty()) {
      member.moving = true;
      member.not_on = changed.node;
      touch_job(key.job);
    } else if (changed.state == Now::connected && member.moving) {
      member.moving = false;                       // the drain was called off
      member.ask = 0;
      member.not_on.clear();
    }
  }
  touch_node(changed.node);
}

std::optional<base::Instant> JobBook::State::replaced_at(const MemberKey& key, const NodeEntry& node) {
  const Member* member = find(key);
  if (member == nullptr || member->finished || member->patience.for_ever) return std::nullopt;
  const base::Duration after = member->patience.after;
  return node.silent_since + after + after / model::TaskLimits::drift + limits.silence_margin;
}

void JobBook::State::settle_node(NodeEntry& node, const std::string& name, base::Instant now, JobOutputs& out) {
  std::optional<base::Instant> wake;
  if (node.state == Now::silent || node.state == Now::gone) {
    const std::set<MemberKey> members = node.members;
    for (const MemberKey& key : members) {
      JobEntry& job = jobs.find(key.job)->second;
      Member& member = *find(key);
      if (member.node == name && follow(job, key, member, now, out)) continue;
      if (node.state == Now::gone && member.behind.erase(name) > 0) node.members.erase(key);
      if (member.node != name && member.leaving != name) continue;
      if (node.state == Now::silent) {
        const auto due = replaced_at(key, node);
        if (!due) continue;
        if (now < *due) {
          wake = wake ? std::min(*wake, *due) : *due;
          continue;
        }
      }
      if (member.node == name) {
        if (member.finished && job.record.finished[key.group].insert(key.index).second) out.save.push_back(key.job);
        member.not_on = name;
        leave(key, member, out);
      }
      left(job, key, member, now, out);
    }
  }
  if (node.state == Now::connected || node.state == Now::draining)
    for (const MemberKey& key : std::set(node.members))
      if (Member& member = *find(key); member.seen_on == name) follow(jobs.find(key.job)->second, key, member, now, out);
  set_wake(node, name, wake, node_wakes);
}

}  // namespace selvedge::engine
