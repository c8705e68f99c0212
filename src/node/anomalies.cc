#include "node/anomalies.h"

#include <algorithm>
#include <utility>

namespace selvedge::node {

using base::Result;

namespace {

constexpr std::size_t stored_at_once = 1000;   // in one message of the store
// How far behind the first of what is pending a stored output is looked for.
constexpr std::ptrdiff_t looked_through = 256;

}  // namespace

Anomalies::Anomalies(os::World& world, base::Registry& metrics, AnomalyRuleSet set)
    : world_(world),
      set_(std::move(set)),
      watch_(set_.memory_bytes),
      unstored_(metrics.counter("selvedge_anomaly_unstored_total", "Scores and alarms that no series could take.")),
      unanswered_(metrics.counter("selvedge_anomaly_unanswered_total",
                                  "Questions to models that were not answered: no such model, or it failed.")) {
  watch_.set_rules(set_.rules, find_);
  add_metrics(metrics);
}

Anomalies::~Anomalies() = default;

void Anomalies::add_metrics(base::Registry& metrics) {
  using S = engine::AnomalyStats;
  const auto counter = [&](const char* name, const char* help, std::uint64_t S::* field) {
    metrics.counter_from(name, help, [this, field] { return static_cast<double>(watch_.stats().*field); });
  };
  counter("selvedge_anomaly_readings_total", "Readings that were watched.", &S::readings);
  counter("selvedge_anomaly_alarms_total", "Anomalies that began.", &S::alarms);
  counter("selvedge_anomaly_late_total", "Readings not watched: not newer than the one before.", &S::late);
  counter("selvedge_anomaly_ahead_total", "Readings not watched: more than a day ahead of the clock.", &S::ahead);
  counter("selvedge_anomaly_missing_total", "Readings that are no number.", &S::missing);
  counter("selvedge_anomaly_restarted_total", "Series whose clock was set back.", &S::restarted);
  counter("selvedge_anomaly_unadmitted_total", "Readings that were not watched for want of memory.", &S::unadmitted);
  counter("selvedge_anomaly_unasked_total", "Readings that a model was not asked about, as it was busy.", &S::unasked);
  const auto gauge = [&](const char* name, const char* help, std::uint64_t S::* field) {
    metrics.gauge_from(name, help, [this, field] { return static_cast<double>(watch_.stats().*field); });
  };
  gauge("selvedge_anomaly_series", "Series that are watched.", &S::series);
  gauge("selvedge_anomaly_raised", "Series with an anomaly at the moment.", &S::raised);
  gauge("selvedge_anomaly_memory_bytes", "Memory of what was learnt.", &S::bytes);
}

// ---- rules and series

void Anomalies::begin(FindSeries find, EachSeries each) {
  find_ = std::move(find);
  each_ = std::move(each);
  find_derived();
}

bool Anomalies::is_derived(model::SeriesId series) const {
  const auto id = static_cast<std::size_t>(series);
  return id < derived_.size() && derived_[id];
}

void Anomalies::mark_derived(model::SeriesId series) {
  const auto id = static_cast<std::size_t>(series);
  if (derived_.size() <= id) derived_.resize(id + 1);
  derived_[id] = true;
}

// Which series are derived follows from the names of those that could be their sources.
void Anomalies::find_derived() {
  derived_.clear();
  const engine::AnomalyRules& rules = watch_.rules();
  if (rules.empty()) return;
  std::unordered_map<std::string_view, model::SeriesId> by_name;
  each_([&](const model::SeriesDef& def) {
    by_name.emplace(def.name, def.id);
    return true;
  });
  each_([&](const model::SeriesDef& def) {
    const auto rule = rules.find(def.name, def.kind);
    if (!rule) return true;
    for (const std::string_view output : engine::AnomalyRules::outputs) {
      const auto name = rules.derived(*rule, def, output);
      if (!name) continue;
      if (const auto at = by_name.find(*name); at != by_name.end()) mark_derived(at->second);
    }
    return true;
  });
}

bool Anomalies::watches(const model::SeriesDef& series) const {
  return !is_derived(series.id) && watch_.rules().find(series.name, series.kind);
}

Result<void> Anomalies::set_rules(AnomalyRuleSet set) {
  flush();
  ++generation_;
  watch_.set_bytes(set.memory_bytes);
  watch_.set_rules(set.rules, find_);
  set_ = std::move(set);
  outputs_.clear();
  find_derived();
  const auto saved = store_->save_follower();
  flush();
  return saved;
}

// ---- readings

void Anomalies::took(model::SeriesId series, base::Time time, const model::ValueView& value, base::Time now) {
  const model::SeriesDef* const def = find_(series);
  CHECK(def != nullptr);
  watch_.take(*def, time, value, now);
}

Result<model::SeriesId> Anomalies::series_of(const engine::AnomalyOutput& output) {
  const std::uint64_t key = std::uint64_t{output.series} << 8 | static_cast<std::uint8_t>(output.what);
  const bool usual = output.name.empty();
  if (usual)
    if (const auto known = outputs_.find(key); known != outputs_.end()) return known->second;
  const std::string name = TRY(watch_.derived_name(output, find_));
  const model::SeriesDef* const source = find_(model::SeriesId{output.series});
  const model::SeriesId id =
      TRY(store_->series(name, output.value().kind, source == nullptr ? std::string_view() : source->device));
  mark_derived(id);
  if (usual) outputs_.emplace(key, id);
  return id;
}

// Stores some of what is pending as one message. False if it must be tried again later.
bool Anomalies::store_some() {
  auto& pending = watch_.pending();
  const std::size_t count = std::min(pending.size(), stored_at_once);
  for (std::size_t i = 0; i < count; ++i) {
    const engine::AnomalyOutput& output = pending[i];
    const auto series = series_of(output);
    const auto added = series ? store_->add(*series, {output.time}, output.value())
                              : Result<store::Added>(std::unexpected(series.error()));
    if (added) continue;
    if (series && added.error().code == base::Code::exhausted) {   // of room, which comes again
      store_->abandon_message();
      return false;
    }
    unstored_.add();
    if (log_limit_.pass(world_.loop().now()))
      base::log::warn("anomaly", "a score could not be stored", {{"why", added.error()}});
  }
  store::MessageNote note;
  note.derived = true;
  if (!store_->end_message(0, note)) return false;
  pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(count));
  return true;
}

void Anomalies::flush() {
  if (store_ == nullptr) return;
  ask_models();
  while (!watch_.pending().empty())
    if (!store_some()) return;         // the next commit tries again
}

// ---- models

void Anomalies::ask_models() {
  for (const engine::ModelQuestion& question : watch_.take_questions()) ask(question);
}

void Anomalies::ask(const engine::ModelQuestion& question) {
  const engine::AnomalyRule& rule = watch_.rules().at(question.rule);
  const auto answered = [this, question, generation = generation_,
                         living = std::weak_ptr<bool>(alive_)](Result<double> answer) {
    if (living.expired() || generation != generation_) return;
    if (!answer) {
      unanswered_.add();
      if (log_limit_.pass(world_.loop().now()))
        base::log::info("anomaly", "a model did not answer", {{"model", watch_.rules().at(question.rule).model},
                                                              {"why", answer.error()}});
    }
    watch_.answer(question, answer ? std::optional(*answer) : std::nullopt);
    if (!watch_.pending().empty()) stored_();
  };
  if (!ask_) return answered(base::fail(base::Code::unavailable, "this node has no models"));
  ask_(rule.model, rule.model_version, rule.threshold, watch_.window(question.series, rule.window), answered);
}

// ---- after a restart

void Anomalies::attach(store::ReadingStore& store, std::function<void()> stored) {
  store_ = &store;
  stored_ = std::move(stored);
  if (const auto discarded = watch_.stats().discarded; discarded > 0)
    base::log::warn("anomaly", "what was learnt is left out: the rules have changed", {{"series", discarded}});
  flush();
}

void Anomalies::reading(const model::SeriesDef& series, base::Time time, const model::ValueView& value,
                        base::Time at) {
  if (watches(series)) watch_.take(series, time, value, at);
}

// What was stored before the restart is not stored again.
void Anomalies::derived(const model::SeriesDef& series, base::Time time, const model::ValueView& value) {
  auto& pending = watch_.pending();
  const auto end = pending.begin() + std::min(static_cast<std::ptrdiff_t>(pending.size()), looked_through);
  const auto at = std::find_if(pending.begin(), end, [&](const engine::AnomalyOutput& output) {
    if (output.time != time.ns || !(output.value() == value)) return false;
    const auto name = watch_.derived_name(output, find_);
    return name && *name == series.name;
  });
  if (at != end) pending.erase(at);
}

std::vector<base::Bytes> Anomalies::save() { return watch_.save(find_); }

void Anomalies::restore(base::BytesView part) {
  if (const auto restored = watch_.restore(part, find_); !restored)
    base::log::error("anomaly", "what was learnt is lost", {{"why", restored.error()}});
}

}  // namespace selvedge::node
