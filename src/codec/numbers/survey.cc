#include <algorithm>
#include <bit>
#include <cmath>

#include "codec/numbers/choice.h"
#include "codec/numbers/forms.h"

namespace selvedge::codec {

namespace {

constexpr double mantissa_limit = 2251799813685248.0;  // 2^51
constexpr double near_limit = 70368744177664.0;        // 2^46: above, near to a decimal is chance
constexpr unsigned longest_printed = 7;                // more digits come from arithmetic

unsigned length(double integer) {
  unsigned digits = 1;
  while (digits < 17 && std::abs(integer) >= ten_to[digits]) ++digits;
  return digits;
}

Look look(double value) {
  for (unsigned digits = 0; digits <= 17; ++digits) {
    const double scaled = value * ten_to[digits];
    if (!(std::abs(scaled) < mantissa_limit)) break;
    const double k = (scaled + 6755399441055744.0) - 6755399441055744.0;  // nearest: 1.5 * 2^52
    const double back = k / ten_to[digits];
    if (same_bits(back, value)) return {value, digits, length(k), false};
    const std::uint64_t away = static_cast<std::uint64_t>(to_ordered(back)) - static_cast<std::uint64_t>(to_ordered(value));
    if (std::abs(scaled) < near_limit && away + 4 <= 8) return {value, digits, length(k), true};
  }
  return {value, no_digits, 17, false};
}

// `count` stretches of `run` values, from the first to the last.
void take_runs(std::span<const double> values, std::size_t count, std::size_t run, std::vector<double>& into) {
  into.clear();
  if (values.size() <= count * run) {
    into.assign(values.begin(), values.end());
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t from = (values.size() - run) * i / (count - 1);
    into.insert(into.end(), values.begin() + static_cast<std::ptrdiff_t>(from), values.begin() + static_cast<std::ptrdiff_t>(from + run));
  }
}

}  // namespace

void survey(std::span<const double> values, Effort effort, Survey& into) {
  const std::size_t most_looks = effort == Effort::fast ? 40 : 160;
  into.looks.clear();
  into.all_float32 = true;
  into.has_long = false;
  into.largest = 0;
  const std::size_t stride = std::max<std::size_t>(1, (values.size() + most_looks - 1) / most_looks);
  for (std::size_t i = stride / 2; i < values.size(); i += stride) {
    if (!std::isfinite(values[i])) continue;
    into.looks.push_back(look(values[i]));
    into.largest = std::max(into.largest, std::abs(values[i]));
    into.has_long |= into.looks.back().digits > longest_printed;
    into.all_float32 &= same_bits(static_cast<double>(static_cast<float>(values[i])), values[i]);
  }
}

void take_runs(std::span<const double> values, Survey& into) {
  take_runs(values, 4, 256, into.runs);
  take_runs(values, 4, 64, into.short_runs);
}

}  // namespace selvedge::codec
