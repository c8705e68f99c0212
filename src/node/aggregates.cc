#include "node/aggregates.h"

#include <algorithm>
#include <utility>

namespace selvedge::node {

using base::Result;

namespace {

constexpr base::Duration shortest_pause = std::chrono::milliseconds(50), longest_pause = std::chrono::seconds(1);

}  // namespace

Aggregates::Aggregates(os::World& world, base::Registry& metrics, AggregateRuleSet set)
    : world_(world),
      policies_(std::move(set.policies)),
      aggregator_({set.memory_bytes, 1024}),
      derived_(world, aggregator_, "aggregate",
               metrics.counter("selvedge_aggregate_unstored_total", "Aggregates that no series could take.")),
      unadmitted_(metrics.counter("selvedge_aggregate_unadmitted_total",
                                  "Readings that were not aggregated for want of memory.")) {
  aggregator_.set_rules(std::move(set.rules), derived_.find());
  add_metrics(metrics);
}

Aggregates::~Aggregates() { world_.loop().cancel(timer_); }

void Aggregates::add_metrics(base::Registry& metrics) {
  using S = engine::AggregateStats;
  const auto counter = [&](const char* name, const char* help, std::uint64_t S::* field) {
    metrics.counter_from(name, help, [this, field] { return static_cast<double>(aggregator_.stats().*field); });
  };
  counter("selvedge_aggregate_readings_total", "Readings that an aggregate rule took.", &S::readings);
  counter("selvedge_aggregate_reported_total", "Readings that were reported.", &S::reported);
  counter("selvedge_aggregate_suppressed_total", "Readings that were not reported.", &S::suppressed);
  counter("selvedge_aggregate_windows_total", "Readings made of windows that ended.", &S::windows);
  counter("selvedge_aggregate_late_total", "Readings that came too late to be aggregated.", &S::late);
  counter("selvedge_aggregate_ahead_total", "Readings not aggregated: more than a day ahead of the clock.",
          &S::ahead);
  counter("selvedge_aggregate_hurried_total", "Readings that waited too short a time for earlier ones, for want of room.",
          &S::hurried);
  counter("selvedge_aggregate_repeated_total", "Readings that came again and were not aggregated twice.", &S::repeated);
  counter("selvedge_aggregate_restarted_total", "Series whose clock was set back.", &S::restarted);
  metrics.gauge_from("selvedge_aggregate_series", "Series that are aggregated.",
                     [this] { return static_cast<double>(aggregator_.stats().series); });
  metrics.gauge_from("selvedge_aggregate_memory_bytes", "Memory of what is open.",
                     [this] { return static_cast<double>(aggregator_.stats().bytes); });
}

// ---- rules and series

Aggregates::Plan Aggregates::plan(const model::SeriesDef& series) const {
  if (derived_.contains(series.id)) return Plan::none;
  const auto rule = aggregator_.rules().find(series.name, series.kind);
  if (!rule) return Plan::none;
  const engine::AggregateRule& r = aggregator_.rules().at(*rule);
  if (r.report == engine::Report::all && !r.has_windows()) return Plan::none;
  return r.raw == engine::Raw::drop ? Plan::take_only : Plan::take;
}

store::SeriesPolicy Aggregates::policy(const model::SeriesDef& series) const {
  if (derived_.contains(series.id)) return {};
  const auto rule = aggregator_.rules().match(series.name);
  if (!rule) return {};
  store::SeriesPolicy policy = policies_[*rule];
  const engine::AggregateRule& r = aggregator_.rules().at(*rule);
  // What no aggregate speaks of (texts) goes up; without any aggregate the rule is about raw ones alone.
  const bool alone = r.report == engine::Report::all && !r.has_windows();
  policy.local = r.raw == engine::Raw::keep && (alone || r.speaks_of(series.kind));
  return policy;
}

Result<void> Aggregates::set_rules(AggregateRuleSet set) {
  flush();
  aggregator_.set_limits({set.memory_bytes, 1024});
  aggregator_.set_rules(std::move(set.rules), derived_.find());
  policies_ = std::move(set.policies);
  const auto saved = derived_.rules_changed();
  arm();
  return saved;
}

// ---- readings

bool Aggregates::admits(model::SeriesId series, base::Time time) {
  if (aggregator_.admits(series, time)) return true;
  unadmitted_.add();
  return false;
}

void Aggregates::took(model::SeriesId series, base::Time time, const model::ValueView& value, base::Time now) {
  const model::SeriesDef* const def = derived_.find()(series);
  CHECK(def != nullptr);
  aggregator_.take(*def, time, value, now);
  arm();
}

// ---- after a restart

void Aggregates::attach(store::ReadingStore& store, std::function<void()> stored) {
  store_ = &store;
  if (const auto discarded = aggregator_.stats().discarded; discarded > 0)
    base::log::warn("aggregate", "windows that were open are left out: their rules have changed",
                    {{"series", discarded}});
  derived_.attach(store, std::move(stored));
  arm();
}

void Aggregates::reading(const model::SeriesDef& series, base::Time time, const model::ValueView& value,
                         base::Time at) {
  aggregator_.take(series, time, value, at);
}

void Aggregates::time_passed(base::Time now) { aggregator_.tick(now); }

std::vector<base::Bytes> Aggregates::save() { return aggregator_.save(derived_.find()); }

void Aggregates::restore(base::BytesView part) {
  if (const auto restored = aggregator_.restore(part, derived_.find()); !restored)
    base::log::error("aggregate", "what was open is lost", {{"why", restored.error()}});
}

// ---- time

void Aggregates::stop() {
  stopped_ = true;
  world_.loop().cancel(timer_);
  derived_.stop();
}

void Aggregates::arm() {
  if (timer_ != os::TimerId::none || store_ == nullptr || stopped_) return;
  base::Duration pause = longest_pause;
  if (!refused_) {
    const auto due = aggregator_.next_due();
    if (!due) return;
    // Not longer than a second, as the clock may jump.
    pause = std::clamp(*due - world_.loop().wall_now(), shortest_pause, longest_pause);
  }
  timer_ = world_.loop().after(pause, [this] {
    timer_ = os::TimerId::none;
    tick();
  });
}

void Aggregates::tick() {
  const base::Time now = world_.loop().wall_now();
  const bool due = aggregator_.is_due(now);
  if (due && before_note_) before_note_();
  refused_ = due && !store_->note_time(now);
  if (due && !refused_) {
    aggregator_.tick(now);
    if (on_note_) on_note_(now);
  }
  derived_.flush_soon();
  arm();
}

void Aggregates::time_noted(base::Time now) {
  aggregator_.tick(now);
  derived_.flush_soon();
}

}  // namespace selvedge::node
