#include "engine/anomaly/seasonal.h"

#include <algorithm>
#include <cmath>

namespace selvedge::engine {
namespace {

constexpr double mean_to_deviation = 1.2533;   // of a normal distribution
constexpr std::uint16_t most_visits = 1000;

}  // namespace

SeasonalDetector::SeasonalDetector(std::int64_t period, std::uint32_t phases)
    : period_(period), phases_(phases) {
  if (period == 0) finder_.emplace();
}

std::size_t SeasonalDetector::bytes_for(std::size_t phases, bool finds) {
  return sizeof(SeasonalDetector) + phases * sizeof(Phase) + (finds ? PeriodFinder::most_bytes : 0);
}

void SeasonalDetector::learn(Phase& phase, double weight, double off, double bound, std::int64_t number) {
  if (phase.period != number) {
    phase.period = number;
    if (phase.visits < most_visits) ++phase.visits;
  }
  // The first periods count alike; later ones are forgotten slowly.
  const double pace = weight * std::max(1.0 / (phase.visits + 1.0), 0.1);
  const double counted = std::clamp(off, -bound, bound);
  phase.level += static_cast<float>(pace * counted);
  phase.deviation += static_cast<float>(pace * (std::abs(counted) - phase.deviation));
}

Verdict SeasonalDetector::step(const Moment& moment, double value) {
  if (period_ == 0) {
    if (const auto found = finder_->step(moment.time, value)) {
      if (*found / static_cast<std::int64_t>(phases_.size()) > 0) {
        period_ = *found;
        finder_.reset();
      }
    }
    if (period_ == 0) return {};
  }
  if (count_ == 0) level_ = value, begun_ = last_ = moment.time;
  const auto size = static_cast<std::int64_t>(phases_.size());
  std::int64_t within = moment.time % period_;
  if (within < 0) within += period_;
  const std::int64_t number = (moment.time - within) / period_;
  // Between the middles of two phases the level is on the line between theirs.
  const double place = static_cast<double>(within) / static_cast<double>(period_) * static_cast<double>(size) - 0.5;
  const double below = std::floor(place), share = place - below;
  Phase& left = phases_[static_cast<std::size_t>((static_cast<std::int64_t>(below) + size) % size)];
  Phase& right = phases_[static_cast<std::size_t>((static_cast<std::int64_t>(below) + 1) % size)];
  const double expected = level_ + (1 - share) * left.level + share * right.level;
  const double off = value - expected;
  const double here = (1 - share) * left.deviation + share * right.deviation;
  const double scale = mean_to_deviation * std::max(here, 0.5 * typical_);
  Verdict verdict;
  if (moment.time - begun_ >= 2 * period_ && left.visits >= 2 && right.visits >= 2)
    verdict = {true, in_deviations(off, scale, moment.resolution / 2)};

  const double far = verdict.ready && scale > 0 ? 3 * scale : INFINITY;
  const double slower = verdict.ready && moment.raised ? 0.1 : 1;
  // The whole follows within about an eighth of a period.
  const double passed = std::clamp(static_cast<double>(moment.time - last_) / static_cast<double>(period_), 0.0, 1.0);
  const double counted = std::clamp(off, -far, far);
  if (count_ > 0) level_ += slower * (1 - std::exp(-3 * passed)) * counted * 0.5;
  typical_ += slower * std::max(1.0 / (count_ + 1.0), 0.002) * (std::abs(counted) - typical_);
  const double pace = slower * (1 - std::exp(-passed * static_cast<double>(size) * 4));
  if (share < 1) learn(left, pace * (1 - share), off, far, number);
  if (share > 0) learn(right, pace * share, off, far, number);
  last_ = moment.time;
  count_ = std::min(count_ + 1, 1'000'000U);
  if (!std::isfinite(level_) || !std::isfinite(typical_))
    *this = SeasonalDetector(period_, static_cast<std::uint32_t>(phases_.size()));
  return verdict;
}

void SeasonalDetector::save(base::Writer& out) const {
  out.svarint(period_);
  out.u8(finder_ ? 1 : 0);
  if (finder_) finder_->save(out);
  out.f64(level_);
  out.f64(typical_);
  out.svarint(last_);
  out.svarint(begun_);
  out.varint(count_);
  for (const Phase& phase : phases_) {
    out.varint(phase.visits);
    if (phase.visits == 0) continue;
    out.f64(phase.level);
    out.f64(phase.deviation);
    out.svarint(phase.period);
  }
}

bool SeasonalDetector::restore(base::Reader& in) {
  const std::int64_t period = in.svarint();
  const std::uint8_t finds = in.u8();
  if (!in.ok() || period < 0 || period > Moment::most / 4 || finds > 1 || (finds == 1) != (period == 0)) return false;
  if (period > 0 && period / static_cast<std::int64_t>(phases_.size()) == 0) return false;
  finder_.reset();
  if (finds == 1 && !finder_.emplace().restore(in)) return false;
  period_ = period;
  level_ = in.f64();
  typical_ = in.f64();
  last_ = in.svarint();
  begun_ = in.svarint();
  const std::uint64_t count = in.varint();
  for (Phase& phase : phases_) {
    phase = {};
    const std::uint64_t visits = in.varint();
    if (!in.ok() || visits > most_visits) return false;
    if (visits == 0) continue;
    phase.visits = static_cast<std::uint16_t>(visits);
    phase.level = static_cast<float>(in.f64());
    phase.deviation = static_cast<float>(in.f64());
    phase.period = in.svarint();
    if (!std::isfinite(phase.level) || !(phase.deviation >= 0) || !std::isfinite(phase.deviation)) return false;
  }
  count_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, 1'000'000));
  return in.ok() && std::isfinite(level_) && std::isfinite(typical_) && typical_ >= 0 && last_ < Moment::most &&
         begun_ > -Moment::most && begun_ <= last_;
}

}  // namespace selvedge::engine
