#include "codec/tflite/import.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "codec/tflite/file_for_test.h"

namespace selvedge::codec::tflite {
namespace {

using base::Bytes;
using base::BytesView;
using onnx::ElementType;

constexpr std::int32_t add = 0, conv = 3, dequantize = 6, fully_connected = 9, max_pool = 17, relu = 19,
                       reshape = 22, custom = 32, unique = 103, densify = 124;

// PADDING, stride w, stride h, activation.
std::vector<Flat> conv_options(std::uint8_t padding, std::int32_t stride, std::uint8_t activation) {
  return {Flat::number(padding), Flat::number(stride), Flat::number(stride), Flat::number(activation)};
}

// x [1,5,5,1] -> 3x3 convolution, two channels, stride 2, SAME, RELU6 -> y [1,3,3,2]
FileForTest convolution() {
  FileForTest file;
  file.tensors = {{"x", {1, 5, 5, 1}},
                  {"weights", {2, 3, 3, 1}, TensorType::float32, data_of(std::vector<float>(18, 0.5F))},
                  {"bias", {2}, TensorType::float32, data_of(std::vector<float>{1, 2})},
                  {"y", {1, 3, 3, 2}}};
  file.operators = {{conv, {0, 1, 2}, {3}, conv_options(0, 2, 3)}};
  file.inputs = {0};
  file.outputs = {3};
  return file;
}

FileForTest one_operator(std::int32_t code, std::vector<std::int32_t> shape, std::vector<std::int32_t> result) {
  FileForTest file;
  file.tensors = {{"x", std::move(shape)}, {"y", std::move(result)}};
  file.operators = {{code, {0}, {1}}};
  file.inputs = {0};
  file.outputs = {1};
  return file;
}

std::string error_of(const FileForTest& file) {
  const auto imported = import(file.bytes());
  return imported ? "imported" : imported.error().message;
}

std::size_t count_of(const onnx::Graph& graph, std::string_view op) {
  return static_cast<std::size_t>(std::ranges::count(graph.nodes, op, &onnx::Node::op));
}

const onnx::Node& node_of(const onnx::Graph& graph, std::string_view op) {
  return *std::ranges::find(graph.nodes, op, &onnx::Node::op);
}

TEST(Import, KeepsNamesTypesAndShapesOfInputsAndOutputs) {
  const auto imported = import(convolution().bytes());
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_EQ(imported->graph.inputs, (std::vector<onnx::ValueInfo>{{"x", ElementType::float32, {1, 5, 5, 1}}}));
  EXPECT_EQ(imported->graph.outputs, (std::vector<onnx::ValueInfo>{{"y", ElementType::float32, {1, 3, 3, 2}}}));
  EXPECT_EQ(imported->inputs[0].name, "x");
  EXPECT_FALSE(imported->inputs[0].quantised);
  EXPECT_EQ(imported->description, "for a test");
  EXPECT_EQ(onnx::read(onnx::write(imported->graph)).value(), imported->graph);
}

TEST(Import, MakesPaddingExplicitAndWhatIsOddGoesAfter) {
  FileForTest file = convolution();
  file.tensors[0].shape = {1, 4, 5, 1};
  file.tensors[3].shape = {1, 2, 3, 2};
  const auto imported = import(file.bytes());
  ASSERT_TRUE(imported) << imported.error().message;
  const auto& pads = std::get<std::vector<std::int64_t>>(node_of(imported->graph, "Conv").attribute("pads")->value);
  EXPECT_EQ(pads, (std::vector<std::int64_t>{0, 1, 1, 1}));
}

TEST(Import, TurnsLayoutsOnlyAtTheRim) {
  FileForTest file;
  const auto weights = data_of(std::vector<float>(36, 1));
  file.tensors = {{"x", {1, 4, 4, 2}}, {"w", {2, 3, 3, 2}, TensorType::float32, weights}, {"a", {1, 4, 4, 2}},
                  {"b", {1, 4, 4, 2}}, {"c", {1, 4, 4, 2}},  {"y", {1, 4, 4, 2}}};
  file.operators = {{conv, {0, 1, -1}, {2}, conv_options(0, 1, 0)},
                    {relu, {2}, {3}},
                    {conv, {3, 1, -1}, {4}, conv_options(0, 1, 0)},
                    {add, {4, 2}, {5}}};
  file.inputs = {0};
  file.outputs = {5};
  const auto imported = import(file.bytes());
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_EQ(count_of(imported->graph, "Transpose"), 2u);
}

TEST(Import, NeedsNoTransposeToFlattenWhatHasOnePlace) {
  FileForTest file;
  file.tensors = {{"x", {1, 1, 1, 2}}, {"w", {3, 1, 1, 2}, TensorType::float32, data_of(std::vector<float>(6, 1))},
                  {"a", {1, 1, 1, 3}}, {"y", {1, 3}}};
  file.operators = {{conv, {0, 1, -1}, {2}, conv_options(1, 1, 0)}, {reshape, {2}, {3}}};
  file.inputs = {0};
  file.outputs = {3};
  const auto imported = import(file.bytes());
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_EQ(count_of(imported->graph, "Transpose"), 1u);
}

TEST(Import, FoldsHalfPrecisionConstants) {
  FileForTest file = convolution();
  file.tensors[1].type = TensorType::float16;
  file.tensors[1].data = data_of(std::vector<std::uint16_t>(18, 0x3800));       // 0.5
  file.tensors.push_back({"weights, whole", {2, 3, 3, 1}});
  file.operators.insert(file.operators.begin(), {dequantize, {1}, {4}});
  file.operators[1].inputs[1] = 4;
  const auto imported = import(file.bytes());
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_EQ(count_of(imported->graph, "DequantizeLinear") + count_of(imported->graph, "Cast"), 0u);
  const onnx::Constant* weights = imported->graph.constant(node_of(imported->graph, "Conv").inputs[1]);
  ASSERT_NE(weights, nullptr);
  EXPECT_EQ(weights->shape, (onnx::Shape{2, 1, 3, 3}));
  EXPECT_EQ(weights->data, data_of(std::vector<float>(18, 0.5F)));
}

FileForTest quantised_convolution(float output_scale) {
  FileForTest file = convolution();
  file.tensors[0] = {"x", {1, 5, 5, 1}, TensorType::int8, {}, {0.5F}, {-128}};
  file.tensors[1] = {"weights", {2, 3, 3, 1}, TensorType::int8, Bytes(18, 4), {0.1F, 0.2F}, {0, 0}, 0};
  file.tensors[2] = {"bias", {2}, TensorType::int32, data_of(std::vector<std::int32_t>{10, 20})};
  file.tensors[3] = {"y", {1, 3, 3, 2}, TensorType::int8, {}, {output_scale}, {-128}};
  return file;
}

TEST(Import, KeepsQuantisedLayersAsIntegersBetweenScales) {
  const auto imported = import(quantised_convolution(6.0F / 255).bytes());
  ASSERT_TRUE(imported) << imported.error().message;
  const onnx::Graph& graph = imported->graph;
  EXPECT_EQ(count_of(graph, "DequantizeLinear"), 3u);
  EXPECT_EQ(count_of(graph, "QuantizeLinear"), 1u);
  // RELU6 is what the output's integers can hold anyway.
  EXPECT_EQ(count_of(graph, "Clip"), 0u);
  EXPECT_EQ(graph.outputs[0].type, ElementType::int8);
  ASSERT_TRUE(imported->outputs[0].quantised);
  EXPECT_EQ(imported->outputs[0].quantised->zero_point, -128);
  // The bias: scale of the input times the scales of the weights.
  const onnx::Constant* scale = graph.constant(graph.nodes[3].inputs[1]);
  ASSERT_NE(scale, nullptr);
  EXPECT_EQ(scale->data, data_of(std::vector<float>{0.5F * 0.1F, 0.5F * 0.2F}));
}

TEST(Import, ClipsAQuantisedLayerWhoseIntegersHoldMore) {
  const auto imported = import(quantised_convolution(10.0F / 255).bytes());
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_EQ(count_of(imported->graph, "Clip"), 1u);
}

TEST(Import, MakesSparseConstantsWhole) {
  FileForTest file;
  // [4, 4]; rows dense, columns listed: the diagonal, and one more at (2, 0).
  const Flat rows = Flat::table({Flat::number(std::uint8_t{0}), Flat::number(std::int32_t{4})});
  const Flat columns = Flat::table({Flat::number(std::uint8_t{1}), {}, Flat::number(std::uint8_t{3}),
                                    Flat::table({Flat::list(Bytes{0, 1, 2, 4, 5})}), Flat::number(std::uint8_t{3}),
                                    Flat::table({Flat::list(Bytes{0, 1, 0, 2, 3})})});
  file.tensors = {{"x", {1, 4}}, {"sparse", {4, 4}, TensorType::float32, data_of(std::vector<float>{1, 2, 9, 3, 4})},
                  {"dense", {4, 4}}, {"y", {1, 4}}};
  file.tensors[1].sparsity = Flat::table({Flat::list(std::vector<std::int32_t>{0, 1}), {}, Flat::tables({rows, columns})});
  file.operators = {{densify, {1}, {2}}, {fully_connected, {0, 2, -1}, {3}}};
  file.inputs = {0};
  file.outputs = {3};
  const auto imported = import(file.bytes());
  ASSERT_TRUE(imported) << imported.error().message;
  const onnx::Constant* weights = imported->graph.constant(node_of(imported->graph, "Gemm").inputs[1]);
  ASSERT_NE(weights, nullptr);
  EXPECT_EQ(weights->data, data_of(std::vector<float>{1, 0, 0, 0, 0, 2, 0, 0, 9, 0, 3, 0, 0, 0, 0, 4}));
  const auto bounded = import(file.bytes(), {.densified_bytes = 63});
  ASSERT_FALSE(bounded);
  EXPECT_EQ(bounded.error().code, base::Code::exhausted);
}

TEST(Import, NamesAnOperatorItDoesNotKnow) {
  EXPECT_EQ(error_of(one_operator(unique, {4}, {4})), "import: operator 0 (UNIQUE -> tensor 1 'y'): not supported");
  FileForTest file = one_operator(custom, {4}, {4});
  file.operators[0].custom = "my-own";
  EXPECT_EQ(error_of(file), "import: operator 0 (my-own -> tensor 1 'y'): not supported");
  EXPECT_EQ(error_of(one_operator(4'000, {4}, {4})), "import: operator 0 (kind 4000 -> tensor 1 'y'): not supported");
}

TEST(Import, RefusesValuesThatAreNeverMadeOrMadeInACircle) {
  FileForTest file;
  file.tensors = {{"x", {4}}, {"a", {4}}, {"b", {4}}};
  file.operators = {{add, {0, 2}, {1}}, {relu, {1}, {2}}};
  file.inputs = {0};
  file.outputs = {2};
  EXPECT_EQ(error_of(file), "import: operator 0 (ADD -> tensor 1 'a'): tensor 2 'b' is used before it is made");
  file.operators = {{relu, {0}, {1}}, {relu, {0}, {1}}};
  EXPECT_EQ(error_of(file), "import: operator 1 (RELU -> tensor 1 'a'): tensor 1 'a' is made twice");
  file.operators = {{relu, {0}, {1}}};
  EXPECT_EQ(error_of(file), "import: tensor 2 'b' is used before it is made");
}

TEST(Import, RefusesWhatDoesNotFit) {
  FileForTest file = convolution();
  file.tensors[1].data.pop_back();
  EXPECT_EQ(error_of(file), "import: tensor 1: its buffer has 71 bytes and its shape needs 72");
  file = convolution();
  file.operators[0].inputs[0] = 9;
  EXPECT_EQ(error_of(file), "import: operator 0: tensor 9 does not exist");
  file = convolution();
  file.tensors[0].shape = {1, 5, 5, 7};
  file.tensors[1].shape = {2, 3, 1, 3};
  EXPECT_EQ(error_of(file), "import: operator 0 (CONV_2D -> tensor 3 'y'): the weights do not fit the input");
  file = convolution();
  file.operators[0].options = conv_options(0, 0, 0);
  EXPECT_EQ(error_of(file), "import: operator 0 (CONV_2D -> tensor 3 'y'): a window or stride of 0 is not possible");
  file = convolution();
  file.tensors[1].scales = {1, 2, 3};
  file.tensors[1].zero_points = {0, 0, 0};
  EXPECT_EQ(error_of(file), "import: tensor 1: its scales do not fit its shape");
  file = one_operator(relu, {2, 3}, {2, 3});
  file.tensors[0] = {"x", {2, 3}, TensorType::uint8, {}, {1, 2, 3}, {0}, 1};
  EXPECT_EQ(error_of(file), "import: operator 0 (RELU -> tensor 1 'y'): tensor 0 'x' has several scales");
  EXPECT_EQ(import(base::as_bytes("no model at all")).error().message,
            "import: it is no TensorFlow Lite file (TFL3 is not at byte 4)");
}

// A file of most kinds of lists and options.
FileForTest mixed() {
  FileForTest file = quantised_convolution(0.04F);
  file.tensors.push_back({"pooled", {1, 1, 1, 2}, TensorType::int8, {}, {0.04F}, {-128}});
  file.tensors.push_back({"z", {2}, TensorType::int8, {}, {0.04F}, {-128}});
  file.operators.push_back({max_pool, {3}, {4}, {Flat::number(std::uint8_t{1}), Flat::number(std::int32_t{1}),
                            Flat::number(std::int32_t{1}), Flat::number(std::int32_t{3}), Flat::number(std::int32_t{3})}});
  file.operators.push_back({reshape, {4}, {5}});
  file.outputs = {5, 3};
  return file;
}

TEST(Import, EveryTruncationIsRefused) {
  const Bytes bytes = convolution().bytes();
  ASSERT_TRUE(import(bytes)) << import(bytes).error().message;
  std::size_t accepted = 0;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // In a buffer of its own, so that a read past the end is seen.
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    accepted += import(cut).has_value() ? 1 : 0;
  }
  EXPECT_LE(accepted, 16u);                        // the last bytes are an empty buffer's
}

TEST(Import, DamageInAnyByteIsRefusedOrGivesAGraphThatCanBeWritten) {
  Bytes bytes = mixed().bytes();
  constexpr std::array<std::uint8_t, 3> flips{0x01, 0x80, 0xFF};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= flips[i % 3];
    const auto imported = import(bytes);
    if (imported) {
      const auto again = onnx::read(onnx::write(imported->graph));
      ASSERT_TRUE(again) << i << ": " << again.error().message;
    }
    bytes[i] ^= flips[i % 3];
  }
}

TEST(Import, KnowsTheOperatorsOfTheUsualModels) {
  const auto known = known_operators();
  for (const std::string_view name : {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "RESHAPE", "CONCATENATION", "DEQUANTIZE", "RELU",
                                      "PAD", "MAX_POOL_2D", "AVERAGE_POOL_2D", "SOFTMAX", "FULLY_CONNECTED", "RESIZE_BILINEAR",
                                      "LOGISTIC", "MEAN", "MUL", "HARD_SWISH", "QUANTIZE", "ARG_MAX",
                                      "TFLite_Detection_PostProcess", "Convolution2DTransposeBias"}) {
    EXPECT_TRUE(std::ranges::binary_search(known, name)) << name;
  }
}

}  // namespace
}  // namespace selvedge::codec::tflite
