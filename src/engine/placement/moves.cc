#include "engine/placement/moves.h"

#include <algorithm>

namespace selvedge::engine::placement {
namespace {

struct Trial {
  explicit Trial(Fleet& of) : fleet(of) { fleet.begin(); }
  ~Trial() { fleet.undo(); }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;
  Fleet& fleet;
};

std::vector<TaskId> tasks_on(const Fleet& fleet, NodeId node) {
  std::vector<TaskId> tasks;
  for (TaskId id = fleet.grid().room(node).first_task; id != none; id = fleet.task(id).next) tasks.push_back(id);
  return tasks;
}

double share(std::int64_t part, std::int64_t of) {
  return part > 0 ? static_cast<double>(part) / static_cast<double>(std::max<std::int64_t>(of, 1)) : 0;
}

// Where a task would go if it were not where it is, outside of `barred`; it is there when this returns.
NodeId relocate(Fleet& fleet, const Placer& placer, TaskId id, const Barred& barred) {
  const ShapeId shape = fleet.task(id).shape;
  const Found found = placer.index().find({.shape = shape, .rule = placer.rule(), .effort = Effort::quick, .salt = 0, .within = nullptr, .barred = &barred});
  if (found.node == none) return none;
  const TaskNote note = fleet.note(id);
  base::ignore(fleet.release(id), "it runs");
  return fleet.commit(shape, found.node, note, found.offer.device) ? found.node : none;
}

// The fewest moves that greed finds: always the task whose going helps most, of those the smallest.
std::optional<std::vector<Move>> make_room_on(Fleet& fleet, const Placer& placer, ShapeId shape, NodeId node, std::uint32_t most) {
  const Trial trial(fleet);
  Barred barred;
  barred.add(node);
  std::vector<Move> moves;
  std::vector<TaskId> stay;
  while (!fleet.has_room(shape, node)) {
    if (moves.size() >= most) return std::nullopt;
    const Ask& ask = fleet.shape(shape).ask;
    const model::Resources free = fleet.space(node).free;
    TaskId best = none;
    double best_left = 0, best_size = 0;
    for (const TaskId id : tasks_on(fleet, node)) {
      if (fleet.task(id).grouped() || std::find(stay.begin(), stay.end(), id) != stay.end()) continue;
      const Ask& gone = fleet.shape(fleet.task(id).shape).ask;
      const double left = shortage(ask, {free.cpu + gone.amounts.cpu, free.memory + gone.amounts.memory, free.disk + gone.amounts.disk}) -
                          (ask.devices > 0 && gone.devices > 0 ? 1 : 0);
      const double size = share(gone.amounts.cpu, fleet.capacity().cpu) + share(gone.amounts.memory, fleet.capacity().memory);
      if (best != none && (left > best_left || (left == best_left && size >= best_size))) continue;
      best = id;
      best_left = left;
      best_size = size;
    }
    if (best == none) return std::nullopt;
    const NodeId to = relocate(fleet, placer, best, barred);
    if (to == none) stay.push_back(best);  // it fits nowhere else
    else moves.push_back({Move::Why::make_room, best, node, to});
    if (stay.size() > 64) return std::nullopt;
  }
  return moves;
}

}  // namespace

std::optional<RoomPlan> moves_to_fit(Fleet& fleet, Placer& placer, ShapeId shape, const MoveSettings& settings) {
  if (!fleet.has_shape(shape)) return std::nullopt;
  if (const Found found = placer.look({shape, {}}); found.node != none) return RoomPlan{found.node, {}};
  const Ask& ask = fleet.shape(shape).ask;
  std::vector<std::pair<double, NodeId>> nodes;
  fleet.set(fleet.shape(shape).set).mask.each([&](NodeId node) {
    const Room& room = fleet.grid().room(node);
    const bool large = ask.amounts.cpu <= room.cpu_capacity && ask.amounts.memory <= room.memory_capacity && ask.amounts.disk <= room.disk_capacity;
    if (room.takes && large) nodes.emplace_back(shortage(ask, fleet.space(node).free), node);
    return true;
  });
  const std::size_t look = std::min<std::size_t>(nodes.size(), settings.nodes);
  std::partial_sort(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(look), nodes.end());
  std::optional<RoomPlan> best;
  std::uint32_t most = settings.most;
  for (std::size_t i = 0; i < look && most > 0; ++i) {
    auto moves = make_room_on(fleet, placer, shape, nodes[i].second, most);
    if (!moves) continue;
    most = static_cast<std::uint32_t>(moves->size()) - 1;      // only fewer would be better
    best = RoomPlan{nodes[i].second, std::move(*moves)};
  }
  return best;
}

std::vector<Move> moves_to_empty_nodes(Fleet& fleet, Placer& placer, const MoveSettings& settings) {
  struct Candidate {
    double load;
    NodeId node;
    std::uint32_t tasks;
  };
  std::vector<Candidate> nodes;
  Barred barred;                           // what stays or becomes empty
  for (NodeId node = 0; node < fleet.node_numbers(); ++node) {
    if (!fleet.knows(node)) continue;
    const Room& room = fleet.grid().room(node);
    if (room.first_task == none) barred.add(node);
    if (room.first_task == none || !room.takes) continue;
    std::uint32_t tasks = 0;
    bool grouped = false;
    for (TaskId id = room.first_task; id != none && tasks <= settings.most; id = fleet.task(id).next) {
      ++tasks;
      grouped |= fleet.task(id).grouped();
    }
    if (grouped || tasks > settings.most) continue;
    nodes.push_back({share(room.cpu_capacity - room.cpu, room.cpu_capacity) + share(room.memory_capacity - room.memory, room.memory_capacity), node, tasks});
  }
  const std::size_t look = std::min<std::size_t>(nodes.size(), settings.nodes);
  std::partial_sort(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(look), nodes.end(), [](const Candidate& a, const Candidate& b) {
    return a.load != b.load ? a.load < b.load : a.node < b.node;
  });
  std::vector<Move> moves;
  std::vector<std::uint32_t> received(fleet.node_numbers());
  for (std::size_t i = 0; i < look; ++i) {
    const Candidate& from = nodes[i];
    // A node that got something in this plan is in use.
    if (received[from.node] > 0 || moves.size() + from.tasks > settings.most) continue;
    std::vector<Move> mine;
    {
      const Trial trial(fleet);
      for (const Move& move : moves) base::ignore(make(fleet, move), "as planned");
      Barred without = barred;
      without.add(from.node);
      for (const TaskId id : tasks_on(fleet, from.node)) {
        const NodeId to = relocate(fleet, placer, id, without);
        if (to == none) break;
        mine.push_back({Move::Why::empty_node, id, from.node, to});
      }
    }
    if (mine.size() < from.tasks) continue;
    barred.add(from.node);
    for (const Move& move : mine) ++received[move.to];
    moves.insert(moves.end(), mine.begin(), mine.end());
  }
  return moves;
}

std::vector<Move> moves_to_drain(Fleet& fleet, Placer& placer, NodeId node, const MoveSettings& settings) {
  std::vector<Move> moves;
  if (!fleet.knows(node)) return moves;
  const Trial trial(fleet);
  Barred barred;
  barred.add(node);
  for (const TaskId id : tasks_on(fleet, node)) {
    if (moves.size() >= settings.most) break;
    const ShapeId shape = fleet.task(id).shape;
    const TaskNote note = fleet.note(id);
    NodeId to = none;
    if (note.group == none) {
      to = relocate(fleet, placer, id, barred);
    } else {                               // by its group's wishes; its own old place must not count
      base::ignore(fleet.release(id), "it runs");
      const Found found = placer.look({shape, note});
      if (found.node == none || found.node == node) {
        base::ignore(fleet.commit(shape, node, note), "it was there");
        continue;
      }
      if (fleet.commit(shape, found.node, note, found.offer.device)) to = found.node;
    }
    if (to != none) moves.push_back({Move::Why::drain, id, node, to});
  }
  return moves;
}

base::Result<TaskId> make(Fleet& fleet, const Move& move) {
  const std::string of = "move task " + std::to_string(move.task);
  if (!fleet.runs(move.task) || fleet.task(move.task).node() != move.from || !fleet.knows(move.to))
    return base::fail(base::Code::conflict, of + ": it is not where it was");
  const ShapeId shape = fleet.task(move.task).shape;
  if (!fleet.grid().room(move.to).takes || !fleet.has_room(shape, move.to) || !fleet.set(fleet.shape(shape).set).mask.test(move.to))
    return base::fail(base::Code::conflict, of + ": its new node has no room any more");
  const TaskNote note = fleet.note(move.task);
  // The new one first, so that nothing can fail once the old one is gone.
  const TaskId task = TRY(fleet.commit(shape, move.to, note));
  TRY(fleet.release(move.task));
  return task;
}

}  // namespace selvedge::engine::placement
