// Operators of TensorFlow Lite, one by one in the model runtime, beside values worked out by hand.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "codec/tflite/file_for_test.h"
#include "codec/tflite/import.h"
#include "infer/models_fixture.h"

namespace selvedge::infer {
namespace {

using base::Bytes;
using base::Result;
using codec::tflite::data_of;
using codec::tflite::FileForTest;
using codec::tflite::Flat;
using codec::tflite::flex_map;
using codec::tflite::TensorType;

using Lengths = std::vector<std::int32_t>;
using Floats = std::vector<float>;
using Integers = std::vector<std::int32_t>;

// An operand or a result. Fixed: a constant of the file.
struct Value {
  TensorType type = TensorType::float32;
  Lengths shape;
  Bytes data;
  bool fixed = false;
  Floats scales = {};
  std::vector<std::int64_t> zero_points = {};
};

Value real(Lengths shape, const Floats& values) { return {TensorType::float32, std::move(shape), data_of(values)}; }
Value integer(Lengths shape, const Integers& values) { return {TensorType::int32, std::move(shape), data_of(values)}; }
Value truth(Lengths shape, Bytes values) { return {TensorType::boolean, std::move(shape), std::move(values)}; }
Value stored(Lengths shape, Bytes values, float scale, std::int64_t zero) {
  return {TensorType::uint8, std::move(shape), std::move(values), false, {scale}, {zero}};
}
Value fixed(Value value) {
  value.fixed = true;
  return value;
}
Value fixed(const Integers& list) { return fixed(integer({static_cast<std::int32_t>(list.size())}, list)); }

Flat byte(std::uint8_t value) { return Flat::number(value); }
Flat word(std::int32_t value) { return Flat::number(value); }

struct Case {
  std::string name;
  std::int32_t code = 0;
  std::vector<Value> inputs, outputs;
  std::vector<Flat> options = {};
  std::string custom = {};
  Bytes custom_options = {};
};

// `pooled`: pictures come out of a pooling of one place, which changes no number but leaves the channels first.
FileForTest file_of(const Case& of, bool pooled) {
  constexpr std::int32_t max_pool = 17;
  FileForTest file;
  codec::tflite::OperatorForTest op{of.code, {}, {}, of.options, of.custom, of.custom_options};
  const auto tensor = [&](const Value& value) {
    file.tensors.push_back({"t" + std::to_string(file.tensors.size()), value.shape, value.type, value.fixed ? value.data : Bytes{},
                            value.scales, value.zero_points});
    return static_cast<std::int32_t>(file.tensors.size() - 1);
  };
  for (const Value& value : of.inputs) {
    std::int32_t index = tensor(value);
    if (!value.fixed) file.inputs.push_back(index);
    if (pooled && !value.fixed && value.shape.size() == 4 && (value.type == TensorType::float32 || !value.scales.empty())) {
      const std::int32_t after = tensor(value);
      file.operators.push_back({max_pool, {index}, {after}, {byte(1), word(1), word(1), word(1), word(1), byte(0)}});
      index = after;
    }
    op.inputs.push_back(index);
  }
  for (const Value& value : of.outputs) op.outputs.push_back(tensor(value));
  file.outputs = op.outputs;
  file.operators.push_back(op);
  return file;
}

Result<std::vector<Tensor>> run(Runtime& runtime, const Case& of, bool pooled) {
  const auto imported = TRY(codec::tflite::import(file_of(of, pooled).bytes()));
  const auto session = TRY(runtime.load(codec::onnx::write(imported.graph)));
  std::vector<TensorView> views;
  for (const Value& value : of.inputs) {
    if (!value.fixed) views.push_back({session->inputs()[views.size()].type, session->inputs()[views.size()].shape, value.data});
  }
  return session->run(views);
}

void expect_equal(const Tensor& tensor, const Value& wanted) {
  EXPECT_EQ(tensor.shape, Shape(wanted.shape.begin(), wanted.shape.end()));
  EXPECT_EQ(tensor.type, codec::tflite::element_type(wanted.type));
  ASSERT_EQ(tensor.data.size(), wanted.data.size());
  if (tensor.type != ElementType::float32) {
    EXPECT_EQ(tensor.data, wanted.data);
    return;
  }
  const Tensor other{tensor.type, tensor.shape, wanted.data};
  for (std::size_t i = 0; i < tensor.floats().size(); ++i) EXPECT_NEAR(tensor.floats()[i], other.floats()[i], 1e-5) << "at " << i;
}

void check(const std::vector<Case>& cases) {
  const auto runtime = test_runtime();
  if (!runtime) GTEST_SKIP() << runtime.error().message;
  for (const Case& of : cases) {
    for (const bool pooled : {false, true}) {
      const bool picture = std::ranges::any_of(of.inputs, [](const Value& value) { return !value.fixed && value.shape.size() == 4; });
      if (pooled && !picture) continue;
      SCOPED_TRACE(of.name + (pooled ? ", channels first" : ""));
      const auto outputs = run(**runtime, of, pooled);
      ASSERT_TRUE(outputs) << outputs.error().message;
      ASSERT_EQ(outputs->size(), of.outputs.size());
      for (std::size_t i = 0; i < outputs->size(); ++i) expect_equal((*outputs)[i], of.outputs[i]);
    }
  }
}

// Four anchors. The codes leave the first three where they are; the last moves down by its height and
// becomes twice as high. The first two overlap by 0.6.
const Floats box0{0, 0, 2, 2}, box1{0, 0.5F, 2, 2.5F}, box2{4, 4, 6, 6}, box3{9, 8, 13, 10}, no_box{0, 0, 0, 0};

Value boxes(const std::vector<Floats>& list) {
  Floats all;
  for (const Floats& box : list) all.insert(all.end(), box.begin(), box.end());
  return real({1, static_cast<std::int32_t>(list.size()), 4}, all);
}

Case detection(std::string name, std::map<std::string, float> options, std::vector<Floats> found, Floats classes, Floats scores, float count) {
  options.merge(std::map<std::string, float>{{"num_classes", 2}, {"max_classes_per_detection", 1}, {"nms_score_threshold", 0.5F},
                                             {"nms_iou_threshold", 0.55F}, {"y_scale", 10}, {"x_scale", 10}, {"h_scale", 5}, {"w_scale", 5}});
  const auto most = static_cast<std::int32_t>(found.size());
  const Value codes = real({1, 4, 4}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 5 * std::log(2.0F), 0});
  // A background before two classes; 0.5 is just enough.
  const Value rated = real({1, 4, 3}, {0.1F, 0.9F, 0.2F, 0.1F, 0.3F, 0.8F, 0.5F, 0.5F, 0.1F, 0, 0.1F, 0.6F});
  const Value anchors = fixed(real({4, 4}, {1, 1, 2, 2, 1, 1.5F, 2, 2, 5, 5, 2, 2, 9, 9, 2, 2}));
  return {std::move(name), 32, {codes, rated, anchors},
          {boxes(found), real({1, most}, classes), real({1, most}, scores), real({1}, {count})}, {},
          "TFLite_Detection_PostProcess", flex_map(options)};
}

TEST(ImportOperators, DetectionKeepsTheBestOfBoxesThatOverlap) {
  check({
      detection("fast", {{"max_detections", 4}}, {box0, box3, box2, no_box}, {0, 1, 0, 0}, {0.9F, 0.6F, 0.5F, 0}, 3),
      detection("fast, full", {{"max_detections", 2}}, {box0, box3}, {0, 1}, {0.9F, 0.6F}, 2),
      detection("fast, overlap allowed", {{"max_detections", 2}, {"nms_iou_threshold", 0.65F}}, {box0, box1}, {0, 1}, {0.9F, 0.8F}, 2),
      detection("fast, two classes each", {{"max_detections", 3}, {"max_classes_per_detection", 2}, {"nms_score_threshold", 0.55F}},
                {box0, box0, box3, box3, no_box, no_box}, {0, 1, 1, 0, 0, 0}, {0.9F, 0.2F, 0.6F, 0.1F, 0, 0}, 2),
      detection("fast, none", {{"max_detections", 2}, {"nms_score_threshold", 0.95F}}, {no_box, no_box}, {0, 0}, {0, 0}, 0),
      detection("regular", {{"max_detections", 5}, {"use_regular_nms", 1}}, {box0, box1, box3, box2, no_box}, {0, 1, 1, 0, 0},
                {0.9F, 0.8F, 0.6F, 0.5F, 0}, 4),
      detection("regular, full", {{"max_detections", 3}, {"use_regular_nms", 1}}, {box0, box1, box3}, {0, 1, 1}, {0.9F, 0.8F, 0.6F}, 3),
      detection("regular, one of a class", {{"max_detections", 3}, {"use_regular_nms", 1}, {"detections_per_class", 1}},
                {box0, box1, no_box}, {0, 1, 0}, {0.9F, 0.8F, 0}, 2),
      // The file's shapes count the classes of a detection, which this kind has no use for.
      detection("regular, two classes each", {{"max_detections", 2}, {"use_regular_nms", 1}, {"max_classes_per_detection", 2}},
                {box0, box1, no_box, no_box}, {0, 1, 0, 0}, {0.9F, 0.8F, 0, 0}, 2),
      detection("regular, none", {{"max_detections", 2}, {"use_regular_nms", 1}, {"nms_score_threshold", 0.95F}}, {no_box, no_box},
                {0, 0}, {0, 0}, 0),
  });
}

// begin, end, ellipsis, new axis, shrink.
std::vector<Flat> masks(std::int32_t begin, std::int32_t end, std::int32_t shrink) {
  return {word(begin), word(end), word(0), word(0), word(shrink)};
}

// A picture of 2 by 3 places and two channels: its numbers are 0 to 11.
const Value picture = real({1, 2, 3, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
const Value matrix = real({2, 3}, {0, 1, 2, 3, 4, 5});

TEST(ImportOperators, PartsOfATensor) {
  check({
      {"SLICE", 65, {picture, fixed({0, 1, 0, 1}), fixed({1, 1, 2, -1})}, {real({1, 1, 2, 1}, {7, 9})}},
      {"STRIDED_SLICE", 45, {picture, fixed({0, 0, 0, 1}), fixed({1, 2, 3, 2}), fixed({1, 1, 2, 1})}, {real({1, 2, 2, 1}, {1, 5, 7, 11})}, masks(0, 0, 0)},
      {"STRIDED_SLICE backwards", 45, {matrix, fixed({0, -1}), fixed({2, -4}), fixed({1, -2})}, {real({2, 2}, {2, 0, 5, 3})}, masks(0, 0, 0)},
      {"STRIDED_SLICE masked, backwards", 45, {matrix, fixed({1, 1}), fixed({1, 1}), fixed({-1, 1})}, {real({2, 2}, {4, 5, 1, 2})}, masks(1, 3, 0)},
      {"STRIDED_SLICE of a row", 45, {picture, fixed({0, -1}), fixed({1, 0}), fixed({1, 1})}, {real({1, 3, 2}, {6, 7, 8, 9, 10, 11})}, masks(0, 0, 2)},
      {"STRIDED_SLICE of fewer axes", 45, {matrix, fixed({1}), fixed({9}), fixed({1})}, {real({1, 3}, {3, 4, 5})}, masks(0, 0, 0)},
      {"SPLIT", 49, {fixed(integer({}, {-1})), picture}, {real({1, 2, 3, 1}, {0, 2, 4, 6, 8, 10}), real({1, 2, 3, 1}, {1, 3, 5, 7, 9, 11})}, {word(2)}},
      {"SPLIT_V", 102, {matrix, fixed({1, -1}), fixed(integer({}, {1}))}, {real({2, 1}, {0, 3}), real({2, 2}, {1, 2, 4, 5})}, {word(2)}},
      {"SPLIT, quantised anew", 49, {fixed(integer({}, {0})), stored({2, 1}, {10, 20}, 0.5F, 0)},
       {stored({1, 1}, {5}, 1, 0), stored({1, 1}, {20}, 0.5F, 0)}, {word(2)}},
      {"UNPACK", 88, {matrix}, {real({2}, {0, 3}), real({2}, {1, 4}), real({2}, {2, 5})}, {word(3), word(1)}},
      {"PACK", 83, {real({2}, {0, 3}), real({2}, {1, 4})}, {real({2, 2}, {0, 1, 3, 4})}, {word(2), word(1)}},
      {"CONCATENATION", 2, {picture, picture}, {real({1, 4, 3, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})}, {word(1), byte(0)}},
      {"GATHER", 36, {matrix, fixed({2, 0})}, {real({2, 2}, {2, 0, 5, 3})}, {word(1), word(0)}},
      {"GATHER of a picture", 36, {picture, integer({1}, {1})}, {real({1, 1, 3, 2}, {6, 7, 8, 9, 10, 11})}, {word(1), word(0)}},
      {"GATHER_ND", 107, {matrix, fixed(integer({2, 2}, {1, 2, 0, 1}))}, {real({2}, {5, 1})}},
      {"TILE", 69, {matrix, fixed({1, 2})}, {real({2, 6}, {0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5})}},
      {"TRANSPOSE", 39, {picture, fixed({0, 3, 1, 2})}, {real({1, 2, 2, 3}, {0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11})}},
      {"BROADCAST_TO", 130, {real({1, 2}, {7, 8}), fixed({2, 2})}, {real({2, 2}, {7, 8, 7, 8})}},
  });
}

TEST(ImportOperators, OneElementAfterTheOther) {
  const Value left = integer({6}, {7, -7, 7, -7, 6, 0}), right = integer({6}, {2, 2, -2, -2, 3, 5});
  const Value a = real({4}, {7, -7, 7.5F, -1}), b = real({4}, {2, 2, -2, 4});
  const Value channels = fixed(real({2}, {0, 100}));
  check({
      {"FLOOR_DIV", 90, {left, right}, {integer({6}, {3, -4, -4, 3, 2, 0})}},
      {"FLOOR_DIV of reals", 90, {a, b}, {real({4}, {3, -4, -4, -1})}},
      {"FLOOR_MOD", 95, {left, right}, {integer({6}, {1, 1, -1, -1, 0, 0})}},
      {"FLOOR_MOD of reals", 95, {a, b}, {real({4}, {1, 1, -0.5F, 3})}},
      {"DIV", 42, {left, right}, {integer({6}, {3, -3, -3, 3, 2, 0})}, {byte(0)}},
      {"SUB, RELU6", 41, {a, b}, {real({4}, {5, 0, 6, 0})}, {byte(3)}},
      {"ADD by channel", 0, {picture, channels}, {real({1, 2, 3, 2}, {0, 101, 2, 103, 4, 105, 6, 107, 8, 109, 10, 111})}, {byte(0)}},
      {"ADD of a row of places", 0, {picture, fixed(real({3, 1}, {0, 100, 200}))},
       {real({1, 2, 3, 2}, {0, 1, 102, 103, 204, 205, 6, 7, 108, 109, 210, 211})}, {byte(0)}},
      {"PRELU", 54, {real({1, 1, 2, 2}, {-1, -1, 2, -3}), fixed(real({1, 1, 2}, {0.5F, 2}))}, {real({1, 1, 2, 2}, {-0.5F, -2, 2, -6})}},
      {"POW", 78, {b, fixed(real({}, {2}))}, {real({4}, {4, 4, 4, 16})}},
      {"SQUARED_DIFFERENCE", 99, {a, b}, {real({4}, {25, 81, 90.25F, 25})}},
      {"RSQRT", 76, {real({2}, {4, 0.25F})}, {real({2}, {0.5F, 2})}},
      {"SQUARE", 92, {a}, {real({4}, {49, 49, 56.25F, 1})}},
      {"ROUND", 116, {real({5}, {0.5F, 1.5F, -0.5F, -1.5F, 2.4F})}, {real({5}, {0, 2, 0, -2, 2})}},
      {"ELU", 111, {real({2}, {2, -1})}, {real({2}, {2, std::exp(-1.0F) - 1})}},
      {"LEAKY_RELU", 98, {b}, {real({4}, {2, 2, -0.5F, 4})}, {Flat::number(0.25F)}},
      {"HARD_SWISH", 117, {real({4}, {-4, -1, 1, 5})}, {real({4}, {0, -1.0F / 3, 2.0F / 3, 5})}},
      {"GELU", 150, {real({2}, {1, -1})}, {real({2}, {0.8413447F, -0.1586553F})}, {byte(0)}},
      {"GELU, nearly", 150, {real({2}, {1, -1})}, {real({2}, {0.8411920F, -0.1588080F})}, {byte(1)}},
      {"RELU_0_TO_1", 152, {b}, {real({4}, {1, 1, 0, 1})}},
      {"ADD_N", 106, {left, right, right}, {integer({6}, {11, -3, 3, -11, 12, 10})}},
      {"SIGN", 158, {a}, {real({4}, {1, -1, 1, -1})}},
  });
}

TEST(ImportOperators, ComparisonsAndChoices) {
  const Value a = real({3}, {1, 2, 3}), b = real({3}, {3, 2, 1});
  const Value p = truth({4}, {1, 1, 0, 0}), q = truth({4}, {1, 0, 1, 0});
  // 1, 2, 3 and 3, 2, 1 with different scales.
  const Value small = stored({3}, {2, 4, 6}, 0.5F, 0), large = stored({3}, {13, 12, 11}, 1, 10);
  check({
      {"LESS", 58, {a, b}, {truth({3}, {1, 0, 0})}},
      {"LESS, quantised", 58, {small, large}, {truth({3}, {1, 0, 0})}},
      {"GREATER", 61, {a, b}, {truth({3}, {0, 0, 1})}},
      {"GREATER_EQUAL", 62, {a, b}, {truth({3}, {0, 1, 1})}},
      {"LESS_EQUAL", 63, {a, b}, {truth({3}, {1, 1, 0})}},
      {"EQUAL", 71, {a, b}, {truth({3}, {0, 1, 0})}},
      {"EQUAL of integers", 71, {integer({2}, {1, 2}), fixed(integer({}, {2}))}, {truth({2}, {0, 1})}},
      {"NOT_EQUAL", 72, {a, b}, {truth({3}, {1, 0, 1})}},
      {"LOGICAL_OR", 84, {p, q}, {truth({4}, {1, 1, 1, 0})}},
      {"LOGICAL_AND", 86, {p, q}, {truth({4}, {1, 0, 0, 0})}},
      {"LOGICAL_NOT", 87, {p}, {truth({4}, {0, 0, 1, 1})}},
      {"SELECT_V2", 123, {truth({3}, {1, 0, 0}), a, b}, {real({3}, {1, 2, 1})}},
      {"SELECT of rows", 64, {truth({2}, {1, 0}), real({2, 2}, {1, 2, 3, 4}), real({2, 2}, {5, 6, 7, 8})}, {real({2, 2}, {1, 2, 7, 8})}},
      {"SELECT of pictures", 64, {truth({2}, {0, 1}), real({2, 1, 1, 2}, {1, 2, 3, 4}), real({2, 1, 1, 2}, {5, 6, 7, 8})},
       {real({2, 1, 1, 2}, {5, 6, 3, 4})}},
  });
}

TEST(ImportOperators, AlongAnAxis) {
  check({
      {"MEAN of places", 40, {picture, fixed({1, 2})}, {real({1, 2}, {5, 6})}, {byte(0)}},
      {"MEAN of places, kept", 40, {picture, fixed({1, 2})}, {real({1, 1, 1, 2}, {5, 6})}, {byte(1)}},
      {"SUM of channels", 74, {picture, fixed({-1})}, {real({1, 2, 3}, {1, 5, 9, 13, 17, 21})}, {byte(0)}},
      {"SUM of rows", 74, {picture, fixed({1})}, {real({1, 3, 2}, {6, 8, 10, 12, 14, 16})}, {byte(0)}},
      {"SUM of all", 74, {picture, fixed({3, 0, 1, 2})}, {real({}, {66})}, {byte(0)}},
      {"REDUCE_PROD", 81, {matrix, fixed({1})}, {real({2, 1}, {0, 60})}, {byte(1)}},
      {"REDUCE_MAX", 82, {picture, fixed({2, 3})}, {real({1, 2}, {5, 11})}, {byte(0)}},
      {"REDUCE_MIN of integers", 89, {integer({2, 2}, {4, -3, 2, 9}), fixed({0})}, {integer({2}, {2, -3})}, {byte(0)}},
      {"ARG_MAX", 56, {real({2, 3}, {0, 9, 2, 7, 4, 7}), fixed(integer({}, {1}))}, {integer({2}, {1, 0})}},
      {"ARG_MAX of channels", 56, {picture, fixed(integer({}, {3}))}, {integer({1, 2, 3}, {1, 1, 1, 1, 1, 1})}},
      {"ARG_MIN of rows", 79, {picture, fixed(integer({}, {1}))}, {integer({1, 3, 2}, {0, 0, 0, 0, 0, 0})}},
      {"TOPK_V2", 48, {real({2, 3}, {1, 3, 2, 6, 4, 5}), fixed(integer({}, {2}))}, {real({2, 2}, {3, 2, 6, 5}), integer({2, 2}, {1, 2, 0, 2})}},
      {"SOFTMAX", 25, {real({1, 1, 2, 2}, {0, std::log(3.0F), 1, 1})}, {real({1, 1, 2, 2}, {0.25F, 0.75F, 0.5F, 0.5F})}, {Flat::number(1.0F)}},
      {"SOFTMAX, sharper", 25, {real({2}, {0, std::log(3.0F)})}, {real({2}, {0.1F, 0.9F})}, {Flat::number(2.0F)}},
      {"LOG_SOFTMAX", 50, {real({1, 2}, {0, std::log(3.0F)})}, {real({1, 2}, {std::log(0.25F), std::log(0.75F)})}},
      {"L2_NORMALIZATION", 11, {real({1, 1, 2, 2}, {3, 4, 0, 5})}, {real({1, 1, 2, 2}, {0.6F, 0.8F, 0, 1})}, {byte(0)}},
      {"BATCH_MATMUL", 126, {real({1, 2}, {1, 2}), real({2, 2}, {1, 2, 3, 4})}, {real({1, 2}, {5, 11})}, {byte(0), byte(1)}},
  });
}

TEST(ImportOperators, PlacesOfAPicture) {
  const Value deep = real({1, 1, 2, 4}, {0, 1, 2, 3, 4, 5, 6, 7}), wide = real({1, 2, 4, 1}, {0, 1, 4, 5, 2, 3, 6, 7});
  const Value batch = real({4, 1, 2, 1}, {0, 4, 1, 5, 2, 6, 3, 7});
  const Value line = real({1, 1, 3, 1}, {1, 2, 3});
  const Value sizes = fixed({2, 2}), margins = fixed(integer({2, 2}, {0, 0, 0, 0}));
  check({
      {"DEPTH_TO_SPACE", 5, {deep}, {wide}, {word(2)}},
      {"SPACE_TO_DEPTH", 26, {wide}, {deep}, {word(2)}},
      {"DEPTH_TO_SPACE, two channels", 5, {real({1, 1, 1, 8}, {0, 1, 2, 3, 4, 5, 6, 7})}, {real({1, 2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7})}, {word(2)}},
      {"SPACE_TO_BATCH_ND", 38, {wide, sizes, margins}, {batch}},
      {"BATCH_TO_SPACE_ND", 37, {batch, sizes, margins}, {wide}},
      {"SPACE_TO_BATCH_ND, padded", 38, {line, fixed({1, 2}), fixed(integer({2, 2}, {0, 0, 1, 0}))}, {real({2, 1, 2, 1}, {0, 2, 1, 3})}},
      {"BATCH_TO_SPACE_ND, cut", 37, {real({2, 1, 2, 1}, {0, 2, 1, 3}), fixed({1, 2}), fixed(integer({2, 2}, {0, 0, 1, 0}))}, {line}},
      {"MIRROR_PAD", 100, {line, fixed(integer({4, 2}, {0, 0, 0, 0, 2, 1, 0, 0}))}, {real({1, 1, 6, 1}, {3, 2, 1, 2, 3, 2})}, {byte(0)}},
      {"PAD, quantised", 34, {stored({1, 1, 2, 1}, {7, 8}, 0.5F, 5), fixed(integer({4, 2}, {0, 0, 0, 0, 0, 1, 0, 0}))},
       {stored({1, 1, 3, 1}, {7, 8, 5}, 0.5F, 5)}},
      {"PADV2", 60, {line, fixed(integer({4, 2}, {0, 0, 0, 0, 1, 0, 0, 0})), fixed(real({1}, {9}))}, {real({1, 1, 4, 1}, {9, 1, 2, 3})}},
      {"AVERAGE_POOL_2D", 1, {line}, {real({1, 1, 2, 1}, {1.5F, 3})}, {byte(0), word(2), word(1), word(2), word(1), byte(0)}},
      {"RESIZE_NEAREST_NEIGHBOR", 97, {line, fixed({1, 5})}, {real({1, 1, 5, 1}, {1, 1, 2, 2, 3})}, {byte(0), byte(0)}},
      {"RESIZE_NEAREST_NEIGHBOR, centres", 97, {line, fixed({1, 2})}, {real({1, 1, 2, 1}, {1, 3})}, {byte(0), byte(1)}},
      {"RESIZE_NEAREST_NEIGHBOR, corners", 97, {line, fixed({1, 5})}, {real({1, 1, 5, 1}, {1, 2, 2, 3, 3})}, {byte(1), byte(0)}},
      {"RESIZE_BILINEAR", 23, {line, fixed({1, 6})}, {real({1, 1, 6, 1}, {1, 1.5F, 2, 2.5F, 3, 3})}, {{}, {}, byte(0), byte(0)}},
      {"RESIZE_BILINEAR, centres", 23, {line, fixed({1, 6})}, {real({1, 1, 6, 1}, {1, 1.25F, 1.75F, 2.25F, 2.75F, 3})}, {{}, {}, byte(0), byte(1)}},
      {"RESIZE_BILINEAR, corners", 23, {line, fixed({1, 5})}, {real({1, 1, 5, 1}, {1, 1.5F, 2, 2.5F, 3})}, {{}, {}, byte(1), byte(0)}},
  });
}

}  // namespace
}  // namespace selvedge::infer
