#include "engine/admission/rate_limit.h"

#include <gtest/gtest.h>

namespace selvedge::engine {
namespace {

using namespace std::chrono_literals;

TEST(RateLimit, GivesABurstAndThenSoManyASecond) {
  RateLimit limit({.per_second = 10, .burst = 5, .names = 10});
  base::Instant now{1};
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(limit.take("pump", now)) << i;
  EXPECT_FALSE(limit.take("pump", now));
  EXPECT_FALSE(limit.take("pump", now + 99ms));
  EXPECT_TRUE(limit.take("pump", now + 100ms));
  EXPECT_FALSE(limit.take("pump", now + 100ms));
  int taken = 0;
  for (int ms = 100; ms < 10'100; ++ms) taken += limit.take("pump", now + base::Duration(1ms) * ms);
  EXPECT_EQ(taken, 99);
}

TEST(RateLimit, LetsNobodyPayForAnother) {
  RateLimit limit({.per_second = 1, .burst = 1, .names = 10});
  EXPECT_TRUE(limit.take("a", base::Instant{1}));
  EXPECT_FALSE(limit.take("a", base::Instant{1}));
  EXPECT_TRUE(limit.take("b", base::Instant{1}));
}

TEST(RateLimit, ForgetsWhoseBurstIsWholeAndRefusesNewcomersOtherwise) {
  RateLimit limit({.per_second = 1, .burst = 10, .names = 3});
  base::Instant now{1};
  for (const char* name : {"a", "b", "c"}) EXPECT_TRUE(limit.take(name, now));
  EXPECT_FALSE(limit.take("d", now));
  EXPECT_TRUE(limit.take("a", now));
  now = now + 1s;   // b and c are whole again, a is not
  EXPECT_TRUE(limit.take("d", now));
  EXPECT_EQ(limit.names(), 2u);
}

}  // namespace
}  // namespace selvedge::engine
