// PeriodFinder: finds the period of a series while it comes, in bounded memory: means over slots of time,
// and when the slots are all in use, two become one. From time to time the autocorrelation of the slots is
// looked at; its first high peak that is higher than any half as long is the period.
//
// At least three periods must have passed. Nothing is found in noise or a random walk: the peak must be high,
// and lie behind a valley. Private to engine/anomaly.

#pragma once

#include <optional>
#include <vector>

#include "base/wire.h"

namespace selvedge::engine {

class PeriodFinder {
 public:
  static constexpr std::size_t slots = 384;
  static constexpr std::size_t most_bytes = slots * 8;

  // Time order. The period in ns, once it is known.
  std::optional<std::int64_t> step(std::int64_t time, double value);
  std::size_t bytes() const { return slots_.capacity() * sizeof(Slot); }
  void save(base::Writer& out) const;
  bool restore(base::Reader& in);

 private:
  struct Slot {
    float mean = 0;
    std::uint32_t count = 0;
  };
  void halve();
  std::optional<std::int64_t> look() const;

  std::int64_t first_ = 0, width_ = 0; // ns; width 0: not known yet
  double base_ = 0;                    // the first value; means are stored as differences from it
  std::size_t looked_ = 0;             // slots in use when last looked
  std::vector<Slot> slots_;
};

// A period that people would call a day is a day, and so on: the nearest of the usual ones within 5 %.
std::int64_t usual_period(std::int64_t found);

}  // namespace selvedge::engine
