// Fleet: nodes, what they have free, and the tasks placed on them; the state that placement decides on.
//
// It decides nothing: callers name the node. It keeps, with every change, what decisions need: the grid of nodes that
// take tasks, and for each set of constraints the mask of nodes that meet it. Equal shapes and equal constraints are
// kept once. Everything is bounded by Limits (Code::exhausted) and nothing is half done when it fails.
//
// With a journal (`record_to`) each change appends one record; the same records applied to an equal fleet give an equal
// one, down to the order within cells, so that the next decision is the same too. Between `begin` and `undo` or `keep`
// tasks may be placed and released on trial; `undo` leaves no trace. A shape that nobody holds goes with its last task:
// a trial that is kept must not place it again. Belongs to one thread.

#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "engine/placement/constraint_set.h"
#include "engine/placement/demand.h"
#include "engine/placement/grid.h"
#include "engine/placement/names.h"
#include "engine/placement/rule.h"
#include "engine/placement/spec.h"

namespace selvedge::engine::placement {

// What decisions read of a shape is one cache line; the rest is apart.
struct alignas(64) Shape {
  Ask ask;
  SetId set = none;
  std::uint32_t tasks = 0;
  std::int32_t priority = 0;
  bool weighs = false;                     // sources or energy: every node that fits must be looked at
  bool known = false;                      // false: the number is free
};
static_assert(sizeof(Shape) == 64);
struct ShapeWords {
  ShapeSpec spec;
  std::string key;
  NameId tenant = none;
  std::uint32_t holders = 0;               // add_shape without drop_shape
};

struct Group {
  GroupSpec spec;
  NameId spread = none;
  std::vector<TaskId> members;
  bool known = false;
};

inline constexpr std::int64_t endless = INT64_MAX;

// What a caller says of one task.
struct TaskNote {
  std::uint64_t tag = 0;                   // the caller's number for it
  GroupId group = none;
  std::int64_t ends = endless;             // when it will be over, nanoseconds, if somebody knows
};

// What is read of every task; its note is apart, four of these share a cache line.
struct Task {
  TaskId next = none, previous = none;     // on the node
  std::uint32_t where = 0;                 // node, and whether it is in a group
  std::uint16_t shape = no_shape;          // no_shape: the number is free
  std::uint16_t devices = 0;               // accelerators it holds, as bits

  static constexpr std::uint16_t no_shape = 0xFFFF;
  static constexpr std::uint32_t in_group = std::uint32_t{1} << 31;
  NodeId node() const { return where & ~in_group; }
  bool grouped() const { return (where & in_group) != 0; }
};

class Fleet {
 public:
  Fleet();

  base::Result<NodeId> add_node(const NodeSpec& spec);
  // Anything but the name may change. Tasks stay, even if they no longer fit.
  base::Result<void> change_node(NodeId node, const NodeSpec& spec);
  base::Result<void> set_state(NodeId node, NodeState state);
  // Held nodes keep their tasks and get no new ones but by `commit`.
  base::Result<void> hold_node(NodeId node, bool held);
  // Code::conflict while it has tasks or is held, for its number may be given again.
  base::Result<void> remove_node(NodeId node);
  base::Result<void> set_link(std::string_view site, std::string_view other, Link link);

  // Equal specs get the same number. Each add is met by one drop; tasks keep their shape too.
  base::Result<ShapeId> add_shape(const ShapeSpec& spec);
  base::Result<void> drop_shape(ShapeId shape);
  base::Result<GroupId> add_group(const GroupSpec& spec);
  // Code::conflict while it has members. Others are apart from it no longer: its number may be given again.
  base::Result<void> drop_group(GroupId group);
  // A task of this shape was asked for, placed or not: rules learn from it.
  void asked(ShapeId shape);

  // Whether it fits by amounts and accelerators, whatever the node's state and the constraints.
  bool has_room(ShapeId shape, NodeId node) const;
  // Puts a task on a node with room. `device`: where a shared accelerator is to come from, no_device: the fullest that
  // does. Code::exhausted when there are too many tasks.
  base::Result<TaskId> commit(ShapeId shape, NodeId node, const TaskNote& note, std::uint16_t device = no_device);
  base::Result<void> release(TaskId task);
  // The end of a task became known or changed.
  base::Result<void> set_end(TaskId task, std::int64_t ends);

  // A trial: commits and releases only. One at a time.
  void begin();
  void undo();
  void keep();

  // Appends to `journal` from now on; nullptr stops. Not within a trial.
  void record_to(base::Bytes* journal) { journal_ = journal; }
  // Applies records, as record_to wrote them. Code::corrupt at the first that cannot be; those before it stay.
  base::Result<void> replay(base::BytesView records);
  // The whole state, for restore; equal fleets give equal bytes. What rules have learnt is brought up to date first, on
  // record too, so that a fleet that goes on, one that replays and one that is restored decide alike.
  void save(base::Bytes& out);
  static base::Result<std::unique_ptr<Fleet>> restore(base::BytesView bytes);

  const Grid& grid() const { return grid_; }
  const Levels& cpu_levels() const { return cpu_levels_; }
  const Levels& memory_levels() const { return memory_levels_; }
  const Demand& demand() const { return demand_; }
  const Names& names() const { return names_; }
  const Links& links() const { return links_; }
  std::size_t node_numbers() const { return facts_.size(); }     // some may be free
  std::uint32_t nodes() const { return known_; }
  std::uint32_t tasks() const { return static_cast<std::uint32_t>(tasks_.size() - free_tasks_.size()); }
  bool knows(NodeId node) const { return node < grid_.size() && grid_.room(node).known; }
  bool runs(TaskId task) const { return task < tasks_.size() && tasks_[task].shape != Task::no_shape; }
  bool has_shape(ShapeId shape) const { return shape < shapes_.size() && shapes_[shape].known; }
  bool has_group(GroupId group) const { return group < groups_.size() && groups_[group].known; }
  const NodeFacts& facts(NodeId node) const { return facts_[node]; }
  const Shape& shape(ShapeId shape) const { return shapes_[shape]; }
  const ConstraintSet& set(SetId set) const { return *sets_[set]; }
  const Group& group(GroupId group) const { return groups_[group]; }
  const ShapeSpec& spec(ShapeId shape) const { return words_[shape].spec; }
  NameId tenant(ShapeId shape) const { return words_[shape].tenant; }
  const Task& task(TaskId task) const { return tasks_[task]; }
  const TaskNote& note(TaskId task) const { return notes_[task]; }
  std::uint64_t layout() const { return layout_; }                    // grows with every change of a node but its state
  const model::Resources& capacity() const { return capacity_; }      // of all nodes
  std::uint32_t accelerators() const { return accelerators_; }
  std::uint64_t turns() const { return turns_; }                      // tasks ever placed
  std::size_t task_numbers() const { return tasks_.size(); }
  NodeSpace space(NodeId node) const {
    const Room& room = grid_.room(node);
    NodeSpace space{{room.cpu_capacity, room.memory_capacity, room.disk_capacity}, {room.cpu, room.memory, room.disk}, {}, 0, node};
    if (room.devices > 0) {
      space.devices = std::span(facts_[node].devices).first(room.devices);
      space.model = facts_[node].model;
    }
    return space;
  }
  const Link* link(const std::string& site, NameId other) const;      // nullptr: nothing is said of it
  // No node ever had less; and whether one ever had accelerators.
  const model::Resources& least_capacity() const { return least_; }
  bool accelerated() const { return accelerated_; }
  std::optional<std::uint64_t> model(std::string_view model) const;   // its bit

 private:
  friend class FleetLoader;
  struct Step {                            // of a trial
    enum class What : std::uint8_t { committed, released } what{};
    TaskId id = none;
    GridPlace place;                       // of the node before
    std::uint32_t member = 0;              // released: its place in its group
    bool created = false;                  // committed: its number was new
    Task task_before;                      // released: for its number may be given to another
    TaskNote note_before;
  };

  base::Result<NodeFacts> facts_of(const NodeSpec& spec);
  void forget_names(const NodeFacts& facts);
  base::Result<std::uint64_t> model_bit(const std::string& model);
  base::Result<SetId> add_set(const ShapeSpec& spec);
  void drop_set(SetId set);
  void look_again(NodeId node);            // sets' masks, and the grid
  void count(const NodeSpec& spec, int sign);
  void widen(const model::Resources& capacity);
  Cell cell_of(const Room& room) const {
    const bool out = !room.takes || room.cpu < 0 || room.memory < 0 || room.disk < 0;
    return out ? nowhere
               : static_cast<Cell>(cpu_levels_.of(static_cast<std::uint64_t>(room.cpu)) * Levels::count +
                                   memory_levels_.of(static_cast<std::uint64_t>(room.memory)));
  }
  // Moves it to the cell of what it has free now.
  void settle(NodeId node) {
    const Room& room = grid_.room(node);
    const Cell cell = cell_of(room);
    if (cell == room.place.cell) {
      if (cell != nowhere) grid_.update(node);
      return;
    }
    if (room.place.cell != nowhere) grid_.erase(node);
    if (cell != nowhere) grid_.insert(node, cell);
  }
  void unsettle(NodeId node, GridPlace place);
  // The accelerators a task takes, as bits; 0 if there are not enough.
  std::uint16_t pick_devices(const Ask& ask, const NodeFacts& facts, std::uint16_t device) const;
  base::Result<TaskId> put(ShapeId shape, NodeId node, const TaskNote& note, std::uint16_t devices);
  bool devices_fit(ShapeId shape, NodeId node, std::uint64_t devices) const;
  base::Result<void> replay_commit(base::Reader& in);
  base::Result<void> replay_one(base::Reader& in);
  void give(const Shape& shape, NodeId node, std::uint16_t devices, int sign);   // back (1) or away (-1)
  void link(TaskId task);
  void drop_shape_if_unused(ShapeId shape) {
    if (shapes_[shape].tasks == 0 && words_[shape].holders == 0) forget_shape(shape);
  }
  void forget_shape(ShapeId shape);

  Names names_;
  Levels cpu_levels_, memory_levels_;
  Grid grid_;
  std::vector<NodeFacts> facts_;
  std::vector<NodeId> free_nodes_;
  std::uint32_t known_ = 0;
  std::unordered_map<std::string, NodeId> node_names_;
  std::vector<std::string> models_;
  Links links_;
  std::vector<Shape> shapes_;
  std::vector<ShapeWords> words_;
  std::vector<ShapeId> free_shapes_;
  std::unordered_map<std::string, ShapeId> shape_keys_;
  std::vector<std::unique_ptr<ConstraintSet>> sets_;
  std::vector<SetId> free_sets_;
  std::unordered_map<std::string, SetId> set_keys_;
  std::vector<Group> groups_;
  std::vector<GroupId> free_groups_;
  std::vector<Task> tasks_;
  std::vector<TaskNote> notes_;
  std::vector<TaskId> free_tasks_;
  model::Resources least_{INT64_MAX, INT64_MAX, INT64_MAX};
  bool accelerated_ = false;
  model::Resources capacity_;
  std::uint32_t accelerators_ = 0;
  std::uint64_t layout_ = 1;
  Demand demand_;
  std::uint64_t asks_ = 0, turns_ = 0;
  base::Bytes* journal_ = nullptr;
  bool trying_ = false;
  std::vector<Step> steps_;
  std::vector<ShapeId> trial_shapes_;      // of released tasks; dropped when it is kept
  std::size_t journal_mark_ = 0;
};

}  // namespace selvedge::engine::placement
