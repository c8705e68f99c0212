#include "engine/forward/forward.h"

#include <gtest/gtest.h>

#include <string>

namespace selvedge::engine {
namespace {

using namespace std::chrono_literals;
using codec::uplink::Range;
using model::BlockSeq;
using model::Epoch;

constexpr Epoch epoch{7};

// A host in small: answers each question at once with blocks of one size that it "has", and writes
// down what happened: "L5-5" a live message, "B1-3" one of the backlog.
class Uplink {
 public:
  explicit Uplink(ForwardLimits limits = {}, std::uint64_t first = 0, std::uint64_t last = 0)
      : forward(limits, epoch, BlockSeq{first}, BlockSeq{last}) {}

  std::string take() { return std::exchange(log, {}); }

  void apply(ForwardOutputs out) {
    if (out.connect) log += "connect ";
    if (out.disconnect) log += "disconnect ";
    for (const Range& range : out.delivered)
      log += "ok" + text(range.first) + "-" + text(range.last) + " ";
    for (const SendBlocks& send : out.sends) answer(send);
  }
  void answer(const SendBlocks& send) {
    if (hold) {
      held.push_back(send);
      return;
    }
    std::vector<BlockSeq> blocks;
    std::uint64_t bytes = 0;
    for (auto n = number(send.first); n <= number(send.last); ++n) {
      if (n >= hole_first && n <= hole_last) continue;
      if (bytes > 0 && bytes + size > send.max_bytes) break;
      blocks.push_back(BlockSeq{n});
      bytes += size;
    }
    if (!blocks.empty())
      log += (send.live ? "L" : "B") + text(blocks.front()) + "-" + text(blocks.back()) + " ";
    ForwardOutputs out;
    forward.sent(send, blocks, bytes, now, out);
    apply(std::move(out));
  }
  static std::string text(BlockSeq seq) { return std::to_string(number(seq)); }

  template <typename Event>
  std::string on(Event event) {
    ForwardOutputs out;
    event(out);
    apply(std::move(out));
    return take();
  }
  std::string start() { return on([&](auto& out) { forward.start(now, out); }); }
  std::string connect() { return on([&](auto& out) { forward.connected(now, out); }); }
  std::string lose(double jitter = 0.5) {
    return on([&](auto& out) { forward.disconnected(jitter, now, out); });
  }
  std::string seal(std::uint64_t n) {
    return on([&](auto& out) { forward.sealed(BlockSeq{n}, size, now, out); });
  }
  std::string ack(std::uint64_t first, std::uint64_t last, Epoch of = epoch) {
    const codec::uplink::Ack message{of, {{BlockSeq{first}, BlockSeq{last}}}};
    return on([&](auto& out) { forward.acknowledged(message, now, out); });
  }
  std::string drop(std::uint64_t first) {
    return on([&](auto& out) { forward.dropped_before(BlockSeq{first}, now, out); });
  }
  std::string wait(base::Duration time) {
    now = now + time;
    return on([&](auto& out) { forward.tick(now, out); });
  }

  Forward forward;
  base::Instant now{1'000'000'000};
  std::uint64_t size = 100;
  std::uint64_t hole_first = 1, hole_last = 0;  // blocks the store does not give out
  bool hold = false;
  std::vector<SendBlocks> held;
  std::string log;
};

ForwardLimits small() {
  ForwardLimits limits;
  limits.live_window_bytes = 300;
  limits.backlog_window_bytes = 400;
  limits.batch_bytes = 200;
  return limits;
}

TEST(Forward, SendsLiveBlocksAtOnce) {
  Uplink uplink;
  EXPECT_EQ(uplink.start(), "connect ");
  EXPECT_EQ(uplink.connect(), "");
  EXPECT_EQ(uplink.seal(1), "L1-1 ");
  EXPECT_EQ(uplink.seal(2), "L2-2 ");
  EXPECT_EQ(uplink.ack(1, 2), "ok1-2 ");
  EXPECT_EQ(uplink.forward.stats().blocks_sent, 2u);
  EXPECT_EQ(uplink.forward.stats().blocks_acknowledged, 2u);
  EXPECT_EQ(uplink.forward.stats().in_flight_bytes, 0u);
  EXPECT_EQ(uplink.forward.wake_at(), std::nullopt) << "nothing to wait for";
}

TEST(Forward, DrainsTheBacklogByAcknowledgementsAlone) {
  Uplink uplink(small(), 3, 12);
  uplink.start();
  EXPECT_EQ(uplink.connect(), "B3-4 B5-6 ");
  EXPECT_EQ(uplink.ack(3, 3), "ok3-3 ") << "no room for a whole message yet";
  EXPECT_EQ(uplink.ack(4, 4), "ok4-4 B7-8 ");
  EXPECT_EQ(uplink.ack(5, 8), "ok5-8 B9-10 B11-12 ");
  EXPECT_EQ(uplink.ack(9, 12), "ok9-12 ");
}

TEST(Forward, StartsTheDrainWhenItConnects) {
  Uplink uplink(small());
  uplink.start();
  for (std::uint64_t n = 1; n <= 3; ++n) EXPECT_EQ(uplink.seal(n), "");
  EXPECT_EQ(uplink.connect(), "B1-2 B3-3 ");
}

TEST(Forward, LetsLiveBlocksPassTheBacklog) {
  Uplink uplink(small(), 1, 50);
  uplink.start();
  EXPECT_EQ(uplink.connect(), "B1-2 B3-4 ");
  EXPECT_EQ(uplink.seal(51), "L51-51 ");
  EXPECT_EQ(uplink.ack(51, 51), "ok51-51 ");
}

TEST(Forward, PutsLiveBlocksThatFindTheWindowFullIntoTheBacklog) {
  Uplink uplink(small());
  uplink.start();
  uplink.connect();
  EXPECT_EQ(uplink.seal(1), "L1-1 ");
  EXPECT_EQ(uplink.seal(2), "L2-2 ");
  EXPECT_EQ(uplink.seal(3), "L3-3 ");
  EXPECT_EQ(uplink.seal(4), "B4-4 ");
  EXPECT_EQ(uplink.ack(1, 1), "ok1-1 ");
  EXPECT_EQ(uplink.seal(5), "L5-5 ");
}

TEST(Forward, SendsAgainWhatAConnectionTookWithIt) {
  Uplink uplink(small(), 1, 4);
  uplink.start();
  EXPECT_EQ(uplink.connect(), "B1-2 B3-4 ");
  EXPECT_EQ(uplink.seal(5), "L5-5 ");
  EXPECT_EQ(uplink.ack(3, 3), "ok3-3 ");
  EXPECT_EQ(uplink.lose(), "");
  EXPECT_EQ(uplink.forward.stats().in_flight_bytes, 0u);
  EXPECT_EQ(uplink.wait(10s), "connect ");
  EXPECT_EQ(uplink.connect(), "B1-2 B4-5 ") << "not the one that was acknowledged";
  EXPECT_EQ(uplink.forward.stats().blocks_resent, 4u);
}

TEST(Forward, SendsAgainWhatWasNotAcknowledgedInTime) {
  Uplink uplink(small(), 1, 4);
  uplink.start();
  uplink.connect();
  EXPECT_EQ(uplink.forward.stats().in_flight_bytes, 400u);
  EXPECT_EQ(uplink.wait(29s), "");
  EXPECT_EQ(uplink.wait(1s), "B1-2 B3-4 ");
  EXPECT_EQ(uplink.forward.stats().in_flight_bytes, 400u) << "counted once";
  EXPECT_EQ(uplink.ack(1, 4), "ok1-4 ");
  EXPECT_EQ(uplink.ack(1, 4), "") << "the answer to the first sending";
}

TEST(Forward, BelievesALateAcknowledgementOfWhatItGaveUp) {
  Uplink uplink(small(), 1, 4);
  uplink.start();
  uplink.connect();
  uplink.lose();
  EXPECT_EQ(uplink.ack(1, 2), "ok1-2 ");
  uplink.wait(10s);
  EXPECT_EQ(uplink.connect(), "B3-4 ");
}

TEST(Forward, TakesAConnectionWithoutAnyAnswerForDead) {
  Uplink uplink(small(), 1, 4);
  uplink.start();
  uplink.connect();
  uplink.wait(30s);
  EXPECT_EQ(uplink.wait(29s), "");
  EXPECT_EQ(uplink.wait(1s), "disconnect ");
  EXPECT_EQ(uplink.wait(60s), "") << "said once";
  EXPECT_EQ(uplink.seal(5), "") << "nothing is sent into it";
  EXPECT_EQ(uplink.lose(0), "");
  EXPECT_EQ(uplink.wait(0s), "connect ");
}

TEST(Forward, IgnoresAcknowledgementsOfAnotherEpochAndOfTheUnknown) {
  Uplink uplink(small());
  uplink.start();
  uplink.seal(1);
  uplink.seal(2);
  uplink.hold = true;
  uplink.connect();
  EXPECT_EQ(uplink.ack(1, 2), "") << "sealed in this run and never sent";
  uplink.hold = false;
  uplink.answer(uplink.held.at(0));
  EXPECT_EQ(uplink.take(), "B1-2 ");
  EXPECT_EQ(uplink.ack(1, 2, Epoch{8}), "");
  EXPECT_EQ(uplink.ack(3, 1000), "");
  EXPECT_EQ(uplink.ack(2, 1), "");
  EXPECT_EQ(uplink.ack(0, ~0ull), "ok1-2 ");
  EXPECT_EQ(uplink.ack(0, ~0ull), "");
}

TEST(Forward, TakesAcknowledgementsOfWhatAnEarlierRunSent) {
  Uplink uplink(small(), 1, 100);
  uplink.start();
  EXPECT_EQ(uplink.ack(1, 98), "ok1-98 ");
  EXPECT_EQ(uplink.connect(), "B99-100 ");
}

TEST(Forward, SkipsWhatTheStoreNoLongerGivesOut) {
  Uplink uplink(small(), 1, 10);
  uplink.hole_first = 2;
  uplink.hole_last = 8;
  uplink.start();
  EXPECT_EQ(uplink.connect(), "B1-9 B10-10 ");
  EXPECT_EQ(uplink.ack(1, 1), "ok1-1 ");
  EXPECT_EQ(uplink.ack(9, 10), "ok9-10 ");
  EXPECT_EQ(uplink.wait(1h), "") << "nothing is left to look for";
}

TEST(Forward, LooksAgainForBlocksThatMustBeThere) {
  Uplink uplink(small());
  uplink.start();
  for (std::uint64_t n = 1; n <= 3; ++n) uplink.seal(n);
  uplink.hole_first = 1;
  uplink.hole_last = 2;
  EXPECT_EQ(uplink.connect(), "B3-3 ");
  EXPECT_EQ(uplink.ack(3, 3), "ok3-3 ");
  uplink.hole_last = 0;
  EXPECT_EQ(uplink.forward.wake_at(), uplink.now + 30s);
  EXPECT_EQ(uplink.wait(30s), "B1-2 ");
}

TEST(Forward, AsksAgainLaterWhenTheStoreCannotBeRead) {
  Uplink uplink(small(), 1, 2);
  uplink.start();
  uplink.hold = true;
  uplink.connect();
  const SendBlocks asked = uplink.held.at(0);
  uplink.hold = false;
  EXPECT_EQ(uplink.on([&](auto& out) { uplink.forward.unread(asked, uplink.now, out); }), "");
  EXPECT_EQ(uplink.wait(29s), "");
  EXPECT_EQ(uplink.wait(1s), "B1-2 ");
}

TEST(Forward, IgnoresAnAnswerFromALostConnection) {
  Uplink uplink(small(), 1, 2);
  uplink.start();
  uplink.hold = true;
  uplink.connect();
  uplink.hold = false;
  uplink.lose();
  uplink.answer(uplink.held.at(0));
  uplink.take();
  EXPECT_EQ(uplink.forward.stats().blocks_sent, 0u);
  uplink.wait(10s);
  EXPECT_EQ(uplink.connect(), "B1-2 ");
}

TEST(Forward, ForgetsWhatTheStoreHasDropped) {
  Uplink uplink(small(), 1, 20);
  uplink.start();
  EXPECT_EQ(uplink.connect(), "B1-2 B3-4 ");
  EXPECT_EQ(uplink.drop(10), "B10-11 B12-13 ");
  EXPECT_EQ(uplink.ack(1, 4), "") << "gone is gone";
  EXPECT_EQ(uplink.drop(1000), "") << "no further than what was sealed";
  EXPECT_EQ(uplink.seal(21), "L21-21 ");
}

TEST(Forward, WaitsLongerAfterEachFailureAndStartsOverAfterAStableConnection) {
  ForwardLimits limits;
  limits.backoff_first = 1s;
  limits.backoff_max = 5s;
  Uplink uplink(limits);
  uplink.start();
  for (const base::Duration pause : {500ms, 1000ms, 2000ms, 2500ms, 2500ms}) {
    uplink.lose(0.5);
    EXPECT_EQ(uplink.forward.wake_at(), uplink.now + pause);
    EXPECT_EQ(uplink.wait(pause - 1ms), "");
    EXPECT_EQ(uplink.wait(1ms), "connect ");
  }
  uplink.connect();
  uplink.wait(29s);
  uplink.lose(0.5);
  EXPECT_EQ(uplink.forward.stats().backoff, 2500ms) << "it was not stable";
  uplink.wait(5s);
  uplink.connect();
  uplink.wait(30s);
  uplink.lose(0.5);
  EXPECT_EQ(uplink.forward.stats().backoff, 500ms);
  EXPECT_EQ(uplink.forward.stats().connect_failures, 5u);
  EXPECT_EQ(uplink.forward.stats().connects, 2u);
}

TEST(Forward, KeepsUnderTheCapWithLiveBlocksFirst) {
  ForwardLimits limits;
  limits.bytes_per_second = 1000;
  Uplink uplink(limits, 1, 1000);
  uplink.start();
  EXPECT_EQ(uplink.connect(), "B1-1 ");
  EXPECT_EQ(uplink.seal(1001), "");
  EXPECT_EQ(uplink.forward.wake_at(), uplink.now + 100ms);
  EXPECT_EQ(uplink.wait(99ms), "");
  EXPECT_EQ(uplink.wait(1ms), "L1001-1001 ");
  EXPECT_EQ(uplink.wait(100ms), "B2-2 ");
}

TEST(Forward, SendsABlockThatIsLargerThanAnyWindow) {
  Uplink uplink(small(), 1, 2);
  uplink.size = 5000;
  uplink.start();
  EXPECT_EQ(uplink.connect(), "B1-1 ");
  EXPECT_EQ(uplink.seal(3), "L3-3 ");
  EXPECT_EQ(uplink.seal(4), "");
  EXPECT_EQ(uplink.ack(1, 1), "ok1-1 B2-2 ");
  EXPECT_EQ(uplink.ack(2, 2), "ok2-2 B4-4 ");
}

TEST(Forward, GoesBackForWhatAShortLiveAnswerLeftToTheBacklog) {
  Uplink uplink(small());
  uplink.start();
  uplink.connect();
  uplink.hold = true;
  for (std::uint64_t n = 1; n <= 3; ++n) uplink.seal(n);
  const auto send = [&](const SendBlocks& asked, std::uint64_t block) {
    return uplink.on([&](auto& out) {
      uplink.forward.sent(asked, {BlockSeq{block}}, uplink.size, uplink.now, out);
    });
  };
  send(uplink.held.at(0), 1);
  EXPECT_EQ(uplink.held.at(1).last, BlockSeq{3});
  uplink.seal(4);  // finds the window full, and takes 3 with it
  EXPECT_EQ(uplink.held.at(2).first, BlockSeq{4});
  send(uplink.held.at(1), 2);
  send(uplink.held.at(2), 4);
  ASSERT_EQ(uplink.held.size(), 4u);
  EXPECT_EQ(uplink.held.at(3).first, BlockSeq{3});
  EXPECT_FALSE(uplink.held.at(3).live);
}

TEST(Forward, CountsMessagesAndNotFramesAgainstTheWindow) {
  Uplink uplink(small());
  uplink.start();
  uplink.connect();
  uplink.hold = true;
  uplink.seal(1);
  uplink.seal(2);
  uplink.on([&](auto& out) {
    uplink.forward.sent(uplink.held.at(0), {BlockSeq{1}}, 250, uplink.now, out);
  });
  EXPECT_EQ(uplink.held.size(), 1u) << "there was more to the message than its frame";
  uplink.ack(1, 1);
  ASSERT_EQ(uplink.held.size(), 2u);
  EXPECT_TRUE(uplink.held.at(1).live);
}

TEST(Forward, StaysBoundedWhenAcknowledgementsComeInTheWorstOrder) {
  ForwardLimits limits;
  limits.ranges = 8;
  limits.batch_bytes = 10'000;
  Uplink uplink(limits, 1, 100);
  uplink.start();
  EXPECT_EQ(uplink.connect(), "B1-100 ");
  for (std::uint64_t n = 100; n > 0; n -= 2) {
    uplink.hole_first = n;  // the store has been told
    uplink.hole_last = n;
    uplink.ack(n, n);
  }
  uplink.hole_first = 1;
  uplink.hole_last = 0;
  for (std::uint64_t n = 99; n > 1; n -= 2) uplink.ack(n, n);
  EXPECT_EQ(uplink.ack(1, 1).substr(0, 6), "ok1-1 ");
}

}  // namespace
}  // namespace selvedge::engine
