#include "engine/placement/preempt.h"

#include <algorithm>
#include <array>
#include <limits>

namespace selvedge::engine::placement {
namespace {

// What goes together: a task, or a gang. `frees` only on the node in question.
struct Unit {
  std::vector<TaskId> tasks;
  double cost = 0;
  model::Resources frees;
  std::array<std::uint16_t, Limits::devices> devices{};
};

struct Space {
  model::Resources free;
  std::array<std::uint16_t, Limits::devices> devices{};
};

void add(Space& space, const Unit& unit, int sign) {
  space.free.cpu += sign * unit.frees.cpu;
  space.free.memory += sign * unit.frees.memory;
  space.free.disk += sign * unit.frees.disk;
  for (std::size_t i = 0; i < Limits::devices; ++i)
    space.devices[i] = static_cast<std::uint16_t>(space.devices[i] + sign * unit.devices[i]);
}

class Search {
 public:
  Search(const Fleet& fleet, ShapeId shape, const PreemptSettings& settings)
      : fleet_(fleet), shape_(fleet.shape(shape)), settings_(settings), left_(settings.most_cost) {}

  void look_at(NodeId node) {
    const NodeSpace space = fleet_.space(node);
    space_ = {space.free, {}};
    std::copy(space.devices.begin(), space.devices.end(), space_.devices.begin());
    devices_ = space.devices.size();
    model_ = space.model;
    if (!gather(node)) return;
    Space all = space_;
    for (const Unit& unit : units_) add(all, unit, 1);
    if (!enough(all)) return;
    std::stable_sort(units_.begin(), units_.end(), [](const Unit& a, const Unit& b) { return a.cost < b.cost; });
    greedy(node);
    if (units_.size() > std::min<std::uint32_t>(settings_.exact, 20)) return;
    taken_.assign(units_.size(), false);
    descend(node, 0, 0, 0);
  }
  std::optional<Preemption> best() {
    if (best_.node == none) return std::nullopt;
    std::sort(best_.victims.begin(), best_.victims.end());
    return best_;
  }

 private:
  bool enough(const Space& space) const {
    NodeSpace node{{}, space.free, std::span(space.devices).first(devices_), model_, 0};
    return fits(shape_.ask, node);
  }

  // The tasks on a node that may go; false if there are none.
  bool gather(NodeId node) {
    units_.clear();
    for (TaskId id = fleet_.grid().room(node).first_task; id != none; id = fleet_.task(id).next) {
      const Task& task = fleet_.task(id);
      if (fleet_.shape(task.shape).priority >= shape_.priority) continue;
      const GroupId group = task.grouped() ? fleet_.note(id).group : none;
      Unit unit;
      unit.tasks = {id};
      if (group != none && fleet_.group(group).spec.gang) {
        const std::vector<TaskId>& members = fleet_.group(group).members;
        const auto lower = [&](TaskId member) { return fleet_.shape(fleet_.task(member).shape).priority < shape_.priority; };
        if (members.size() > settings_.most_victims || !std::all_of(members.begin(), members.end(), lower)) continue;
        const auto first = std::find_if(members.begin(), members.end(), [&](TaskId member) { return fleet_.task(member).node() == node; });
        if (*first != id) continue;        // the gang is one unit, by one of its tasks here
        unit.tasks = members;
      }
      for (const TaskId member : unit.tasks) {
        unit.cost += victim_cost(fleet_, member);
        const Task& gone = fleet_.task(member);
        if (gone.node() != node) continue;
        const Ask& ask = fleet_.shape(gone.shape).ask;
        unit.frees.cpu += ask.amounts.cpu;
        unit.frees.memory += ask.amounts.memory;
        unit.frees.disk += ask.amounts.disk;
        for (std::size_t i = 0; i < Limits::devices; ++i)
          if (gone.devices >> i & 1) unit.devices[i] = static_cast<std::uint16_t>(unit.devices[i] + ask.thousandths);
      }
      units_.push_back(std::move(unit));
    }
    return !units_.empty();
  }

  void offer(NodeId node) {
    double cost = 0;
    std::vector<TaskId> victims;
    for (std::size_t i = 0; i < units_.size(); ++i)
      if (taken_[i]) {
        cost += units_[i].cost;
        victims.insert(victims.end(), units_[i].tasks.begin(), units_[i].tasks.end());
      }
    if (victims.size() > settings_.most_victims || cost > left_ || (cost == left_ && best_.node != none)) return;
    best_ = {node, cost, std::move(victims)};
    left_ = cost;
  }

  // The cheapest until it fits, and then without those that turn out not to be needed, the dearest first.
  void greedy(NodeId node) {
    taken_.assign(units_.size(), false);
    Space space = space_;
    for (std::size_t i = 0; i < units_.size() && !enough(space); ++i) {
      taken_[i] = true;
      add(space, units_[i], 1);
    }
    for (std::size_t i = units_.size(); i-- > 0;) {
      if (!taken_[i]) continue;
      add(space, units_[i], -1);
      if (enough(space)) taken_[i] = false;
      else add(space, units_[i], 1);
    }
    offer(node);
  }

  // All choices, cheapest units first; a branch that is as dear as the best plan is left.
  void descend(NodeId node, std::size_t from, double cost, std::size_t victims) {
    if (enough(space_)) {
      offer(node);
      return;
    }
    for (std::size_t i = from; i < units_.size(); ++i) {
      const double then = cost + units_[i].cost;
      if (then > left_ || (then == left_ && best_.node != none)) return;     // and so are all after it
      if (victims + units_[i].tasks.size() > settings_.most_victims) continue;
      taken_[i] = true;
      add(space_, units_[i], 1);
      descend(node, i + 1, then, victims + units_[i].tasks.size());
      add(space_, units_[i], -1);
      taken_[i] = false;
    }
  }

  const Fleet& fleet_;
  const Shape& shape_;
  const PreemptSettings& settings_;
  double left_;                            // what a plan may cost
  Preemption best_;
  Space space_;
  std::size_t devices_ = 0;
  std::uint64_t model_ = 0;
  std::vector<Unit> units_;
  std::vector<bool> taken_;
};

}  // namespace

double victim_cost(const Fleet& fleet, TaskId task) {
  return 1 + std::max(0, fleet.shape(fleet.task(task).shape).priority);
}

std::optional<Preemption> plan_preemption(const Fleet& fleet, ShapeId shape, const PreemptSettings& settings, const Barred* barred) {
  Search search(fleet, shape, settings);
  const model::Resources& ask = fleet.shape(shape).ask.amounts;
  std::uint32_t looked = 0;
  fleet.set(fleet.shape(shape).set).mask.each([&](NodeId node) {
    const Room& room = fleet.grid().room(node);
    if (!room.takes || (barred && barred->has(node)) || room.first_task == none) return true;
    if (ask.cpu > room.cpu_capacity || ask.memory > room.memory_capacity || ask.disk > room.disk_capacity) return true;
    search.look_at(node);
    return ++looked < settings.nodes;
  });
  return search.best();
}

}  // namespace selvedge::engine::placement
