// Moves: which few tasks to move so that what is free lies together again.
//
// Three ends: to make room for a task that fits nowhere, to empty nodes that have little to do (they can then be
// switched off, or take something large), and to drain a node. Each move says what, from where, where to, and why; they
// are to be made in this order, for later ones may need the room of earlier ones. A plan is tried out on the fleet and
// taken back, so it leaves no trace, and is only as good as the fleet stays as it is. At most `most` moves, from among
// the most promising `nodes` nodes. Tasks of groups stay where they are, but for draining. Belongs to the fleet's thread.

#pragma once

#include <optional>
#include <vector>

#include "engine/placement/placer.h"

namespace selvedge::engine::placement {

struct Move {
  enum class Why : std::uint8_t { make_room, empty_node, drain } why{};
  TaskId task = none;
  NodeId from = none, to = none;
};

struct MoveSettings {
  std::uint32_t most = 16;
  std::uint32_t nodes = 64;
};

struct RoomPlan {
  NodeId node = none;                      // where the task fits afterwards
  std::vector<Move> moves;                 // as few as were found
};

// Nothing if no plan was found within the bounds. A task that fits as it is needs none: an empty list.
std::optional<RoomPlan> moves_to_fit(Fleet& fleet, Placer& placer, ShapeId shape, const MoveSettings& settings = {});
// Only onto nodes that have tasks already.
std::vector<Move> moves_to_empty_nodes(Fleet& fleet, Placer& placer, const MoveSettings& settings = {});
// As many of its tasks as can go.
std::vector<Move> moves_to_drain(Fleet& fleet, Placer& placer, NodeId node, const MoveSettings& settings = {});

// Makes a move: the task keeps its note and gets a new number. Code::conflict if it is not where the move says or its
// place was taken.
base::Result<TaskId> make(Fleet& fleet, const Move& move);

}  // namespace selvedge::engine::placement
