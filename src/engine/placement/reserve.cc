#include "engine/placement/reserve.h"

#include <algorithm>
#include <array>

namespace selvedge::engine::placement {

using base::Code;
using base::fail;

std::optional<std::int64_t> free_at(const Fleet& fleet, ShapeId shape, NodeId node, std::int64_t now, double& waits_for) {
  const Ask& ask = fleet.shape(shape).ask;
  NodeSpace space = fleet.space(node);
  std::array<std::uint16_t, Limits::devices> devices{};
  std::copy(space.devices.begin(), space.devices.end(), devices.begin());
  space.devices = std::span(devices).first(space.devices.size());
  waits_for = shortage(ask, space.free);
  if (fits(ask, space)) return now;
  std::vector<TaskId> tasks;
  for (TaskId id = fleet.grid().room(node).first_task; id != none; id = fleet.task(id).next) tasks.push_back(id);
  std::sort(tasks.begin(), tasks.end(), [&](TaskId a, TaskId b) {
    return fleet.note(a).ends != fleet.note(b).ends ? fleet.note(a).ends < fleet.note(b).ends : a < b;
  });
  for (const TaskId id : tasks) {
    const Task& task = fleet.task(id);
    const Ask& gone = fleet.shape(task.shape).ask;
    space.free.cpu += gone.amounts.cpu;
    space.free.memory += gone.amounts.memory;
    space.free.disk += gone.amounts.disk;
    for (std::size_t i = 0; i < devices.size(); ++i)
      if (task.devices >> i & 1) devices[i] = static_cast<std::uint16_t>(devices[i] + gone.thousandths);
    if (fits(ask, space)) return std::max(now, fleet.note(id).ends);
  }
  return std::nullopt;
}

base::Result<Reservation> Reservations::choose(const Want& want, std::int64_t now) const {
  Reservation best{0, want, none, endless};
  double best_waits = 0;
  fleet_->set(fleet_->shape(want.shape).set).mask.each([&](NodeId node) {
    const NodeFacts& facts = fleet_->facts(node);
    if (facts.state != NodeState::ready || facts.held) return true;
    double waits = 0;
    const auto at = free_at(*fleet_, want.shape, node, now, waits);
    if (!at) return true;
    const bool better = best.node == none || *at < best.starts || (*at == best.starts && waits < best_waits);
    if (!better) return true;
    best.node = node;
    best.starts = *at;
    best_waits = waits;
    return true;
  });
  if (best.node == none) return fail(Code::exhausted, "reserve a node: no node could take the task that is not held already");
  return best;
}

base::Result<Reservation> Reservations::reserve(const Want& want, std::int64_t now) {
  if (!fleet_->has_shape(want.shape)) return fail(Code::not_found, "reserve a node: there is no shape " + std::to_string(want.shape));
  if (all_.size() >= most) return fail(Code::exhausted, "reserve a node: there are " + std::to_string(most) + " reservations already");
  Reservation made = TRY(choose(want, now));
  TRY(fleet_->hold_node(made.node, true));
  made.number = ++last_;
  all_.push_back(made);
  return made;
}

base::Result<void> Reservations::cancel(std::uint64_t number) {
  const auto at = std::find_if(all_.begin(), all_.end(), [&](const Reservation& one) { return one.number == number; });
  if (at == all_.end()) return fail(Code::not_found, "cancel reservation: there is no " + std::to_string(number));
  if (fleet_->knows(at->node)) TRY(fleet_->hold_node(at->node, false));
  all_.erase(at);
  return {};
}

base::Result<void> Reservations::adopt(const Reservation& made) {
  const std::string of = "adopt reservation " + std::to_string(made.number);
  if (!fleet_->knows(made.node) || !fleet_->has_shape(made.want.shape)) return fail(Code::not_found, of + ": its node or shape is not there");
  const auto same = [&](const Reservation& one) { return one.number == made.number || one.node == made.node; };
  if (std::any_of(all_.begin(), all_.end(), same)) return fail(Code::conflict, of + ": its number or node is taken");
  if (all_.size() >= most) return fail(Code::exhausted, of + ": there are " + std::to_string(most) + " already");
  TRY(fleet_->hold_node(made.node, true));
  all_.push_back(made);
  last_ = std::max(last_, made.number);
  return {};
}

base::Result<Reservation> Reservations::renew(std::uint64_t number, std::int64_t now) {
  const auto at = std::find_if(all_.begin(), all_.end(), [&](const Reservation& one) { return one.number == number; });
  if (at == all_.end()) return fail(Code::not_found, "renew reservation: there is no " + std::to_string(number));
  if (fleet_->knows(at->node)) TRY(fleet_->hold_node(at->node, false));
  auto made = choose(at->want, now);
  if (!made) {                             // it keeps what it had
    if (fleet_->knows(at->node)) TRY(fleet_->hold_node(at->node, true));
    return made;
  }
  TRY(fleet_->hold_node(made->node, true));
  made->number = number;
  *at = *made;
  return *made;
}

std::vector<Placed> Reservations::start() {
  std::vector<Placed> started;
  for (auto at = all_.begin(); at != all_.end();) {
    const ShapeId shape = at->want.shape;
    const bool there = fleet_->knows(at->node) && fleet_->facts(at->node).state == NodeState::ready && fleet_->has_shape(shape) &&
                       fleet_->set(fleet_->shape(shape).set).mask.test(at->node) && fleet_->has_room(shape, at->node);
    if (!there) {
      ++at;
      continue;
    }
    const auto task = fleet_->commit(shape, at->node, at->want.note);
    if (!task) break;                      // the fleet is full of tasks: later
    base::ignore(fleet_->hold_node(at->node, false), "the node is known");
    started.push_back({*task, at->node});
    at = all_.erase(at);
  }
  return started;
}

// Whether the promise is kept if `want` is placed beside: it is over in time, or the task fits beside it. Where no time
// is promised, nothing may be added, for nobody knows what will have ended.
bool Reservations::leaves_room(const Reservation& held, const Want& want) const {
  if (held.starts == endless) return false;
  if (want.note.ends <= held.starts) return true;
  const Ask &ask = fleet_->shape(held.want.shape).ask, &more = fleet_->shape(want.shape).ask;
  if (ask.devices > 0 && more.devices > 0) return false;
  model::Resources free = fleet_->space(held.node).free;
  for (TaskId id = fleet_->grid().room(held.node).first_task; id != none; id = fleet_->task(id).next) {
    if (fleet_->note(id).ends > held.starts) continue;
    const model::Resources& gone = fleet_->shape(fleet_->task(id).shape).ask.amounts;
    free = {free.cpu + gone.cpu, free.memory + gone.memory, free.disk + gone.disk};
  }
  return free.cpu - more.amounts.cpu >= ask.amounts.cpu && free.memory - more.amounts.memory >= ask.amounts.memory &&
         free.disk - more.amounts.disk >= ask.amounts.disk;
}

base::Result<Placed> Reservations::place(const Want& want) {
  auto placed = placer_->place(want);
  if (placed || placed.error().code != Code::exhausted || !fleet_->has_shape(want.shape)) return placed;
  if (want.note.group != none) return placed;          // its wishes are not looked at here
  const NodeMask& mask = fleet_->set(fleet_->shape(want.shape).set).mask;
  for (const Reservation& held : all_) {
    if (!fleet_->knows(held.node) || fleet_->facts(held.node).state != NodeState::ready || !mask.test(held.node)) continue;
    if (!fleet_->has_room(want.shape, held.node) || !leaves_room(held, want)) continue;
    const TaskId task = TRY(fleet_->commit(want.shape, held.node, want.note));
    return Placed{task, held.node};
  }
  return placed;
}

}  // namespace selvedge::engine::placement
