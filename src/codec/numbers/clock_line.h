// Clock line: where the ticks of a timer would be, and how the offsets of real times from it are made
// small: the arithmetic that encoder and decoder share. Layout: docs/spec/block.md, "Clock".
//
// All arithmetic is modulo 2^64, so that hostile numbers do no harm.

#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace selvedge::codec {

inline constexpr std::uint64_t most_slots = (1ULL << 31) - 1;

// Tick k of a clock is at k * whole + (start + k * fraction) / 2^32, rounded down, in units after the
// first time.
struct ClockLine {
  std::uint64_t whole = 0;
  std::uint32_t fraction = 0;
  std::int64_t start = 0;                        // in 2^-32 units

  // From the block's ends, `span` units and `slots` (1 to most_slots) apart, and what the least
  // squares differ from that. `fine` adds 6 bits to the precision of both corrections.
  static ClockLine through(std::uint64_t span, std::uint64_t slots, std::int64_t slope, std::int64_t start,
                           bool fine) {
    const unsigned extra = fine ? 6 : 0;
    const unsigned precision = std::min(31u, static_cast<unsigned>(std::bit_width(slots)) + extra);
    const std::uint64_t remainder = ((span % slots) << 32) / slots;
    const std::uint64_t parts = remainder + (static_cast<std::uint64_t>(slope) << (32 - precision));
    ClockLine line;
    line.whole = span / slots + static_cast<std::uint64_t>(static_cast<std::int64_t>(parts) >> 32);
    line.fraction = static_cast<std::uint32_t>(parts);
    line.start = static_cast<std::int64_t>(static_cast<std::uint64_t>(start) << (32 - extra));
    return line;
  }
  std::uint64_t at(std::uint64_t slot) const {
    const std::uint64_t parts = static_cast<std::uint64_t>(start) + slot * fraction;
    return slot * whole + static_cast<std::uint64_t>(static_cast<std::int64_t>(parts) >> 32);
  }
};

// Follows the offsets with a share of 2^-shift: 0 for a clock whose jitter adds up (a poll that waits
// for the one before), more for one that keeps to its timer but wanders. In 1/256 of a unit.
class Follower {
 public:
  static constexpr unsigned off = 15, most_shift = 8;
  explicit Follower(unsigned shift) : shift_(shift) {}
  static bool is_valid(unsigned shift) { return shift <= most_shift || shift == off; }

  std::uint64_t expected() const {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(level_ + 128) >> 8);
  }
  // `by`: how far the offset lay from what was expected.
  void learn(std::uint64_t by) {
    if (shift_ <= most_shift) level_ += by << (8 - shift_);
  }

 private:
  unsigned shift_;
  std::uint64_t level_ = 0;
};

}  // namespace selvedge::codec
