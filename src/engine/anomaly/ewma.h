// Control chart of a moving average: detector.h. Private to engine/anomaly.

#pragma once

#include "engine/anomaly/detector.h"

namespace selvedge::engine {

class EwmaDetector final : public Detector {
 public:
  explicit EwmaDetector(std::uint32_t window) : window_(window) {}

  Verdict step(const Moment& moment, double value) override;
  void save(base::Writer& out) const override;
  bool restore(base::Reader& in) override;

 private:
  std::uint32_t window_;
  std::uint32_t count_ = 0;            // up to four windows
  double level_ = 0;                   // slow
  double average_ = 0;                 // fast: the chart's statistic
  double variance_ = 0;                // of average_ around level_
};

}  // namespace selvedge::engine
