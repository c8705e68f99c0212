#include "node/anomalies.h"

#include <utility>

namespace selvedge::node {

using base::Result;

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
  return derived_.rules_changed();
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
  derived_.stop();
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
  if (const auto discarded = watch_.stats().discarded; discarded > 0)
    base::log::warn("anomaly", "what was learnt is left out: the rules have changed", {{"series", discarded}});
  derived_.attach(store, std::move(stored));
  flush();
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
