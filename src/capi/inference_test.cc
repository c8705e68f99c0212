#include "selvedge/inference.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "capi/colours_for_test.h"
#include "codec/image/image.h"
#include "infer/model_package.h"
#include "infer/models_fixture.h"
#include "selvedge/inference.hpp"

namespace selvedge {
namespace {

using base::Bytes;

infer::ModelPackage colours_package() {
  infer::ModelPackage package;
  infer::Description& d = package.description;
  d.name = "colours";
  d.task = infer::Task::classification;
  d.file = "model.onnx";
  d.labels = {"red", "green", "blue"};
  d.labels_file = "labels.txt";
  d.input.layout = engine::InputRule::Layout::planes;
  d.input.deviation = {255, 255, 255};
  d.rank.activation = engine::Activation::softmax;
  package.model = codec::onnx::write(capi::colours());
  return package;
}

codec::Image plain(int width, int height, std::array<std::uint8_t, 3> colour) {
  codec::Image image;
  image.width = width, image.height = height;
  for (int i = 0; i < width * height; ++i) image.pixels.insert(image.pixels.end(), colour.begin(), colour.end());
  return image;
}

// docs/examples of the checkout that the test runs below; "" elsewhere.
std::filesystem::path examples() {
  std::error_code none;
  for (auto at = std::filesystem::current_path(none); at.has_relative_path(); at = at.parent_path())
    if (std::filesystem::exists(at / "docs" / "examples", none)) return at / "docs" / "examples";
  return {};
}

// The model, or a reason to skip.
class InferenceApi : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto runtime = infer::test_runtime();
    if (!runtime) GTEST_SKIP() << runtime.error().message;
    package_ = *infer::write_package(colours_package());
    model_.reset(selvedge_model_load(package_.data(), package_.size(), nullptr));
    ASSERT_NE(model_, nullptr) << selvedge_inference_error();
  }

  Bytes package_;
  std::unique_ptr<selvedge_model, decltype(&selvedge_model_free)> model_{nullptr, selvedge_model_free};
};

TEST(ExportExample, IsTheNetworkOfTheScript) {
  if (examples().empty()) GTEST_SKIP() << "not run below the checkout";
  const Bytes made = codec::onnx::write(capi::colours());
  const auto path = examples() / "colours.onnx";
  if (std::getenv("SELVEDGE_WRITE_EXAMPLES") != nullptr) {
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(made.data()), static_cast<std::streamsize>(made.size()));
  }
  const auto file = infer::test_file(path, "SELVEDGE_WRITE_EXAMPLES=1 writes it");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_LT(file->size(), 20'000u);
  EXPECT_EQ(*file, made);
}

TEST(ExportExample, IsDescribed) {
  if (examples().empty()) GTEST_SKIP() << "not run below the checkout";
  const auto text = infer::test_file(examples() / "colours.toml", "it is gone");
  ASSERT_TRUE(text) << text.error().message;
  const auto description = infer::read_description(base::as_text(*text));
  ASSERT_TRUE(description) << description.error().message;
  EXPECT_EQ(description->labels, (std::vector<std::string>{"red", "green", "blue"}));
}

TEST_F(InferenceApi, SaysWhatTheModelIs) {
  EXPECT_STREQ(selvedge_model_name(model_.get()), "colours");
  EXPECT_EQ(selvedge_model_task(model_.get()), SELVEDGE_CLASSIFICATION);
  EXPECT_EQ(selvedge_model_label_count(model_.get()), 3u);
  EXPECT_STREQ(selvedge_model_label(model_.get(), 2), "blue");
  EXPECT_EQ(selvedge_model_label(model_.get(), 3), nullptr);
  selvedge_tensor input;
  ASSERT_EQ(selvedge_model_input(model_.get(), 0, &input), SELVEDGE_INFERENCE_OK);
  EXPECT_STREQ(input.name, "image");
  ASSERT_EQ(input.dimensions, 4u);
  EXPECT_EQ(input.shape[3], 32);
  EXPECT_EQ(selvedge_model_output(model_.get(), 7, &input), SELVEDGE_INFERENCE_NOT_FOUND);
  EXPECT_NE(std::string(selvedge_model_runtime_version(model_.get())), "");
}

TEST_F(InferenceApi, LooksAtFilesAndPixels) {
  const Bytes file = *codec::encode_png(plain(50, 40, {10, 200, 30}));
  selvedge_answer* answer = selvedge_model_look(model_.get(), file.data(), file.size(), nullptr);
  ASSERT_NE(answer, nullptr) << selvedge_inference_error();
  selvedge_class best;
  ASSERT_EQ(selvedge_answer_class(answer, 0, &best), SELVEDGE_INFERENCE_OK);
  EXPECT_STREQ(best.name, "green");
  EXPECT_GT(best.score, 0.5F);
  EXPECT_EQ(selvedge_answer_detection_count(answer), 0u);
  std::uint32_t width = 0, height = 0;
  selvedge_answer_size(answer, &width, &height);
  EXPECT_EQ(width, 50u);
  EXPECT_EQ(height, 40u);
  EXPECT_EQ(selvedge_answer_mask(answer, &width, &height), nullptr);
  EXPECT_EQ(selvedge_answer_class(answer, 99, &best), SELVEDGE_INFERENCE_NOT_FOUND);
  selvedge_answer_free(answer);

  // Rows with gaps: what lies in a gap is not looked at.
  std::vector<std::uint8_t> pixels(33 * 200, 0);
  for (std::size_t y = 0; y < 33; ++y)
    for (std::size_t x = 0; x < 60; ++x) pixels[y * 200 + x * 3 + 2] = 255;
  answer = selvedge_model_look_rgb(model_.get(), pixels.data(), 60, 33, 200, nullptr);
  ASSERT_NE(answer, nullptr) << selvedge_inference_error();
  ASSERT_EQ(selvedge_answer_class(answer, 0, &best), SELVEDGE_INFERENCE_OK);
  EXPECT_STREQ(best.name, "blue");
  selvedge_answer_free(answer);
}

TEST_F(InferenceApi, LooksAtAPartOfThePicture) {
  codec::Image image = plain(64, 64, {255, 0, 0});
  for (int y = 0; y < 32; ++y)
    for (int x = 0; x < 64; ++x) image.row(y)[x * 3] = 0, image.row(y)[x * 3 + 2] = 255;
  const selvedge_look_options top{-1, 0, 0, 0.5F, 1}, bottom{-1, 0.5F, 0, 1, 1}, wrong{-1, 0.5F, 0, 0.5F, 1};
  const auto best = [&](const selvedge_look_options& part) {
    selvedge_answer* answer = selvedge_model_look_rgb(model_.get(), image.pixels.data(), 64, 64, 0, &part);
    if (answer == nullptr) return std::string();
    selvedge_class ranked{};
    selvedge_answer_class(answer, 0, &ranked);
    const std::string name = ranked.name;
    selvedge_answer_free(answer);
    return name;
  };
  EXPECT_EQ(best(top), "blue");
  EXPECT_EQ(best(bottom), "red");
  EXPECT_EQ(best(wrong), "");
  EXPECT_EQ(selvedge_inference_last_status(), SELVEDGE_INFERENCE_INVALID_INPUT);
}

TEST_F(InferenceApi, ComputesNumbers) {
  const std::int64_t shape[] = {1, 3, 32, 32};
  std::vector<float> red(3 * 32 * 32, 0);
  std::fill_n(red.begin(), 32 * 32, 1.0F);
  selvedge_tensor input{nullptr, SELVEDGE_ELEMENT_FLOAT32, shape, 4, red.data(), red.size() * 4};
  selvedge_tensors* tensors = selvedge_model_compute(model_.get(), &input, 1);
  ASSERT_NE(tensors, nullptr) << selvedge_inference_error();
  selvedge_tensor scores;
  ASSERT_EQ(selvedge_tensors_count(tensors), 1u);
  ASSERT_EQ(selvedge_tensors_get(tensors, 0, &scores), SELVEDGE_INFERENCE_OK);
  EXPECT_STREQ(scores.name, "scores");
  ASSERT_EQ(scores.bytes, 12u);
  const auto* values = static_cast<const float*>(scores.data);
  EXPECT_GT(values[0], values[1] + 1);
  selvedge_tensors_free(tensors);
  input.bytes -= 4;
  EXPECT_EQ(selvedge_model_compute(model_.get(), &input, 1), nullptr);
  input.bytes += 4, input.dimensions = 3;
  EXPECT_EQ(selvedge_model_compute(model_.get(), &input, 1), nullptr);
  input.dimensions = 4;
  std::memset(&input.type, 99, sizeof input.type);
  EXPECT_EQ(selvedge_model_compute(model_.get(), &input, 1), nullptr);
  EXPECT_EQ(selvedge_model_compute(model_.get(), nullptr, 0), nullptr);
  EXPECT_EQ(selvedge_inference_last_status(), SELVEDGE_INFERENCE_INVALID_INPUT);
}

TEST_F(InferenceApi, IsUsedByManyThreads) {
  const Bytes file = *codec::encode_png(plain(40, 40, {200, 20, 20}));
  std::array<int, 4> right{};
  {
    std::vector<std::jthread> threads;
    for (int& count : right)
      threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) {
          selvedge_answer* answer = selvedge_model_look(model_.get(), file.data(), file.size(), nullptr);
          selvedge_class best{};
          if (answer != nullptr && selvedge_answer_class(answer, 0, &best) == SELVEDGE_INFERENCE_OK && best.label == 0) ++count;
          selvedge_answer_free(answer);
          // An error of this thread is not seen by the others.
          if (selvedge_model_look(model_.get(), "x", 1, nullptr) != nullptr || *selvedge_inference_error() == '\0') count = -1000;
        }
      });
  }
  EXPECT_EQ(right, (std::array<int, 4>{20, 20, 20, 20}));
}

TEST_F(InferenceApi, RefusesWhatIsWrong) {
  EXPECT_EQ(selvedge_model_look(model_.get(), nullptr, 4, nullptr), nullptr);
  EXPECT_EQ(selvedge_model_look(nullptr, "x", 1, nullptr), nullptr);
  EXPECT_EQ(selvedge_model_look_rgb(model_.get(), package_.data(), 0, 1, 0, nullptr), nullptr);
  EXPECT_EQ(selvedge_model_look_rgb(model_.get(), package_.data(), 10, 1, 29, nullptr), nullptr);
  EXPECT_EQ(selvedge_model_look_rgb(model_.get(), package_.data(), 4'000'000'000, 4'000'000'000, 0, nullptr), nullptr);
  EXPECT_EQ(selvedge_inference_last_status(), SELVEDGE_INFERENCE_TOO_LARGE);
  EXPECT_EQ(selvedge_model_load(nullptr, 0, nullptr), nullptr);
  EXPECT_EQ(selvedge_model_load_file("/nowhere/at.all", nullptr), nullptr);
  EXPECT_EQ(selvedge_inference_last_status(), SELVEDGE_INFERENCE_NOT_FOUND);
  EXPECT_EQ(selvedge_model_check(nullptr), SELVEDGE_INFERENCE_INVALID_INPUT);
  for (std::size_t size = 0; size < package_.size(); size += 97)
    EXPECT_EQ(selvedge_model_load(package_.data(), size, nullptr), nullptr) << size;
}

TEST_F(InferenceApi, ChecksGoldenExamples) {
  infer::ModelPackage package = colours_package();
  package.members["golden/red.png"] = *codec::encode_png(plain(32, 32, {255, 0, 0}));
  infer::Golden golden;
  golden.file = "golden/red.png";
  golden.expected = {{"red", 0.9F, {}}};
  package.description.golden = {golden};
  for (const bool right : {true, false}) {
    if (!right) package.description.golden[0].expected[0].label = "blue";
    const Bytes bytes = *infer::write_package(package);
    const auto model = inference::Model::load(bytes.data(), bytes.size());
    ASSERT_TRUE(model) << model.error().message;
    const auto checked = model->check();
    EXPECT_EQ(static_cast<bool>(checked), right);
    if (right) continue;
    EXPECT_EQ(checked.error().status, SELVEDGE_INFERENCE_CONFLICT) << checked.error().message;
  }
}

TEST(InferenceCxx, SaysThatThereIsNoRuntime) {
  const Bytes bytes = *infer::write_package(colours_package());
  const auto model = inference::Model::load(bytes.data(), bytes.size(), "/nowhere/libonnxruntime.so");
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().status, SELVEDGE_INFERENCE_UNAVAILABLE) << model.error().message;
  EXPECT_NE(model.error().message.find("/nowhere"), std::string::npos);
}

TEST_F(InferenceApi, IsPleasantInCxx) {
  const auto model = inference::Model::load(package_.data(), package_.size());
  ASSERT_TRUE(model);
  const auto answer = model->look(*codec::encode_jpeg(plain(64, 48, {0, 0, 250})));
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_FALSE(answer->classes().empty());
  EXPECT_STREQ(answer->classes()[0].name, "blue");
  EXPECT_EQ(answer->mask().labels, nullptr);
  EXPECT_GT(answer->timings().infer, 0);
  const auto wrong = model->look(std::string_view("no picture"));
  ASSERT_FALSE(wrong);
  EXPECT_FALSE(wrong.error().message.empty());
}

}  // namespace
}  // namespace selvedge
