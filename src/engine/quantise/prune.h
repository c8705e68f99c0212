// Prune: channels that never change go. Training often leaves channels whose weights are all but 0: what
// comes out is their bias, whatever goes in. Such a channel is taken out of the convolution that makes
// it and of those (depthwise) that it passes; what it would add to the convolutions at the end is added
// to their biases. Where one user needs it, it stays, and only weights that multiply it become 0. Pure.
//
// A channel counts as constant when all that its inputs were seen to do, added up, moves it by less than
// a quarter of the step in which it will be kept. Only where nothing but convolutions, Relu and Clip
// take the channels: a residual sum needs them all.

#pragma once

#include "engine/quantise/plan.h"
#include "engine/quantise/statistics.h"

namespace selvedge::engine::quantise {

struct Pruned {
  Graph graph;
  std::size_t channels = 0;                        // taken out
};

// `seen` holds the statistics of plan.taps. After channels were taken out these no longer fit.
Pruned prune(Graph prepared, const Plan& plan, std::span<const Statistics> seen);

}  // namespace selvedge::engine::quantise
