// AggregateRule: what becomes of the readings of a series on the node: which are reported, over which
// windows they are summed up, and where the raw ones stay. docs/spec/aggregation.md defines each word.
//
// The first rule whose filter matches the name of the series decides. A filter is one of MQTT
// ("plant/+/temperature", "plant/#"), taken level by level of the series' name, which begins with the
// topic unless a topic rule says otherwise. Pure values; any thread.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "engine/rules/name_template.h"
#include "model/reading.h"

namespace selvedge::engine {

enum class Report : std::uint8_t { all, change, period, either, swinging_door };
// Where raw readings go: up like all others, into blocks that stay on the node, or nowhere.
enum class Raw : std::uint8_t { forward, keep, drop };

struct Function {
  enum class Kind : std::uint8_t {
    min, max, mean, sum, count, first, last, time_weighted_mean, stddev, quantile
  };
  Kind kind = Kind::mean;
  double quantile = 0;                 // in (0, 1)
  std::string name;                    // "mean", "p99"
  friend bool operator==(const Function&, const Function&) = default;
};

// "mean", "time-weighted-mean", "median", "p99", "p99.9". Code::invalid_input with a suggestion.
base::Result<Function> parse_function(std::string_view text);
// The kind of the readings that the function makes of readings of `kind`.
model::Kind kind_of(const Function& function, model::Kind kind);

struct AggregateRule {
  static constexpr std::size_t most_rules = 1000, most_functions = 32, most_slides = 64;
  // The word that stands for {function} in the name of the series of reported readings.
  static constexpr std::string_view reported = "reported";

  std::string filter;
  Report report = Report::all;
  double dead_band = 0, relative = 0;            // change beyond both; swinging door: bound dead_band
  base::Duration min_interval{}, max_interval{}; // between reports; zero: no such bound
  base::Duration period{};
  base::Duration window{}, slide{};              // zero window: none; zero slide: tumbling
  std::vector<Function> functions;
  base::Duration lateness{};
  Raw raw = Raw::forward;
  std::string series = "{series}/{function}";    // name of what comes out
  friend bool operator==(const AggregateRule&, const AggregateRule&) = default;

  bool has_windows() const { return window.count() > 0; }
  base::Duration step() const { return slide.count() > 0 ? slide : window; }
  bool uses(Function::Kind kind) const;
  // Of text series only the reports speak.
  bool speaks_of(model::Kind kind) const { return kind != model::Kind::text || report != Report::all; }
  // Changes with whatever the state of a series depends on.
  std::uint64_t fingerprint() const;
};

// The rules in order, checked and taken apart. Code::invalid_input names the rule and what is wrong.
class AggregateRules {
 public:
  AggregateRules() = default;
  static base::Result<AggregateRules> create(std::vector<AggregateRule> rules);

  // The place of the rule that speaks of this series.
  std::optional<std::uint32_t> find(std::string_view series, model::Kind kind) const;
  // The same whatever the kind: the first whose filter matches.
  std::optional<std::uint32_t> match(std::string_view series) const;
  const AggregateRule& at(std::uint32_t rule) const { return rules_[rule]; }
  std::span<const AggregateRule> all() const { return rules_; }
  bool empty() const { return rules_.empty(); }

  // The name of what comes out of `source` by this rule: a function's name, or AggregateRule::reported.
  // Code::invalid_input if it is no name of a series.
  base::Result<std::string> derived(std::uint32_t rule, const model::SeriesDef& source,
                                    std::string_view function) const;

 private:
  std::vector<AggregateRule> rules_;
  std::vector<NameTemplate> names_;
};

}  // namespace selvedge::engine
