// The block log's records. Each segment starts with a header record, so that the log can be opened by
// its last segment alone, and an index record of the segment before, so that a query reads no
// more than it must.
//
//   header (kind 1): u8 version 1, u64 epoch, varint next number, position floor, delivered marks
//     (floor, number of ranges, each gap and length), the directory of the segments before
//     (varint count; each: segment, first and last number, blocks, bytes; svarint first and last time,
//     newest sealed_at in ms), and the marks of all series (varint count; each: varint series -
//     series before, position through, svarint first and last time)
//   index (kind 2): varint segment; varint count of chains, each: varint series - series before,
//     varint offset of the last block, svarint first and last time; varint count of places, each:
//     varint number - number before, varint offset - offset before
//   block (kind 3): varint number, varint series, svarint sealed_at in ms, position through, varint
//     distance to the block before of the same series in this segment (0: none), frame
//   local block (kind 4): the same; it stays on the node and counts as delivered
//
// A position is two varints: segment and offset.

#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/wire.h"
#include "store/delivered.h"
#include "store/segment_log.h"

namespace selvedge::store {

inline constexpr std::uint8_t block_header = 1, block_index = 2, block_block = 3, block_local = 4;

// What the block log knows of one series.
struct SeriesMark {
  Position through;                      // the journal up to here is in blocks
  std::int64_t first_time = INT64_MAX;   // smallest and largest time ever sealed
  std::int64_t last_time = INT64_MIN;
};

// The blocks of one series in one segment, linked from the last to the first.
struct Chain {
  Position last;
  std::int64_t first_time = INT64_MAX, last_time = INT64_MIN;
};

struct SegmentEntry {
  std::uint32_t segment = 0;
  std::uint64_t first = 0, last = 0;     // numbers of blocks
  std::uint64_t blocks = 0, bytes = 0;
  std::int64_t first_time = INT64_MAX, last_time = INT64_MIN;
  std::int64_t newest_ms = INT64_MIN;    // sealed_at
};

struct Place {
  std::uint64_t seq = 0;
  std::uint32_t offset = 0;
};

struct SegmentIndex {
  std::uint32_t segment = 0;
  std::vector<std::pair<std::uint32_t, Chain>> chains;   // by series
  std::vector<Place> places;                             // every 64 KiB or so

  const Chain* find(std::uint32_t series) const;
  std::size_t memory() const { return chains.size() * sizeof chains[0] + places.size() * sizeof(Place); }
};

struct BlockHeader {
  std::uint64_t epoch = 0;
  std::uint64_t next_seq = 1;
  Position floor;                        // the journal before it is in blocks, whatever the series
  Delivered delivered;
  std::vector<SegmentEntry> directory;
};

struct BlockRecord {
  std::uint64_t seq = 0;
  std::uint32_t series = 0;
  std::int64_t sealed_ms = 0;
  Position through;
  std::uint64_t back = 0;
  base::BytesView frame;
  bool local = false;
};

void put_position(base::Writer& out, Position p);
Position take_position(base::Reader& in);

// `marks` is by series number; those without a block are left out.
void put_header(base::Bytes& out, const BlockHeader& header, const std::vector<SeriesMark>& marks);
bool take_header(base::BytesView payload, BlockHeader& header, std::vector<SeriesMark>& marks);
void put_index(base::Bytes& out, const SegmentIndex& index);
bool take_index(base::BytesView payload, SegmentIndex& index);
void put_block_head(base::Bytes& out, const BlockRecord& record);
bool take_block(base::BytesView payload, BlockRecord& record);
// False if the record is no block.
bool take_block(const Record& from, BlockRecord& record);

}  // namespace selvedge::store
