// Finding blocks again: by series and time through chains, by number through places.

#include <algorithm>

#include "store/block_log.h"

namespace selvedge::store {
namespace {

using base::Code;

constexpr std::size_t index_cache_bytes = 4 << 20;

bool overlaps(std::int64_t first, std::int64_t last, std::int64_t from, std::int64_t to) {
  return first <= to && last >= from;
}

}  // namespace

const SegmentIndex* BlockLog::index(std::uint32_t segment) {
  const auto known = std::find_if(indexes_.begin(), indexes_.end(),
                                  [&](const SegmentIndex& i) { return i.segment == segment; });
  if (known != indexes_.end()) {
    indexes_.splice(indexes_.begin(), indexes_, known);
  } else {
    auto loaded = load_index(segment);
    if (!loaded) return nullptr;
    indexes_.push_front(std::move(*loaded));
  }
  std::size_t memory = 0;
  for (auto i = indexes_.begin(); i != indexes_.end(); ++i) {
    memory += i->memory();
    if (memory <= index_cache_bytes || i == indexes_.begin()) continue;
    indexes_.erase(i, indexes_.end());
    break;
  }
  return &indexes_.front();
}

base::Result<SegmentIndex> BlockLog::load_index(std::uint32_t segment) {
  const auto entry = std::find_if(directory_.begin(), directory_.end(),
                                  [&](const SegmentEntry& e) { return e.segment == segment; });
  const auto after = entry == directory_.end() ? entry : std::next(entry);
  if (after != directory_.end()) {
    // The index is the second record of the segment after it.
    SegmentIndex found;
    bool whole = false;
    int records = 0;
    TRY(log_->scan({std::uint64_t{after->segment} << 32}, [&](const Record& record) {
      if (record.kind == block_index) whole = take_index(record.payload, found);
      return ++records < 2;
    }));
    if (whole && found.segment == segment) return found;
  }
  return build_index(segment);
}

base::Result<SegmentIndex> BlockLog::build_index(std::uint32_t segment) {
  SegmentIndex built;
  built.segment = segment;
  std::vector<Chain> chains;
  TRY(log_->scan({std::uint64_t{segment} << 32}, [&](const Record& record) {
    if (record.at.segment() != segment) return false;
    BlockRecord block;
    if (!take_block(record, block)) return true;
    const auto summary = codec::read_summary(block.frame);
    if (!summary) return true;
    if (chains.size() <= block.series) chains.resize(block.series + 1);
    Chain& chain = chains[block.series];
    chain.last = record.at;
    chain.first_time = std::min(chain.first_time, summary->first_time.ns);
    chain.last_time = std::max(chain.last_time, summary->last_time.ns);
    if (built.places.empty() || record.at.offset() - built.places.back().offset >= (64 << 10))
      built.places.push_back({block.seq, record.at.offset()});
    return true;
  }));
  for (std::size_t series = 0; series < chains.size(); ++series)
    if (chains[series].last.value != 0)
      built.chains.emplace_back(static_cast<std::uint32_t>(series), chains[series]);
  return built;
}

const Chain* BlockLog::chain(const SegmentEntry& e, std::uint32_t series) {
  if (is_current(e)) {
    if (series >= chains_.size() || chains_[series].last.segment() != e.segment) return nullptr;
    return &chains_[series];
  }
  const SegmentIndex* const found = index(e.segment);
  return found == nullptr ? nullptr : found->find(series);
}

base::Result<std::vector<BlockLog::Link>> BlockLog::links(const Chain& chain) {
  std::vector<Link> found;
  Position at = chain.last;
  for (;;) {
    const auto kind = log_->read(at, payload_);
    BlockRecord block;
    // Damage breaks the chain: what lies before it is not found by series any more.
    if (!kind && kind.error().code != Code::corrupt) return std::unexpected(kind.error());
    if (!kind || !take_block(Record{at, *kind, payload_}, block)) break;
    if (const auto summary = codec::read_summary(block.frame)) found.push_back({at, *summary});
    if (block.back == 0 || block.back > at.offset()) break;
    at.value -= block.back;
  }
  std::reverse(found.begin(), found.end());
  return found;
}

base::Result<bool> BlockLog::show(Position at, const Visit& visit) {
  base::Bytes payload;
  TRY(log_->read(at, payload));
  BlockRecord block;
  if (!take_block(payload, block)) return base::fail(Code::corrupt, "read a damaged block record");
  const model::BlockSummary summary = TRY(codec::read_summary(block.frame));
  return visit(summary, block.frame);
}

base::Result<void> BlockLog::visit(std::uint32_t series, std::int64_t from, std::int64_t to,
                                   const Visit& visit) {
  const SeriesMark& known = mark(series);
  if (overlaps(known.first_time, known.last_time, from, to)) {
    for (std::size_t i = 0; i < directory_.size(); ++i) {
      const SegmentEntry entry = directory_[i];
      if (!overlaps(entry.first_time, entry.last_time, from, to)) continue;
      const Chain* const found = chain(entry, series);
      if (found == nullptr || !overlaps(found->first_time, found->last_time, from, to)) continue;
      for (const Link& link : TRY(links(*found))) {
        if (!overlaps(link.summary.first_time.ns, link.summary.last_time.ns, from, to)) continue;
        if (!TRY(show(link.at, visit))) return {};
      }
    }
  }
  for (const Waiting& w : waiting_)
    if (w.record.series == series &&
        overlaps(w.summary.first_time.ns, w.summary.last_time.ns, from, to) &&
        !visit(w.summary, w.frame))
      return {};
  return {};
}

base::Result<void> BlockLog::around(std::uint32_t series, std::int64_t at, std::int64_t& low,
                                    std::int64_t& high, const Visit& visit) {
  // Takes the extent of a block, or of a whole chain, into account; true if it holds `at`.
  const auto narrow = [&](std::int64_t first, std::int64_t last) {
    if (last < first) return false;
    if (last < at) low = std::max(low, last);
    if (first > at) high = std::min(high, first);
    if (last < at || first > at) return false;
    if (first > INT64_MIN) low = std::max(low, first - 1);
    if (last < INT64_MAX) high = std::min(high, last + 1);
    return true;
  };
  for (const SegmentEntry& e : std::vector<SegmentEntry>(directory_)) {
    if (e.blocks == 0) continue;
    if (at < e.first_time || at > e.last_time) {
      narrow(e.first_time, e.last_time);
      continue;
    }
    const Chain* const found = chain(e, series);
    if (found == nullptr) continue;
    if (at < found->first_time || at > found->last_time) {
      narrow(found->first_time, found->last_time);
      continue;
    }
    for (const Link& link : TRY(links(*found)))
      if (narrow(link.summary.first_time.ns, link.summary.last_time.ns) &&
          !TRY(show(link.at, visit)))
        return {};
  }
  for (const Waiting& w : waiting_)
    if (w.record.series == series && narrow(w.summary.first_time.ns, w.summary.last_time.ns) &&
        !visit(w.summary, w.frame))
      return {};
  return {};
}

Position BlockLog::place_of(std::uint64_t seq) {
  for (const SegmentEntry& e : directory_) {
    if (e.blocks == 0 || e.last < seq) continue;
    const Position start{std::uint64_t{e.segment} << 32};
    const SegmentIndex* const found = is_current(e) ? nullptr : index(e.segment);
    if (found == nullptr && !is_current(e)) return start;
    const std::vector<Place>& places = found == nullptr ? places_ : found->places;
    const auto after = std::upper_bound(places.begin(), places.end(), seq,
                                        [](std::uint64_t s, const Place& p) { return s < p.seq; });
    return after == places.begin() ? start : Position{start.value + std::prev(after)->offset};
  }
  return log_->end();
}

}  // namespace selvedge::store
