// Tensor: an array of numbers with its shape, owned or seen. Plain values; any thread.

#pragma once

#include "codec/onnx/graph.h"

namespace selvedge::infer {

using codec::onnx::ElementType;
using codec::onnx::Shape;
using codec::onnx::ValueInfo;

// Bytes of somebody else, which must stay until the call they are given to returns.
struct TensorView {
  ElementType type = ElementType::float32;
  std::span<const std::int64_t> shape;             // no -1
  base::BytesView data;                            // little-endian, row by row
};

struct Tensor {
  ElementType type = ElementType::float32;
  Shape shape;
  base::Bytes data;

  TensorView view() const { return {type, shape, data}; }
  // The elements as floats. Only for ElementType::float32.
  std::span<const float> floats() const {
    return {reinterpret_cast<const float*>(data.data()), data.size() / sizeof(float)};
  }
};

}  // namespace selvedge::infer
