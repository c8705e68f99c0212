// Tasks: placed and released, for good or on trial.

#include <algorithm>

#include "engine/placement/fleet.h"
#include "engine/placement/record.h"

namespace selvedge::engine::placement {

using base::Code;
using base::fail;

bool Fleet::has_room(ShapeId shape, NodeId node) const {
  const Ask& ask = shapes_[shape].ask;
  const Room& room = grid_.room(node);
  if (ask.amounts.cpu > room.cpu || ask.amounts.memory > room.memory || ask.amounts.disk > room.disk) return false;
  return ask.devices == 0 || fits(ask, space(node));
}

std::uint16_t Fleet::pick_devices(const Ask& ask, const NodeFacts& facts, std::uint16_t device) const {
  const auto free = std::span(facts.devices).first(facts.spec.devices);
  if (ask.devices == 1 && ask.thousandths < 1000) {
    if (device < free.size() && free[device] >= ask.thousandths) return static_cast<std::uint16_t>(1U << device);
    std::size_t best = free.size();
    for (std::size_t i = 0; i < free.size(); ++i)
      if (free[i] >= ask.thousandths && (best == free.size() || free[i] < free[best])) best = i;
    return best == free.size() ? std::uint16_t{0} : static_cast<std::uint16_t>(1U << best);
  }
  std::uint32_t found = 0, bits = 0;
  for (std::size_t i = 0; i < free.size() && found < ask.devices; ++i)
    if (free[i] >= ask.thousandths) {
      bits |= 1U << i;
      ++found;
    }
  return found == ask.devices ? static_cast<std::uint16_t>(bits) : std::uint16_t{0};
}

base::Result<TaskId> Fleet::commit(ShapeId shape, NodeId node, const TaskNote& note, std::uint16_t device) {
  CHECK(has_shape(shape) && knows(node) && has_room(shape, node));
  const Ask& ask = shapes_[shape].ask;
  return put(shape, node, note, ask.devices > 0 ? pick_devices(ask, facts_[node], device) : std::uint16_t{0});
}

void Fleet::give(const Shape& shape, NodeId node, std::uint16_t devices, int sign) {
  Room& room = grid_.room(node);
  const model::Resources& amounts = shape.ask.amounts;
  room.cpu += static_cast<std::int32_t>(sign * amounts.cpu);
  room.memory += sign * amounts.memory;
  room.disk += sign * amounts.disk;
  if (devices == 0) return;
  NodeFacts& facts = facts_[node];
  for (std::size_t i = 0; i < Limits::devices; ++i)
    if (devices >> i & 1) facts.devices[i] = static_cast<std::uint16_t>(facts.devices[i] + sign * static_cast<int>(shape.ask.thousandths));
}

void Fleet::link(TaskId id) {
  Task& task = tasks_[id];
  Room& room = grid_.room(task.node());
  task.next = room.first_task;
  task.previous = none;
  if (task.next != none) tasks_[task.next].previous = id;
  room.first_task = id;
}

base::Result<TaskId> Fleet::put(ShapeId shape, NodeId node, const TaskNote& note, std::uint16_t devices) {
  if (note.group != none && (!has_group(note.group) || groups_[note.group].members.size() >= Limits::members))
    return fail(Code::exhausted, "place a task: its group is not there or full");
  TaskId id = static_cast<TaskId>(tasks_.size());
  const bool created = free_tasks_.empty();
  if (!created) {
    id = free_tasks_.back();
    free_tasks_.pop_back();
  } else if (tasks_.size() < Limits::tasks) {
    tasks_.emplace_back();
    notes_.emplace_back();
  } else {
    return fail(Code::exhausted, "place a task: there are " + std::to_string(tasks_.size()) + " already");
  }
  if (trying_) steps_.push_back({Step::What::committed, id, grid_.room(node).place, 0, created, {}, {}});
  tasks_[id] = {none, none, node | (note.group == none ? 0 : Task::in_group), static_cast<std::uint16_t>(shape), devices};
  notes_[id] = note;
  ++shapes_[shape].tasks;
  ++turns_;
  give(shapes_[shape], node, devices, -1);
  settle(node);
  link(id);
  if (note.group != none) groups_[note.group].members.push_back(id);
  if (journal_) {
    base::Writer out(*journal_);
    out.u8(static_cast<std::uint8_t>(Record::committed));
    out.varint(shape);
    out.varint(node);
    out.varint(devices);
    out.varint(note.tag);
    out.varint(note.group == none ? 0 : note.group + std::uint64_t{1});
    out.varint(end_on_wire(note.ends));
  }
  return id;
}

base::Result<void> Fleet::release(TaskId id) {
  if (!runs(id)) return fail(Code::not_found, "release task: there is no task " + std::to_string(id));
  Task& task = tasks_[id];
  Room& room = grid_.room(task.node());
  std::uint32_t member = 0;
  if (task.grouped()) {
    std::vector<TaskId>& members = groups_[notes_[id].group].members;
    member = static_cast<std::uint32_t>(std::find(members.begin(), members.end(), id) - members.begin());
    members[member] = members.back();
    members.pop_back();
  }
  if (trying_) steps_.push_back({Step::What::released, id, room.place, member, false, task, notes_[id]});
  (task.previous == none ? room.first_task : tasks_[task.previous].next) = task.next;
  if (task.next != none) tasks_[task.next].previous = task.previous;
  const ShapeId shape = task.shape;
  const NodeId node = task.node();
  give(shapes_[shape], node, task.devices, 1);
  settle(node);
  --shapes_[shape].tasks;
  task.shape = Task::no_shape;
  if (trying_) {
    trial_shapes_.push_back(shape);        // kept until the trial is decided
  } else {
    drop_shape_if_unused(shape);
  }
  free_tasks_.push_back(id);
  if (journal_) {
    base::Writer out(*journal_);
    out.u8(static_cast<std::uint8_t>(Record::released));
    out.varint(id);
  }
  return {};
}

base::Result<void> Fleet::set_end(TaskId id, std::int64_t ends) {
  if (!runs(id)) return fail(Code::not_found, "set end of task: there is no task " + std::to_string(id));
  CHECK(!trying_);
  notes_[id].ends = ends;
  if (journal_) {
    base::Writer out(*journal_);
    out.u8(static_cast<std::uint8_t>(Record::end_set));
    out.varint(id);
    out.varint(end_on_wire(ends));
  }
  return {};
}

void Fleet::begin() {
  CHECK(!trying_);
  trying_ = true;
  journal_mark_ = journal_ ? journal_->size() : 0;
}

void Fleet::unsettle(NodeId node, GridPlace place) {
  if (grid_.room(node).place.cell == place.cell) {             // it stayed in its cell
    if (place.cell != nowhere) grid_.update(node);
    return;
  }
  if (grid_.room(node).place.cell != nowhere) grid_.erase(node);
  if (place.cell != nowhere) grid_.restore(node, place);
}

// The last step first: each finds everything as it left it, so the last of every list is what it put there.
void Fleet::undo() {
  CHECK(trying_);
  for (; !steps_.empty(); steps_.pop_back()) {
    const Step& step = steps_.back();
    Task& task = tasks_[step.id];
    if (step.what == Step::What::committed) {
      Room& room = grid_.room(task.node());
      if (task.grouped()) groups_[notes_[step.id].group].members.pop_back();
      room.first_task = task.next;
      if (task.next != none) tasks_[task.next].previous = none;
      give(shapes_[task.shape], task.node(), task.devices, 1);
      unsettle(task.node(), step.place);
      --shapes_[task.shape].tasks;
      task.shape = Task::no_shape;
      --turns_;
      if (step.created) {
        tasks_.pop_back();
        notes_.pop_back();
      } else {
        free_tasks_.push_back(step.id);
      }
    } else {
      free_tasks_.pop_back();
      task = step.task_before;
      notes_[step.id] = step.note_before;
      trial_shapes_.pop_back();
      ++shapes_[task.shape].tasks;
      give(shapes_[task.shape], task.node(), task.devices, -1);
      unsettle(task.node(), step.place);
      (task.previous == none ? grid_.room(task.node()).first_task : tasks_[task.previous].next) = step.id;
      if (task.next != none) tasks_[task.next].previous = step.id;
      if (task.grouped()) {
        std::vector<TaskId>& members = groups_[notes_[step.id].group].members;
        members.push_back(step.id);
        std::swap(members[step.member], members.back());
      }
    }
  }
  trial_shapes_.clear();
  if (journal_) journal_->resize(journal_mark_);
  trying_ = false;
}

void Fleet::keep() {
  CHECK(trying_);
  trying_ = false;
  steps_.clear();
  for (const ShapeId shape : trial_shapes_)
    if (has_shape(shape)) drop_shape_if_unused(shape);
  trial_shapes_.clear();
}

}  // namespace selvedge::engine::placement
