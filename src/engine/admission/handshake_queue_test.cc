#include "engine/admission/handshake_queue.h"

#include <gtest/gtest.h>

namespace selvedge::engine {
namespace {

using namespace std::chrono_literals;
using Standing = HandshakeQueue::Standing;

constexpr base::Instant start{1'000'000'000};

void arrive(HandshakeQueue& queue, std::uint64_t first, std::uint64_t count,
            Standing standing = Standing::good, base::Instant now = start) {
  for (std::uint64_t i = 0; i < count; ++i) queue.arrived(Visitor{first + i}, standing, now);
}

TEST(HandshakeQueue, BeginsInOrderAndNoMoreThanMayRun) {
  HandshakeQueue queue({.running = 2});
  arrive(queue, 1, 5);
  EXPECT_EQ(queue.step(start).begin, (std::vector{Visitor{1}, Visitor{2}}));
  EXPECT_TRUE(queue.step(start).begin.empty());
  queue.finished();
  EXPECT_EQ(queue.step(start).begin, (std::vector{Visitor{3}}));
  EXPECT_EQ(queue.running(), 2u);
  EXPECT_EQ(queue.waiting(), 2u);
}

TEST(HandshakeQueue, SaysWhenItIsFull) {
  HandshakeQueue queue({.waiting = 3, .running = 1});
  arrive(queue, 1, 3);
  EXPECT_TRUE(queue.full());
  queue.gone(Visitor{2});
  EXPECT_FALSE(queue.full());
}

TEST(HandshakeQueue, WhoHungUpIsPassedOver) {
  HandshakeQueue queue({.running = 1});
  arrive(queue, 1, 3);
  queue.gone(Visitor{1});
  queue.gone(Visitor{7});
  EXPECT_EQ(queue.step(start).begin, (std::vector{Visitor{2}}));
}

TEST(HandshakeQueue, DismissesWhoWaitedTooLong) {
  HandshakeQueue queue({.running = 1, .deadline = 5s});
  arrive(queue, 1, 2);
  arrive(queue, 3, 1, Standing::good, start + 4s);
  EXPECT_EQ(queue.step(start).begin.size(), 1u);
  EXPECT_EQ(queue.wake_at(), start + 5s);
  const auto next = queue.step(start + 5s);
  EXPECT_EQ(next.dismiss, (std::vector{Visitor{2}}));
  EXPECT_TRUE(next.begin.empty());
  EXPECT_EQ(queue.dismissed(), 1u);
  queue.finished();
  EXPECT_EQ(queue.step(start + 6s).begin, (std::vector{Visitor{3}}));
}

TEST(HandshakeQueue, KeepsToItsRate) {
  HandshakeQueue queue({.per_second = 100});
  arrive(queue, 0, 1000);
  std::size_t begun = 0;
  for (auto now = start; now < start + 1s; now = now + 1ms) begun += queue.step(now).begin.size();
  EXPECT_GE(begun, 100u);
  EXPECT_LE(begun, 106u);   // what it may save up in 50 ms
  ASSERT_TRUE(queue.wake_at());
  EXPECT_LE(*queue.wake_at(), start + 1100ms);
}

TEST(HandshakeQueue, SuspectsGetEveryEighthTurnAndAllOfThemWhenAlone) {
  HandshakeQueue queue({.running = 1000});
  arrive(queue, 1000, 100, Standing::suspect);
  arrive(queue, 0, 100);
  const auto begun = queue.step(start).begin;
  ASSERT_EQ(begun.size(), 200u);
  int suspects = 0;
  for (std::size_t i = 0; i < 80; ++i) suspects += static_cast<std::uint64_t>(begun[i]) >= 1000;
  EXPECT_EQ(suspects, 10);
  arrive(queue, 2000, 3, Standing::suspect);
  EXPECT_EQ(queue.step(start).begin.size(), 3u);
}

TEST(HandshakeQueue, NewestFirstIfAskedFor) {
  HandshakeQueue queue({.running = 1, .order = HandshakeLimits::Order::newest_first});
  arrive(queue, 1, 3);
  EXPECT_EQ(queue.step(start).begin, (std::vector{Visitor{3}}));
}

TEST(HandshakeQueue, MemoryIsBoundedByWhoWaits) {
  HandshakeQueue queue({.waiting = 10, .running = 0});
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    queue.arrived(Visitor{i}, Standing::good, start);
    queue.gone(Visitor{i});
  }
  EXPECT_EQ(queue.waiting(), 0u);
  queue.step(start);
  EXPECT_FALSE(queue.wake_at());
}

}  // namespace
}  // namespace selvedge::engine
