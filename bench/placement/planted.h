// Packings whose optimum is known, and fleets that run full: how much of what could be placed is.

#pragma once

#include "placement/fleet.h"
#include "placement/mixes.h"

namespace selvedge::bench {

// A fleet that was cut into tasks, so that all of them fit: 100 % by construction.
struct Planted {
  std::vector<Node> nodes;
  std::vector<engine::Ask> tasks;
};

// kind: coarse (2-4 tasks a node), mid (4-10), fine (10-30), hetero (3-8 on four sizes of node). Empty if not there.
Planted read_planted(const std::string& data, const std::string& kind, int nodes, int number);

enum class Coming : std::uint8_t {
  one_by_one,       // in random order, each placed at once
  batches,          // of 256: within each the largest first
  with_moves,       // one by one; then what was refused is tried again after moves of up to 5 % of the placed tasks
};
// The share of the fleet that is in use when all have come: mean of cpu and memory.
double run_planted(const Planted& planted, Coming coming, const Contender& contender, std::uint64_t seed);

// 100 nodes of 16 cores and 64 GiB; tasks of .5..2 cores and 2..8 GiB up to `fill` of the scarcer resource, then
// tasks of half a node (8 cores, 32 GiB): how many are placed, of those that would fit if all space were one node's.
double run_probe(double fill, const Contender& contender, std::uint64_t seed);

// 1,000 nodes of the four sizes of edge-hetero with its tasks, filled to `fill` of the scarcer resource. Then `steps`
// times: a task comes, random ones leave, at least one, until it is within the fill, and it is placed or refused; what
// refusals left empty is filled by other tasks, which are not counted. The share of tasks that were taken.
double run_steady(double fill, const Contender& contender, std::uint64_t seed, std::size_t steps);

}  // namespace selvedge::bench
