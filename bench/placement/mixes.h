// Nine mixes of tasks on ten nodes, as bench/placement/mixes.cc says in words, and the two ways in which tasks come:
// a list that is placed once, and arrivals that leave again (a loss system).

#pragma once

#include <functional>
#include <optional>

#include "placement/fleet.h"

namespace selvedge::bench {

using Random = std::mt19937_64;

struct Mix {
  std::string name;
  std::string words;
  std::vector<Node> nodes;
  std::function<engine::Ask(Random&)> draw;
};

// Eight, and one more if OpenB's pods are there (data: the folder of the scheduling data).
std::vector<Mix> mixes(const std::string& data);

// Tasks until the sum of either resource reaches `load` of all nodes' together.
std::vector<engine::Ask> list_of(const Mix& mix, double load, std::uint64_t seed);

// The most that could be placed if tasks could be split, over nodes and in parts: the optimum of the linear program with
// one row for each resource and for each group of nodes beyond which tasks are too large; by its dual, so that it is a bound
// whatever the search finds. As a mean share of cpu and memory.
double bound(const Mix& mix, const std::vector<engine::Ask>& tasks);

// The share in use after the list was placed.
double place_list(const Mix& mix, const std::vector<engine::Ask>& tasks, const Contender& contender, std::uint64_t seed);
double place_list(const Mix& mix, const std::vector<engine::Ask>& tasks, const Together& together);

struct LossResult {
  double use = 0;             // mean over time of the mean of cpu and memory
  double accepted_small = 0;  // share of tasks up to the median size that were taken
  double accepted_large = 0;  // of the others
};

// Poisson arrivals that would use `load` of the scarcer resource if all were taken; exponential lives of mean 1; a
// task that is refused is gone. Measured over `span` lives after 5.
LossResult run_loss(const Mix& mix, double load, double span, const Contender& contender, std::uint64_t seed);

}  // namespace selvedge::bench
