#include <cmath>
#include <random>

#include "engine/aggregate/aggregate_fixture.h"
#include "engine/aggregate/swinging_door.h"

namespace selvedge::engine {
namespace {

TEST_F(AggregateTest, ReportsAChangeBeyondTheDeadBand) {
  AggregateRule rule = report_rule(Report::change);
  rule.dead_band = 1;
  use(rule);
  for (int i = 0; const double value : {10.0, 10.9, 11.0, 11.1, 10.2, 10.0, 12.2}) take(i++, value);
  EXPECT_EQ(taken(), (Out{"reported@0=10", "reported@3=11.1", "reported@5=10", "reported@6=12.2"}));
  EXPECT_EQ(aggregator.stats().suppressed, 3u);
  EXPECT_EQ(aggregator.stats().reported, 4u);
}

TEST_F(AggregateTest, TakesTheWiderOfAnAbsoluteAndARelativeDeadBand) {
  AggregateRule rule = report_rule(Report::change);
  rule.dead_band = 1;
  rule.relative = 0.1;
  use(rule);
  for (int i = 0; const double value : {100.0, 109.0, 111.0, 1.0, 1.9, 2.1}) take(i++, value);
  EXPECT_EQ(taken(), (Out{"reported@0=100", "reported@2=111", "reported@3=1", "reported@5=2.1"}));
}

TEST_F(AggregateTest, AChangeTooSoonIsReportedWhenItsTimeHasCome) {
  AggregateRule rule = report_rule(Report::change);
  rule.min_interval = seconds(5);
  use(rule);
  take(0, 1);
  take(1, 2);
  take(2, 3);
  EXPECT_FALSE(aggregator.is_due({seconds(6.9).count()}));
  tick(7);
  EXPECT_EQ(taken(), (Out{"reported@0=1", "reported@2=3"}));
  take(6, 4, 8);
  take(6.5, 3, 8.5);   // back again: no change is left
  tick(20);
  EXPECT_EQ(taken(), Out{});
}

TEST_F(AggregateTest, ReportsAnUnchangedReadingAfterTheLongestInterval) {
  AggregateRule rule = report_rule(Report::change);
  rule.max_interval = seconds(10);
  use(rule);
  for (int i = 0; i < 25; ++i) take(i, 1);
  EXPECT_EQ(taken(), (Out{"reported@0=1", "reported@10=1", "reported@20=1"}));
}

TEST_F(AggregateTest, ReportsTheLatestOfEachPeriod) {
  AggregateRule rule = report_rule(Report::period);
  rule.period = seconds(10);
  use(rule);
  for (int i = 0; i < 25; ++i) take(i, i);
  EXPECT_EQ(taken(), (Out{"reported@9=9", "reported@19=19"}));
  tick(30);
  EXPECT_EQ(taken(), Out{"reported@24=24"});
  tick(60);
  EXPECT_EQ(taken(), Out{}) << "a silent period has nothing to report";
}

TEST_F(AggregateTest, ReportsOnEitherAndNoReadingTwice) {
  AggregateRule rule = report_rule(Report::either);
  rule.dead_band = 5;
  rule.period = seconds(10);
  use(rule);
  for (int i = 0; const double value : {1.0, 2.0, 9.0, 9.0}) take(3 * i++, value);
  take(12, 9.5);
  take(19, 99);
  take(31, 98);
  tick(40);
  EXPECT_EQ(taken(), (Out{"reported@0=1", "reported@6=9", "reported@9=9", "reported@19=99", "reported@31=98"}));
}

TEST_F(AggregateTest, TextsAndBooleansAreReportedAsTheyChange) {
  AggregateRule rule = report_rule(Report::period);
  rule.period = seconds(10);
  use(rule);
  for (std::int64_t i = 0; const std::string_view text : {"on", "on", "off", "on"})
    aggregator.take(series(4, model::Kind::text), {i++}, model::ValueView::of(text), {i});
  EXPECT_EQ(taken(), (Out{"reported@0=on", "reported@2e-09=off", "reported@3e-09=on"}));
  use(report_rule(Report::change));
  for (std::int64_t i = 0; const bool value : {true, true, false})
    aggregator.take(series(5, model::Kind::boolean), {i++}, model::ValueView::of(value), {i});
  EXPECT_EQ(taken(), (Out{"reported@0=true", "reported@2e-09=false"}));
}

TEST_F(AggregateTest, ANaNIsReportedWhenItComesAndWhenItGoes) {
  use(report_rule(Report::change));
  const double nan = std::nan("");
  for (int i = 0; const double value : {1.0, nan, nan, 1.0, double{INFINITY}, double{INFINITY}}) take(i++, value);
  EXPECT_EQ(taken(), (Out{"reported@0=1", "reported@1=nan", "reported@3=1", "reported@4=inf"}));
}

TEST_F(AggregateTest, WithoutARuleForTextsTheyAreNotTaken) {
  use(windows_rule(10, 0, {"count"}));
  aggregator.take(series(4, model::Kind::text), {1}, model::ValueView::of(std::string_view("x")), {1});
  tick(20);
  EXPECT_EQ(taken(), Out{});
  EXPECT_EQ(aggregator.rules().find("s/4", model::Kind::text), std::nullopt);
}

// What a reader gets by interpolation is within the bound of every reading left out.
TEST(SwingingDoor, KeepsItsBoundOnEverySample) {
  double kept = 0, all = 0;
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> noise;
    AggregateRule rule = report_rule(Report::swinging_door);
    rule.dead_band = std::pow(10, static_cast<double>(seed % 7) - 3);
    const double level = std::pow(10, static_cast<double>(seed % 11) - 2);
    SwingingDoor door;
    std::vector<Sample> in, out;
    double value = level;
    std::int64_t time = 1'700'000'000 * second;
    for (int i = 0; i < 500; ++i) {
      time += static_cast<std::int64_t>(random() % (seed % 5 == 0 ? 3 : 2 * second));
      value += seed % 3 == 0 ? 0.01 : noise(random) * rule.dead_band / 3;
      if (seed % 13 == 0 && random() % 50 == 0) value += 100 * rule.dead_band;
      in.push_back({time, std::bit_cast<std::uint64_t>(value), {}});
      door.take(rule, model::Kind::float64, in.back(), out);
    }
    door.finish(out);
    all += static_cast<double>(in.size());
    kept += static_cast<double>(out.size());
    for (const Sample& sample : in) {
      const double v = std::bit_cast<double>(sample.bits);
      bool within = false;
      for (std::size_t i = 0; i < out.size(); ++i) {
        const double a = std::bit_cast<double>(out[i].bits);
        within = within || (out[i].time == sample.time && a == v);
        if (i + 1 == out.size() || out[i].time > sample.time || out[i + 1].time <= out[i].time ||
            out[i + 1].time < sample.time)
          continue;
        const double b = std::bit_cast<double>(out[i + 1].bits);
        const double share = static_cast<double>(sample.time - out[i].time) / static_cast<double>(out[i + 1].time - out[i].time);
        within = within || std::abs(a + (b - a) * share - v) <= rule.dead_band;
      }
      ASSERT_TRUE(within) << "seed " << seed << " time " << sample.time;
    }
  }
  EXPECT_LT(kept, all / 3);
}

TEST_F(AggregateTest, ASwingingDoorKeepsTheCornersOfALine) {
  AggregateRule rule = report_rule(Report::swinging_door);
  rule.dead_band = 0.5;
  use(rule);
  for (int i = 0; i <= 10; ++i) take(i, i);
  for (int i = 11; i <= 20; ++i) take(i, 20 - i);
  take(21, std::nan(""));
  take(22, 7);
  EXPECT_EQ(taken(), (Out{"reported@0=0", "reported@10=10", "reported@20=0", "reported@21=nan", "reported@22=7"}));
}

TEST_F(AggregateTest, ASwingingDoorReportsTheLastReadingOfASeriesThatFellSilent) {
  AggregateRule rule = report_rule(Report::swinging_door);
  rule.dead_band = 0.5;
  rule.max_interval = seconds(60);
  use(rule);
  take(0, 1);
  take(10, 1);
  EXPECT_EQ(aggregator.next_due(), (base::Time{70 * second}));
  tick(70);
  EXPECT_EQ(taken(), (Out{"reported@0=1", "reported@10=1"}));
}

}  // namespace
}  // namespace selvedge::engine
