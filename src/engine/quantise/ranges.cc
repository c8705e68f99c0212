#include "engine/quantise/ranges.h"

#include <algorithm>
#include <cmath>

namespace selvedge::engine::quantise {
namespace {

constexpr double outer = 0.00005;                  // of the numbers, on each side

Range percentile(const Statistics& statistics) {
  const auto histogram = statistics.histogram();
  double total = 0;
  for (const std::uint64_t count : histogram) total += double(count);
  std::size_t low = 0, high = histogram.size() - 1;
  for (double below = double(histogram[low]); below <= total * outer && low + 1 < high; below += double(histogram[low])) ++low;
  for (double above = double(histogram[high]); above <= total * outer && high > low + 1; above += double(histogram[high])) --high;
  // The outermost bins keep their exact ends.
  return {low == 0 ? statistics.least() : statistics.middle(low),
          high + 1 == histogram.size() ? statistics.greatest() : statistics.middle(high)};
}

// Mean squared error of what the bins hold, kept in 255 steps of the range: step^2 / 12 inside, and the
// distance to the end outside.
double error_of(const Statistics& statistics, Range range) {
  range.include({0, 0});
  const double step = (double(range.greatest) - double(range.least)) / 255, inside = step * step / 12;
  const auto histogram = statistics.histogram();
  double error = 0;
  for (std::size_t bin = 0; bin < histogram.size(); ++bin) {
    if (histogram[bin] == 0) continue;
    const double value = statistics.middle(bin);
    const double beyond = std::max({double(range.least) - value, value - double(range.greatest), 0.0});
    error += double(histogram[bin]) * (inside + beyond * beyond);
  }
  return error;
}

Range least_error(const Statistics& statistics) {
  Range best{statistics.least(), statistics.greatest()};
  best.include({0, 0});
  const Range widest = best;
  double least = error_of(statistics, best);
  // One end after the other, twice: the error is nearly convex in each.
  for (int round = 0; round < 2; ++round)
    for (float Range::*end : {&Range::least, &Range::greatest})
      for (int percent = 99; percent >= 30; --percent) {
        Range candidate = best;
        candidate.*end = widest.*end * static_cast<float>(percent) / 100;
        const double error = error_of(statistics, candidate);
        if (error < least) least = error, best = candidate;
      }
  return best;
}

}  // namespace

Range choose_range(const Statistics& statistics, RangeRule rule) {
  if (statistics.empty()) return {0, 0};
  Range range{statistics.least(), statistics.greatest()};
  if (!statistics.histogram().empty() && range.greatest > range.least) {
    if (rule == RangeRule::percentile) range = percentile(statistics);
    if (rule == RangeRule::least_error) range = least_error(statistics);
  }
  range.include({0, 0});
  return range;
}

Range with_bounds(Range range, const Tap& tap) {
  if (tap.least) range.least = std::max(range.least, *tap.least);
  if (tap.greatest) range.greatest = std::min(range.greatest, *tap.greatest);
  return range;
}

Steps steps_for(Range range, const Options& options) {
  range.include({0, 0});
  const bool symmetric = options.target == Target::arm && options.symmetry == Symmetry::symmetric && range.least < 0;
  if (symmetric) {
    const float most = std::max(range.greatest, -range.least);
    return {round_up(std::max(most / 127, 1e-12F), 12), 0};
  }
  const float scale = round_near(std::max((range.greatest - range.least) / 255, 1e-12F), 12);
  const int least = is_unsigned(options.target) ? 0 : -128;
  const int zero = least + static_cast<int>(std::lround(-range.least / scale));
  return {scale, std::clamp(zero, least, least + 255)};
}

float round_near(float number, int bits) {
  int exponent = 0;
  const float part = std::frexp(number, &exponent);
  return std::ldexp(std::round(std::ldexp(part, bits)), exponent - bits);
}

float round_up(float number, int bits) {
  int exponent = 0;
  const float part = std::frexp(number, &exponent);
  return std::ldexp(std::ceil(std::ldexp(part, bits)), exponent - bits);
}

}  // namespace selvedge::engine::quantise
