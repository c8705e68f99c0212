// AnomalyRule: which series are watched, how their usual behaviour is learnt, and what counts as unusual.
// docs/spec/anomaly.md defines each word.
//
// The first rule whose filter matches the name of the series decides. A filter is one of MQTT, taken level by
// level of the series' name. Series of numbers only. Pure values; any thread.

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

enum class DetectorKind : std::uint8_t { robust, ewma, seasonal, model };

struct AnomalyRule {
  static constexpr std::size_t most_rules = 1000;
  static constexpr std::uint32_t least_window = 8, most_window = 4096;
  static constexpr std::uint32_t least_phases = 4, most_phases = 288;

  std::string filter;
  DetectorKind detector = DetectorKind::robust;
  double threshold = 5;                // score from which a reading is an anomaly
  double clear = 0;                    // score below which it is over; 0: 60 % of the threshold
  std::uint32_t confirm = 1;           // readings in a row above the threshold, until it is one
  std::uint32_t hold = 3;              // readings in a row below `clear`, until it is over
  std::uint32_t window = 64;           // readings: remembered (robust), or of memory (ewma)
  base::Duration period{};             // seasonal; zero: found from the series
  std::uint32_t phases = 48;           // seasonal: parts of a period that are learnt apart
  base::Duration stuck_after{};        // a value that stays the very same for so long; zero: may stay
  base::Duration report = std::chrono::seconds(60);   // the score is reported so often; zero: on change only
  std::string model;                   // detector = model: its name
  std::uint64_t model_version = 0;     // 0: the newest
  std::uint32_t every = 1;             // detector = model: asked at each n-th reading
  std::string series = "{series}/{output}";
  friend bool operator==(const AnomalyRule&, const AnomalyRule&) = default;

  double clear_below() const { return clear > 0 ? clear : threshold * 0.6; }
  bool speaks_of(model::Kind kind) const { return kind == model::Kind::float64 || kind == model::Kind::int64; }
  // Changes with whatever the state of a series depends on.
  std::uint64_t fingerprint() const;
};

// The rules in order, checked. Code::invalid_input names the rule, the key and what is wrong.
class AnomalyRules {
 public:
  // What {output} may be, in the order of AnomalyOutput::What.
  static constexpr std::string_view outputs[] = {"anomaly", "anomalous", "anomaly-kind"};

  AnomalyRules() = default;
  static base::Result<AnomalyRules> create(std::vector<AnomalyRule> rules);

  std::optional<std::uint32_t> find(std::string_view series, model::Kind kind) const;
  const AnomalyRule& at(std::uint32_t rule) const { return rules_[rule]; }
  std::span<const AnomalyRule> all() const { return rules_; }
  bool empty() const { return rules_.empty(); }

  // Code::invalid_input if it is no name of a series.
  base::Result<std::string> derived(std::uint32_t rule, const model::SeriesDef& source,
                                    std::string_view output) const;

 private:
  std::vector<AnomalyRule> rules_;
  std::vector<NameTemplate> names_;
};

}  // namespace selvedge::engine
