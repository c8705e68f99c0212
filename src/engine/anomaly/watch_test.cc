#include "engine/anomaly/watch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace selvedge::engine {
namespace {

constexpr std::int64_t second = 1'000'000'000, start = 1'700'000'000 * second;

class WatchTest : public testing::Test {
 protected:
  AnomalyRule& use(DetectorKind kind = DetectorKind::robust) {
    rule.filter = "#";
    rule.detector = kind;
    rule.window = 16;
    rule.report = {};
    return rule;
  }
  void begin(std::uint64_t bytes = 4 << 20) {
    watch = AnomalyWatch(bytes);
    watch.set_rules(AnomalyRules::create({rule}).value(), find);
  }
  void take(double value, std::int64_t step = second) {
    now += step;
    watch.take(def, {now}, model::ValueView::of(value), {now});
  }
  void usual(int count) {
    for (int i = 0; i < count; ++i) take(10 + 0.5 * std::sin(i * 1.7) + 0.3 * std::sin(i * 0.9));
  }
  std::string taken() {
    std::string all;
    for (const AnomalyOutput& output : watch.pending()) {
      if (output.what == AnomalyOutput::What::flag) all += output.raised ? "on " : "off ";
      if (output.what == AnomalyOutput::What::kind) all += std::string(name(output.kind)) + " ";
    }
    watch.pending().clear();
    return all;
  }

  model::SeriesDef def{model::SeriesId{1}, model::Kind::float64, "plant/t", "dev"};
  AnomalyWatch::FindSeries find = [this](model::SeriesId) { return &def; };
  AnomalyRule rule;
  AnomalyWatch watch;
  std::int64_t now = start;
};

TEST_F(WatchTest, SaysNothingUntilItHasLearntThenOnlyWhatChanges) {
  use();
  begin();
  usual(7);
  EXPECT_EQ(watch.pending().size(), 0u);
  usual(60);
  EXPECT_EQ(taken(), "off ");
  take(40);
  EXPECT_EQ(taken(), "on spike ");
  EXPECT_EQ(watch.stats().raised, 1u);
  usual(3);
  EXPECT_EQ(taken(), "off none ") << "after `hold` readings";
  EXPECT_EQ(watch.stats().alarms, 1u);
}

TEST_F(WatchTest, NeitherFluttersAtTheEdgeNorBelievesTooSoon) {
  use().confirm = 3;
  rule.window = 64;
  begin();
  usual(60);
  taken();
  take(40), take(40);
  EXPECT_EQ(taken(), "");
  take(40);
  EXPECT_EQ(taken(), "on spike ");
  for (int i = 0; i < 4; ++i) take(10), take(40);
  EXPECT_EQ(taken(), "") << "never three usual ones in a row";
}

TEST_F(WatchTest, TellsAShiftFromASpikeAndADriftFromBoth) {
  use();
  rule.window = 64;
  begin();
  usual(100);
  taken();
  for (int i = 0; i < 12; ++i) take(40 + 0.1 * i);
  EXPECT_EQ(taken(), "on spike shift ");
  use(DetectorKind::ewma);
  rule.window = 64;
  begin();
  usual(300);
  taken();
  for (int i = 0; i < 40; ++i) take(10 + 0.05 * i);
  EXPECT_EQ(taken(), "on drift ");
}

TEST_F(WatchTest, ALevelThatStaysBecomesUsual) {
  for (const DetectorKind kind : {DetectorKind::robust, DetectorKind::ewma}) {
    use(kind);
    begin();
    usual(100);
    for (int i = 0; i < 4000; ++i) take(20 + 0.5 * std::sin(i * 1.7));
    EXPECT_EQ(watch.stats().raised, 0u);
  }
}

TEST_F(WatchTest, AStuckSensorIsFoundAndForgivenWhenItMoves) {
  use().stuck_after = std::chrono::seconds(30);
  begin();
  usual(60);
  taken();
  for (int i = 0; i < 30; ++i) take(10.1);
  EXPECT_EQ(taken(), "");
  take(10.1);
  EXPECT_EQ(taken(), "on stuck ");
  for (int i = 0; i < 500; ++i) take(10.1);
  EXPECT_EQ(taken(), "");
  usual(1);
  EXPECT_EQ(taken(), "off none ");
  usual(30);
  EXPECT_EQ(taken(), "") << "what was learnt before is still known";
}

TEST_F(WatchTest, MissingValuesAndGapsAreNoAnomalies) {
  use(DetectorKind::ewma);
  begin();
  usual(100);
  taken();
  for (int i = 0; i < 5; ++i) take(std::nan("")), take(INFINITY);
  EXPECT_EQ(watch.stats().missing, 10u);
  now += 3600 * second;
  usual(20);
  EXPECT_EQ(taken(), "");
  EXPECT_EQ(watch.stats().gaps, 1u);
}

TEST_F(WatchTest, AClockThatJumpsDoesNotEndIt) {
  use();
  begin();
  usual(60);
  taken();
  // One reading from the far future is left out, one from a while ago too.
  watch.take(def, {now + 48 * 3600 * second}, model::ValueView::of(10.0), {now});
  watch.take(def, {now - 50 * second}, model::ValueView::of(10.0), {now});
  EXPECT_EQ(watch.stats().ahead, 1u);
  EXPECT_EQ(watch.stats().late, 1u);
  usual(5);
  now -= 7200 * second;   // and now for good
  usual(60);
  EXPECT_EQ(watch.stats().restarted, 1u);
  EXPECT_EQ(taken(), "");
  take(40);
  EXPECT_EQ(taken(), "on spike ");
}

TEST_F(WatchTest, TimesAtTheEndsOfTheClockDoNoHarm) {
  for (const DetectorKind kind : {DetectorKind::robust, DetectorKind::seasonal}) {
    use(kind).report = std::chrono::seconds(1);
    rule.stuck_after = std::chrono::seconds(30);
    begin();
    for (int i = 0; i < 200; ++i)
      for (const std::int64_t time : {INT64_MIN, -4'499'999'999'999'999'999 + i, start + i, 4'400'000'000'000'000'000 + i, INT64_MAX})
        watch.take(def, {time}, model::ValueView::of(1.0 * i), {4'400'000'000'000'000'000});
    EXPECT_GT(watch.stats().late, 0u);
  }
}

TEST_F(WatchTest, ReportsTheScoreNowAndThen) {
  use().report = std::chrono::seconds(10);
  begin();
  usual(100);
  std::size_t scores = 0;
  for (const AnomalyOutput& output : watch.pending()) scores += output.what == AnomalyOutput::What::score ? 1 : 0;
  EXPECT_GE(scores, 9u);
  EXPECT_LE(scores, 11u);
  EXPECT_EQ(watch.derived_name(watch.pending().front(), find).value(), "plant/t/anomaly");
}

TEST_F(WatchTest, ReportsGoOnWhenTheClockWasSetBack) {
  use().report = std::chrono::seconds(10);
  begin();
  usual(100);
  watch.pending().clear();
  now -= 20 * 3600 * second;
  usual(120);
  EXPECT_EQ(watch.stats().restarted, 1u);
  EXPECT_GE(watch.pending().size(), 18u) << "a score and a flag every ten seconds";
}

TEST_F(WatchTest, GoesOnFromItsSavedStateBitByBit) {
  for (const DetectorKind kind : {DetectorKind::robust, DetectorKind::ewma, DetectorKind::seasonal}) {
    use(kind).report = std::chrono::seconds(5);
    rule.stuck_after = std::chrono::seconds(8);
    begin();
    std::mt19937_64 random(6);
    const auto drive = [&](AnomalyWatch& to, std::int64_t& time, std::mt19937_64& dice) {
      time += second * static_cast<std::int64_t>(1 + dice() % 3);
      const double wave = std::sin(static_cast<double>(time / second) / 20 * 6.283185307179586);
      const double value = dice() % 50 == 0 ? 100 : std::round(4 * wave + static_cast<double>(dice() % 4));
      to.take(def, {time}, model::ValueView::of(value), {time});
    };
    for (int round = 0; round < 12; ++round) {
      for (int i = 0; i < 70; ++i) drive(watch, now, random);
      AnomalyWatch again;
      again.set_rules(AnomalyRules::create({rule}).value(), find);
      for (const base::Bytes& part : watch.save(find)) ASSERT_TRUE(again.restore(part, find));
      EXPECT_EQ(again.stats().series, 1u);
      EXPECT_EQ(again.stats().raised, watch.stats().raised);
      EXPECT_EQ(again.pending().size(), watch.pending().size());
      watch.pending().clear(), again.pending().clear();
      std::int64_t time = now;
      std::mt19937_64 dice = random;
      for (int i = 0; i < 200; ++i) drive(watch, now, random), drive(again, time, dice);
      ASSERT_EQ(again.pending().size(), watch.pending().size());
      for (std::size_t i = 0; i < again.pending().size(); ++i) {
        ASSERT_EQ(again.pending()[i].value(), watch.pending()[i].value());
        ASSERT_EQ(again.pending()[i].time, watch.pending()[i].time);
      }
      ASSERT_EQ(again.save(find), watch.save(find));
    }
  }
}

TEST_F(WatchTest, WhateverCameItsStateCanBeRead) {
  for (const DetectorKind kind : {DetectorKind::robust, DetectorKind::ewma, DetectorKind::seasonal, DetectorKind::model})
    for (const double size : {1.7e308, 1e40, 1e29}) {
      use(kind).stuck_after = std::chrono::seconds(8);
      rule.model = kind == DetectorKind::model ? "m" : "";
      for (const std::int64_t period : {std::int64_t{0}, 60 * second}) {
        rule.period = base::Duration(kind == DetectorKind::seasonal ? period : 0);
        begin();
        // From the first time there is, in steps of years, and again after the clock was set back.
        for (int i = 0; i < 300; ++i) {
          now = i % 30 < 20 ? -4'500'000'000'000'000'000 + (i > 0 ? 1 : 0) : now + 600'000'000 * second;
          watch.take(def, {now}, model::ValueView::of(i % 3 == 0 ? size : -size), {start});
        }
        now = start;
        for (int i = 0; i < 400; ++i) take(i % 7 == 0 ? size : -size * (i % 5));
        AnomalyWatch again;
        again.set_rules(AnomalyRules::create({rule}).value(), find);
        for (const base::Bytes& part : watch.save(find))
          EXPECT_TRUE(again.restore(part, find)) << static_cast<int>(kind) << ' ' << size << ' ' << period;
        EXPECT_EQ(again.stats().series, 1u);
      }
    }
}

TEST_F(WatchTest, DamagedStatesAreRefusedOrLeftOut) {
  use();
  begin();
  usual(60);
  const auto parts = watch.save(find);
  ASSERT_EQ(parts.size(), 1u);
  for (std::size_t cut = 0; cut < parts[0].size(); ++cut) {
    AnomalyWatch again;
    again.set_rules(AnomalyRules::create({rule}).value(), find);
    const auto restored = again.restore(base::BytesView(parts[0]).first(cut), find);
    EXPECT_TRUE(!restored || again.stats().series == 0) << cut;
  }
  for (std::size_t at = 0; at < parts[0].size(); ++at) {
    base::Bytes flipped = parts[0];
    flipped[at] ^= 0x55;
    AnomalyWatch again;
    again.set_rules(AnomalyRules::create({rule}).value(), find);
    if (!again.restore(flipped, find)) continue;
    again.take(def, {now + second}, model::ValueView::of(3.0), {now});
  }
}

TEST_F(WatchTest, TenThousandSeriesStayWithinTheirMemory) {
  use().window = 64;
  begin(4 << 20);
  std::vector<model::SeriesDef> defs;
  for (std::uint32_t i = 1; i <= 10'000; ++i)
    defs.push_back({model::SeriesId{i}, model::Kind::float64, "s/" + std::to_string(i), ""});
  for (int round = 0; round < 70; ++round) {
    now += second;
    for (const model::SeriesDef& each : defs)
      watch.take(each, {now}, model::ValueView::of(static_cast<double>((round * 7) % 5)), {now});
  }
  const AnomalyStats stats = watch.stats();
  EXPECT_LE(stats.bytes, 4u << 20);
  EXPECT_GE(stats.series, 3'500u);
  EXPECT_EQ(stats.unadmitted, (10'000 - stats.series) * 70);
  std::size_t saved = 0;
  for (const base::Bytes& part : watch.save([&](model::SeriesId id) { return &defs[static_cast<std::uint32_t>(id) - 1]; }))
    saved += part.size();
  EXPECT_LE(saved, 5u << 20) << "with what is pending";
  use(DetectorKind::ewma);
  begin(4 << 20);
  for (const model::SeriesDef& each : defs) watch.take(each, {now}, model::ValueView::of(1.0), {now});
  EXPECT_EQ(watch.stats().series, 10'000u);
}

TEST_F(WatchTest, AModelIsAskedOneQuestionAtATime) {
  use(DetectorKind::model).model = "m";
  rule.every = 2;
  begin();
  usual(15);
  EXPECT_TRUE(watch.take_questions().empty());
  EXPECT_TRUE(watch.window(1, 16).empty());
  usual(2);
  const auto questions = watch.take_questions();
  ASSERT_EQ(questions.size(), 1u);
  EXPECT_EQ(watch.window(1, 16).size(), 16u);
  usual(2);
  EXPECT_TRUE(watch.take_questions().empty());
  EXPECT_EQ(watch.stats().unasked, 1u);
  watch.answer(questions[0], 0.5);
  EXPECT_EQ(taken(), "off ");
  usual(2);
  const auto more = watch.take_questions();
  ASSERT_EQ(more.size(), 1u);
  watch.answer(more[0], 9.0);
  EXPECT_EQ(taken(), "on spike ");
  usual(2);
  watch.answer(watch.take_questions().at(0), std::nullopt);
  EXPECT_EQ(taken(), "") << "no answer says nothing";
}

TEST_F(WatchTest, NewRulesEndWhatIsRaised) {
  use();
  begin();
  usual(60);
  take(40);
  taken();
  rule.threshold = 6;
  watch.set_rules(AnomalyRules::create({rule}).value(), find);
  EXPECT_EQ(watch.stats().raised, 1u) << "the threshold is no part of what was learnt";
  rule.window = 20;
  watch.set_rules(AnomalyRules::create({rule}).value(), find);
  EXPECT_EQ(taken(), "off none ");
  EXPECT_EQ(watch.stats().series, 0u);
}

TEST(AnomalyRules, SayWhichRuleAndKeyIsWrong) {
  const auto problem = [](auto change) {
    AnomalyRule rule;
    rule.filter = "a/#";
    change(rule);
    const auto made = AnomalyRules::create({rule});
    return made ? std::string() : made.error().message;
  };
  const std::string where = "anomaly rule 1 ('a/#'): ";
  EXPECT_EQ(problem([](AnomalyRule&) {}), "");
  EXPECT_EQ(problem([](AnomalyRule& r) { r.threshold = 0; }), where + "threshold: above 0");
  EXPECT_EQ(problem([](AnomalyRule& r) { r.clear = 9; }), where + "clear: from 0 to the threshold");
  EXPECT_EQ(problem([](AnomalyRule& r) { r.window = 3; }), where + "window: not within 8 to 4096");
  EXPECT_EQ(problem([](AnomalyRule& r) { r.silent_after = std::chrono::hours(24 * 367); }),
            where + "silent-after: not within 0s to 366d");
  EXPECT_EQ(problem([](AnomalyRule& r) { r.period = std::chrono::hours(1); }),
            where + "period: has no meaning without detector = \"seasonal\"");
  EXPECT_EQ(problem([](AnomalyRule& r) { r.detector = DetectorKind::model; }),
            where + "model: detector = \"model\" needs the name of one");
  EXPECT_EQ(problem([](AnomalyRule& r) { r.series = "{series}"; }), where + "series: {output} must stand in it once");
}

}  // namespace
}  // namespace selvedge::engine
