// Pane: what is kept of the readings of one stretch of time; windows are put together from panes that
// lie one after the other. Readings come in time order.
//
// A NaN counts, and may be first or last, but is in no min, max, sum, mean, deviation or quantile;
// those are NaN if there is nothing else. Sums are compensated (Neumaier, 1974); deviations by
// Welford (1962), joined by Chan, Golub and LeVeque (1979); quantiles are those of a QuantileSketch.

#pragma once

#include <cstdint>
#include <memory>

#include "base/wire.h"
#include "engine/aggregate/rule.h"
#include "engine/aggregate/sample.h"
#include "engine/sketch/quantile_sketch.h"

namespace selvedge::engine {

// What of a pane is kept beyond the cheap numbers.
struct PaneNeeds {
  bool deviation = false, held = false, quantiles = false;
};
PaneNeeds needs_of(const AggregateRule& rule);

class Pane {
 public:
  explicit Pane(std::int64_t start = 0) : start_(start) {}

  std::int64_t start() const { return start_; }
  std::uint64_t count() const { return count_; }

  void add(model::Kind kind, const Sample& sample, const PaneNeeds& needs);
  // A value was held for so long.
  void hold(double value, std::int64_t nanoseconds);
  // `later` follows this one in time.
  void join(const Pane& later, model::Kind kind, const PaneNeeds& needs);
  // The value of a function, as bits of a reading of kind_of(function, kind).
  std::uint64_t value(const Function& function) const;

  std::size_t bytes() const { return sizeof *this + sketch_bytes(); }
  void save(const PaneNeeds& needs, base::Writer& out) const;
  bool restore(const PaneNeeds& needs, base::Reader& in);

 private:
  std::size_t sketch_bytes() const;
  void extend(model::Kind kind, std::uint64_t low, std::uint64_t high);
  void add_sum(double value);
  QuantileSketch& sketch();
  double mean() const;

  std::int64_t start_;
  std::uint64_t count_ = 0, nan_ = 0;
  std::uint64_t min_ = 0, max_ = 0, first_ = 0, last_ = 0;   // bits; min and max of those that are numbers
  double sum_ = 0, lost_ = 0;          // lost_: what rounding took from the sum
  double running_mean_ = 0, squares_ = 0;                    // of deviations
  double integral_ = 0;                // of held values, in value * seconds
  std::int64_t held_ = 0;              // for how long any was
  std::unique_ptr<QuantileSketch> sketch_;   // of the numbers, if quantiles are wanted
};

}  // namespace selvedge::engine
