// Number model: doubles as integers that are small and close together, and back to the bit.
//
// Sensors do not send arbitrary doubles: they send k / 10^d, averages and converter steps (a lattice),
// these printed with 10 or 15 digits, float32 widened to double, or few distinct values. fit() finds
// the cheapest form for a block, checks it on every value by doing what the decoder does, and keeps
// what does not fit as patches: fractions of a step, units of the last place, or the bits themselves.
// NaN (with its payload), -0.0 and infinities survive.
//
// With an error bound the model is a grid and values come back within the bound, checked on every
// value; what no grid point serves is an exact patch.
//
// Every decoder gives the same bits: only IEEE + - * / in the order written in docs/spec/block.md.
// Pure functions, any thread. Memory: what the caller's Numbers already holds is used again.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/wire.h"

namespace selvedge::codec {

// With K = offset + k * multiple, modulo 2^64:
enum class NumberForm : std::uint8_t {
  decimal = 0,     // K / 10^digits, correctly rounded
  lattice = 1,     // (origin + K * step) / denominator, then rounded as `rounding` says
  float32 = 2,     // K / 10^digits, then rounded to float32
  ordered = 3,     // k is the bit pattern of the double in order, without `digits` low bits
  dictionary = 4,  // k is the rank in a list of doubles
  grid = 5,        // as lattice; lossy
};

// How a lattice's value was printed or kept before it came to us.
enum class Rounding : std::uint8_t { none, float32, decimals, significant };

// How much time fit() may spend: `fast` looks at a sample and tries the cheap forms.
enum class Effort : std::uint8_t { fast, dense };

// How far a value may come back from what it was. `range` is a share of (max - min) of the block.
struct ErrorBound {
  enum class Kind : std::uint8_t { exact, absolute, relative, range };
  Kind kind = Kind::exact;
  double value = 0;
  bool exact() const { return kind == Kind::exact; }
};

struct NumberModel {
  NumberForm form = NumberForm::ordered;
  unsigned digits = 0;  // decimal, float32: places behind the point; ordered: low bits left out
  std::int64_t offset = 0, multiple = 1;           // all but ordered and dictionary
  double origin = 0, step = 1, denominator = 1;    // lattice, grid
  Rounding rounding = Rounding::none;              // lattice
  unsigned rounded_digits = 0;  // decimals, or significant digits of values in the highest decade
  int low_decade = 0, high_decade = 0;  // significant: of the values, 10^decade <= |value|
  std::vector<double> entries;          // dictionary
  base::Bytes packed_entries;           // the same as put_numbers writes them; only from fit()

  bool operator==(const NumberModel& other) const;  // by what they mean, not by packed_entries
};

// Values that the model alone does not give back. Places ascend; a place may be in the first two
// lists, or in the third alone.
struct Patches {
  struct Small {
    std::uint32_t place;
    std::int32_t by;  // not 0
    bool operator==(const Small&) const = default;
  };
  struct Exact {
    std::uint32_t place;
    std::uint64_t bits;
    bool operator==(const Exact&) const = default;
  };
  std::vector<Small> fractions;    // added to K
  std::vector<Small> last_places;  // added to the bit pattern of the value
  std::vector<Exact> exact;

  bool empty() const { return fractions.empty() && last_places.empty() && exact.empty(); }
  void clear() { fractions.clear(), last_places.clear(), exact.clear(); }
  bool operator==(const Patches&) const = default;
};

struct Numbers {
  NumberModel model;
  Patches patches;
  std::vector<std::int64_t> integers;  // one per value; where a patch is exact, whatever is cheap
};

// 1 to 2^20 values.
void fit(std::span<const double> values, Effort effort, const ErrorBound& bound, Numbers& into);

// Fits to a model that is given, as a carried one is; false if it does not suit, then `into` is as good as
// lost. A grid suits nothing.
bool fit_to(std::span<const double> values, const NumberModel& model, Numbers& into);

// The model and the patches as bytes.
void put_numbers(base::Writer& out, const Numbers& numbers);
// Reads them for `count` values. False if damaged; bounded by count before anything is allocated.
bool take_numbers(base::Reader& in, std::size_t count, NumberModel& model, Patches& patches);

// integers.size() == values.size(). False if the integers are beyond what the form can hold (a rank
// behind the dictionary): damage.
bool to_doubles(const NumberModel& model, std::span<const std::int64_t> integers,
                std::span<double> values);
// After to_doubles or its like. False if a patch cannot belong to these values: damage.
bool apply(const NumberModel& model, const Patches& patches, std::span<double> values);

}  // namespace selvedge::codec
