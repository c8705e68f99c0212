// `selvedge model inspect`: what a model takes, gives, is made of and costs, without running it.

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "base/json.h"
#include "base/text.h"
#include "cli/graph_shapes.h"
#include "cli/model_commands.h"
#include "cli/model_file.h"
#include "codec/onnx/graph.h"

namespace selvedge::cli {

using base::Result;
using codec::onnx::Constant;
using codec::onnx::Graph;
using codec::onnx::Node;
using codec::onnx::Shape;
using codec::onnx::ValueInfo;

namespace {

struct Layer {
  std::string name, op, shape;
  std::uint64_t parameters = 0, bytes = 0;
  std::optional<std::uint64_t> multiplications;
};

struct Sum {
  std::uint64_t parameters = 0, constant_bytes = 0, multiplications = 0;
  std::size_t unknown = 0;                         // nodes whose cost is not known
  std::map<std::string, std::size_t> operators;
  std::map<std::string, std::uint64_t> bytes_by_type;
  std::vector<Layer> layers;
};

// The constants that a node works with: its own, and those behind operators that only change their form.
class Owned {
 public:
  explicit Owned(const Graph& graph) : constants_(codec::onnx::constants_of(graph)) {
    for (const Node& node : graph.nodes)
      if (passes(node) && !node.inputs.empty() && !node.outputs.empty()) behind_[node.outputs[0]] = node.inputs[0];
  }

  static bool passes(const Node& node) {
    return node.op == "DequantizeLinear" || node.op == "Cast" || node.op == "Identity" || node.op == "Transpose" ||
           node.op == "Reshape";
  }

  const Constant* of(std::string name) const {
    for (int steps = 0; steps < 8; ++steps) {
      if (const auto found = constants_.find(name); found != constants_.end()) return found->second;
      const auto next = behind_.find(name);
      if (next == behind_.end()) return nullptr;
      name = next->second;
    }
    return nullptr;
  }

  // Scales, zero points, shapes and bounds are no parameters.
  static bool is_parameter(const Node& node, std::size_t input) {
    if (node.op == "QLinearConv" || node.op == "QLinearMatMul") return input == 3 || input == 8;
    if (node.op == "QuantizeLinear" || node.op == "DequantizeLinear") return false;
    if (node.op == "Reshape" || node.op == "Resize" || node.op == "Pad" || node.op == "Clip" || node.op == "Slice" ||
        node.op == "Squeeze" || node.op == "Unsqueeze" || node.op == "Split" || node.op.starts_with("Reduce"))
      return false;
    return true;
  }

 private:
  std::unordered_map<std::string_view, const Constant*> constants_;
  std::unordered_map<std::string, std::string> behind_;
};

std::uint64_t elements(const Constant& constant) {
  const std::size_t each = bytes_of(constant.type);
  return each == 0 ? 0 : constant.data.size() / each;
}

Sum sum_up(const Graph& graph) {
  Sum sum;
  const Shapes shapes = shapes_of(graph);
  const Owned owned(graph);
  std::unordered_set<const Constant*> seen;        // one that two layers share counts once
  for (const Constant& constant : graph.constants) {
    sum.constant_bytes += constant.data.size();
    sum.bytes_by_type[std::string(name_of(constant.type))] += constant.data.size();
  }
  for (const Node& node : graph.nodes) {
    ++sum.operators[node.domain.empty() ? node.op : node.domain + "." + node.op];
    Layer layer;
    layer.name = node.name.empty() && !node.outputs.empty() ? node.outputs[0] : node.name;
    layer.op = node.op;
    layer.multiplications = multiplications_of(node, shapes);
    if (!layer.multiplications) ++sum.unknown;
    sum.multiplications += layer.multiplications.value_or(0);
    if (!Owned::passes(node))
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        const Constant* constant = Owned::is_parameter(node, i) ? owned.of(node.inputs[i]) : nullptr;
        if (constant == nullptr) continue;
        layer.parameters += elements(*constant);
        layer.bytes += constant->data.size();
        if (seen.insert(constant).second) sum.parameters += elements(*constant);
      }
    if (!node.outputs.empty())
      if (const auto found = shapes.find(node.outputs[0]); found != shapes.end()) layer.shape = shape_text(found->second);
    if (layer.bytes > 0 || layer.multiplications.value_or(0) > 0) sum.layers.push_back(std::move(layer));
  }
  return sum;
}

void write_values(base::JsonWriter& json, std::string_view key, const std::vector<ValueInfo>& values) {
  json.key(key).begin_array();
  for (const ValueInfo& value : values) {
    json.begin_object().field("name", value.name).field("type", name_of(value.type)).key("shape").begin_array();
    for (const std::int64_t side : value.shape) json.value(side);
    json.end_array().end_object();
  }
  json.end_array();
}

std::string as_json(const ModelFile& file, const Graph& graph, const Sum& sum) {
  base::JsonWriter json;
  json.begin_object().field("file", file.path).field("form", name(file.form)).field("bytes", file.bytes)
      .field("onnx_bytes", std::uint64_t{file.package.model.size()})
      .field("name", file.package.description.name).field("task", infer::name_of(file.package.description.task))
      .field("labels", std::uint64_t{file.package.description.labels.size()})
      .field("golden", std::uint64_t{file.package.description.golden.size()}).field("opset", graph.opset);
  write_values(json, "inputs", graph.inputs);
  write_values(json, "outputs", graph.outputs);
  json.key("operators").begin_object();
  for (const auto& [op, count] : sum.operators) json.field(op, std::uint64_t{count});
  json.end_object().field("parameters", sum.parameters).field("constant_bytes", sum.constant_bytes).key("bytes_by_type").begin_object();
  for (const auto& [type, bytes] : sum.bytes_by_type) json.field(type, bytes);
  json.end_object().field("macs", sum.multiplications).field("macs_unknown_nodes", std::uint64_t{sum.unknown});
  json.key("layers").begin_array();
  for (const Layer& layer : sum.layers) {
    json.begin_object().field("name", layer.name).field("op", layer.op).field("shape", layer.shape)
        .field("parameters", layer.parameters).field("bytes", layer.bytes).key("macs");
    if (layer.multiplications) json.value(*layer.multiplications);
    else json.null();
    json.end_object();
  }
  json.end_array().key("guessed").begin_array();
  for (const std::string& note : file.notes) json.value(note);
  json.end_array().end_object();
  return json.take();
}

std::string millions(std::uint64_t count) {
  const double shown = static_cast<double>(count) / 1e6;
  return base::to_text(std::round(shown * 100) / 100) + " M";
}

void print(Out& out, const ModelFile& file, const Graph& graph, Sum& sum, std::size_t rows) {
  const infer::Description& description = file.package.description;
  std::vector<std::vector<std::string>> facts{
      {"file", file.path + ", " + std::string(name(file.form)) + ", " + base::size_text(file.bytes)},
      {"name", description.name}, {"task", std::string(infer::name_of(description.task))}};
  if (!description.labels.empty()) facts.push_back({"labels", std::to_string(description.labels.size())});
  if (!description.golden.empty()) facts.push_back({"golden", std::to_string(description.golden.size()) + " examples"});
  for (const ValueInfo& value : graph.inputs)
    facts.push_back({"input", base::printable(value.name) + " " + std::string(name_of(value.type)) + " " + shape_text(value.shape)});
  for (const ValueInfo& value : graph.outputs)
    facts.push_back({"output", base::printable(value.name) + " " + std::string(name_of(value.type)) + " " + shape_text(value.shape)});
  facts.push_back({"parameters", millions(sum.parameters)});
  std::string types;
  for (const auto& [type, bytes] : sum.bytes_by_type) types += (types.empty() ? "" : ", ") + type + " " + base::size_text(bytes);
  facts.push_back({"constants", base::size_text(sum.constant_bytes) + (types.empty() ? "" : ": " + types)});
  facts.push_back({"multiply-adds", millions(sum.multiplications) + " a run" +
                                        (sum.unknown == 0 ? "" : ", and those of " + std::to_string(sum.unknown) + " nodes of unknown shape")});
  std::string operators;
  for (const auto& [op, count] : sum.operators) operators += (operators.empty() ? "" : ", ") + op + " " + std::to_string(count);
  facts.push_back({"operators", std::to_string(graph.nodes.size()) + ": " + operators});
  for (const std::string& note : file.notes) facts.push_back({"guessed", note});
  out.table({"WHAT", "VALUE"}, facts);
  if (rows == 0 || sum.layers.empty()) return;
  std::ranges::stable_sort(sum.layers, std::greater{}, &Layer::bytes);
  std::vector<std::vector<std::string>> table;
  for (const Layer& layer : sum.layers) {
    if (table.size() == rows) break;
    table.push_back({base::printable(layer.name, 48), layer.op, layer.shape, std::to_string(layer.parameters), std::to_string(layer.bytes),
                     layer.multiplications ? std::to_string(*layer.multiplications) : "?"});
  }
  out.line("");
  out.table({"LAYER", "OPERATOR", "OUTPUT", "PARAMETERS", "BYTES", "MULTIPLY-ADDS"}, table);
  if (table.size() < sum.layers.size())
    out.line("(the largest " + std::to_string(table.size()) + " of " + std::to_string(sum.layers.size()) + "; --layers shows more)");
}

}  // namespace

Result<int> inspect_model(const Arguments& arguments, Session& session) {
  const auto rows = static_cast<std::size_t>(TRY(arguments.integer("layers", 10, 0, 100'000)));
  const ModelFile file = TRY(open_model(session, arguments.positional[0],
                                        {.description = arguments.text("description"), .labels = arguments.text("labels")}));
  const Graph graph = TRY(base::while_doing(file.path, codec::onnx::read(file.package.model)));
  Sum sum = sum_up(graph);
  if (session.out.json()) session.out.document(as_json(file, graph, sum));
  else print(session.out, file, graph, sum, rows);
  return 0;
}

}  // namespace selvedge::cli
