#include <algorithm>
#include <cmath>

#include "codec/numbers/choice.h"

namespace selvedge::codec {

namespace {

struct Scratch {
  Survey survey;
  std::vector<NumberModel> models;
  Numbers trial;
};

Scratch& scratch() {
  static thread_local Scratch s;
  return s;
}

// The best two models on the runs, by their cost there.
void choose(const Survey& survey, const std::vector<NumberModel>& models, Numbers& trial, std::vector<std::pair<double, std::size_t>>& order) {
  order.clear();
  for (std::size_t i = 0; i < models.size(); ++i)
    if (realise(survey.runs, models[i], trial)) order.emplace_back(total_bits(trial), i);
  std::sort(order.begin(), order.end());
}

}  // namespace

void fit_entries(std::span<const double> entries, Numbers& into) {
  static thread_local Survey seen;
  static thread_local std::vector<NumberModel> models;
  static thread_local std::vector<std::pair<double, std::size_t>> order;
  survey(entries, Effort::dense, seen);
  models.clear();
  propose_decimals(seen, models);
  propose_float32(seen, models);
  propose_averages(seen, models);
  propose_steps(seen, models);
  Numbers trial;
  choose(seen, models, trial, order);
  for (const auto& [bits, i] : order) {
    if (realise(entries, models[i], into)) {
      realise_ordered(entries, trial);
      if (total_bits(trial) < total_bits(into)) into = std::move(trial);
      return;
    }
  }
  realise_ordered(entries, into);
}

namespace {

// The cheapest lossless model.
double fit_exactly(std::span<const double> values, Effort effort, Numbers& into) {
  Scratch& s = scratch();
  static thread_local std::vector<std::pair<double, std::size_t>> order;
  survey(values, effort, s.survey);
  s.models.clear();
  propose_decimals(s.survey, s.models);
  propose_float32(s.survey, s.models);
  propose_averages(s.survey, s.models);
  propose_steps(s.survey, s.models);
  choose(s.survey, s.models, s.trial, order);
  double best = HUGE_VAL;
  std::size_t tried = 0;
  const auto keep_if_cheaper = [&] {
    const double cost = total_bits(s.trial);
    if (cost >= best) return;
    best = cost;
    std::swap(into, s.trial);
  };
  for (const auto& [bits, i] : order) {
    if (tried >= 2 || (tried == 1 && bits > order.front().first * 1.1)) break;
    if (!realise(values, s.models[i], s.trial)) continue;
    ++tried;
    keep_if_cheaper();
  }
  if (effort == Effort::dense || best == HUGE_VAL) {
    realise_ordered(values, s.trial);
    keep_if_cheaper();
  }
  if (effort == Effort::dense && values.size() >= 32 && realise_dictionary(values, values.size() / 2, s.trial)) keep_if_cheaper();
  return best;
}

}  // namespace

void fit(std::span<const double> values, Effort effort, const ErrorBound& bound, Numbers& into) {
  const double exactly = fit_exactly(values, effort, into);
  if (bound.exact()) return;
  Numbers rough;
  if (fit_grid(values, bound, into.model, rough) && total_bits(rough) < exactly) into = std::move(rough);
}

bool fit_to(std::span<const double> values, const NumberModel& model, Numbers& into) {
  Effort effort = Effort::fast;
  fit(values, effort, {}, into);
  return into.model == model;
}

}  // namespace selvedge::codec
