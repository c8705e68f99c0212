#include "cli/graph_shapes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

namespace selvedge::cli {

using codec::onnx::Attribute;
using codec::onnx::Constant;
using codec::onnx::ElementType;
using codec::onnx::Graph;
using codec::onnx::Node;
using codec::onnx::Shape;

namespace {

using Integers = std::vector<std::int64_t>;
constexpr std::int64_t most = std::int64_t{1} << 40;         // elements; a model may say anything
constexpr std::int64_t widest = std::int64_t{1} << 30;       // a side, stride or pad; products of two and their sums fit
constexpr std::size_t most_axes = 16;

const std::set<std::string_view> unchanged = {
    "Relu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Softmax", "LogSoftmax", "Tanh", "Exp", "Log", "Sqrt", "Neg",
    "Abs", "Floor", "Ceil", "Round", "Erf", "Cast", "Identity", "Dropout", "QuantizeLinear", "DequantizeLinear",
    "BatchNormalization", "InstanceNormalization", "LayerNormalization", "LeakyRelu", "Elu", "Selu", "Gelu", "LRN",
    "Not", "Reciprocal", "Sign", "Softplus", "ThresholdedRelu", "CumSum", "Celu", "Mish"};
const std::set<std::string_view> elementwise = {
    "Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "PRelu", "Where", "Equal", "Less", "Greater", "And", "Or", "Xor",
    "LessOrEqual", "GreaterOrEqual", "Mod", "Sum", "Mean"};
const std::set<std::string_view> reductions = {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd",
                                               "ReduceL2", "ReduceL1", "ArgMax", "ArgMin"};

std::int64_t bounded(std::int64_t value) { return std::clamp(value, -widest, widest); }

std::int64_t number(const Node& node, std::string_view name, std::int64_t otherwise) {
  const Attribute* found = node.attribute(name);
  const auto* value = found == nullptr ? nullptr : std::get_if<std::int64_t>(&found->value);
  return bounded(value == nullptr ? otherwise : *value);
}

Integers numbers(const Node& node, std::string_view name) {
  const Attribute* found = node.attribute(name);
  const auto* value = found == nullptr ? nullptr : std::get_if<Integers>(&found->value);
  if (value == nullptr) return {};
  Integers all(value->begin(), value->begin() + static_cast<std::ptrdiff_t>(std::min(value->size(), 2 * most_axes)));
  std::ranges::transform(all, all.begin(), bounded);
  return all;
}

std::int64_t product(const Shape& shape) {
  std::int64_t all = 1;
  for (const std::int64_t side : shape) {
    if (side < 0 || (side > 0 && all > most / side)) return most;
    all *= side;
  }
  return all;
}

class Follower {
 public:
  explicit Follower(const Graph& graph) {
    for (const auto& input : graph.inputs) keep(input.name, input.shape);
    for (const auto& value : graph.values) keep(value.name, value.shape);
    for (const Constant& constant : graph.constants) {
      constants_[constant.name] = &constant;
      keep(constant.name, constant.shape);
    }
    for (const Node& node : graph.nodes) {
      if (node.op == "Constant")
        if (const Attribute* value = node.attribute("value"); value != nullptr && !node.outputs.empty())
          if (const auto* constant = std::get_if<Constant>(&value->value)) {
            constants_[node.outputs[0]] = constant;
            keep(node.outputs[0], constant->shape);
            continue;
          }
      follow(node);
    }
    for (const auto& output : graph.outputs) keep(output.name, output.shape);
  }

  Shapes take() { return std::move(shapes_); }

 private:
  void keep(const std::string& name, Shape shape) {
    if (name.empty() || shape.size() > most_axes) return;
    for (std::int64_t& side : shape) {
      side = side < 0 ? 1 : side;
      if (side > widest) return;
    }
    if (product(shape) < most) shapes_.try_emplace(name, std::move(shape));
  }

  const Shape* input(const Node& node, std::size_t at) const {
    if (at >= node.inputs.size()) return nullptr;
    const auto found = shapes_.find(node.inputs[at]);
    return found == shapes_.end() ? nullptr : &found->second;
  }

  // The numbers of a constant input; nothing if it is none.
  std::optional<Integers> constant(const Node& node, std::size_t at) const {
    if (at >= node.inputs.size()) return std::nullopt;
    const auto found = constants_.find(node.inputs[at]);
    if (found == constants_.end()) return std::nullopt;
    const Constant& from = *found->second;
    Integers to;
    if (from.type == ElementType::int64 && from.data.size() <= 16 * most_axes) {
      to.resize(from.data.size() / 8);
      if (!to.empty()) std::memcpy(to.data(), from.data.data(), to.size() * 8);
    } else if (from.type == ElementType::int32 && from.data.size() <= 8 * most_axes) {
      std::vector<std::int32_t> narrow(from.data.size() / 4);
      if (!narrow.empty()) std::memcpy(narrow.data(), from.data.data(), narrow.size() * 4);
      to.assign(narrow.begin(), narrow.end());
    } else {
      return std::nullopt;
    }
    std::ranges::transform(to, to.begin(), bounded);
    return to;
  }

  std::vector<float> scales(const Node& node, std::size_t at) const {
    if (at >= node.inputs.size()) return {};
    const auto found = constants_.find(node.inputs[at]);
    if (found == constants_.end() || found->second->type != ElementType::float32) return {};
    std::vector<float> to(std::min(found->second->data.size() / 4, most_axes));
    if (!to.empty()) std::memcpy(to.data(), found->second->data.data(), to.size() * 4);
    return to;
  }

  // An attribute in old models, an input in new ones.
  Integers axes(const Node& node, std::string_view name, std::size_t at) const {
    if (const Integers said = numbers(node, name); !said.empty()) return said;
    return constant(node, at).value_or(Integers{});
  }

  void follow(const Node& node) {
    if (node.outputs.empty()) return;
    const Shape* first = input(node, 0);
    if (node.op == "Split") return split(node);
    std::optional<Shape> made;
    if (elementwise.contains(node.op)) made = broadcast(node);
    else if (node.op == "Concat") made = concatenate(node);
    else if (first == nullptr) return;
    else if (unchanged.contains(node.op)) made = *first;
    else if (node.op == "Conv" || node.op == "ConvInteger") made = windows(node, *first, input(node, 1));
    else if (node.op == "QLinearConv") made = windows(node, *first, input(node, 3));
    else if (node.op == "MaxPool" || node.op == "AveragePool" || node.op == "LpPool") made = windows(node, *first, nullptr);
    else if (node.op == "ConvTranspose") made = transposed(node, *first);
    else if (node.op.starts_with("Global")) made = global(*first);
    else if (node.op == "MatMul" || node.op == "MatMulInteger") made = matrices(*first, input(node, 1));
    else if (node.op == "Gemm") made = gemm(node, *first);
    else if (node.op == "Reshape") made = reshape(node, *first);
    else if (node.op == "Flatten") made = flatten(node, *first);
    else if (node.op == "Transpose") made = transpose(node, *first);
    else if (node.op == "Squeeze" || node.op == "Unsqueeze") made = squeeze(node, *first);
    else if (node.op == "Pad") made = pad(node, *first);
    else if (node.op == "Resize" || node.op == "Upsample") made = resize(node, *first);
    else if (node.op == "Gather") made = gather(node, *first);
    else if (node.op == "DepthToSpace" || node.op == "SpaceToDepth") made = blocks(node, *first);
    else if (reductions.contains(node.op)) made = reduce(node, *first);
    if (made) keep(node.outputs[0], std::move(*made));
  }

  std::optional<Shape> broadcast(const Node& node) const {
    Shape to;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const Shape* from = input(node, i);
      if (from == nullptr) return std::nullopt;
      if (from->size() > to.size()) to.insert(to.begin(), from->size() - to.size(), 1);
      for (std::size_t a = 0; a < from->size(); ++a) {
        std::int64_t& side = to[to.size() - from->size() + a];
        if (side == 1) side = (*from)[a];
      }
    }
    return to;
  }

  static std::optional<std::size_t> axis_of(std::int64_t axis, std::size_t axes) {
    if (axis < 0) axis += static_cast<std::int64_t>(axes);
    if (axis < 0 || axis >= static_cast<std::int64_t>(axes)) return std::nullopt;
    return static_cast<std::size_t>(axis);
  }

  std::optional<Shape> concatenate(const Node& node) const {
    std::optional<Shape> to;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const Shape* from = input(node, i);
      if (from == nullptr || (to && from->size() != to->size())) return std::nullopt;
      if (!to) {
        to = *from;
        continue;
      }
      const auto axis = axis_of(number(node, "axis", 0), to->size());
      if (!axis) return std::nullopt;
      (*to)[*axis] += (*from)[*axis];
    }
    return to;
  }

  // Convolution or, without weights, pooling.
  std::optional<Shape> windows(const Node& node, const Shape& from, const Shape* weights) const {
    if (from.size() < 3) return std::nullopt;
    const std::size_t spatial = from.size() - 2;
    const bool pooling = node.op.ends_with("Pool");
    Integers kernel = numbers(node, "kernel_shape");
    if (!pooling && (weights == nullptr || weights->size() != from.size())) return std::nullopt;
    if (kernel.empty() && weights != nullptr) kernel.assign(weights->begin() + 2, weights->end());
    if (kernel.size() != spatial) return std::nullopt;
    Integers strides = numbers(node, "strides"), dilations = numbers(node, "dilations"), pads = numbers(node, "pads");
    strides.resize(spatial, 1);
    dilations.resize(spatial, 1);
    pads.resize(2 * spatial, 0);
    const Attribute* automatic = node.attribute("auto_pad");
    const auto* padding = automatic == nullptr ? nullptr : std::get_if<std::string>(&automatic->value);
    Shape to{from[0], pooling ? from[1] : (*weights)[0]};
    for (std::size_t i = 0; i < spatial; ++i) {
      if (strides[i] < 1) return std::nullopt;
      if (padding != nullptr && padding->starts_with("SAME")) {
        to.push_back((from[i + 2] + strides[i] - 1) / strides[i]);
        continue;
      }
      const std::int64_t room = from[i + 2] + pads[i] + pads[i + spatial] - dilations[i] * (kernel[i] - 1) - 1;
      if (room < 0) return std::nullopt;
      const std::int64_t up = number(node, "ceil_mode", 0) != 0 ? strides[i] - 1 : 0;
      to.push_back((room + up) / strides[i] + 1);
    }
    return to;
  }

  std::optional<Shape> transposed(const Node& node, const Shape& from) const {
    const Shape* weights = input(node, 1);
    if (from.size() < 3 || weights == nullptr || weights->size() != from.size()) return std::nullopt;
    const std::size_t spatial = from.size() - 2;
    Integers strides = numbers(node, "strides"), pads = numbers(node, "pads"), more = numbers(node, "output_padding");
    const Integers said = numbers(node, "output_shape");
    strides.resize(spatial, 1);
    pads.resize(2 * spatial, 0);
    more.resize(spatial, 0);
    Shape to{from[0], (*weights)[1] * number(node, "group", 1)};
    for (std::size_t i = 0; i < spatial; ++i)
      to.push_back(said.size() >= spatial ? said[said.size() - spatial + i]
                                          : strides[i] * (from[i + 2] - 1) + more[i] + (*weights)[i + 2] - pads[i] -
                                                pads[i + spatial]);
    return to;
  }

  static std::optional<Shape> global(const Shape& from) {
    Shape to = from;
    for (std::size_t i = 2; i < to.size(); ++i) to[i] = 1;
    return to;
  }

  static std::optional<Shape> matrices(const Shape& left, const Shape* right) {
    if (right == nullptr || left.size() < 2 || right->size() < 2) return std::nullopt;
    Shape to = left.size() >= right->size() ? left : *right;
    to[to.size() - 2] = left[left.size() - 2];
    to.back() = right->back();
    return to;
  }

  std::optional<Shape> gemm(const Node& node, const Shape& left) const {
    const Shape* right = input(node, 1);
    if (right == nullptr || left.size() != 2 || right->size() != 2) return std::nullopt;
    return Shape{left[number(node, "transA", 0) != 0 ? 1 : 0], (*right)[number(node, "transB", 0) != 0 ? 0 : 1]};
  }

  std::optional<Shape> reshape(const Node& node, const Shape& from) const {
    auto to = constant(node, 1);
    if (!to) return std::nullopt;
    std::int64_t known = 1;
    for (std::size_t i = 0; i < to->size(); ++i) {
      if ((*to)[i] == 0 && i < from.size()) (*to)[i] = from[i];
      if ((*to)[i] <= 0) continue;
      if (known > most / (*to)[i]) return std::nullopt;
      known *= (*to)[i];
    }
    for (std::int64_t& side : *to)
      if (side == -1) side = product(from) / known;
    return to;
  }

  static std::optional<Shape> flatten(const Node& node, const Shape& from) {
    const auto axis = number(node, "axis", 1), axes = static_cast<std::int64_t>(from.size());
    const auto at = std::clamp<std::int64_t>(axis < 0 ? axis + axes : axis, 0, axes);
    return Shape{product(Shape(from.begin(), from.begin() + at)), product(Shape(from.begin() + at, from.end()))};
  }

  static std::optional<Shape> transpose(const Node& node, const Shape& from) {
    const Integers order = numbers(node, "perm");
    Shape to;
    for (std::size_t i = 0; i < from.size(); ++i) {
      const auto axis = axis_of(order.empty() ? static_cast<std::int64_t>(from.size() - 1 - i)
                                              : i < order.size() ? order[i] : -100, from.size());
      if (!axis) return std::nullopt;
      to.push_back(from[*axis]);
    }
    return to;
  }

  std::optional<Shape> squeeze(const Node& node, const Shape& from) const {
    const Integers said = axes(node, "axes", 1);
    const bool adds = node.op == "Unsqueeze";
    const std::size_t count = from.size() + (adds ? said.size() : 0);
    std::set<std::size_t> at;
    for (const std::int64_t axis : said)
      if (const auto found = axis_of(axis, count)) at.insert(*found);
    Shape to;
    std::size_t next = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (adds) to.push_back(at.contains(i) || next >= from.size() ? 1 : from[next++]);
      else if (at.empty() ? from[i] != 1 : !at.contains(i)) to.push_back(from[i]);
    }
    return to;
  }

  std::optional<Shape> pad(const Node& node, const Shape& from) const {
    const Integers pads = axes(node, "pads", 1);
    if (pads.size() != 2 * from.size()) return std::nullopt;
    Shape to = from;
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += pads[i] + pads[i + to.size()];
    return to;
  }

  std::optional<Shape> resize(const Node& node, const Shape& from) const {
    if (auto sizes = constant(node, 3); sizes && sizes->size() == from.size()) return sizes;
    const auto by = scales(node, node.op == "Upsample" ? 1 : 2);
    if (by.size() != from.size()) return std::nullopt;
    Shape to = from;
    for (std::size_t i = 0; i < to.size(); ++i) {
      const double side = std::floor(static_cast<double>(from[i]) * static_cast<double>(by[i]));
      if (!(side >= 0 && side < static_cast<double>(most))) return std::nullopt;
      to[i] = static_cast<std::int64_t>(side);
    }
    return to;
  }

  std::optional<Shape> gather(const Node& node, const Shape& from) const {
    const Shape* which = input(node, 1);
    const auto axis = axis_of(number(node, "axis", 0), from.size());
    if (which == nullptr || !axis) return std::nullopt;
    Shape to(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(*axis));
    to.insert(to.end(), which->begin(), which->end());
    to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(*axis) + 1, from.end());
    return to;
  }

  static std::optional<Shape> blocks(const Node& node, const Shape& from) {
    const std::int64_t side = number(node, "blocksize", 0);
    if (from.size() != 4 || side < 1 || side > 1024) return std::nullopt;
    if (node.op == "DepthToSpace") return Shape{from[0], from[1] / (side * side), from[2] * side, from[3] * side};
    return Shape{from[0], from[1] * side * side, from[2] / side, from[3] / side};
  }

  std::optional<Shape> reduce(const Node& node, const Shape& from) const {
    Integers said = axes(node, "axes", 1);
    if (node.op.starts_with("Arg")) said = {number(node, "axis", 0)};
    std::set<std::size_t> gone;
    for (const std::int64_t axis : said)
      if (const auto found = axis_of(axis, from.size())) gone.insert(*found);
    Shape to;
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (!said.empty() && !gone.contains(i)) to.push_back(from[i]);
      else if (number(node, "keepdims", 1) != 0) to.push_back(1);
    }
    return to;
  }

  void split(const Node& node) {
    const Shape* from = input(node, 0);
    if (from == nullptr) return;
    const auto axis = axis_of(number(node, "axis", 0), from->size());
    const Integers sizes = axes(node, "split", 1);
    if (!axis) return;
    const Shape whole = *from;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      Shape to = whole;
      to[*axis] = i < sizes.size() ? sizes[i] : whole[*axis] / static_cast<std::int64_t>(node.outputs.size());
      keep(node.outputs[i], std::move(to));
    }
  }

  Shapes shapes_;
  std::unordered_map<std::string, const Constant*> constants_;
};

}  // namespace

std::string shape_text(const Shape& shape) {
  std::string text;
  for (const std::int64_t side : shape) text += (text.empty() ? "" : "x") + (side < 0 ? "?" : std::to_string(side));
  return text.empty() ? "scalar" : text;
}

Shapes shapes_of(const Graph& graph) { return Follower(graph).take(); }

std::optional<std::uint64_t> multiplications_of(const Node& node, const Shapes& shapes) {
  const bool quantised = node.op == "QLinearConv" || node.op == "QLinearMatMul";
  const bool window = node.op.starts_with("Conv") || node.op == "QLinearConv";
  if (!window && node.op != "Gemm" && !node.op.starts_with("MatMul") && !quantised) return 0;
  const std::size_t second = quantised ? 3 : 1;
  if (node.inputs.size() <= second || node.outputs.empty()) return std::nullopt;
  const auto left = shapes.find(node.inputs[0]), right = shapes.find(node.inputs[second]),
             out = shapes.find(node.outputs[0]);
  if (left == shapes.end() || right == shapes.end() || out == shapes.end() || right->second.empty()) return std::nullopt;
  std::int64_t each = 1, count = product(out->second);
  if (window) {
    each = product(Shape(right->second.begin() + 1, right->second.end()));
    if (node.op == "ConvTranspose") count = product(left->second);
  } else if (left->second.empty()) {
    return std::nullopt;
  } else if (node.op == "Gemm") {
    each = left->second[number(node, "transA", 0) != 0 ? 0 : left->second.size() - 1];
  } else {
    each = left->second.back();
  }
  if (each > 0 && count > most / each) return std::nullopt;
  return static_cast<std::uint64_t>(each * count);
}

}  // namespace selvedge::cli
