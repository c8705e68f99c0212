// OpenB: Alibaba's GPU cluster and its pods (Weng et al., ATC 2023), in that paper's setting: pods in random order until
// those that have come ask for 130 % of the GPUs; the share of GPU thousandths that is allocated then.

#pragma once

#include "placement/fleet.h"

namespace selvedge::bench {

// Empty if the file is not there. Models of GPUs become bits, the same for pods and nodes.
std::vector<engine::Ask> read_pods(const std::string& file);
std::vector<Node> read_nodes(const std::string& file);

// Percent of the fleet's GPU thousandths in use at the end.
double run_openb(const std::vector<Node>& nodes, const std::vector<engine::Ask>& pods, const Contender& contender, std::uint64_t seed);

}  // namespace selvedge::bench
