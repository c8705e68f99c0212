// Changes that a journal holds, applied again.

#include "engine/placement/fleet.h"
#include "engine/placement/record.h"

namespace selvedge::engine::placement {
namespace {

// A number in a record; none if it cannot be one of ours.
std::uint32_t number(base::Reader& in) {
  const std::uint64_t value = in.varint();
  return value < none ? static_cast<std::uint32_t>(value) : none;
}

template <typename T>
base::Result<void> plain(base::Result<T> result) {
  if (!result) return std::unexpected(std::move(result).error());
  return {};
}

}  // namespace

// Whether these accelerators could have been given to a task of the shape.
bool Fleet::devices_fit(ShapeId shape, NodeId node, std::uint64_t devices) const {
  const Ask& ask = shapes_[shape].ask;
  const NodeFacts& facts = facts_[node];
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    if (!(devices >> i & 1)) continue;
    if (i >= facts.spec.devices || facts.devices[i] < ask.thousandths) return false;
    ++count;
  }
  return count == ask.devices;
}

base::Result<void> Fleet::replay_commit(base::Reader& in) {
  const ShapeId shape = number(in);
  const NodeId node = number(in);
  const std::uint64_t devices = in.varint();
  TaskNote note;
  note.tag = in.varint();
  const std::uint64_t group = in.varint();
  note.group = group == 0 || group > Limits::groups ? none : static_cast<GroupId>(group - 1);
  note.ends = end_from_wire(in.varint());
  if (!in.ok() || group > Limits::groups || !has_shape(shape) || !knows(node) || !has_room(shape, node) ||
      !devices_fit(shape, node, devices))
    return base::fail(base::Code::corrupt, "placement record: a task that cannot be where it says");
  return plain(put(shape, node, note, static_cast<std::uint16_t>(devices)));
}

base::Result<void> Fleet::replay_one(base::Reader& in) {
  switch (static_cast<Record>(in.u8())) {
    case Record::node_added: return plain(add_node(TRY(read_node(in))));
    case Record::node_changed: {
      const NodeId node = number(in);
      return change_node(node, TRY(read_node(in)));
    }
    case Record::node_state: {
      const NodeId node = number(in);
      const std::uint8_t state = in.u8();
      if (!in.ok() || state >= node_states) break;
      return set_state(node, static_cast<NodeState>(state));
    }
    case Record::node_held: {
      const NodeId node = number(in);
      const bool held = in.u8() != 0;
      return in.ok() ? hold_node(node, held) : base::fail(base::Code::corrupt, "placement record: cut off");
    }
    case Record::node_removed: return remove_node(number(in));
    case Record::link_set: {
      const std::string site(in.text()), other(in.text());
      Link link;
      link.latency_ms = in.f64();
      link.bytes_per_second = in.f64();
      if (!in.ok()) break;
      return set_link(site, other, link);
    }
    case Record::shape_added: return plain(add_shape(TRY(read_shape(in))));
    case Record::shape_dropped: return drop_shape(number(in));
    case Record::group_added: return plain(add_group(TRY(read_group(in))));
    case Record::group_dropped: return drop_group(number(in));
    case Record::asked: {
      const ShapeId shape = number(in);
      if (!in.ok() || !has_shape(shape)) break;
      asked(shape);
      return {};
    }
    case Record::committed: return replay_commit(in);
    case Record::released: return release(number(in));
    case Record::refreshed: demand_.refresh(); return {};
    case Record::end_set: {
      const TaskId task = number(in);
      const std::int64_t ends = end_from_wire(in.varint());
      if (!in.ok()) break;
      return set_end(task, ends);
    }
  }
  return base::fail(base::Code::corrupt, "placement record: of no known kind, or cut off");
}

base::Result<void> Fleet::replay(base::BytesView records) {
  CHECK(!trying_);
  base::Bytes* journal = journal_;
  journal_ = nullptr;                      // they are written already
  base::Reader in(records);
  base::Result<void> applied;
  while (applied && !in.at_end()) applied = replay_one(in);
  journal_ = journal;
  if (!applied) return base::fail(base::Code::corrupt, "replay placement: " + applied.error().message);
  return {};
}

}  // namespace selvedge::engine::placement
