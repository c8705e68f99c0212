// Clock fit: what the encoder finds out about a clock. Decisions here change the size of a column and
// never its meaning.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "codec/numbers/clock_line.h"

namespace selvedge::codec {

// The largest divisor of all steps, as multiple * 10^zeros; 1 if there is none.
struct ClockUnit {
  std::uint64_t multiple = 1;
  unsigned zeros = 0;
  std::uint64_t ns() const;
};
inline constexpr unsigned most_zeros = 15;
ClockUnit unit_of(std::span<const std::int64_t> steps);

// Ticks passed at each step, and in sum.
struct Slots {
  std::vector<std::int64_t> passed;
  std::vector<std::uint32_t> sums;
  bool all_one = true;
};
// Rounds each step to ticks; or, with `step` 0, one tick a reading. False if there are too many.
bool count_slots(std::span<const std::int64_t> steps, std::uint64_t step, Slots& into);

// The corrections to the line through the ends that least squares over the slots give.
struct LineFit {
  std::int64_t slope = 0, start = 0;
  bool fine = false;
};
LineFit fit_line(std::span<const std::uint64_t> offsets, const Slots& slots, bool fine);

// Replaces offsets by what a follower did not expect.
void follow(unsigned shift, std::span<std::int64_t> offsets);

// The shift of the follower that leaves the least, and how much noise.
struct FollowerFit {
  unsigned shift = Follower::off;
  double width = 0;
};
FollowerFit fit_follower(std::span<const std::int64_t> offsets);

}  // namespace selvedge::codec
