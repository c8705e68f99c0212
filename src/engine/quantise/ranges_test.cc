#include "engine/quantise/ranges.h"

#include <gtest/gtest.h>

#include "engine/quantise/graphs_for_test.h"

namespace selvedge::engine::quantise {
namespace {

Statistics seen_once(const std::vector<float>& values) {
  Statistics seen;
  EXPECT_TRUE(seen.see(values, Shape{std::int64_t(values.size())}, 0));
  seen.count(values);
  return seen;
}

TEST(Statistics, KnowEachChannel) {
  Statistics seen;
  EXPECT_TRUE(seen.see(std::vector<float>{1, 2, 10, 20, 3, 4, 30, 40}, Shape{2, 2, 2}, 1));
  ASSERT_EQ(seen.channels().size(), 2U);
  EXPECT_DOUBLE_EQ(seen.mean(0), 2.5);
  EXPECT_DOUBLE_EQ(seen.mean(1), 25);
  EXPECT_DOUBLE_EQ(seen.mean_square(0), 7.5);
  EXPECT_EQ(seen.channels()[1].greatest, 40);
  EXPECT_EQ(seen.least(), 1);
}

TEST(Statistics, OfThreadsAreOfAllWhenMerged) {
  const std::vector<float> all = some_numbers(2000), first(all.begin(), all.begin() + 1000), second(all.begin() + 1000, all.end());
  Statistics one, two, both;
  const Shape half{1, 10, 100};
  one.see(first, half, 1), two.see(second, half, 1);
  both.see(first, half, 1), both.see(second, half, 1);
  one.merge_seen(two);
  EXPECT_EQ(one.least(), both.least());
  EXPECT_EQ(one.greatest(), both.greatest());
  for (std::size_t c = 0; c < 10; ++c) EXPECT_NEAR(one.mean(c), both.mean(c), 1e-6);
  Statistics again = one;
  one.count(first), again.count(second), both.count(all);
  one.merge_counted(again);
  EXPECT_TRUE(std::ranges::equal(one.histogram(), both.histogram()));
}

TEST(Statistics, RefuseWhatIsNoNumber) {
  Statistics seen;
  EXPECT_FALSE(seen.see(std::vector<float>{1, NAN}, Shape{2}, 0));
  EXPECT_FALSE(seen.see(std::vector<float>{1, INFINITY}, Shape{2}, 0));
}

TEST(Statistics, ForgetChannelsWhoseNumberDiffers) {
  Statistics seen;
  seen.see(some_numbers(6), Shape{1, 3, 2}, 1);
  seen.see(some_numbers(8), Shape{1, 4, 2}, 1);
  EXPECT_TRUE(seen.channels().empty());
  EXPECT_EQ(seen.mean(2), 0);
}

TEST(Range, IsWhatWasSeenOrLess) {
  std::vector<float> values = some_numbers(100'000);
  values[7] = 100;
  const Statistics seen = seen_once(values);
  EXPECT_EQ(choose_range(seen, RangeRule::extremes).greatest, 100);
  const Range most = choose_range(seen, RangeRule::percentile);
  EXPECT_LT(most.greatest, 2);
  EXPECT_LT(most.least, -0.9F);
  EXPECT_LT(choose_range(seen, RangeRule::least_error).greatest, 100);
}

TEST(Range, OfAnEvenSpreadIsKeptWhole) {
  const Statistics seen = seen_once(some_numbers(100'000));
  const Range range = choose_range(seen, RangeRule::least_error);
  EXPECT_NEAR(range.least, -1, 0.03);
  EXPECT_NEAR(range.greatest, 1, 0.03);
}

TEST(Range, HoldsZeroAndTheBoundsOfRelu) {
  const Statistics seen = seen_once({2, 3, 4, 9});
  EXPECT_EQ(choose_range(seen, RangeRule::extremes).least, 0);
  const Range bounded = with_bounds({-3, 9}, {"v", 1, 0.0F, 6.0F});
  EXPECT_EQ(bounded.least, 0);
  EXPECT_EQ(bounded.greatest, 6);
}

TEST(Steps, HaveTheFormOfTheTarget) {
  Options options;
  const Steps x86 = steps_for({-1, 3}, options);
  EXPECT_NEAR(x86.scale, 4.0F / 255, 1e-5);
  EXPECT_EQ(x86.zero_point, 64);
  options.target = Target::arm;
  EXPECT_EQ(steps_for({-1, 3}, options).zero_point, -64);
  EXPECT_EQ(steps_for({0, 6}, options).zero_point, -128);
  options.symmetry = Symmetry::symmetric;
  const Steps even = steps_for({-1, 3}, options);
  EXPECT_EQ(even.zero_point, 0);
  EXPECT_NEAR(even.scale, 3.0F / 127, 1e-4);
  EXPECT_EQ(steps_for({0, 6}, options).zero_point, -128);
}

TEST(Steps, ExistForAValueThatIsAlwaysZero) {
  const Steps steps = steps_for({0, 0}, {});
  EXPECT_GT(steps.scale, 0);
  EXPECT_EQ(steps.zero_point, 0);
}

TEST(Rounding, KeepsSomeSignificantBits) {
  EXPECT_EQ(round_up(1.01F, 5), 1.0625F);
  EXPECT_EQ(round_up(1, 5), 1);
  EXPECT_EQ(round_near(1.01F, 5), 1);
}

}  // namespace
}  // namespace selvedge::engine::quantise
