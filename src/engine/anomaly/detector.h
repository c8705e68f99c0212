// Detector: learns how a series usually behaves and says of each reading how far it is from that, in
// deviations ("score": 1 is usual, 5 is rare). Readings come in time order; none is NaN.
//
//   robust    distance from the median of the last few readings, in robust deviations of such distances:
//             from their median absolute deviation or their tail, whichever is wider. A few outliers change
//             neither. (Hampel, "The influence curve and its role in robust estimation", 1974; the constant
//             1.4826 makes it a standard deviation for normal noise.)
//   ewma      control chart of an exponentially weighted moving average: slow to rise, and thereby sure of
//             small changes that last. (Roberts 1959; Lucas and Saccucci 1990.) The deviation of the average
//             is measured and not derived, as readings are seldom independent (MacGregor and Harris 1993).
//   seasonal  level and deviation apart for each part of a period, over a level that follows slowly (after
//             Winters 1960). The period is given, or found.
//
// A reading that is far off counts less in what is learnt, so that an outlier does not become usual; one that
// lasts does. Fixed memory after the first reading. Private to engine/anomaly.

#pragma once

#include <memory>

#include "base/wire.h"
#include "engine/anomaly/rule.h"

namespace selvedge::engine {

struct Moment {
  static constexpr std::int64_t most = 4'500'000'000'000'000'000;   // of a time; the difference of two is one too
  std::int64_t time = 0;               // ns since 1970
  bool gap = false;                    // readings are missing before this one
  bool raised = false;                 // an anomaly is on: learn slowly
  double resolution = 0;               // the smallest step the series was seen to make; 0: none yet
};

struct Verdict {
  bool ready = false;                  // enough has been learnt
  double residual = 0;                 // distance in deviations, with its sign
};

class Detector {
 public:
  static constexpr double most = 1000; // of a residual
  virtual ~Detector() = default;

  virtual Verdict step(const Moment& moment, double value) = 0;
  virtual void save(base::Writer& out) const = 0;
  virtual bool restore(base::Reader& in) = 0;   // false for what save() cannot have written
};

// Not for DetectorKind::model.
std::unique_ptr<Detector> make_detector(const AnomalyRule& rule);
// What a series takes once it is full; it is admitted by that.
std::size_t detector_bytes(const AnomalyRule& rule);

// value / scale, bounded; a scale below `floor` counts as that.
inline double in_deviations(double value, double scale, double floor) {
  if (!(scale > floor)) scale = floor;
  if (!(scale > 0)) return value == 0 ? 0 : value > 0 ? Detector::most : -Detector::most;
  const double z = value / scale;
  return z > Detector::most ? Detector::most : z < -Detector::most ? -Detector::most : z == z ? z : 0;
}

}  // namespace selvedge::engine
