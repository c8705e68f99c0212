// Small networks for tests, built by hand.

#pragma once

#include <cmath>

#include "engine/quantise/quantise.h"
#include "engine/quantise/view.h"

namespace selvedge::engine::quantise {

// Numbers that look like chance and are always the same, between -1 and 1.
inline std::vector<float> some_numbers(std::size_t count, float seed = 1) {
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) {
    const float wave = std::sin(static_cast<float>(i + 1) * 12.9898F + seed * 78.233F) * 437.5F;
    values.push_back(2 * (wave - std::floor(wave)) - 1);
  }
  return values;
}

class GraphMaker {
 public:
  GraphMaker() { graph_.opset = 13; }

  GraphMaker& input(std::string name, Shape shape) {
    graph_.inputs.push_back({std::move(name), ElementType::float32, std::move(shape)});
    return *this;
  }
  GraphMaker& output(std::string name, Shape shape) {
    graph_.outputs.push_back({std::move(name), ElementType::float32, std::move(shape)});
    return *this;
  }
  GraphMaker& numbers(std::string name, Shape shape, const std::vector<float>& values) {
    graph_.constants.push_back(make_floats(std::move(name), std::move(shape), values));
    return *this;
  }
  GraphMaker& sizes(std::string name, const std::vector<std::int64_t>& values) {
    graph_.constants.push_back(make_integers(std::move(name), {std::int64_t(values.size())}, values));
    return *this;
  }
  GraphMaker& node(std::string op, std::vector<std::string> inputs, std::string output, std::vector<Attribute> attributes = {}) {
    graph_.nodes.push_back({output + "_node", std::move(op), "", std::move(inputs), {std::move(output)}, std::move(attributes)});
    return *this;
  }
  // A convolution of side x side taps with its weights and biases, which keeps rows and columns.
  GraphMaker& convolution(const std::string& from, const std::string& to, std::int64_t in, std::int64_t out,
                          std::int64_t side = 1, std::int64_t group = 1) {
    numbers(to + "_w", {out, in / group, side, side}, some_numbers(std::size_t(out * in / group * side * side), static_cast<float>(graph_.nodes.size() + 1)));
    numbers(to + "_b", {out}, some_numbers(std::size_t(out), static_cast<float>(graph_.nodes.size() + 7)));
    const std::int64_t pad = side / 2;
    return node("Conv", {from, to + "_w", to + "_b"}, to,
                {{"group", group}, {"pads", std::vector<std::int64_t>{pad, pad, pad, pad}}});
  }
  Graph& graph() { return graph_; }
  Graph take() { return std::move(graph_); }

 private:
  Graph graph_;
};

// Statistics as if each value had been seen with that many channels of numbers between least and greatest.
inline std::vector<Statistics> seen_between(const Plan& plan, float least, float greatest, std::int64_t channels) {
  std::vector<Statistics> all(plan.taps.size());
  for (Statistics& one : all) {
    std::vector<float> values = some_numbers(std::size_t(channels) * 64);
    for (float& value : values) value = least + (value + 1) / 2 * (greatest - least);
    for (std::size_t c = 0; c < std::size_t(channels); ++c) values[c * 64] = least, values[c * 64 + 1] = greatest;
    const Shape shape{1, channels, 8, 8};
    one.see(values, shape, 1);
    one.count(values);
  }
  return all;
}

inline std::size_t count_of(const Graph& graph, std::string_view op) {
  return std::size_t(std::ranges::count(graph.nodes, op, &Node::op));
}

}  // namespace selvedge::engine::quantise
