// AggregateRule: what becomes of the readings of a series on the node: which are reported, over which
// windows they are summed up, and where the raw ones stay. docs/spec/aggregation.md defines each word.
// Pure values; any thread.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "engine/derive/rule_list.h"
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
  static constexpr std::string_view what = "aggregate", word = "{function}";
  // What stands for {function} in the name of the series of reported readings.
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
  // Only where nothing raw is stored may what comes out take its place.
  bool may_replace_source() const { return raw == Raw::drop && !has_windows(); }
  // What {function} may be.
  std::vector<std::string_view> outputs() const;
  base::Result<void> check() const;
  base::Result<void> check_name(const NameTemplate& name) const;
  // Changes with whatever the state of a series depends on.
  std::uint64_t fingerprint() const;
};

using AggregateRules = RuleList<AggregateRule>;

}  // namespace selvedge::engine
