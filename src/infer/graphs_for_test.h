// Small graphs for tests, as ONNX bytes.

#pragma once

#include "codec/onnx/graph.h"

namespace selvedge::infer {

// y = x + x.
inline codec::onnx::Graph doubling(codec::onnx::Shape shape,
                                   codec::onnx::ElementType type = codec::onnx::ElementType::float32) {
  codec::onnx::Graph graph;
  graph.name = "doubling";
  graph.inputs = {{"x", type, shape}};
  graph.outputs = {{"y", type, shape}};
  graph.nodes = {{"add", "Add", "", {"x", "x"}, {"y"}, {}}};
  return graph;
}

// y = x * w, a matrix of that side: work and weights as large as one likes.
inline codec::onnx::Graph product(std::int64_t side) {
  codec::onnx::Graph graph;
  graph.name = "product";
  graph.inputs = {{"x", codec::onnx::ElementType::float32, {1, side}}};
  graph.outputs = {{"y", codec::onnx::ElementType::float32, {1, side}}};
  graph.nodes = {{"multiply", "MatMul", "", {"x", "w"}, {"y"}, {}}};
  graph.constants = {{"w", codec::onnx::ElementType::float32, {side, side}, base::Bytes(std::size_t(side * side) * 4)}};
  return graph;
}

}  // namespace selvedge::infer
