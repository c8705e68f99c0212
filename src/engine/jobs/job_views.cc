#include "engine/jobs/job_state.h"

namespace selvedge::engine {

namespace {

MemberState state_of(const Member& member) {
  using model::TaskState;
  if (member.finished) return MemberState::done;
  if (!member.leaving.empty()) return MemberState::leaving;
  if (member.node.empty()) return MemberState::unplaced;
  if (!member.reported) return MemberState::placed;
  switch (member.reported->state) {
    case TaskState::running: return MemberState::running;
    case TaskState::done: return MemberState::done;
    case TaskState::failed: return MemberState::failed;
    default: return MemberState::placed;
  }
}

}  // namespace

std::vector<std::string> JobBook::jobs() const {
  std::vector<std::string> names;
  for (const auto& [name, job] : state_->jobs) names.push_back(name);
  return names;
}

const JobRecord* JobBook::record(std::string_view job) const {
  const auto at = state_->jobs.find(job);
  return at == state_->jobs.end() ? nullptr : &at->second.record;
}

MemberStatus JobBook::State::status_of(const MemberKey& key, const Member& member) const {
  MemberStatus status{.member = key, .state = state_of(member), .node = member.node.empty() ? member.leaving : member.node,
                      .generation = member.generation, .reason = member.reason, .reported = member.reported};
  if (status.reason.empty() && member.reported) status.reason = member.reported->reason;
  const auto node = nodes.find(status.node);
  // What it said last may not be so any more.
  if (status.state != MemberState::done && node != nodes.end() && node->second.state == NodeChanged::Now::silent)
    status.state = MemberState::lost;
  return status;
}

std::vector<MemberStatus> JobBook::members(std::string_view name) const {
  std::vector<MemberStatus> all;
  const auto job = state_->jobs.find(name);
  if (job == state_->jobs.end()) return all;
  for (const auto& [at, member] : job->second.members) all.push_back(state_->status_of(key_of(job->second, at), member));
  return all;
}

std::optional<MemberStatus> JobBook::member(const MemberKey& key) const {
  const Member* const member = state_->find(key);
  if (member == nullptr) return std::nullopt;
  return state_->status_of(key, *member);
}

bool JobBook::holds(const MemberKey& key, std::string_view node) const {
  const Member* const member = state_->find(key);
  return member != nullptr && member->holds && (member->node == node || member->leaving == node);
}

std::optional<JobStatus> JobBook::status(std::string_view job) const {
  const JobRecord* known = record(job);
  if (known == nullptr) return std::nullopt;
  JobStatus status{.record = *known, .wanted = wanted_count(*known)};
  for (const MemberStatus& member : members(job)) {
    if (member.state == MemberState::running) ++status.running;
    else if (member.state == MemberState::done) ++status.done;
    else if (member.state == MemberState::failed) ++status.failed;
    else if (member.state == MemberState::unplaced) ++status.unplaced;
  }
  return status;
}

}  // namespace selvedge::engine
