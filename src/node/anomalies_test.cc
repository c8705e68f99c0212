// Watching for anomalies on a whole node: what is stored, and that neither a restart nor a crash changes it.

#include "node/anomalies.h"

#include <cmath>
#include <map>

#include "node/live_settings.h"
#include "node/node_fixture.h"

namespace selvedge::node {
namespace {

class AnomaliesTest : public NodeTest {
 protected:
  AnomalyConfig& rule(std::string filter) {
    AnomalyConfig& a = config.anomalies.emplace_back();
    a.filter = std::move(filter);
    a.window = 32;
    a.report = std::chrono::seconds(30);
    return a;
  }
  void send(client::Device& from, double value) {
    const std::int64_t ms = machine.loop().wall_now().ns / 1'000'000;
    EXPECT_EQ(publish(from, "plant/7", R"({"ts":)" + std::to_string(ms) + R"(,"t":)" + std::to_string(value) + "}"),
              codec::mqtt::Reason::success);
    sim.run_for(std::chrono::milliseconds(1000));
  }
  void usual(client::Device& from, int count) {
    for (int i = 0; i < count; ++i) {
      ++step_;
      send(from, 20 + std::sin(step_ * 1.7) + 0.4 * std::sin(step_ * 0.9));
    }
  }
  // The values of a series as text, in order of time; times must be different.
  std::string texts(std::string_view series) {
    std::map<std::int64_t, std::string> all;
    if (node->store().find(series) == nullptr) return "no series";
    each_reading(series, [&](std::int64_t time, const model::ValueView& value) {
      EXPECT_TRUE(all.emplace(time, value.kind == model::Kind::text ? std::string(value.text)
                                    : value.boolean                 ? "on"
                                                                    : "off")
                      .second);
    });
    std::string text, last;
    for (const auto& [time, value] : all)
      if (value != last) text += (text.empty() ? "" : " ") + (last = value);
    return text;
  }

  double step_ = 0;
};

TEST_F(AnomaliesTest, ScoresAndAlarmsAreReadingsOfTheirOwn) {
  rule("plant/#");
  start();
  client::Device& boiler = device("boiler");
  usual(boiler, 60);
  send(boiler, 60);
  usual(boiler, 10);
  EXPECT_EQ(texts("plant/7/t/anomalous"), "off on off");
  EXPECT_EQ(texts("plant/7/t/anomaly-kind"), "spike none");
  EXPECT_GE(values("plant/7/t/anomaly").size(), 3u);
  EXPECT_EQ(values("plant/7/t").size(), 71u);
  EXPECT_EQ(node->store().find("plant/7/t/anomalous")->kind, model::Kind::boolean);
  EXPECT_EQ(metric("selvedge_anomaly_alarms_total"), 1);
  EXPECT_EQ(metric("selvedge_anomaly_series"), 1);
}

TEST_F(AnomaliesTest, GoUpToTheCloudThoughTheRawReadingsStay) {
  rule("plant/#");
  AggregateConfig& aggregate = config.aggregates.emplace_back();
  aggregate.filter = "plant/#";
  aggregate.raw = "keep";
  aggregate.window = std::chrono::seconds(10);
  aggregate.functions = {"mean"};
  start();
  usual(device("boiler"), 60);
  sim.run_for(std::chrono::seconds(5));
  for (int life = 0; life < 2; ++life) {
    std::map<std::string, int> names;
    const auto blocks = node->store().undelivered(model::BlockSeq{1}, 1 << 30);
    ASSERT_TRUE(blocks);
    for (const auto& block : *blocks) ++names[node->store().find(block.series)->name];
    EXPECT_TRUE(names.contains("plant/7/t/anomaly"));
    EXPECT_TRUE(names.contains("plant/7/t/mean"));
    EXPECT_FALSE(names.contains("plant/7/t"));
    EXPECT_FALSE(node->store().find("plant/7/t/anomaly/mean"));
    EXPECT_FALSE(node->store().find("plant/7/t/mean/anomaly"));
    power_cut_and_restart();
  }
}

TEST_F(AnomaliesTest, WhatWasLearntOutlivesAPowerCut) {
  rule("plant/#");
  start();
  usual(device("boiler"), 60);
  power_cut_and_restart();
  client::Device& again = device("again");
  send(again, 60);
  EXPECT_EQ(texts("plant/7/t/anomalous"), "off on");
  power_cut_and_restart();
  usual(device("third"), 10);
  EXPECT_EQ(texts("plant/7/t/anomalous"), "off on off") << "the alarm was still on";
}

// Power cuts at any change of the disk: nothing is said twice, and each alarm that was raised is over in the end.
TEST_F(AnomaliesTest, AfterAnyCrashNothingIsSaidTwice) {
  config.store_segment.bytes = 64 << 10;
  config.store_journal.bytes = 2 << 20;
  config.anomaly_memory.bytes = 16 << 10;
  rule("plant/#").report = std::chrono::seconds(2);
  os::fake::Random random(11);
  start();
  for (int life = 0; life < 20; ++life) {
    live_and_crash(life, 30, random,
                   [&] { return random.below(12) == 0 ? 70 : 20 + std::sin(++step_ * 1.7); });
    if (HasFatalFailure()) return;
  }
  usual(device("last"), 10);
  const std::string said = texts("plant/7/t/anomalous");   // fails for two of one time
  EXPECT_TRUE(said.ends_with("off")) << said;
  EXPECT_GE(said.size(), std::string("off on off on off").size()) << "alarms came and went";
}

TEST_F(AnomaliesTest, ASensorThatSaysNothingAnyMoreIsFound) {
  rule("plant/#").silent_after = std::chrono::seconds(30);
  start();
  client::Device& boiler = device("boiler");
  usual(boiler, 40);
  sim.run_for(std::chrono::seconds(28));
  EXPECT_EQ(texts("plant/7/t/anomalous"), "off");
  sim.run_for(std::chrono::seconds(4));
  EXPECT_EQ(texts("plant/7/t/anomalous"), "off on");
  EXPECT_EQ(texts("plant/7/t/anomaly-kind"), "silent");
  EXPECT_EQ(metric("selvedge_anomaly_raised"), 1);
  power_cut_and_restart();
  sim.run_for(std::chrono::seconds(100));
  EXPECT_EQ(texts("plant/7/t/anomaly-kind"), "silent") << "not said again";
  usual(device("again"), 5);
  EXPECT_EQ(texts("plant/7/t/anomalous"), "off on off");
  EXPECT_EQ(texts("plant/7/t/anomaly-kind"), "silent none");
  EXPECT_EQ(metric("selvedge_anomaly_raised"), 0);
}

TEST_F(AnomaliesTest, WhileTheNodeIsOffNobodyIsSilent) {
  rule("plant/#").silent_after = std::chrono::seconds(30);
  // An aggregate is due at once after the start, and notes the time in the journal.
  AggregateConfig& aggregate = config.aggregates.emplace_back();
  aggregate.filter = "plant/#";
  aggregate.window = std::chrono::seconds(10);
  aggregate.functions = {"mean"};
  start();
  usual(device("boiler"), 41);
  machine.crash();
  devices.clear();
  node.reset();
  sim.run_for(std::chrono::hours(2));
  machine.restart();
  start();
  sim.run_for(std::chrono::seconds(28));
  EXPECT_EQ(texts("plant/7/t/anomaly-kind"), "no series");
  // And so it stays after a crash: the journal has what was excused.
  power_cut_and_restart();
  sim.run_for(std::chrono::seconds(28));
  EXPECT_EQ(texts("plant/7/t/anomaly-kind"), "no series");
  sim.run_for(std::chrono::seconds(4));
  EXPECT_EQ(texts("plant/7/t/anomaly-kind"), "silent");
}

TEST_F(AnomaliesTest, AClockThatIsSetMakesNobodySilent) {
  rule("plant/#").silent_after = std::chrono::seconds(30);
  // Aggregates note the time too, and may be the first to see the new one.
  AggregateConfig& aggregate = config.aggregates.emplace_back();
  aggregate.filter = "plant/#";
  aggregate.window = std::chrono::seconds(10);
  aggregate.functions = {"mean"};
  start();
  client::Device& boiler = device("boiler");
  usual(boiler, 40);
  for (const auto by : {std::chrono::hours(48), std::chrono::hours(-100), std::chrono::hours(500)}) {
    machine.jump_wall(by);
    sim.run_for(std::chrono::seconds(25));
    EXPECT_EQ(texts("plant/7/t/anomaly-kind"), "no series");
    power_cut_and_restart();
    EXPECT_EQ(texts("plant/7/t/anomaly-kind"), "no series");
  }
  sim.run_for(std::chrono::seconds(32));
  EXPECT_EQ(texts("plant/7/t/anomaly-kind"), "silent");
}

// The same with silence: pauses are now and then longer than it may last, and aggregates note the time as well.
TEST_F(AnomaliesTest, AfterAnyCrashNoSilenceIsSaidTwice) {
  config.store_segment.bytes = 64 << 10;
  config.store_journal.bytes = 2 << 20;
  config.anomaly_memory.bytes = 16 << 10;
  config.aggregate_memory.bytes = 16 << 10;
  AnomalyConfig& a = rule("plant/#");
  a.report = std::chrono::seconds(2);
  a.silent_after = std::chrono::microseconds(1'100'333);   // never the time of a reading
  AggregateConfig& aggregate = config.aggregates.emplace_back();
  aggregate.filter = "plant/#";
  aggregate.window = std::chrono::seconds(2);
  aggregate.functions = {"mean"};
  os::fake::Random random(23);
  start();
  for (int life = 0; life < 12; ++life) {
    live_and_crash(life, 30, random, [&] { return 20 + std::sin(++step_ * 1.7); });
    if (HasFatalFailure()) return;
  }
  usual(device("last"), 10);
  sim.run_for(std::chrono::seconds(10));
  const std::string said = texts("plant/7/t/anomaly-kind");   // fails for two of one time
  EXPECT_TRUE(said.starts_with("silent none silent none")) << said;
  EXPECT_TRUE(said.ends_with("none silent")) << said;
  EXPECT_EQ(metric("selvedge_anomaly_raised"), 1);
}

TEST_F(AnomaliesTest, AModelThatIsNotThereIsNoTrouble) {
  AnomalyConfig& a = rule("plant/#");
  a.detector = "model";
  a.model = "bearing:3";
  start();
  usual(device("boiler"), 40);
  EXPECT_EQ(values("plant/7/t").size(), 40u);
  EXPECT_GE(metric("selvedge_anomaly_unanswered_total"), 1);
  EXPECT_EQ(texts("plant/7/t/anomalous"), "no series");
}

TEST_F(AnomaliesTest, RulesAreASettingThatCanBeWished) {
  ASSERT_TRUE(config.finish());
  LiveSettings live(config);
  EXPECT_TRUE(live.set("anomalies", R"([{"filter":"plant/#","detector":"seasonal","period":"24h","threshold":"6","silent-after":"10m"}])"));
  EXPECT_EQ(live.current().anomalies.size(), 1u);
  EXPECT_NE(live.value("anomalies").find("\"detector\":\"seasonal\""), std::string::npos);
  const auto bad = live.set("anomalies", R"([{"filter":"plant/#","threshold":"high"}])");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("anomaly rule 1 ('plant/#'): threshold: 'high' is no number"), std::string::npos)
      << bad.error().message;
}

TEST_F(AnomaliesTest, SaysWhereTheConfigIsWrong) {
  const auto problem = [](std::string text) {
    NodeConfig made;
    settings::Settings bound;
    made.bind_to(bound);
    settings::Layers layers;
    layers.file_name = "node.toml";
    layers.file_text = std::move(text);
    const auto loaded = bound.load(layers);
    if (!loaded) return loaded.error().message;
    const auto finished = made.finish();
    return finished ? std::string() : finished.error().message;
  };
  EXPECT_EQ(problem("[[anomaly]]\nfilter = \"a/#\"\n"), "");
  EXPECT_NE(problem("[[anomaly]]\nfilter = \"a/#\"\nwindow = 3\n").find("node.toml:3"), std::string::npos);
  EXPECT_NE(problem("[[anomaly]]\nfilter = \"a/#\"\ndetecter = \"ewma\"\n").find("detector"), std::string::npos);
  EXPECT_EQ(problem("[[anomaly]]\nfilter = \"a/#\"\nmodel = \"x\"\n"),
            "anomaly rule 1 ('a/#'): model: has no meaning without detector = \"model\"");
  EXPECT_NE(problem("[store]\nanomaly-memory = \"64MiB\"\n[[anomaly]]\nfilter = \"a/#\"\n").find("store.anomaly-memory"),
            std::string::npos);
}

}  // namespace
}  // namespace selvedge::node
