// Tokens: the size of a residual as one of 30 symbols, and the bits that remain.
//
// A residual e is coded as v = e, or -e - 1 if it is negative, under a shift s, which follows from the
// size of the residuals before it (its context): a = floor(v / 2^s). Up to 7 a symbol is one a and the
// sign; above, a range of a and the sign. The place within the range and the s low bits of v follow as
// raw bits. The last range has no end: its place is sent with its length.
//
// Contexts are half octaves of a running mean of |e|, kept in sixteenths and made of what the symbols
// alone tell, so that raw bits can be read later. Numbers and layout: docs/spec/block.md.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace selvedge::codec::tokens {

inline constexpr unsigned symbols = 32;          // of which the last two are never used
inline constexpr unsigned used_symbols = 30;
inline constexpr unsigned sizes = 101;           // contexts by size
inline constexpr unsigned classes = 4;           // and, in one mode, by how the last residual compared
inline constexpr unsigned open_range = 14;

// Where each range of a begins, its raw bits, and its middle.
inline constexpr std::array<std::uint8_t, 16> range_start = {0, 1, 2,  3,  4,  5,  6,   7,
                                                             8, 12, 16, 24, 32, 64, 128, 0};
inline constexpr std::array<std::uint8_t, 16> range_bits = {0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 3, 3, 5, 6, 0, 0};
inline constexpr std::array<std::uint8_t, 16> range_middle = {0, 1, 2,  3,  4,  5,  6,   7,
                                                              9, 13, 19, 27, 45, 90, 200, 200};

inline unsigned range_of(std::uint64_t a) {
  if (a < 8) return static_cast<unsigned>(a);
  if (a < 32) return (a < 16 ? 8 : 10) + static_cast<unsigned>(a < 16 ? a >= 12 : a >= 24);
  return a < 64 ? 12 : a < 128 ? 13 : open_range;
}

// The shift of a context.
inline constexpr unsigned shift_of(unsigned size) { return size < 5 ? 0 : (size + 1) / 2 - 2; }

// The context of a running mean in sixteenths: half octaves of mean + 1, cut at 1.25 and 1.75.
inline unsigned size_of(std::uint64_t mean) {
  const std::uint64_t m = mean + 16;
  const unsigned top = 63 - static_cast<unsigned>(std::countl_zero(m));
  const unsigned quarter = static_cast<unsigned>(m >> (top - 2)) & 3;
  return std::min(2 * (top - 4) + (quarter + 1) / 2, sizes - 1);
}

// |e| in sixteenths as a symbol tells it, without and with a shift, before the shift.
struct Magnitudes {
  std::array<std::uint16_t, symbols> at[2];
  constexpr Magnitudes() : at{} {
    for (unsigned s = 0; s < symbols; ++s) {
      at[0][s] = static_cast<std::uint16_t>(16u * (range_middle[s / 2] + (s & 1)));
      at[1][s] = static_cast<std::uint16_t>(16u * range_middle[s / 2] + 8);
    }
  }
};
inline constexpr Magnitudes magnitudes;

// Values are coded in groups of four, and a group shares its context, so that four symbols are found in
// one table at once. How the mean of a context's residuals moves: to the last group's, half way or a
// quarter of the way; and in the last mode, half way, with how the group's last residual compared.
inline constexpr unsigned group = 4;
enum class Mode : std::uint8_t { last_group = 0, halves = 1, quarters = 2, halves_and_last = 3 };
inline constexpr unsigned contexts_of(Mode mode) { return mode == Mode::halves_and_last ? sizes * classes : sizes; }

// What a segment remembers of the groups before.
struct Trail {
  std::uint64_t mean = 0;
  unsigned last = 0;                             // class of the last residual; 0 in the other modes
};

// `total` of the `count` sizes in a group (0 to 4), `last` the last of them; before the shift.
template <Mode mode>
inline void follow(Trail& trail, std::uint64_t total, unsigned last, unsigned count, unsigned shift) {
  const std::uint64_t mean = (total << shift) / count;
  if constexpr (mode == Mode::halves_and_last) {
    const std::uint64_t size = std::uint64_t{last} << shift;
    trail.last = size == 0 ? 0u : 1u + (size >= mean) + (size >= 2 * mean);
  }
  if constexpr (mode == Mode::last_group)
    trail.mean = mean;
  else if constexpr (mode == Mode::quarters)
    trail.mean = trail.mean - trail.mean / 4 + mean / 4;
  else
    trail.mean = trail.mean - trail.mean / 2 + mean / 2;
}

// The mean that a block begins with, from its context.
inline constexpr std::uint64_t first_mean(unsigned size) {
  return ((size & 1 ? std::uint64_t{24} : std::uint64_t{16}) << (size / 2)) - 16;
}

// How residuals are shared out: in up to four segments of the same length but for the last, whose groups are
// coded in turn; and with one state for all, or one for each place in a segment's group.
struct Segments {
  unsigned count, states;
  std::size_t length, end;
  explicit Segments(std::size_t residuals)
      : count(residuals < 512 ? 1 : residuals < 2048 ? 2 : 4),
        states(residuals < 256 ? 1 : group * count),
        length((residuals + group * count - 1) / (group * count) * group),
        end(residuals) {}
  std::size_t groups() const { return length / group; }
  // Values of a segment's group: how many (0 to 4) and where they begin.
  std::size_t start(unsigned segment, std::size_t index) const { return segment * length + group * index; }
  unsigned size(unsigned segment, std::size_t index) const {
    const std::size_t begin = start(segment, index), limit = std::min((segment + 1) * length, end);
    return begin >= limit ? 0 : static_cast<unsigned>(std::min<std::size_t>(group, limit - begin));
  }
  unsigned state(unsigned segment, unsigned place) const { return states == 1 ? 0 : segment * group + place; }
};
inline constexpr unsigned most_segments = 4, most_states = most_segments * group;

}  // namespace selvedge::codec::tokens
