#include <algorithm>
#include <unordered_set>

#include "codec/onnx/read_parts.h"

namespace selvedge::codec::onnx {

using base::BytesView;
using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr std::int64_t oldest_ir = 3, newest_opset = 100;

Result<std::size_t> read_put(BytesView message, std::string_view what, Budget& budget,
                             std::vector<ValueInfo>& to) {
  std::optional<ValueInfo> info = TRY(read_value_info(message, budget));
  if (!info) return fail(Code::invalid_input, std::string(what) + " is no tensor of a known type");
  to.push_back(std::move(*info));
  return to.size();
}

Result<Graph> read_graph(BytesView message, const ReadLimits& limits) {
  Graph graph;
  Budget budget(limits.parts);
  for (FieldReader reader(message);;) {
    const std::optional<Field> field = TRY(reader.next());
    if (!field) break;
    switch (field->number) {
      case 1: {
        const std::size_t number = graph.nodes.size();
        if (number == limits.nodes) return fail(Code::exhausted, "the model has too many operators");
        const std::string step = "operator " + std::to_string(number);
        graph.nodes.push_back(TRY(base::while_doing(step, read_node(field->bytes, budget))));
        break;
      }
      case 2: graph.name = field->text(); break;
      case 5:
        if (graph.constants.size() == limits.constants) return fail(Code::exhausted, "the model has too many constants");
        graph.constants.push_back(TRY(read_constant(field->bytes, budget)));
        break;
      case 11:
        TRY(budget.take());
        TRY(read_put(field->bytes, "an input", budget, graph.inputs));
        break;
      case 12:
        TRY(budget.take());
        TRY(read_put(field->bytes, "an output", budget, graph.outputs));
        break;
      case 13: {
        TRY(budget.take());
        std::optional<ValueInfo> info = TRY(read_value_info(field->bytes, budget));
        if (info) graph.values.push_back(std::move(*info));
        break;
      }
      case 15: return fail(Code::invalid_input, "the model has sparse constants, which are not supported");
      default: break;
    }
  }
  if (graph.name.empty()) graph.name = "graph";
  return graph;
}

// Every name is made once, and before it is used.
Result<std::size_t> check_order(const Graph& graph) {
  std::unordered_set<std::string_view> known;
  const auto make = [&](const std::string& name, std::string_view by) -> Result<std::size_t> {
    if (name.empty()) return fail(Code::invalid_input, std::string(by) + " has no name");
    if (!known.insert(name).second) return fail(Code::invalid_input, "value '" + name + "' is made twice");
    return known.size();
  };
  for (const ValueInfo& input : graph.inputs) TRY(make(input.name, "an input"));
  for (const Constant& constant : graph.constants) TRY(make(constant.name, "a constant"));
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    for (const std::string& input : node.inputs) {
      if (input.empty() || known.contains(input)) continue;
      return fail(Code::invalid_input, "operator " + std::to_string(i) + " (" + node.op + ") takes '" + input +
                                           "', which nothing before it makes");
    }
    for (const std::string& output : node.outputs) {
      if (!output.empty()) TRY(make(output, "an output"));
    }
  }
  for (const ValueInfo& output : graph.outputs) {
    if (!known.contains(output.name)) return fail(Code::invalid_input, "output '" + output.name + "' is not made");
  }
  return known.size();
}

// Until IR version 3 constants had to be listed as inputs too; many tools still do.
void drop_constants_from_inputs(Graph& graph) {
  const auto constants = constants_of(graph);
  std::erase_if(graph.inputs, [&](const ValueInfo& input) { return constants.contains(input.name); });
}

// Each domain once, those that are only used with version 1, as write() would say it.
void name_operator_sets(Graph& graph) {
  std::unordered_set<std::string> known{""};
  std::erase_if(graph.other_sets, [&](const OperatorSet& set) { return !known.insert(set.domain).second; });
  for (const Node& node : graph.nodes) {
    if (known.insert(node.domain).second) graph.other_sets.push_back({node.domain, 1});
  }
}

Result<OperatorSet> read_operator_set(BytesView message) {
  OperatorSet set{"", 0};
  for (FieldReader reader(message);;) {
    const std::optional<Field> field = TRY(reader.next());
    if (!field) break;
    if (field->number == 1) set.domain = field->text();
    if (field->number == 2) set.version = field->integer();
  }
  if (set.domain == "ai.onnx") set.domain.clear();
  return set;
}

Result<Graph> read_model(BytesView model, const ReadLimits& limits) {
  if (model.size() > limits.bytes) return fail(Code::exhausted, "it is larger than " + std::to_string(limits.bytes) + " bytes");
  std::int64_t ir = 0, opset = 0;
  std::optional<BytesView> body;
  std::vector<OperatorSet> others;
  for (FieldReader reader(model);;) {
    const std::optional<Field> field = TRY(reader.next());
    if (!field) break;
    switch (field->number) {
      case 1: ir = field->integer(); break;
      case 7: body = field->bytes; break;
      case 8: {
        OperatorSet set = TRY(read_operator_set(field->bytes));
        if (set.domain.empty()) opset = set.version;
        else if (others.size() < 100) others.push_back(std::move(set));
        break;
      }
      case 25: return fail(Code::invalid_input, "it has functions of its own, which are not supported");
      default: break;
    }
  }
  if (!body) return fail(Code::invalid_input, "it holds no graph");
  if (ir < oldest_ir) return fail(Code::invalid_input, "IR version " + std::to_string(ir) + " is older than 3");
  if (opset < 1 || opset > newest_opset) return fail(Code::invalid_input, "it does not say its operator set");
  Graph graph = TRY(read_graph(*body, limits));
  graph.opset = opset;
  graph.other_sets = std::move(others);
  drop_constants_from_inputs(graph);
  name_operator_sets(graph);
  TRY(check_order(graph));
  return graph;
}

}  // namespace

Result<Graph> read(BytesView model, const ReadLimits& limits) {
  return base::while_doing("read ONNX model", read_model(model, limits));
}

}  // namespace selvedge::codec::onnx
