// WindowGrid: which window a time lies in. Windows are counted from `from`, or from 1970 if that end is
// open; numbers do not wrap at the ends of time. Private to engine/query.

#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "engine/query/range.h"

namespace selvedge::engine {

class WindowGrid {
 public:
  explicit WindowGrid(const QueryRange& range)
      : from_(range.from.ns), step_(range.step ? static_cast<std::uint64_t>(range.step->count()) : 1) {
    if (step_ == 0 || from_ != std::numeric_limits<std::int64_t>::min()) return;
    const auto step = static_cast<std::int64_t>(step_);
    const std::int64_t rest = from_ % step;
    offset_ = static_cast<std::uint64_t>(rest < 0 ? rest + step : rest);
  }

  // Saturates below the largest, so that every time lies before some window's limit.
  std::uint64_t since_zero(std::int64_t time) const {
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max() - 1;
    std::uint64_t since = static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(from_);
    if (__builtin_add_overflow(since, offset_, &since)) return most;
    return std::min(since, most);
  }
  std::uint64_t index(std::int64_t time) const { return since_zero(time) / step_; }
  // In the scale of since_zero.
  std::uint64_t limit(std::uint64_t index) const {
    std::uint64_t limit = 0;
    if (__builtin_add_overflow(index * step_, step_, &limit))
      return std::numeric_limits<std::uint64_t>::max();
    return limit;
  }
  std::int64_t start(std::uint64_t index) const {
    const std::uint64_t since = index * step_;
    if (since < offset_) return from_;
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(from_) + since - offset_);
  }

 private:
  std::int64_t from_;
  std::uint64_t step_;
  std::uint64_t offset_ = 0;             // of the first time of all behind its window's start
};

}  // namespace selvedge::engine
