#include <algorithm>
#include <bit>
#include <cmath>

#include "codec/numbers/choice.h"
#include "codec/numbers/forms.h"

namespace selvedge::codec {

namespace {

struct Ranked {
  double bits;
  std::size_t model;
  bool operator<(const Ranked& other) const { return bits < other.bits; }
};

struct Scratch {
  Survey survey;
  std::vector<NumberModel> models;
  std::vector<Ranked> order;
  Numbers trial, other;
};

Scratch& scratch() {
  static thread_local Scratch s;
  return s;
}

bool is_worth_patching(const Numbers& numbers, std::size_t count) {
  const Patches& p = numbers.patches;
  return p.exact.size() * 64 <= count && (p.fractions.size() + p.last_places.size()) * 8 <= count;
}

// Ranks the models by their cost on stretches of the block: all of them on short ones, the best
// few again on longer ones.
void rank(Scratch& s) {
  constexpr std::size_t finalists = 3;
  s.order.clear();
  for (std::size_t i = 0; i < s.models.size(); ++i)
    if (realise(s.survey.short_runs, s.models[i], s.trial)) s.order.push_back({total_bits(s.trial), i});
  std::sort(s.order.begin(), s.order.end());
  if (s.order.size() > finalists) s.order.resize(finalists);
  if (s.order.size() < 2 || s.survey.runs.size() == s.survey.short_runs.size()) return;
  for (Ranked& ranked : s.order)
    ranked.bits = realise(s.survey.runs, s.models[ranked.model], s.trial) ? total_bits(s.trial) : HUGE_VAL;
  std::sort(s.order.begin(), s.order.end());
}

// Whether ranks would be much closer together than the integers are.
bool may_want_dictionary(const Scratch& s, std::span<const double> values, const Numbers& chosen) {
  if (values.size() < 32) return false;
  if (!chosen.patches.empty() || chosen.model.form == NumberForm::ordered) return true;
  const auto [low, high] = std::minmax_element(chosen.integers.begin(), chosen.integers.end());
  const double range = static_cast<double>(*high) - static_cast<double>(*low) + 1;
  return range > static_cast<double>(s.survey.short_runs.size()) * 0.5;
}

// The cheapest lossless model.
void fit_exactly(std::span<const double> values, Effort effort, Numbers& into) {
  Scratch& s = scratch();
  survey(values, effort, s.survey);
  NumberModel simple;
  if (effort == Effort::fast && simple_decimal(s.survey, simple) && realise(values, simple, into) &&
      is_worth_patching(into, values.size()))
    return;
  take_runs(values, s.survey);
  s.models.clear();
  propose_decimals(s.survey, s.models);
  propose_float32(s.survey, s.models);
  propose_averages(s.survey, s.models);
  propose_steps(s.survey, s.models);
  rank(s);
  double best = HUGE_VAL;
  const auto keep_if_cheaper = [&] {
    const double cost = total_bits(s.trial);
    if (cost >= best) return;
    best = cost;
    std::swap(into, s.trial);
  };
  for (const Ranked& ranked : s.order) {
    // A second one only if it was close, or if the first was worse on all than on some.
    const double expected = ranked.bits / static_cast<double>(s.survey.runs.size()) * static_cast<double>(values.size());
    if (best < HUGE_VAL && expected > best) break;
    if (realise(values, s.models[ranked.model], s.trial)) keep_if_cheaper();
  }
  if (best > 20.0 * static_cast<double>(values.size())) {
    realise_ordered(values, s.trial);
    keep_if_cheaper();
  }
  if (effort == Effort::fast || !may_want_dictionary(s, values, into)) return;
  const std::size_t most = s.survey.runs.size() * 6 / 10;
  std::vector<NumberModel> hints;
  for (const Ranked& ranked : s.order) hints.push_back(s.models[ranked.model]);
  if (s.survey.runs.size() < values.size() && !realise_dictionary(s.survey.runs, most, {}, s.trial)) return;
  if (realise_dictionary(values, values.size() / 2, hints, s.trial)) keep_if_cheaper();
}

// One value in so many may be missing from a dictionary that is given.
constexpr std::size_t dictionary_misses = 16;

// Ranks in a dictionary that is given; what is not in it is an exception. False if that is too much.
bool realise_ranks(std::span<const double> values, const NumberModel& model, Numbers& into) {
  into.model = model;
  into.patches.clear();
  into.integers.resize(values.size());
  const auto less = [](double a, double b) { return to_ordered(a) < to_ordered(b); };
  std::int64_t before = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto at = std::lower_bound(model.entries.begin(), model.entries.end(), values[i], less);
    if (at != model.entries.end() && same_bits(*at, values[i])) {
      before = at - model.entries.begin();
    } else {
      into.patches.exact.push_back({static_cast<std::uint32_t>(i), std::bit_cast<std::uint64_t>(values[i])});
      if (into.patches.exact.size() > values.size() / dictionary_misses + 1) return false;
    }
    into.integers[i] = before;
  }
  return true;
}

}  // namespace

void fit(std::span<const double> values, Effort effort, const ErrorBound& bound, Numbers& into) {
  fit_exactly(values, effort, into);
  if (bound.exact()) return;
  Numbers& rough = scratch().other;
  if (fit_grid(values, bound, into.model, rough) && total_bits(rough) < total_bits(into)) std::swap(into, rough);
}

bool fit_to(std::span<const double> values, const NumberModel& model, Numbers& into) {
  switch (model.form) {
    case NumberForm::grid:
      return false;
    case NumberForm::ordered:
      realise_ordered(values, into);
      return into.model.digits == model.digits;
    case NumberForm::dictionary:
      return realise_ranks(values, model, into);
    default:
      return realise(values, model, into) && is_worth_patching(into, values.size());
  }
}

}  // namespace selvedge::codec
