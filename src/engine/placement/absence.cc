#include "engine/placement/absence.h"

#include <algorithm>

namespace selvedge::engine::placement {

// While it is away, that to which it is to come back.
NodeState Absences::state_of(NodeId node) const {
  const NodeState state = fleet_->knows(node) ? fleet_->facts(node).state : NodeState::gone;
  if (state != NodeState::silent && state != NodeState::gone) return state;
  const auto at = silences_.find(node);
  return at == silences_.end() ? NodeState::ready : at->second.before;
}

bool Absences::holds(const Entry& entry) const {
  const auto at = silences_.find(entry.node);
  if (at == silences_.end() || at->second.number != entry.silence || !fleet_->runs(entry.task)) return false;
  return fleet_->task(entry.task).node() == entry.node && fleet_->note(entry.task).tag == entry.tag;
}

void Absences::push(const Entry& entry) {
  heap_.push_back(entry);
  std::push_heap(heap_.begin(), heap_.end(), later);
}

// Nodes that come and go leave entries behind; they never outgrow the tasks by more than as many again.
void Absences::forget_stale() {
  if (heap_.size() <= 64 + 2 * std::size_t{fleet_->tasks()}) return;
  std::erase_if(heap_, [&](const Entry& entry) { return !holds(entry); });
  std::make_heap(heap_.begin(), heap_.end(), later);
}

base::Result<void> Absences::silent(NodeId node, std::int64_t since) {
  const NodeState before = state_of(node);
  TRY(fleet_->set_state(node, NodeState::silent));
  const auto [at, is_new] = silences_.try_emplace(node);
  at->second.before = before;
  if (!is_new) return {};
  at->second.number = ++last_;
  for (TaskId id = fleet_->grid().room(node).first_task; id != none; id = fleet_->task(id).next) {
    const model::TaskDisconnect& policy = fleet_->spec(fleet_->task(id).shape).disconnect;
    using Policy = model::TaskDisconnect::Policy;
    if (policy.policy == Policy::keep || policy.policy == Policy::site) continue;
    const bool replaced = policy.policy == Policy::replace;
    const std::int64_t wait = policy.after.count() > INT64_MAX - slack_ ? INT64_MAX : policy.after.count() + slack_;
    const std::int64_t due = since > 0 && wait > endless - 1 - since ? endless - 1 : since + wait;
    push({due, id, node, last_, fleet_->note(id).tag, replaced ? Absent::What::replace : Absent::What::over});
  }
  forget_stale();
  return {};
}

base::Result<void> Absences::heard(NodeId node) {
  TRY(fleet_->set_state(node, state_of(node)));
  silences_.erase(node);
  forget_stale();
  return {};
}

base::Result<void> Absences::gone(NodeId node) {
  const NodeState before = state_of(node);
  TRY(fleet_->set_state(node, NodeState::gone));
  silences_[node] = {++last_, before};
  for (TaskId id = fleet_->grid().room(node).first_task; id != none; id = fleet_->task(id).next)
    push({INT64_MIN, id, node, last_, fleet_->note(id).tag, Absent::What::replace});
  forget_stale();
  return {};
}

std::vector<Absent> Absences::due(std::int64_t now, std::size_t most) {
  std::vector<Absent> found;
  while (!heap_.empty() && heap_.front().due <= now && found.size() < most) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Entry entry = heap_.back();
    heap_.pop_back();
    if (holds(entry)) found.push_back({entry.what, entry.task, entry.node, entry.due});
  }
  return found;
}

std::int64_t Absences::next() const { return heap_.empty() ? endless : heap_.front().due; }

}  // namespace selvedge::engine::placement
