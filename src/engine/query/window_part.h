// WindowPart: what is kept of the readings of one step, and of windows put together from steps.
//
// Sums are compensated (Neumaier, 1974); squares of deviations are taken from the mean of what comes
// together and joined as Chan, Golub and LeVeque (1979) do. Private to engine/query.

#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>

#include "engine/query/window_row.h"
#include "engine/sketch/quantile_sketch.h"
#include "model/block.h"

namespace selvedge::engine {

// A sum that rounding takes nothing from.
struct CompensatedSum {
  double sum = 0, lost = 0;
  void add(double value);
  double value() const;
};

// What is wanted of a part beyond what a header says.
struct WindowNeeds {
  bool deviation = false, quantiles = false, ordered = false;
  bool beyond_count = false;             // anything that values or their order are needed for
  explicit WindowNeeds(const QueryRange& range);
};

class WindowPart {
 public:
  void add_header(const model::BlockSummary& summary);
  void add_times(std::int64_t first, std::int64_t last, std::uint64_t count);
  // In time order. With a header in front only what that does not say is taken from the values.
  void add_values(std::int64_t first_time, std::int64_t last_time, std::span<const double> values,
                  const WindowNeeds& needs);
  void add_beyond_header(std::span<const double> values, const WindowNeeds& needs);
  void hold(double value, std::uint64_t nanoseconds);
  void increase(double by) { increase_.add(by); }
  // `later` follows in time.
  void join(const WindowPart& later);

  std::uint64_t count() const { return row_.count; }
  bool is_held() const { return held_ns_ > 0; }
  std::size_t sketch_bytes() const { return sketch_ ? sketch_->bytes() : 0; }
  WindowRow row(const QueryRange& range) const;

 private:
  bool takes_first(std::int64_t time) const { return row_.count == 0 || time < first_time_; }
  bool takes_last(std::int64_t time) const { return row_.count == 0 || time >= last_time_; }
  void deviate(std::uint64_t count, double mean, double squares);

  struct Row {
    std::uint64_t count = 0, nan_count = 0;
    double min = std::numeric_limits<double>::infinity(), max = -min, first = 0, last = 0;
  } row_;
  std::int64_t first_time_ = 0, last_time_ = 0;
  CompensatedSum sum_, integral_, increase_;   // integral_: of what is held, in value * seconds
  std::uint64_t held_ns_ = 0;
  std::uint64_t deviating_ = 0;          // how many values the next two speak of
  double mean_ = 0, squares_ = 0;
  std::unique_ptr<QuantileSketch> sketch_;
};

}  // namespace selvedge::engine
