#include "engine/forward/forward.h"

#include <algorithm>

#include "engine/forward/forward_state.h"

namespace selvedge::engine {

using model::BlockSeq;
using model::number;

Forward::Forward(ForwardLimits limits, model::Epoch epoch, BlockSeq first_undelivered,
                 BlockSeq last_sealed)
    : state_(std::make_unique<State>(limits, epoch, first_undelivered, last_sealed)) {}

Forward::~Forward() = default;

void Forward::start(base::Instant, ForwardOutputs& out) {
  if (state_->link == LinkState::idle) state_->connect(out);
}

void Forward::sealed(BlockSeq seq, std::size_t frame_bytes, base::Instant now,
                     ForwardOutputs& out) {
  State& s = *state_;
  const std::uint64_t block = number(seq);
  if (block <= s.last_sealed) return;
  if (block > s.last_sealed + 1) s.settle(s.last_sealed + 1, block - 1);  // never were
  s.last_sealed = block;
  const std::uint64_t used = s.flight.bytes(Lane::live) + s.live_bytes;
  const bool fits = used == 0 || used + frame_bytes <= s.window(Lane::live);
  if (s.link == LinkState::connected && fits) {
    s.live_bytes += frame_bytes;
  } else {
    // With those that wait before it: what comes next is fresher than all of them.
    s.live_next = block + 1;
    s.live_bytes = 0;
  }
  s.fill(now, out);
}

void Forward::connected(base::Instant now, ForwardOutputs& out) {
  State& s = *state_;
  if (s.link == LinkState::connected) return;
  s.link = LinkState::connected;
  s.closing = false;
  s.connected_at = now;
  s.live_next = s.last_sealed + 1;
  s.live_bytes = 0;
  s.cursor = s.low;
  s.look_again_at.reset();
  ++s.stats.connects;
  s.fill(now, out);
}

void Forward::disconnected(double jitter, base::Instant now, ForwardOutputs&) {
  State& s = *state_;
  if (s.link == LinkState::idle || s.link == LinkState::waiting) return;
  if (s.link == LinkState::connecting) ++s.stats.connect_failures;
  else if (now - s.connected_at >= s.limits.stable_after) s.backoff.reset();
  s.lose(s.flight.take_all());
  s.questions = {};
  s.unanswered_since.reset();
  s.pacer_wakes_at.reset();
  s.live_next = s.last_sealed + 1;
  s.live_bytes = 0;
  s.link = LinkState::waiting;
  s.stats.backoff = s.backoff.next(jitter);
  s.retry_at = now + s.stats.backoff;
}

void Forward::sent(const SendBlocks& asked, const std::vector<BlockSeq>& blocks,
                   std::uint64_t bytes, base::Instant now, ForwardOutputs& out) {
  State& s = *state_;
  if (!s.answers(asked)) return;
  std::vector<std::uint64_t> counted;
  const std::uint64_t answered = s.take_answer(asked, blocks, counted, now);
  if (!counted.empty()) {
    s.flight.add(asked.live ? Lane::live : Lane::backlog, counted, bytes, now);
    s.stats.blocks_sent += counted.size();
    if (!s.unanswered_since) s.unanswered_since = now;
  }
  if (!blocks.empty()) {
    s.stats.bytes_sent += bytes;
    s.pacer.sent(bytes, now);
  }
  if (asked.live) {
    s.move_live(answered + 1);
    s.cursor = std::min(s.cursor, answered + 1);
  } else if (s.cursor >= number(asked.first)) {
    s.cursor = answered + 1;
  }
  s.fill(now, out);
}

void Forward::unread(const SendBlocks& asked, base::Instant now, ForwardOutputs& out) {
  State& s = *state_;
  if (!s.answers(asked)) return;
  if (!s.look_again_at) s.look_again_at = now + s.limits.ack_timeout;
  if (asked.live) s.move_live(number(asked.last) + 1);
  if (!asked.live && s.cursor >= number(asked.first)) s.cursor = number(asked.last) + 1;
  s.fill(now, out);
}

void Forward::acknowledged(const codec::uplink::Ack& ack, base::Instant now, ForwardOutputs& out) {
  State& s = *state_;
  if (ack.epoch != s.epoch) return;
  bool fresh = false;
  for (const codec::uplink::Range& range : ack.ranges) {
    for (const auto& [first, last] : s.acknowledge(number(range.first), number(range.last))) {
      out.delivered.push_back({BlockSeq{first}, BlockSeq{last}});
      s.stats.blocks_acknowledged += last - first + 1;
      fresh = true;
    }
  }
  if (fresh) s.flight.note_progress(now);
  if (fresh && s.unanswered_since) {
    s.unanswered_since = now;
    if (s.flight.empty() && s.lost.empty()) s.unanswered_since.reset();
  }
  s.fill(now, out);
}

void Forward::dropped_before(BlockSeq first, base::Instant now, ForwardOutputs& out) {
  State& s = *state_;
  const std::uint64_t end = std::min(number(first), s.last_sealed + 1);
  if (end <= s.low) return;
  s.flight.take(s.low, end - 1);
  s.settle(s.low, end - 1);
  if (s.flight.empty() && s.lost.empty()) s.unanswered_since.reset();
  s.fill(now, out);
}

void Forward::set_limits(const ForwardLimits& limits, base::Instant now, ForwardOutputs& out) {
  State& s = *state_;
  s.limits = limits;
  s.backoff.set_bounds(limits.backoff_first, limits.backoff_max);
  s.pacer.set_rate(limits.bytes_per_second, now);
  s.fill(now, out);
}

void Forward::tick(base::Instant now, ForwardOutputs& out) {
  State& s = *state_;
  if (s.link == LinkState::waiting && now >= s.retry_at) s.connect(out);
  if (s.link != LinkState::connected || s.closing) return;
  s.lose(s.flight.take_late(now, s.limits.ack_timeout));
  if (s.unanswered_since && now - *s.unanswered_since >= 2 * s.limits.ack_timeout) {
    s.closing = true;
    out.disconnect = true;
    return;
  }
  if (s.look_again_at && now >= *s.look_again_at) {
    s.look_again_at.reset();
    s.cursor = s.low;
  }
  s.fill(now, out);
}

std::optional<base::Instant> Forward::wake_at() const {
  const State& s = *state_;
  if (s.link == LinkState::waiting) return s.retry_at;
  if (s.link != LinkState::connected || s.closing) return std::nullopt;
  std::optional<base::Instant> first;
  const auto consider = [&first](std::optional<base::Instant> at) {
    if (at && (!first || *at < *first)) first = at;
  };
  consider(s.flight.late_at(s.limits.ack_timeout));
  if (s.unanswered_since) consider(*s.unanswered_since + 2 * s.limits.ack_timeout);
  consider(s.look_again_at);
  consider(s.pacer_wakes_at);
  return first;
}

const ForwardStats& Forward::stats() const {
  state_->stats.connected = state_->link == LinkState::connected;
  state_->stats.in_flight_bytes = state_->flight.bytes();
  return state_->stats;
}

}  // namespace selvedge::engine
