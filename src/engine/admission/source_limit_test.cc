#include "engine/admission/source_limit.h"

#include <gtest/gtest.h>

#include <string>

namespace selvedge::engine {
namespace {

using namespace std::chrono_literals;

constexpr base::Instant start{1'000'000'000};

TEST(Source, IsAnAddressOfFourOrTheSixtyFourOfSix) {
  EXPECT_EQ(source_of("192.0.2.1:80"), source_of("192.0.2.1"));
  EXPECT_NE(source_of("192.0.2.1"), source_of("192.0.2.2"));
  EXPECT_EQ(source_of("[2001:db8::1]:80"), source_of("2001:db8::ffff:2"));
  EXPECT_NE(source_of("2001:db8::1"), source_of("2001:db8:0:1::1"));
  EXPECT_EQ(source_of("::ffff:192.0.2.1"), source_of("192.0.2.1"));
  EXPECT_EQ(source_of("fe80::1%eth0"), source_of("fe80::2"));
  EXPECT_EQ(source_of("nonsense"), source_of(""));
  EXPECT_EQ(source_of(std::string(1000, '1')), Source{});
}

TEST(SourceLimit, RefusesAfterABurstAndLetsOneThroughAfterAWhile) {
  SourceLimit limit({.burst = 3, .refill = 10s, .sources = 10});
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(limit.allows("192.0.2.1", start));
    limit.failed("192.0.2.1", start);
  }
  EXPECT_FALSE(limit.allows("192.0.2.1:999", start));
  EXPECT_EQ(limit.wait("192.0.2.1", start), 10s);
  EXPECT_TRUE(limit.allows("192.0.2.2", start));
  EXPECT_FALSE(limit.allows("192.0.2.1", start + 9s));
  EXPECT_TRUE(limit.allows("192.0.2.1", start + 10s));
  limit.failed("192.0.2.1", start + 10s);
  EXPECT_FALSE(limit.allows("192.0.2.1", start + 10s));
  EXPECT_EQ(limit.failures(), 4u);
  EXPECT_EQ(limit.refusals(), 3u);
}

TEST(SourceLimit, DebtHasABottom) {
  SourceLimit limit({.burst = 3, .refill = 10s, .sources = 10});
  for (int i = 0; i < 1000; ++i) limit.failed("192.0.2.1", start);
  EXPECT_TRUE(limit.allows("192.0.2.1", start + 10s));
}

TEST(SourceLimit, ForgivesWhatWasProved) {
  SourceLimit limit({.burst = 1, .refill = 10s, .sources = 10});
  limit.failed("192.0.2.1", start);
  EXPECT_FALSE(limit.allows("192.0.2.1", start));
  limit.proved("192.0.2.1");
  EXPECT_TRUE(limit.allows("192.0.2.1", start));
  limit.proved("192.0.2.9");
}

TEST(SourceLimit, TheTableIsBoundedAndForgetsWhoWasQuietLongest) {
  SourceLimit limit({.burst = 1, .refill = 1h, .sources = 100});
  for (int i = 0; i < 1000; ++i)
    limit.failed("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250),
                 start + std::chrono::milliseconds(i));
  EXPECT_EQ(limit.sources(), 100u);
  EXPECT_TRUE(limit.is_over("10.0.3.249", start + 2s));
  EXPECT_FALSE(limit.is_over("10.0.0.0", start + 2s));
}

TEST(SourceLimit, ForgetsFullBuckets) {
  SourceLimit limit({.burst = 2, .refill = 1s, .sources = 100});
  for (int i = 0; i < 50; ++i) limit.failed("10.0.0." + std::to_string(i), start);
  for (int i = 0; i < 20; ++i) limit.failed("10.1.0.1", start + 1min);
  EXPECT_LE(limit.sources(), 2u);
}

}  // namespace
}  // namespace selvedge::engine
