#include "engine/quantise/quantise.h"

#include <gtest/gtest.h>

#include "engine/quantise/graphs_for_test.h"
#include "engine/quantise/prepare.h"
#include "engine/quantise/taps.h"

namespace selvedge::engine::quantise {
namespace {

GraphMaker two_layers() {
  GraphMaker make;
  make.input("x", {1, 4, 8, 8}).output("y", {1, 4, 8, 8}).convolution("x", "a", 4, 4, 3).node("Relu", {"a"}, "b").convolution("b", "y", 4, 4);
  return make;
}

Quantised quantised(const Graph& graph, const Options& options, float least = -1, float greatest = 1) {
  const Plan plan = *make_plan(graph, options);
  auto made = quantise(graph, plan, seen_between(plan, least, greatest, 4), options);
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

const Constant* zero_point_of(const Graph& graph, const Node& node) { return graph.constant(node.inputs[2]); }

TEST(Quantise, PutsEightBitsBetweenLayers) {
  const Quantised made = quantised(two_layers().graph(), {});
  EXPECT_EQ(made.layers, 2U);
  EXPECT_TRUE(made.in_float.empty());
  EXPECT_EQ(count_of(made.graph, "Relu"), 0U);
  EXPECT_EQ(count_of(made.graph, "QuantizeLinear"), 3U);       // input, between, result
  EXPECT_EQ(count_of(made.graph, "DequantizeLinear"), 3U + 4U);  // and weights and biases
  EXPECT_EQ(made.graph.nodes.back().outputs[0], "y");
  ASSERT_EQ(made.heads.size(), 1U);
  EXPECT_EQ(made.heads[0].value, "y");
  EXPECT_TRUE(codec::onnx::read(codec::onnx::write(made.graph)));
}

TEST(Quantise, MakesEachValueBeforeItIsTaken) {
  const Quantised made = quantised(two_layers().graph(), {});
  std::vector<std::string> known{"x"};
  for (const Constant& constant : made.graph.constants) known.push_back(constant.name);
  for (const Node& node : made.graph.nodes) {
    for (const std::string& input : node.inputs) EXPECT_NE(std::ranges::find(known, input), known.end()) << input;
    known.insert(known.end(), node.outputs.begin(), node.outputs.end());
  }
}

TEST(Quantise, KeepsWhatAGraphInsideANodeMayTake) {
  GraphMaker make = two_layers();
  make.numbers("inside", {1}, {5}).node("Identity", {"x"}, "same");
  make.node("If", {"x"}, "z", {{"then_branch", codec::onnx::Inner{base::to_bytes("not looked into")}}});
  const auto prepared = prepare(make.take());
  ASSERT_TRUE(prepared) << prepared.error().message;
  const Quantised made = quantised(*prepared, {});
  EXPECT_EQ(count_of(made.graph, "Identity"), 1U);
  EXPECT_NE(made.graph.constant("inside"), nullptr);
  EXPECT_EQ(made.layers, 2U);
}

TEST(Quantise, ChoosesTheFormOfActivationsByTarget) {
  Options options;
  for (const auto& [target, type] : {std::pair{Target::x86, ElementType::uint8}, std::pair{Target::arm, ElementType::int8}}) {
    options.target = target;
    const Quantised made = quantised(two_layers().graph(), options);
    for (const Node& node : made.graph.nodes) {
      if (node.op == "QuantizeLinear") { EXPECT_EQ(zero_point_of(made.graph, node)->type, type); }
    }
  }
}

TEST(Quantise, SaysWeightsByChannelOrAtOnce) {
  Options options;
  const auto scales = [](const Graph& graph) {
    std::vector<std::size_t> sizes;
    const View view(graph);
    for (const Node& node : graph.nodes)
      if (node.op == "DequantizeLinear")
        if (const Constant* bits = view.constant(node.inputs[0]); bits != nullptr && bits->type == ElementType::int8)
          sizes.push_back(view.constant(node.inputs[1])->data.size() / 4);
    return sizes;
  };
  EXPECT_EQ(scales(quantised(two_layers().graph(), options).graph), (std::vector<std::size_t>{4, 4}));
  options.weights = Weights::per_tensor;
  const Quantised one = quantised(two_layers().graph(), options);
  EXPECT_EQ(scales(one.graph), (std::vector<std::size_t>{1, 1}));
  for (const Constant& constant : one.graph.constants)
    EXPECT_EQ(constant.data.size(), *codec::onnx::elements_of(constant.shape) * codec::onnx::bytes_of(constant.type)) << constant.name;
}

TEST(Quantise, ConvertsAroundWhatStaysInFloat) {
  GraphMaker make;
  make.input("x", {1, 4, 8, 8}).output("y", {1, 4, 8, 8}).convolution("x", "a", 4, 4).node("Erf", {"a"}, "e").convolution("e", "y", 4, 4);
  const Quantised made = quantised(make.graph(), {});
  EXPECT_EQ(made.in_float, std::vector<std::string>{"Erf 'e_node'"});
  EXPECT_EQ(count_of(made.graph, "QuantizeLinear"), 4U);
}

TEST(Quantise, ConvertsNothingWhereNumbersOnlyMove) {
  GraphMaker make;
  make.input("x", {1, 4, 8, 8}).output("y", {1, 4, 4, 4}).convolution("x", "a", 4, 4);
  make.node("MaxPool", {"a"}, "m", {{"kernel_shape", std::vector<std::int64_t>{2, 2}}}).convolution("m", "y", 4, 4);
  const Quantised made = quantised(make.graph(), {});
  const View view(made.graph);
  for (std::size_t n = 0; n < made.graph.nodes.size(); ++n) {
    const Node& node = made.graph.nodes[n];
    if (node.op != "MaxPool") continue;
    const Node& before = made.graph.nodes[*view.maker(node.inputs[0])];
    const Node& after = made.graph.nodes[view.users(node.outputs[0])[0].node];
    EXPECT_EQ(before.inputs[1], after.inputs[1]);
    EXPECT_EQ(before.inputs[2], after.inputs[2]);
  }
}

TEST(Quantise, GivesThePartsOfAConcatOneScaleWhenTheyAreAlike) {
  GraphMaker make;
  make.input("x", {1, 4, 8, 8}).output("y", {1, 4, 8, 8}).convolution("x", "a", 4, 4).convolution("x", "b", 4, 4);
  make.node("Concat", {"a", "b"}, "k", {{"axis", std::int64_t{1}}}).convolution("k", "y", 8, 4);
  const Plan plan = *make_plan(make.graph(), {});
  auto seen = seen_between(plan, -1, 1, 4);
  const auto scales = [&] {
    const auto made = quantise(make.graph(), plan, seen, {});
    const View view(made->graph);
    std::vector<std::string> names;
    for (const Node& node : made->graph.nodes)
      if (node.op == "Concat")
        for (const std::string& input : node.inputs) names.push_back(made->graph.nodes[*view.maker(input)].inputs[1]);
    return names;
  };
  EXPECT_EQ(scales()[0], scales()[1]);
  for (std::size_t t = 0; t < plan.taps.size(); ++t)
    if (plan.taps[t].value == "a" || plan.taps[t].value == "k") seen[t].see(std::vector<float>(256, 50.0F), Shape{1, 4, 8, 8}, 1);
  EXPECT_NE(scales()[0], scales()[1]);
}

TEST(Quantise, KeepsAConstantOperandInBits) {
  GraphMaker make;
  make.input("x", {1, 4, 8, 8}).output("y", {1, 4, 8, 8}).convolution("x", "a", 4, 4).node("Relu", {"a"}, "r").numbers("half", {}, {0.5F});
  make.node("Mul", {"r", "half"}, "m").convolution("m", "y", 4, 4);
  const Quantised made = quantised(make.graph(), {});
  EXPECT_EQ(made.others, 1U);
  EXPECT_EQ(made.graph.constant("half"), nullptr);
}

TEST(Quantise, RefusesBitsThatDoNotExistAndValuesThatWereNotSeen) {
  GraphMaker make = two_layers();
  Options options;
  options.weight_bits = 9;
  const Plan plan = *make_plan(make.graph(), options);
  EXPECT_EQ(quantise(make.graph(), plan, seen_between(plan, -1, 1, 4), options).error().message, "weights can have 4 to 8 bits, not 9");
  const std::vector<Statistics> nothing(plan.taps.size());
  EXPECT_EQ(quantise(make.graph(), plan, nothing, {}).error().message, "nothing was seen of value 'x'");
}

TEST(Taps, AddOutputsToTheModel) {
  GraphMaker make = two_layers();
  const base::Bytes plain = codec::onnx::write(make.graph());
  const base::Bytes tapped = with_taps(make.graph(), std::vector<std::string>{"b"});
  ASSERT_GT(tapped.size(), plain.size());
  EXPECT_TRUE(std::equal(plain.begin(), plain.end(), tapped.begin()));
}

}  // namespace
}  // namespace selvedge::engine::quantise
