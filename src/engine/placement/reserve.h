// Reservations: nodes kept for tasks too large to fit now, so that they are not passed over for ever.
//
// A reservation holds one node that meets the task's constraints: the one that is free for it soonest by the ends of the
// tasks there, or, while no end is known, the one on which least has to end. On a held node nothing new is placed but
// what will be over by then (EASY backfill: Lifka, The ANL/IBM SP Scheduling System, 1995), or what leaves room for the
// task beside it. So the task starts at the promised time or sooner if the ends are kept; without known ends, as soon as
// what runs there has ended, for nothing else comes. A node is held for one task. At most `most` at once; more are
// Code::exhausted and wait their turn. Callers ask `start` whenever tasks have ended; it gives each its node as soon as
// it fits there, in the order in which they came.

#pragma once

#include <vector>

#include "engine/placement/placer.h"

namespace selvedge::engine::placement {

struct Reservation {
  std::uint64_t number = 0;
  Want want;
  NodeId node = none;
  std::int64_t starts = endless;           // promised, nanoseconds; endless: when what runs there has ended
};

class Reservations {
 public:
  static constexpr std::size_t most = 1'024;

  Reservations(Fleet& fleet, Placer& placer) : fleet_(&fleet), placer_(&placer) {}

  // Code::exhausted if no node could ever take it or all that could are held.
  base::Result<Reservation> reserve(const Want& want, std::int64_t now);
  base::Result<void> cancel(std::uint64_t number);
  // One that was made before a restart: the fleet's journal knows that its node is held, callers keep for whom.
  base::Result<void> adopt(const Reservation& made);
  // The node changed or was lost: looks for another.
  base::Result<Reservation> renew(std::uint64_t number, std::int64_t now);
  // Those that fit by now: placed, and their nodes free for all again.
  std::vector<Placed> start();
  // A task on a node that is free, or else, if it will be over in time, on one that is held.
  base::Result<Placed> place(const Want& want);

  const std::vector<Reservation>& all() const { return all_; }

 private:
  base::Result<Reservation> choose(const Want& want, std::int64_t now) const;
  bool leaves_room(const Reservation& held, const Want& want) const;

  Fleet* fleet_;
  Placer* placer_;
  std::vector<Reservation> all_;           // in the order in which they came
  std::uint64_t last_ = 0;
};

// When `shape` would fit on a node if nothing else came: `now` if it does, endless if a task without a known end is in
// its way; nothing if it is larger than the node. `waits_for`: how much must end before, in shares of the request.
std::optional<std::int64_t> free_at(const Fleet& fleet, ShapeId shape, NodeId node, std::int64_t now, double& waits_for);

}  // namespace selvedge::engine::placement
