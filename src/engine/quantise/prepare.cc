#include "engine/quantise/prepare.h"

#include <algorithm>
#include <unordered_set>

#include "engine/quantise/steps.h"

namespace selvedge::engine::quantise {

using base::Code;
using base::fail;
using base::Result;

namespace {

Result<void> refuse_unfit(const Graph& graph) {
  static const std::unordered_set<std::string_view> quantised = {
      "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger",
      "MatMulInteger", "QLinearAdd", "QLinearMul", "QGemm"};
  for (const Node& node : graph.nodes)
    if (quantised.contains(node.op))
      return fail(Code::invalid_input, "the model is quantised already (" + title_of(node) + ")");
  for (const auto& input : graph.inputs)
    if (input.type == ElementType::float16)
      return fail(Code::invalid_input, "input '" + input.name + "' is float16: a model that computes in float32 is needed");
  if (graph.nodes.empty()) return fail(Code::invalid_input, "the model has no nodes");
  return {};
}

}  // namespace

void drop_nodes(Graph& graph, const std::vector<bool>& gone) {
  std::size_t kept = 0;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (gone[n]) continue;
    if (kept != n) graph.nodes[kept] = std::move(graph.nodes[n]);
    ++kept;
  }
  graph.nodes.resize(kept);
}

void drop_unused(Graph& graph) {
  if (has_inner_graph(graph)) return;
  std::unordered_set<std::string> wanted;
  for (const auto& output : graph.outputs) wanted.insert(output.name);
  std::vector<bool> gone(graph.nodes.size());
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    gone[n] = std::ranges::none_of(node.outputs, [&](const std::string& output) { return wanted.contains(output); });
    if (!gone[n]) wanted.insert(node.inputs.begin(), node.inputs.end());
  }
  drop_nodes(graph, gone);
  std::erase_if(graph.constants, [&](const Constant& constant) { return !wanted.contains(constant.name); });
}

Result<Graph> prepare(Graph graph) {
  TRY(refuse_unfit(graph));
  TRY(raise_opset(graph));
  TRY(fold_constants(graph));
  use_known_forms(graph);
  TRY(fold_convolutions(graph));
  drop_unused(graph);
  graph.values.clear();
  return graph;
}

}  // namespace selvedge::engine::quantise
