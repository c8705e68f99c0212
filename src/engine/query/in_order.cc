#include "engine/query/in_order.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace selvedge::engine {

using base::Code;
using base::Result;

Result<void> InOrder::add(std::span<const std::int64_t> times, std::span<const double> values) {
  const auto place = [&](std::int64_t time) {
    return static_cast<std::size_t>(std::lower_bound(times.begin(), times.end(), time) - times.begin());
  };
  const std::size_t begin = place(range_.needed_from().ns), end = place(range_.to.ns);
  if (begin >= end) return {};
  if (held_ && times[begin] < held_->time)
    return base::fail(Code::corrupt, "query: a block is earlier than was said before");
  if (waiting_.size() + (end - begin) > range_.held_readings)
    return base::fail(Code::exhausted, "query: more than " + std::to_string(range_.held_readings) +
                                           " readings wait for their order; choose a shorter range");
  const auto old = static_cast<std::ptrdiff_t>(waiting_.size());
  for (std::size_t i = begin; i < end; ++i) waiting_.push_back({times[i], values[i]});
  const auto middle = waiting_.begin() + old;
  if (old == 0 || std::prev(middle)->time <= middle->time) return {};
  const auto from = std::upper_bound(waiting_.begin(), middle, middle->time,
                                     [](std::int64_t t, const Waiting& w) { return t < w.time; });
  std::inplace_merge(from, middle, waiting_.end(),
                     [](const Waiting& a, const Waiting& b) { return a.time < b.time; });
  return {};
}

Result<void> InOrder::pass(std::int64_t time) {
  auto end = waiting_.begin();
  for (; end != waiting_.end() && end->time < time; ++end) TRY(take(*end));
  waiting_.erase(waiting_.begin(), end);
  return {};
}

Result<void> InOrder::take(const Waiting& reading) {
  TRY(hold_until(reading.time));
  held_ = reading;
  if (std::isnan(reading.value)) return {};
  // A counter that is less than it was began again at 0.
  if (counted_ && reading.time >= range_.from.ns)
    TRY(windows_.increase(reading.time,
                          reading.value >= *counted_ ? reading.value - *counted_ : reading.value));
  counted_ = reading.value;
  return {};
}

Result<void> InOrder::hold_until(std::int64_t time) {
  if (!held_ || std::isnan(held_->value)) return {};
  std::int64_t until = 0;
  if (__builtin_add_overflow(held_->time, range_.hold_length().count(), &until))
    until = std::numeric_limits<std::int64_t>::max();
  return windows_.hold(std::max(held_->time, range_.from.ns), std::min({until, time, range_.to.ns}),
                       held_->value);
}

Result<void> InOrder::finish() {
  for (const Waiting& reading : waiting_) TRY(take(reading));
  waiting_.clear();
  return hold_until(std::numeric_limits<std::int64_t>::max());
}

}  // namespace selvedge::engine
