#include "infer/series_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "infer/graphs_for_test.h"
#include "infer/models_fixture.h"

namespace selvedge::infer {
namespace {

using base::Code;
using codec::onnx::Graph;
using Meaning = SeriesRule::Meaning;

#define NEEDS_RUNTIME(name)           \
  const auto opened = test_runtime(); \
  if (!opened) GTEST_SKIP() << opened.error().message; \
  Runtime& name = **opened

// What comes out of `op` over the window [1,4].
Graph graph_of(const char* op, Shape output, Shape input = {1, 4}) {
  Graph graph;
  graph.inputs = {{"window", ElementType::float32, std::move(input)}};
  graph.outputs = {{"out", ElementType::float32, std::move(output)}};
  graph.nodes = {{"", op, "", {"window"}, {"out"}, {}}};
  return graph;
}

base::Result<SeriesModel> model(Runtime& runtime, const Graph& graph, Meaning meaning, bool normalise) {
  ModelPackage package;
  package.description.name = "series";
  package.description.task = Task::series;
  package.description.file = "m.onnx";
  package.description.series = {.length = 4, .normalise = normalise, .meaning = meaning, .threshold = 3};
  package.model = codec::onnx::write(graph);
  return SeriesModel::make(TRY(Pipeline::make(runtime, package)));
}

const std::array<double, 4> window{1, 2, 3, 6};

TEST(SeriesModel, TakesTheOutputForTheScore) {
  NEEDS_RUNTIME(runtime);
  const auto made = model(runtime, graph_of("ReduceMax", {1, 1}), Meaning::score, false);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->window(), 4U);
  EXPECT_EQ(made->threshold(), 3);
  EXPECT_EQ(*made->score(window), 6);
}

TEST(SeriesModel, NormalisesByTheWindow) {
  NEEDS_RUNTIME(runtime);
  const auto made = *model(runtime, graph_of("ReduceMax", {1, 1}), Meaning::score, true);
  EXPECT_NEAR(*made.score(window), 3 / std::sqrt(3.5), 1e-6);
  EXPECT_EQ(*made.score(std::array{5.0, 5.0, 5.0, 5.0}), 0);
}

TEST(SeriesModel, ComparesAForecastWithTheNewestValue) {
  NEEDS_RUNTIME(runtime);
  const auto made = *model(runtime, graph_of("ReduceMax", {1, 1}), Meaning::forecast, false);
  EXPECT_EQ(made.window(), 5U);
  EXPECT_EQ(*made.score(std::array{1.0, 2.0, 3.0, 6.0, 10.0}), 4);
}

TEST(SeriesModel, ComparesTheWindowWithItsReconstruction) {
  NEEDS_RUNTIME(runtime);
  const auto made = *model(runtime, graph_of("Relu", {1, 4}), Meaning::reconstruction, false);
  EXPECT_EQ(*made.score(window), 0);
  EXPECT_EQ(*made.score(std::array{-2.0, -2.0, -2.0, -2.0}), 2);
}

TEST(SeriesModel, FillsInSizesThatAreLeftOpen) {
  NEEDS_RUNTIME(runtime);
  EXPECT_EQ(*model(runtime, graph_of("Relu", {-1, -1}, {-1, -1}), Meaning::reconstruction, false)->score(window), 0);
  EXPECT_EQ(*model(runtime, graph_of("Relu", {-1, -1, 1}, {-1, -1, 1}), Meaning::reconstruction, false)->score(window), 0);
}

TEST(SeriesModel, RefusesAModelOfAnotherLength) {
  NEEDS_RUNTIME(runtime);
  const auto made = model(runtime, graph_of("Relu", {1, 5}, {1, 5}), Meaning::reconstruction, false);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message, "model series: series.length: is 4, and the model takes [1,5]");
  EXPECT_FALSE(model(runtime, graph_of("Relu", {-1, 3}, {-1, 3}), Meaning::reconstruction, false));
}

TEST(SeriesModel, RefusesAWindowThatIsNone) {
  NEEDS_RUNTIME(runtime);
  const auto made = *model(runtime, graph_of("ReduceMax", {1, 1}), Meaning::score, false);
  EXPECT_EQ(made.score(std::array{1.0}).error().code, Code::invalid_input);
  EXPECT_EQ(made.score(std::array{1.0, 2.0, double{NAN}, 3.0}).error().code, Code::invalid_input);
  // Finite for us, and not for the model.
  EXPECT_EQ(made.score(std::array{1.0, 2.0, 1e300, 3.0}).error().code, Code::invalid_input);
}

}  // namespace
}  // namespace selvedge::infer
