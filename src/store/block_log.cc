#include "store/block_log.h"

#include <algorithm>

#include "base/log.h"

namespace selvedge::store {
namespace {

using base::Code;

constexpr std::uint64_t place_bytes = 64 << 10;
constexpr std::uint64_t waiting_limit = 8 << 20;   // frames that wait for the journal
constexpr std::uint64_t pending_limit = 8 << 20;   // and for their own sync

constexpr SeriesMark no_mark;

}  // namespace

BlockLog::BlockLog(const StoreLimits& limits, std::uint64_t epoch) : limits_(limits), epoch_(epoch) {}

base::Result<std::unique_ptr<BlockLog>> BlockLog::open(std::unique_ptr<os::Dir> dir, os::Loop& loop,
                                                       std::uint32_t lane,
                                                       const StoreLimits& limits,
                                                       std::uint64_t epoch) {
  auto blocks = std::unique_ptr<BlockLog>(new BlockLog(limits, epoch));
  LogLimits log_limits;
  // The bound is kept here, where it is known what is delivered; the log's own is a last resort.
  log_limits.total_bytes = limits.block_bytes + limits.block_bytes / 4;
  log_limits.segment_bytes = std::min(limits.segment_bytes, limits.block_bytes / 4);
  log_limits.pending_bytes = pending_limit;
  log_limits.keep_free_bytes = limits.keep_free_bytes;
  blocks->log_ = TRY(SegmentLog::open(std::move(dir), loop, lane, log_limits, {}));
  TRY(blocks->load());
  blocks->log_->on_new_segment([b = blocks.get()] { b->append_segment_header(); });
  return blocks;
}

base::Result<void> BlockLog::load() {
  const std::vector<std::uint32_t> segments = log_->segments();
  if (segments.empty()) return {};
  const Position from = TRY(find_header());
  reconcile_directory(from.segment());
  TRY(log_->scan(from, [&](const Record& record) {
    if (!current_ || directory_.back().segment != record.at.segment())
      begin_segment(record.at.segment());
    BlockRecord block;
    if (!take_block(record, block)) return true;
    const auto summary = codec::read_summary(block.frame);
    if (!summary) return true;
    note(record.at, block, *summary, record.payload.size());
    if (block.local) delivered_.add(block.seq, block.seq);
    return true;
  }));
  last_durable_ = next_seq_ - 1;
  return {};
}

// The newest segment whose header is whole; everything before it is in that header.
base::Result<Position> BlockLog::find_header() {
  const std::vector<std::uint32_t> segments = log_->segments();
  for (std::size_t i = segments.size(); i-- > 0;) {
    const Position start{std::uint64_t{segments[i]} << 32};
    const auto kind = log_->read(start, payload_);
    if (!kind && kind.error().code != Code::corrupt && kind.error().code != Code::not_found)
      return std::unexpected(kind.error());
    BlockHeader header;
    std::vector<SeriesMark> marks;
    if (!kind || *kind != block_header || !take_header(payload_, header, marks)) continue;
    marks_ = std::move(marks);
    directory_ = std::move(header.directory);
    floor_ = header.floor;
    next_seq_ = header.next_seq;
    if (header.epoch == epoch_) delivered_ = std::move(header.delivered);
    return start;
  }
  return Position{};
}

// Segments may have gone, or come back, since the header was written.
void BlockLog::reconcile_directory(std::uint32_t newest) {
  const std::vector<std::uint32_t> there = log_->segments();
  std::erase_if(directory_, [&](const SegmentEntry& e) {
    return !std::binary_search(there.begin(), there.end(), e.segment);
  });
  for (const std::uint32_t segment : there) {
    const bool known = std::any_of(directory_.begin(), directory_.end(),
                                   [&](const SegmentEntry& e) { return e.segment == segment; });
    if (segment < newest && !known) log_->erase(segment);
  }
  // Numbers that no segment holds any more cannot be delivered.
  std::uint64_t expected = 1;
  for (const SegmentEntry& e : directory_) {
    if (e.blocks == 0) continue;
    if (e.first > expected) delivered_.add(expected, e.first - 1);
    expected = std::max(expected, e.last + 1);
  }
  if (next_seq_ > expected) delivered_.add(expected, next_seq_ - 1);
}

void BlockLog::begin_segment(std::uint32_t segment) {
  SegmentEntry entry;
  entry.segment = segment;
  directory_.push_back(entry);
  places_.clear();
  current_ = true;
}

void BlockLog::note(Position at, const BlockRecord& record, const model::BlockSummary& summary,
                    std::size_t bytes) {
  if (marks_.size() <= record.series) marks_.resize(record.series + 1);
  if (chains_.size() <= record.series) chains_.resize(record.series + 1);
  const std::int64_t first = summary.first_time.ns;
  const std::int64_t last = summary.last_time.ns;
  SeriesMark& mark = marks_[record.series];
  mark.through = std::max(mark.through, record.through);
  mark.first_time = std::min(mark.first_time, first);
  mark.last_time = std::max(mark.last_time, last);

  Chain& chain = chains_[record.series];
  if (chain.last.segment() != at.segment()) chain = Chain{};
  chain.last = at;
  chain.first_time = std::min(chain.first_time, first);
  chain.last_time = std::max(chain.last_time, last);

  if (places_.empty() || at.offset() - places_.back().offset >= place_bytes)
    places_.push_back({record.seq, at.offset()});

  SegmentEntry& entry = directory_.back();
  if (entry.blocks == 0) entry.first = record.seq;
  entry.last = record.seq;
  ++entry.blocks;
  entry.bytes += bytes;
  entry.first_time = std::min(entry.first_time, first);
  entry.last_time = std::max(entry.last_time, last);
  entry.newest_ms = std::max(entry.newest_ms, record.sealed_ms);
  next_seq_ = std::max(next_seq_, record.seq + 1);
}

SegmentIndex BlockLog::close_segment() const {
  SegmentIndex index;
  index.segment = directory_.back().segment;
  for (std::size_t series = 0; series < chains_.size(); ++series)
    if (chains_[series].last.segment() == index.segment)
      index.chains.emplace_back(static_cast<std::uint32_t>(series), chains_[series]);
  index.places = places_;
  return index;
}

// Called by the log when it starts a segment.
void BlockLog::append_segment_header() {
  const std::uint32_t segment = log_->end().segment();
  SegmentIndex index;
  if (current_) index = close_segment();
  BlockHeader header;
  header.epoch = epoch_;
  header.next_seq = waiting_.empty() ? next_seq_ : waiting_.front().record.seq;
  header.floor = floor_;
  header.delivered = delivered_;
  header.directory = directory_;
  put_header(payload_, header, marks_);
  CHECK(log_->append(block_header, payload_));  // a header is always taken
  if (current_) {
    put_index(payload_, index);
    CHECK(log_->append(block_index, payload_));
    indexes_.push_front(std::move(index));
  }
  begin_segment(segment);
}

const SeriesMark& BlockLog::mark(std::uint32_t series) const {
  return series < marks_.size() ? marks_[series] : no_mark;
}

Position BlockLog::greatest_through() const {
  Position greatest = floor_;
  for (const SeriesMark& mark : marks_) greatest = std::max(greatest, mark.through);
  return greatest;
}

base::Result<void> BlockLog::room() {
  if (waiting_bytes_ >= waiting_limit)
    return base::fail(Code::exhausted, "seal a block: too many wait for the disk");
  if (!reclaim(waiting_bytes_ + (64 << 10)))
    return base::fail(Code::exhausted, "seal a block: the block log is full of undelivered blocks");
  return {};
}

model::BlockSeq BlockLog::add(std::uint32_t series, Position through, Position first,
                              base::Time sealed_at, const model::BlockSummary& summary,
                              base::Bytes frame, bool local) {
  Waiting w;
  w.record.seq = next_seq_++;
  w.record.series = series;
  w.record.sealed_ms = sealed_at.ns / 1'000'000;
  w.record.through = through;
  w.record.local = local;
  w.first = first;
  w.summary = summary;
  waiting_bytes_ += frame.size();
  w.frame = std::move(frame);
  waiting_.push_back(std::move(w));
  return model::BlockSeq{waiting_.back().record.seq};
}

bool BlockLog::append_front() {
  Waiting& w = waiting_.front();
  log_->prepare(w.frame.size() + 64);
  BlockRecord& record = w.record;
  const std::uint32_t segment = log_->end().segment();
  const Position before =
      record.series < chains_.size() ? chains_[record.series].last : Position{};
  record.back = before.segment() == segment ? log_->end().value - before.value : 0;
  put_block_head(head_, record);
  const auto at = log_->append(record.local ? block_local : block_block, head_, w.frame);
  if (!at) return false;
  CHECK(at->segment() == segment);
  note(*at, record, w.summary, head_.size() + w.frame.size());
  in_flight_.push_back({record.seq, w.frame.size(), w.first, record.local});
  waiting_bytes_ -= w.frame.size();
  waiting_.pop_front();
  return true;
}

bool BlockLog::write(Position durable) {
  std::uint64_t appended = 0;
  bool full = false;
  while (!waiting_.empty() && waiting_.front().record.through <= durable) {
    const std::uint64_t seq = waiting_.front().record.seq;
    if (!append_front()) {
      // Of a full disk one segment goes for each attempt; the caller tries again in a while.
      full = true;
      if (log_->stats().full) let_one_go();
      break;
    }
    appended = seq;
  }
  if (appended > 0) log_->commit([this, appended] { became_durable(appended); });
  return !full;
}

void BlockLog::became_durable(std::uint64_t seq) {
  last_durable_ = std::max(last_durable_, seq);
  while (!in_flight_.empty() && in_flight_.front().seq <= seq) {
    const InFlight block = in_flight_.front();
    in_flight_.pop_front();
    // Not before: after a crash the number of a block that was lost is given to another.
    if (block.local) delivered_.add(block.seq, block.seq);
    if (told_) told_(model::BlockSeq{block.seq}, block.bytes, block.local);
  }
}

Position BlockLog::first_needed(Position otherwise) const {
  for (const InFlight& block : in_flight_) otherwise = std::min(otherwise, block.first);
  for (const Waiting& block : waiting_) otherwise = std::min(otherwise, block.first);
  return otherwise;
}

}  // namespace selvedge::store
