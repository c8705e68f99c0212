#include "engine/vision/filter.h"

#include <algorithm>
#include <cmath>

#include "base/result.h"

namespace selvedge::engine {

void make_filter(int length, double from, double to, int result, int one, int padded, Filter& into) {
  CHECK(length > 0 && result > 0 && to > from);
  into.spans.resize(static_cast<std::size_t>(result));
  into.weights.clear();
  into.first = length;
  into.end = 0;
  const double scale = (to - from) / result;
  const double reach = std::max(scale, 1.0);
  std::vector<double> exact;
  for (int i = 0; i < result; ++i) {
    const double centre = from + (i + 0.5) * scale;
    const int first = std::clamp(static_cast<int>(std::floor(centre - reach + 0.5)), 0, length - 1);
    const int end = std::clamp(static_cast<int>(std::floor(centre + reach + 0.5)), first + 1, length);
    exact.clear();
    double sum = 0;
    for (int k = first; k < end; ++k) {
      exact.push_back(std::max(0.0, 1 - std::abs(k + 0.5 - centre) / reach));
      sum += exact.back();
    }
    if (sum <= 0) exact.assign(exact.size(), 1), sum = double(exact.size());

    // Pixels at the rim that count nothing are left out.
    std::size_t skip = 0, count = exact.size();
    while (count > 1 && exact[count - 1] == 0) --count;
    while (skip + 1 < count && exact[skip] == 0) ++skip;
    Filter::Span& span = into.spans[static_cast<std::size_t>(i)];
    span = {first + static_cast<int>(skip), static_cast<int>(count - skip), into.weights.size()};
    // Rounding the running sum, not each weight, makes them sum to `one`.
    double running = 0;
    long before = 0;
    for (std::size_t k = skip; k < count; ++k) {
      running += exact[k] / sum;
      const long after = k + 1 == count ? one : std::lround(running * one);
      into.weights.push_back(static_cast<std::int16_t>(std::min(after - before, 32'767L)));
      before = after;
    }
    while ((into.weights.size() - span.weights) % static_cast<std::size_t>(padded) != 0) into.weights.push_back(0);
    into.first = std::min(into.first, span.first);
    into.end = std::max(into.end, span.first + span.count);
  }
}

}  // namespace selvedge::engine
