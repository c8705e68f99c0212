// LateReadings: is a reading that is not newer than its series already in a sealed block?
//
// The blocks that hold its time are decoded once and kept, with the stretch of time for which they are
// all there are, so that a device which sends yesterday again costs one look-up for each block
// and not one for each reading.

#pragma once

#include <cstdint>
#include <list>

#include "base/result.h"
#include "codec/series/frame.h"
#include "store/block_log.h"

namespace selvedge::store {

class LateReadings {
 public:
  explicit LateReadings(BlockLog& blocks) : blocks_(blocks) {}

  // Without a value: any reading of that time.
  base::Result<bool> contains(std::uint32_t series, std::int64_t time, const model::ValueView* value);
  // A further block of the series exists: what is known of it may be out of date.
  void forget(std::uint32_t series);

 private:
  static constexpr std::size_t max_stretches = 8;
  static constexpr std::size_t max_readings = 64 << 10;  // in all stretches

  // For times within (low, high) the blocks hold exactly these readings, in time order.
  struct Stretch {
    std::uint32_t series = 0;
    std::int64_t low = INT64_MIN, high = INT64_MAX;
    std::vector<codec::Columns> blocks;
    std::size_t readings = 0;
  };

  base::Result<const Stretch*> stretch(std::uint32_t series, std::int64_t time);

  BlockLog& blocks_;
  std::list<Stretch> stretches_;  // most recently used first
};

}  // namespace selvedge::store
