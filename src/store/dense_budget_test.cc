#include <gtest/gtest.h>

#include "store/dense_budget.h"

namespace selvedge::store {
namespace {

TEST(DenseBudget, LastsForASecondOfReadingsAndComesBackWithTime) {
  DenseBudget budget;
  base::Instant now{1'000'000'000'000};
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(budget.take(100, 1000, now)) << i;
  EXPECT_FALSE(budget.take(100, 1000, now));
  EXPECT_FALSE(budget.take(100, 1000, now + std::chrono::milliseconds(99)));
  EXPECT_TRUE(budget.take(100, 1000, now + std::chrono::milliseconds(100)));
  EXPECT_FALSE(budget.take(100, 1000, now + std::chrono::milliseconds(100)));
}

TEST(DenseBudget, LetsOneBlockThroughThatIsLargerThanABurst) {
  DenseBudget budget;
  const base::Instant now{5'000'000'000};
  EXPECT_TRUE(budget.take(4096, 1000, now));
  EXPECT_FALSE(budget.take(1, 1000, now));
  EXPECT_TRUE(budget.take(1, 1000, now + std::chrono::seconds(5)));
}

TEST(DenseBudget, OfNothingIsNothing) {
  DenseBudget budget;
  EXPECT_FALSE(budget.take(1, 0, base::Instant{7}));
}

}  // namespace
}  // namespace selvedge::store
