#include "engine/quantise/plan.h"

#include <gtest/gtest.h>

#include "engine/quantise/graphs_for_test.h"

namespace selvedge::engine::quantise {
namespace {

Kind kind_of(const Graph& graph, const Plan& plan, std::string_view value) {
  const View view(graph);
  return plan.kinds[*view.maker(value)];
}

TEST(Plan, TakesReluAndClipIntoTheLayerBefore) {
  GraphMaker make;
  make.input("x", {1, 3, 8, 8}).output("y", {1, 4, 8, 8}).numbers("low", {}, {0}).numbers("high", {}, {6});
  make.convolution("x", "a", 3, 4).node("Clip", {"a", "low", "high"}, "b").convolution("b", "c", 4, 4).node("Relu", {"c"}, "y");
  const auto plan = make_plan(make.graph(), {});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->count(Kind::weighted), 2U);
  EXPECT_EQ(plan->count(Kind::absorbed), 2U);
  ASSERT_EQ(plan->taps.size(), 3U);
  EXPECT_EQ(plan->taps[1].value, "b");
  EXPECT_EQ(plan->taps[1].least, 0);
  EXPECT_EQ(plan->taps[1].greatest, 6);
  EXPECT_EQ(plan->taps[2].value, "y");
}

TEST(Plan, LeavesAReluWhoseInputOthersTake) {
  GraphMaker make;
  make.input("x", {1, 3, 8, 8}).output("y", {1, 4, 8, 8}).output("a", {1, 4, 8, 8}).convolution("x", "a", 3, 4).node("Relu", {"a"}, "y");
  EXPECT_EQ(kind_of(make.graph(), *make_plan(make.graph(), {}), "y"), Kind::in_float);
}

TEST(Plan, LeavesAClipWhoseBoundsDoNotHoldZero) {
  GraphMaker make;
  make.input("x", {1, 3, 8, 8}).output("y", {1, 4, 8, 8}).numbers("low", {}, {1}).numbers("high", {}, {6});
  make.convolution("x", "a", 3, 4).node("Clip", {"a", "low", "high"}, "y");
  EXPECT_EQ(kind_of(make.graph(), *make_plan(make.graph(), {}), "y"), Kind::in_float);
}

TEST(Plan, LeavesWhatIsNotKnownInFloatAndGoesOnAfterIt) {
  GraphMaker make;
  make.input("x", {1, 3, 8, 8}).output("y", {1, 4, 8, 8}).convolution("x", "a", 3, 4).node("Erf", {"a"}, "e").convolution("e", "y", 4, 4);
  const Plan plan = *make_plan(make.graph(), {});
  EXPECT_EQ(kind_of(make.graph(), plan, "e"), Kind::in_float);
  EXPECT_EQ(plan.count(Kind::weighted), 2U);
}

TEST(Plan, ComputesAndMovesInBitsOnlyBetweenLayers) {
  GraphMaker make;
  make.input("x", {1, 8, 8, 3}).output("y", {1, 32});
  make.node("Transpose", {"x"}, "t", {{"perm", std::vector<std::int64_t>{0, 3, 1, 2}}}).convolution("t", "a", 3, 4).convolution("t", "b", 3, 4);
  make.node("Add", {"a", "b"}, "s").node("MaxPool", {"s"}, "m").node("Concat", {"m", "m"}, "k", {{"axis", std::int64_t{1}}});
  make.convolution("k", "h", 8, 8).sizes("flat", {1, -1}).node("Reshape", {"h", "flat"}, "r").node("Softmax", {"r"}, "y");
  const Plan plan = *make_plan(make.graph(), {});
  EXPECT_EQ(kind_of(make.graph(), plan, "t"), Kind::moves);
  EXPECT_EQ(kind_of(make.graph(), plan, "s"), Kind::computes);
  EXPECT_EQ(kind_of(make.graph(), plan, "m"), Kind::moves);
  EXPECT_EQ(kind_of(make.graph(), plan, "k"), Kind::computes);
  EXPECT_EQ(kind_of(make.graph(), plan, "r"), Kind::in_float);
  EXPECT_EQ(kind_of(make.graph(), plan, "y"), Kind::in_float);
}

TEST(Plan, LeavesTheHeadsInFloatWhenAsked) {
  GraphMaker make;
  make.input("x", {1, 3, 8, 8}).output("p", {1, 2, 8, 8}).output("q", {1, 2, 8, 8});
  make.convolution("x", "a", 3, 4).node("Relu", {"a"}, "r").convolution("r", "p", 4, 2).convolution("r", "q", 4, 2);
  Options options;
  options.heads = Heads::in_float;
  const Plan plan = *make_plan(make.graph(), options);
  EXPECT_EQ(kind_of(make.graph(), plan, "a"), Kind::weighted);
  EXPECT_EQ(kind_of(make.graph(), plan, "p"), Kind::in_float);
  EXPECT_EQ(kind_of(make.graph(), plan, "q"), Kind::in_float);
}

TEST(Plan, KeepsInFloatWhatIsNamed) {
  GraphMaker make;
  make.input("x", {1, 3, 8, 8}).output("y", {1, 4, 8, 8}).convolution("x", "a", 3, 4).convolution("a", "y", 4, 4);
  Options options;
  options.keep_float = {"a_node"};
  const Plan plan = *make_plan(make.graph(), options);
  EXPECT_EQ(kind_of(make.graph(), plan, "a"), Kind::in_float);
  EXPECT_EQ(kind_of(make.graph(), plan, "y"), Kind::weighted);
}

TEST(Plan, RefusesAModelWithNothingToQuantise) {
  GraphMaker make;
  make.input("x", {4}).output("y", {4}).node("Relu", {"x"}, "y");
  const auto plan = make_plan(make.graph(), {});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, base::Code::invalid_input);
  EXPECT_NE(plan.error().message.find("nothing to quantise"), std::string::npos);
}

TEST(Plan, LeavesLayersWhoseWeightsAreComputed) {
  GraphMaker make;
  make.input("x", {1, 3, 8, 8}).input("w", {4, 3, 1, 1}).output("y", {1, 4, 8, 8}).node("Conv", {"x", "w"}, "y");
  EXPECT_FALSE(make_plan(make.graph(), {}));
}

}  // namespace
}  // namespace selvedge::engine::quantise
