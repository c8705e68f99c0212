#include <algorithm>
#include <utility>

#include "engine/jobs/job_state.h"

namespace selvedge::engine {

using base::Code;
using base::fail;
using base::Result;
using Rollout = JobRecord::Rollout;

namespace {

// Whether two jobs say the same; which generation they are does not matter.
bool same_content(model::Job a, const model::Job& b) {
  a.generation = b.generation;
  return a == b;
}

Result<std::size_t> members_of(const model::Job& job) {
  const auto good_name = [](const std::string& name, std::size_t most) {
    return !name.empty() && name.size() <= most && name.find('.') == std::string::npos;
  };
  if (!good_name(job.name, model::TaskLimits::job_name_bytes)) return fail(Code::invalid_input, "job '" + job.name + "': its name must be 1 to 64 characters without a dot");
  if (job.groups.empty() || job.groups.size() > model::TaskLimits::groups)
    return fail(Code::invalid_input, "job " + job.name + ": must have 1 to " + std::to_string(model::TaskLimits::groups) + " groups");
  std::size_t members = 0;
  std::set<std::string> names;
  for (const model::TaskGroup& group : job.groups) {
    if (!good_name(group.name, model::TaskLimits::group_name_bytes) || !names.insert(group.name).second)
      return fail(Code::invalid_input, "job " + job.name + ": group '" + group.name + "' has no name, a long one, one with a dot, or that of another");
    if (group.count > model::TaskLimits::count)
      return fail(Code::invalid_input, "job " + job.name + ", group " + group.name + ": at most " + std::to_string(model::TaskLimits::count) + " members");
    members += group.count;
  }
  if (job.update.parallel == 0) return fail(Code::invalid_input, "job " + job.name + ": update.parallel must be at least 1");
  return members;
}

bool in_rollout(const JobEntry& job, const std::string& group) {
  return newest(job, group) == job.record.now.job.generation;
}

// Whether what is wished for it is what should be.
bool current(const JobEntry& job, const std::string& group, const Member& member) {
  return !member.node.empty() && job.record.now.generations.at(group).contains(member.generation);
}

bool can_go_back(const JobRecord& record) {
  return record.good && record.now.job.update.roll_back && !record.rolled_back && !same_content(record.good->job, record.now.job);
}

bool steady(const JobEntry& job, const Member& member, base::Instant now) {
  return member.finished || (member.well_since && now - *member.well_since >= job.record.now.job.update.healthy);
}

}  // namespace

Result<void> JobBook::State::wished(const model::Job& job, JobOutputs& out) {
  const std::size_t members = TRY(members_of(job));
  const auto known = jobs.find(job.name);
  if (known == jobs.end() && jobs.size() >= limits.jobs)
    return fail(Code::exhausted, "there are " + std::to_string(limits.jobs) + " jobs, which is the most");
  const std::size_t before = known == jobs.end() ? 0 : wanted_count(known->second.record);
  if (member_count - before + members > limits.members)
    return fail(Code::exhausted, "job " + job.name + ": with it there would be more than " + std::to_string(limits.members) + " tasks");
  JobEntry& entry = jobs[job.name];
  const JobRecord& record = entry.record;
  if (record.now.job.generation != 0 && !record.stopped && record.rollout != Rollout::failed && same_content(job, record.now.job)) return {};
  take(entry, job);
  out.save.push_back(job.name);
  return {};
}

// A new generation. What of it is as it was keeps its number, so that it is left alone; what is as it was when the
// job was well last is known again.
void JobBook::State::take(JobEntry& entry, model::Job job) {
  JobRecord& record = entry.record;
  for (auto& [at, member] : entry.members) {       // a place for what it was is none for what it is
    member.ask = 0;
    member.ask_again.reset();
    member.pause = {};
    member.nowhere_since.reset();                  // the deadline of this change begins with it
  }
  member_count -= wanted_count(record);
  JobContent next;
  job.generation = record.now.job.generation + 1;
  for (const model::TaskGroup& group : job.groups) {
    std::set<std::uint64_t>& generations = next.generations[group.name];
    const auto same_in = [&](const JobContent& content) {
      const model::TaskGroup* old = find_group(content.job, group.name);
      return old != nullptr && old->task == group.task;
    };
    const bool as_it_was = !record.stopped && same_in(record.now);
    if (as_it_was) {
      generations = record.now.generations.at(group.name);
      continue;
    }
    if (!record.stopped && record.good && same_in(*record.good)) generations = record.good->generations.at(group.name);
    generations.insert(job.generation);
    while (generations.size() > JobContent::most_generations) generations.erase(generations.begin());
    record.finished.erase(group.name);
    for (auto& [at, member] : entry.members) {
      if (at.first != group.name) continue;
      member.finished = member.finished && !member.node.empty();
    }
  }
  std::erase_if(record.finished, [&](const auto& group) { return !next.generations.contains(group.first); });
  next.job = std::move(job);
  record.now = std::move(next);
  record.rollout = Rollout::under_way;
  record.rolled_back = record.stopped = false;
  record.reason.clear();
  member_count += wanted_count(record);
  entry.to_fit = true;
  touch_job(record.now.job.name);
}

void JobBook::State::settle_job(JobEntry& job, base::Instant now, JobOutputs& out) {
  judge(job, now, out);
  fit_members(job, out);
  change_members(job, now, out);
  ask_what_waits(job, now, out);
  std::optional<base::Instant> wake;
  const auto at = [&](base::Instant when) {
    if (when <= now) return;
    when = std::max(when, now + std::min(wake_step, job.record.now.job.update.healthy));
    wake = wake ? std::min(*wake, when) : when;
  };
  for (const auto& [place, member] : job.members) {
    if (member.ask_again) at(*member.ask_again);
    if (job.record.rollout != Rollout::under_way) continue;
    if (member.nowhere_since) at(*member.nowhere_since + job.record.now.job.update.deadline);
    if (member.node.empty()) continue;
    if (member.well_since) at(*member.well_since + job.record.now.job.update.healthy);
    else at(member.wished_at + job.record.now.job.update.deadline);
  }
  set_wake(job, job.record.now.job.name, wake, job_wakes);
}

// Whether the change is through, or has failed.
void JobBook::State::judge(JobEntry& job, base::Instant now, JobOutputs& out) {
  JobRecord& record = job.record;
  if (record.stopped || record.rollout != Rollout::under_way) return;
  bool through = true;
  for (const model::TaskGroup& group : record.now.job.groups) {
    const bool as_it_was = !in_rollout(job, group.name);
    std::uint32_t members = 0;
    for (auto at = job.members.lower_bound({group.name, 0});
         at != job.members.end() && at->first.first == group.name && at->first.second < group.count; ++at) {
      ++members;
      if (as_it_was) continue;
      Member& member = at->second;
      const auto who = [&] { return task_name(key_of(job, at->first)); };
      if (!current(job, group.name, member)) {
        if (member.finished && member.node.empty()) continue;
        through = false;
        if (!member.node.empty() || !can_go_back(record)) continue;
        if (!member.nowhere_since) member.nowhere_since = now;
        if (now - *member.nowhere_since >= record.now.job.update.deadline)
          return give_up(job, who() + " found no place within its deadline" + (member.reason.empty() ? "" : ": " + member.reason), out);
        continue;
      }
      if (steady(job, member, now)) continue;
      through = false;
      if (member.reported && member.reported->state == model::TaskState::failed)
        return give_up(job, who() + " on " + member.node + " failed: " + member.reported->reason, out);
      if (!member.well_since && now - member.wished_at >= record.now.job.update.deadline)
        return give_up(job, who() + " on " + member.node + " was not well within its deadline" +
                             (member.reported && !member.reported->reason.empty() ? ": " + member.reported->reason : ""), out);
    }
    if (members < group.count) through = false;
  }
  if (!through) return;
  record.rollout = Rollout::well;
  record.good = record.now;
  out.save.push_back(record.now.job.name);
}

void JobBook::State::give_up(JobEntry& job, const std::string& reason, JobOutputs& out) {
  JobRecord& record = job.record;
  const std::string name = record.now.job.name;
  out.save.push_back(name);
  if (!can_go_back(record)) {
    record.rollout = Rollout::failed;
    record.reason = reason;
    return;
  }
  const std::uint64_t failed = record.now.job.generation;
  take(job, model::Job(record.good->job));
  record.rolled_back = true;
  record.reason = "generation " + std::to_string(failed) + ": " + reason;
}

// A member for each that is wanted; what is not leaves.
void JobBook::State::fit_members(JobEntry& job, JobOutputs& out) {
  if (!std::exchange(job.to_fit, false)) return;
  if (!job.record.stopped) {
    for (const model::TaskGroup& group : job.record.now.job.groups) {
      const auto finished = job.record.finished.find(group.name);
      for (std::uint32_t index = 0; index < group.count; ++index) {
        const auto [at, added] = job.members.try_emplace({group.name, index});
        if (!added) continue;
        at->second.finished = finished != job.record.finished.end() && finished->second.contains(index);
      }
    }
  }
  for (auto at = job.members.begin(); at != job.members.end();) {
    const MemberKey key = key_of(job, at->first);
    Member& member = at->second;
    if (!wanted(job, key)) {
      member.ask = 0;
      member.ask_again.reset();
      if (!member.next.empty()) out.released.push_back({key, std::exchange(member.next, {})});
      if (!member.node.empty()) leave(key, member, out);
      if (member.leaving.empty()) {
        at = job.members.erase(at);
        continue;
      }
    }
    ++at;
  }
}

// Members whose task is not what it should be, some at a time: those that are not well first.
void JobBook::State::change_members(JobEntry& job, base::Instant now, JobOutputs& out) {
  JobRecord& record = job.record;
  if (record.stopped || record.rollout == Rollout::failed) return;
  std::vector<std::pair<bool, MemberKey>> behind;
  std::size_t in_flux = 0;
  for (const model::TaskGroup& group : record.now.job.groups) {
    if (!in_rollout(job, group.name)) continue;
    for (auto at = job.members.lower_bound({group.name, 0});
         at != job.members.end() && at->first.first == group.name && at->first.second < group.count; ++at) {
      const Member& member = at->second;
      if (!member.node.empty() && !current(job, group.name, member))
        behind.emplace_back(member.well_since.has_value(), key_of(job, at->first));
      // Of the first generation all come at once: there is nothing that a bad one could break.
      else if (record.now.job.generation > 1 && !steady(job, member, now)) ++in_flux;
    }
  }
  std::ranges::sort(behind);
  for (const auto& [well, key] : behind) {
    if (in_flux++ >= record.now.job.update.parallel) break;
    Member& member = *find(key);
    const model::Task& task = find_group(job.record.now.job, key.group)->task;
    if (!member.next.empty()) continue;            // it moves, and then runs what is new
    if (member.holds && member.resources == task.resources && member.accelerators == task.accelerators)
      wish(job, key, member, std::string(member.node), now, out);
    else leave(key, member, out);
    member.finished = false;
  }
}

}  // namespace selvedge::engine
