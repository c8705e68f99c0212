// Token reader: symbols of a block out of interleaved rANS, teaching the tables on the way; and what
// the encoder needs to write them.
//
// A group's four symbols are found in its context's table as the groups before left it; then the
// table learns them one after the other. Two bytes for each state that runs low come from one common
// string of words. One function for each processor path, all with the same result.

#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "codec/numbers/processor.h"
#include "codec/numbers/token_tables.h"

namespace selvedge::codec::tokens {

struct TokenRun {
  Mode mode = Mode::halves;
  unsigned first_size = 0;               // the context before the first symbol
  std::size_t count = 0;
  std::uint8_t* symbols = nullptr;       // count, in the order of the values
  std::uint8_t* shifts = nullptr;        // of the group that begins at a value: at the value's place
};

inline constexpr std::uint32_t lowest_state = 1u << 16;

// Reads states and words from `in`. Returns the bytes used, or 0 if there are too few. `states` is what
// the states end with.
using ReadTokens = std::size_t (*)(base::BytesView in, const TokenRun& run, Tables& tables,
                                   std::uint32_t* states);

// The residuals, from symbols, shifts and the raw bits of the values in their order.
struct RawRun {
  std::size_t count = 0;
  const std::uint8_t* symbols = nullptr;
  const std::uint8_t* shifts = nullptr;
  const std::uint8_t* bytes = nullptr;   // 8 more can be read behind the limit
  std::size_t limit = 0;                 // in bits
  std::int64_t* residuals = nullptr;
};
// Returns the bits used, more than the limit if they do not suffice or a symbol is none.
using ReadRaw = std::size_t (*)(const RawRun& run);

// The encoder's side: makes the symbols and asks the tables for their weights.
struct Weight {
  std::uint16_t below, own;
};
struct WeighRun {
  Mode mode = Mode::halves;
  unsigned first_size = 0;
  std::size_t count = 0;
  const std::int64_t* residuals = nullptr;
  std::uint8_t* symbols = nullptr;
  std::uint8_t* shifts = nullptr;
  Weight* weights = nullptr;
};
using WeighTokens = void (*)(const WeighRun& run, Tables& tables);

struct Paths {
  ReadTokens read_tokens;
  ReadRaw read_raw;
  WeighTokens weigh_tokens;
};
extern const Paths baseline_paths, avx2_paths, avx512_paths;

// The widest that this processor has, unless a test has forced another (before it starts threads; null: no
// longer).
const Paths& current_paths();
void force_paths(const Paths* paths);
// Null if this processor has not got it.
const Paths* paths_of(Processor wanted);

}  // namespace selvedge::codec::tokens
