// What AnomalyWatch keeps of one series. Private to engine/anomaly.

#pragma once

#include "engine/anomaly/detector.h"
#include "engine/anomaly/watch.h"

namespace selvedge::engine {

struct AnomalyWatch::Series {
  std::uint32_t id = 0, rule = 0;
  std::uint64_t fingerprint = 0;
  std::size_t bytes = 0;               // as admitted
  std::int64_t last = 0;               // time of the last reading
  std::int64_t interval = 0;           // typical, between readings
  std::int64_t same_since = 0;         // the value has been what it is
  std::int64_t reported_at = 0;
  std::int64_t heard = 0;              // when the last reading came, by the node's clock; 0: it does not matter
  double value = 0;                    // the last
  double resolution = 0;               // the smallest step seen
  double score = 0, reported = 0;      // the last one, and the last one reported
  std::uint32_t count = 0;             // readings, up to a million
  std::uint32_t late_run = 0;          // late ones in a row
  std::uint32_t since_asked = 0;       // readings
  bool ready = false;                  // something was reported
  bool asked = false;
  Alarm alarm;
  std::unique_ptr<Detector> detector;  // null: a model
  std::vector<double> values;          // for a model; a ring once full
  std::uint32_t next = 0;

  void keep(std::uint32_t window, double v) {
    if (values.size() < window) {
      if (values.empty()) values.reserve(window);
      values.push_back(v);
    } else {
      values[next] = v;
      next = (next + 1) % window;
    }
  }
};

}  // namespace selvedge::engine
