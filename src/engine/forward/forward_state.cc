#include "engine/forward/forward_state.h"

#include <algorithm>

namespace selvedge::engine {

using model::BlockSeq;
using model::number;

Forward::State::State(ForwardLimits l, model::Epoch e, BlockSeq first, BlockSeq last)
    : limits(l), most_ranges(std::max<std::size_t>(2, l.ranges)), epoch(e),
      first_of_run(number(last) + 1),
      low(first == BlockSeq::none ? first_of_run : std::min(number(first), first_of_run)),
      last_sealed(number(last)), known_from(first_of_run), cursor(low), live_next(first_of_run),
      done(most_ranges), lost(most_ranges), backoff(l.backoff_first, l.backoff_max),
      pacer(l.bytes_per_second) {}

// ---- what to send

std::uint64_t Forward::State::window(Lane lane) const {
  const std::uint64_t bytes =
      lane == Lane::live ? limits.live_window_bytes : limits.backlog_window_bytes;
  return std::max<std::uint64_t>(1, bytes);
}

// Room for a whole message, or for all that waits, so that a window is overrun only by a block that
// is larger than a batch, and by no more than it is larger. An empty window takes anything.
bool Forward::State::has_room(Lane lane, std::uint64_t wanted) const {
  const std::uint64_t used = flight.bytes(lane);
  if (used == 0) return true;
  return used < window(lane) && window(lane) - used >= std::min(wanted, limits.batch_bytes);
}

std::uint64_t Forward::State::first_unsent(std::uint64_t from) const {
  const auto& live = question(Lane::live);
  std::uint64_t at = std::max(from, low);
  while (true) {
    if (const auto range = done.find(at)) at = range->second + 1;
    else if (const auto run = flight.find(at)) at = run->second + 1;
    else if (live && number(live->first) <= at && at <= number(live->last))
      at = number(live->last) + 1;
    else return at;
  }
}

// The last block before the next that is not to be sent, or is live.
std::uint64_t Forward::State::last_unsent(std::uint64_t first) const {
  std::uint64_t end = live_next;
  if (const auto next = done.next_start(first)) end = std::min(end, *next);
  if (const auto next = flight.next_start(first)) end = std::min(end, *next);
  const auto& live = question(Lane::live);
  if (live && number(live->first) > first) end = std::min(end, number(live->first));
  return end - 1;
}

void Forward::State::ask(Lane lane, std::uint64_t first, std::uint64_t last, ForwardOutputs& out) {
  const std::uint64_t used = flight.bytes(lane);
  const std::uint64_t room = used < window(lane) ? window(lane) - used : 0;
  SendBlocks send;
  send.first = BlockSeq{first};
  send.last = BlockSeq{last};
  send.live = lane == Lane::live;
  send.max_bytes = std::max<std::uint64_t>(
      1, std::min({limits.batch_bytes, room, pacer.largest_message()}));
  question(lane) = send;
  out.sends.push_back(send);
}

bool Forward::State::ask_live(ForwardOutputs& out) {
  if (question(Lane::live) || live_next > last_sealed || !has_room(Lane::live, live_bytes) ||
      flight.messages() >= most_ranges)
    return false;
  ask(Lane::live, live_next, last_sealed, out);
  return true;
}

bool Forward::State::ask_backlog(ForwardOutputs& out) {
  // Half of the messages are kept for live blocks.
  if (question(Lane::backlog) || !has_room(Lane::backlog, limits.batch_bytes) ||
      flight.messages() >= most_ranges / 2)
    return false;
  cursor = first_unsent(cursor);
  if (cursor >= live_next) return false;
  ask(Lane::backlog, cursor, last_unsent(cursor), out);
  return true;
}

bool Forward::State::anything_to_send() const {
  return live_next <= last_sealed || first_unsent(cursor) < live_next;
}

void Forward::State::fill(base::Instant now, ForwardOutputs& out) {
  pacer_wakes_at.reset();
  if (link != LinkState::connected || closing) return;
  if (!pacer.limits()) {
    ask_live(out);
    ask_backlog(out);
    return;
  }
  // One message at a time, so that the rate is kept and live blocks wait for one at most.
  if (question(Lane::live) || question(Lane::backlog)) return;
  if (!pacer.may_send(now)) {
    if (anything_to_send()) pacer_wakes_at = pacer.free_at();
    return;
  }
  if (!ask_live(out)) ask_backlog(out);
}

void Forward::State::connect(ForwardOutputs& out) {
  link = LinkState::connecting;
  out.connect = true;
}

// ---- what became of it

bool Forward::State::answers(const SendBlocks& asked) {
  auto& open = question(asked.live ? Lane::live : Lane::backlog);
  if (!open || open->first != asked.first || open->last != asked.last) return false;
  open.reset();
  return true;
}

// Puts the blocks that count into `sent`; returns the last block the answer speaks of.
std::uint64_t Forward::State::take_answer(const SendBlocks& asked,
                                          const std::vector<BlockSeq>& blocks,
                                          std::vector<std::uint64_t>& sent, base::Instant now) {
  std::uint64_t next = number(asked.first);
  const std::uint64_t last = number(asked.last);
  for (const BlockSeq seq : blocks) {
    const std::uint64_t block = number(seq);
    if (block < next || block > last) continue;
    left_out(next, block - 1, now);
    next = block + 1;
    // It may have been acknowledged or dropped between the question and the answer.
    if (block < low || done.find(block) || flight.find(block)) continue;
    sent.push_back(block);
    if (!lost.find(block)) continue;
    lost.remove(block, block);
    ++stats.blocks_resent;
  }
  if (next > number(asked.first)) return next - 1;
  left_out(next, last, now);  // nothing that was asked for
  return last;
}

// The host passed over these blocks: those of an earlier run are delivered, the others must be
// there, and are looked for again later.
void Forward::State::left_out(std::uint64_t first, std::uint64_t last, base::Instant now) {
  first = std::max(first, low);
  if (first > last) return;
  if (last >= known_from && !look_again_at) look_again_at = now + limits.ack_timeout;
  if (first < known_from) settle(first, std::min(last, known_from - 1));
}

// These blocks need not be sent any more.
void Forward::State::settle(std::uint64_t first, std::uint64_t last) {
  lost.remove(first, last);
  first = std::max(first, low);
  if (first > last) return;
  if (first == low) low = last + 1;
  // Without room for the range the store is asked again, and answers without these blocks.
  else if (!done.add(first, last)) known_from = std::max(known_from, last + 1);
  while (const auto range = done.find(low)) {
    low = range->second + 1;
    done.remove(range->first, range->second);
  }
  move_live(low);
}

// Nothing before `next` is live any more. What is left has its share of the bytes, as blocks are not
// weighed one by one.
void Forward::State::move_live(std::uint64_t next) {
  if (next <= live_next) return;
  const std::uint64_t waited = last_sealed + 1 - live_next;
  const std::uint64_t left = last_sealed + 1 - std::min(next, last_sealed + 1);
  live_bytes = waited == 0 ? 0 : live_bytes / waited * left;
  live_next = next;
}

// These blocks were sent in vain.
void Forward::State::lose(const Ranges& ranges) {
  for (const auto& [first, last] : ranges) {
    // Without room for the range an acknowledgement that comes late is not believed.
    lost.add(first, last);
    cursor = std::min(cursor, first);
  }
}

// Takes note that first..last are committed; returns which of them were not known to be.
Forward::State::Ranges Forward::State::acknowledge(std::uint64_t first, std::uint64_t last) {
  first = std::max(first, low);
  last = std::min(last, last_sealed);
  if (first > last) return {};
  Ranges fresh;
  if (first < first_of_run) {
    fresh = done.outside(first, std::min(last, first_of_run - 1));
    flight.take(first, std::min(last, first_of_run - 1));
    first = first_of_run;
  }
  if (first <= last) {
    for (const auto& range : flight.take(first, last)) fresh.push_back(range);
    for (const auto& range : lost.inside(first, last)) fresh.push_back(range);
  }
  std::ranges::sort(fresh);
  Ranges joined;
  for (const auto& [a, b] : fresh) {
    settle(a, b);
    if (!joined.empty() && joined.back().second + 1 == a) joined.back().second = b;
    else joined.emplace_back(a, b);
  }
  return joined;
}

}  // namespace selvedge::engine
