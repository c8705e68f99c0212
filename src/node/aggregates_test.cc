// Aggregation on a whole node: what is stored, what stays, and that a crash changes nothing of it.

#include <cmath>
#include <map>
#include <set>

#include "node/aggregates.h"
#include "node/live_settings.h"
#include "node/node_fixture.h"

namespace selvedge::node {
namespace {

using codec::mqtt::Reason;

class AggregatesTest : public NodeTest {
 protected:
  AggregateConfig& rule(std::string filter, std::string raw) {
    AggregateConfig& a = config.aggregates.emplace_back();
    a.filter = std::move(filter);
    a.raw = std::move(raw);
    return a;
  }
  AggregateConfig& windows(std::string filter, std::string raw) {
    AggregateConfig& a = rule(std::move(filter), std::move(raw));
    a.window = std::chrono::seconds(10);
    a.functions = {"mean", "count"};
    return a;
  }
  // {"ts": seconds, "t": value}
  Reason send(client::Device& from, double seconds, double value) {
    return publish(from, "plant/7",
                   R"({"ts":)" + std::to_string(static_cast<std::int64_t>(seconds * 1000)) + R"(,"t":)" +
                       std::to_string(value) + "}");
  }
  double now() { return static_cast<double>(machine.loop().wall_now().ns) / 1e9; }
  // Whole numbers of a series, by time in seconds.
  std::map<double, std::vector<double>> by_time(std::string_view series) {
    std::map<double, std::vector<double>> all;
    each_reading(series, [&](std::int64_t time, const model::ValueView& value) {
      all[static_cast<double>(time) / 1e9].push_back(
          value.kind == model::Kind::float64 ? value.float64 : static_cast<double>(value.int64));
    });
    return all;
  }
  // The names of the series whose blocks wait for the cloud.
  std::set<std::string> undelivered() {
    std::set<std::string> names;
    const auto blocks = node->store().undelivered(model::BlockSeq{1}, 1 << 30);
    EXPECT_TRUE(blocks);
    for (const auto& block : *blocks) names.insert(node->store().find(block.series)->name);
    return names;
  }
};

TEST_F(AggregatesTest, KeepsRawReadingsAndSendsTheAggregatesUp) {
  windows("plant/#", "keep");
  start();
  client::Device& boiler = device("boiler");
  const double begin = std::floor(now() / 10) * 10;
  for (int i = 0; i < 8; ++i) EXPECT_EQ(send(boiler, begin + i, i), Reason::success);
  EXPECT_EQ(publish(boiler, "other", "5"), Reason::success);
  sim.run_for(std::chrono::seconds(20));
  EXPECT_EQ(values("plant/7/t").size(), 8u);
  EXPECT_EQ(by_time("plant/7/t/mean"), (std::map<double, std::vector<double>>{{begin, {3.5}}}));
  EXPECT_EQ(by_time("plant/7/t/count"), (std::map<double, std::vector<double>>{{begin, {8}}}));
  EXPECT_EQ(undelivered(), (std::set<std::string>{"other", "plant/7/t/mean", "plant/7/t/count"}));
  EXPECT_EQ(metric("selvedge_aggregate_readings_total"), 8);
  EXPECT_EQ(metric("selvedge_aggregate_windows_total"), 2);
  power_cut_and_restart();
  EXPECT_EQ(undelivered(), (std::set<std::string>{"other", "plant/7/t/mean", "plant/7/t/count"}));
  EXPECT_EQ(values("plant/7/t").size(), 8u);
}

TEST_F(AggregatesTest, BlocksThatStayCountAsDelivered) {
  rule("#", "keep");
  start();
  client::Device& boiler = device("boiler");
  for (int i = 0; i < 5; ++i) {
    publish(boiler, "a", std::to_string(i));
    sim.run_for(std::chrono::seconds(2));
  }
  EXPECT_EQ(node->store().stats().blocks_undelivered, 0u);
  EXPECT_EQ(node->store().first_undelivered(), model::BlockSeq::none);
  EXPECT_GE(model::number(node->store().last_sealed()), 5u);
  power_cut_and_restart();
  EXPECT_EQ(undelivered(), std::set<std::string>{});
  EXPECT_EQ(node->store().stats().blocks_undelivered, 0u);
}

TEST_F(AggregatesTest, StoresOnlyWhatIsReported) {
  AggregateConfig& a = rule("plant/#", "drop");
  a.report = "change";
  a.dead_band = "1";
  a.series = "{series}";
  start();
  client::Device& boiler = device("boiler");
  const double begin = now();
  for (const double value : {1.0, 1.5, 3.0, 3.9, 1.2}) send(boiler, begin + value / 100, value);
  sim.run_for(std::chrono::seconds(3));
  EXPECT_EQ(values("plant/7/t"), (std::vector<double>{1, 3})) << "1.2 came too late";
  EXPECT_EQ(metric("selvedge_aggregate_late_total"), 1);
}

TEST_F(AggregatesTest, AMessageThatComesAgainCountsOnce) {
  windows("plant/#", "drop");
  start();
  client::Device& boiler = device("boiler");
  const double begin = std::floor(now() / 10) * 10;
  for (int i = 0; i < 3; ++i) send(boiler, begin + 1, 5);
  power_cut_and_restart();
  send(device("boiler-again"), begin + 1, 5);
  sim.run_for(std::chrono::seconds(20));
  EXPECT_EQ(by_time("plant/7/t/count"), (std::map<double, std::vector<double>>{{begin, {1}}}));
  EXPECT_EQ(node->store().find("plant/7/t")->kind, model::Kind::float64);
  EXPECT_EQ(values("plant/7/t").size(), 0u);
}

TEST_F(AggregatesTest, RulesChangeWhileItRuns) {
  config.aggregates.clear();
  start();
  client::Device& boiler = device("boiler");
  publish(boiler, "plant/7/t", "1");
  EXPECT_FALSE(config.aggregate_rules()->rules.match("plant/7/t"));
  LiveSettings live(config);
  EXPECT_TRUE(live.set("aggregates", R"([{"filter":"plant/#","window":"10s","functions":["mean"]}])"));
  EXPECT_EQ(live.current().aggregates.size(), 1u);
  EXPECT_NE(live.value("aggregates").find("\"window\":\"10s\""), std::string::npos);
  const auto bad = live.set("aggregates", R"([{"filter":"plant/#","window":"10s","functions":["avg"]}])");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("aggregate rule 1 ('plant/#'): functions: 'avg' is no function"),
            std::string::npos)
      << bad.error().message;
}

TEST_F(AggregatesTest, SaysWhatIsWrongInTheConfig) {
  const auto problem = [&](auto change) {
    config.aggregates.clear();
    change(windows("a/#", "keep"));
    const auto finished = config.finish();
    return finished ? std::string() : finished.error().message;
  };
  EXPECT_EQ(problem([](AggregateConfig&) {}), "");
  EXPECT_EQ(problem([](AggregateConfig& a) { a.precision = "0.1% of range"; }), "");
  EXPECT_EQ(problem([](AggregateConfig& a) { a.precision = "0.1 of range"; }),
            "aggregate rule 1 ('a/#'): precision: of range: expected a percentage, as \"0.1% of range\"");
  EXPECT_EQ(problem([](AggregateConfig& a) { a.precision = "-1"; }),
            "aggregate rule 1 ('a/#'): precision: '-1' is no number from 0 on, or percentage");
  EXPECT_EQ(problem([](AggregateConfig& a) { a.dead_band = "x"; }),
            "aggregate rule 1 ('a/#'): dead-band: 'x' is no number");
  EXPECT_EQ(problem([](AggregateConfig& a) { a.lateness = "soon"; }).substr(0, 34),
            "aggregate rule 1 ('a/#'): lateness");
  config.aggregate_memory.bytes = 64 << 20;
  EXPECT_NE(problem([](AggregateConfig&) {}).find("store.aggregate-memory"), std::string::npos);
}

// Power cuts at any change of the disk, in the middle of windows: each window comes out once, and is that
// of the readings that are in the store.
TEST_F(AggregatesTest, AfterAnyCrashTheWindowsAreThoseOfTheStoredReadings) {
  config.store_segment.bytes = 64 << 10;
  config.store_journal.bytes = 2 << 20;
  config.aggregate_memory.bytes = 32 << 10;
  windows("plant/#", "keep");
  os::fake::Random random(5);
  start();
  const double begin = std::floor(now() / 10) * 10;
  int sent = 0;
  for (int life = 0; life < 25; ++life) {
    live_and_crash(life, 40, random, [&] { return ++sent % 100; });
    if (HasFatalFailure()) return;
  }
  sim.run_for(std::chrono::seconds(30));
  std::map<double, std::pair<double, double>> wanted;   // sum and count by window
  for (const auto& [time, values] : by_time("plant/7/t")) {
    auto& [sum, count] = wanted[std::floor(time / 10) * 10];
    for (const double value : values) sum += value, ++count;
  }
  const auto means = by_time("plant/7/t/mean"), counts = by_time("plant/7/t/count");
  EXPECT_GT(wanted.size(), 10u);
  EXPECT_GE(wanted.begin()->first, begin);
  const double late = metric("selvedge_aggregate_late_total");
  EXPECT_EQ(late, 0);
  for (const auto& [start_of, of] : wanted) {
    ASSERT_TRUE(means.contains(start_of)) << start_of - begin;
    ASSERT_EQ(means.at(start_of).size(), 1u) << "came out twice: " << start_of - begin;
    EXPECT_EQ(counts.at(start_of), std::vector<double>{of.second}) << start_of - begin;
    EXPECT_NEAR(means.at(start_of)[0], of.first / of.second, 1e-9);
  }
  EXPECT_EQ(means.size(), wanted.size());
}

}  // namespace
}  // namespace selvedge::node
