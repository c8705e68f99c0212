#include "engine/forward/backoff.h"

#include <gtest/gtest.h>

namespace selvedge::engine {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesItsBoundUpToTheMost) {
  Backoff backoff(250ms, 60s);
  base::Duration last{};
  for (const base::Duration bound : {250ms, 500ms, 1000ms, 2000ms, 4000ms, 8000ms, 16000ms, 32000ms,
                                     60000ms, 60000ms}) {
    last = backoff.next(0.5);
    EXPECT_EQ(last, bound / 2);
  }
  backoff.reset();
  EXPECT_EQ(backoff.next(0.5), 125ms);
}

TEST(Backoff, DrawsFromZeroToTheBound) {
  for (const auto& [jitter, expected] : {std::pair{0.0, 0ms}, {0.25, 25ms}, {-1.0, 0ms}, {7.0, 100ms}})
    EXPECT_EQ(Backoff(100ms, 1s).next(jitter), expected) << jitter;
  EXPECT_EQ(Backoff(5s, 1s).next(1.0), 1s) << "never more than the most";
}

}  // namespace
}  // namespace selvedge::engine
