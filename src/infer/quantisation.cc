#include "infer/quantisation.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace selvedge::infer {

namespace {

using codec::onnx::Constant;
using codec::onnx::Graph;
using codec::onnx::Node;

const Constant* constant(const Graph& graph, const std::string& name) {
  const auto at = std::ranges::find(graph.constants, name, &Constant::name);
  return at == graph.constants.end() ? nullptr : &*at;
}

template <typename Number>
Number first(const Constant& from) {
  Number value{};
  std::memcpy(&value, from.data.data(), sizeof value);
  return value;
}

// Scale and zero point are the second and third inputs of both operators.
Scale scale_from(const Graph& graph, const Node& node) {
  Scale made;
  const Constant* scale = node.inputs.size() > 1 ? constant(graph, node.inputs[1]) : nullptr;
  if (scale == nullptr || scale->type != ElementType::float32 || scale->data.size() != sizeof(float)) return made;
  const auto value = first<float>(*scale);
  if (!std::isfinite(value) || value == 0) return made;
  made.scale = value;
  const Constant* zero = node.inputs.size() > 2 ? constant(graph, node.inputs[2]) : nullptr;
  if (zero == nullptr || zero->data.empty()) return made;
  if (zero->type == ElementType::uint8) made.zero_point = first<std::uint8_t>(*zero);
  if (zero->type == ElementType::int8) made.zero_point = first<std::int8_t>(*zero);
  return made;
}

template <typename Number>
std::span<const float> converted(const Tensor& tensor, const Scale& scale, std::vector<float>& scratch) {
  const std::size_t count = tensor.data.size() / sizeof(Number);
  scratch.resize(count);
  const auto zero = static_cast<float>(scale.zero_point);
  for (std::size_t i = 0; i < count; ++i) {
    Number value;
    std::memcpy(&value, tensor.data.data() + i * sizeof value, sizeof value);
    scratch[i] = (static_cast<float>(value) - zero) * scale.scale;
  }
  return scratch;
}

}  // namespace

Scale scale_of(const Graph& graph, std::string_view value) {
  for (const Node& node : graph.nodes) {
    const bool from = node.op == "DequantizeLinear" && !node.inputs.empty() && node.inputs[0] == value;
    const bool to = node.op == "QuantizeLinear" && !node.outputs.empty() && node.outputs[0] == value;
    if (from || to) return scale_from(graph, node);
  }
  return {};
}

base::Result<std::span<const float>> floats_of(const Tensor& tensor, const Scale& scale, std::vector<float>& scratch) {
  switch (tensor.type) {
    case ElementType::float32: return tensor.floats();
    case ElementType::float64: return converted<double>(tensor, scale, scratch);
    case ElementType::uint8: return converted<std::uint8_t>(tensor, scale, scratch);
    case ElementType::int8: return converted<std::int8_t>(tensor, scale, scratch);
    case ElementType::int32: return converted<std::int32_t>(tensor, scale, scratch);
    case ElementType::int64: return converted<std::int64_t>(tensor, scale, scratch);
    default:
      return base::fail(base::Code::invalid_input,
                        "an output of " + std::string(codec::onnx::name_of(tensor.type)) + " cannot be read as numbers");
  }
}

}  // namespace selvedge::infer
