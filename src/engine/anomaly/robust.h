// Distance from the running median of the last few readings, in robust deviations of such distances: detector.h.
// Private to engine/anomaly.

#pragma once

#include <array>

#include "engine/anomaly/detector.h"
#include "engine/anomaly/sorted_window.h"

namespace selvedge::engine {

class RobustDetector final : public Detector {
 public:
  explicit RobustDetector(std::uint32_t window) : window_(window), capacity_(window) {}

  Verdict step(const Moment& moment, double value) override;
  void save(base::Writer& out) const override;
  bool restore(base::Reader& in) override;

 private:
  static constexpr std::uint32_t near = 3;   // readings that say what is usual now
  void keep(double value);

  SortedWindow window_;                // distances
  std::uint32_t capacity_;
  std::array<double, near> last_{};    // a ring once full
  std::uint32_t count_ = 0;            // of last_ in use; from `near` on its place
  std::uint32_t held_ = 0;             // readings that were not kept, as an anomaly was on
};

}  // namespace selvedge::engine
