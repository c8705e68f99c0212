#include "codec/numbers/forms.h"

#include <algorithm>
#include <cstring>

// GCC leaves loops as they are at -O1 and is timid at -O2.
#if defined(__GNUC__) && !defined(__clang__)
#define SELVEDGE_VECTORS [[gnu::optimize("O3", "fp-contract=off")]]
#else
#define SELVEDGE_VECTORS
#endif

namespace selvedge::codec {

const double ten_to[most_digits + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                        1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                        1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

namespace {

constexpr double round_shift = 6755399441055744.0;  // 1.5 * 2^52: leaves no bits for a fraction

// The nearest double to an int64, from integer operations and two additions, since AVX2 and SSE2
// have no such conversion. The high half times 2^32 is exact, so there is one rounding.
[[gnu::always_inline]] inline double exact_cast(std::int64_t k) {
  const std::uint64_t bits = static_cast<std::uint64_t>(k);
  const double high = std::bit_cast<double>(((bits ^ 0x8000000000000000) >> 32) | 0x4530000000000000);
  const double low = std::bit_cast<double>((bits & 0xFFFFFFFF) | 0x4330000000000000);
  return (high - (0x1p84 + 0x1p63 + 0x1p52)) + low;
}

[[gnu::always_inline]] inline double nearest(double x) { return (x + round_shift) - round_shift; }
[[gnu::always_inline]] inline std::int64_t nearest_integer(double x) {  // |x| < 2^51
  return std::bit_cast<std::int64_t>(x + round_shift) - std::bit_cast<std::int64_t>(round_shift);
}

[[gnu::always_inline]] inline std::int64_t fine(const NumberModel& m, std::int64_t k) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(m.offset) +
                                   static_cast<std::uint64_t>(k) * static_cast<std::uint64_t>(m.multiple));
}

double scale_of(const NumberModel& m, double value) {
  double scale = ten_to[m.rounded_digits];
  if (m.rounding != Rounding::significant) return scale;
  const double size = std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) & 0x7FFFFFFFFFFFFFFF);
  int digits = static_cast<int>(m.rounded_digits);
  for (int decade = m.high_decade; decade > m.low_decade; --decade)
    if (size < (decade >= 0 ? ten_to[decade] : 1.0 / ten_to[-decade])) ++digits;
  return ten_to[digits];
}

double rounded(const NumberModel& m, double value) {
  switch (m.rounding) {
    case Rounding::none:
      return value;
    case Rounding::float32:
      return static_cast<double>(static_cast<float>(value));
    case Rounding::decimals:
    case Rounding::significant: {
      const double scale = scale_of(m, value);
      return nearest(value * scale) / scale;
    }
  }
  return value;
}

}  // namespace

double evaluate_fine(const NumberModel& m, std::int64_t k) {
  switch (m.form) {
    case NumberForm::decimal:
      return exact_cast(k) / ten_to[m.digits];
    case NumberForm::float32:
      return static_cast<double>(static_cast<float>(exact_cast(k) / ten_to[m.digits]));
    default: {
      const double product = exact_cast(k) * m.step;
      return rounded(m, (m.origin + product) / m.denominator);
    }
  }
}

double evaluate(const NumberModel& m, std::int64_t k) {
  if (m.form == NumberForm::ordered) {
    const std::uint64_t size = static_cast<std::uint64_t>(k < 0 ? ~k : k) << m.digits;
    return std::bit_cast<double>((size & 0x7FFFFFFFFFFFFFFF) | (k < 0 ? 0x8000000000000000 : 0));
  }
  return evaluate_fine(m, fine(m, k));
}

SELVEDGE_VECTORS void evaluate(const NumberModel& m, std::span<const std::int64_t> integers,
                               std::span<double> values) {
  if (m.form == NumberForm::decimal && m.multiple == 1 && m.offset == 0) {
    const double scale = ten_to[m.digits];
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = exact_cast(integers[i]) / scale;
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = evaluate(m, integers[i]);
}

std::int64_t fine_of(const NumberModel& m, double value) {
  double k = 0;
  if (m.form == NumberForm::decimal || m.form == NumberForm::float32) {
    k = value * ten_to[m.digits];
  } else {
    const double scaled = value * m.denominator;
    k = (scaled - m.origin) / m.step;
  }
  if (!(k > -2251799813685248.0 && k < 2251799813685248.0)) return 0;  // 2^51
  return nearest_integer(k);
}

SELVEDGE_VECTORS std::size_t decimals_of(std::span<const double> values, unsigned digits,
                                         std::span<std::int64_t> integers,
                                         std::span<std::uint64_t> misses) {
  const double scale = ten_to[digits];
  std::size_t missed = 0;
  for (std::size_t from = 0; from < values.size(); from += 64) {
    const std::size_t count = std::min<std::size_t>(64, values.size() - from);
    std::uint64_t marks = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const double value = values[from + i];
      const double scaled = value * scale;
      const bool inside = scaled > -2251799813685248.0 && scaled < 2251799813685248.0;
      const std::int64_t k = nearest_integer(inside ? scaled : 0.0);
      integers[from + i] = k;
      const bool miss = !inside || !same_bits(exact_cast(k) / scale, value);
      marks |= static_cast<std::uint64_t>(miss) << i;
    }
    misses[from / 64] = marks;
    missed += static_cast<std::size_t>(std::popcount(marks));
  }
  return missed;
}

}  // namespace selvedge::codec
