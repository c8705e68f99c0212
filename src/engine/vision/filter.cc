#include "engine/vision/filter.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/result.h"

namespace selvedge::engine {

namespace {

// The weights of the pixels from `first` to before `end`, of any sum.
void triangle(double centre, double reach, int first, int end, std::vector<double>& exact) {
  exact.clear();
  for (int k = first; k < end; ++k) exact.push_back(std::max(0.0, 1 - std::abs(k + 0.5 - centre) / reach));
}

// Rounding the running sum, not each weight, makes the weights sum to `one`.
void to_whole(const std::vector<double>& exact, int one, std::vector<std::uint16_t>& weights) {
  const double sum = std::accumulate(exact.begin(), exact.end(), 0.0);
  double running = 0;
  long before = 0;
  for (std::size_t k = 0; k < exact.size(); ++k) {
    running += exact[k];
    const long after = k + 1 == exact.size() ? one : std::lround(running / sum * one);
    weights.push_back(static_cast<std::uint16_t>(std::min(after - before, 65'535L)));
    before = after;
  }
}

void spread_pairs(const std::vector<std::uint16_t>& weights, std::vector<std::uint16_t>& pairs) {
  pairs.resize(weights.size() * 4);
  for (std::size_t i = 0; i < weights.size(); ++i)
    for (std::size_t copy = 0; copy < 4; ++copy) pairs[i / 2 * 8 + copy * 2 + i % 2] = weights[i];
}

}  // namespace

void make_filter(int length, double from, double to, int result, int one, int multiple, Filter& into) {
  CHECK(length > 0 && result > 0 && to > from);
  into.spans.clear();
  into.first = length;
  into.end = into.width = 0;
  const double scale = (to - from) / result;
  const double reach = std::max(scale, 1.0);
  std::vector<double> exact;
  std::vector<std::uint16_t> dense;
  for (int i = 0; i < result; ++i) {
    const double centre = from + (i + 0.5) * scale;
    int first = std::clamp(static_cast<int>(std::floor(centre - reach + 0.5)), 0, length - 1);
    int end = std::clamp(static_cast<int>(std::floor(centre + reach + 0.5)), first + 1, length);
    triangle(centre, reach, first, end, exact);
    // Pixels at the rim that count nothing are left out; if all do, the first stays.
    while (exact.size() > 1 && exact.back() == 0) exact.pop_back(), --end;
    while (exact.size() > 1 && exact.front() == 0) exact.erase(exact.begin()), ++first;
    if (exact.front() == 0) exact.front() = 1;
    to_whole(exact, one, dense);
    into.spans.push_back({first, end - first});
    into.width = std::max(into.width, (end - first + multiple - 1) / multiple * multiple);
    into.first = std::min(into.first, first);
    into.end = std::max(into.end, end);
  }
  into.weights.assign(static_cast<std::size_t>(result) * static_cast<std::size_t>(into.width), 0);
  auto weight = dense.begin();
  for (std::size_t i = 0; i < into.spans.size(); ++i)
    for (std::int32_t k = 0; k < into.spans[i].count; ++k)
      into.weights[i * static_cast<std::size_t>(into.width) + static_cast<std::size_t>(k)] = *weight++;
  into.pairs.clear();
  if (multiple == 4) spread_pairs(into.weights, into.pairs);
}

}  // namespace selvedge::engine
