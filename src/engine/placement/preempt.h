// Preemption: which tasks to displace so that one of higher priority fits.
//
// Victims have strictly lower priority. A task of a gang goes only with the whole gang, all of whose members must be
// lower. A task costs one and its priority (from 0 on); a plan costs what its victims cost, and the cheapest plan on
// the cheapest node wins: exactly, on nodes with at most `exact` tasks or gangs to choose from (beyond, a greedy choice
// without a victim too many), among the first `nodes` nodes that could do it. Nothing is changed here.

#pragma once

#include <optional>
#include <vector>

#include "engine/placement/fleet.h"
#include "engine/placement/index.h"

namespace selvedge::engine::placement {

struct PreemptSettings {
  double most_cost = 1e9;
  std::uint32_t most_victims = 64;
  std::uint32_t nodes = 20'000;
  std::uint32_t exact = 14;                // at most 20
};

struct Preemption {
  NodeId node = none;
  double cost = 0;
  std::vector<TaskId> victims;             // of gangs all members, wherever they are; in order of numbers
};

double victim_cost(const Fleet& fleet, TaskId task);
// Nothing if no plan keeps to the bounds.
std::optional<Preemption> plan_preemption(const Fleet& fleet, ShapeId shape, const PreemptSettings& settings = {},
                                          const Barred* barred = nullptr);

}  // namespace selvedge::engine::placement
