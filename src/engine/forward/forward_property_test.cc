// Random histories of an uplink, checked step by step against what must always hold.

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>

#include "engine/forward/forward.h"

namespace selvedge::engine {
namespace {

using namespace std::chrono_literals;
using model::BlockSeq;

constexpr model::Epoch epoch{42};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {
    limits_.live_window_bytes = 500 + below(5000);
    limits_.backlog_window_bytes = 500 + below(5000);
    limits_.batch_bytes = 200 + below(2000);
    limits_.bytes_per_second = below(2) == 0 ? 0 : 500 + below(20'000);
    limits_.ack_timeout = 2s;
    limits_.stable_after = 3s;
    limits_.backoff_max = 4s;
    limits_.ranges = static_cast<std::uint32_t>(2 + below(40));
    sealed_ = below(50);
    const std::uint64_t first = sealed_ == 0 ? 0 : 1 + below(sealed_);
    for (std::uint64_t n = std::max<std::uint64_t>(1, first); n <= sealed_; ++n)
      if (below(4) != 0) store_[n] = 20 + below(300);
    forward_ = std::make_unique<Forward>(limits_, epoch, BlockSeq{first}, BlockSeq{sealed_});
    apply([&](auto& out) { forward_->start(now_, out); });
  }

  void step(bool calm) {
    now_ = now_ + std::chrono::microseconds(below(calm ? 300'000 : 50'000));
    switch (below(calm ? 4 : 12)) {
      case 0: tick(); break;
      case 1: acknowledge_some(); break;
      case 2: acknowledge_some(); break;
      case 3: if (connecting_) connect(); break;
      case 4: seal(); break;
      case 5: seal(); break;
      case 6: if (below(8) == 0) disconnect(); break;
      case 7: send_nonsense(); break;
      case 8: if (below(30) == 0) now_ = now_ + 3s; break;
      case 9: if (below(40) == 0) drop(); break;
      case 10: if (!unacknowledged_.empty() && below(4) == 0) unacknowledged_.pop_front(); break;
      default: tick(); break;
    }
  }

  bool all_delivered() const { return store_.empty(); }
  std::size_t left() const { return store_.size(); }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  template <typename Event>
  void apply(Event event) {
    ForwardOutputs out;
    event(out);
    take(out);
  }

  void take(const ForwardOutputs& out) {
    for (const auto& range : out.delivered) {
      for (std::uint64_t n = number(range.first); n <= number(range.last); ++n) {
        EXPECT_TRUE(acknowledged_.contains(n) || !store_.contains(n)) << "forgotten: " << n;
        store_.erase(n);
      }
    }
    if (out.connect) {
      EXPECT_FALSE(connected_ || connecting_);
      connecting_ = true;
    }
    if (out.disconnect) {
      EXPECT_TRUE(connected_);
      disconnect();
      return;
    }
    for (const SendBlocks& send : out.sends) answer(send);
    check_waiting();
  }

  // Reads and sends, as a node does; now and then less than it was asked for, or nothing.
  void answer(const SendBlocks& send) {
    ASSERT_TRUE(connected_);
    EXPECT_LE(number(send.last), sealed_);
    EXPECT_GT(send.max_bytes, 0u);
    if (below(40) == 0) return apply([&](auto& out) { forward_->unread(send, now_, out); });
    std::vector<BlockSeq> blocks;
    std::uint64_t bytes = 0;
    const std::uint64_t most = below(5) == 0 ? 1 + below(3) : 1000;
    for (auto at = store_.lower_bound(number(send.first));
         at != store_.end() && at->first <= number(send.last) && blocks.size() < most; ++at) {
      if (bytes > 0 && bytes + at->second > send.max_bytes) break;
      blocks.push_back(BlockSeq{at->first});
      bytes += at->second;
    }
    if (!blocks.empty()) sent(send, blocks, bytes);
    apply([&](auto& out) { forward_->sent(send, blocks, bytes, now_, out); });
    check_windows();
  }

  void sent(const SendBlocks& send, const std::vector<BlockSeq>& blocks, std::uint64_t bytes) {
    std::deque<std::uint64_t> numbers;
    for (const BlockSeq seq : blocks) {
      numbers.push_back(number(seq));
      ever_sent_.insert(number(seq));
    }
    unacknowledged_.push_back(numbers);
    if (!send.live && live_waiting_ != 0 && !was_capped_) {
      EXPECT_TRUE(ever_sent_.contains(live_waiting_)) << "backlog before live " << live_waiting_;
    }
    if (limits_.bytes_per_second == 0) return;
    while (!last_second_.empty() && last_second_.front().first + 1s <= now_) {
      in_last_second_ -= last_second_.front().second;
      last_second_.pop_front();
    }
    EXPECT_LE(in_last_second_, limits_.bytes_per_second + largest_) << "more than the cap";
    last_second_.emplace_back(now_, bytes);
    in_last_second_ += bytes;
    largest_ = std::max(largest_, bytes);
  }

  // An empty window takes any block; else it is overrun by no more than a block exceeds a batch.
  void check_windows() {
    const std::uint64_t block = 320;
    const std::uint64_t more = block > limits_.batch_bytes ? block - limits_.batch_bytes : 0;
    const auto most = [&](std::uint64_t window) { return std::max(window + more, block); };
    EXPECT_LE(forward_->stats().in_flight_bytes,
              most(limits_.live_window_bytes) + most(limits_.backlog_window_bytes));
  }

  // Whoever has something to do says when.
  void check_waiting() {
    if (!connected_ && !connecting_) {
      EXPECT_TRUE(forward_->wake_at().has_value());
    }
    if (forward_->stats().in_flight_bytes > 0) {
      EXPECT_TRUE(forward_->wake_at().has_value());
    }
  }

  void tick() {
    apply([&](auto& out) { forward_->tick(now_, out); });
    const auto wake = forward_->wake_at();
    EXPECT_TRUE(!wake || *wake > now_) << "it would spin";
  }

  void connect() {
    connecting_ = false;
    connected_ = true;
    connected_at_ = now_;
    apply([&](auto& out) { forward_->connected(now_, out); });
  }

  void disconnect() {
    if (!connected_ && !connecting_) return;
    if (connected_ && now_ - connected_at_ >= limits_.stable_after) bound_ = {};
    bound_ = bound_.count() == 0 ? limits_.backoff_first : std::min(2 * bound_, limits_.backoff_max);
    connected_ = connecting_ = false;
    const double jitter = static_cast<double>(below(1000)) / 1000;
    apply([&](auto& out) { forward_->disconnected(jitter, now_, out); });
    const double expected = static_cast<double>(bound_.count()) * jitter;
    EXPECT_NEAR(static_cast<double>(forward_->stats().backoff.count()), expected, 2.0);
    EXPECT_EQ(forward_->stats().in_flight_bytes, 0u);
    // What was on its way may have arrived, or not.
    if (below(2) == 0) unacknowledged_.clear();
  }

  void seal() {
    const std::uint64_t n = ++sealed_;
    store_[n] = 20 + below(300);
    was_capped_ = limits_.bytes_per_second != 0;
    live_waiting_ = connected_ && forward_->stats().in_flight_bytes == 0 ? n : 0;
    apply([&](auto& out) { forward_->sealed(BlockSeq{n}, store_[n], now_, out); });
    live_waiting_ = 0;
  }

  void acknowledge_some() {
    if (unacknowledged_.empty()) return;
    codec::uplink::Ack ack{epoch, {}};
    // Mostly the oldest message, now and then another, whole or in part.
    const std::size_t which = below(4) == 0 ? below(unacknowledged_.size()) : 0;
    auto& message = unacknowledged_[which];
    const std::size_t take = below(3) == 0 ? 1 + below(message.size()) : message.size();
    for (std::size_t i = 0; i < take; ++i) {
      acknowledged_.insert(message.front());
      ack.ranges.push_back({BlockSeq{message.front()}, BlockSeq{message.front()}});
      message.pop_front();
    }
    if (message.empty())
      unacknowledged_.erase(unacknowledged_.begin() + static_cast<std::ptrdiff_t>(which));
    apply([&](auto& out) { forward_->acknowledged(ack, now_, out); });
    if (below(5) == 0) apply([&](auto& out) { forward_->acknowledged(ack, now_, out); });
  }

  void send_nonsense() {
    const BlockSeq first{1 + below(sealed_ + 10)};
    const auto try_ack = [&](const codec::uplink::Ack& ack) {
      apply([&](auto& out) { forward_->acknowledged(ack, now_, out); });
    };
    try_ack({model::Epoch{41}, {{BlockSeq{1}, BlockSeq{~0ull}}}});
    try_ack({epoch, {{BlockSeq{sealed_ + 1}, BlockSeq{~0ull}}}});
    try_ack({epoch, {{first, BlockSeq{number(first) - 1}}}});
  }

  void drop() {
    if (store_.empty()) return;
    const std::uint64_t first = store_.begin()->first + below(5);
    store_.erase(store_.begin(), store_.lower_bound(first));
    apply([&](auto& out) { forward_->dropped_before(BlockSeq{first}, now_, out); });
  }

  std::mt19937_64 random_;
  ForwardLimits limits_;
  std::unique_ptr<Forward> forward_;
  base::Instant now_{1'000'000'000'000};
  bool connected_ = false, connecting_ = false, was_capped_ = false;
  base::Instant connected_at_{};
  base::Duration bound_{};
  std::uint64_t sealed_ = 0, live_waiting_ = 0;
  std::map<std::uint64_t, std::uint64_t> store_;          // undelivered: number, size
  std::set<std::uint64_t> ever_sent_, acknowledged_;
  std::deque<std::deque<std::uint64_t>> unacknowledged_;  // messages at the cloud
  std::deque<std::pair<base::Instant, std::uint64_t>> last_second_;
  std::uint64_t in_last_second_ = 0, largest_ = 0;
};

TEST(ForwardProperty, DeliversEveryBlockThroughAnyHistory) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed);
    for (int i = 0; i < 1500; ++i) world.step(false);
    int calm = 0;
    for (; calm < 60'000 && !world.all_delivered(); ++calm) world.step(true);
    ASSERT_TRUE(world.all_delivered()) << world.left() << " blocks were never delivered";
    if (testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace selvedge::engine
