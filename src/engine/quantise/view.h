// View: a graph with answers to "who makes this value, who takes it". Of the graph as it was when the
// view was made; a step that changes the graph makes another one. Also the small questions that every
// step asks of nodes and constants.

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "codec/onnx/graph.h"

namespace selvedge::engine::quantise {

using codec::onnx::Attribute;
using codec::onnx::Constant;
using codec::onnx::ElementType;
using codec::onnx::Graph;
using codec::onnx::Node;
using codec::onnx::Shape;

struct Use {
  std::size_t node = 0, input = 0;
};

class View {
 public:
  explicit View(const Graph& graph);

  const Graph& graph() const { return *graph_; }
  std::optional<std::size_t> maker(std::string_view value) const;   // index of a node
  std::span<const Use> users(std::string_view value) const;
  bool is_output(std::string_view value) const { return outputs_.contains(value); }
  const Constant* constant(std::string_view name) const;
  // A constant of float32 numbers.
  const Constant* numbers(std::string_view name) const;
  // Taken by one node, once, and by nobody outside.
  bool private_to_one(std::string_view value) const { return users(value).size() == 1 && !is_output(value); }

 private:
  const Graph* graph_;
  std::unordered_map<std::string_view, std::size_t> makers_;
  std::unordered_map<std::string_view, std::vector<Use>> users_;
  std::unordered_map<std::string_view, const Constant*> constants_;
  std::unordered_set<std::string_view> outputs_;
};

// Of standard ONNX with that name; "Conv".
bool is(const Node& node, std::string_view op);

// "" where there is none.
const std::string& input_of(const Node& node, std::size_t index);

std::int64_t integer_of(const Node& node, std::string_view attribute, std::int64_t otherwise);
float real_of(const Node& node, std::string_view attribute, float otherwise);
std::vector<std::int64_t> integers_of(const Node& node, std::string_view attribute);
void set(Node& node, std::string_view attribute, std::vector<std::int64_t> values);
void remove(Node& node, std::string_view attribute);

// Elements of constants of the type asked for. CHECKs the type: callers have looked.
std::vector<float> floats_of(const Constant& constant);
std::vector<std::int64_t> integers_of(const Constant& constant);    // of int64 or int32
std::optional<float> one_float(const View& view, std::string_view name);   // a constant of one number

Constant make_floats(std::string name, Shape shape, std::span<const float> values);
Constant make_integers(std::string name, Shape shape, std::span<const std::int64_t> values);
template <typename T>
Constant make_constant(std::string name, ElementType type, Shape shape, std::span<const T> values) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
  return {std::move(name), type, std::move(shape), base::Bytes(bytes, bytes + values.size_bytes())};
}

// Adds a constant under a name that nobody has, which is given back.
std::string add_constant(Graph& graph, Constant constant);
std::string free_name(const Graph& graph, std::string wish);

// Whether a node has a graph inside an attribute, which may take any value of the outer one.
bool has_inner_graph(const Graph& graph);

// A node for people: its name, or its operator and what it makes.
std::string title_of(const Node& node);

}  // namespace selvedge::engine::quantise
