#include <algorithm>
#include <cmath>

#include "engine/quantise/steps.h"

namespace selvedge::engine::quantise {
namespace {

// Whether a value has rows and columns beside batch and channels: it comes, through operators that keep
// the shape or its rank, from a convolution with weights of rank 4.
bool is_picture(const View& view, std::string_view value) {
  for (int steps = 0; steps < 64; ++steps) {
    const auto maker = view.maker(value);
    if (!maker) return false;
    const Node& node = view.graph().nodes[*maker];
    if (is(node, "Conv") || is(node, "ConvTranspose")) {
      const Constant* weights = view.constant(input_of(node, 1));
      return weights != nullptr && weights->shape.size() == 4;
    }
    static constexpr std::string_view same[] = {"Relu", "Clip", "Sigmoid", "HardSwish", "HardSigmoid", "LeakyRelu",
                                                "BatchNormalization", "MaxPool", "AveragePool", "Concat", "Tanh"};
    bool binary = is(node, "Add") || is(node, "Mul");
    if (binary && view.constant(node.inputs[0]) != nullptr) return false;
    if (!binary && std::ranges::none_of(same, [&](std::string_view op) { return is(node, op); })) return false;
    // Of two operands one has the full shape; the first that comes from a convolution tells the rank.
    value = node.inputs[0];
  }
  return false;
}

std::vector<std::int64_t> axes_of(const View& view, const Node& node) {
  if (node.inputs.size() < 2) return integers_of(node, "axes");
  const Constant* axes = view.constant(node.inputs[1]);
  return axes != nullptr && axes->type == ElementType::int64 ? integers_of(*axes) : std::vector<std::int64_t>{};
}

bool over_rows_and_columns(std::vector<std::int64_t> axes) {
  for (std::int64_t& axis : axes)
    if (axis < 0) axis += 4;
  std::ranges::sort(axes);
  return axes == std::vector<std::int64_t>{2, 3};
}

}  // namespace

void use_known_forms(Graph& graph) {
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!is(graph.nodes[n], "ReduceMean")) continue;
    const View view(graph);
    const Node before = graph.nodes[n];
    if (!over_rows_and_columns(axes_of(view, before)) || !is_picture(view, before.inputs[0])) continue;
    const bool keeps = integer_of(before, "keepdims", 1) != 0;
    Node mean{before.name, "GlobalAveragePool", "", {before.inputs[0]}, before.outputs, {}};
    if (!keeps) {
      mean.outputs[0] = free_name(graph, before.outputs[0] + "_mean");
      Node flat{"", "Flatten", "", mean.outputs, before.outputs, {}};
      graph.nodes.insert(graph.nodes.begin() + std::ptrdiff_t(n) + 1, std::move(flat));
    }
    graph.nodes[n] = std::move(mean);
  }
}

}  // namespace selvedge::engine::quantise
