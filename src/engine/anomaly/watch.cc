#include "engine/anomaly/watch.h"

#include <algorithm>
#include <cmath>

#include "engine/anomaly/watch_series.h"

namespace selvedge::engine {
namespace {

constexpr std::int64_t most_ahead = 24LL * 3600 * 1'000'000'000;
constexpr std::uint32_t late_until_restart = 20, most_count = 1'000'000;
constexpr std::int64_t gap_intervals = 10, longest_interval = 366LL * 24 * 3600 * 1'000'000'000;
// Means of such and their differences are floats, and their squares doubles.
constexpr double most_value = 1e30;
constexpr std::size_t of_a_map = 64;   // what an entry of series_ takes beside the series

}  // namespace

model::ValueView AnomalyOutput::value() const {
  switch (what) {
    case What::score: return model::ValueView::of(score);
    case What::flag: return model::ValueView::of(raised);
    case What::kind: break;
  }
  return model::ValueView::of(engine::name(kind));
}

AnomalyWatch::AnomalyWatch(std::uint64_t bytes) : limit_(bytes) {}
AnomalyWatch::~AnomalyWatch() = default;
AnomalyWatch::AnomalyWatch(AnomalyWatch&&) noexcept = default;
AnomalyWatch& AnomalyWatch::operator=(AnomalyWatch&&) noexcept = default;

void AnomalyWatch::set_rules(AnomalyRules rules, const FindSeries& find) {
  // What waits is of the old rules' names.
  for (AnomalyOutput& output : pending_)
    if (output.name.empty())
      if (const auto name = derived_name(output, find)) output.name = *name;
  std::erase_if(pending_, [](const AnomalyOutput& output) { return output.name.empty(); });
  std::vector<std::uint32_t> gone;
  for (auto& [id, s] : series_) {
    const model::SeriesDef* const def = find(model::SeriesId{id});
    const auto rule = def == nullptr ? std::nullopt : rules.find(def->name, def->kind);
    if (rule && rules.at(*rule).fingerprint() == s->fingerprint && rules.at(*rule).series == rules_.at(s->rule).series) {
      s->rule = *rule;
      continue;
    }
    if (s->alarm.raised()) {
      AnomalyOutput over;
      over.series = id;
      over.rule = s->rule;
      over.time = std::max(s->last, s->reported_at) + 1;   // beside what was said at that moment
      for (const auto what : {AnomalyOutput::What::flag, AnomalyOutput::What::kind}) {
        over.what = what;
        over.name.clear();
        if (const auto name = derived_name(over, find)) {
          over.name = *name;
          pending_.push_back(over);
        }
      }
    }
    gone.push_back(id);
  }
  for (const std::uint32_t id : gone) forget(id);
  questions_.clear();
  for (auto& [id, s] : series_) s->asked = false;
  rules_ = std::move(rules);
  listens_ = false;
  for (std::uint32_t i = 0; i < rules_.size(); ++i) listens_ = listens_ || rules_.at(i).silent_after.count() > 0;
  silence_due_ = INT64_MIN;
  for (const std::uint32_t id : ids()) {
    Series& s = *series_.at(id);
    if (rules_.at(s.rule).silent_after.count() > 0) continue;
    s.heard = 0;
    if (s.alarm.kind() == AnomalyKind::silent) speak_again(s, s.last);
  }
}

// In order, so that a state that was restored comes to the same outputs.
std::vector<std::uint32_t> AnomalyWatch::ids() const {
  std::vector<std::uint32_t> all;
  all.reserve(series_.size());
  for (const auto& [id, s] : series_) all.push_back(id);
  std::ranges::sort(all);
  return all;
}

void AnomalyWatch::forget(std::uint32_t id) {
  const auto at = series_.find(id);
  bytes_ -= at->second->bytes;
  if (at->second->alarm.raised()) --raised_;
  series_.erase(at);
}

AnomalyWatch::Series* AnomalyWatch::open(const model::SeriesDef& series) {
  const auto id = static_cast<std::uint32_t>(series.id);
  if (const auto known = series_.find(id); known != series_.end()) return known->second.get();
  const auto rule = rules_.find(series.name, series.kind);
  if (!rule) return nullptr;
  const AnomalyRule& of = rules_.at(*rule);
  const std::size_t needed = sizeof(Series) + of_a_map + detector_bytes(of);
  if (bytes_ + needed > limit_) {
    ++stats_.unadmitted;
    return nullptr;
  }
  auto made = std::make_unique<Series>();
  made->id = id;
  made->rule = *rule;
  made->fingerprint = of.fingerprint();
  made->bytes = needed;
  made->detector = make_detector(of);
  bytes_ += needed;
  return series_.emplace(id, std::move(made)).first->second.get();
}

// Whether the reading is the next one of its series.
bool AnomalyWatch::place(Series& s, std::int64_t time, std::int64_t now, bool& gap) {
  if (time >= Moment::most || time <= -Moment::most) return false;
  if (now < Moment::most - most_ahead && time > now + most_ahead) {
    ++stats_.ahead;
    return false;
  }
  if (s.count == 0) return true;
  if (time <= s.last) {
    ++stats_.late;
    if (++s.late_run < late_until_restart) return false;
    ++stats_.restarted;
    s.reported_at = std::min(s.reported_at, time);
    gap = true;
  } else {
    const std::int64_t passed = time - s.last;
    gap = s.count > 4 && passed / gap_intervals > s.interval;
    if (s.count == 1) s.interval = std::min(passed, longest_interval);
    else s.interval += (std::min({passed, s.interval * 4, longest_interval}) - s.interval) / 8;
    if (gap) ++stats_.gaps;
  }
  s.late_run = 0;
  return true;
}

void AnomalyWatch::take(const model::SeriesDef& series, base::Time time, const model::ValueView& value,
                        base::Time now) {
  if (rules_.empty() || (value.kind != model::Kind::float64 && value.kind != model::Kind::int64)) return;
  Series* const found = open(series);
  if (found == nullptr) return;
  Series& s = *found;
  hear(s, time.ns, now.ns);
  const double x = value.kind == model::Kind::float64 ? value.float64 : static_cast<double>(value.int64);
  if (!(std::abs(x) <= most_value)) {
    ++stats_.missing;
    return;
  }
  bool gap = false;
  if (!place(s, time.ns, now.ns, gap)) return;
  ++stats_.readings;
  const AnomalyRule& rule = rules_.at(s.rule);
  if (s.count == 0 || gap || x != s.value) s.same_since = time.ns;
  const bool stuck = rule.stuck_after.count() > 0 && time.ns - s.same_since >= rule.stuck_after.count();
  if (gap) s.alarm.gap();
  const double step = s.count > 0 ? std::abs(x - s.value) : 0;
  // A value that stays says nothing of how much is usual, if it may not stay.
  const bool stays = rule.stuck_after.count() > 0 && time.ns - s.same_since >= rule.stuck_after.count() / 4;
  if (s.detector && !stays) {
    const Verdict verdict = s.detector->step({time.ns, gap, s.alarm.raised(), s.resolution}, x);
    if (step > 0 && (s.resolution == 0 || step < s.resolution)) s.resolution = step;
    s.value = x;
    s.last = time.ns;
    s.count = std::min(s.count + 1, most_count);
    judge(s, time.ns, verdict.residual, verdict.ready, false);
    return;
  }
  s.value = x;
  s.last = time.ns;
  s.count = std::min(s.count + 1, most_count);
  if (stuck) {
    judge(s, time.ns, 0, true, true);
    return;
  }
  if (s.detector) return;
  if (s.alarm.kind() == AnomalyKind::stuck) judge(s, time.ns, 0, true, false);
  s.keep(rule.window, x);
  if (s.values.size() < rule.window || ++s.since_asked < rule.every) return;
  if (s.asked) {
    ++stats_.unasked;
    return;
  }
  s.since_asked = 0;
  s.asked = true;
  questions_.push_back({s.id, s.rule, time.ns});
}

void AnomalyWatch::judge(Series& s, std::int64_t time, double residual, bool ready, bool stuck) {
  if (!ready) return;
  const AnomalyRule& rule = rules_.at(s.rule);
  const AnomalyKind before = s.alarm.kind();
  s.alarm.step(rule, residual, stuck);
  s.score = stuck ? rule.threshold : std::abs(residual);
  const bool was = before != AnomalyKind::none, is = s.alarm.raised();
  if (is && !was) ++stats_.alarms, ++raised_;
  if (was && !is) --raised_;
  const bool due = rule.report.count() > 0 && time - s.reported_at >= rule.report.count();
  const bool first = !s.ready;
  if (first || due || is != was || (is && s.score > 1.5 * s.reported)) {
    put(s, AnomalyOutput::What::score, time, s.score);
    s.reported = s.score;
    s.reported_at = time;
  }
  if (first || due || is != was) put(s, AnomalyOutput::What::flag, time, s.score);
  if (s.alarm.kind() != before) put(s, AnomalyOutput::What::kind, time, s.score);
  s.ready = true;
}

void AnomalyWatch::put(const Series& s, AnomalyOutput::What what, std::int64_t time, double score) {
  pending_.push_back({s.id, s.rule, what, time, score, s.alarm.raised(), s.alarm.kind(), {}});
}

base::Result<std::string> AnomalyWatch::derived_name(const AnomalyOutput& output, const FindSeries& find) const {
  if (!output.name.empty()) return output.name;
  const model::SeriesDef* const source = find(model::SeriesId{output.series});
  if (source == nullptr) return base::fail(base::Code::not_found, "the series of an anomaly is unknown");
  return rules_.derived(output.rule, *source, AnomalyRule::outputs()[static_cast<std::size_t>(output.what)]);
}

std::vector<double> AnomalyWatch::window(std::uint32_t series, std::size_t count) const {
  const auto at = series_.find(series);
  if (at == series_.end() || at->second->values.size() < count) return {};
  const Series& s = *at->second;
  std::vector<double> all;
  for (std::size_t i = s.values.size() - count; i < s.values.size(); ++i)
    all.push_back(s.values[(s.next + i) % s.values.size()]);
  return all;
}

void AnomalyWatch::answer(const ModelQuestion& question, std::optional<double> residual) {
  const auto at = series_.find(question.series);
  if (at == series_.end() || !at->second->asked) return;
  at->second->asked = false;
  if (residual && std::isfinite(*residual) && at->second->alarm.kind() != AnomalyKind::silent)
    judge(*at->second, question.time, std::clamp(*residual, -Detector::most, Detector::most), true, false);
}

AnomalyStats AnomalyWatch::stats() const {
  AnomalyStats stats = stats_;
  stats.series = series_.size();
  stats.raised = raised_;
  stats.bytes = bytes_;
  return stats;
}

}  // namespace selvedge::engine
