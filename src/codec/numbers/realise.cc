#include <algorithm>
#include <bit>
#include <cmath>

#include "codec/numbers/choice.h"
#include "codec/numbers/forms.h"

namespace selvedge::codec {

namespace {

constexpr std::int64_t most_last_places = 1 << 23;  // off by one in a last printed digit

// Puts one value that is not simply evaluate(k).
void patch(double value, std::uint32_t place, Numbers& into) {
  const NumberModel& model = into.model;
  std::int64_t& k = into.integers[place];
  const std::int64_t fine = fine_of(model, value);
  k = nearest_multiple(fine - model.offset, model.multiple);
  const std::int64_t fraction = fine - model.offset - k * model.multiple;
  double back = evaluate(model, k);
  // As the decoder does it.
  if (fraction != 0) back = evaluate_fine(model, fine_of(model, back) + fraction);
  const std::int64_t away = static_cast<std::int64_t>(static_cast<std::uint64_t>(to_ordered(value)) -
                                                      static_cast<std::uint64_t>(to_ordered(back)));
  const bool is_small = std::abs(fraction) < (1 << 30) && away >= -most_last_places && away <= most_last_places;
  if (!is_small || std::isnan(value)) {
    into.patches.exact.push_back({place, std::bit_cast<std::uint64_t>(value)});
    k = place > 0 ? into.integers[place - 1] : 0;
    return;
  }
  if (fraction != 0) into.patches.fractions.push_back({place, static_cast<std::int32_t>(fraction)});
  if (away != 0) into.patches.last_places.push_back({place, static_cast<std::int32_t>(away)});
}

}  // namespace

bool realise(std::span<const double> values, const NumberModel& model, Numbers& into) {
  into.model = model;
  into.patches.clear();
  into.integers.resize(values.size());
  const std::size_t most_exact = values.size() / 4 + 1;
  if (model.form == NumberForm::decimal && model.multiple == 1 && model.offset == 0) {
    static thread_local std::vector<std::uint32_t> misses;
    if (decimals_of(values, model.digits, into.integers, misses) == 0) return true;
    for (const std::uint32_t place : misses) {
      if (into.patches.exact.size() > most_exact) break;
      patch(values[place], place, into);
    }
    return into.patches.exact.size() <= most_exact;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::int64_t k = nearest_multiple(fine_of(model, values[i]) - model.offset, model.multiple);
    if (same_bits(evaluate(model, k), values[i])) {
      into.integers[i] = k;
      continue;
    }
    patch(values[i], static_cast<std::uint32_t>(i), into);
    if (into.patches.exact.size() > most_exact) return false;
  }
  return true;
}

void realise_ordered(std::span<const double> values, Numbers& into) {
  std::uint64_t all = 0;
  for (const double value : values) all |= std::bit_cast<std::uint64_t>(value) & 0x7FFFFFFFFFFFFFFF;
  into.patches.clear();
  into.model = NumberModel{};
  into.model.form = NumberForm::ordered;
  into.model.digits = all == 0 ? 0 : static_cast<unsigned>(std::countr_zero(all));
  into.integers.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) into.integers[i] = to_ordered(values[i], into.model.digits);
}

double total_bits(const Numbers& numbers) {
  static thread_local base::Bytes bytes;
  bytes.clear();
  base::Writer writer(bytes);
  put_numbers(writer, numbers);
  return integer_bits(numbers.integers) + 8 * static_cast<double>(bytes.size());
}

}  // namespace selvedge::codec
