// Quantise: a prepared network with what was seen of its values -> the same network in 8 bits.
//
// The result is in QDQ form: QuantizeLinear and DequantizeLinear around float operators say what is kept
// in 8 bits, and any runtime of ONNX gives the same results; one that has 8-bit kernels computes in them.
// How a network is made so:
//   prepare()      prepare.h: normalisations folded, constants known
//   make_plan()    plan.h: what will be in 8 bits, which values to look at
//   with_taps()    taps.h: the network that also says those values; run it over calibration data
//   Statistics     statistics.h: what was seen
//   prune()        prune.h: channels that never change go; after it, the data must be seen anew
//   quantise()     this file
// All of it is pure; any thread.

#pragma once

#include <string>
#include <vector>

#include "engine/quantise/options.h"
#include "engine/quantise/plan.h"
#include "engine/quantise/ranges.h"
#include "engine/quantise/statistics.h"

namespace selvedge::engine::quantise {

// A result that leaves the 8-bit part for the outside: where the width of its steps shows.
struct Head {
  std::string value;
  float least = 0, greatest = 0, step = 0;
};

struct Quantised {
  Graph graph;
  std::size_t layers = 0;                          // with weights, in 8 bits
  std::size_t others = 0;                          // other nodes in 8 bits
  std::vector<std::string> in_float;               // nodes left in float: "Softmax 'classes'"
  std::size_t channels = 0;                        // of all layers
  std::size_t guarded = 0, empty = 0, saturated = 0;   // of them: see weights.h
  std::vector<Head> heads;
};

// `seen` holds the statistics of plan.taps, in that order.
base::Result<Quantised> quantise(const Graph& prepared, const Plan& plan, std::span<const Statistics> seen,
                                 const Options& options);

}  // namespace selvedge::engine::quantise
