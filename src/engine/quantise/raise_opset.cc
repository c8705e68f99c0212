// What changed from operator set 11 to 13 in a way that old nodes notice: axes of Squeeze, Unsqueeze
// and ReduceSum and sizes of Split are inputs, and Softmax looks at one axis instead of all from there on.
// Source: the ONNX operator changelog.

#include "engine/quantise/steps.h"

namespace selvedge::engine::quantise {

using base::Code;
using base::fail;
using base::Result;

namespace {

void make_input(Graph& graph, Node& node, std::string_view attribute) {
  if (node.attribute(attribute) == nullptr) return;
  const std::vector<std::int64_t> values = integers_of(node, attribute);
  remove(node, attribute);
  node.inputs.resize(1);
  node.inputs.push_back(add_constant(
      graph, make_integers(node.outputs[0] + "_" + std::string(attribute), {std::int64_t(values.size())}, values)));
}

}  // namespace

Result<void> raise_opset(Graph& graph) {
  if (graph.opset >= 13) return {};
  if (graph.opset < 11)
    return fail(Code::invalid_input, "the model has operator set " + std::to_string(graph.opset) +
                                         ": export it with 13 or later (11 at least)");
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    Node& node = graph.nodes[n];
    if (node.outputs.empty()) continue;
    if (is(node, "Squeeze") || is(node, "Unsqueeze") || is(node, "ReduceSum")) make_input(graph, node, "axes");
    if (is(node, "Split")) make_input(graph, node, "split");
    if (is(node, "Softmax") || is(node, "LogSoftmax") || is(node, "Hardmax")) {
      const std::int64_t axis = integer_of(node, "axis", 1);
      // With rows and columns only (what follows a Gemm or a Flatten), axis 1 is the last.
      const View view(graph);
      const auto maker = view.maker(input_of(node, 0));
      const bool matrix = maker && (is(graph.nodes[*maker], "Gemm") || is(graph.nodes[*maker], "Flatten"));
      if (axis != -1 && !(axis == 1 && matrix))
        return fail(Code::invalid_input, title_of(node) + " has its meaning of operator set " +
                                             std::to_string(graph.opset) + ": export the model with 13 or later");
      remove(node, "axis");
      node.attributes.push_back({"axis", std::int64_t{-1}});
    }
  }
  graph.opset = 13;
  return {};
}

}  // namespace selvedge::engine::quantise
