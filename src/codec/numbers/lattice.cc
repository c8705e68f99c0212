// Lattices whose step is not known beforehand: converter steps and conversions of units.

#include <algorithm>
#include <array>
#include <cmath>

#include "codec/numbers/choice.h"
#include "codec/numbers/forms.h"
#include "codec/numbers/steps.h"

namespace selvedge::codec {

namespace {

// The simplest fraction within `error` of x > 0, if its parts are small.
bool simple_fraction(double x, double error, double& numerator, double& denominator) {
  double rest = x, p0 = 0, q0 = 1, p1 = 1, q1 = 0;
  for (int i = 0; i < 12; ++i) {
    const double whole = std::floor(rest);
    const double p = whole * p1 + p0, q = whole * q1 + q0;
    if (q > 100000 || p > 1e9) return false;
    if (p > 0 && std::abs(x * q - p) <= error * q) {
      // With a wide error any x is near a fraction.
      if (q * q * error > 0.02) return false;
      numerator = p, denominator = q;
      return true;
    }
    p0 = p1, q0 = q1, p1 = p, q1 = q;
    if (rest == whole) return false;
    rest = 1 / (rest - whole);
  }
  return false;
}

void ascending_of(std::span<const double> values, double scale, std::vector<double>& into) {
  into.clear();
  for (const double value : values) {
    const double scaled = value * scale;
    if (std::abs(scaled) < 1e15) into.push_back(scale == 1 ? scaled : std::nearbyint(scaled));
  }
  std::sort(into.begin(), into.end());
  into.erase(std::unique(into.begin(), into.end()), into.end());
}

// How many of the looks come back as they are.
std::size_t hits(const Survey& survey, const NumberModel& model) {
  std::size_t count = 0;
  for (const Look& look : survey.looks)
    count += same_bits(evaluate_fine(model, fine_of(model, look.value)), look.value);
  return count;
}

// Full-precision values: the step must be right to its last bit, so its neighbours are tried, and
// what a person would have written.
void propose_exact_step(const Survey& survey, const Step& found, std::vector<NumberModel>& models) {
  NumberModel best;
  std::size_t best_hits = 0;
  const auto consider = [&](const NumberModel& model) {
    const std::size_t count = hits(survey, model);
    if (count > best_hits) best = model, best_hits = count;
  };
  NumberModel model;
  model.form = NumberForm::lattice;
  const double steps = std::round(found.origin / found.step);
  const bool from_zero = std::abs(found.origin - steps * found.step) <= found.step * 0.02 + std::abs(steps) * found.error;
  if (from_zero && steps != 0) {
    model.origin = 0;
  } else {
    model.origin = found.origin;
  }
  double numerator = 0, denominator = 1;
  if (simple_fraction(found.step, found.error, numerator, denominator)) {
    model.step = numerator, model.denominator = denominator;
    consider(model);
  }
  // step = written / denominator, for denominators that people use.
  for (const double divisor : {1.0, 10.0, 100.0, 1000.0, 1e4, 1e6, 60.0, 255.0, 1023.0, 4095.0, 32767.0, 65535.0}) {
    const double step = found.step * divisor, error = found.error * divisor;
    model.denominator = divisor;
    const int decade = static_cast<int>(std::floor(std::log10(step)));
    for (int digits = -decade; digits <= 16 - decade; ++digits) {
      if (digits < 0 || digits > static_cast<int>(most_digits)) continue;
      const double written = std::nearbyint(step * ten_to[digits]) / ten_to[digits];
      if (std::abs(written - step) > error || written == 0) continue;
      model.step = written;
      consider(model);
      break;
    }
    if (divisor != 1) continue;
    for (double near = step - 2e-16 * 6 * step; near < step + 2e-16 * 6 * step; near = std::nextafter(near, HUGE_VAL)) {
      model.step = near;
      consider(model);
    }
  }
  if (best_hits * 3 > survey.looks.size()) models.push_back(best);
}

void propose_rounded_step(const Survey& survey, const Step& found, unsigned digits, std::vector<NumberModel>& models) {
  NumberModel model;
  model.form = NumberForm::lattice;
  model.rounding = Rounding::decimals;
  model.rounded_digits = digits;
  NumberModel real = model;
  real.origin = found.origin;
  real.step = found.step;
  real.denominator = ten_to[digits];
  const double steps = std::round(found.origin / found.step);
  double numerator = 0, denominator = 1;
  if (std::abs(found.origin - steps * found.step) <= 0.6 + std::abs(steps) * found.error &&
      simple_fraction(found.step / ten_to[digits], found.error / ten_to[digits], numerator, denominator)) {
    model.step = numerator, model.denominator = denominator;
    if (hits(survey, model) + 1 >= hits(survey, real)) {
      models.push_back(model);
      return;
    }
  }
  // A step that a person would have written, if the values are multiples of it.
  const double step = found.step / ten_to[digits], error = found.error / ten_to[digits];
  NumberModel written = model;
  written.step = step, written.denominator = 1, written.origin = 0;
  for (unsigned places = 0; places <= 12; ++places) {
    written.step = std::nearbyint(step * ten_to[places]) / ten_to[places];
    if (written.step != 0 && std::abs(written.step - step) <= error) break;
  }
  models.push_back(written.step != 0 && hits(survey, written) > hits(survey, real) ? written : real);
}

}  // namespace

void propose_steps(const Survey& survey, std::vector<NumberModel>& models) {
  static thread_local std::vector<double> ascending;
  if (survey.looks.size() < 8) return;
  std::array<std::size_t, no_digits + 1> seen{};
  for (const Look& look : survey.looks) ++seen[look.digits];
  std::size_t covered = 0;
  unsigned digits = 0;
  while (digits <= 17 && (covered += seen[digits]) * 20 < survey.looks.size() * 19) ++digits;
  if (digits <= 12) {
    ascending_of(survey.runs, ten_to[digits], ascending);
    const Step found = find_step(ascending, 0.5);
    if (found.step > 2.5) propose_rounded_step(survey, found, digits, models);
    return;
  }
  ascending_of(survey.runs, 1, ascending);
  const Step found = find_step(ascending, survey.largest * 0x1p-52);
  // Below, a step or an origin may be subnormal, which is not written.
  if (found.step > 1e-280) propose_exact_step(survey, found, models);
}

}  // namespace selvedge::codec
