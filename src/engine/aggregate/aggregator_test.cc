#include <cmath>

#include "engine/aggregate/aggregate_fixture.h"

namespace selvedge::engine {
namespace {

TEST_F(AggregateTest, SumsUpATumblingWindowWhenTheNextBegins) {
  use(windows_rule(10, 0, {"min", "max", "mean", "sum", "count", "first", "last"}));
  take(1, 4);
  take(2, -2);
  take(9.5, 7);
  EXPECT_EQ(taken(), Out{});
  take(10, 1);
  EXPECT_EQ(taken(), (Out{"min@0=-2", "max@0=7", "mean@0=3", "sum@0=9", "count@0=3", "first@0=4", "last@0=7"}));
}

TEST_F(AggregateTest, CountsWindowsFrom1970AlsoBeforeIt) {
  use(windows_rule(10, 0, {"count"}));
  take(-25, 1);
  take(-20, 1);
  take(-0.5, 1);
  take(3, 1);
  EXPECT_EQ(taken(), (Out{"count@-30=1", "count@-20=1", "count@-10=1"}));
}

TEST_F(AggregateTest, LetsAReadingIntoEveryWindowThatSlidesOverIt) {
  use(windows_rule(30, 10, {"sum"}));
  take(5, 1);
  take(15, 10);
  take(100, 100);
  EXPECT_EQ(taken(), (Out{"sum@-20=1", "sum@-10=11", "sum@0=11", "sum@10=10"}));
}

TEST_F(AggregateTest, EndsAWindowByTimeWhenTheSeriesFallsSilent) {
  use(windows_rule(10, 0, {"count"}, 2));
  take(9, 1);
  EXPECT_EQ(aggregator.next_due(), (base::Time{11 * second}));
  tick(11.9);   // the reading waits no more, the window does
  EXPECT_EQ(taken(), Out{});
  EXPECT_FALSE(aggregator.is_due({seconds(11.9).count()}));
  EXPECT_EQ(aggregator.next_due(), (base::Time{12 * second}));
  tick(12);
  EXPECT_EQ(taken(), Out{"count@0=1"});
  EXPECT_EQ(aggregator.next_due(), std::nullopt);
}

TEST_F(AggregateTest, PutsReadingsInOrderWithinTheLateness) {
  use(windows_rule(10, 0, {"first", "last", "count"}, 5));
  take(8, 8);
  take(4, 4);
  take(12, 12);
  take(9, 9);
  take(6.9, 0);   // older than 12 - 5
  EXPECT_EQ(aggregator.stats().late, 1u);
  take(15, 15);
  EXPECT_EQ(taken(), (Out{"first@0=4", "last@0=9", "count@0=3"}));
}

TEST_F(AggregateTest, ADeviceWithAClockBehindIsNotLate) {
  use(windows_rule(10, 0, {"count"}, 2));
  for (int i = 0; i < 30; ++i) {
    take(i, 1, 1000 + i);
    tick(1000 + i + 0.5);
  }
  EXPECT_EQ(aggregator.stats().late, 0u);
  EXPECT_EQ(taken(), (Out{"count@0=10", "count@10=10"}));
}

TEST_F(AggregateTest, AReadingFarAheadOfTheClockIsLeftOut) {
  use(windows_rule(10, 0, {"count"}));
  take(1, 1);
  take(200'000, 1, 2);
  take(3, 1);
  tick(20);
  EXPECT_EQ(taken(), Out{"count@0=2"});
  EXPECT_EQ(aggregator.stats().ahead, 1u);
}

TEST_F(AggregateTest, ASeriesWhoseClockWasSetBackStartsOver) {
  use(windows_rule(10, 0, {"count"}));
  take(5000, 1, 4000);
  for (int i = 0; i <= 60; ++i) take(1000 + i, 1, 4001 + i);
  EXPECT_EQ(aggregator.stats().late, 60u);
  EXPECT_EQ(aggregator.stats().restarted, 1u);
  take(1070, 1, 4071);
  EXPECT_EQ(taken(), (Out{"count@5000=1", "count@1060=1"}));
}

TEST_F(AggregateTest, NaNsCountAndAreInNoNumber) {
  use(windows_rule(10, 0, {"mean", "max", "count", "first", "stddev", "time-weighted-mean"}));
  take(1, std::nan(""));
  take(2, 3);
  take(4, 5);
  take(10, std::nan(""));
  take(20, 1);
  EXPECT_EQ(taken(), (Out{"mean@0=4", "max@0=5", "count@0=3", "first@0=nan", "stddev@0=1",
                          "time-weighted-mean@0=4.5", "mean@10=nan", "max@10=nan", "count@10=1", "first@10=nan",
                          "stddev@10=nan", "time-weighted-mean@10=nan"}));
}

TEST_F(AggregateTest, QuantilesAreWithinOnePercent) {
  use(windows_rule(10, 5, {"p50", "p99", "max"}));
  for (int i = 0; i < 1000; ++i) take(i * 0.01, i);
  tick(10);
  for (const std::string& text : taken()) {
    if (!text.starts_with("p") || text.find("@0=") == text.npos) continue;
    const double value = std::stod(text.substr(text.find('=') + 1)), wanted = text.starts_with("p50") ? 499 : 989;
    EXPECT_NEAR(value, wanted, wanted * 0.011) << text;
  }
}

TEST_F(AggregateTest, TheTimeWeightedMeanHoldsEachReadingUntilTheNext) {
  use(windows_rule(10, 0, {"time-weighted-mean"}));
  take(5, 2);     // nothing is held before
  take(9, 7);
  take(12, 1);    // 7 is held into the next window
  take(40, 0);    // and 1 for one window at most
  EXPECT_EQ(taken(), (Out{"time-weighted-mean@0=3", "time-weighted-mean@10=2.2"}));
}

TEST_F(AggregateTest, KeepsTheKindOfWholeNumbersAndBooleans) {
  use(windows_rule(10, 0, {"max", "mean", "count"}));
  const std::int64_t large = (1LL << 60) + 1;
  aggregator.take(series(2, model::Kind::int64), {1}, model::ValueView::of(large), {1});
  aggregator.take(series(2, model::Kind::int64), {2}, model::ValueView::of(std::int64_t{-1}), {2});
  aggregator.take(series(3, model::Kind::boolean), {1}, model::ValueView::of(true), {1});
  aggregator.take(series(3, model::Kind::boolean), {2}, model::ValueView::of(false), {2});
  tick(10);
  EXPECT_EQ(taken(), (Out{"max@0=1152921504606846977", "mean@0=5.76461e+17", "count@0=2", "max@0=true", "mean@0=0.5",
                          "count@0=2"}));
}

TEST_F(AggregateTest, RecognisesARepetitionWhereNoStoreWould) {
  AggregateRule rule = windows_rule(10, 0, {"count"}, 5);
  rule.raw = Raw::drop;
  use(rule);
  take(1, 1);
  take(2, 1);
  take(1, 1);
  take(1, 2);
  tick(20);
  EXPECT_EQ(taken(), Out{"count@0=3"});
  EXPECT_EQ(aggregator.stats().repeated, 1u);
}

TEST_F(AggregateTest, EndsWhatIsOpenWhenItsRuleChanges) {
  use(windows_rule(10, 0, {"sum"}));
  take(1, 5);
  rules_ = {windows_rule(20, 0, {"sum"})};
  rules_[0].series = "{series}/other";
  begin();
  take(2, 1);
  tick(30);
  EXPECT_EQ(taken(), (Out{"sum@0=5", "other@0=1"}));
}

TEST_F(AggregateTest, AdmitsNoMoreThanFits) {
  use(windows_rule(10, 0, {"sum"}));
  aggregator.set_limits({4096, 1024});
  std::uint32_t id = 1;
  for (; id < 100 && aggregator.admits(model::SeriesId{id}, {1}); ++id)
    aggregator.take(series(id), {1}, model::ValueView::of(1.0), {1});
  EXPECT_GT(id, 3u);
  EXPECT_LT(id, 12u);
  EXPECT_TRUE(aggregator.admits(model::SeriesId{1}, {2})) << "its window is there";
  EXPECT_FALSE(aggregator.admits(model::SeriesId{1}, {11 * second}));
  EXPECT_LT(aggregator.stats().bytes, 6000u);
}

TEST_F(AggregateTest, BoundsWhatWaitsForEarlierReadings) {
  use(windows_rule(1000, 0, {"count"}, 500));
  aggregator.set_limits({1 << 20, 16});
  for (int i = 0; i < 100; ++i) take(i, 1);
  EXPECT_EQ(aggregator.stats().hurried, 84u);
  take(50, 1);
  EXPECT_EQ(aggregator.stats().late, 1u);
  tick(3000);
  EXPECT_EQ(taken(), Out{"count@0=100"});
}

TEST_F(AggregateTest, TheFirstRuleThatMatchesDecides) {
  AggregateRule first = windows_rule(10, 0, {"sum"}), second_rule = windows_rule(10, 0, {"count"});
  first.filter = "s/2/#";
  second_rule.filter = "s/+";
  rules_ = {first, second_rule};
  begin();
  for (const std::uint32_t id : {1u, 2u}) aggregator.take(series(id), {1}, model::ValueView::of(2.0), {1});
  tick(10);
  EXPECT_EQ(taken(), (Out{"count@0=1", "sum@0=2"}));
}

TEST_F(AggregateTest, AStateOfAnotherRuleIsDiscarded) {
  use(windows_rule(10, 0, {"sum"}));
  take(1, 1);
  const auto parts = aggregator.save(find);
  Aggregator other;
  other.set_rules(AggregateRules::create({windows_rule(20, 0, {"sum"})}).value(), find);
  for (const base::Bytes& part : parts) ASSERT_TRUE(other.restore(part, find));
  EXPECT_EQ(other.stats().discarded, 1u);
  EXPECT_EQ(other.stats().series, 0u);
}

TEST_F(AggregateTest, ADamagedStateChangesNothing) {
  use(windows_rule(10, 5, {"sum", "time-weighted-mean", "stddev"}, 1));
  for (int i = 0; i < 20; ++i) take(i * 0.7, i);
  const auto parts = aggregator.save(find);
  ASSERT_EQ(parts.size(), 1u);
  for (std::size_t length = 0; length < parts[0].size(); ++length) {
    Aggregator other;
    other.set_rules(AggregateRules::create(rules_).value(), find);
    const auto restored = other.restore(base::BytesView(parts[0]).first(length), find);
    EXPECT_TRUE(!restored || other.stats().series == 0) << length;
  }
}

}  // namespace
}  // namespace selvedge::engine
