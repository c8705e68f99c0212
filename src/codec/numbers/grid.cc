// Grids: lossy models under a strict bound.
//
// A grid of step 2 * bound serves any value. Where the values themselves lie on a lattice of step u, a
// point can stand for m = floor(2 * bound / u) + 1 neighbours, as the outer two are (m - 1) / 2 * u
// away from their middle: a step of m * u, which is more than 2 * bound and loses nothing. Where the
// grid starts matters little but something, so a few starts are tried.
//
// Not tried at coding time because it lost when measured: a finer grid with the cheapest path through
// the admissible points, and holding the last level.

#include <algorithm>
#include <bit>
#include <cmath>

#include "codec/numbers/choice.h"
#include "codec/numbers/forms.h"

namespace selvedge::codec {

namespace {

constexpr int starts = 4;
constexpr double most_neighbours = 4096;

void range_of(std::span<const double> values, double& low, double& high) {
  low = HUGE_VAL, high = -HUGE_VAL;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
}

double nearest_to_zero(std::span<const double> values) {
  double least = HUGE_VAL;
  for (const double value : values)
    if (value != 0 && std::isfinite(value)) least = std::min(least, std::abs(value));
  return least;
}

// A double just below that few bits of mantissa hold, as a header should be short.
double short_below(double x) {
  constexpr std::uint64_t dropped = (1ull << 42) - 1;
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) & ~dropped);
}

void propose_grid(double step, std::vector<NumberModel>& models) {
  NumberModel model;
  model.form = NumberForm::grid;
  model.step = step / starts;
  model.multiple = starts;
  for (model.offset = 0; model.offset < starts; ++model.offset) models.push_back(model);
}

// On the lattice of an exact model.
void propose_neighbours(const NumberModel& exact, double bound, std::vector<NumberModel>& models) {
  if (exact.form == NumberForm::ordered || exact.form == NumberForm::dictionary) return;
  NumberModel model = exact;
  model.form = NumberForm::grid;
  model.digits = 0;
  model.rounding = Rounding::none;
  model.rounded_digits = 0;
  model.low_decade = model.high_decade = 0;
  if (exact.form != NumberForm::lattice) model.denominator = ten_to[exact.digits];
  const double unit = model.step / model.denominator * static_cast<double>(model.multiple);
  // A hair is left for rounding on both sides.
  const double most = std::floor(2 * bound * (1 - 0x1p-30) / unit) + 1;
  // A reader takes denominators up to 2^53, and it may yet be doubled.
  if (!(model.denominator <= 0x1p52)) return;
  if (!(most < most_neighbours) || std::abs(static_cast<double>(exact.multiple)) > 1e9 || std::abs(static_cast<double>(exact.offset)) > 1e15) return;
  const std::int64_t neighbours = static_cast<std::int64_t>(most);
  // The middle of an even number of them is half-way between two.
  const bool is_even = neighbours % 2 == 0;
  if (is_even) model.origin *= 2, model.denominator *= 2;
  model.multiple = exact.multiple * neighbours * (is_even ? 2 : 1);
  const std::int64_t tries = std::min<std::int64_t>(starts, neighbours);
  for (std::int64_t start = 0; start < tries; ++start) {
    const std::int64_t first = start * neighbours / tries;
    model.offset = is_even ? 2 * exact.offset + (2 * first + neighbours - 1) * exact.multiple
                           : exact.offset + (first + neighbours / 2) * exact.multiple;
    model.offset %= model.multiple;
    if (model.offset < 0) model.offset += model.multiple;
    models.push_back(model);
  }
}

// How far each value may be off.
struct Allowance {
  double absolute, relative;
  bool covers(double value, double back) const {
    return std::abs(value - back) <= std::max(absolute, relative * std::abs(value));
  }
};

void keep_exactly(double value, std::uint32_t place, Numbers& into) {
  into.patches.exact.push_back({place, std::bit_cast<std::uint64_t>(value)});
  into.integers[place] = place > 0 ? into.integers[place - 1] : 0;
}

void realise_grid(std::span<const double> values, const NumberModel& model, const Allowance& allowance, Numbers& into) {
  into.model = model;
  into.patches.clear();
  into.integers.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::int64_t k = nearest_multiple(fine_of(model, values[i]) - model.offset, model.multiple);
    into.integers[i] = k;
    if (allowance.covers(values[i], evaluate(model, k))) continue;
    // Half-way between two points, rounding to K first can have led to the wrong one.
    const bool is_above = values[i] > evaluate(model, k);
    into.integers[i] = is_above ? k + 1 : k - 1;
    if (!allowance.covers(values[i], evaluate(model, into.integers[i]))) keep_exactly(values[i], static_cast<std::uint32_t>(i), into);
  }
}

void realise_rounded_bits(std::span<const double> values, unsigned low, const Allowance& allowance, Numbers& into) {
  into.model = NumberModel{};
  into.model.form = NumberForm::ordered;
  into.model.digits = low;
  into.patches.clear();
  into.integers.resize(values.size());
  const std::uint64_t half = low == 0 ? 0 : 1ull << (low - 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(values[i]);
    const std::uint64_t size = bits & 0x7FFFFFFFFFFFFFFF;
    const std::int64_t rounded = static_cast<std::int64_t>((size + half) >> low);
    into.integers[i] = bits >> 63 ? ~rounded : rounded;
    const double back = evaluate(into.model, into.integers[i]);
    if (!std::isfinite(back) || !allowance.covers(values[i], back)) keep_exactly(values[i], static_cast<std::uint32_t>(i), into);
  }
}

}  // namespace

bool fit_grid(std::span<const double> values, const ErrorBound& bound, const NumberModel& exact, Numbers& into) {
  Allowance allowance{0, 0};
  double low = 0, high = 0;
  range_of(values, low, high);
  if (!(low <= high)) return false;
  double widest = 0;  // the absolute bound that serves all
  if (bound.kind == ErrorBound::Kind::relative) {
    allowance.relative = bound.value;
    widest = nearest_to_zero(values) * bound.value;
  } else {
    allowance.absolute = bound.kind == ErrorBound::Kind::range ? bound.value * (high - low) : bound.value;
    widest = allowance.absolute;
  }
  if (!(widest > 1e-280 && widest < 1e270) || !(std::max(std::abs(low), std::abs(high)) < widest * 1e14)) return false;
  // Checked with a hair to spare, so that no rounding of the check itself lets a value pass.
  allowance.absolute *= 1 - 0x1p-40;
  allowance.relative *= 1 - 0x1p-40;

  static thread_local std::vector<NumberModel> models;
  static thread_local Survey seen;
  static thread_local Numbers trial;
  take_runs(values, seen);
  models.clear();
  propose_grid(short_below(2 * widest * (1 - 0x1p-30)), models);
  propose_neighbours(exact, widest, models);
  const NumberModel* best = nullptr;
  double best_bits = HUGE_VAL;
  for (const NumberModel& model : models) {
    realise_grid(seen.runs, model, allowance, trial);
    const double bits = total_bits(trial);
    if (bits < best_bits) best = &model, best_bits = bits;
  }
  const bool is_relative = bound.kind == ErrorBound::Kind::relative;
  if (is_relative) {
    const int exponent = std::ilogb(bound.value);
    const unsigned low_bits = static_cast<unsigned>(std::clamp(exponent + 53, 0, 52));
    realise_rounded_bits(seen.runs, low_bits, allowance, trial);
    if (total_bits(trial) < best_bits) {
      realise_rounded_bits(values, low_bits, allowance, into);
      return true;
    }
  }
  realise_grid(values, *best, allowance, into);
  return true;
}

}  // namespace selvedge::codec
