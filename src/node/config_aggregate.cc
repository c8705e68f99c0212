// [[aggregate]]: what the config says, and the rules it comes to.

#include <cmath>

#include "base/text.h"
#include "node/aggregates.h"
#include "node/config.h"

namespace selvedge::node {

using base::Code;
using base::fail;
using base::Result;

void bind_aggregate(settings::Settings& s, AggregateConfig& a) {
  s.bind("filter", a.filter,
         "Series it is about: an MQTT filter on their names, which begin with the topic; the first that matches decides.");
  s.bind_word("report", a.report, {"all", "change", "period", "either", "swinging-door"},
              "Which readings are reported, as a series of their own; all: none is made.");
  s.bind("dead-band", a.dead_band, "A number that moved by this or less is no change; of a swinging door: the error's bound.");
  s.bind("relative", a.relative, "The same as a share of the value reported last: \"1%\"; the wider of both counts.");
  s.bind("min-interval", a.min_interval, "At most one report of a change in this time.");
  s.bind("max-interval", a.max_interval, "After this long a reading is reported though nothing changed; 0s: never.");
  s.bind("period", a.period, "Of report = \"period\" and \"either\": the latest reading of each.");
  s.bind("window", a.window, "Readings are summed up over windows of this length, counted from 1970; 0s: none.");
  s.bind("slide", a.slide, "A window begins so often; 0s: when the last one ends.");
  s.bind("functions", a.functions,
         "What is made of a window: min, max, mean, sum, count, first, last, time-weighted-mean, stddev, median, p99.");
  s.bind("lateness", a.lateness,
         "How long readings wait for earlier ones that come later; empty: 2s with a window, else 0s.");
  s.bind_word("raw", a.raw, {"forward", "keep", "drop"},
              "Readings as they came: to the cloud, on this node only, or not stored.");
  s.bind("series", a.series, "Name of what is made: {series}, {1} to {9}, {device}, {function}.");
  s.bind("precision", a.precision,
         "Error bound of stored float64 values: \"0.05\", \"0.1%\" of each value, \"0.1% of range\"; empty: exact.");
  s.bind_word("codec", a.codec, {"auto", "dense", "fast"}, "How blocks are coded: small, or in little time; auto: as time allows.");
}

namespace {

// "0.01" or "1%".
Result<double> parse_share(std::string_view text) {
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  const auto number = base::parse_double(text);
  if (!number || !std::isfinite(*number) || *number < 0)
    return fail(Code::invalid_input, "'" + base::printable(text, 32) + "' is no number from 0 on, or percentage");
  return percent ? *number / 100 : *number;
}

Result<codec::ErrorBound> parse_precision(std::string_view text) {
  using Kind = codec::ErrorBound::Kind;
  constexpr std::string_view of_range = " of range";
  if (text.empty() || text == "exact") return codec::ErrorBound{};
  const bool range = text.ends_with(of_range);
  if (range) text.remove_suffix(of_range.size());
  const bool percent = text.ends_with('%');
  const double value = TRY(parse_share(text));
  if (range && !percent) return fail(Code::invalid_input, "of range: expected a percentage, as \"0.1% of range\"");
  if (value <= 0 || (percent && value >= 1))
    return fail(Code::invalid_input, "expected more than 0, and less than 100%");
  return codec::ErrorBound{range ? Kind::range : percent ? Kind::relative : Kind::absolute, value};
}

Result<engine::AggregateRule> rule_of(const AggregateConfig& a) {
  using engine::Report;
  engine::AggregateRule rule;
  rule.filter = a.filter;
  rule.report = a.report == "change"          ? Report::change
                : a.report == "period"        ? Report::period
                : a.report == "either"        ? Report::either
                : a.report == "swinging-door" ? Report::swinging_door
                                              : Report::all;
  const auto dead_band = base::parse_double(a.dead_band);
  if (!dead_band) return fail(Code::invalid_input, "dead-band: '" + base::printable(a.dead_band, 32) + "' is no number");
  rule.dead_band = *dead_band;
  rule.relative = TRY(base::while_doing("relative", parse_share(a.relative)));
  rule.min_interval = a.min_interval;
  rule.max_interval = a.max_interval;
  rule.period = a.period;
  rule.window = a.window;
  rule.slide = a.slide;
  for (const std::string& function : a.functions)
    rule.functions.push_back(TRY(base::while_doing("functions", engine::parse_function(function))));
  rule.lateness = a.lateness.empty() ? (rule.has_windows() ? base::Duration(std::chrono::seconds(2)) : base::Duration())
                                     : TRY(base::while_doing("lateness", base::parse_duration(a.lateness)));
  rule.raw = a.raw == "keep" ? engine::Raw::keep : a.raw == "drop" ? engine::Raw::drop : engine::Raw::forward;
  rule.series = a.series;
  return rule;
}

Result<store::SeriesPolicy> policy_of(const AggregateConfig& a) {
  using Codec = store::SeriesPolicy::Codec;
  store::SeriesPolicy policy;
  policy.bound = TRY(base::while_doing("precision", parse_precision(a.precision)));
  policy.codec = a.codec == "dense" ? Codec::dense : a.codec == "fast" ? Codec::fast : Codec::automatic;
  return policy;
}

}  // namespace

Result<AggregateRuleSet> NodeConfig::aggregate_rules() const {
  AggregateRuleSet set;
  set.memory_bytes = aggregate_memory.bytes;
  std::vector<engine::AggregateRule> rules;
  for (const AggregateConfig& aggregate : aggregates) {
    const std::string where = engine::rule_label(engine::AggregateRule::what, rules.size(), aggregate.filter);
    rules.push_back(TRY(base::while_doing(where, rule_of(aggregate))));
    set.policies.push_back(TRY(base::while_doing(where, policy_of(aggregate))));
  }
  set.rules = TRY(engine::AggregateRules::create(std::move(rules)));
  // The state stands at the beginning of each journal segment, and must leave room for readings.
  const std::uint64_t segment = std::min(store_segment.bytes, store_journal.bytes / 8);
  if (!aggregates.empty() && set.memory_bytes > segment / 2)
    return fail(Code::invalid_input, "store.aggregate-memory: at most half of store.segment and a sixteenth of store.journal (" +
                                         base::size_text(segment / 2) + ")");
  return set;
}

}  // namespace selvedge::node
