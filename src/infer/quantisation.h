// Quantisation: what the whole numbers of a quantised model's inputs and outputs stand for, read off
// its graph. Pure; any thread.

#pragma once

#include <string_view>

#include "codec/onnx/graph.h"
#include "infer/tensor.h"

namespace selvedge::infer {

// A whole number stands for (number - zero_point) * scale.
struct Scale {
  float scale = 1;
  int zero_point = 0;
};

// Of an input that goes into a DequantizeLinear, or an output that comes out of a QuantizeLinear, of one
// scale; {1, 0}, the number itself, where the graph says nothing.
Scale scale_of(const codec::onnx::Graph& graph, std::string_view value);

// The elements as floats: in place where they are, else in `scratch`. Code::invalid_input for texts
// and other types that nothing is made of here.
base::Result<std::span<const float>> floats_of(const Tensor& tensor, const Scale& scale, std::vector<float>& scratch);

}  // namespace selvedge::infer
