// Fragmentation: how much of what a node has free the recent tasks could not use.
//
// After Weng et al., Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation Gradient
// Descent, ATC 2023. For each shape of Demand: if the node cannot run it, all that is free is lost to it; else
// what stays on accelerators too full for it. Weighted by how often the shape is asked for. Without
// accelerators, the share of cpu and memory that stays when the node is filled with the shape. A placement
// costs what it adds to that. Pure; see rule.h.

#pragma once

#include "engine/placement/rule.h"

namespace selvedge::engine {

// How much best fit weighs beside fragmentation in fragmentation_best_fit.
inline constexpr double best_fit_share = 0.05;
// And how much cpu in it beside accelerators.
inline constexpr double best_fit_cpu = 0.3;

// What placing `ask` adds: of cpu and memory, in shares of the node; and, for nodes with accelerators, of those, in
// devices, on the best device.
double fragmentation_growth(const Ask& ask, const NodeSpace& node, const Demand& demand);
Offer fragmentation_offer(const Ask& ask, const NodeSpace& node, const Demand& demand);

}  // namespace selvedge::engine
