#include "engine/quantise/quantise.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "engine/quantise/short_names.h"
#include "engine/quantise/step_groups.h"
#include "engine/quantise/weights.h"

namespace selvedge::engine::quantise {

using base::Code;
using base::fail;
using base::Result;

namespace {

class Writer {
 public:
  Writer(const Graph& from, const Plan& plan, std::span<const Statistics> seen, const Options& options)
      : from_(from), view_(from), plan_(plan), seen_(seen), options_(options), groups_(view_, plan, seen, options) {
    to_.name = from.name;
    to_.opset = from.opset;
    to_.inputs = from.inputs;
    to_.outputs = from.outputs;
    to_.other_sets = from.other_sets;
    for (const auto& input : from.inputs) taken_.insert(input.name);
    for (const Constant& constant : from.constants) taken_.insert(constant.name);
    for (const Node& node : from.nodes) taken_.insert(node.outputs.begin(), node.outputs.end());
  }

  Quantised run() {
    for (const auto& input : from_.inputs) convert_input(input.name);
    for (std::size_t n = 0; n < from_.nodes.size(); ++n) {
      switch (plan_.kinds[n]) {
        case Kind::absorbed: break;
        case Kind::in_float: write_float(n); break;
        default: write_in_bits(n);
      }
    }
    keep_used_constants();
    shorten_names(to_);
    made_.graph = std::move(to_);
    return std::move(made_);
  }

 private:
  std::string fresh(std::string wish) {
    std::string name = wish;
    for (int number = 2; !taken_.insert(name).second; ++number) name = wish + "_" + std::to_string(number);
    return name;
  }

  ElementType type() const { return is_unsigned(options_.target) ? ElementType::uint8 : ElementType::int8; }

  // Names of the constants that say a scale and a zero point; equal ones are there once.
  std::pair<std::string, std::string> say(const Steps& steps) {
    const auto known = std::ranges::find_if(said_, [&](const auto& one) { return one.first == steps; });
    if (known != said_.end()) return known->second;
    const std::string number = std::to_string(said_.size());
    const auto zero = static_cast<std::uint8_t>(steps.zero_point);
    Constant scale = make_floats(fresh("scale" + number), {}, std::span(&steps.scale, 1));
    Constant point = make_constant(fresh("zero" + number), type(), {}, std::span(&zero, 1));
    said_.push_back({steps, {scale.name, point.name}});
    to_.constants.push_back(std::move(scale));
    to_.constants.push_back(std::move(point));
    return said_.back().second;
  }

  // Values from -> to by way of 8 bits.
  void convert(const std::string& from, const std::string& to, const std::string& bits, const Steps& steps) {
    const auto [scale, zero] = say(steps);
    to_.nodes.push_back({"", "QuantizeLinear", "", {from, scale, zero}, {bits}, {}});
    to_.nodes.push_back({"", "DequantizeLinear", "", {bits, scale, zero}, {to}, {}});
  }

  // A value that a float node or the outside makes, for the 8-bit nodes that take it.
  void convert_input(const std::string& value) {
    const auto tap = groups_.tap(value);
    if (!tap) return;
    const std::string to = fresh(value + "/8");
    convert(value, to, fresh(value + "/q"), groups_.steps(*tap));
    instead_[value] = to;
  }

  void write_float(std::size_t n) {
    const Node& node = from_.nodes[n];
    to_.nodes.push_back(node);
    for (const std::string& output : node.outputs) convert_input(output);
    if (!is(node, "Constant")) made_.in_float.push_back(title_of(node));
  }

  void write_in_bits(std::size_t n) {
    Node node = from_.nodes[n];
    const std::string from = node.inputs[0];
    for (std::string& input : node.inputs)
      if (const auto other = instead_.find(input); other != instead_.end()) input = other->second;
    // Results have the name of what an absorbed Relu made; where they are wanted outside, they keep it.
    std::vector<std::string> results = node.outputs;
    results[0] = result_of(view_, plan_, n);
    if (plan_.kinds[n] == Kind::weighted) write_layer(node, from, results[0]);
    else if (plan_.kinds[n] == Kind::computes) write_operands(node);
    ++(plan_.kinds[n] == Kind::weighted ? made_.layers : made_.others);

    for (std::string& output : node.outputs)
      if (!output.empty()) output = fresh(output + "/f");
    const std::vector<std::string> raw = node.outputs;
    to_.nodes.push_back(std::move(node));
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i].empty()) continue;
      const auto tap = groups_.tap(results[i]);
      CHECK(tap);
      convert(raw[i], results[i], fresh(results[i] + "/q"), groups_.steps(*tap));
      note_head(results[i], *tap);
    }
  }

  void note_head(const std::string& value, std::size_t tap) {
    const auto users = view_.users(value);
    const bool leaves = view_.is_output(value) || std::ranges::any_of(users, [&](const Use& use) {
                          return plan_.kinds[use.node] == Kind::in_float;
                        });
    const Range& range = groups_.range(tap);
    if (leaves) made_.heads.push_back({value, range.least, range.greatest, groups_.steps(tap).scale});
  }

  // A constant in 8 bits and the node that says what it stands for.
  std::string bits_of(Constant bits, const Constant& scale, const std::string& zero, std::int64_t axis) {
    Node node{"", "DequantizeLinear", "", {bits.name, scale.name}, {fresh(bits.name + "/d")}, {}};
    if (!zero.empty()) node.inputs.push_back(zero);
    if (!scale.shape.empty()) node.attributes.push_back({"axis", axis});
    to_.constants.push_back(std::move(bits));
    to_.nodes.push_back(std::move(node));
    return to_.nodes.back().outputs[0];
  }

  // Zero points of weights.
  std::string zeros(std::size_t count, bool one) {
    std::string& name = zeros_[one ? 0 : count];
    if (!name.empty()) return name;
    const std::vector<std::int8_t> values(one ? 1 : count);
    name = fresh("zeros" + std::to_string(one ? 0 : count));
    to_.constants.push_back(make_constant<std::int8_t>(
        name, ElementType::int8, one ? Shape{} : Shape{std::int64_t(count)}, values));
    return name;
  }

  Layer layer_of(const Node& node, const Constant& weights, std::int64_t& axis) const {
    Layer layer;
    if (is(node, "Conv")) {
      layer.outputs = std::size_t(weights.shape[0]);
      layer.inputs = std::size_t(weights.shape[1]);
      for (std::size_t i = 2; i < weights.shape.size(); ++i) layer.taps *= std::size_t(weights.shape[i]);
      layer.out_step = layer.inputs * layer.taps;
      layer.in_step = layer.taps;
      const auto groups = std::size_t(std::max<std::int64_t>(1, integer_of(node, "group", 1)));
      layer.outputs_per_group = std::max<std::size_t>(1, layer.outputs / groups);
      axis = 0;
      return layer;
    }
    const bool rows = is(node, "Gemm") && integer_of(node, "transB", 0) != 0;
    layer.outputs = std::size_t(weights.shape[rows ? 0 : 1]);
    layer.inputs = std::size_t(weights.shape[rows ? 1 : 0]);
    layer.out_step = rows ? layer.inputs : 1;
    layer.in_step = rows ? 1 : layer.outputs;
    layer.outputs_per_group = std::max<std::size_t>(1, layer.outputs);
    axis = rows ? 0 : 1;
    return layer;
  }

  void write_layer(Node& node, const std::string& from, const std::string& result) {
    const Constant* weights = view_.numbers(node.inputs[1]);
    if (weights == nullptr) return;                // a product of two activations
    std::int64_t axis = 0;
    Layer layer = layer_of(node, *weights, axis);
    const std::vector<float> numbers = floats_of(*weights);
    std::vector<float> biases(is(node, "MatMul") ? 0 : layer.outputs);
    if (const Constant* bias = view_.numbers(input_of(node, 2)); bias != nullptr) biases = floats_of(*bias);
    if (biases.size() == 1) biases.resize(layer.outputs, biases[0]);
    const std::size_t tap = *groups_.tap(from);
    layer.weights = numbers;
    layer.biases = biases;
    layer.input = groups_.steps(tap);
    layer.output = groups_.steps(*groups_.tap(result));
    const std::size_t groups = layer.outputs / layer.outputs_per_group;
    if (seen_[tap].channels().size() == layer.inputs * groups) layer.seen = &seen_[tap];
    LayerInBits bits = quantise_layer(layer, options_);
    made_.channels += layer.outputs;
    made_.guarded += bits.guarded;
    made_.empty += bits.empty;
    made_.saturated += bits.saturated;

    const bool one = options_.weights == Weights::per_tensor;
    const Shape each = one ? Shape{} : Shape{std::int64_t(bits.scales.size())};
    const Constant scale = make_floats(fresh(result + "/ws"), each, bits.scales);
    to_.constants.push_back(scale);
    node.inputs[1] = bits_of(make_constant<std::int8_t>(fresh(result + "/w"), ElementType::int8, weights->shape, bits.weights),
                             scale, zeros(layer.outputs, one), axis);
    if (bits.biases.empty()) return;
    for (float& value : bits.scales) value *= layer.input.scale;
    const Constant steps = make_floats(fresh(result + "/bs"), each, bits.scales);
    to_.constants.push_back(steps);
    node.inputs.resize(3);
    node.inputs[2] = bits_of(make_constant<std::int32_t>(fresh(result + "/b"), ElementType::int32,
                                                         {std::int64_t(layer.outputs)}, bits.biases),
                             steps, "", 0);
  }

  // The constant operand of an Add or Mul.
  void write_operands(Node& node) {
    for (std::string& input : node.inputs) {
      const Constant* constant = view_.numbers(input);
      if (constant == nullptr) continue;
      const std::vector<float> numbers = floats_of(*constant);
      Range range;
      for (const float value : numbers) range.include({value, value});
      const Steps steps = steps_for(range, options_);
      const int least = is_unsigned(options_.target) ? 0 : -128;
      std::vector<std::uint8_t> bits;
      for (const float value : numbers)
        bits.push_back(static_cast<std::uint8_t>(
            std::clamp(static_cast<int>(std::lround(value / steps.scale)) + steps.zero_point, least, least + 255)));
      const auto [scale, zero] = say(steps);
      input = bits_of(make_constant<std::uint8_t>(fresh(input + "/q"), type(), constant->shape, bits), Constant{scale, {}, {}, {}},
                      zero, 0);
    }
  }

  void keep_used_constants() {
    std::unordered_set<std::string_view> used;
    for (const Node& node : to_.nodes) used.insert(node.inputs.begin(), node.inputs.end());
    for (const auto& output : to_.outputs) used.insert(output.name);
    const bool all = has_inner_graph(from_);
    for (const Constant& constant : from_.constants)
      if (all || used.contains(constant.name)) to_.constants.push_back(constant);
  }

  const Graph& from_;
  View view_;
  const Plan& plan_;
  std::span<const Statistics> seen_;
  const Options& options_;
  StepGroups groups_;
  Graph to_;
  Quantised made_;
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, std::string> instead_;   // of a value, for 8-bit nodes
  std::vector<std::pair<Steps, std::pair<std::string, std::string>>> said_;
  std::unordered_map<std::size_t, std::string> zeros_;
};

}  // namespace

Result<Quantised> quantise(const Graph& prepared, const Plan& plan, std::span<const Statistics> seen,
                           const Options& options) {
  CHECK(seen.size() == plan.taps.size() && plan.kinds.size() == prepared.nodes.size());
  if (options.weight_bits < 4 || options.weight_bits > 8)
    return fail(Code::invalid_input, "weights can have 4 to 8 bits, not " + std::to_string(options.weight_bits));
  for (std::size_t t = 0; t < seen.size(); ++t)
    if (seen[t].empty()) return fail(Code::invalid_input, "nothing was seen of value '" + plan.taps[t].value + "'");
  return Writer(prepared, plan, seen, options).run();
}

}  // namespace selvedge::engine::quantise
