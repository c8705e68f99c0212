// Delivered blocks, and room: what may be forgotten and when.

#include <algorithm>

#include "base/log.h"
#include "store/block_log.h"

namespace selvedge::store {

bool BlockLog::is_current(const SegmentEntry& e) const {
  return current_ && e.segment == directory_.back().segment;
}

bool BlockLog::let_go(std::size_t entry) {
  const std::uint32_t segment = directory_[entry].segment;
  if (!log_->erase(segment)) return false;
  indexes_.remove_if([&](const SegmentIndex& i) { return i.segment == segment; });
  directory_.erase(directory_.begin() + static_cast<std::ptrdiff_t>(entry));
  return true;
}

// Lets one segment go: the oldest whose blocks are all delivered, else the oldest of all if the
// policy says so.
bool BlockLog::let_one_go() {
  const auto closed = directory_.empty() ? directory_.end() : std::prev(directory_.end());
  const auto delivered = std::find_if(directory_.begin(), closed, [&](const SegmentEntry& e) {
    return e.blocks == 0 || delivered_.contains_all(e.first, e.last);
  });
  if (delivered != closed) return let_go(static_cast<std::size_t>(delivered - directory_.begin()));
  if (limits_.when_full == WhenFull::refuse_new || closed == directory_.begin()) return false;
  const SegmentEntry oldest = directory_.front();
  if (!let_go(0)) return false;
  const std::uint64_t lost = delivered_.add(1, oldest.last);
  dropped_ += lost;
  base::log::warn("store", "dropped undelivered blocks to make room", {{"blocks", lost}});
  if (told_dropped_) told_dropped_(model::BlockSeq{oldest.last + 1});
  return true;
}

// Makes room for `need` bytes more within the bound.
bool BlockLog::reclaim(std::uint64_t need) {
  for (;;) {
    const LogStats& stats = log_->stats();
    if (stats.bytes + stats.pending_bytes + need <= limits_.block_bytes) return true;
    if (!let_one_go()) return false;
  }
}

void BlockLog::set_limits(const StoreLimits& limits) {
  limits_ = limits;
  LogLimits log;
  log.total_bytes = UINT64_MAX;            // reclaim() keeps the bound
  log.keep_free_bytes = limits.keep_free_bytes;
  log_->set_limits(log);
}

void BlockLog::expire(base::Time before) {
  const std::int64_t before_ms = before.ns / 1'000'000;
  while (directory_.size() > 1 && !is_current(directory_.front())) {
    const SegmentEntry& e = directory_.front();
    if (e.blocks > 0 && (e.newest_ms >= before_ms || !delivered_.contains_all(e.first, e.last)))
      return;
    if (!let_go(0)) return;
  }
}

void BlockLog::set_delivered(std::uint64_t first, std::uint64_t last) {
  delivered_.add(std::max<std::uint64_t>(first, 1), std::min(last, last_durable_));
}

std::uint64_t BlockLog::first_undelivered() const {
  const std::uint64_t first = delivered_.first_missing(1);
  return first <= last_durable_ ? first : 0;
}

base::Result<std::vector<StoredBlock>> BlockLog::undelivered(std::uint64_t from,
                                                             std::uint64_t max_bytes) {
  std::vector<StoredBlock> found;
  std::uint64_t expected = delivered_.first_missing(std::max<std::uint64_t>(from, 1));
  if (expected > last_durable_) return found;
  std::uint64_t bytes = 0;
  bool enough = false;
  const auto missing = [&](std::uint64_t before) {
    // Numbers that damage has taken; nobody can send them.
    if (before > expected && !delivered_.contains_all(expected, before - 1)) {
      base::log::error("store", "blocks are damaged and cannot be sent",
                       {{"first", expected}, {"last", before - 1}});
      delivered_.add(expected, before - 1);
    }
  };
  TRY(log_->scan(place_of(expected), [&](const Record& record) {
    BlockRecord block;
    if (!take_block(record, block)) return true;
    if (block.seq < expected) return true;
    if (block.seq > last_durable_) return false;
    missing(block.seq);
    expected = block.seq + 1;
    // Again, as the mark may have been one too many.
    if (block.local) delivered_.add(block.seq, block.seq);
    if (block.local || delivered_.contains(block.seq)) return true;
    if (!found.empty() && bytes + block.frame.size() > max_bytes) {
      enough = true;
      return false;
    }
    bytes += block.frame.size();
    found.push_back({model::BlockSeq{block.seq}, model::SeriesId{block.series},
                     base::Time{block.sealed_ms * 1'000'000},
                     base::Bytes(block.frame.begin(), block.frame.end())});
    enough = bytes >= max_bytes;
    return !enough;
  }));
  if (!enough) missing(last_durable_ + 1);
  return found;
}

void BlockLog::add_stats(StoreStats& s) {
  s.blocks = log_->stats();
  s.blocks_dropped = dropped_;
  for (const SegmentEntry& e : directory_) {
    if (e.blocks == 0) continue;
    const std::uint64_t last = std::min(e.last, last_durable_);
    if (last < e.first) continue;
    const std::uint64_t left = last - e.first + 1 - delivered_.count(e.first, last);
    s.blocks_undelivered += left;
    // By the average of the segment; exact sizes would cost memory for every block.
    s.bytes_undelivered += e.bytes * left / e.blocks;
  }
  const std::uint64_t first = first_undelivered();
  if (first == 0) return;
  if (first != oldest_seq_) {
    const auto block = undelivered(first, 1);
    if (!block || block->empty()) return;
    oldest_seq_ = first;
    oldest_time_ = block->front().sealed_at;
  }
  s.oldest_undelivered = oldest_time_;
}

}  // namespace selvedge::store
