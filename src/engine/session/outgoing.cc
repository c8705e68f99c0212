#include "engine/session/outgoing.h"

#include <algorithm>

namespace selvedge::engine {

void Outgoing::Entry::set_ids(std::span<const std::uint32_t> ids) {
  first_id = ids.empty() ? 0 : ids[0];
  more_ids.reset();
  if (ids.size() > 1) {
    more_ids = std::make_unique<std::vector<std::uint32_t>>(ids.begin(), ids.end());
  }
}

std::span<const std::uint32_t> Outgoing::Entry::ids() const {
  if (more_ids) return *more_ids;
  return {&first_id, first_id == 0 ? 0u : 1u};
}

// Identifiers are given in a circle. How far it is from here to the next one in use is found by
// looking through the queue, once for that many identifiers.
std::uint16_t Outgoing::take_id() {
  while (known_free_ == 0) {
    if (next_ == 0) next_ = 1;
    std::uint32_t gap = 65'536u - next_;   // up to the end of the circle
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const std::uint16_t used = entries_[i].packet_id;
      if (used >= next_) gap = std::min<std::uint32_t>(gap, static_cast<std::uint32_t>(used - next_));
    }
    known_free_ = gap;
    if (gap > 0) break;
    if (entries_.size() >= 65'535) return 0;
    ++next_;
  }
  --known_free_;
  return next_++;
}

void Outgoing::push(Entry entry, QueueTotals& totals) {
  bytes_ += entry_bytes;
  totals.bytes += entry_bytes;
  ++totals.messages;
  if (entry.packet_id == 0) ++without_id_;
  if (entry.message) {
    bytes_ += entry.message->bytes();
    if (entry.message->queues++ == 0) totals.bytes += entry.message->bytes();
    first_expiry_ = std::min(first_expiry_, entry.message->expires());
  }
  entries_.push_back(std::move(entry));
}

void Outgoing::let_go(Entry& entry, QueueTotals& totals) {
  if (!entry.message) return;
  bytes_ -= entry.message->bytes();
  if (--entry.message->queues == 0) totals.bytes -= entry.message->bytes();
  entry.message = {};
}

void Outgoing::release(std::size_t at, QueueTotals& totals) {
  let_go(entries_[at], totals);
  entries_[at].released = true;
}

void Outgoing::remove(std::size_t at, QueueTotals& totals) {
  let_go(entries_[at], totals);
  if (entries_[at].packet_id == 0) --without_id_;
  bytes_ -= entry_bytes;
  totals.bytes -= entry_bytes;
  --totals.messages;
  entries_.erase(at);
  if (at < sent_) --sent_;
  if (entries_.empty()) first_expiry_ = never;
}

void Outgoing::drop_without_id(QueueTotals& totals) {
  for (std::size_t i = 0; without_id_ > 0 && i < entries_.size();) {
    if (entries_[i].packet_id == 0) {
      remove(i, totals);
    } else {
      ++i;
    }
  }
}

std::size_t Outgoing::find_sent(std::uint16_t packet_id) const {
  for (std::size_t i = 0; i < sent_; ++i) {
    if (entries_[i].packet_id == packet_id) return i;
  }
  return none;
}

std::size_t Outgoing::find(std::uint16_t packet_id) const {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].packet_id == packet_id) return i;
  }
  return none;
}

}  // namespace selvedge::engine
