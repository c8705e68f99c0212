// Plan: which nodes of a prepared network compute in 8 bits, and which values are kept so.
//
// Three kinds of node can: those with weights (Conv, Gemm, MatMul), which are what it is for; those that
// the runtime has 8-bit kernels of (Add, Mul, Concat, average pools, Sigmoid, LeakyRelu); and those that
// only move or choose numbers (MaxPool, Reshape, Transpose, Slice, ...). The latter two do so only
// between others that do: a conversion for their own sake costs more than it gives. Relu and Clip after
// an 8-bit node need no node: the range that the result can hold does the same. Everything else stays in
// float, and so does the tail that only carries results out.

#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "engine/quantise/options.h"
#include "engine/quantise/view.h"

namespace selvedge::engine::quantise {

enum class Kind : std::uint8_t { in_float, weighted, computes, moves, absorbed };

// What statistics are wanted of a value.
struct Tap {
  std::string value;
  int channel_axis = 1;                            // -1: the last
  // Bounds that a Relu or Clip absorbed into the node that makes it sets.
  std::optional<float> least, greatest;
};

struct Plan {
  std::vector<Kind> kinds;                         // of each node
  std::vector<Tap> taps;                           // each value in 8 bits
  std::size_t count(Kind kind) const;
};

// Code::invalid_input when nothing would be quantised: no node with weights is of a form that can be.
base::Result<Plan> make_plan(const Graph& prepared, const Options& options);

// The inputs of a node that carry activations: not weights, sizes or axes.
std::vector<std::string> activations_of(const View& view, const Node& node);

// The value a node makes once a Relu or Clip after it is absorbed.
const std::string& result_of(const View& view, const Plan& plan, std::size_t node);

}  // namespace selvedge::engine::quantise
