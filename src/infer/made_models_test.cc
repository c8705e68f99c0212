// Masks and classes of whole models, made here by hand: packed with their model.toml, unpacked, loaded and run.

#include <gtest/gtest.h>

#include <cstring>

#include "infer/models_fixture.h"
#include "infer/pipeline.h"

namespace selvedge::infer {
namespace {

using base::Code;
using codec::Image;
using codec::onnx::Constant;
using codec::onnx::Graph;

using Colour = std::array<std::uint8_t, 3>;
constexpr Colour red{255, 0, 0}, green{0, 255, 0}, blue{0, 0, 255}, black{0, 0, 0};

void paint(Image& image, int left, int top, int right, int bottom, Colour colour) {
  for (int y = top; y < bottom; ++y)
    for (int x = left; x < right; ++x) std::ranges::copy(colour, image.row(y) + x * 3);
}

// 24 x 16: red on the left; on the right blue above, black below.
Image picture() {
  Image image{24, 16, base::Bytes(24 * 16 * 3)};
  paint(image, 0, 0, 12, 16, red);
  paint(image, 12, 0, 24, 8, blue);
  return image;
}

Constant numbers(const char* name, codec::onnx::Shape shape, const std::vector<float>& values) {
  base::Bytes data(values.size() * sizeof(float));
  std::memcpy(data.data(), values.data(), data.size());
  return {name, ElementType::float32, std::move(shape), std::move(data)};
}

// [1,3,8,12] to what each cell says of nothing (0.5), red, green and blue, by a convolution of one cell.
Graph colours_of_cells(float factor, float nothing) {
  Graph graph;
  graph.inputs = {{"picture", ElementType::float32, {1, 3, 8, 12}}};
  graph.outputs = {{"cells", ElementType::float32, {1, 4, 8, 12}}};
  graph.constants = {numbers("w", {4, 3, 1, 1}, {0, 0, 0, factor, 0, 0, 0, factor, 0, 0, 0, factor}),
                     numbers("b", {4}, {nothing, 0, 0, 0})};
  graph.nodes = {{"", "Conv", "", {"picture", "w", "b"}, {"cells"}, {}}};
  return graph;
}

constexpr const char* mask_toml = R"(name = "cells"
task = "segmentation"
model = "cells.onnx"
labels = "names.txt"

[input]
layout = "planes"
deviation = 255

[[golden]]
file = "golden/one.png"
score_within = 0.01

[[golden.expected]]
label = "red"
score = 0.5

[[golden.expected]]
label = "blue"
score = 0.25

[[golden.expected]]
label = "green"
score = 0
)";

ModelPackage packed(const char* toml, const Graph& graph) {
  ModelPackage package;
  package.description = read_description(toml).value();
  package.description.labels = {"nothing", "red", "green", "blue"};
  package.model = codec::onnx::write(graph);
  package.members["golden/one.png"] = codec::encode_png(picture()).value();
  // As it travels.
  return read_package(write_package(package).value()).value();
}

// Runs of a label, line by line: "6*1 6*3; 12*0".
std::string text(const Mask& mask) {
  std::string all, last;
  for (int y = 0; y < mask.height; ++y) {
    std::string line;
    for (int x = 0; x < mask.width;) {
      const auto at = [&](int i) { return mask.labels[std::size_t(y * mask.width + i)]; };
      int end = x;
      while (end < mask.width && at(end) == at(x)) ++end;
      line += (line.empty() ? "" : " ") + std::to_string(end - x) + "*" + std::to_string(at(x));
      x = end;
    }
    if (line != last) all += (all.empty() ? "" : "; ") + line;
    last = line;
  }
  return all;
}

class MadeModels : public testing::Test {
 protected:
  void SetUp() override {
    if (!runtime_) GTEST_SKIP() << runtime_.error().message;
  }
  std::shared_ptr<Pipeline> load(const ModelPackage& package) {
    auto made = Pipeline::make(**runtime_, package);
    CHECK(made);
    return *made;
  }

  base::Result<std::shared_ptr<Runtime>> runtime_ = test_runtime();
};

TEST_F(MadeModels, AMaskNamesWhatIsWhere) {
  const ModelPackage package = packed(mask_toml, colours_of_cells(1, 0.5F));
  EXPECT_EQ(package.description.labels_file, "names.txt");
  EXPECT_EQ(package.description.labels.size(), 4U);
  const auto pipeline = load(package);
  const auto answer = pipeline->run(package.members.at("golden/one.png"));
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_TRUE(answer->mask);
  EXPECT_EQ(answer->mask->width, 12);
  EXPECT_EQ(answer->mask->height, 8);
  EXPECT_EQ(text(*answer->mask), "6*1 6*3; 6*1 6*0");
  EXPECT_TRUE(answer->ranked.empty() && answer->detections.empty());
  // Of a region alone: its lower right quarter is black, its upper right one blue.
  EXPECT_EQ(text(*pipeline->run(picture(), {.region = {0.5F, 0.5F, 1, 1}, .threshold = {}})->mask), "12*0");
  EXPECT_EQ(text(*pipeline->run(picture(), {.region = {0, 0.5F, 0.5F, 1}, .threshold = {}})->mask), "12*3");
}

TEST_F(MadeModels, AMaskIsHeldAgainstItsExamples) {
  ModelPackage package = packed(mask_toml, colours_of_cells(1, 0.5F));
  const auto pipeline = load(package);
  const auto right = check_golden(*pipeline, package);
  EXPECT_TRUE(right) << right.error().message;
  package.description.golden[0].expected[1].score = 0.4F;
  const auto share = check_golden(*pipeline, package);
  ASSERT_FALSE(share);
  EXPECT_EQ(share.error().code, Code::conflict);
  EXPECT_EQ(share.error().message, "golden example golden/one.png: expected blue 0.400, found a share of 0.250");
  package.description.golden[0].expected[1].label = "violet";
  EXPECT_EQ(check_golden(*pipeline, package).error().message,
            "golden example golden/one.png: expected violet 0.400, there is no such label");
  // Another model in the same package: what is black is red to it, but for the cells that a little blue weighs in on.
  ModelPackage other = packed(mask_toml, colours_of_cells(1, -1));
  other.description.golden[0].expected.erase(other.description.golden[0].expected.begin() + 1);
  EXPECT_EQ(check_golden(*load(other), other).error().message,
            "golden example golden/one.png: expected red 0.500, found a share of 0.698");
}

TEST_F(MadeModels, AMaskIsOfThePictureWhereTheModelSeesMoreOrLess) {
  ModelPackage package = packed(mask_toml, colours_of_cells(1, 0.5F));
  Image wide{48, 16, base::Bytes(48 * 16 * 3)};    // twice as wide as the model's picture
  paint(wide, 0, 0, 24, 16, green);
  paint(wide, 24, 0, 48, 16, blue);
  package.description.input.fit = InputRule::Fit::letterbox;
  const auto boxed = load(package)->run(wide);
  ASSERT_TRUE(boxed) << boxed.error().message;
  EXPECT_EQ(boxed->mask->height, 4) << "without what the letterbox leaves free";
  EXPECT_EQ(text(*boxed->mask), "6*2 6*3");
  package.description.input.fit = InputRule::Fit::crop;
  const auto cropped = load(package)->run(wide);
  ASSERT_TRUE(cropped) << cropped.error().message;
  EXPECT_EQ(cropped->mask->width, 24);
  EXPECT_EQ(text(*cropped->mask), "6*0 6*2 6*3 6*0") << "nothing is known of what was cut off";
}

TEST_F(MadeModels, AMaskOfOneChannelFollowsTheThreshold) {
  Graph graph = colours_of_cells(1, 0.5F);
  graph.outputs = {{"cells", ElementType::float32, {1, 1, 8, 12}}};
  graph.constants = {numbers("w", {1, 3, 1, 1}, {0.9F, 0, 0.4F}), numbers("b", {1}, {0})};
  ModelPackage package = packed(mask_toml, graph);
  package.description.labels = {"nothing", "something"};
  const auto pipeline = load(package);
  EXPECT_EQ(text(*pipeline->run(picture())->mask), "6*1 6*0");
  EXPECT_EQ(text(*pipeline->run(picture(), {.region = {}, .threshold = 0.3F})->mask), "12*1; 6*1 6*0");
}

TEST_F(MadeModels, AMaskOfLabelsIsTakenAsItIs) {
  Graph graph = colours_of_cells(1, 0.5F);
  graph.outputs = {{"labels", ElementType::int64, {1, 8, 12}}};
  graph.nodes.push_back({"", "ArgMax", "", {"cells"}, {"labels"}, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}}});
  const ModelPackage package = packed(mask_toml, graph);
  const auto pipeline = load(package);
  EXPECT_EQ(text(*pipeline->run(picture())->mask), "6*1 6*3; 6*1 6*0");
  EXPECT_TRUE(check_golden(*pipeline, package));
}

constexpr const char* classes_toml = R"(name = "shares"
task = "classification"
model = "shares.onnx"
labels = "names.txt"

[input]
layout = "planes"
deviation = 255

[classification]
activation = "softmax"
most = 3

[[golden]]
file = "golden/one.png"
score_within = 0.02

[[golden.expected]]
label = "red"
score = 0.60

[[golden.expected]]
label = "blue"
score = 0.22
)";

// The mean of what the cells say: red 4 * 0.5, blue 4 * 0.25, green and nothing 0.
Graph shares() {
  Graph graph = colours_of_cells(4, 0);
  graph.outputs = {{"scores", ElementType::float32, {1, 4}}};
  graph.nodes.push_back({"", "GlobalAveragePool", "", {"cells"}, {"means"}, {}});
  graph.nodes.push_back({"", "Flatten", "", {"means"}, {"scores"}, {}});
  return graph;
}

TEST_F(MadeModels, ClassesComeRankedWithTheirNames) {
  const ModelPackage package = packed(classes_toml, shares());
  const auto pipeline = load(package);
  const auto answer = pipeline->run(package.members.at("golden/one.png"));
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(answer->ranked.size(), 3U);
  EXPECT_EQ(answer->ranked[0].name, "red");
  EXPECT_EQ(answer->ranked[0].label, 1);
  EXPECT_EQ(answer->ranked[1].name, "blue");
  EXPECT_EQ(answer->ranked[1].label, 3);
  // e^2 and e^1 of e^2 + e^1 + 2.
  EXPECT_NEAR(answer->ranked[0].score, 0.610, 0.01);
  EXPECT_NEAR(answer->ranked[1].score, 0.225, 0.01);
  EXPECT_NEAR(answer->ranked[2].score, 0.083, 0.01);
  EXPECT_FALSE(answer->mask);
  const auto strict = pipeline->run(picture(), {.region = {}, .threshold = 0.5F});
  ASSERT_EQ(strict->ranked.size(), 1U);
  EXPECT_EQ(pipeline->run(picture(), {.region = {0, 0.5F, 0.5F, 1}, .threshold = {}})->ranked[0].name, "blue");
}

TEST_F(MadeModels, ClassesAreHeldAgainstTheirExamples) {
  ModelPackage package = packed(classes_toml, shares());
  const auto pipeline = load(package);
  const auto right = check_golden(*pipeline, package);
  EXPECT_TRUE(right) << right.error().message;
  // Labels in another order: the same numbers mean something else.
  package.description.labels = {"nothing", "blue", "green", "red"};
  const auto wrong = check_golden(*load(package), package);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::conflict);
  EXPECT_TRUE(wrong.error().message.starts_with("golden example golden/one.png: expected red 0.600, found red 0.2"))
      << wrong.error().message;
}

TEST_F(MadeModels, LabelsMustBeAsManyAsClasses) {
  ModelPackage package = packed(classes_toml, shares());
  package.description.labels.pop_back();
  auto made = Pipeline::make(**runtime_, package);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message, "load model shares: labels: there are 3, and the model has 4 classes");
  package = packed(mask_toml, colours_of_cells(1, 0.5F));
  package.description.labels.pop_back();
  made = Pipeline::make(**runtime_, package);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message, "load model cells: labels: there are 3, and the model has 4 classes of cells");
}

}  // namespace
}  // namespace selvedge::infer
