// Series that say nothing any more.

#include <algorithm>

#include "engine/anomaly/watch_series.h"

namespace selvedge::engine {
namespace {

std::int64_t sane(std::int64_t time) { return std::clamp(time, -Moment::most, Moment::most); }

}  // namespace

// A reading came; of what time and what value does not matter.
void AnomalyWatch::hear(Series& s, std::int64_t time, std::int64_t now) {
  if (s.alarm.kind() == AnomalyKind::silent) speak_again(s, time);
  const std::int64_t allowed = rules_.at(s.rule).silent_after.count();
  if (allowed == 0) return;
  s.heard = sane(now);
  silence_due_ = std::min(silence_due_, s.heard + allowed);
}

bool AnomalyWatch::is_due(base::Time now) {
  if (sane(now.ns) < silence_due_) return false;
  silence_due_ = INT64_MAX;
  for (const auto& [id, s] : series_) {
    const std::int64_t allowed = rules_.at(s->rule).silent_after.count();
    if (allowed > 0 && s->heard != 0 && s->alarm.kind() != AnomalyKind::silent)
      silence_due_ = std::min(silence_due_, s->heard + allowed);
  }
  return sane(now.ns) >= silence_due_;
}

void AnomalyWatch::tick(base::Time now) {
  if (!is_due(now)) return;
  for (const std::uint32_t id : ids()) {
    Series& s = *series_.at(id);
    const std::int64_t allowed = rules_.at(s.rule).silent_after.count();
    if (allowed > 0 && s.heard != 0 && s.alarm.kind() != AnomalyKind::silent && sane(now.ns) >= s.heard + allowed) fall_silent(s);
  }
}

void AnomalyWatch::excuse(base::Time now) {
  for (auto& [id, s] : series_)
    if (rules_.at(s->rule).silent_after.count() > 0) s->heard = sane(now.ns);
  silence_due_ = INT64_MIN;
}

// Said at the time at which the next reading should have come at the latest, on the line of the readings' own times;
// by the node's clock where none had a time that counts.
void AnomalyWatch::fall_silent(Series& s) {
  const AnomalyRule& rule = rules_.at(s.rule);
  if (!s.alarm.raised()) ++stats_.alarms, ++raised_;
  s.alarm.fall_silent();
  s.score = s.reported = rule.threshold;
  s.reported_at = sane((s.count > 0 ? s.last : s.heard) + rule.silent_after.count());
  for (const auto what : {AnomalyOutput::What::score, AnomalyOutput::What::flag, AnomalyOutput::What::kind})
    put(s, what, s.reported_at, s.score);
}

// Beside what was said at that moment, if what came is older.
void AnomalyWatch::speak_again(Series& s, std::int64_t time) {
  s.alarm.speak_again();
  --raised_;
  s.score = s.reported = 0;
  const std::int64_t at = std::max(sane(time), s.reported_at + 1);
  s.reported_at = std::min(s.reported_at, s.last);   // reports go on with readings that come late
  for (const auto what : {AnomalyOutput::What::flag, AnomalyOutput::What::kind}) put(s, what, at, s.score);
}

}  // namespace selvedge::engine
