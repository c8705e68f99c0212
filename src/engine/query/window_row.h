// WindowRow: what a query says of one window. Plain values; any thread.

#pragma once

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "base/time.h"
#include "engine/query/range.h"

namespace selvedge::engine {

// NaN readings count, and may be first or last, but are in no min, max, sum, mean, deviation or
// quantile: those are NaN if there is nothing else. For text series only `count` has a meaning.
struct WindowRow {
  base::Time start{};
  std::uint64_t count = 0;
  std::uint64_t nan_count = 0;
  double min = 0, max = 0, sum = 0, first = 0, last = 0;
  double time_weighted_mean = std::numeric_limits<double>::quiet_NaN();
  double variance = std::numeric_limits<double>::quiet_NaN();
  double increase = 0;
  double seconds = 0;                                        // of the window that lie in the range
  std::vector<std::pair<std::uint32_t, double>> quantiles;   // those asked for, by share
  double value(Aggregate aggregate) const;
};

}  // namespace selvedge::engine
