#include "engine/forward/range_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace selvedge::engine {
namespace {

using Ranges = std::vector<RangeSet::Range>;

TEST(RangeSet, JoinsWhatTouchesOrOverlaps) {
  RangeSet set(10);
  EXPECT_TRUE(set.add(5, 6));
  EXPECT_TRUE(set.add(8, 9));
  EXPECT_EQ(set.ranges(), 2u);
  EXPECT_TRUE(set.add(7, 7));
  EXPECT_EQ(set.find(6), (RangeSet::Range{5, 9}));
  EXPECT_TRUE(set.add(1, 20));
  EXPECT_EQ(set.inside(0, 100), (Ranges{{1, 20}}));
}

TEST(RangeSet, SplitsWhereItIsCut) {
  RangeSet set(10);
  set.add(1, 10);
  set.remove(4, 6);
  EXPECT_EQ(set.inside(1, 10), (Ranges{{1, 3}, {7, 10}}));
  EXPECT_EQ(set.outside(0, 12), (Ranges{{0, 0}, {4, 6}, {11, 12}}));
  EXPECT_EQ(set.next_start(3), 7u);
  EXPECT_EQ(set.next_start(7), std::nullopt);
  EXPECT_EQ(set.find(5), std::nullopt);
}

TEST(RangeSet, RefusesMoreRangesThanItsLimit) {
  RangeSet set(2);
  EXPECT_TRUE(set.add(1, 1));
  EXPECT_TRUE(set.add(3, 3));
  EXPECT_FALSE(set.add(5, 5));
  EXPECT_TRUE(set.add(4, 4)) << "makes no new range";
  EXPECT_EQ(set.inside(0, 9), (Ranges{{1, 1}, {3, 4}}));
}

TEST(RangeSet, AgreesWithASetOfNumbers) {
  std::mt19937_64 random(11);
  RangeSet set(1000);
  std::set<std::uint64_t> numbers;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t first = random() % 200, last = first + random() % 12;
    if (random() % 2 == 0) {
      set.add(first, last);
      for (std::uint64_t n = first; n <= last; ++n) numbers.insert(n);
    } else {
      set.remove(first, last);
      for (std::uint64_t n = first; n <= last; ++n) numbers.erase(n);
    }
    const std::uint64_t probe = random() % 212;
    ASSERT_EQ(set.find(probe).has_value(), numbers.contains(probe));
    std::uint64_t inside = 0;
    for (const auto& [a, b] : set.inside(first, last)) inside += b - a + 1;
    std::uint64_t outside = 0;
    for (const auto& [a, b] : set.outside(first, last)) outside += b - a + 1;
    std::uint64_t counted = 0;
    for (std::uint64_t n = first; n <= last; ++n) counted += numbers.contains(n);
    ASSERT_EQ(inside, counted);
    ASSERT_EQ(inside + outside, last - first + 1);
  }
}

}  // namespace
}  // namespace selvedge::engine
