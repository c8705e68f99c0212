#include "infer/quantise.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "codec/tflite/import.h"
#include "engine/quantise/graphs_for_test.h"
#include "infer/models_fixture.h"
#include "infer/quantise_report.h"

namespace selvedge::infer {
namespace {

namespace fs = std::filesystem;
using base::Code;
using engine::quantise::GraphMaker;
using engine::quantise::RangeRule;
using engine::quantise::some_numbers;
using engine::quantise::Target;

// A folder of its own with files of numbers in it, which go with it; nothing else is removed.
class Folder {
 public:
  Folder() {
    std::string pattern = (fs::path(testing::TempDir()) / "quantise_XXXXXX").string();
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code none;
    for (const fs::path& made : made_) fs::remove(made, none);
    for (const fs::path& inner : inner_) fs::remove(inner, none);
    fs::remove(path_, none);
  }
  std::string path() const { return path_.string(); }
  void make_folder(const std::string& name) {
    fs::create_directory(path_ / name);
    inner_.push_back(path_ / name);
  }
  void put(const std::string& name, base::BytesView data) {
    std::ofstream(path_ / name, std::ios::binary).write(reinterpret_cast<const char*>(data.data()), std::streamsize(data.size()));
    made_.push_back(path_ / name);
  }
  void put(const std::string& name, const std::vector<float>& values) {
    put(name, {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(float)});
  }
  void fill(int files, std::size_t numbers) {
    for (int i = 0; i < files; ++i) put("sample" + std::to_string(10 + i) + ".f32", some_numbers(numbers, static_cast<float>(i + 3)));
  }

 private:
  fs::path path_;
  std::vector<fs::path> made_, inner_;
};

// Convolutions with all that surrounds them in networks: bounds, a depthwise one, a residual sum, pools,
// a Concat, an operator that has no 8-bit form, and a matrix at the end.
codec::onnx::Graph network() {
  GraphMaker make;
  make.input("x", {1, 3, 16, 16}).output("y", {1, 5}).numbers("low", {}, {0}).numbers("high", {}, {6});
  make.convolution("x", "a", 3, 16, 3).node("Clip", {"a", "low", "high"}, "b").convolution("b", "c", 16, 16, 3, 16).node("Relu", {"c"}, "d");
  make.convolution("d", "e", 16, 16).node("Add", {"e", "b"}, "f").node("Softsign", {"f"}, "g").convolution("g", "h", 16, 16);
  make.node("MaxPool", {"h"}, "i", {{"kernel_shape", std::vector<std::int64_t>{2, 2}}, {"strides", std::vector<std::int64_t>{2, 2}}});
  make.node("AveragePool", {"h"}, "j", {{"kernel_shape", std::vector<std::int64_t>{2, 2}}, {"strides", std::vector<std::int64_t>{2, 2}}});
  make.node("Concat", {"i", "j"}, "k", {{"axis", std::int64_t{1}}}).convolution("k", "l", 32, 16).node("Sigmoid", {"l"}, "s");
  make.node("Mul", {"l", "s"}, "m").node("GlobalAveragePool", {"m"}, "n").node("Flatten", {"n"}, "o");
  make.numbers("w", {5, 16}, some_numbers(80)).numbers("v", {5}, some_numbers(5));
  make.node("Gemm", {"o", "w", "v"}, "y", {{"transB", std::int64_t{1}}});
  return make.take();
}

ModelPackage package_of(const codec::onnx::Graph& graph) {
  ModelPackage package;
  package.description.name = "network";
  package.description.file = "model.onnx";
  package.model = codec::onnx::write(graph);
  return package;
}

class Quantise : public testing::Test {
 protected:
  static constexpr std::size_t numbers = 3 * 16 * 16;

  void SetUp() override {
    if (!runtime_) GTEST_SKIP() << runtime_.error().message;
    options_.calibrate = folder_.path();
  }
  base::Result<Quantised> run(const ModelPackage& package) { return quantise_model(**runtime_, package, options_); }

  base::Result<std::shared_ptr<Runtime>> runtime_ = test_runtime();
  Folder folder_;
  QuantiseOptions options_;
};

TEST_F(Quantise, SaysNearlyTheSameInEightBits) {
  folder_.fill(12, numbers);
  std::size_t told = 0;
  options_.progress = [&](const QuantiseProgress& progress) { told += progress.done <= progress.of ? 1U : 0U; };
  const auto made = run(package_of(network()));
  ASSERT_TRUE(made) << made.error().message;
  const QuantiseReport& report = made->report;
  EXPECT_TRUE(report.shortfalls.empty()) << report.shortfalls[0];
  EXPECT_EQ(report.calibrated, 6U);
  EXPECT_EQ(report.judged, 6U);
  EXPECT_EQ(report.candidates.size(), 3U);
  EXPECT_EQ(report.layers, 6U);
  // A sum that only Softsign takes, which has no 8-bit form, would be converted for nothing.
  EXPECT_EQ(report.in_float, (std::vector<std::string>{"Add 'f_node'", "Softsign 'g_node'"}));
  ASSERT_EQ(report.agreement.outputs.size(), 1U);
  EXPECT_LT(report.agreement.outputs[0].share(), 0.05);
  EXPECT_EQ(report.packed, made->file.size());
  EXPECT_EQ(read_package(made->file)->model, made->package.model);
  EXPECT_GT(report.milliseconds, 0);
  EXPECT_GT(told, 12U);
  // It is what the report says: a model that loads, and is refused a second time.
  EXPECT_TRUE((*runtime_)->load(made->package.model));
  const auto again = run(made->package);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::invalid_input);
  EXPECT_NE(again.error().message.find("quantise model network: the model is quantised already"), std::string::npos);
}

TEST_F(Quantise, MakesEachFormThatTargetsTake) {
  folder_.fill(8, numbers);
  options_.range = RangeRule::extremes;
  for (const Target target : {Target::x86, Target::x86_old, Target::arm}) {
    for (const auto weights : {engine::quantise::Weights::per_channel, engine::quantise::Weights::per_tensor}) {
      options_.numbers.target = target;
      options_.numbers.weights = weights;
      const auto made = run(package_of(network()));
      ASSERT_TRUE(made) << made.error().message;
      EXPECT_LT(made->report.agreement.outputs[0].share(), 0.1) << name_of(target);
    }
  }
  options_.numbers.symmetry = engine::quantise::Symmetry::symmetric;
  const auto even = run(package_of(network()));
  ASSERT_TRUE(even) << even.error().message;
  EXPECT_LT(even->report.agreement.outputs[0].share(), 0.1);
}

TEST_F(Quantise, LeavesHeadsInFloatWhenAsked) {
  folder_.fill(8, numbers);
  options_.range = RangeRule::extremes;
  options_.numbers.heads = engine::quantise::Heads::in_float;
  const auto made = run(package_of(network()));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->report.layers, 5U);
  EXPECT_LT(made->report.agreement.outputs[0].share(), 0.05);
}

// Channels of nothing but bias are taken out; weights of nearly nothing elsewhere would saturate biases.
TEST_F(Quantise, IsRightForChannelsOfNearlyNothing) {
  folder_.fill(8, numbers);
  GraphMaker make;
  make.input("x", {1, 3, 16, 16}).output("y", {1, 4, 16, 16}).convolution("x", "a", 3, 48).node("Relu", {"a"}, "b");
  make.convolution("b", "c", 48, 48, 3, 48).node("Relu", {"c"}, "d").convolution("d", "y", 48, 4);
  for (auto& constant : make.graph().constants) {
    auto values = engine::quantise::floats_of(constant);
    if (constant.name == "a_w") std::ranges::for_each(values.begin(), values.begin() + 60, [](float& value) { value *= 1e-9F; });
    if (constant.name == "a_b") std::fill_n(values.begin(), 20, -1.0F);
    if (constant.name == "y_w") std::ranges::for_each(values.begin(), values.begin() + 48, [](float& value) { value *= 1e-9F; });
    constant = engine::quantise::make_floats(constant.name, constant.shape, values);
  }
  options_.range = RangeRule::extremes;
  options_.numbers.weight_noise = 0;               // which would hide the guard
  const auto made = run(package_of(make.graph()));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->report.pruned, 16U);
  EXPECT_GE(made->report.guarded, 1U);
  EXPECT_EQ(made->report.saturated, 0U);
  EXPECT_LT(made->report.agreement.outputs[0].share(), 0.03);
  options_.prune = false;
  const auto whole = run(package_of(make.graph()));
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(whole->report.pruned, 0U);
  EXPECT_LT(whole->report.agreement.outputs[0].share(), 0.03);
}

TEST_F(Quantise, RefusesTooLittleData) {
  folder_.fill(5, numbers);
  const auto made = run(package_of(network()));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::invalid_input);
  EXPECT_EQ(made.error().message, "quantise model network: calibrate with " + folder_.path() +
                                      ": at least 4 different files of numbers are needed beside as many to judge with, there are 5");
}

TEST_F(Quantise, SaysWhichFilesItLeftOut) {
  folder_.fill(5, numbers);
  folder_.put("short.f32", std::vector<float>(7));
  folder_.put("sample99.f32", some_numbers(numbers, 3));
  folder_.put("broken.npy", base::as_bytes("\x93NUMPY"));
  const auto made = run(package_of(network()));
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("; left out: broken.npy: not an .npy file and 2 more"), std::string::npos) << made.error().message;
}

// The sums of their bytes are the same, however they are weighed.
TEST_F(Quantise, TellsFilesApartThatDifferInLittle) {
  folder_.fill(3, numbers);
  std::vector<float> values(numbers, 1);
  for (const std::uint32_t bits : {0x3f800002U, 0x3f800100U}) {
    values[0] = std::bit_cast<float>(bits);
    folder_.put("like" + std::to_string(bits) + ".f32", values);
  }
  const auto made = run(package_of(network()));
  ASSERT_FALSE(made);
  EXPECT_TRUE(made.error().message.ends_with("there are 5")) << made.error().message;
}

// Nothing looks at its nodes before the runtime has: a value would be read here that is not there.
TEST_F(Quantise, LeavesABrokenModelToTheRuntime) {
  folder_.fill(8, numbers);
  GraphMaker make;
  make.input("x", {1, 3, 16, 16}).output("y", {1, 4, 16, 16}).convolution("x", "a", 3, 4).numbers("n", {2, 3}, some_numbers(6));
  make.node("Transpose", {"n"}, "t", {{"perm", std::vector<std::int64_t>{0, 0}}}).node("Mul", {"a", "t"}, "y");
  const auto made = run(package_of(make.graph()));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::invalid_input);
  EXPECT_TRUE(made.error().message.starts_with("quantise model network: load the float model: ")) << made.error().message;
}

TEST_F(Quantise, RefusesAFolderThatIsNotThere) {
  options_.calibrate = folder_.path() + "/none";
  const auto made = run(package_of(network()));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::not_found);
}

TEST_F(Quantise, RefusesDataThatIsNoNumber) {
  folder_.fill(8, numbers);
  std::vector<float> values(numbers, 1);
  values[5] = NAN;
  folder_.put("a.f32", values);
  const auto made = run(package_of(network()));
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("value 'x' is not finite"), std::string::npos) << made.error().message;
}

TEST_F(Quantise, NamesWhatFallsShort) {
  folder_.fill(8, numbers);
  options_.range = RangeRule::extremes;
  options_.numbers.weight_bits = 4;
  options_.limits.error = 0.0001F;
  options_.limits.time = 0.0001F;
  const auto made = run(package_of(network()));
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(made->report.shortfalls.size(), 2U);
  EXPECT_NE(made->report.shortfalls[0].find("the mean difference of output 'y' as a share is 0."), std::string::npos);
  EXPECT_NE(made->report.shortfalls[1].find("CPU time as a share"), std::string::npos);
  const std::string json = to_json(made->report);
  EXPECT_NE(json.find("\"accepted\":false"), std::string::npos);
  EXPECT_NE(json.find("\"cpu_ratio\":"), std::string::npos);
  EXPECT_TRUE(to_lines(made->report).back().starts_with("falls short: "));
}

TEST_F(Quantise, TakesAFolderForEachSampleOfAModelWithTwoInputs) {
  GraphMaker make;
  make.input("left", {1, 8}).input("right", {1, 8}).output("y", {1, 4}).numbers("w", {8, 4}, some_numbers(32));
  make.node("Add", {"left", "right"}, "s").node("MatMul", {"s", "w"}, "y");
  for (int i = 0; i < 8; ++i) {
    const std::string sample = "s" + std::to_string(i);
    folder_.make_folder(sample);
    folder_.put(sample + "/left.bin", some_numbers(8, static_cast<float>(i)));
    folder_.put(sample + "/right.bin", some_numbers(8, static_cast<float>(i) + 0.5F));
  }
  options_.range = RangeRule::extremes;
  const auto made = run(package_of(make.graph()));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->report.layers, 1U);
  EXPECT_LT(made->report.agreement.outputs[0].share(), 0.05);
}

TEST(QuantiseLimits, TakeEighteenOfNineteenDetectionsAndNotSeventeenOfEighteen) {
  QuantiseReport report;
  report.agreement.task = Task::detection;
  report.agreement.weak = {0.3F, 30, 29, 0};
  report.agreement.strong = {0.5F, 19, 18, 0};
  report.agreement.overlap = {0.95F, 0.9F};
  report.agreement.score_difference = {0.0133F, 0.1F};
  find_shortfalls({}, report);
  EXPECT_TRUE(report.shortfalls.empty()) << report.shortfalls[0];
  report.agreement.strong = {0.5F, 18, 17, 0};
  report.agreement.score_difference.median = 0.03F;
  find_shortfalls({}, report);
  ASSERT_EQ(report.shortfalls.size(), 2U);
  EXPECT_EQ(report.shortfalls[0], "the share of detections >= 0.5 that are found again is 0.944, at least 0.947 is asked for");
  EXPECT_EQ(report.shortfalls[1], "the median score difference is 0.030, at most 0.020 is asked for");
}

// A small detector of the real kind, on the pictures there are; the large one is tried without sanitizers
// (tests/acceptance/model_cli.py).
TEST_F(Quantise, KeepsWhatADetectorFinds) {
  const auto model = test_model("face_detection_short_range.tflite");
  if (!model) GTEST_SKIP() << model.error().message;
  // As its publisher's own pipeline has it (google/mediapipe, face_detection_short_range.pbtxt).
  ModelPackage package;
  package.description = *read_description(R"(name = "faces"
task = "detection"
model = "model.tflite"
labels = ["face"]

[input]
mean = 127.5
deviation = 127.5
fit = "letterbox"

[detection]
order = "xywh"
exponential = false
x_scale = 128
y_scale = 128
w_scale = 128
h_scale = 128
overlap = 0.3

[detection.anchors]
strides = [8, 16, 16, 16]
min_scale = 0.1484375
max_scale = 0.75
aspect_ratios = [1]
fixed_size = true
)");
  const auto imported = codec::tflite::import(*model);
  ASSERT_TRUE(imported) << imported.error().message;
  package.model = codec::onnx::write(imported->graph);
  fs::path pictures;
  for (fs::path at = fs::current_path(); at.has_relative_path(); at = at.parent_path())
    if (fs::exists(at / ".." / "shared/data/vision/images")) pictures = at / ".." / "shared/data/vision/images";
  if (pictures.empty()) GTEST_SKIP() << "../shared/data/vision is not there";
  options_.calibrate = pictures.string();
  options_.range = RangeRule::least_error;
  options_.views = 1;
  options_.limits.score_difference = 0.03F;        // so small a network moves more
  const auto made = run(package);
  ASSERT_TRUE(made) << made.error().message;
  const QuantiseReport& report = made->report;
  EXPECT_TRUE(report.shortfalls.empty()) << report.shortfalls[0];
  EXPECT_EQ(report.layers, 37U);
  EXPECT_GE(report.agreement.strong.reference, 3U);
  EXPECT_EQ(report.agreement.strong.matched, report.agreement.strong.reference);
  EXPECT_GE(report.agreement.overlap.median, 0.88F);
  EXPECT_EQ(report.saturated, 0U);
  EXPECT_LE(report.packed, 100'000U);
}

}  // namespace
}  // namespace selvedge::infer
