#include "engine/anomaly/sorted_window.h"

#include <algorithm>
#include <cmath>

namespace selvedge::engine {

std::size_t SortedWindow::rank_of(double value) const {
  const auto first = std::ranges::lower_bound(order_, value, {}, [this](std::uint16_t i) { return ring_[i]; });
  return static_cast<std::size_t>(first - order_.begin());
}

void SortedWindow::add(double value) {
  std::uint32_t slot = next_;
  if (full()) {
    // Among equal values the place to leave is the one of the oldest.
    std::size_t rank = rank_of(ring_[slot]);
    while (order_[rank] != slot) ++rank;
    order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(rank));
    next_ = (slot + 1) % capacity_;
  } else {
    if (ring_.empty()) ring_.reserve(capacity_), order_.reserve(capacity_);
    slot = static_cast<std::uint32_t>(ring_.size());
    ring_.push_back(value);
  }
  const std::size_t rank = rank_of(value);   // slot is in no place at the moment
  ring_[slot] = value;
  order_.insert(order_.begin() + static_cast<std::ptrdiff_t>(rank), static_cast<std::uint16_t>(slot));
}

void SortedWindow::clear() {
  ring_.clear();
  order_.clear();
  next_ = 0;
}

// The k-th smallest of two sorted runs: of the first run take `i`, of the second k - i, so that what is
// taken is not above what is left.
double SortedWindow::deviation() const {
  const std::size_t n = ring_.size(), middle = (n - 1) / 2, k = (n - 1) / 2;   // k others are not above it
  const double m = at(middle);
  const std::size_t below = middle + 1, above = n - below;                     // the median itself is in `below`
  const auto low = [&](std::size_t i) { return m - at(middle - i); };
  const auto high = [&](std::size_t i) { return at(middle + 1 + i) - m; };
  const std::size_t count = k + 1;                                             // so many are taken
  std::size_t from = count > above ? count - above : 0, to = std::min(count, below);
  while (from < to) {
    const std::size_t i = (from + to) / 2;
    if (low(i) < high(count - i - 1)) from = i + 1;
    else to = i;
  }
  double last = 0;
  if (from > 0) last = std::max(last, low(from - 1));
  if (count > from) last = std::max(last, high(count - from - 1));
  return last;
}

double SortedWindow::spread(double share) const {
  const auto last = static_cast<double>(ring_.size() - 1);
  const auto low = static_cast<std::size_t>(last * (1 - share) / 2), high = static_cast<std::size_t>(std::ceil(last * (1 + share) / 2));
  return (at(high) - at(low)) / 2;
}

double SortedWindow::mean_deviation() const {
  const double m = median();
  double sum = 0;
  for (const double value : ring_) sum += std::abs(value - m);
  return sum / static_cast<double>(ring_.size());
}

void SortedWindow::save(base::Writer& out) const {
  out.varint(ring_.size());
  for (std::size_t i = 0; i < ring_.size(); ++i) out.f64(oldest(i));
}

bool SortedWindow::restore(base::Reader& in) {
  clear();
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > capacity_ || count * 8 > in.remaining()) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    const double value = in.f64();
    if (std::isnan(value)) return false;
    add(value);
  }
  return true;
}

}  // namespace selvedge::engine
