#include "infer/pipeline.h"

#include <gtest/gtest.h>

#include <thread>

#include "infer/graphs_for_test.h"
#include "infer/models_fixture.h"

namespace selvedge::infer {
namespace {

using base::Code;
using codec::onnx::Constant;
using codec::onnx::Graph;

#define NEEDS_RUNTIME(name)           \
  const auto opened = test_runtime(); \
  if (!opened) GTEST_SKIP() << opened.error().message; \
  Runtime& name = **opened

codec::Image plain(int width, int height, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  codec::Image image{width, height, {}};
  for (int i = 0; i < width * height; ++i) image.pixels.insert(image.pixels.end(), {red, green, blue});
  return image;
}

// Three classes: the mean of red, green and blue.
ModelPackage colours(const Graph& graph) {
  ModelPackage package;
  package.description.name = "colours";
  package.description.task = Task::classification;
  package.description.file = "model.onnx";
  package.description.labels = {"red", "green", "blue"};
  package.description.input.deviation = {255, 255, 255};
  package.model = codec::onnx::write(graph);
  return package;
}

Graph colour_means() {
  Graph graph;
  graph.inputs = {{"picture", ElementType::float32, {1, 4, 6, 3}}};
  graph.outputs = {{"means", ElementType::float32, {1, 3}}};
  graph.nodes = {{"", "ReduceMean", "", {"picture"}, {"means"}, {{"axes", std::vector<std::int64_t>{1, 2}}, {"keepdims", std::int64_t{0}}}}};
  return graph;
}

// The same in whole numbers: 0 to 1 as 1/200 each from -100, and out as 1/100 from 10.
Graph whole_colour_means() {
  Graph graph;
  const float in = 1.0F / 200, out = 1.0F / 100;
  const auto scalar = [](const char* name, ElementType type, const void* data, std::size_t size) {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    return Constant{name, type, {}, base::Bytes(bytes, bytes + size)};
  };
  const std::int8_t in_zero = -100;
  const std::uint8_t out_zero = 10;
  graph.constants = {scalar("is", ElementType::float32, &in, 4), scalar("iz", ElementType::int8, &in_zero, 1),
                     scalar("os", ElementType::float32, &out, 4), scalar("oz", ElementType::uint8, &out_zero, 1)};
  graph.inputs = {{"picture", ElementType::int8, {1, 4, 6, 3}}};
  graph.outputs = {{"means", ElementType::uint8, {1, 3}}};
  graph.nodes = {{"", "DequantizeLinear", "", {"picture", "is", "iz"}, {"real"}, {}},
                 {"", "ReduceMean", "", {"real"}, {"mean"}, {{"axes", std::vector<std::int64_t>{1, 2}}, {"keepdims", std::int64_t{0}}}},
                 {"", "QuantizeLinear", "", {"mean", "os", "oz"}, {"means"}, {}}};
  return graph;
}

std::string refusal(Runtime& runtime, const ModelPackage& package) {
  const auto pipeline = Pipeline::make(runtime, package);
  return pipeline ? "accepted" : pipeline.error().message;
}

TEST(Pipeline, RanksClasses) {
  NEEDS_RUNTIME(runtime);
  const auto pipeline = Pipeline::make(runtime, colours(colour_means()));
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  const auto answer = (*pipeline)->run(plain(40, 30, 51, 204, 102), {});
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(answer->ranked.size(), 3U);
  EXPECT_EQ(answer->ranked[0].name, "green");
  EXPECT_NEAR(answer->ranked[0].score, 0.8, 0.01);
  EXPECT_EQ(answer->ranked[2].name, "red");
  EXPECT_EQ(answer->width, 40);
  EXPECT_GT(answer->timings.infer, 0);
  const auto strict = (*pipeline)->run(plain(40, 30, 51, 204, 102), {.region = {}, .threshold = 0.5F});
  EXPECT_EQ(strict->ranked.size(), 1U);
}

TEST(Pipeline, SpeaksOfRealNumbersWhereTheModelHasWholeOnes) {
  NEEDS_RUNTIME(runtime);
  const auto pipeline = Pipeline::make(runtime, colours(whole_colour_means()));
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  const auto answer = (*pipeline)->run(plain(7, 5, 51, 204, 102), {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->ranked[0].name, "green");
  EXPECT_NEAR(answer->ranked[0].score, 0.8, 0.02);
  EXPECT_NEAR(answer->ranked[2].score, 0.2, 0.02);
}

TEST(Pipeline, TakesFilesAndLooksAtARegion) {
  NEEDS_RUNTIME(runtime);
  const auto pipeline = *Pipeline::make(runtime, colours(colour_means()));
  codec::Image image = plain(40, 40, 255, 0, 0);
  for (int y = 20; y < 40; ++y)
    for (int x = 0; x < 40; ++x) std::ranges::copy(std::array<std::uint8_t, 3>{0, 0, 255}, image.row(y) + x * 3);
  const auto file = *codec::encode_png(image);
  const auto below = pipeline->run(file, {.region = {0.5F, 0, 1, 1}, .threshold = {}});
  ASSERT_TRUE(below) << below.error().message;
  EXPECT_EQ(below->ranked[0].name, "blue");
  EXPECT_GT(below->ranked[0].score, 0.95);          // pixels beside the region weigh in a little
  EXPECT_EQ(pipeline->run(image, {.region = {0, 0, 0.5F, 1}, .threshold = {}})->ranked[0].name, "red");
  EXPECT_EQ(pipeline->run(file, {.region = {0.5F, 0, 0.5F, 1}, .threshold = {}}).error().code, Code::invalid_input);
  EXPECT_EQ(pipeline->run(base::as_bytes("no picture"), {}).error().code, Code::invalid_input);
  EXPECT_EQ(pipeline->run(codec::Image{4, 4, {}}, {}).error().code, Code::invalid_input);
}

TEST(Pipeline, ReadsAMask) {
  NEEDS_RUNTIME(runtime);
  Graph graph;
  graph.inputs = {{"picture", ElementType::float32, {1, 4, 4, 3}}};
  graph.outputs = {{"mask", ElementType::float32, {1, 4, 4, 3}}};
  graph.nodes = {{"", "Identity", "", {"picture"}, {"mask"}, {}}};
  ModelPackage package = colours(graph);
  package.description.task = Task::segmentation;
  const auto answer = (*Pipeline::make(runtime, package))->run(plain(8, 8, 1, 2, 3), {});
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_TRUE(answer->mask);
  EXPECT_EQ(answer->mask->width, 4);
  EXPECT_EQ(answer->mask->labels, std::vector<std::uint8_t>(16, 2));
}

TEST(Pipeline, IsRunByManyThreadsAtOnce) {
  NEEDS_RUNTIME(runtime);
  const auto pipeline = *Pipeline::make(runtime, colours(colour_means()));
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      const std::array<std::uint8_t, 3> colour{std::uint8_t(i == 0 ? 200 : 5), std::uint8_t(i == 1 ? 200 : 5), std::uint8_t(i > 1 ? 200 : 5)};
      for (int round = 0; round < 30; ++round) {
        const auto answer = pipeline->run(plain(8 + i, 9, colour[0], colour[1], colour[2]), {});
        if (answer && answer->ranked[0].label == std::min(i, 2)) ++right;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 120);
}

TEST(Pipeline, SaysWhatInTheDescriptionDoesNotFit) {
  NEEDS_RUNTIME(runtime);
  const auto with = [&](const std::function<void(Description&)>& change) {
    ModelPackage package = colours(colour_means());
    change(package.description);
    return refusal(runtime, package);
  };
  EXPECT_EQ(with([](Description& d) { d.input.width = 7; }), "load model colours: input.width: is 7, and the model takes 6");
  EXPECT_EQ(with([](Description& d) { d.input.name = "x"; }),
            "load model colours: input.name: the model has no input 'x', but 'picture'");
  EXPECT_EQ(with([](Description& d) { d.rank.output = "x"; }),
            "load model colours: classification.output: the model has no output 'x', but 'means'");
  EXPECT_EQ(with([](Description& d) { d.labels.pop_back(); }),
            "load model colours: labels: there are 2, and the model has 3 classes");
  EXPECT_EQ(with([](Description& d) { d.input.layout = InputRule::Layout::planes; }),
            "load model colours: input 'picture' of the model is [1,4,6,3], which input.layout = \"planes\" and 3 colours "
            "do not fit; layout = \"rows\" does");
  EXPECT_EQ(with([](Description& d) { d.task = Task::detection; }),
            "load model colours: detection.scores: the model has no output '2', but 'means'");
  EXPECT_EQ(with([](Description& d) { d.input.colour = InputRule::Colour::grey; }).find("1 colours do not fit") != std::string::npos, true);
}

TEST(Pipeline, ComparesAnchorsBoxesAndScores) {
  NEEDS_RUNTIME(runtime);
  Graph graph = colour_means();
  graph.outputs = {{"boxes", ElementType::float32, {1, 5, 4}}, {"scores", ElementType::float32, {1, 5, 2}}};
  graph.constants = {{"b", ElementType::float32, {1, 5, 4}, base::Bytes(80)}, {"s", ElementType::float32, {1, 5, 2}, base::Bytes(40)}};
  graph.nodes = {{"", "Identity", "", {"b"}, {"boxes"}, {}}, {"", "Identity", "", {"s"}, {"scores"}, {}}};
  ModelPackage package = colours(graph);
  Description& d = package.description;
  d.task = Task::detection;
  d.labels = {"none", "thing"};
  d.detection.background = true;
  d.detection.anchors = {.strides = {3}, .min_scale = 0.2F, .max_scale = 0.9F, .aspect_ratios = {1}};
  EXPECT_EQ(refusal(runtime, package), "load model colours: detection.anchors: the rule gives 8 anchors, and the model has 5 boxes");
  d.detection.boxes = "scores";
  d.detection.scores = "boxes";
  EXPECT_EQ(refusal(runtime, package),
            "load model colours: boxes are [1,5,2] and scores [1,5,4]: a box has four numbers; name them the other way round");
}

TEST(Pipeline, TakesNoPicturesForAModelOfNumbers) {
  NEEDS_RUNTIME(runtime);
  ModelPackage package = colours(doubling({1, 4}));
  package.description.task = Task::tensors;
  const auto pipeline = Pipeline::make(runtime, package);
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  EXPECT_EQ((*pipeline)->run(plain(4, 4, 0, 0, 0), {}).error().message, "model colours takes no pictures");
  EXPECT_EQ((*pipeline)->session().inputs().size(), 1U);
}

TEST(Golden, NamesWhatDidNotComeOut) {
  NEEDS_RUNTIME(runtime);
  ModelPackage package = colours(colour_means());
  package.members["a.png"] = *codec::encode_png(plain(8, 8, 255, 0, 128));
  Golden& golden = package.description.golden.emplace_back();
  golden.file = "a.png";
  golden.expected = {{"red", 1, {}}, {"blue", 0.5F, {}}};
  const auto pipeline = *Pipeline::make(runtime, package);
  const auto right = check_golden(*pipeline, package);
  EXPECT_TRUE(right) << right.error().message;
  package.description.golden[0].expected[1].score = 0.9F;
  const auto wrong = check_golden(*pipeline, package);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::conflict);
  EXPECT_EQ(wrong.error().message, "golden example a.png: expected blue 0.900, found blue 0.502");
  package.description.golden[0].expected[1].label = "violet";
  EXPECT_NE(check_golden(*pipeline, package).error().message.find("nothing of that name"), std::string::npos);
  package.members.clear();
  EXPECT_EQ(check_golden(*pipeline, package).error().code, Code::invalid_input);
}

}  // namespace
}  // namespace selvedge::infer
