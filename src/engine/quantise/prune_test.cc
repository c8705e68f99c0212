#include "engine/quantise/prune.h"

#include <gtest/gtest.h>

#include "engine/quantise/graphs_for_test.h"

namespace selvedge::engine::quantise {
namespace {

// 4 channels to 48, through a depthwise convolution, to 4; the weights of the first `dead` of the 48
// are 0, and their biases `bias`.
GraphMaker bottleneck(std::size_t dead, float bias) {
  GraphMaker make;
  make.input("x", {1, 4, 8, 8}).output("y", {1, 4, 8, 8}).convolution("x", "a", 4, 48).node("Relu", {"a"}, "b");
  make.convolution("b", "c", 48, 48, 3, 48).node("Relu", {"c"}, "d").convolution("d", "y", 48, 4);
  for (Constant& constant : make.graph().constants) {
    std::vector<float> values = constant.type == ElementType::float32 ? floats_of(constant) : std::vector<float>{};
    if (constant.name == "a_w") std::fill_n(values.begin(), dead * 4, 0.0F);
    if (constant.name == "a_b") std::fill_n(values.begin(), dead, bias);
    if (constant.name == "a_w" || constant.name == "a_b") constant = make_floats(constant.name, constant.shape, values);
  }
  return make;
}

Pruned pruned(const Graph& graph) {
  const Plan plan = *make_plan(graph, {});
  std::vector<Statistics> seen(plan.taps.size());
  for (std::size_t t = 0; t < seen.size(); ++t) {
    const std::int64_t channels = plan.taps[t].value == "x" || plan.taps[t].value == "y" ? 4 : 48;
    seen[t].see(some_numbers(std::size_t(channels) * 64), Shape{1, channels, 8, 8}, 1);
  }
  return prune(graph, plan, seen);
}

const Shape& weights_of(const Graph& graph, std::size_t node) { return graph.constant(graph.nodes[node].inputs[1])->shape; }

TEST(Prune, TakesOutChannelsThatNeverChange) {
  const Pruned made = pruned(bottleneck(16, -1).graph());
  EXPECT_EQ(made.channels, 16U);
  EXPECT_EQ(weights_of(made.graph, 0), (Shape{32, 4, 1, 1}));
  EXPECT_EQ(weights_of(made.graph, 2), (Shape{32, 1, 3, 3}));
  EXPECT_EQ(integer_of(made.graph.nodes[2], "group", 0), 32);
  EXPECT_EQ(weights_of(made.graph, 4), (Shape{4, 32, 1, 1}));
}

TEST(Prune, PutsWhatTheyAddIntoTheBiases) {
  const GraphMaker make = bottleneck(16, -1);
  GraphMaker copy = make;
  const Graph& before = copy.graph();
  const Pruned made = pruned(before);
  const auto weights = floats_of(*before.constant("y_w")), middle = floats_of(*before.constant("c_b"));
  auto expected = floats_of(*before.constant("y_b"));
  for (std::size_t o = 0; o < 4; ++o)
    for (std::size_t c = 0; c < 16; ++c) expected[o] += weights[o * 48 + c] * std::max(middle[c], 0.0F);
  const auto is = floats_of(*made.graph.constant(made.graph.nodes[4].inputs[2]));
  for (std::size_t o = 0; o < 4; ++o) EXPECT_NEAR(is[o], expected[o], 1e-5);
}

TEST(Prune, KeepsAMultipleOfSixteen) {
  const Pruned made = pruned(bottleneck(20, -1).graph());
  EXPECT_EQ(made.channels, 16U);
  EXPECT_EQ(pruned(bottleneck(15, -1).graph()).channels, 0U);
}

TEST(Prune, KeepsAConstantThatPadsWouldChange) {
  EXPECT_EQ(pruned(bottleneck(16, 0.75F).graph()).channels, 0U);
}

TEST(Prune, KeepsChannelsThatAResidualSumNeeds) {
  GraphMaker make = bottleneck(16, -1);
  make.graph().nodes.pop_back();
  make.node("Add", {"d", "b"}, "s").convolution("s", "y", 48, 4);
  EXPECT_EQ(pruned(make.graph()).channels, 0U);
}

TEST(Prune, GoesThroughBranchesThatEndInConvolutions) {
  GraphMaker make = bottleneck(16, -1);
  make.output("z", {1, 4, 8, 8}).convolution("b", "z", 48, 4);
  const Pruned made = pruned(make.graph());
  EXPECT_EQ(made.channels, 16U);
  EXPECT_EQ(weights_of(made.graph, 5), (Shape{4, 32, 1, 1}));
}

}  // namespace
}  // namespace selvedge::engine::quantise
