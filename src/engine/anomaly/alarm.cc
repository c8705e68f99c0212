#include "engine/anomaly/alarm.h"

#include <algorithm>
#include <cmath>

namespace selvedge::engine {
namespace {

constexpr std::uint32_t most_run = 1'000'000;
constexpr double rather_far = 0.3;     // of the threshold

}  // namespace

std::string_view name(AnomalyKind kind) {
  switch (kind) {
    case AnomalyKind::none: return "none";
    case AnomalyKind::spike: return "spike";
    case AnomalyKind::shift: return "shift";
    case AnomalyKind::drift: return "drift";
    case AnomalyKind::stuck: return "stuck";
    case AnomalyKind::silent: return "silent";
  }
  return "none";
}

void Alarm::gap() {
  above_ = below_ = lead_ = run_ = 0;
}

void Alarm::fall_silent() {
  gap();
  kind_ = AnomalyKind::silent;
}

void Alarm::speak_again() { kind_ = AnomalyKind::none; }

void Alarm::step(const AnomalyRule& rule, double residual, bool stuck) {
  const double score = std::abs(residual);
  above_ = score >= rule.threshold ? std::min(above_ + 1, most_run) : 0;
  below_ = score < rule.clear_below() ? std::min(below_ + 1, most_run) : 0;
  const bool same_side = (residual > 0) == positive_;
  if (stuck) {
    kind_ = AnomalyKind::stuck;
    return;
  }
  if (kind_ == AnomalyKind::stuck) kind_ = AnomalyKind::none;   // it moves again
  if (kind_ != AnomalyKind::none) {
    if (below_ >= rule.hold) {
      kind_ = AnomalyKind::none;
      lead_ = run_ = 0;
      return;
    }
    run_ = same_side && score >= rule.clear_below() ? std::min(run_ + 1, most_run) : 0;
    if (kind_ == AnomalyKind::spike && run_ >= shift_after) kind_ = AnomalyKind::shift;
    return;
  }
  if (above_ >= rule.confirm) {
    kind_ = same_side && lead_ >= drift_after + rule.confirm - 1 ? AnomalyKind::drift : AnomalyKind::spike;
    positive_ = residual > 0;
    run_ = 1;
    return;
  }
  if (score < rather_far * rule.threshold) {
    lead_ = 0;
  } else {
    lead_ = same_side ? std::min(lead_ + 1, most_run) : 1;
    positive_ = residual > 0;
  }
}

void Alarm::save(base::Writer& out) const {
  out.u8(static_cast<std::uint8_t>(static_cast<std::uint8_t>(kind_) | (positive_ ? 8 : 0)));
  for (const std::uint32_t count : {above_, below_, lead_, run_}) out.varint(count);
}

bool Alarm::restore(base::Reader& in) {
  const std::uint8_t first = in.u8();
  if ((first & 7) > static_cast<std::uint8_t>(AnomalyKind::silent) || first > 15) return false;
  kind_ = static_cast<AnomalyKind>(first & 7);
  positive_ = (first & 8) != 0;
  for (std::uint32_t* const count : {&above_, &below_, &lead_, &run_})
    *count = static_cast<std::uint32_t>(std::min<std::uint64_t>(in.varint(), most_run));
  return in.ok();
}

}  // namespace selvedge::engine
