#include "engine/jobs/job_book.h"

#include <utility>

#include "engine/jobs/job_state.h"

namespace selvedge::engine {

using base::Code;
using base::fail;
using base::Result;

void JobOutputs::clear() {
  save.clear();
  released.clear();
  held.clear();
  wishes.clear();
  asks.clear();
}

JobBook::JobBook(JobLimits limits) : state_(std::make_unique<State>()) { state_->limits = limits; }
JobBook::~JobBook() = default;
JobBook::JobBook(JobBook&&) noexcept = default;
JobBook& JobBook::operator=(JobBook&&) noexcept = default;

Result<void> JobBook::step(const JobInput& input, base::Instant now, JobOutputs& out) {
  State& s = *state_;
  const auto visit = [&](const auto& in) -> Result<void> {
    using In = std::decay_t<decltype(in)>;
    if constexpr (std::is_same_v<In, JobWished>) return s.wished(in.job, out);
    else if constexpr (std::is_same_v<In, JobStopped>) {
      const auto job = s.jobs.find(in.job);
      if (job == s.jobs.end()) return fail(Code::not_found, "there is no job " + in.job);
      if (job->second.record.stopped) return {};
      s.member_count -= wanted_count(job->second.record);
      job->second.record.stopped = job->second.to_fit = true;
      out.save.push_back(in.job);
      s.touch_job(in.job);
    } else if constexpr (std::is_same_v<In, JobForgotten>) {
      const auto job = s.jobs.find(in.job);
      if (job == s.jobs.end()) return fail(Code::not_found, "there is no job " + in.job);
      if (!job->second.record.stopped || !job->second.members.empty())
        return fail(Code::conflict, "job " + in.job + " still has tasks: stop it, and wait for them to end");
      s.set_wake(job->second, in.job, std::nullopt, s.job_wakes);
      s.jobs.erase(job);
      out.save.push_back(in.job);
    } else if constexpr (std::is_same_v<In, MemberPlaced>) s.placed(in, now, out);
    else if constexpr (std::is_same_v<In, MemberNotPlaced>) s.not_placed(in, now);
    else if constexpr (std::is_same_v<In, RoomAppeared>) {
      // Each asks again soon, but not in the same turn: with a pause of its own it finds its place in the line.
      for (const std::string& name : std::exchange(s.waiting_jobs, {})) {
        const auto job = s.jobs.find(name);
        if (job == s.jobs.end()) continue;
        for (auto& [at, member] : job->second.members)
          if (member.ask_again) member.ask_again = now;
        s.touch_job(name);
      }
    } else if constexpr (std::is_same_v<In, MemberDisplaced>) {
      Member* member = s.find(in.member);
      if (member == nullptr || member->node.empty() || member->finished) return {};
      member->reason = in.reason;
      s.leave(in.member, *member, out);
    } else if constexpr (std::is_same_v<In, NodeChanged>) s.node_changed(in, now);
    else if constexpr (std::is_same_v<In, TaskReported>) s.reported(in, now, out);
    else if constexpr (std::is_same_v<In, JobRestored>) {
      const std::string& name = in.record.now.job.name;
      s.jobs[name].record = in.record;
      s.member_count += wanted_count(in.record);
      s.touch_job(name);
    } else if constexpr (std::is_same_v<In, WishFound>) s.found(in, now, out);
    else if constexpr (std::is_same_v<In, LeavingFound>) s.found(in);
    else s.begun = true;
    return {};
  };
  return std::visit(visit, input);
}

void JobBook::settle(base::Instant now, JobOutputs& out) {
  State& s = *state_;
  if (!s.begun) return;
  while (!s.node_wakes.empty() && s.node_wakes.begin()->first <= now) {
    const std::string name = s.node_wakes.begin()->second;
    s.set_wake(s.nodes.find(name)->second, name, std::nullopt, s.node_wakes);
    s.dirty_nodes.insert(name);
  }
  while (!s.job_wakes.empty() && s.job_wakes.begin()->first <= now) {
    const std::string name = s.job_wakes.begin()->second;
    s.set_wake(s.jobs.find(name)->second, name, std::nullopt, s.job_wakes);
    s.dirty_jobs.insert(name);
  }
  // What settles one may touch another: a member that leaves a node changes its job, and the other way round.
  while (!s.dirty_nodes.empty() || !s.dirty_jobs.empty()) {
    for (const std::string& name : std::exchange(s.dirty_nodes, {}))
      if (const auto node = s.nodes.find(name); node != s.nodes.end()) s.settle_node(node->second, name, now, out);
    for (const std::string& name : std::exchange(s.dirty_jobs, {}))
      if (const auto job = s.jobs.find(name); job != s.jobs.end()) s.settle_job(job->second, now, out);
  }
}

std::optional<base::Instant> JobBook::wake_at() const {
  std::optional<base::Instant> at;
  if (!state_->job_wakes.empty()) at = state_->job_wakes.begin()->first;
  if (!state_->node_wakes.empty() && (!at || state_->node_wakes.begin()->first < *at)) at = state_->node_wakes.begin()->first;
  return at;
}

}  // namespace selvedge::engine
