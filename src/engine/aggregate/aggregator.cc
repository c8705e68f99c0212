#include "engine/aggregate/aggregator.h"

#include <utility>

#include "base/crc32c.h"
#include "engine/aggregate/aggregator_series.h"

namespace selvedge::engine {
namespace {

constexpr std::int64_t most_ahead = 24 * 3600 * 1'000'000'000LL;
constexpr std::int64_t start_over_after = 60 * 1'000'000'000LL;
// Room at both ends, so that a window more does not leave what is sane.
constexpr std::int64_t margin = 100'000'000'000'000'000;

}  // namespace

Aggregator::Aggregator(AggregateLimits limits) : limits_(limits) {}
Aggregator::~Aggregator() = default;
Aggregator::Aggregator(Aggregator&&) noexcept = default;
Aggregator& Aggregator::operator=(Aggregator&&) noexcept = default;

const AggregateRule& Aggregator::rule_of(const Series& s) const { return rules_.at(s.rule); }

AggregateStats Aggregator::stats() const {
  AggregateStats stats = stats_;
  stats.series = series_.size();
  stats.bytes = bytes_;
  return stats;
}

Aggregator::Series* Aggregator::open(const model::SeriesDef& def) {
  const auto id = static_cast<std::uint32_t>(def.id);
  if (const auto known = series_.find(id); known != series_.end()) return known->second.get();
  const auto rule = rules_.find(def.name, def.kind);
  if (!rule) return nullptr;
  auto made = std::make_unique<Series>();
  made->id = id;
  made->rule = *rule;
  made->kind = def.kind;
  made->fingerprint = rules_.at(*rule).fingerprint();
  made->begin(rules_.at(*rule));
  return series_.emplace(id, std::move(made)).first->second.get();
}

bool Aggregator::admits(model::SeriesId series, base::Time time) const {
  if (bytes_ < limits_.bytes) return true;
  // What is open already may go on for a while, but not for ever: the state must fit into the journal.
  if (bytes_ >= limits_.bytes + limits_.bytes / 2) return false;
  const auto known = series_.find(static_cast<std::uint32_t>(series));
  if (known == series_.end()) return false;
  const Series& s = *known->second;
  return !s.windows || !s.windows->needs_pane(rule_of(s), sane_time(time.ns));
}

// Counts what the series takes; what it took before is replaced.
void Aggregator::weigh(Series& s) {
  std::uint64_t weight = sizeof(Series) + 64 + s.waiting.capacity() * sizeof(Sample) +
                         s.recent.capacity() * sizeof s.recent[0];
  if (s.windows) weight += s.windows->bytes();
  if (s.reporter) weight += s.reporter->text_bytes();
  if (s.kind == model::Kind::text)
    for (const Sample& sample : s.waiting) weight += sample.text.size();
  bytes_ += weight - s.weight;
  s.weight = weight;
}

bool Aggregator::is_repeated(Series& s, const Sample& sample) {
  if (rule_of(s).raw != Raw::drop) return false;
  // A text by its hash: what repeats a reading repeats all of it.
  const std::pair<std::int64_t, std::uint64_t> key{
      sample.time, s.kind == model::Kind::text ? base::crc32c(base::as_bytes(sample.text)) : sample.bits};
  if (sample.time <= s.newest && std::ranges::find(s.recent, key) != s.recent.end()) return true;
  if (s.recent.size() < Series::most_recent) {
    s.recent.push_back(key);
  } else {
    s.recent[s.recent_at] = key;
    s.recent_at = (s.recent_at + 1) % Series::most_recent;
  }
  return false;
}

bool Aggregator::is_late(Series& s, std::int64_t time, std::int64_t now) {
  if (time >= s.watermark) {
    s.late_since.reset();
    return false;
  }
  if (!s.late_since || *s.late_since > now) s.late_since = now;
  if (now - *s.late_since < std::max(start_over_after, rule_of(s).lateness.count())) return true;
  start_over(s);
  return false;
}

// The device's clock was set back: what is open ends, and its time begins anew.
void Aggregator::start_over(Series& s) {
  finish(s);
  s.begin(rule_of(s));
  ++stats_.restarted;
}

void Aggregator::take(const model::SeriesDef& def, base::Time time, const model::ValueView& value,
                      base::Time wall) {
  Series* const found = open(def);
  if (found == nullptr || value.kind != found->kind) return;
  Series& s = *found;
  const std::int64_t now = sane_time(wall.ns);
  s.arrived = now;
  ++stats_.readings;
  const Sample sample = sample_of(time.ns, value);
  if (time.ns > now + most_ahead || time.ns > latest_time - margin || time.ns < earliest_time + margin) {
    ++stats_.ahead;
  } else if (is_repeated(s, sample)) {
    ++stats_.repeated;
  } else if (is_late(s, time.ns, now)) {
    ++stats_.late;
  } else {
    const std::int64_t lateness = rule_of(s).lateness.count();
    s.newest = std::max(s.newest, time.ns);
    if (lateness == 0) {
      hand_on(s, sample);
    } else {
      const auto after = std::ranges::upper_bound(s.waiting, sample.time, {}, &Sample::time);
      s.waiting.insert(after, sample);
      release(s, s.newest - lateness);
      if (s.waiting.size() > limits_.waiting) {
        ++stats_.hurried;
        release(s, s.waiting.front().time);
      }
    }
    if (s.windows) s.windows->pass(rule_of(s), s.kind, s.watermark, derived_);
    if (s.reporter) s.reporter->pass(rule_of(s), s.watermark, base::Duration(-1), reports_);
  }
  collect(s);
  weigh(s);
  queue(s);
}

// Hands on what waits up to `upto`; nothing before that comes any more.
void Aggregator::release(Series& s, std::int64_t upto) {
  std::size_t count = 0;
  while (count < s.waiting.size() && s.waiting[count].time <= upto) hand_on(s, s.waiting[count++]);
  s.waiting.erase(s.waiting.begin(), s.waiting.begin() + static_cast<std::ptrdiff_t>(count));
  s.watermark = std::max(s.watermark, upto);
}

void Aggregator::hand_on(Series& s, const Sample& sample) {
  const AggregateRule& rule = rule_of(s);
  s.watermark = std::max(s.watermark, sample.time);
  if (s.windows) s.windows->take(rule, s.kind, sample, derived_);
  if (!s.door && !s.reporter) return;
  const std::size_t before = reports_.size();
  if (s.door) s.door->take(rule, s.kind, sample, reports_);
  else s.reporter->take(rule, s.kind, sample, reports_);
  const auto reported = [&](std::int64_t time, std::uint64_t bits) {
    return std::any_of(reports_.begin() + static_cast<std::ptrdiff_t>(before), reports_.end(),
                       [&](const Sample& r) { return r.time == time && r.bits == bits; });
  };
  if (s.unreported && !reported(s.unreported->first, s.unreported->second)) ++stats_.suppressed;
  s.unreported.reset();
  if (!reported(sample.time, sample.bits)) s.unreported = {sample.time, sample.bits};
}

void Aggregator::pass(Series& s, std::int64_t now) {
  const AggregateRule& rule = rule_of(s);
  // Also if the node's clock was set back: as if the last reading had come just now.
  s.arrived = std::min(s.arrived, now);
  const std::int64_t lateness = rule.lateness.count();
  const base::Duration silent(now - s.arrived);
  if (silent >= rule.lateness) {
    if (s.newest != INT64_MIN) release(s, s.newest);
    while (s.windows) {
      const auto end = s.windows->next_end();
      if (!end || *end > now - lateness) break;
      s.windows->pass(rule, s.kind, *end, derived_);
      s.watermark = std::max(s.watermark, *end);
    }
    if (s.reporter)
      if (const auto end = s.reporter->period_end(rule); end && *end <= now - lateness)
        s.watermark = std::max(s.watermark, *end);
  }
  if (s.reporter) s.reporter->pass(rule, s.watermark, silent, reports_);
  if (s.door) s.door->pass(rule, silent, reports_);
}

// What came of a series in one call becomes pending.
void Aggregator::collect(Series& s) {
  const auto reported = static_cast<std::uint16_t>(rule_of(s).functions.size());
  for (Sample& report : reports_) {
    if (s.unreported && s.unreported->first == report.time && s.unreported->second == report.bits)
      s.unreported.reset();
    pending_.push_back({s.id, s.rule, {reported, s.kind, std::move(report)}, {}});
  }
  for (Derived& derived : derived_) pending_.push_back({s.id, s.rule, std::move(derived), {}});
  stats_.reported += reports_.size();
  stats_.windows += derived_.size();
  reports_.clear();
  derived_.clear();
}

// What is open of a series ends now.
void Aggregator::finish(Series& s) {
  release(s, s.newest);
  const AggregateRule& rule = rule_of(s);
  if (s.windows) s.windows->finish(rule, s.kind, derived_);
  if (s.reporter) s.reporter->finish(reports_);
  if (s.door) s.door->finish(reports_);
  collect(s);
}

void Aggregator::forget(std::uint32_t id) {
  const auto at = series_.find(id);
  bytes_ -= at->second->weight;
  series_.erase(at);
}

void Aggregator::set_rules(AggregateRules rules, const FindSeries& find) {
  std::vector<std::uint32_t> gone;
  for (auto& [id, s] : series_) {
    const model::SeriesDef* const def = find(model::SeriesId{id});
    const auto next = def == nullptr ? std::nullopt : rules.find(def->name, def->kind);
    if (next && rules.at(*next).fingerprint() == s->fingerprint) {
      s->rule = *next;
      continue;
    }
    finish(*s);
    gone.push_back(id);
  }
  for (const std::uint32_t id : gone) forget(id);
  for (AggregateOutput& output : pending_)
    if (auto name = derived_name(output, find)) output.name = std::move(*name);
  std::erase_if(pending_, [](const AggregateOutput& output) { return output.name.empty(); });
  rules_ = std::move(rules);
}

base::Result<std::string> Aggregator::derived_name(const AggregateOutput& output,
                                                   const FindSeries& find) const {
  if (!output.name.empty()) return output.name;
  const model::SeriesDef* const def = find(model::SeriesId{output.series});
  if (def == nullptr)
    return base::fail(base::Code::not_found, "name an aggregate: its series is not known");
  const AggregateRule& rule = rules_.at(output.rule);
  const std::size_t slot = output.derived.slot;
  return rules_.derived(output.rule, *def,
                        slot < rule.functions.size() ? std::string_view(rule.functions[slot].name)
                                                     : AggregateRule::reported);
}

// ---- time

std::int64_t Aggregator::due(const Series& s) const {
  const AggregateRule& rule = rule_of(s);
  const std::int64_t lateness = rule.lateness.count();
  std::int64_t at = INT64_MAX;
  if (!s.waiting.empty()) at = s.arrived + lateness;
  const auto consider_end = [&](std::optional<std::int64_t> end) {
    if (end) at = std::min(at, std::max(*end, s.arrived) + lateness);
  };
  const auto consider_wait = [&](std::optional<base::Duration> wait) {
    if (wait) at = std::min(at, s.arrived + wait->count());
  };
  if (s.windows) consider_end(s.windows->next_end());
  if (s.reporter) consider_end(s.reporter->period_end(rule)), consider_wait(s.reporter->waits(rule));
  if (s.door) consider_wait(s.door->waits(rule));
  return at;
}

void Aggregator::queue(Series& s) {
  const std::int64_t at = due(s);
  if (at >= s.queued_at) return;       // it is looked at early enough
  s.queued_at = at;
  due_.push({at, s.id});
  if (due_.size() <= 64 + 4 * series_.size()) return;
  due_ = {};
  for (const auto& [id, one] : series_)
    if (one->queued_at != INT64_MAX) due_.push({one->queued_at, id});
}

bool Aggregator::is_due(base::Time now) {
  while (!due_.empty() && due_.top().at <= now.ns) {
    const auto found = series_.find(due_.top().series);
    if (found == series_.end() || found->second->queued_at != due_.top().at) {
      due_.pop();
      continue;
    }
    Series& s = *found->second;
    if (due(s) <= now.ns) return true;
    due_.pop();
    s.queued_at = INT64_MAX;
    queue(s);
  }
  return false;
}

void Aggregator::tick(base::Time wall) {
  const base::Time now{sane_time(wall.ns)};
  // Each series at most once: what it waits for next lies later.
  std::vector<std::uint32_t> ready;
  while (is_due(now)) {
    ready.push_back(due_.top().series);
    series_.at(due_.top().series)->queued_at = INT64_MAX;
    due_.pop();
  }
  // In the order of their numbers, so that a state that was restored comes to the same order.
  std::ranges::sort(ready);
  for (const std::uint32_t id : ready) {
    Series& s = *series_.at(id);
    pass(s, now.ns);
    collect(s);
    weigh(s);
    queue(s);
  }
}

std::optional<base::Time> Aggregator::next_due() const {
  if (due_.empty()) return std::nullopt;
  return base::Time{due_.top().at};
}

}  // namespace selvedge::engine
