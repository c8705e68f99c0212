// Timing: clocks, and what is said of a row of times. Seconds; milliseconds in reports.

#pragma once

#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/json.h"

namespace bench {

inline double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}
inline double wall_clock() { return seconds_of(CLOCK_MONOTONIC); }
inline double thread_cpu() { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }
inline double process_cpu() { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }

class Times {
 public:
  void add(double seconds) { all_.push_back(seconds); }
  void add(const Times& other) { all_.insert(all_.end(), other.all_.begin(), other.all_.end()); }
  std::size_t count() const { return all_.size(); }
  const std::vector<double>& all() const { return all_; }

  // The least value that a share of the times does not exceed; 0 without any.
  double at(double share) const {
    if (all_.empty()) return 0;
    std::vector<double> sorted = all_;
    std::ranges::sort(sorted);
    const auto index = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
    return sorted[std::clamp<std::size_t>(index, 1, sorted.size()) - 1];
  }
  double least() const { return at(0); }
  double median() const { return at(0.5); }
  double sum() const {
    double total = 0;
    for (const double one : all_) total += one;
    return total;
  }

  // {"min":..,"p50":..,"p99":..} in milliseconds.
  void write(selvedge::base::JsonWriter& json) const {
    json.begin_object().field("min", least() * 1e3).field("p50", median() * 1e3).field("p99", at(0.99) * 1e3).end_object();
  }

 private:
  std::vector<double> all_;
};

// Of a's and b's times at the same place.
inline double median_ratio(const Times& a, const Times& b) {
  Times ratios;
  for (std::size_t i = 0; i < std::min(a.count(), b.count()); ++i) ratios.add(a.all()[i] / b.all()[i]);
  return ratios.median();
}

}  // namespace bench
