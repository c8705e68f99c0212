#include "engine/quantise/prepare.h"

#include <gtest/gtest.h>

#include "engine/quantise/graphs_for_test.h"

namespace selvedge::engine::quantise {
namespace {

using base::Code;

TEST(Prepare, FoldsANormalisationIntoTheConvolutionBeforeIt) {
  GraphMaker make;
  make.input("x", {1, 3, 4, 4}).output("y", {1, 2, 4, 4}).convolution("x", "c", 3, 2);
  make.numbers("scale", {2}, {2, 3}).numbers("shift", {2}, {0.5F, -1}).numbers("mean", {2}, {0.25F, 4});
  make.numbers("variance", {2}, {4, 0.25F});
  make.node("BatchNormalization", {"c", "scale", "shift", "mean", "variance"}, "y", {{"epsilon", 0.0F}});
  const Graph before = make.graph();
  const auto after = prepare(before);
  ASSERT_TRUE(after) << after.error().message;
  ASSERT_EQ(after->nodes.size(), 1U);
  EXPECT_EQ(after->nodes[0].outputs[0], "y");
  EXPECT_EQ(after->constants.size(), 2U);
  const auto was = floats_of(*before.constant("c_w")), is = floats_of(*after->constant(after->nodes[0].inputs[1]));
  const auto bias = floats_of(*before.constant("c_b")), sums = floats_of(*after->constant(after->nodes[0].inputs[2]));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_FLOAT_EQ(is[i], was[i] * 1);            // 2 / sqrt(4)
    EXPECT_FLOAT_EQ(is[3 + i], was[3 + i] * 6);    // 3 / sqrt(0.25)
  }
  EXPECT_FLOAT_EQ(sums[0], bias[0] + 0.5F - 0.25F);
  EXPECT_FLOAT_EQ(sums[1], bias[1] * 6 - 1 - 24);
}

TEST(Prepare, FoldsFactorsAndSumsOfEachChannel) {
  GraphMaker make;
  make.input("x", {1, 1, 4, 4}).output("y", {1, 2, 4, 4});
  make.numbers("w", {2, 1, 1, 1}, {1, 2}).node("Conv", {"x", "w"}, "c");
  make.numbers("factor", {1, 2, 1, 1}, {3, 5}).node("Mul", {"factor", "c"}, "m");
  make.numbers("sum", {2, 1, 1}, {7, 9}).node("Add", {"m", "sum"}, "y");
  const auto after = prepare(make.take());
  ASSERT_TRUE(after) << after.error().message;
  ASSERT_EQ(after->nodes.size(), 1U);
  EXPECT_EQ(floats_of(*after->constant(after->nodes[0].inputs[1])), (std::vector<float>{3, 10}));
  EXPECT_EQ(floats_of(*after->constant(after->nodes[0].inputs[2])), (std::vector<float>{7, 9}));
}

TEST(Prepare, LeavesAConvolutionWhoseResultIsWantedByOthers) {
  GraphMaker make;
  make.input("x", {1, 1, 4, 4}).output("y", {1, 2, 4, 4}).output("c", {1, 2, 4, 4}).convolution("x", "c", 1, 2);
  make.numbers("factor", {}, {3}).node("Mul", {"c", "factor"}, "y");
  EXPECT_EQ(prepare(make.take())->nodes.size(), 2U);
}

TEST(Prepare, PutsPadsOfZerosIntoTheConvolution) {
  GraphMaker make;
  make.input("x", {1, 1, 4, 4}).output("y", {1, 2, 5, 5}).sizes("pads", {0, 0, 0, 1, 0, 0, 1, 0});
  make.node("Pad", {"x", "pads"}, "p").convolution("p", "y", 1, 2);
  const auto after = prepare(make.take());
  ASSERT_EQ(after->nodes.size(), 1U);
  EXPECT_EQ(integers_of(after->nodes[0], "pads"), (std::vector<std::int64_t>{0, 1, 1, 0}));
}

TEST(Prepare, ComputesWhatFollowsFromConstants) {
  GraphMaker make;
  make.input("x", {1, 2}).output("y", {1, 3});
  make.numbers("a", {3, 2}, {1, 2, 3, 4, 5, 6}).numbers("two", {}, {2}).sizes("shape", {2, -1});
  make.node("Mul", {"a", "two"}, "doubled").node("Transpose", {"doubled"}, "turned", {{"perm", std::vector<std::int64_t>{1, 0}}});
  make.node("Reshape", {"turned", "shape"}, "shaped").node("Identity", {"x"}, "same").node("MatMul", {"same", "shaped"}, "y");
  const auto after = prepare(make.take());
  ASSERT_EQ(after->nodes.size(), 1U);
  EXPECT_EQ(after->nodes[0].inputs[0], "x");
  const Constant* weights = after->constant(after->nodes[0].inputs[1]);
  EXPECT_EQ(weights->shape, (Shape{2, 3}));
  EXPECT_EQ(floats_of(*weights), (std::vector<float>{2, 6, 10, 4, 8, 12}));
}

TEST(Prepare, MakesSinglePrecisionOfHalves) {
  GraphMaker make;
  make.input("x", {1, 1, 4, 4}).output("y", {1, 3, 4, 4});
  const std::vector<std::uint16_t> halves{0x3C00, 0xC000, 0x0001};
  make.graph().constants.push_back(make_constant<std::uint16_t>("h", ElementType::float16, {3, 1, 1, 1}, halves));
  make.node("Cast", {"h"}, "w", {{"to", std::int64_t{1}}}).node("Conv", {"x", "w"}, "y");
  const auto after = prepare(make.take());
  EXPECT_EQ(floats_of(*after->constant("w")), (std::vector<float>{1, -2, std::ldexp(1.0F, -24)}));
}

TEST(Prepare, TurnsAMeanOverRowsAndColumnsIntoAPool) {
  GraphMaker make;
  make.input("x", {1, 3, 4, 4}).output("y", {1, 2}).convolution("x", "c", 3, 2).node("Relu", {"c"}, "r");
  make.node("ReduceMean", {"r"}, "y", {{"axes", std::vector<std::int64_t>{-1, 2}}, {"keepdims", std::int64_t{0}}});
  const auto after = prepare(make.take());
  ASSERT_EQ(after->nodes.size(), 4U);
  EXPECT_EQ(after->nodes[2].op, "GlobalAveragePool");
  EXPECT_EQ(after->nodes[3].op, "Flatten");
}

TEST(Prepare, RefusesWhatIsQuantisedAlready) {
  GraphMaker make;
  make.input("x", {4}).output("y", {4}).numbers("s", {}, {1}).node("QuantizeLinear", {"x", "s"}, "q").node("DequantizeLinear", {"q", "s"}, "y");
  const auto after = prepare(make.take());
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().code, Code::invalid_input);
  EXPECT_EQ(after.error().message, "the model is quantised already (QuantizeLinear 'q_node')");
}

TEST(Prepare, RefusesHalfPrecisionAndEmptyAndOldModels) {
  GraphMaker half;
  half.input("x", {4}).output("y", {4}).node("Relu", {"x"}, "y");
  half.graph().inputs[0].type = ElementType::float16;
  EXPECT_EQ(prepare(half.take()).error().message, "input 'x' is float16: a model that computes in float32 is needed");
  EXPECT_EQ(prepare(Graph{}).error().message, "the model has no nodes");
  GraphMaker old;
  old.input("x", {4}).output("y", {4}).node("Relu", {"x"}, "y");
  old.graph().opset = 9;
  EXPECT_EQ(prepare(old.take()).error().message, "the model has operator set 9: export it with 13 or later (11 at least)");
}

TEST(Prepare, RaisesTheOperatorSet) {
  GraphMaker make;
  make.input("x", {1, 4}).output("y", {1, 4, 1}).node("Unsqueeze", {"x"}, "y", {{"axes", std::vector<std::int64_t>{2}}});
  make.graph().opset = 11;
  const auto after = prepare(make.take());
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->opset, 13);
  ASSERT_EQ(after->nodes[0].inputs.size(), 2U);
  EXPECT_EQ(integers_of(*after->constant(after->nodes[0].inputs[1])), (std::vector<std::int64_t>{2}));
}

TEST(Prepare, RefusesASoftmaxThatWouldMeanSomethingElse) {
  GraphMaker make;
  make.input("x", {1, 4, 4}).output("y", {1, 4, 4}).node("Softmax", {"x"}, "y", {{"axis", std::int64_t{1}}});
  make.graph().opset = 12;
  EXPECT_NE(prepare(make.take()).error().message.find("operator set 12"), std::string::npos);
}

TEST(Prepare, DropsWhatNobodyTakes) {
  GraphMaker make;
  make.input("x", {4}).output("y", {4}).numbers("lost", {1}, {1}).node("Relu", {"x"}, "y").node("Neg", {"x"}, "nobody");
  const auto after = prepare(make.take());
  EXPECT_EQ(after->nodes.size(), 1U);
  EXPECT_TRUE(after->constants.empty());
}

}  // namespace
}  // namespace selvedge::engine::quantise
