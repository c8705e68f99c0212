// Clock stream: the integers that a clock comes down to (steps, slots passed, offsets from a line), as
// runs of what was expected, in the context of those before, or as dense integers.
//
// Inside of put_clock() and take_clock(). Bounded by the caller's spans; hostile bytes read and write
// nothing outside. Any thread; scratch memory belongs to the thread.

#pragma once

#include <cstdint>
#include <span>

#include "base/wire.h"

namespace selvedge::codec {

// What the integers look like, in a pass: it decides which ways are tried.
struct StreamSurvey {
  std::size_t count = 0;
  std::int64_t centre = 0;                       // the most frequent one, if one is
  std::size_t others = 0;                        // that are not it
  std::size_t near = 0;                          // within 32 of it
  double widths = 0;                             // sum of the others' distances, as about log2

  bool is_constant_mostly() const { return others <= count / 32 + 2; }
  bool is_noise() const { return near <= count / 2 || widths >= 4.5 * static_cast<double>(count); }
};
StreamSurvey survey_stream(std::span<const std::int64_t> integers);

// A stream that is the last thing in a column needs no length.
enum class Place : std::uint8_t { followed, last };

// A draft leaves out the dense way, which takes longest, to see which of several streams is shortest.
enum class Pass : std::uint8_t { draft, final };

// 1 to 2^20 integers. What a period repeats itself over is the difference of `slots`, one for each
// integer, or of indexes if `slots` is empty.
void put_clock_stream(base::Writer& out, std::span<const std::int64_t> integers,
                      std::span<const std::uint32_t> slots, Place place, Pass pass);

bool take_clock_stream(base::Reader& in, std::span<const std::uint32_t> slots, Place place,
                       std::span<std::int64_t> integers);

// About how many bits of noise an integer holds, of some of them. What is far out costs twice its
// width: it is rare and a surprise.
double noise_width(std::span<const std::int64_t> integers);

}  // namespace selvedge::codec
