// Small lists that an integer program has solved: ten nodes, 20 to 59 tasks that add up to what the nodes have, four
// mixes. What was placed is compared with the best that is known to be possible, not with a bound.

#pragma once

#include "placement/fleet.h"

namespace selvedge::bench {

struct Admit {
  std::vector<Node> nodes;
  std::vector<engine::Ask> tasks;
  double best = 0;                   // mean share of cpu and memory
};

// Empty if the file is not there.
Admit read_admit(const std::string& data, const std::string& mix, int number);

// The share of the best that is in use when the tasks have come, in an order drawn by the seed.
double run_admit(const Admit& admit, const Contender& contender, std::uint64_t seed);
double run_admit(const Admit& admit, const Together& together, std::uint64_t seed);

}  // namespace selvedge::bench
