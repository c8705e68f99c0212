#include "engine/vision/rank.h"

#include <algorithm>
#include <cmath>

#include "engine/vision/detections.h"

namespace selvedge::engine {

void activate(Activation activation, std::span<float> values) {
  if (activation == Activation::none || values.empty()) return;
  if (activation == Activation::sigmoid) {
    for (float& value : values) value = 1 / (1 + std::exp(-value));
    return;
  }
  const float greatest = std::ranges::max(values);
  float sum = 0;
  for (float& value : values) sum += value = std::exp(value - greatest);
  if (!(sum > 0) || !std::isfinite(sum)) return void(std::ranges::fill(values, 0.0F));
  for (float& value : values) value /= sum;
}

std::vector<Ranked> rank(const RankRule& rule, std::span<const float> scores, const std::vector<std::string>& labels) {
  std::vector<float> values(scores.begin(), scores.end());
  activate(rule.activation, values);
  std::vector<int> order;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] >= rule.threshold) order.push_back(static_cast<int>(i));
  const auto value = [&](int label) { return values[static_cast<std::size_t>(label)]; };
  const std::size_t most = std::min(rule.most, order.size());
  std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(most), [&](int a, int b) {
    return value(a) != value(b) ? value(a) > value(b) : a < b;
  });
  std::vector<Ranked> best;
  for (std::size_t i = 0; i < most; ++i) best.push_back({order[i], label_name(labels, order[i]), value(order[i])});
  return best;
}

}  // namespace selvedge::engine
