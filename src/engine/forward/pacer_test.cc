#include "engine/forward/pacer.h"

#include <gtest/gtest.h>

namespace selvedge::engine {
namespace {

using namespace std::chrono_literals;

TEST(Pacer, LetsEverythingThroughWithoutARate) {
  Pacer pacer(0);
  pacer.sent(1 << 30, base::Instant{});
  EXPECT_TRUE(pacer.may_send(base::Instant{}));
}

TEST(Pacer, WaitsAsLongAsTheMessageTakes) {
  Pacer pacer(1000);
  base::Instant now{};
  EXPECT_EQ(pacer.largest_message(), 125u);
  EXPECT_TRUE(pacer.may_send(now));
  pacer.sent(100, now);
  EXPECT_FALSE(pacer.may_send(now + 99ms));
  EXPECT_TRUE(pacer.may_send(now + 100ms));
  pacer.sent(100, now + 50s);
  EXPECT_EQ(pacer.free_at(), now + 50s + 100ms) << "quiet time is not saved up";
}

}  // namespace
}  // namespace selvedge::engine
