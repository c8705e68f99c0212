// Imported models in the model runtime beside what LiteRT computes from the same files.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "codec/image/image.h"
#include "codec/tflite/import.h"
#include "infer/models_fixture.h"

namespace selvedge::infer {
namespace {

using base::Bytes;
using base::Result;

struct Loaded {
  std::shared_ptr<Runtime> runtime;
  std::unique_ptr<Session> session;
};

Result<Loaded> load(const Bytes& file) {
  Loaded loaded;
  loaded.runtime = TRY(test_runtime());
  const auto imported = TRY(codec::tflite::import(file));
  loaded.session = TRY(loaded.runtime->load(codec::onnx::write(imported.graph)));
  return loaded;
}

Result<codec::Image> picture(const std::string& name) {
  const Bytes file = TRY(test_data(name));
  return TRY(codec::decode(file)).image;
}

// As MediaPipe's models want pictures: -1 to 1.
std::vector<float> scaled(const codec::Image& image) {
  std::vector<float> values;
  for (const std::uint8_t value : image.pixels) values.push_back(static_cast<float>(value) * 2 / 255 - 1);
  return values;
}

base::BytesView bytes(const std::vector<float>& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(float)};
}

float largest_difference(const Tensor& tensor, const Bytes& expected) {
  if (tensor.data.size() != expected.size()) return INFINITY;
  float largest = 0;
  const auto values = tensor.floats();
  for (std::size_t i = 0; i < values.size(); ++i) {
    float wanted = 0;
    std::memcpy(&wanted, expected.data() + i * sizeof wanted, sizeof wanted);
    const float difference = std::abs(values[i] - wanted);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

#define OR_SKIP(name, expression)                    \
  auto name##_result = (expression);                 \
  if (!name##_result) GTEST_SKIP() << name##_result.error().message; \
  [[maybe_unused]] auto& name = *name##_result

TEST(ImportGolden, TheDetectorGivesTheSameBoxesAndClasses) {
  OR_SKIP(file, test_model("ssd_mobilenetv2_oidv4_fp16.tflite"));
  OR_SKIP(runtime, test_runtime());
  const auto loaded = load(file);
  ASSERT_TRUE(loaded) << loaded.error().message;
  for (const std::string name : {"cat_720p", "pets", "dog_train_0"}) {
    OR_SKIP(image, picture("golden/ssd/" + name + "_300.png"));
    const std::vector<float> input = scaled(image);
    const TensorView view{ElementType::float32, loaded->session->inputs()[0].shape, bytes(input)};
    const auto outputs = loaded->session->run({&view, 1});
    ASSERT_TRUE(outputs) << outputs.error().message;
    EXPECT_LE(largest_difference((*outputs)[0], *test_data("golden/ssd/" + name + "_box.f32")), 1e-4F) << name;
    EXPECT_LE(largest_difference((*outputs)[1], *test_data("golden/ssd/" + name + "_cls.f32")), 1e-4F) << name;
  }
}

TEST(ImportGolden, TheQuantisedClassifierGivesNearlyAllOfTheSameBytes) {
  OR_SKIP(file, test_data("models/mobilenet_v1_0.25_128_quant.tflite"));
  OR_SKIP(runtime, test_runtime());
  EXPECT_EQ(codec::tflite::import(file)->labels.size(), 1001u);
  const auto loaded = load(file);
  ASSERT_TRUE(loaded) << loaded.error().message;
  for (const std::string name : {"cat_720p", "hot_dog", "owl", "parrot"}) {
    OR_SKIP(image, picture("golden/classifier/" + name + "_128.png"));
    OR_SKIP(expected, test_data("golden/classifier/" + name + "_scores.u8"));
    const TensorView view{ElementType::uint8, loaded->session->inputs()[0].shape, image.pixels};
    const auto outputs = loaded->session->run({&view, 1});
    ASSERT_TRUE(outputs) << outputs.error().message;
    const Bytes& scores = (*outputs)[0].data;
    ASSERT_EQ(scores.size(), expected.size());
    std::size_t equal = 0;
    int largest = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      equal += scores[i] == expected[i] ? 1 : 0;
      largest = std::max(largest, std::abs(scores[i] - expected[i]));
    }
    EXPECT_GE(equal * 1'000, scores.size() * 993) << name;
    EXPECT_LE(largest, 7) << name;
  }
}

TEST(ImportGolden, TheFaceDetectorGivesTheSameNumbers) {
  OR_SKIP(file, test_model("face_detection_short_range.tflite"));
  OR_SKIP(image, picture("golden/face/face_128.png"));
  OR_SKIP(runtime, test_runtime());
  const auto loaded = load(file);
  ASSERT_TRUE(loaded) << loaded.error().message;
  const std::vector<float> input = scaled(image);
  const TensorView view{ElementType::float32, loaded->session->inputs()[0].shape, bytes(input)};
  const auto outputs = loaded->session->run({&view, 1});
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_LE(largest_difference((*outputs)[0], *test_data("golden/face/face_regressors.f32")), 5e-4F);
  EXPECT_LE(largest_difference((*outputs)[1], *test_data("golden/face/face_classificators.f32")), 5e-4F);
}

TEST(ImportGolden, OtherModelsRun) {
  OR_SKIP(runtime, test_runtime());
  for (const std::string name : {"face_detection_full_range", "face_detection_full_range_sparse", "selfie_segmentation",
                                 "selfie_segmentation_landscape", "object_detection_3d_cup"}) {
    const auto file = test_model(name + ".tflite");
    if (!file) GTEST_SKIP() << file.error().message;
    const auto loaded = load(*file);
    ASSERT_TRUE(loaded) << name << ": " << loaded.error().message;
    std::vector<Tensor> inputs;
    std::vector<TensorView> views;
    for (const ValueInfo& info : loaded->session->inputs()) {
      const std::size_t elements = codec::onnx::elements_of(info.shape).value();
      inputs.push_back({info.type, info.shape, Bytes(elements * codec::onnx::bytes_of(info.type))});
    }
    for (const Tensor& input : inputs) views.push_back(input.view());
    const auto outputs = loaded->session->run(views);
    ASSERT_TRUE(outputs) << name << ": " << outputs.error().message;
    for (std::size_t i = 0; i < outputs->size(); ++i) {
      EXPECT_EQ((*outputs)[i].shape, loaded->session->outputs()[i].shape) << name;
      EXPECT_TRUE(std::ranges::all_of((*outputs)[i].floats(), [](float value) { return std::isfinite(value); })) << name;
    }
  }
}

}  // namespace
}  // namespace selvedge::infer
