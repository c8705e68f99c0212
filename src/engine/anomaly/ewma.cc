#include "engine/anomaly/ewma.h"

#include <algorithm>
#include <cmath>

namespace selvedge::engine {

Verdict EwmaDetector::step(const Moment& moment, double value) {
  constexpr double lambda = 0.2;       // of Lucas and Saccucci: small shifts, in some readings
  constexpr double far = 2;            // deviations that count whole in what is learnt
  constexpr double kept = 0.9205;      // of a normal variance, when squares are cut at `far`
  constexpr double while_raised = 0.1; // of the usual pace
  if (count_ == 0) level_ = average_ = value;
  // After a gap the average is of another time.
  if (moment.gap) average_ = level_ + lambda * (value - level_);
  else average_ += lambda * (value - average_);
  const double off = average_ - level_;
  const double deviation = std::sqrt(variance_);
  const double floor = moment.resolution * lambda / 2;
  Verdict verdict;
  if (count_ >= window_) verdict = {true, in_deviations(off, deviation, floor > 0 ? floor : std::abs(level_) * 1e-3)};
  count_ = std::min(count_ + 1, 4 * window_);
  // At first a plain mean, then one that forgets.
  double pace = std::max(1.0 / count_, 1.0 / (4.0 * window_));
  if (verdict.ready && moment.raised) pace *= while_raised;
  const double bound = verdict.ready && deviation > 0 ? far * deviation : INFINITY;
  const double counted = std::clamp(off, -bound, bound);
  const double step = std::clamp(value - level_, -bound / lambda, bound / lambda);
  level_ += pace * step;
  // The average takes few independent values in a window; its deviation needs more of them.
  const double slow = verdict.ready ? pace / 4 : pace;
  variance_ += slow * (counted * counted / (std::isfinite(bound) ? kept : 1) - variance_);
  if (!std::isfinite(level_) || !std::isfinite(variance_)) *this = EwmaDetector(window_);
  return verdict;
}

void EwmaDetector::save(base::Writer& out) const {
  out.varint(count_);
  out.f64(level_);
  out.f64(average_);
  out.f64(variance_);
}

bool EwmaDetector::restore(base::Reader& in) {
  const std::uint64_t count = in.varint();
  level_ = in.f64();
  average_ = in.f64();
  variance_ = in.f64();
  if (!in.ok() || count > std::uint64_t{4} * window_) return false;
  count_ = static_cast<std::uint32_t>(count);
  return std::isfinite(level_) && std::isfinite(average_) && std::isfinite(variance_) && variance_ >= 0;
}

}  // namespace selvedge::engine
