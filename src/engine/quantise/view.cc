#include "engine/quantise/view.h"

#include <algorithm>
#include <cstring>

#include "engine/quantise/options.h"

namespace selvedge::engine::quantise {

std::string_view name_of(Target target) {
  switch (target) {
    case Target::x86: return "x86";
    case Target::x86_old: return "x86-old";
    case Target::arm: return "arm";
  }
  return "";
}

std::string_view name_of(RangeRule rule) {
  switch (rule) {
    case RangeRule::extremes: return "extremes";
    case RangeRule::percentile: return "percentile";
    case RangeRule::least_error: return "least-error";
  }
  return "";
}

View::View(const Graph& graph) : graph_(&graph), constants_(codec::onnx::constants_of(graph)) {
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      if (!node.inputs[i].empty()) users_[node.inputs[i]].push_back({n, i});
    for (const std::string& output : node.outputs)
      if (!output.empty()) makers_.emplace(output, n);
  }
  for (const auto& output : graph.outputs) outputs_.insert(output.name);
}

std::optional<std::size_t> View::maker(std::string_view value) const {
  const auto found = makers_.find(value);
  if (found == makers_.end()) return std::nullopt;
  return found->second;
}

std::span<const Use> View::users(std::string_view value) const {
  const auto found = users_.find(value);
  if (found == users_.end()) return {};
  return found->second;
}

const Constant* View::constant(std::string_view name) const {
  const auto found = constants_.find(name);
  return found == constants_.end() ? nullptr : found->second;
}

const Constant* View::numbers(std::string_view name) const {
  const Constant* found = constant(name);
  return found != nullptr && found->type == ElementType::float32 ? found : nullptr;
}

bool is(const Node& node, std::string_view op) {
  return node.op == op && (node.domain.empty() || node.domain == "ai.onnx");
}

const std::string& input_of(const Node& node, std::size_t index) {
  static const std::string none;
  return index < node.inputs.size() ? node.inputs[index] : none;
}

std::int64_t integer_of(const Node& node, std::string_view attribute, std::int64_t otherwise) {
  const Attribute* found = node.attribute(attribute);
  const auto* value = found == nullptr ? nullptr : std::get_if<std::int64_t>(&found->value);
  return value == nullptr ? otherwise : *value;
}

float real_of(const Node& node, std::string_view attribute, float otherwise) {
  const Attribute* found = node.attribute(attribute);
  const auto* value = found == nullptr ? nullptr : std::get_if<float>(&found->value);
  return value == nullptr ? otherwise : *value;
}

std::vector<std::int64_t> integers_of(const Node& node, std::string_view attribute) {
  const Attribute* found = node.attribute(attribute);
  const auto* value = found == nullptr ? nullptr : std::get_if<std::vector<std::int64_t>>(&found->value);
  return value == nullptr ? std::vector<std::int64_t>{} : *value;
}

void remove(Node& node, std::string_view attribute) {
  std::erase_if(node.attributes, [&](const Attribute& one) { return one.name == attribute; });
}

void set(Node& node, std::string_view attribute, std::vector<std::int64_t> values) {
  remove(node, attribute);
  node.attributes.push_back({std::string(attribute), std::move(values)});
}

std::vector<float> floats_of(const Constant& constant) {
  CHECK(constant.type == ElementType::float32);
  std::vector<float> values(constant.data.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), constant.data.data(), values.size() * sizeof(float));
  return values;
}

std::vector<std::int64_t> integers_of(const Constant& constant) {
  CHECK(constant.type == ElementType::int64 || constant.type == ElementType::int32);
  const std::size_t each = constant.type == ElementType::int64 ? 8 : 4;
  std::vector<std::int64_t> values;
  for (std::size_t at = 0; at + each <= constant.data.size(); at += each) {
    std::int64_t wide = 0;
    std::int32_t narrow = 0;
    if (each == 8) std::memcpy(&wide, constant.data.data() + at, 8);
    else std::memcpy(&narrow, constant.data.data() + at, 4);
    values.push_back(each == 8 ? wide : narrow);
  }
  return values;
}

std::optional<float> one_float(const View& view, std::string_view name) {
  const Constant* found = view.numbers(name);
  if (found == nullptr || found->data.size() != sizeof(float)) return std::nullopt;
  return floats_of(*found)[0];
}

Constant make_floats(std::string name, Shape shape, std::span<const float> values) {
  return make_constant(std::move(name), ElementType::float32, std::move(shape), values);
}

Constant make_integers(std::string name, Shape shape, std::span<const std::int64_t> values) {
  return make_constant(std::move(name), ElementType::int64, std::move(shape), values);
}

std::string free_name(const Graph& graph, std::string wish) {
  std::unordered_set<std::string_view> taken;
  for (const auto& input : graph.inputs) taken.insert(input.name);
  for (const auto& output : graph.outputs) taken.insert(output.name);
  for (const auto& constant : graph.constants) taken.insert(constant.name);
  for (const auto& node : graph.nodes) taken.insert(node.outputs.begin(), node.outputs.end());
  std::string name = wish;
  for (int number = 2; taken.contains(name); ++number) name = wish + "_" + std::to_string(number);
  return name;
}

std::string add_constant(Graph& graph, Constant constant) {
  constant.name = free_name(graph, std::move(constant.name));
  graph.constants.push_back(std::move(constant));
  return graph.constants.back().name;
}

bool has_inner_graph(const Graph& graph) {
  return std::ranges::any_of(graph.nodes, [](const Node& node) {
    return std::ranges::any_of(node.attributes, [](const Attribute& one) {
      return std::holds_alternative<codec::onnx::Inner>(one.value);
    });
  });
}

std::string title_of(const Node& node) {
  if (!node.name.empty()) return node.op + " '" + node.name + "'";
  return node.op + " making '" + (node.outputs.empty() ? "nothing" : node.outputs[0]) + "'";
}

}  // namespace selvedge::engine::quantise
