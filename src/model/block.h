// Block: many readings of one series, encoded once on the node and never changed again.
//
// The same bytes (the frame) lie in the node's store, cross the uplink and rest in the cloud. Its
// identity is (node, store epoch, sequence): delivering it twice is harmless, for ever.

#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/time.h"
#include "model/reading.h"

namespace selvedge::model {

// Made at random when a node's store is created, so that a store that began anew is told apart.
enum class Epoch : std::uint64_t {};

// Grows by one with every block of an epoch, starting at 1.
enum class BlockSeq : std::uint64_t { none = 0 };

inline std::uint64_t number(BlockSeq seq) { return static_cast<std::uint64_t>(seq); }
inline BlockSeq next(BlockSeq seq) { return BlockSeq{number(seq) + 1}; }

// What a frame's header says of its readings without decoding them. For text and boolean series the
// numeric fields describe lengths and 0/1.
struct BlockSummary {
  Kind kind = Kind::float64;
  std::uint8_t codec = 0;
  std::uint32_t count = 0;
  base::Time first_time{}, last_time{};    // smallest and largest time in the block
  double min = 0, max = 0, sum = 0, first = 0, last = 0;
  std::uint32_t nan_count = 0;  // counted, but not in min, max and sum (unless all are NaN)
};

struct Block {
  BlockSeq seq{};
  SeriesId series{};
  base::Bytes frame;
};

}  // namespace selvedge::model
