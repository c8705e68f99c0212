#include <cmath>
#include <cstring>
#include <numeric>

#include "engine/quantise/steps.h"

namespace selvedge::engine::quantise {

using base::Result;

namespace {

constexpr std::size_t most_elements = std::size_t{1} << 26;

using Found = std::optional<Constant>;
using Axes = std::vector<std::int64_t>;

float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half & 0x8000U} << 16, exponent = half >> 10 & 31U, rest = half & 1023U;
  if (exponent == 0) return std::copysign(std::ldexp(static_cast<float>(rest), -24), sign != 0 ? -1.0F : 1.0F);
  return std::bit_cast<float>(sign | (exponent == 31 ? 255U : exponent + 112U) << 23 | rest << 13);
}

Found cast(const Node& node, const Constant& from) {
  if (integer_of(node, "to", 0) != std::int64_t(ElementType::float32)) return std::nullopt;
  std::vector<float> values;
  if (from.type == ElementType::float32) {
    values = floats_of(from);
  } else if (from.type == ElementType::int64 || from.type == ElementType::int32) {
    for (const std::int64_t value : integers_of(from)) values.push_back(static_cast<float>(value));
  } else if (from.type == ElementType::float16) {
    for (std::size_t at = 0; at + 2 <= from.data.size(); at += 2)
      values.push_back(half_to_float(static_cast<std::uint16_t>(from.data[at] | from.data[at + 1] << 8)));
  } else {
    return std::nullopt;
  }
  return make_floats("", from.shape, values);
}

Found reshape(const Constant& from, Shape to) {
  std::int64_t known = 1;
  std::optional<std::size_t> open;
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (to[i] == 0) to[i] = i < from.shape.size() ? from.shape[i] : 1;
    if (to[i] < 0 && open) return std::nullopt;
    if (to[i] < 0) open = i;
    else known *= to[i];
  }
  const auto elements = codec::onnx::elements_of(from.shape);
  if (!elements || known <= 0) return std::nullopt;
  if (open) to[*open] = std::int64_t(*elements) / known;
  const auto now = codec::onnx::elements_of(to);
  if (!now || *now != *elements) return std::nullopt;
  Constant made = from;
  made.shape = std::move(to);
  return made;
}

Found unsqueeze(const Constant& from, Axes axes) {
  Shape to(from.shape.size() + axes.size(), 0);
  for (std::int64_t axis : axes) {
    if (axis < 0) axis += std::int64_t(to.size());
    if (axis < 0 || axis >= std::int64_t(to.size())) return std::nullopt;
    to[std::size_t(axis)] = 1;
  }
  std::size_t next = 0;
  for (std::int64_t& size : to)
    if (size == 0 && next < from.shape.size()) size = from.shape[next++];
  return reshape(from, to);
}

Found transpose(const Node& node, const Constant& from) {
  const std::size_t rank = from.shape.size(), each = codec::onnx::bytes_of(from.type);
  Axes order = integers_of(node, "perm");
  if (order.empty())
    for (std::size_t i = rank; i-- > 0;) order.push_back(std::int64_t(i));
  if (order.size() != rank || each == 0) return std::nullopt;
  std::vector<std::size_t> steps(rank, 1), taken(rank);
  for (std::size_t i = rank; i-- > 1;) steps[i - 1] = steps[i] * std::size_t(from.shape[i]);
  Constant made{"", from.type, Shape(rank), base::Bytes(from.data.size())};
  for (std::size_t i = 0; i < rank; ++i) {
    if (order[i] < 0 || order[i] >= std::int64_t(rank)) return std::nullopt;
    made.shape[i] = from.shape[std::size_t(order[i])];
  }
  for (std::size_t to = 0; to + each <= made.data.size(); to += each) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < rank; ++i) at += taken[i] * steps[std::size_t(order[i])];
    std::memcpy(made.data.data() + to, from.data.data() + at * each, each);
    for (std::size_t i = rank; i-- > 0;) {
      if (++taken[i] < std::size_t(made.shape[i])) break;
      taken[i] = 0;
    }
  }
  return made;
}

// By NumPy's rule of broadcasting.
Found arithmetic(const std::string& op, const Constant& a, const Constant& b) {
  const std::size_t rank = std::max(a.shape.size(), b.shape.size());
  Shape shape(rank);
  const auto side = [&](const Constant& of, std::size_t i) -> std::int64_t {
    return i + of.shape.size() < rank ? 1 : of.shape[i + of.shape.size() - rank];
  };
  for (std::size_t i = 0; i < rank; ++i) {
    if (side(a, i) != side(b, i) && side(a, i) != 1 && side(b, i) != 1) return std::nullopt;
    shape[i] = side(a, i) == 1 ? side(b, i) : side(a, i);
  }
  const auto elements = codec::onnx::elements_of(shape, most_elements);
  if (!elements) return std::nullopt;
  const std::vector<float> left = floats_of(a), right = floats_of(b);
  std::vector<float> values(*elements);
  for (std::size_t n = 0; n < values.size(); ++n) {
    std::size_t rest = n, at_a = 0, at_b = 0, step_a = 1, step_b = 1;
    for (std::size_t i = rank; i-- > 0;) {
      const std::size_t index = rest % std::size_t(shape[i]);
      rest /= std::size_t(shape[i]);
      if (side(a, i) != 1) at_a += index * step_a;
      if (side(b, i) != 1) at_b += index * step_b;
      step_a *= std::size_t(side(a, i));
      step_b *= std::size_t(side(b, i));
    }
    const float x = left[at_a], y = right[at_b];
    values[n] = op == "Add" ? x + y : op == "Sub" ? x - y : op == "Mul" ? x * y : x / y;
  }
  return make_floats("", shape, values);
}

Found evaluate(const Node& node, const std::vector<const Constant*>& in) {
  if (is(node, "Constant")) {
    const Attribute* value = node.attribute("value");
    if (value != nullptr)
      if (const auto* constant = std::get_if<Constant>(&value->value)) return *constant;
    if (node.attribute("value_float") != nullptr) {
      const float number = real_of(node, "value_float", 0);
      return make_floats("", {}, std::span(&number, 1));
    }
    return std::nullopt;
  }
  if (in.empty() || in[0] == nullptr) return std::nullopt;
  const Constant& from = *in[0];
  const bool second = in.size() > 1 && in[1] != nullptr;
  const bool whole = second && in[1]->type == ElementType::int64;
  if (is(node, "Identity")) return from;
  if (is(node, "Cast")) return cast(node, from);
  if (is(node, "Transpose")) return transpose(node, from);
  if (is(node, "Reshape") && whole && integer_of(node, "allowzero", 0) == 0) return reshape(from, integers_of(*in[1]));
  if (is(node, "Unsqueeze") && whole) return unsqueeze(from, integers_of(*in[1]));
  if (from.type != ElementType::float32) return std::nullopt;
  if (is(node, "Sqrt") || is(node, "Neg")) {
    std::vector<float> values = floats_of(from);
    for (float& value : values) value = node.op == "Sqrt" ? std::sqrt(value) : -value;
    return make_floats("", from.shape, values);
  }
  if ((is(node, "Add") || is(node, "Sub") || is(node, "Mul") || is(node, "Div")) && second &&
      in[1]->type == ElementType::float32)
    return arithmetic(node.op, from, *in[1]);
  return std::nullopt;
}

// What passes its input on as it is.
bool does_nothing(const Node& node) {
  if (is(node, "Identity")) return true;
  return is(node, "Dropout") && (node.outputs.size() < 2 || node.outputs[1].empty()) && input_of(node, 2).empty();
}

}  // namespace

Result<void> fold_constants(Graph& graph) {
  std::unordered_map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < graph.constants.size(); ++i) known[graph.constants[i].name] = i;
  std::unordered_map<std::string, std::string> instead;
  std::unordered_map<std::string, bool> outside;
  for (const auto& output : graph.outputs) outside[output.name] = true;
  std::vector<bool> gone(graph.nodes.size());
  const bool inner = has_inner_graph(graph);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    Node& node = graph.nodes[n];
    for (std::string& input : node.inputs)
      if (const auto other = instead.find(input); other != instead.end()) input = other->second;
    if (node.outputs.empty() || outside.contains(node.outputs[0])) continue;
    std::vector<const Constant*> in;
    for (const std::string& input : node.inputs) {
      const auto found = known.find(input);
      in.push_back(found == known.end() ? nullptr : &graph.constants[found->second]);
    }
    if (Found made = evaluate(node, in)) {
      made->name = node.outputs[0];
      known[made->name] = graph.constants.size();
      graph.constants.push_back(std::move(*made));
      gone[n] = true;
    } else if (!inner && does_nothing(node)) {
      instead[node.outputs[0]] = node.inputs[0];
      gone[n] = true;
    }
  }
  drop_nodes(graph, gone);
  return {};
}

}  // namespace selvedge::engine::quantise
