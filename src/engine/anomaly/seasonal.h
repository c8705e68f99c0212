// Levels by part of a period: detector.h. Private to engine/anomaly.

#pragma once

#include <optional>
#include <vector>

#include "engine/anomaly/detector.h"
#include "engine/anomaly/period_finder.h"

namespace selvedge::engine {

class SeasonalDetector final : public Detector {
 public:
  // Period 0: found.
  SeasonalDetector(std::int64_t period, std::uint32_t phases);

  Verdict step(const Moment& moment, double value) override;
  static std::size_t bytes_for(std::size_t phases, bool finds);
  void save(base::Writer& out) const override;
  bool restore(base::Reader& in) override;

 private:
  struct Phase {
    float level = 0;                   // over level_
    float deviation = 0;               // mean distance
    std::uint16_t visits = 0;          // periods in which it was seen, up to 1000
    std::int64_t period = -1;          // when it was seen last
  };
  void learn(Phase& phase, double weight, double off, double bound, std::int64_t number);

  std::int64_t period_ = 0;
  std::optional<PeriodFinder> finder_;
  std::vector<Phase> phases_;
  double level_ = 0;                   // of the whole
  double typical_ = 0;                 // mean distance over all phases
  std::int64_t last_ = 0, begun_ = 0;  // time of the last reading, and of the first since the period is known
  std::uint32_t count_ = 0;
};

}  // namespace selvedge::engine
