// Numbers of fields are those of onnx.proto.

#include <unordered_set>

#include "codec/onnx/graph.h"
#include "codec/onnx/wire.h"

namespace selvedge::codec::onnx {
namespace {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

// The lowest IR version that may carry the operator set.
std::int64_t ir_version(std::int64_t opset) {
  if (opset < 15) return 7;
  if (opset < 19) return 8;
  return opset < 21 ? 9 : 10;
}

template <typename Sink>
void put_constant(Sink& sink, const Constant& constant) {
  for (const std::int64_t size : constant.shape) put_integer(sink, 1, size);
  put_integer(sink, 2, static_cast<std::int64_t>(constant.type));
  if (!constant.name.empty()) put_text(sink, 8, constant.name);
  put_bytes(sink, 9, constant.data);
}

template <typename Sink>
void put_value_info(Sink& sink, const ValueInfo& info) {
  put_text(sink, 1, info.name);
  put_message(sink, 2, [&](auto& type) {
    put_message(type, 1, [&](auto& tensor) {
      put_integer(tensor, 1, static_cast<std::int64_t>(info.type));
      put_message(tensor, 2, [&](auto& shape) {
        for (const std::int64_t size : info.shape) {
          put_message(shape, 1, [&](auto& dimension) {
            if (size >= 0) put_integer(dimension, 1, size);
          });
        }
      });
    });
  });
}

template <typename Sink>
void put_attribute(Sink& sink, const Attribute& attribute) {
  put_text(sink, 1, attribute.name);
  std::visit(
      Overloaded{
          [&](float value) { put_real(sink, 2, value); put_integer(sink, 20, 1); },
          [&](std::int64_t value) { put_integer(sink, 3, value); put_integer(sink, 20, 2); },
          [&](const std::string& value) { put_text(sink, 4, value); put_integer(sink, 20, 3); },
          [&](const Constant& value) {
            put_message(sink, 5, [&](auto& inner) { put_constant(inner, value); });
            put_integer(sink, 20, 4);
          },
          [&](const Inner& value) { put_bytes(sink, 6, value.graph); put_integer(sink, 20, 5); },
          [&](const std::vector<float>& values) {
            for (const float value : values) put_real(sink, 7, value);
            put_integer(sink, 20, 6);
          },
          [&](const std::vector<std::int64_t>& values) {
            for (const std::int64_t value : values) put_integer(sink, 8, value);
            put_integer(sink, 20, 7);
          },
          [&](const std::vector<std::string>& values) {
            for (const std::string& value : values) put_text(sink, 9, value);
            put_integer(sink, 20, 8);
          }},
      attribute.value);
}

template <typename Sink>
void put_node(Sink& sink, const Node& node) {
  for (const std::string& input : node.inputs) put_text(sink, 1, input);
  for (const std::string& output : node.outputs) put_text(sink, 2, output);
  if (!node.name.empty()) put_text(sink, 3, node.name);
  put_text(sink, 4, node.op);
  for (const Attribute& attribute : node.attributes) {
    put_message(sink, 5, [&](auto& inner) { put_attribute(inner, attribute); });
  }
  if (!node.domain.empty()) put_text(sink, 7, node.domain);
}

template <typename Sink>
void put_graph(Sink& sink, const Graph& graph) {
  for (const Node& node : graph.nodes) {
    put_message(sink, 1, [&](auto& inner) { put_node(inner, node); });
  }
  put_text(sink, 2, graph.name);
  for (const Constant& constant : graph.constants) {
    put_message(sink, 5, [&](auto& inner) { put_constant(inner, constant); });
  }
  const auto infos = [&](std::uint32_t number, const std::vector<ValueInfo>& values) {
    for (const ValueInfo& info : values) {
      put_message(sink, number, [&](auto& inner) { put_value_info(inner, info); });
    }
  };
  infos(11, graph.inputs);
  infos(12, graph.outputs);
  infos(13, graph.values);
}

// The sets that are named, and version 1 of those that are only used.
std::vector<OperatorSet> operator_sets(const Graph& graph) {
  std::vector<OperatorSet> sets{{"", graph.opset}};
  std::unordered_set<std::string> known{""};
  const auto add = [&](const OperatorSet& set) {
    if (known.insert(set.domain).second) sets.push_back(set);
  };
  for (const OperatorSet& set : graph.other_sets) add(set);
  for (const Node& node : graph.nodes) add({node.domain, 1});
  return sets;
}

}  // namespace

base::Bytes write(const Graph& graph) {
  std::size_t constants = 0;
  for (const Constant& constant : graph.constants) constants += constant.data.size() + 128;
  base::Bytes bytes;
  bytes.reserve(constants + graph.nodes.size() * 512 + (graph.values.size() + 64) * 64);
  Output output(bytes);
  put_integer(output, 1, ir_version(graph.opset));
  put_text(output, 2, "selvedge");
  put_message(output, 7, [&](auto& inner) { put_graph(inner, graph); });
  for (const OperatorSet& set : operator_sets(graph)) {
    put_message(output, 8, [&](auto& inner) {
      put_text(inner, 1, set.domain);
      put_integer(inner, 2, set.version);
    });
  }
  return bytes;
}

}  // namespace selvedge::codec::onnx
