// What the tests of the aggregates share: rules in one line, series by number, outputs as text.

#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/text.h"
#include "engine/aggregate/aggregator.h"

namespace selvedge::engine {

inline constexpr std::int64_t second = 1'000'000'000;
inline base::Duration seconds(double s) { return base::Duration(static_cast<std::int64_t>(s * 1e9)); }

inline AggregateRule windows_rule(double window, double slide, std::vector<std::string> functions,
                                  double lateness = 0) {
  AggregateRule rule;
  rule.filter = "#";
  rule.window = seconds(window);
  rule.slide = seconds(slide);
  for (const std::string& function : functions) rule.functions.push_back(parse_function(function).value());
  rule.lateness = seconds(lateness);
  rule.raw = Raw::keep;
  return rule;
}

inline AggregateRule report_rule(Report report) {
  AggregateRule rule;
  rule.filter = "#";
  rule.report = report;
  rule.raw = Raw::keep;
  return rule;
}

class AggregateTest : public testing::Test {
 protected:
  void use(AggregateRule rule) { rules_ = {std::move(rule)}; begin(); }
  void begin() { aggregator.set_rules(AggregateRules::create(rules_).value(), find); }

  const model::SeriesDef& series(std::uint32_t id, model::Kind kind = model::Kind::float64) {
    model::SeriesDef& def = defs_[id];
    def = {model::SeriesId{id}, kind, "s/" + std::to_string(id), "dev"};
    return def;
  }
  // A reading of series 1 at `time` seconds, arriving at `now`.
  void take(double time, double value, std::optional<double> now = std::nullopt) {
    aggregator.take(series(1), {seconds(time).count()}, model::ValueView::of(value),
                    {seconds(now.value_or(time)).count()});
  }
  void tick(double now) { aggregator.tick({seconds(now).count()}); }

  // What came out since the last call: "name@seconds=value".
  std::vector<std::string> taken() {
    std::vector<std::string> all;
    for (const AggregateOutput& output : aggregator.pending()) {
      const std::string name = aggregator.derived_name(output, find).value();
      const model::ValueView value = value_of(output.derived.kind, output.derived.sample);
      std::string text = name.substr(name.rfind('/') + 1) + "@" +
                         shown(static_cast<double>(output.derived.sample.time) / 1e9) + "=";
      switch (output.derived.kind) {
        case model::Kind::float64: text += shown(value.float64); break;
        case model::Kind::int64: text += std::to_string(value.int64); break;
        case model::Kind::boolean: text += value.boolean ? "true" : "false"; break;
        case model::Kind::text: text += value.text; break;
      }
      all.push_back(std::move(text));
    }
    aggregator.pending().clear();
    return all;
  }
  static std::string shown(double v) {
    char buffer[40];
    std::snprintf(buffer, sizeof buffer, "%g", v);
    return buffer;
  }

  std::map<std::uint32_t, model::SeriesDef> defs_;
  Aggregator::FindSeries find = [this](model::SeriesId id) -> const model::SeriesDef* {
    const auto at = defs_.find(static_cast<std::uint32_t>(id));
    return at == defs_.end() ? nullptr : &at->second;
  };
  std::vector<AggregateRule> rules_;
  Aggregator aggregator;
  using Out = std::vector<std::string>;
};

}  // namespace selvedge::engine
