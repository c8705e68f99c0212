#include "node/aggregates.h"

#include <algorithm>
#include <utility>

namespace selvedge::node {

using base::Code;
using base::Result;

namespace {

constexpr std::size_t stored_at_once = 1000, text_at_once = 512 << 10;   // in one message of the store
constexpr base::Duration shortest_pause = std::chrono::milliseconds(50), longest_pause = std::chrono::seconds(1);
// How far behind the first of what is pending a stored output is looked for.
constexpr std::ptrdiff_t looked_through = 256;

}  // namespace

Aggregates::Aggregates(os::World& world, base::Registry& metrics, AggregateRuleSet set)
    : world_(world),
      set_(std::move(set)),
      aggregator_({set_.memory_bytes, 1024}),
      unadmitted_(metrics.counter("selvedge_aggregate_unadmitted_total",
                                  "Readings that were not aggregated for want of memory.")),
      unstored_(metrics.counter("selvedge_aggregate_unstored_total",
                                "Aggregates that no series could take.")) {
  aggregator_.set_rules(set_.rules, find_);
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

void Aggregates::begin(FindSeries find, EachSeries each) {
  find_ = std::move(find);
  each_ = std::move(each);
  find_derived();
}

bool Aggregates::is_derived(model::SeriesId series) const {
  const auto id = static_cast<std::size_t>(series);
  return id < derived_.size() && derived_[id];
}

void Aggregates::mark_derived(model::SeriesId series) {
  const auto id = static_cast<std::size_t>(series);
  if (derived_.size() <= id) derived_.resize(id + 1);
  derived_[id] = true;
}

// Which series are derived follows from the names of those that could be their sources.
void Aggregates::find_derived() {
  derived_.clear();
  const engine::AggregateRules& rules = aggregator_.rules();
  if (rules.empty()) return;
  std::unordered_map<std::string_view, model::SeriesId> by_name;
  each_([&](const model::SeriesDef& def) {
    by_name.emplace(def.name, def.id);
    return true;
  });
  each_([&](const model::SeriesDef& def) {
    const auto rule = rules.find(def.name, def.kind);
    if (!rule) return true;
    const auto mark = [&](std::string_view function) {
      const auto name = rules.derived(*rule, def, function);
      if (!name || *name == def.name) return;
      if (const auto at = by_name.find(*name); at != by_name.end()) mark_derived(at->second);
    };
    for (const engine::Function& function : rules.at(*rule).functions) mark(function.name);
    mark(engine::AggregateRule::reported);
    return true;
  });
}

Aggregates::Plan Aggregates::plan(const model::SeriesDef& series) const {
  if (is_derived(series.id)) return Plan::none;
  const auto rule = aggregator_.rules().find(series.name, series.kind);
  if (!rule) return Plan::none;
  const engine::AggregateRule& r = aggregator_.rules().at(*rule);
  if (r.report == engine::Report::all && !r.has_windows()) return Plan::none;
  return r.raw == engine::Raw::drop ? Plan::take_only : Plan::take;
}

store::SeriesPolicy Aggregates::policy(const model::SeriesDef& series) const {
  if (is_derived(series.id)) return {};
  const auto rule = aggregator_.rules().match(series.name);
  if (!rule) return {};
  store::SeriesPolicy policy = set_.policies[*rule];
  const engine::AggregateRule& r = aggregator_.rules().at(*rule);
  // What no aggregate speaks of (texts) goes up; without any aggregate the rule is about raw ones alone.
  const bool alone = r.report == engine::Report::all && !r.has_windows();
  policy.local = r.raw == engine::Raw::keep && (alone || r.speaks_of(series.kind));
  return policy;
}

Result<void> Aggregates::set_rules(AggregateRuleSet set) {
  flush();
  aggregator_.set_limits({set.memory_bytes, 1024});
  aggregator_.set_rules(set.rules, find_);
  set_ = std::move(set);
  outputs_.clear();
  find_derived();
  const auto saved = store_->save_follower();
  flush();
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
  const model::SeriesDef* const def = find_(series);
  CHECK(def != nullptr);
  aggregator_.take(*def, time, value, now);
  arm();
}

Result<model::SeriesId> Aggregates::series_of(const engine::AggregateOutput& output) {
  const std::uint64_t key = std::uint64_t{output.series} << 16 | output.derived.slot;
  const bool usual = output.name.empty();
  if (usual)
    if (const auto known = outputs_.find(key); known != outputs_.end()) return known->second;
  const std::string name = TRY(aggregator_.derived_name(output, find_));
  const model::SeriesDef* const source = find_(model::SeriesId{output.series});
  const model::SeriesId id =
      TRY(store_->series(name, output.derived.kind, source == nullptr ? std::string_view() : source->device));
  if (source == nullptr || name != source->name) mark_derived(id);
  if (usual) outputs_.emplace(key, id);
  return id;
}

// Stores some of what is pending as one message. False if it must be tried again later.
bool Aggregates::store_some() {
  auto& pending = aggregator_.pending();
  std::size_t count = 0, text = 0;
  for (; count < std::min(pending.size(), stored_at_once) && text < text_at_once; ++count) {
    const engine::AggregateOutput& output = pending[count];
    text += output.derived.sample.text.size();
    const auto series = series_of(output);
    const engine::Sample& sample = output.derived.sample;
    const auto added = series ? store_->add(*series, {sample.time}, value_of(output.derived.kind, sample))
                              : Result<store::Added>(std::unexpected(series.error()));
    if (added) continue;
    if (series && added.error().code == base::Code::exhausted) {   // of room, which comes again
      store_->abandon_message();
      return false;
    }
    unstored_.add();
    if (log_limit_.pass(world_.loop().now()))
      base::log::warn("aggregate", "an aggregate could not be stored", {{"why", added.error()}});
  }
  store::MessageNote note;
  note.derived = true;
  if (!store_->end_message(0, note)) return false;
  pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(count));
  return true;
}

void Aggregates::flush() {
  if (store_ == nullptr || refused_) return;
  while (!aggregator_.pending().empty()) {
    if (store_some()) continue;
    refused_ = true;   // until the timer
    arm();
    return;
  }
}

// ---- after a restart

void Aggregates::attach(store::ReadingStore& store, std::function<void()> stored) {
  store_ = &store;
  stored_ = std::move(stored);
  if (const auto discarded = aggregator_.stats().discarded; discarded > 0)
    base::log::warn("aggregate", "windows that were open are left out: their rules have changed",
                    {{"series", discarded}});
  flush();
  arm();
}

void Aggregates::reading(const model::SeriesDef& series, base::Time time, const model::ValueView& value,
                         base::Time at) {
  aggregator_.take(series, time, value, at);
}

// What was stored before the restart is not stored again.
void Aggregates::derived(const model::SeriesDef& series, base::Time time, const model::ValueView& value) {
  auto& pending = aggregator_.pending();
  const auto end = pending.begin() + std::min(static_cast<std::ptrdiff_t>(pending.size()), looked_through);
  const auto at = std::find_if(pending.begin(), end, [&](const engine::AggregateOutput& output) {
    const engine::Derived& d = output.derived;
    if (d.sample.time != time.ns || d.kind != value.kind || !(value_of(d.kind, d.sample) == value)) return false;
    const auto name = aggregator_.derived_name(output, find_);
    return name && *name == series.name;
  });
  if (at != end) pending.erase(at);
}

void Aggregates::time_passed(base::Time now) { aggregator_.tick(now); }

std::vector<base::Bytes> Aggregates::save() { return aggregator_.save(find_); }

void Aggregates::restore(base::BytesView part) {
  if (const auto restored = aggregator_.restore(part, find_); !restored)
    base::log::error("aggregate", "what was open is lost", {{"why", restored.error()}});
}

// ---- time

void Aggregates::stop() {
  stopped_ = true;
  world_.loop().cancel(timer_);
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
  refused_ = false;
  const base::Time now = world_.loop().wall_now();
  if (aggregator_.is_due(now)) {
    if (store_->note_time(now)) aggregator_.tick(now);
    else refused_ = true;
  }
  if (!aggregator_.pending().empty()) {
    flush();
    stored_();
  }
  arm();
}

}  // namespace selvedge::node
