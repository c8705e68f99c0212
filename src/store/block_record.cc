#include "store/block_record.h"

#include <algorithm>

namespace selvedge::store {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::uint64_t max_series = 1U << 24;  // bounds what a damaged record can ask for

std::uint64_t distance(std::int64_t a, std::int64_t b) {
  return static_cast<std::uint64_t>(b) - static_cast<std::uint64_t>(a);
}

void put_times(base::Writer& out, std::int64_t first, std::int64_t last) {
  out.svarint(first);
  out.varint(distance(first, last));
}

void take_times(base::Reader& in, std::int64_t& first, std::int64_t& last) {
  first = in.svarint();
  last = static_cast<std::int64_t>(static_cast<std::uint64_t>(first) + in.varint());
}

void put_entry(base::Writer& out, const SegmentEntry& e) {
  out.varint(e.segment);
  out.varint(e.first);
  out.varint(e.last);
  out.varint(e.blocks);
  out.varint(e.bytes);
  put_times(out, e.first_time, e.last_time);
  out.svarint(e.newest_ms);
}

SegmentEntry take_entry(base::Reader& in) {
  SegmentEntry e;
  e.segment = static_cast<std::uint32_t>(in.varint());
  e.first = in.varint();
  e.last = in.varint();
  e.blocks = in.varint();
  e.bytes = in.varint();
  take_times(in, e.first_time, e.last_time);
  e.newest_ms = in.svarint();
  return e;
}

}  // namespace

const Chain* SegmentIndex::find(std::uint32_t series) const {
  const auto at = std::lower_bound(chains.begin(), chains.end(), series,
                                   [](const auto& chain, std::uint32_t s) { return chain.first < s; });
  return at != chains.end() && at->first == series ? &at->second : nullptr;
}

void put_position(base::Writer& out, Position p) {
  out.varint(p.segment());
  out.varint(p.offset());
}

Position take_position(base::Reader& in) {
  const std::uint64_t segment = in.varint() & UINT32_MAX;
  return {segment << 32 | (in.varint() & UINT32_MAX)};
}

void put_header(base::Bytes& bytes, const BlockHeader& h, const std::vector<SeriesMark>& marks) {
  bytes.clear();
  base::Writer out(bytes);
  out.u8(version);
  out.u64(h.epoch);
  out.varint(h.next_seq);
  put_position(out, h.floor);
  h.delivered.put(out);
  out.varint(h.directory.size());
  for (const SegmentEntry& e : h.directory) put_entry(out, e);
  const auto has_block = [](const SeriesMark& m) { return m.last_time >= m.first_time; };
  out.varint(static_cast<std::uint64_t>(std::count_if(marks.begin(), marks.end(), has_block)));
  std::size_t before = 0;
  for (std::size_t series = 0; series < marks.size(); ++series) {
    if (!has_block(marks[series])) continue;
    out.varint(series - before);
    put_position(out, marks[series].through);
    put_times(out, marks[series].first_time, marks[series].last_time);
    before = series;
  }
}

bool take_header(base::BytesView payload, BlockHeader& h, std::vector<SeriesMark>& marks) {
  base::Reader in(payload);
  if (in.u8() != version) return false;
  h.epoch = in.u64();
  h.next_seq = in.varint();
  h.floor = take_position(in);
  if (!h.delivered.take(in)) return false;
  const std::uint64_t entries = in.varint();
  if (!in.ok() || entries > in.remaining()) return false;
  for (std::uint64_t i = 0; i < entries; ++i) h.directory.push_back(take_entry(in));
  const std::uint64_t count = in.varint();
  std::uint64_t series = 0;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const std::uint64_t step = in.varint();
    if (step > max_series || (series += step) > max_series) return false;
    if (marks.size() <= series) marks.resize(static_cast<std::size_t>(series) + 1);
    SeriesMark& mark = marks[static_cast<std::size_t>(series)];
    mark.through = take_position(in);
    take_times(in, mark.first_time, mark.last_time);
  }
  return in.ok() && in.at_end();
}

void put_index(base::Bytes& bytes, const SegmentIndex& index) {
  bytes.clear();
  base::Writer out(bytes);
  out.varint(index.segment);
  out.varint(index.chains.size());
  std::uint32_t before = 0;
  for (const auto& [series, chain] : index.chains) {
    out.varint(series - before);
    out.varint(chain.last.offset());
    put_times(out, chain.first_time, chain.last_time);
    before = series;
  }
  out.varint(index.places.size());
  Place last;
  for (const Place& place : index.places) {
    out.varint(place.seq - last.seq);
    out.varint(place.offset - last.offset);
    last = place;
  }
}

bool take_index(base::BytesView payload, SegmentIndex& index) {
  base::Reader in(payload);
  index.segment = static_cast<std::uint32_t>(in.varint());
  const std::uint64_t chains = in.varint();
  if (!in.ok() || chains > in.remaining()) return false;
  std::uint64_t series = 0;
  for (std::uint64_t i = 0; i < chains && in.ok(); ++i) {
    Chain chain;
    series += in.varint();
    chain.last = {std::uint64_t{index.segment} << 32 | (in.varint() & UINT32_MAX)};
    take_times(in, chain.first_time, chain.last_time);
    index.chains.emplace_back(static_cast<std::uint32_t>(series), chain);
  }
  const std::uint64_t places = in.varint();
  if (!in.ok() || places > in.remaining()) return false;
  Place place;
  for (std::uint64_t i = 0; i < places && in.ok(); ++i) {
    place.seq += in.varint();
    place.offset += static_cast<std::uint32_t>(in.varint());
    index.places.push_back(place);
  }
  return in.ok() && in.at_end();
}

void put_block_head(base::Bytes& bytes, const BlockRecord& r) {
  bytes.clear();
  base::Writer out(bytes);
  out.varint(r.seq);
  out.varint(r.series);
  out.svarint(r.sealed_ms);
  put_position(out, r.through);
  out.varint(r.back);
}

bool take_block(base::BytesView payload, BlockRecord& r) {
  base::Reader in(payload);
  r.seq = in.varint();
  const std::uint64_t series = in.varint();
  r.sealed_ms = in.svarint();
  r.through = take_position(in);
  r.back = in.varint();
  r.series = static_cast<std::uint32_t>(series);
  r.frame = in.rest();
  return in.ok() && series <= max_series && r.seq > 0;
}

bool take_block(const Record& from, BlockRecord& r) {
  r.local = from.kind == block_local;
  return (from.kind == block_block || r.local) && take_block(from.payload, r);
}

}  // namespace selvedge::store
