// What the detectors find, miss and take for granted.

#include "engine/anomaly/detector.h"

#include <gtest/gtest.h>

#include "engine/anomaly/labelled.h"
#include "engine/anomaly/seasonal.h"

namespace selvedge::engine {
namespace {

AnomalyRule rule_of(DetectorKind kind) {
  AnomalyRule rule;
  rule.detector = kind;
  return rule;
}

TEST(Detectors, FindTheAnomaliesTheyAreFor) {
  const Labelled day = daily_series(200, 1, 5);
  const Labelled spikes = inject(day, Injected::spikes, 250, 3, 11), dips = inject(day, Injected::dips, 250, 2, 11),
                 drifts = inject(day, Injected::drifts, 250, 3, 11);
  AnomalyRule seasonal = rule_of(DetectorKind::seasonal);
  for (const base::Duration period : {base::Duration(), base::Duration(std::chrono::hours(24))}) {
    seasonal.period = period;
    EXPECT_GE(judge(spikes, seasonal).f1(), 0.9);
    EXPECT_GE(judge(dips, seasonal).f1(), 0.85);
    EXPECT_GE(judge(drifts, seasonal).f1(), 0.8);
  }
  for (const Labelled* series : {&spikes, &dips})
    EXPECT_GT(judge(*series, seasonal).f1(), judge_plain(*series, 64, 4).f1());
}

TEST(Detectors, OnRealSeriesTheyAreBetterThanAPlainScore) {
  double seasonal = 0, plain = 0;
  for (const auto& [file, column] : {std::pair("noaa_seattle_temps.csv", std::size_t{1}), std::pair("uci_tetouan.csv", std::size_t{4})}) {
    const Labelled series = read_series(file, column, 12'000);
    if (series.values.empty()) GTEST_SKIP() << "../shared/data/timeseries is not there";
    for (const Injected what : {Injected::spikes, Injected::dips, Injected::drifts}) {
      const Labelled with = inject(series, what, 250, what == Injected::dips ? 2 : 3, 7);
      seasonal += judge(with, rule_of(DetectorKind::seasonal)).f1() / 6;
      plain += judge_plain(with, 64, 4).f1() / 6;
    }
  }
  EXPECT_GT(seasonal, plain + 0.15);
  EXPECT_GT(seasonal, 0.75);
}

TEST(Detectors, AnOutlierDoesNotHideTheNextOne) {
  RecordProperty("why", "a plain deviation is blown up by the first outlier");
  for (const DetectorKind kind : {DetectorKind::robust, DetectorKind::ewma}) {
    AnomalyRule rule = rule_of(kind);
    rule.window = 32;
    const auto detector = make_detector(rule);
    std::mt19937_64 random(2);
    std::normal_distribution<double> normal(0, 1);
    Moment moment;
    const auto step = [&](double value) {
      moment.time += 1'000'000'000;
      return detector->step(moment, value);
    };
    for (int i = 0; i < 200; ++i) step(normal(random));
    for (int i = 0; i < 3; ++i) {
      EXPECT_GT(std::abs(step(100).residual), 8) << i;
      for (int k = 0; k < 40; ++k) step(normal(random));
    }
    EXPECT_LT(std::abs(step(0.5).residual), 5);
  }
}

TEST(Detectors, TheAverageSeesASmallShiftThatLasts) {
  AnomalyRule rule = rule_of(DetectorKind::ewma);
  const auto detector = make_detector(rule);
  std::mt19937_64 random(4);
  std::normal_distribution<double> normal(0, 1);
  Moment moment;
  for (int i = 0; i < 400; ++i) detector->step(moment, normal(random));
  double most = 0;
  for (int i = 0; i < 30; ++i) most = std::max(most, detector->step(moment, 2.5 + normal(random)).residual);
  EXPECT_GT(most, 5) << "no single reading is more than unusual";
}

TEST(Detectors, AConstantSeriesThatMovesIsFarOffAndARoundedOneIsNot) {
  for (const DetectorKind kind : {DetectorKind::robust, DetectorKind::ewma}) {
    const auto constant = make_detector(rule_of(kind));
    for (int i = 0; i < 200; ++i) constant->step({}, 5);
    EXPECT_GT(constant->step({}, 50).residual, 20);
    const auto rounded = make_detector(rule_of(kind));
    Moment moment;
    moment.resolution = 0.1;
    double most = 0;
    for (int i = 0; i < 400; ++i) {
      const Verdict verdict = rounded->step(moment, i % 97 == 0 ? 5.1 : 5.0);
      if (verdict.ready) most = std::max(most, std::abs(verdict.residual));
    }
    EXPECT_LT(most, 5) << "one step of the last digit";
  }
}

TEST(Detectors, NumbersWithoutBoundsDoNoHarm) {
  for (const DetectorKind kind : {DetectorKind::robust, DetectorKind::ewma, DetectorKind::seasonal}) {
    AnomalyRule rule = rule_of(kind);
    if (kind == DetectorKind::seasonal) rule.period = std::chrono::hours(1);
    const auto detector = make_detector(rule);
    Moment moment;
    for (int i = 0; i < 300; ++i) {
      moment.time += 60'000'000'000;
      const Verdict verdict = detector->step(moment, i % 3 == 0 ? 1.7e308 : -1.7e308);
      ASSERT_LE(std::abs(verdict.residual), Detector::most);
    }
    for (int i = 0; i < 600; ++i) {
      moment.time += 60'000'000'000;
      detector->step(moment, 1 + i % 2);
    }
    EXPECT_LE(std::abs(detector->step(moment, 1).residual), Detector::most);
  }
}

TEST(PeriodFinder, FindsADayAndNothingInNoise) {
  PeriodFinder finder;
  const Labelled day = daily_series(12, 1.5, 3);
  std::optional<std::int64_t> found;
  for (std::size_t i = 0; i < day.values.size() && !found; ++i) found = finder.step(day.times[i], day.values[i]);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, 24LL * 3600 * 1'000'000'000);
  EXPECT_LE(finder.bytes(), PeriodFinder::most_bytes);

  std::mt19937_64 random(8);
  std::normal_distribution<double> normal(0, 1);
  PeriodFinder noise, walk;
  double at = 0;
  int walks = 0;
  for (int i = 0; i < 5000; ++i) {
    EXPECT_FALSE(noise.step(std::int64_t{i} * 1'000'000'000, normal(random)));
    at += normal(random);
    if (walk.step(std::int64_t{i} * 1'000'000'000, at)) ++walks;
  }
  EXPECT_LE(walks, 4);
}

TEST(PeriodFinder, TakesAnyTimeScaleInTheSameMemory) {
  for (const std::int64_t spacing : {1'000'000LL, 1'000'000'000LL, 3'600'000'000'000LL}) {
    PeriodFinder finder;
    std::optional<std::int64_t> found;
    for (std::int64_t i = 0; i < 4000 && !found; ++i)
      found = finder.step(i * spacing, std::sin(static_cast<double>(i) / 37 * 6.283185307179586));
    ASSERT_TRUE(found) << spacing;
    EXPECT_NEAR(static_cast<double>(*found) / static_cast<double>(spacing), 37, 2);
  }
}

}  // namespace
}  // namespace selvedge::engine
