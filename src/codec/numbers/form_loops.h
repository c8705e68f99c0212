// Loops over arrays for the forms, written once: forms.cc builds them for several processors. All of
// it is inlined into its caller, whose target decides how wide the compiler makes it.

#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "codec/numbers/forms.h"

namespace selvedge::codec::loops {

#define SELVEDGE_LOOP [[gnu::always_inline]] inline

inline constexpr double round_shift = 6755399441055744.0;  // 1.5 * 2^52: leaves no bits for a fraction
inline constexpr double mantissa_limit = 2251799813685248.0;  // 2^51

// The nearest double to an int64, from integer operations and two additions, since AVX2 and SSE2
// have no such conversion. The high half times 2^32 is exact, so there is one rounding.
SELVEDGE_LOOP double to_double(std::int64_t k) {
  const std::uint64_t bits = static_cast<std::uint64_t>(k);
  const double high = std::bit_cast<double>(((bits ^ 0x8000000000000000) >> 32) | 0x4530000000000000);
  const double low = std::bit_cast<double>((bits & 0xFFFFFFFF) | 0x4330000000000000);
  return (high - (0x1p84 + 0x1p63 + 0x1p52)) + low;
}

SELVEDGE_LOOP double nearest(double x) { return (x + round_shift) - round_shift; }
SELVEDGE_LOOP std::int64_t nearest_integer(double x) {  // |x| < 2^51
  return std::bit_cast<std::int64_t>(x + round_shift) - std::bit_cast<std::int64_t>(round_shift);
}

// The powers of ten that a model rounds by, highest decade first.
struct Scales {
  static constexpr int most = static_cast<int>(most_digits) + 1;
  int count = 1;
  double scale[most] = {1};  // of the decade
  double below[most] = {};   // sizes below this take the next
};

struct Line {
  double origin, step, denominator;
};

SELVEDGE_LOOP double on_line(const Line& line, std::int64_t k) {
  const double product = to_double(k) * line.step;
  return (line.origin + product) / line.denominator;
}

SELVEDGE_LOOP double round_to(const Scales& scales, double value) {
  const double size = std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) & 0x7FFFFFFFFFFFFFFF);
  double scale = scales.scale[0];
  for (int i = 1; i < scales.count; ++i) scale = size < scales.below[i - 1] ? scales.scale[i] : scale;
  return nearest(value * scale) / scale;
}

template <typename Form>
SELVEDGE_LOOP void each(const NumberModel& m, std::span<const std::int64_t> integers, std::span<double> values, Form form) {
  const std::uint64_t offset = static_cast<std::uint64_t>(m.offset), multiple = static_cast<std::uint64_t>(m.multiple);
  const std::int64_t* from = integers.data();
  double* to = values.data();
  const std::size_t count = values.size();
  if (multiple == 1 && offset == 0) {
    for (std::size_t i = 0; i < count; ++i) to[i] = form(from[i]);
    return;
  }
  for (std::size_t i = 0; i < count; ++i)
    to[i] = form(static_cast<std::int64_t>(offset + static_cast<std::uint64_t>(from[i]) * multiple));
}

SELVEDGE_LOOP double from_size(std::int64_t k, unsigned low) {
  const std::uint64_t sign = static_cast<std::uint64_t>(k) & 0x8000000000000000;
  const std::uint64_t size = static_cast<std::uint64_t>(k ^ (k >> 63)) << low;
  return std::bit_cast<double>((size & 0x7FFFFFFFFFFFFFFF) | sign);
}

SELVEDGE_LOOP void evaluate(const NumberModel& m, const Scales& scales, std::span<const std::int64_t> integers,
                            std::span<double> values) {
  const Line line{m.origin, m.step, m.denominator};
  const double power = ten_to[m.digits <= most_digits ? m.digits : 0];
  switch (m.form) {
    case NumberForm::decimal:
      return each(m, integers, values, [power](std::int64_t k) { return to_double(k) / power; });
    case NumberForm::float32:
      return each(m, integers, values, [power](std::int64_t k) { return static_cast<double>(static_cast<float>(to_double(k) / power)); });
    case NumberForm::ordered:
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = from_size(integers[i], m.digits);
      return;
    case NumberForm::dictionary:
      return;
    case NumberForm::lattice:
    case NumberForm::grid:
      break;
  }
  switch (m.rounding) {
    case Rounding::none:
      return each(m, integers, values, [line](std::int64_t k) { return on_line(line, k); });
    case Rounding::float32:
      return each(m, integers, values, [line](std::int64_t k) { return static_cast<double>(static_cast<float>(on_line(line, k))); });
    case Rounding::decimals: {
      const double scale = scales.scale[0];
      return each(m, integers, values, [line, scale](std::int64_t k) { return nearest(on_line(line, k) * scale) / scale; });
    }
    case Rounding::significant:
      return each(m, integers, values, [line, &scales](std::int64_t k) { return round_to(scales, on_line(line, k)); });
  }
}

// Of up to 64 values, how many are not decimals.
SELVEDGE_LOOP std::size_t decimals_of(const double* values, std::size_t count, double scale, std::int64_t* integers) {
  std::uint64_t missed = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double scaled = values[i] * scale;
    const double size = std::bit_cast<double>(std::bit_cast<std::uint64_t>(scaled) & 0x7FFFFFFFFFFFFFFF);
    const double inside = size < mantissa_limit ? scaled : 0.0;  // also NaN
    const std::int64_t k = nearest_integer(inside);
    integers[i] = k;
    const std::uint64_t back = std::bit_cast<std::uint64_t>(nearest(inside) / scale);
    // -0.0 comes back as 0.0 only from the integer: nearest() keeps no sign of zero either.
    missed += back != std::bit_cast<std::uint64_t>(values[i]) ? 1 : 0;
  }
  return missed;
}

#undef SELVEDGE_LOOP

}  // namespace selvedge::codec::loops
