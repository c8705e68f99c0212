// Series that say nothing any more.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/anomaly/watch.h"

namespace selvedge::engine {
namespace {

constexpr std::int64_t second = 1'000'000'000, start = 1'700'000'000 * second;

class SilenceTest : public testing::Test {
 protected:
  SilenceTest() {
    rule.filter = "#";
    rule.window = 8;
    rule.report = {};
    rule.silent_after = std::chrono::seconds(60);
    begin(watch);
  }
  void begin(AnomalyWatch& to) { to.set_rules(AnomalyRules::create({rule}).value(), find); }
  void take(double value, std::int64_t step = second) {
    now += step;
    watch.take(def, {now}, model::ValueView::of(value), {now});
  }
  void usual(int count) {
    for (int i = 0; i < count; ++i) take(10 + 0.5 * std::sin(i * 1.7) + 0.3 * std::sin(i * 0.9));
  }
  void wait(std::int64_t seconds) {
    now += seconds * second;
    watch.tick({now});
  }
  // What came out since the last call, with the seconds since the start.
  std::string said(AnomalyWatch& of) {
    std::string all;
    for (const AnomalyOutput& output : of.pending()) {
      if (output.what == AnomalyOutput::What::score) continue;
      const std::string what = output.what == AnomalyOutput::What::kind ? std::string(name(output.kind)) : output.raised ? "on" : "off";
      all += (all.empty() ? "" : " ") + what + "@" + std::to_string((output.time - start) / second);
    }
    of.pending().clear();
    return all;
  }
  std::string said() { return said(watch); }

  model::SeriesDef def{model::SeriesId{1}, model::Kind::float64, "plant/t", "dev"};
  AnomalyWatch::FindSeries find = [this](model::SeriesId) { return &def; };
  AnomalyRule rule;
  AnomalyWatch watch;
  std::int64_t now = start;
};

TEST_F(SilenceTest, IsSaidOnceAndIsOverWithTheNextReading) {
  usual(20);
  said();
  wait(59);
  EXPECT_FALSE(watch.is_due({now}));
  EXPECT_EQ(said(), "");
  EXPECT_TRUE(watch.is_due({now + second}));
  wait(1);
  ASSERT_EQ(watch.pending().size(), 3u);
  EXPECT_EQ(watch.pending()[0].score, rule.threshold);
  EXPECT_EQ(said(), "on@80 silent@80");
  EXPECT_EQ(watch.stats().raised, 1u);
  EXPECT_EQ(watch.stats().alarms, 1u);
  for (int i = 0; i < 5; ++i) wait(100);
  EXPECT_EQ(said(), "") << "once";
  usual(1);
  EXPECT_EQ(said(), "off@581 none@581");
  EXPECT_EQ(watch.stats().raised, 0u);
  usual(20);
  EXPECT_EQ(said(), "") << "what was learnt before is still known";
  wait(60);
  EXPECT_EQ(said(), "on@661 silent@661") << "and again";
}

TEST_F(SilenceTest, IsOfNoRuleThatDoesNotAskForIt) {
  rule.silent_after = {};
  begin(watch);
  EXPECT_FALSE(watch.listens());
  usual(20);
  said();
  wait(100'000);
  EXPECT_EQ(said(), "");
  EXPECT_FALSE(watch.is_due({now}));
}

// A device that was cut off sends what it kept: none of it is newer than what the node's clock says, and some is
// older than what came before. It is not silent.
TEST_F(SilenceTest, ReadingsThatComeLateOrOutOfOrderAreNoSilence) {
  usual(20);
  said();
  for (int i = 0; i < 30; ++i) {
    now += 20 * second;
    const std::int64_t time = i % 2 == 0 ? start + (30 + i) * second : start + i * second;
    watch.take(def, {time}, model::ValueView::of(10.0 + 0.1 * (i % 3)), {now});
    watch.tick({now});
  }
  EXPECT_GT(watch.stats().late, 10u);
  now += 50 * second;
  watch.take(def, {now}, model::ValueView::of(std::nan("")), {now});
  wait(50);
  watch.take(def, {now + 48 * 3600 * second}, model::ValueView::of(10.0), {now});
  wait(50);
  EXPECT_EQ(said(), "") << "what is missing or from a wrong clock was heard all the same";
  wait(10);
  EXPECT_EQ(said(), "on@118 silent@118") << "on the line of the readings' own times: the last is of 58";
}

// What is older than the moment at which silence was said ends it a moment later.
TEST_F(SilenceTest, IsOverThoughWhatComesIsFromBeforeIt) {
  usual(20);
  said();
  wait(600);
  EXPECT_EQ(said(), "on@80 silent@80");
  for (int i = 1; i <= 3; ++i) watch.take(def, {start + (20 + i) * second}, model::ValueView::of(10.0), {now});
  const auto& pending = watch.pending();
  ASSERT_EQ(pending.size(), 2u);
  EXPECT_EQ(pending[0].time, start + 80 * second + 1);
  EXPECT_EQ(said(), "off@80 none@80");
}

TEST_F(SilenceTest, TakesThePlaceOfWhatElseWasRaised) {
  usual(40);
  take(60);
  EXPECT_EQ(said(), "off@12 on@41 spike@41");
  wait(60);
  EXPECT_EQ(said(), "on@101 silent@101");
  EXPECT_EQ(watch.stats().alarms, 1u);
  EXPECT_EQ(watch.stats().raised, 1u);
  usual(1);
  EXPECT_EQ(said(), "off@102 none@102");
  EXPECT_EQ(watch.stats().raised, 0u);
}

TEST_F(SilenceTest, IsFoundOfASeriesThatHasHardlyBegun) {
  take(10);
  wait(60);
  EXPECT_EQ(said(), "on@61 silent@61");
  take(10);
  EXPECT_EQ(said(), "off@62 none@62");
}

TEST_F(SilenceTest, AClockThatJumpsIsExcused) {
  usual(20);
  said();
  now += 86'400 * second;                          // it was wrong, and is set
  watch.excuse({now});
  wait(0);
  wait(59);
  EXPECT_EQ(said(), "");
  wait(1);
  EXPECT_EQ(said(), "on@80 silent@80");
  usual(1);
  said();
  now -= 10 * 86'400 * second;                     // back, by far
  watch.excuse({now});
  wait(59);
  EXPECT_EQ(said(), "");
  wait(1);
  EXPECT_NE(said(), "") << "not first after ten days";
  watch.excuse({now});
  EXPECT_FALSE(watch.is_due({now + 100 * second})) << "what is silent stays so, and is not said again";
}

TEST_F(SilenceTest, ItsStateIsRestored) {
  usual(20);
  said();
  const auto restored = [&] {
    AnomalyWatch again;
    begin(again);
    for (const base::Bytes& part : watch.save(find)) EXPECT_TRUE(again.restore(part, find));
    EXPECT_TRUE(again.listens());
    EXPECT_EQ(again.stats().raised, watch.stats().raised);
    return again;
  };
  AnomalyWatch before = restored();
  before.tick({now + 59 * second});
  EXPECT_EQ(said(before), "");
  before.tick({now + 60 * second});
  EXPECT_EQ(said(before), "on@80 silent@80");
  wait(60);
  EXPECT_EQ(watch.pending().size(), 3u);
  AnomalyWatch after = restored();
  EXPECT_EQ(said(after), "on@80 silent@80") << "what is pending";
  said();
  AnomalyWatch later = restored();
  later.tick({now + 600 * second});
  EXPECT_EQ(said(later), "") << "it is said already";
  later.take(def, {now + 601 * second}, model::ValueView::of(10.0), {now + 601 * second});
  EXPECT_EQ(said(later), "off@681 none@681");
}

// States of before there was silence, and of rules without it, have no such field.
TEST_F(SilenceTest, OlderStatesAreRead) {
  rule.silent_after = {};
  begin(watch);
  usual(20);
  const auto parts = watch.save(find);
  rule.silent_after = std::chrono::seconds(60);
  AnomalyWatch again;
  begin(again);
  for (const base::Bytes& part : parts) ASSERT_TRUE(again.restore(part, find));
  EXPECT_EQ(again.stats().series, 1u);
  said(again);
  again.tick({now + 1000 * second});
  EXPECT_EQ(said(again), "") << "nobody knows when it was heard";
  again.excuse({now + 1000 * second});
  again.tick({now + 1060 * second});
  EXPECT_EQ(said(again), "on@80 silent@80");
}

TEST_F(SilenceTest, EndsWithTheRuleThatAskedForIt) {
  usual(20);
  wait(60);
  EXPECT_EQ(said(), "off@12 on@80 silent@80");
  rule.silent_after = {};
  begin(watch);
  EXPECT_EQ(said(), "off@80 none@80");
  EXPECT_EQ(watch.stats().raised, 0u);
  EXPECT_EQ(watch.stats().series, 1u) << "what was learnt stays";
  wait(1000);
  EXPECT_EQ(said(), "");
}

TEST_F(SilenceTest, IsOverAfterItWasSaidWhenTheRuleIsAnotherOne) {
  usual(20);
  wait(60);
  said();
  const auto began = start + 80 * second;
  rule.window = 16;
  begin(watch);
  ASSERT_EQ(watch.pending().size(), 2u);
  for (const AnomalyOutput& output : watch.pending()) EXPECT_GT(output.time, began);
  EXPECT_EQ(said(), "off@80 none@80");
  EXPECT_EQ(watch.stats().series, 0u);
}

TEST_F(SilenceTest, OfASeriesWithoutANumberIsByTheNodesClock) {
  take(std::nan(""));
  wait(60);
  EXPECT_EQ(said(), "on@61 silent@61");
  take(10);
  EXPECT_EQ(said(), "off@62 none@62");
}

TEST_F(SilenceTest, AnAnswerOfBeforeDoesNotEndIt) {
  rule.detector = DetectorKind::model;
  rule.model = "m";
  begin(watch);
  usual(8);
  const auto questions = watch.take_questions();
  ASSERT_EQ(questions.size(), 1u);
  wait(60);
  EXPECT_EQ(said(), "on@68 silent@68");
  watch.answer(questions[0], 0.1);
  EXPECT_EQ(said(), "");
  usual(1);
  EXPECT_EQ(said(), "off@69 none@69");
}

TEST_F(SilenceTest, ManySeriesFallSilentEachAtItsTime) {
  std::vector<model::SeriesDef> defs;
  for (std::uint32_t i = 1; i <= 50; ++i) defs.push_back({model::SeriesId{i}, model::Kind::float64, "s/" + std::to_string(i), ""});
  for (const model::SeriesDef& each : defs) {
    now += second;
    watch.take(each, {now}, model::ValueView::of(1.0), {now});
  }
  now += 10 * second;                              // the first is 59 s silent
  watch.tick({now});
  EXPECT_EQ(watch.stats().raised, 0u);
  for (std::uint64_t i = 1; i <= 50; ++i) {
    now += second;
    watch.tick({now});
    EXPECT_EQ(watch.stats().raised, i);
  }
  EXPECT_EQ(watch.pending().size(), 150u);
}

TEST_F(SilenceTest, TimesAtTheEndsOfTheClockDoNoHarm) {
  rule.silent_after = std::chrono::hours(24 * 366);
  begin(watch);
  for (const std::int64_t at : {INT64_MIN, -4'500'000'000'000'000'000, std::int64_t{1}, 4'500'000'000'000'000'000, INT64_MAX}) {
    watch.take(def, {start}, model::ValueView::of(1.0), {at});
    watch.tick({INT64_MAX});
    watch.tick({INT64_MIN});
    watch.excuse({at});
  }
  AnomalyWatch again;
  begin(again);
  for (const base::Bytes& part : watch.save(find)) EXPECT_TRUE(again.restore(part, find));
}

}  // namespace
}  // namespace selvedge::engine
