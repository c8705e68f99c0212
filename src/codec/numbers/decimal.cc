#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>

#include "codec/numbers/choice.h"
#include "codec/numbers/forms.h"

namespace selvedge::codec {

namespace {

// Decimals of `digits` places whose integers have a common divisor beside a remainder.
void take_out_divisor(const Survey& survey, NumberModel& model) {
  std::uint64_t divisor = 0;
  bool first = true;
  std::int64_t start = 0;
  for (const Look& look : survey.looks) {
    if (look.digits > model.digits) continue;
    const std::int64_t k = fine_of(model, look.value);
    if (first) start = k, first = false;
    divisor = std::gcd(divisor, static_cast<std::uint64_t>(std::abs(k - start)));
    if (divisor == 1) return;
  }
  if (divisor < 2) return;
  model.multiple = static_cast<std::int64_t>(divisor);
  const std::int64_t rest = start % model.multiple;
  model.offset = rest < 0 ? rest + model.multiple : rest;
}

}  // namespace

bool simple_decimal(const Survey& survey, NumberModel& model) {
  constexpr unsigned most_simple = 9;
  if (survey.looks.empty()) return false;
  std::array<std::size_t, no_digits + 1> seen{};
  for (const Look& look : survey.looks) ++seen[look.digits];
  std::size_t left = survey.looks.size();
  unsigned digits = 0;
  while ((left -= seen[digits]) * 32 > survey.looks.size())
    if (++digits > most_simple) return false;
  model = NumberModel{};
  model.form = NumberForm::decimal;
  model.digits = digits;
  take_out_divisor(survey, model);
  return true;
}

void propose_decimals(const Survey& survey, std::vector<NumberModel>& models) {
  if (survey.looks.empty()) return;
  std::array<std::size_t, no_digits + 1> seen{};
  for (const Look& look : survey.looks) ++seen[look.digits];
  const double all = static_cast<double>(survey.looks.size());
  NumberModel model;
  model.form = NumberForm::decimal;
  std::size_t covered = 0;
  std::array<double, 18> share{};
  for (unsigned digits = 0; digits <= 17; ++digits) share[digits] = static_cast<double>(covered += seen[digits]) / all;
  const auto fewest = [&share](double wanted) {
    unsigned digits = 0;
    while (digits <= 17 && share[digits] < wanted) ++digits;
    return digits;
  };
  const unsigned nearly_all = fewest(0.985), most = fewest(0.90);
  std::size_t proposed = 0;
  for (unsigned finest : {nearly_all, fewest(1.0), most}) {
    if (finest > 17 || (proposed > 0 && models.back().digits == finest)) continue;
    model.digits = finest;
    model.multiple = 1;
    model.offset = 0;
    take_out_divisor(survey, model);
    models.push_back(model);
    ++proposed;
    if (model.multiple != 1) continue;
    // Most with fewer digits, the others as fractions of a step.
    for (unsigned coarse = finest; coarse-- > 0 && finest - coarse <= 9 && share[coarse] >= 0.4;) {
      if (share[coarse] == share[coarse + 1] && coarse + 1 != finest) continue;
      model.multiple = static_cast<std::int64_t>(ten_to[finest - coarse]);
      models.push_back(model);
    }
    model.multiple = 1;
  }
}

void propose_float32(const Survey& survey, std::vector<NumberModel>& models) {
  if (!survey.all_float32 || survey.looks.empty()) return;
  // The fewest digits that give every sample back after rounding.
  NumberModel model;
  model.form = NumberForm::float32;
  for (model.digits = 0; model.digits <= 9; ++model.digits) {
    std::size_t missed = 0;
    for (const Look& look : survey.looks)
      missed += !same_bits(evaluate_fine(model, fine_of(model, look.value)), look.value);
    if (missed * 12 > survey.looks.size()) continue;
    if (survey.largest * ten_to[model.digits] < 16777216.0 * 8) models.push_back(model);
    return;
  }
}

}  // namespace selvedge::codec
