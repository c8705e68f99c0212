// Forms: how an integer becomes a double, one definition for the encoder's checks and all decoders.
//
// Plain loops over arrays that the compiler turns into vector code, built for several processors and
// chosen at run time; the arithmetic is IEEE + - * / without contraction, so all give the same bits.

#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "codec/numbers/number_model.h"
#include "codec/numbers/processor.h"

namespace selvedge::codec {

inline constexpr unsigned most_digits = 22;  // 10^22 is the last power of ten that a double holds
extern const double ten_to[most_digits + 1];

// The bit pattern as an integer in the order of the doubles; -0.0 is -1 and 0.0 is 0.
inline std::int64_t to_ordered(double value) {
  const std::int64_t bits = std::bit_cast<std::int64_t>(value);
  return bits ^ ((bits >> 63) & 0x7FFFFFFFFFFFFFFF);
}
inline double from_ordered(std::int64_t ordered) {
  return std::bit_cast<double>(ordered ^ ((ordered >> 63) & 0x7FFFFFFFFFFFFFFF));
}
// The same without `low` bits of the pattern, which must be zero to come back.
inline std::int64_t to_ordered(double value, unsigned low) {
  const std::int64_t bits = std::bit_cast<std::int64_t>(value);
  const std::int64_t magnitude = (bits & 0x7FFFFFFFFFFFFFFF) >> low;
  return bits < 0 ? ~magnitude : magnitude;
}

inline bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

// Integers to doubles. Sizes are equal; any integers. Dictionary is not among these forms. A path that the
// processor lacks may not be asked for.
void evaluate(const NumberModel& model, std::span<const std::int64_t> integers,
              std::span<double> values, Processor path = processor());
double evaluate(const NumberModel& model, std::int64_t integer);
// The value at K itself, without offset and multiple.
double evaluate_fine(const NumberModel& model, std::int64_t fine);

// k so that k * multiple is nearest to K; |K| < 2^62.
inline std::int64_t nearest_multiple(std::int64_t fine, std::int64_t multiple) {
  if (multiple == 1) return fine;
  const std::int64_t shifted = fine + multiple / 2;
  return shifted / multiple - (shifted % multiple < 0 ? 1 : 0);
}

// The K nearest to a value, for decimal, float32, lattice and grid; any value, also NaN.
std::int64_t fine_of(const NumberModel& model, double value);

// For form decimal with multiple 1 and offset 0: fills `integers` and lists in `misses` the places of
// values that do not come back. Returns their number.
std::size_t decimals_of(std::span<const double> values, unsigned digits,
                        std::span<std::int64_t> integers, std::vector<std::uint32_t>& misses,
                        Processor path = processor());

}  // namespace selvedge::codec
