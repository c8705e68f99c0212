// Token tables: how likely each symbol is in each context, learned while coding.
//
// A table's entry i is the weight of all symbols below i, of 32,768. Coding and decoding teach it alike:
// with each group every entry moves 2^-rate of the way to where it would be if there were the group's
// symbols and no others, quickly at first. Entries keep rising by 1 at least, so no symbol is ever
// impossible: goals rise by 1, and where two entries differ by 1 the rule keeps them apart. A block begins with tables that are the same everywhere: symbols of residuals
// whose size is a mixture of three Laplace distributions (half the context's mean, the mean, twice).
// The idea of adaptive tables beside rANS: Bloom's and Giesen's notes on LZNA; AV1 (section 8.3) has
// the same rule. Numbers are documented in docs/spec/block.md.

#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "codec/numbers/tokens.h"

namespace selvedge::codec::tokens {

inline constexpr unsigned scale_bits = 15;

// With a shift, all even and all odd contexts are alike but for the first of each.
inline constexpr unsigned first_rows = 9;
extern const std::array<std::array<std::uint16_t, symbols>, first_rows> rows;
inline unsigned row_of(unsigned size) { return size < 7 ? size : 8 - size % 2; }

// The rate after so many groups.
inline constexpr unsigned most_seen = 16;
inline constexpr unsigned rate_of(unsigned seen) { return seen < 3 ? 2 : seen < 6 ? 3 : seen < 16 ? 4 : 5; }
struct Rates {
  std::array<std::uint8_t, most_seen + 1> of{};
  constexpr Rates() {
    for (unsigned i = 0; i <= most_seen; ++i) of[i] = static_cast<std::uint8_t>(rate_of(i));
  }
};
inline constexpr Rates rates;

struct Tables {
  // An entry more, so that what lies above the last symbol of a table can be read as the next table's 0.
  alignas(64) std::uint16_t at[sizes * classes + 1][symbols];
  std::uint8_t seen[sizes * classes];            // groups so far, at most most_seen

  void begin(Mode mode) {
    const unsigned count = contexts_of(mode);
    for (unsigned i = 0; i < count; ++i) std::memcpy(at[i], rows[row_of(i % sizes)].data(), sizeof at[i]);
    at[count][0] = 0;
    std::memset(seen, 0, count);
  }
};

// The weight of a symbol, from the entry of it and of the next; the last one's next counts as 32,768.
inline unsigned weight(unsigned low, unsigned high) { return (high - low) & ((1u << scale_bits) - 1); }

}  // namespace selvedge::codec::tokens
