#include "cli/model_guess.h"

#include <gtest/gtest.h>

#include "cli/model_file.h"

namespace selvedge::cli {
namespace {

using codec::onnx::ElementType;
using codec::onnx::Graph;
using codec::onnx::ValueInfo;
using engine::Activation;
using engine::DetectionRule;
using engine::InputRule;
using infer::Task;

Graph graph(ValueInfo input, std::vector<ValueInfo> outputs) {
  Graph made;
  made.inputs = {std::move(input)};
  made.outputs = std::move(outputs);
  return made;
}

const ValueInfo rows300{"image", ElementType::float32, {1, 300, 300, 3}};

TEST(ModelGuess, KnowsTheAnchorsOfMobileNetSsd) {
  const Guess guess = guess_description(
      graph(rows300, {{"boxes", ElementType::float32, {1, 1917, 4}}, {"scores", ElementType::float32, {1, 1917, 24}}}), "my model!", {});
  const infer::Description& d = guess.description;
  EXPECT_EQ(d.name, "my-model-");
  EXPECT_EQ(d.task, Task::detection);
  EXPECT_EQ(d.detection.decoder, DetectionRule::Decoder::ssd);
  EXPECT_EQ(d.detection.boxes, "boxes");
  EXPECT_TRUE(d.detection.background);
  EXPECT_TRUE(d.detection.exponential);
  EXPECT_EQ(anchors_of(d.detection.anchors, 300, 300), 1917u);
  EXPECT_EQ(d.input.layout, InputRule::Layout::rows);
  EXPECT_FLOAT_EQ(d.input.mean[0], 127.5F);
  EXPECT_EQ(d.input.width, 300);
  EXPECT_FALSE(guess.notes.empty());
}

TEST(ModelGuess, TakesScoresBeforeBoxesToo) {
  const Guess guess = guess_description(
      graph(rows300, {{"s", ElementType::float32, {1, 1917, 91}}, {"b", ElementType::float32, {1, 1917, 1, 4}}}), "m", {});
  EXPECT_EQ(guess.description.detection.boxes, "b");
  EXPECT_EQ(guess.description.detection.scores, "s");
}

TEST(ModelGuess, AddsTheBackgroundThatLabelsLeaveOut) {
  const Guess guess = guess_description(
      graph(rows300, {{"b", ElementType::float32, {1, 1917, 4}}, {"s", ElementType::float32, {1, 1917, 3}}}), "m", {"cat", "dog"});
  EXPECT_EQ(guess.description.labels, (std::vector<std::string>{"background", "cat", "dog"}));
}

TEST(ModelGuess, KnowsTheAnchorsOfBlazeFace) {
  const Guess guess = guess_description(graph({"i", ElementType::float32, {1, 128, 128, 3}},
                                              {{"r", ElementType::float32, {1, 896, 16}}, {"c", ElementType::float32, {1, 896, 1}}}), "face", {});
  EXPECT_EQ(guess.description.detection.order, DetectionRule::Order::xywh);
  EXPECT_FALSE(guess.description.detection.exponential);
  EXPECT_TRUE(guess.description.detection.anchors.fixed_size);
  EXPECT_EQ(guess.description.labels, (std::vector<std::string>{"face"}));
  const Guess far = guess_description(graph({"i", ElementType::float32, {1, 192, 192, 3}},
                                            {{"r", ElementType::float32, {1, 2304, 16}}, {"c", ElementType::float32, {1, 2304, 1}}}), "face", {});
  EXPECT_EQ(far.description.detection.anchors.strides, (std::vector<int>{4}));
}

TEST(ModelGuess, DoesNotInventAnchors) {
  const Guess guess = guess_description(
      graph(rows300, {{"b", ElementType::float32, {1, 1000, 4}}, {"s", ElementType::float32, {1, 1000, 9}}}), "m", {});
  EXPECT_EQ(guess.description.task, Task::tensors);
}

TEST(ModelGuess, SeesAModelThatMakesItsOwnBoxes) {
  const Guess guess = guess_description(graph({"i", ElementType::uint8, {1, 300, 300, 3}},
                                              {{"d:0", ElementType::float32, {1, 20, 4}}, {"d:1", ElementType::float32, {1, 20}},
                                               {"d:2", ElementType::float32, {1, 20}}, {"d:3", ElementType::float32, {1}}}), "m", {});
  EXPECT_EQ(guess.description.detection.decoder, DetectionRule::Decoder::boxes);
  EXPECT_EQ(guess.description.detection.count, "d:3");
  EXPECT_FLOAT_EQ(guess.description.input.deviation[0], 1);
}

TEST(ModelGuess, SeesClassesAndWhetherTheyAreShares) {
  Graph g = graph({"x", ElementType::float32, {-1, 3, 224, 224}}, {{"y", ElementType::float32, {-1, 1000}}});
  const Guess guess = guess_description(g, "resnet", {});
  EXPECT_EQ(guess.description.task, Task::classification);
  EXPECT_EQ(guess.description.input.layout, InputRule::Layout::planes);
  EXPECT_FLOAT_EQ(guess.description.input.deviation[2], 57.375F);
  EXPECT_EQ(guess.description.rank.activation, Activation::softmax);
  g.nodes = {{.name = {}, .op = "Softmax", .domain = {}, .inputs = {"a"}, .outputs = {"b"}, .attributes = {}},
             {.name = {}, .op = "QuantizeLinear", .domain = {}, .inputs = {"b"}, .outputs = {"y"}, .attributes = {}}};
  EXPECT_EQ(guess_description(g, "m", {}).description.rank.activation, Activation::none);
}

TEST(ModelGuess, SeesAMask) {
  const Guess guess = guess_description(graph({"x", ElementType::float32, {1, 256, 256, 3}}, {{"m", ElementType::float32, {1, 256, 256, 1}}}), "selfie", {});
  EXPECT_EQ(guess.description.task, Task::segmentation);
  EXPECT_EQ(guess.description.mask.output, "m");
  EXPECT_EQ(guess.description.labels.size(), 2u);
}

TEST(ModelGuess, TakesEverythingElseForNumbers) {
  EXPECT_EQ(guess_description(graph({"x", ElementType::float32, {1, 64}}, {{"y", ElementType::float32, {1, 2}}}), "m", {}).description.task, Task::tensors);
  EXPECT_EQ(guess_description(graph({"x", ElementType::float32, {}}, {{"y", ElementType::float32, {}}}), "m", {}).description.task, Task::tensors);
  EXPECT_EQ(guess_description({}, "", {}).description.name, "model");
}

TEST(ModelGuess, WritesWhatADescriptionCanBeReadFrom) {
  const Guess guess = guess_description(
      graph(rows300, {{"boxes", ElementType::float32, {1, 1917, 4}}, {"scores", ElementType::float32, {1, 1917, 24}}}), "m", {});
  const auto back = infer::read_description(infer::write_description(guess.description));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->detection.anchors.strides, guess.description.detection.anchors.strides);
}

TEST(Labels, AreLines) {
  EXPECT_EQ(*parse_labels("cat\r\ndog\n\nowl\n\n"), (std::vector<std::string>{"cat", "dog", "", "owl"}));
  EXPECT_FALSE(parse_labels("ok\n\xff\n"));
  EXPECT_FALSE(parse_labels(std::string(1000, 'x')));
}

TEST(Labels, StandWhereTheirNumbersSay) {
  EXPECT_EQ(*parse_labels("0  person\n2  car\n"), (std::vector<std::string>{"person", "", "car"}));
  EXPECT_EQ(*parse_labels("7up\n2  car\n"), (std::vector<std::string>{"7up", "2  car"}));
}

}  // namespace
}  // namespace selvedge::cli
