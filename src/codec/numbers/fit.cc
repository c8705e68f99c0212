#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "codec/numbers/choice.h"
#include "codec/numbers/forms.h"
#include "codec/numbers/patches.h"

namespace selvedge::codec {

void patch(std::span<const double> values, std::span<const std::uint32_t> missing, Numbers& into) {
  constexpr std::int64_t most_last_places = 64;
  for (const std::uint32_t place : missing) {
    const double value = values[place];
    std::int64_t& k = into.integers[place];
    const std::int64_t away = static_cast<std::int64_t>(
        static_cast<std::uint64_t>(to_ordered(value)) - static_cast<std::uint64_t>(to_ordered(evaluate(into.model, k))));
    if (away != 0 && away >= -most_last_places && away <= most_last_places) {
      into.patches.last_places.push_back({place, static_cast<std::int32_t>(away)});
      continue;
    }
    into.patches.exact.push_back({place, std::bit_cast<std::uint64_t>(value)});
    k = place > 0 ? into.integers[place - 1] : 0;
  }
}

void fit_ordered(std::span<const double> values, Numbers& into) {
  std::uint64_t all = 0;
  for (const double value : values) all |= std::bit_cast<std::uint64_t>(value) & 0x7FFFFFFFFFFFFFFF;
  into.patches.clear();
  into.model = NumberModel{};
  into.model.form = NumberForm::ordered;
  into.model.digits = all == 0 ? 0 : static_cast<unsigned>(std::countr_zero(all));
  into.integers.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) into.integers[i] = to_ordered(values[i], into.model.digits);
}

void fit_entries(std::span<const double> entries, Numbers& into) {
  if (!try_decimal(entries, Effort::dense, into)) fit_ordered(entries, into);
}

void fit(std::span<const double> values, Effort effort, const ErrorBound&, Numbers& into) {
  if (!try_decimal(values, effort, into)) fit_ordered(values, into);
}

bool fit_to(std::span<const double> values, const NumberModel& model, Numbers& into) {
  Effort effort = Effort::fast;
  fit(values, effort, {}, into);
  return into.model == model;
}

}  // namespace selvedge::codec
