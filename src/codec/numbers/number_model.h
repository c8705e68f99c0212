// Number model: doubles as integers that are small and close together, and back to the bit.
//
// Sensors do not send arbitrary doubles: they send k / 10^d, averages and converter steps (a lattice
// c + k * b), float32 widened to double, or few distinct values. fit() finds the cheapest form for a
// block, checks it on every value by doing what the decoder does, and keeps what does not fit as
// corrections of the last place or as exceptions. NaN (with its payload), -0.0 and infinities survive.
//
// With an error bound the model is a grid and values come back within the bound, checked on every
// value; what no grid point serves is an exception and exact.
//
// Pure functions, any thread. Memory: what the caller's Numbers already holds is used again.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/wire.h"

namespace selvedge::codec {

enum class NumberForm : std::uint8_t {
  decimal = 0,     // k / 10^digits, correctly rounded
  lattice = 1,     // origin + k * step
  float32 = 2,     // k is the ordered bit pattern of a float32
  ordered = 3,     // k is the ordered bit pattern of the double: fits always
  dictionary = 4,  // k is the rank in a sorted list of doubles
  grid = 5,        // k * step; lossy
};

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
  unsigned digits = 0;                 // decimal
  std::int64_t multiple = 1;           // every k was divided by it (common divisor)
  double origin = 0, step = 1;         // lattice, grid
  std::vector<double> entries;         // dictionary, ascending by ordered bits
};

// Values that the model alone does not give back.
struct Patches {
  std::vector<std::uint32_t> places;   // ascending; of corrections and exceptions
  std::vector<std::int64_t> last_places;  // beside each: units in the last place to add, or, if
  std::vector<std::uint64_t> bits;     // `is_exact`, the bits themselves
  std::vector<bool> is_exact;
};

struct Numbers {
  NumberModel model;
  Patches patches;
  std::vector<std::int64_t> integers;  // one per value; where a patch is exact, whatever is cheap
};

// 1 to 2^20 values.
void fit(std::span<const double> values, Effort effort, const ErrorBound& bound, Numbers& into);

// Fits to a model that is given, as a carried one is; false if another would be much better.
bool fit_to(std::span<const double> values, const NumberModel& model, Numbers& into);

// The model and the patches as bytes.
void put_numbers(base::Writer& out, const Numbers& numbers);
// Reads them for `count` values. False if damaged; bounded by count before anything is allocated.
bool take_numbers(base::Reader& in, std::size_t count, NumberModel& model, Patches& patches);

// integers.size() == values.size(). False if the integers are beyond what the form can hold (a rank
// behind the dictionary): damage.
bool to_doubles(const NumberModel& model, std::span<const std::int64_t> integers, std::span<double> values);
bool apply(const Patches& patches, std::span<double> values);

}  // namespace selvedge::codec
