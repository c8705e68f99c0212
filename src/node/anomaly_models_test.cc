// detector = "model" on a whole node: readings become windows, windows questions, answers scores and alarms; with a
// model that is not there, fails, is swapped, or wants another window.

#include <cmath>
#include <cstring>

#include "node/node_fixture.h"
#include "serving/models_fixture.h"

namespace selvedge::node {
namespace {

constexpr std::size_t length = 8;

// How far the last value is from the mean of those before, times `scale`.
double said(std::span<const double> window, double scale) {
  double mean = 0;
  for (const double value : window.first(window.size() - 1)) mean += static_cast<double>(static_cast<float>(value));
  return std::abs(static_cast<double>(static_cast<float>(window.back())) - mean / static_cast<double>(window.size() - 1)) * scale;
}

class WindowSession final : public infer::Session {
 public:
  explicit WindowSession(serving::test::Spec spec) : spec_(std::move(spec)) {}
  const std::vector<infer::ValueInfo>& inputs() const override { return inputs_; }
  const std::vector<infer::ValueInfo>& outputs() const override { return outputs_; }
  base::Result<std::vector<infer::Tensor>> run(std::span<const infer::TensorView> given) const override {
    if (spec_.contains("fails")) return base::fail(base::Code::internal, "run: it fails");
    CHECK(given.size() == 1 && given[0].data.size() == length * sizeof(float));
    std::vector<double> window;
    for (std::size_t i = 0; i < length; ++i) {
      float value = 0;
      std::memcpy(&value, given[0].data.data() + i * sizeof value, sizeof value);
      window.push_back(static_cast<double>(value));
    }
    const auto score = static_cast<float>(spec_.contains("nan") ? std::nan("") : said(window, std::stod(spec_.at("scale"))));
    infer::Tensor out{infer::ElementType::float32, {1, 1}, base::Bytes(sizeof score)};
    std::memcpy(out.data.data(), &score, sizeof score);
    return std::vector{std::move(out)};
  }

 private:
  serving::test::Spec spec_;
  std::vector<infer::ValueInfo> inputs_{{"x", infer::ElementType::float32, {1, static_cast<std::int64_t>(length)}}};
  std::vector<infer::ValueInfo> outputs_{{"score", infer::ElementType::float32, {1, 1}}};
};

class WindowPipeline final : public infer::Pipeline {
 public:
  WindowPipeline(infer::Description description, serving::test::Spec spec)
      : description_(std::move(description)), session_(std::move(spec)) {}
  const infer::Description& description() const override { return description_; }
  const infer::Session& session() const override { return session_; }
  base::Result<infer::Answer> run(base::BytesView, const infer::RunOptions&) const override {
    return base::fail(base::Code::invalid_input, "it takes no pictures");
  }
  base::Result<infer::Answer> run(const codec::Image&, const infer::RunOptions&) const override { return run(base::BytesView{}, {}); }

 private:
  infer::Description description_;
  WindowSession session_;
};

// "scale=2 threshold=4", "fails=1", "nan=1", or of a detector of pictures: "task=detection".
serving::ModelLoader window_loader() {
  serving::ModelLoader loader;
  loader.read = [](base::BytesView bytes) -> base::Result<infer::ModelPackage> {
    const auto spec = serving::test::spec_of(base::as_text(bytes));
    infer::ModelPackage package;
    package.description.name = "bearing";
    package.description.task = spec.contains("task") ? infer::Task::detection : infer::Task::series;
    package.description.series = {.length = length, .normalise = false};
    if (spec.contains("threshold")) package.description.series.threshold = std::stof(spec.at("threshold"));
    package.model.assign(bytes.begin(), bytes.end());
    return package;
  };
  loader.make = [](const infer::ModelPackage& package,
                   const infer::SessionOptions&) -> base::Result<std::shared_ptr<const infer::Pipeline>> {
    return std::make_shared<WindowPipeline>(package.description, serving::test::spec_of(base::as_text(package.model)));
  };
  return loader;
}

class AnomalyModelsTest : public NodeTest {
 protected:
  AnomalyConfig& rule(std::string model = "bearing") {
    AnomalyConfig& a = config.anomalies.emplace_back();
    a.filter = "plant/#";
    a.detector = "model";
    a.model = std::move(model);
    a.window = length;
    a.hold = 1;
    a.report = std::chrono::milliseconds(1);       // each score
    config.model_loader = window_loader();
    return a;
  }
  void load(std::uint64_t version, const std::string& spec) {
    bool loaded = false;
    node->models().load(serving::test::fake_model("bearing", version, spec), [&](base::Result<void> done) {
      EXPECT_TRUE(done) << done.error().message;
      loaded = true;
    });
    run_until([&] { return loaded; });
  }
  void unload(std::uint64_t version) {
    bool gone = false;
    node->models().unload({"bearing", version}, [&] { gone = true; });
    run_until([&] { return gone; });
  }
  void send(client::Device& from, double value) {
    const std::int64_t ms = machine.loop().wall_now().ns / 1'000'000;
    EXPECT_EQ(publish(from, "plant/7", R"({"ts":)" + std::to_string(ms) + R"(,"t":)" + std::to_string(value) + "}"),
              codec::mqtt::Reason::success);
    sim.run_for(std::chrono::milliseconds(1000));
  }
  void usual(client::Device& from, int count) {
    for (int i = 0; i < count; ++i) send(from, 20 + (++step_ % 3));
  }
  // What the model has to say of the readings from `first` on, each with those before it.
  std::vector<double> expected(std::size_t first, std::size_t end, double scale) {
    const std::vector<double> all = values("plant/7/t");
    std::vector<double> scores;
    for (std::size_t i = std::max(first, length - 1); i < std::min(end, all.size()); ++i)
      scores.push_back(static_cast<double>(static_cast<float>(said(std::span(all).subspan(i + 1 - length, length), scale))));
    return scores;
  }
  std::string flags() {
    std::string all;
    bool last = false;
    each_reading("plant/7/t/anomalous", [&](std::int64_t, const model::ValueView& value) {
      if (all.empty() || value.boolean != last) all += (all.empty() ? "" : " ") + std::string(value.boolean ? "on" : "off");
      last = value.boolean;
    });
    return all;
  }
  std::string kinds() {
    std::string all;
    each_reading("plant/7/t/anomaly-kind",
                 [&](std::int64_t, const model::ValueView& value) { all += (all.empty() ? "" : " ") + std::string(value.text); });
    return all;
  }

  int step_ = 0;
};

TEST_F(AnomalyModelsTest, EveryReadingIsScoredWithThoseBeforeIt) {
  rule();
  start();
  load(1, "scale=1");
  client::Device& pump = device("pump");
  usual(pump, 12);
  EXPECT_EQ(flags(), "off");
  send(pump, 60);
  EXPECT_EQ(flags(), "off on");
  usual(pump, 10);
  EXPECT_EQ(flags(), "off on off");
  EXPECT_EQ(kinds(), "spike shift none") << "with 60 among them the next seven are far from their mean too";
  EXPECT_EQ(values("plant/7/t").size(), 23u);
  EXPECT_EQ(values("plant/7/t/anomaly"), expected(0, 23, 1));
  EXPECT_EQ(metric("selvedge_anomaly_alarms_total"), 1);
  EXPECT_EQ(metric("selvedge_anomaly_unanswered_total"), 0);
  EXPECT_EQ(metric("selvedge_anomaly_unasked_total"), 0);
}

TEST_F(AnomalyModelsTest, AThresholdOfThePackageBecomesThatOfTheRule) {
  rule().threshold = "6";
  start();
  load(1, "scale=1 threshold=30");
  client::Device& pump = device("pump");
  usual(pump, 12);
  send(pump, 45);                                  // 24 from the mean: below 30
  EXPECT_EQ(flags(), "off");
  usual(pump, 8);
  send(pump, 60);
  EXPECT_EQ(flags(), "off on");
  const double score = values("plant/7/t/anomaly").back();
  EXPECT_GE(score, 6);
  EXPECT_NEAR(score, expected(21, 22, 1).at(0) / 30 * 6, 1e-4);
}

TEST_F(AnomalyModelsTest, AModelThatComesLaterSpeaksFromThenOn) {
  rule();
  start();
  client::Device& pump = device("pump");
  usual(pump, 10);
  EXPECT_EQ(metric("selvedge_anomaly_unanswered_total"), 3);
  EXPECT_EQ(flags(), "");
  load(1, "scale=1");
  usual(pump, 4);
  EXPECT_EQ(values("plant/7/t/anomaly"), expected(10, 14, 1)) << "with the values from before it came";
  unload(1);
  usual(pump, 4);
  EXPECT_EQ(metric("selvedge_anomaly_unanswered_total"), 7);
  EXPECT_EQ(values("plant/7/t").size(), 18u) << "readings are taken whatever becomes of the model";
  EXPECT_EQ(values("plant/7/t/anomaly").size(), 4u);
}

TEST_F(AnomalyModelsTest, AModelThatFailsSaysNothingAndEndsNothing) {
  rule();
  start();
  load(1, "scale=1");
  client::Device& pump = device("pump");
  usual(pump, 10);
  send(pump, 60);
  EXPECT_EQ(flags(), "off on");
  std::uint64_t version = 1;
  for (const char* spec : {"fails=1", "nan=1", "task=detection"}) {
    const std::size_t scores = values("plant/7/t/anomaly").size();
    const double before = metric("selvedge_anomaly_unanswered_total");
    load(++version, spec);
    usual(pump, 3);
    EXPECT_EQ(values("plant/7/t/anomaly").size(), scores) << spec;
    EXPECT_EQ(metric("selvedge_anomaly_unanswered_total"), before + 3) << spec;
    EXPECT_EQ(flags(), "off on") << spec;
  }
  load(++version, "scale=1");
  usual(pump, 3);
  EXPECT_EQ(flags(), "off on off") << "the next version that answers ends it";
}

TEST_F(AnomalyModelsTest, TheNewestVersionAnswersUnlessTheRuleNamesOne) {
  for (const bool named : {false, true}) {
    config.anomalies.clear();
    rule(named ? "bearing:1" : "bearing");
    config.state = named ? "named" : "newest";
    if (named) machine.crash(), devices.clear(), node.reset(), machine.restart();
    start();
    load(1, "scale=1");
    client::Device& pump = device(named ? "one" : "two");
    usual(pump, 10);
    load(2, "scale=100");
    usual(pump, 2);
    const std::vector<double> scores = values("plant/7/t/anomaly"), after = expected(10, 12, named ? 1 : 100);
    ASSERT_EQ(scores.size(), 5u);
    EXPECT_EQ(std::vector<double>(scores.end() - 2, scores.end()), after);
    EXPECT_EQ(flags(), named ? "off" : "off on");
  }
}

TEST_F(AnomalyModelsTest, TheWindowOutlivesAPowerCut) {
  rule();
  start();
  load(1, "scale=1");
  usual(device("pump"), 10);
  power_cut_and_restart();
  load(1, "scale=1");
  client::Device& again = device("again");
  send(again, 60);
  EXPECT_EQ(flags(), "off on");
  const std::vector<double> scores = values("plant/7/t/anomaly");
  EXPECT_EQ(scores.back(), expected(10, 11, 1).at(0)) << "of seven values from before";
}

}  // namespace
}  // namespace selvedge::node
