// [[anomaly]]: what the config says, and the rules it comes to.

#include <cmath>

#include "base/text.h"
#include "node/anomalies.h"
#include "node/config.h"

namespace selvedge::node {

using base::Code;
using base::fail;
using base::Result;

void bind_anomaly(settings::Settings& s, AnomalyConfig& a) {
  s.bind("filter", a.filter,
         "Series that are watched: an MQTT filter on their names, which begin with the topic; the first that matches decides.");
  s.bind_word("detector", a.detector, {"robust", "ewma", "seasonal", "model"},
              "How unusual readings are found: spikes; small changes that last; by time of day; by a model.");
  s.bind("threshold", a.threshold,
         "Score, in deviations, from which a reading is an anomaly; empty: 5, with ewma 4.");
  s.bind("clear", a.clear, "Score below which it is over; empty: 60 % of the threshold.");
  s.bind("confirm", a.confirm, "So many readings in a row above the threshold, and it is one.", 1, 1000);
  s.bind("hold", a.hold, "So many readings in a row below clear, and it is over.", 1, 1000);
  s.bind("window", a.window, "Readings of which the usual is learnt; of detector = \"model\": at least as many as it wants.",
         engine::AnomalyRule::least_window, engine::AnomalyRule::most_window);
  s.bind("period", a.period, "Of detector = \"seasonal\", as 24h; 0s: found from the series.");
  s.bind("phases", a.phases, "Parts of a period that are learnt apart.", engine::AnomalyRule::least_phases,
         engine::AnomalyRule::most_phases);
  s.bind("stuck-after", a.stuck_after, "A value that stays the very same for so long is an anomaly; 0s: may stay.");
  s.bind("silent-after", a.silent_after,
         "A series of which nothing came for so long is an anomaly, by the node's clock; 0s: may be silent.");
  s.bind("report", a.report, "The score is reported so often though nothing changes; 0s: on change only.");
  s.bind("model", a.model, "Of detector = \"model\": its name, with \":\" and a version or without: the newest.");
  s.bind("every", a.every, "A model is asked at each n-th reading.", 1, 1'000'000);
  s.bind("series", a.series, "Name of what is made: {series}, {1} to {9}, {device}, and {output}: anomaly, anomalous, anomaly-kind.");
}

namespace {

Result<double> parse_number(const char* key, const std::string& text, double otherwise) {
  if (text.empty()) return otherwise;
  const auto number = base::parse_double(text);
  if (!number || !std::isfinite(*number))
    return fail(Code::invalid_input, std::string(key) + ": '" + base::printable(text, 32) + "' is no number");
  return *number;
}

Result<engine::AnomalyRule> rule_of(const AnomalyConfig& a) {
  using engine::DetectorKind;
  engine::AnomalyRule rule;
  rule.filter = a.filter;
  rule.detector = a.detector == "ewma"       ? DetectorKind::ewma
                  : a.detector == "seasonal" ? DetectorKind::seasonal
                  : a.detector == "model"    ? DetectorKind::model
                                             : DetectorKind::robust;
  rule.threshold = TRY(parse_number("threshold", a.threshold, rule.detector == DetectorKind::ewma ? 4 : 5));
  rule.clear = TRY(parse_number("clear", a.clear, 0));
  rule.confirm = a.confirm;
  rule.hold = a.hold;
  rule.window = a.window;
  rule.period = a.period;
  rule.phases = a.phases;
  rule.stuck_after = a.stuck_after;
  rule.silent_after = a.silent_after;
  rule.report = a.report;
  rule.every = a.every;
  rule.series = a.series;
  rule.model = a.model.substr(0, a.model.find(':'));
  if (rule.model.size() < a.model.size()) {
    const auto version = base::parse_int(std::string_view(a.model).substr(rule.model.size() + 1));
    if (!version || *version < 1) return fail(Code::invalid_input, "model: expected a name, or name:version");
    rule.model_version = static_cast<std::uint64_t>(*version);
  }
  return rule;
}

}  // namespace

Result<AnomalyRuleSet> NodeConfig::anomaly_rules() const {
  AnomalyRuleSet set;
  set.memory_bytes = anomaly_memory.bytes;
  std::vector<engine::AnomalyRule> rules;
  for (const AnomalyConfig& anomaly : anomalies) {
    const std::string where = engine::rule_label(engine::AnomalyRule::what, rules.size(), anomaly.filter);
    rules.push_back(TRY(base::while_doing(where, rule_of(anomaly))));
  }
  set.rules = TRY(engine::AnomalyRules::create(std::move(rules)));
  // The state stands at the beginning of each journal segment, beside that of the aggregates.
  const std::uint64_t segment = std::min(store_segment.bytes, store_journal.bytes / 8);
  const std::uint64_t others = aggregates.empty() ? 0 : aggregate_memory.bytes;
  if (!anomalies.empty() && set.memory_bytes + others > segment / 2)
    return fail(Code::invalid_input, "store.anomaly-memory: with store.aggregate-memory at most half of store.segment "
                                     "and a sixteenth of store.journal (" + base::size_text(segment / 2) + ")");
  return set;
}

}  // namespace selvedge::node
