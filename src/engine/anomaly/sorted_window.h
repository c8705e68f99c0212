// SortedWindow: the last readings of a series, with their median and median absolute deviation at any time,
// exact. Ten bytes a reading and nothing allocated after the first fill.
//
// The readings lie in a ring; beside it lie their places in order of value. A reading that comes moves at most
// `size` two-byte places. The deviations from the median are two sorted runs (what lies below it, backwards,
// and what lies above), so their median is found by bisection, without sorting. NaN must not be added.

#pragma once

#include <cstdint>
#include <vector>

#include "base/wire.h"

namespace selvedge::engine {

class SortedWindow {
 public:
  explicit SortedWindow(std::uint32_t capacity) : capacity_(capacity) {}

  void add(double value);
  std::size_t size() const { return ring_.size(); }
  bool full() const { return ring_.size() == capacity_; }
  void clear();

  // Of an even number the lower middle. The window must not be empty.
  double median() const { return at((ring_.size() - 1) / 2); }
  // Median of |value - median()|.
  double deviation() const;
  // Half of the width of the middle `share` of the values.
  double spread(double share) const;
  // Mean of |value - median()|.
  double mean_deviation() const;
  // Oldest first.
  double oldest(std::size_t i) const { return ring_[(next_ + i) % ring_.size()]; }

  static std::size_t bytes_for(std::uint32_t capacity) { return std::size_t{capacity} * 10; }
  void save(base::Writer& out) const;
  bool restore(base::Reader& in);

 private:
  double at(std::size_t rank) const { return ring_[order_[rank]]; }
  std::size_t rank_of(double value) const;   // how many are less

  std::uint32_t capacity_;
  std::uint32_t next_ = 0;                   // of the ring: the oldest, once full
  std::vector<double> ring_;
  std::vector<std::uint16_t> order_;
};

}  // namespace selvedge::engine
