#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "codec/numbers/choice.h"
#include "codec/numbers/forms.h"

namespace selvedge::codec {

namespace {

constexpr unsigned beyond = most_digits + 1;

// The fewest digits with which the value is a decimal, or one that is off by a few last places.
unsigned digits_of(double value, unsigned from) {
  for (unsigned digits = from; digits <= 17; ++digits) {
    const double scaled = value * ten_to[digits];
    if (!(std::abs(scaled) < 2251799813685248.0)) return beyond;
    const double back = std::nearbyint(scaled) / ten_to[digits];
    if (same_bits(back, value)) return digits;
    // Of the mantissa's 53 bits enough must be left over for this not to be chance.
    const std::uint64_t away = static_cast<std::uint64_t>(to_ordered(back)) - static_cast<std::uint64_t>(to_ordered(value));
    if (std::abs(scaled) < 70368744177664.0 && away + 3 <= 6) return digits;
  }
  return beyond;
}

}  // namespace

bool try_decimal(std::span<const double> values, Effort, Numbers& into) {
  constexpr std::size_t most_samples = 64;
  const std::size_t stride = std::max<std::size_t>(1, values.size() / most_samples);
  std::array<unsigned, beyond + 1> seen{};
  std::size_t samples = 0;
  for (std::size_t i = stride / 2; i < values.size(); i += stride, ++samples) ++seen[digits_of(values[i], 0)];
  std::size_t left = samples;
  unsigned digits = 0;
  for (;; ++digits) {
    left -= seen[digits];
    if (left * 16 <= samples) break;
    if (digits == 17) return false;
  }
  into.model = NumberModel{};
  into.model.form = NumberForm::decimal;
  into.model.digits = digits;
  into.patches.clear();
  into.integers.resize(values.size());
  static thread_local std::vector<std::uint64_t> misses;
  misses.resize(values.size() / 64 + 1);
  if (decimals_of(values, digits, into.integers, misses) == 0) return true;
  static thread_local std::vector<std::uint32_t> missing;
  missing.clear();
  for (std::size_t i = 0; i * 64 < values.size(); ++i)
    for (std::uint64_t marks = misses[i]; marks != 0; marks &= marks - 1)
      missing.push_back(static_cast<std::uint32_t>(i * 64 + static_cast<std::size_t>(std::countr_zero(marks))));
  patch(values, missing, into);
  return into.patches.exact.size() * 4 < values.size();
}

}  // namespace selvedge::codec
