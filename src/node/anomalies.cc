#include "node/anomalies.h"

#include <utility>

namespace selvedge::node {

using base::Result;

namespace {

constexpr base::Duration looked_every = std::chrono::seconds(1);
constexpr base::Duration clock_slack = std::chrono::seconds(2);   // the clock was set if it went so far

}  // namespace

Anomalies::Anomalies(os::World& world, base::Registry& metrics, AnomalyRuleSet set)
    : world_(world),
      watch_(set.memory_bytes),
      derived_(world, watch_, "anomaly",
               metrics.counter("selvedge_anomaly_unstored_total", "Scores and alarms that no series could take.")),
      unanswered_(metrics.counter("selvedge_anomaly_unanswered_total",
                                  "Questions to models that were not answered: no such model, or it failed.")) {
  watch_.set_rules(std::move(set.rules), derived_.find());
  add_metrics(metrics);
}

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

bool Anomalies::watches(const model::SeriesDef& series) const {
  return !derived_.contains(series.id) && watch_.rules().find(series.name, series.kind);
}

Result<void> Anomalies::set_rules(AnomalyRuleSet set) {
  flush();
  ++generation_;
  watch_.set_bytes(set.memory_bytes);
  watch_.set_rules(std::move(set.rules), derived_.find());
  watch_.excuse(world_.loop().wall_now());
  const auto saved = derived_.rules_changed();
  arm();
  return saved;
}

// ---- readings

void Anomalies::took(model::SeriesId series, base::Time time, const model::ValueView& value, base::Time now) {
  const model::SeriesDef* const def = derived_.find()(series);
  CHECK(def != nullptr);
  watch_.take(*def, time, value, now);
}

void Anomalies::flush() {
  if (!attached_) return;
  for (const engine::ModelQuestion& question : watch_.take_questions()) ask(question);
  derived_.flush();
}

void Anomalies::stop() {
  attached_ = false;
  world_.loop().cancel(timer_);
  derived_.stop();
}

// ---- silence

bool Anomalies::clock_was_set() {
  const base::Duration at = world_.loop().wall_now() - base::Time{world_.loop().now().ns};
  const base::Duration moved = at - std::exchange(clock_at_, at);
  return moved > clock_slack || moved < -clock_slack;
}

// Without room for the state a crash would count from before; it is saved with the next segment.
void Anomalies::excuse() {
  watch_.excuse(world_.loop().wall_now());
  if (const auto saved = store_->save_follower(); !saved)
    base::log::warn("anomaly", "that the clock was set could not be saved", {{"why", saved.error()}});
}

void Anomalies::arm() {
  if (!attached_ || timer_ != os::TimerId::none || !watch_.listens()) return;
  timer_ = world_.loop().after(looked_every, [this] {
    timer_ = os::TimerId::none;
    tick();
  });
}

void Anomalies::tick() {
  const base::Time now = world_.loop().wall_now();
  if (clock_was_set()) excuse();
  else if (watch_.is_due(now) && store_->note_time(now)) {   // else it is tried again
    watch_.tick(now);
    if (on_note_) on_note_(now);
    derived_.flush_soon();
  }
  arm();
}

void Anomalies::before_note() {
  if (attached_ && watch_.listens() && clock_was_set()) excuse();
}

void Anomalies::time_noted(base::Time now) {
  watch_.tick(now);
  derived_.flush_soon();
}

// ---- models

void Anomalies::ask(const engine::ModelQuestion& question) {
  const engine::AnomalyRule& rule = watch_.rules().at(question.rule);
  const auto answered = [this, question, generation = generation_,
                         living = std::weak_ptr<bool>(alive_)](Result<double> answer) {
    if (living.expired() || !attached_ || generation != generation_) return;
    if (!answer) {
      unanswered_.add();
      if (log_limit_.pass(world_.loop().now()))
        base::log::info("anomaly", "a model did not answer", {{"model", watch_.rules().at(question.rule).model},
                                                              {"why", answer.error()}});
    }
    watch_.answer(question, answer ? std::optional(*answer) : std::nullopt);
    derived_.flush_soon();
  };
  if (!ask_) return answered(base::fail(base::Code::unavailable, "this node has no models"));
  ask_(rule.model, rule.model_version, rule.threshold, watch_.window(question.series, rule.window), answered);
}

// ---- after a restart

void Anomalies::attach(store::ReadingStore& store, std::function<void()> stored) {
  attached_ = true;
  store_ = &store;
  clock_was_set();                                 // silence counts from now in any case
  if (const auto discarded = watch_.stats().discarded; discarded > 0)
    base::log::warn("anomaly", "what was learnt is left out: the rules have changed", {{"series", discarded}});
  // Saved, for the store may have begun a segment with the state of before.
  if (watch_.listens() && watch_.stats().series > 0) excuse();
  derived_.attach(store, std::move(stored));
  flush();
  arm();
}

void Anomalies::reading(const model::SeriesDef& series, base::Time time, const model::ValueView& value,
                        base::Time at) {
  if (watches(series)) watch_.take(series, time, value, at);
}

std::vector<base::Bytes> Anomalies::save() { return watch_.save(derived_.find()); }

void Anomalies::restore(base::BytesView part) {
  if (const auto restored = watch_.restore(part, derived_.find()); !restored)
    base::log::error("anomaly", "what was learnt is lost", {{"why", restored.error()}});
}

}  // namespace selvedge::node
