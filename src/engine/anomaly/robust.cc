#include "engine/anomaly/robust.h"

#include <algorithm>
#include <cmath>

namespace selvedge::engine {

void RobustDetector::keep(double value) {
  last_[count_ % near] = value;
  if (++count_ >= 2 * near) count_ = near;
}

Verdict RobustDetector::step(const Moment& moment, double value) {
  constexpr double of_normal = 1.4826, of_mean = 1.2533, of_tail = 1 / 1.96;   // deviations of a normal distribution
  constexpr double far = 4;
  if (moment.gap) count_ = 0;
  if (count_ < near) {
    keep(value);
    return {};
  }
  std::array<double, near> sorted = last_;
  std::ranges::nth_element(sorted, sorted.begin() + near / 2);
  const double usual = sorted[near / 2], off = value - usual;
  Verdict verdict;
  double counted = off;
  if (window_.size() >= std::max(AnomalyRule::least_window, capacity_ / 2)) {
    // The wider of the middle and the tail: what jumps often may jump.
    double scale = std::max(of_normal * window_.deviation(), of_tail * window_.spread(0.95));
    // More than nine in ten are the very same: the others say what is usual.
    if (scale == 0) scale = of_mean * window_.mean_deviation();
    const double floor = moment.resolution > 0 ? moment.resolution / 2 : std::abs(usual) * 1e-3;
    verdict = {true, in_deviations(off - window_.median(), scale, floor)};
    const double bound = far * std::max(scale, floor);
    if (bound > 0) counted = window_.median() + std::clamp(off - window_.median(), -bound, bound);
  }
  if (std::isfinite(counted)) window_.add(counted);
  // What is far off is not usual yet; what stays so for a while is.
  held_ = verdict.ready && (moment.raised || std::abs(verdict.residual) > far) ? held_ + 1 : 0;
  if (held_ == 0 || held_ > capacity_ / 4) keep(value);
  return verdict;
}

void RobustDetector::save(base::Writer& out) const {
  window_.save(out);
  out.varint(count_);
  out.varint(held_);
  for (std::uint32_t i = 0; i < std::min(count_, near); ++i) out.f64(last_[i]);
}

bool RobustDetector::restore(base::Reader& in) {
  if (!window_.restore(in)) return false;
  const std::uint64_t count = in.varint();
  held_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(in.varint(), 1'000'000));
  if (!in.ok() || count >= 2 * near) return false;
  count_ = static_cast<std::uint32_t>(count);
  for (std::uint32_t i = 0; i < std::min(count_, near); ++i) {
    last_[i] = in.f64();
    if (!std::isfinite(last_[i])) return false;
  }
  return in.ok();
}

}  // namespace selvedge::engine
