// AnomalyRule: which series are watched, how their usual behaviour is learnt, and what counts as unusual.
// docs/spec/anomaly.md defines each word.
//
// Series of numbers only. Pure values; any thread.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "engine/derive/rule_list.h"
#include "model/reading.h"

namespace selvedge::engine {

enum class DetectorKind : std::uint8_t { robust, ewma, seasonal, model };

struct AnomalyRule {
  static constexpr std::size_t most_rules = 1000;
  static constexpr std::string_view what = "anomaly", word = "{output}";
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
  base::Duration silent_after{};       // nothing came for so long, by the node's clock; zero: may be silent
  base::Duration report = std::chrono::seconds(60);   // the score is reported so often; zero: on change only
  std::string model;                   // detector = model: its name
  std::uint64_t model_version = 0;     // 0: the newest
  std::uint32_t every = 1;             // detector = model: asked at each n-th reading
  std::string series = "{series}/{output}";
  friend bool operator==(const AnomalyRule&, const AnomalyRule&) = default;

  double clear_below() const { return clear > 0 ? clear : threshold * 0.6; }
  bool speaks_of(model::Kind kind) const { return kind == model::Kind::float64 || kind == model::Kind::int64; }
  bool may_replace_source() const { return false; }
  // What {output} may be, in the order of AnomalyOutput::What.
  static std::span<const std::string_view> outputs();
  base::Result<void> check() const;
  base::Result<void> check_name(const NameTemplate& name) const;
  // Changes with whatever the state of a series depends on.
  std::uint64_t fingerprint() const;
};

using AnomalyRules = RuleList<AnomalyRule>;

}  // namespace selvedge::engine
