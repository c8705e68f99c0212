// GraphShapes: the shape of each value of a neural network, as far as it follows from the graph alone,
// and what a run of it costs. For looking at a model without running it.
//
// A dimension that the model leaves open counts as 1. A value whose operator is not known here, or
// whose shape depends on numbers that exist only during a run, is left out; nothing is guessed.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "codec/onnx/graph.h"

namespace selvedge::cli {

using Shapes = std::unordered_map<std::string, codec::onnx::Shape>;

// "1x300x300x3"; "?" for a side that is left open.
std::string shape_text(const codec::onnx::Shape& shape);

Shapes shapes_of(const codec::onnx::Graph& graph);

// Multiplications with an addition: of convolutions and matrix products; 0 for the others, nothing
// when a shape it takes is not known.
std::optional<std::uint64_t> multiplications_of(const codec::onnx::Node& node, const Shapes& shapes);

}  // namespace selvedge::cli
