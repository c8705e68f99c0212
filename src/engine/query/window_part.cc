#include "engine/query/window_part.h"

#include <algorithm>
#include <cmath>

namespace selvedge::engine {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

void CompensatedSum::add(double value) {
  const double next = sum + value;
  lost += std::fabs(sum) >= std::fabs(value) ? (sum - next) + value : (value - next) + sum;
  sum = next;
}

double CompensatedSum::value() const {
  const double corrected = sum + lost;
  return std::isfinite(corrected) ? corrected : sum;
}

WindowNeeds::WindowNeeds(const QueryRange& range) {
  for (const Aggregate aggregate : range.aggregates) {
    deviation |= aggregate.kind == Aggregate::stddev || aggregate.kind == Aggregate::variance;
    quantiles |= aggregate.kind == Aggregate::quantile;
    ordered |= aggregate.is_ordered();
    beyond_count |= aggregate.kind != Aggregate::count;
  }
}

// Of equal times the first fed is first, and the last fed last.
void WindowPart::add_header(const model::BlockSummary& summary) {
  if (takes_first(summary.first_time.ns)) {
    first_time_ = summary.first_time.ns;
    row_.first = summary.first;
  }
  if (takes_last(summary.last_time.ns)) {
    last_time_ = summary.last_time.ns;
    row_.last = summary.last;
  }
  row_.count += summary.count;
  row_.nan_count += summary.nan_count;
  if (summary.nan_count == summary.count) return;
  row_.min = std::min(row_.min, summary.min);
  row_.max = std::max(row_.max, summary.max);
  sum_.add(summary.sum);
}

void WindowPart::add_times(std::int64_t first, std::int64_t last, std::uint64_t count) {
  if (takes_first(first)) first_time_ = first;
  if (takes_last(last)) last_time_ = last;
  row_.count += count;
  row_.nan_count += count;               // nothing is known of the values
}

void WindowPart::add_values(std::int64_t first_time, std::int64_t last_time,
                            std::span<const double> values, const WindowNeeds& needs) {
  if (takes_first(first_time)) {
    first_time_ = first_time;
    row_.first = values.front();
  }
  if (takes_last(last_time)) {
    last_time_ = last_time;
    row_.last = values.back();
  }
  row_.count += values.size();
  for (const double value : values) {
    if (std::isnan(value)) {
      ++row_.nan_count;
      continue;
    }
    row_.min = value < row_.min ? value : row_.min;
    row_.max = value > row_.max ? value : row_.max;
    sum_.add(value);
  }
  add_beyond_header(values, needs);
}

void WindowPart::add_beyond_header(std::span<const double> values, const WindowNeeds& needs) {
  if (needs.quantiles) {
    if (!sketch_) sketch_ = std::make_unique<QuantileSketch>();
    sketch_->add(values);
  }
  if (!needs.deviation) return;
  std::uint64_t count = 0;
  double sum = 0;
  for (const double value : values)
    if (!std::isnan(value)) sum += value, ++count;
  if (count == 0) return;
  // The second sum takes away what rounding did to the mean (Chan, Golub and LeVeque, 1983).
  const double mean = sum / static_cast<double>(count);
  double squares = 0, rest = 0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    squares += (value - mean) * (value - mean);
    rest += value - mean;
  }
  const double shift = rest / static_cast<double>(count);
  deviate(count, mean + shift, std::max(squares - rest * shift, 0.0));
}

void WindowPart::deviate(std::uint64_t count, double mean, double squares) {
  const double before = static_cast<double>(deviating_), added = static_cast<double>(count);
  deviating_ += count;
  if (before == 0) {
    mean_ = mean;
    squares_ = squares;
    return;
  }
  const double difference = mean - mean_;
  mean_ += difference * (added / (before + added));
  squares_ += squares + difference * difference * (before * (added / (before + added)));
}

void WindowPart::hold(double value, std::uint64_t nanoseconds) {
  integral_.add(value * (static_cast<double>(nanoseconds) * 1e-9));
  held_ns_ += nanoseconds;
}

void WindowPart::join(const WindowPart& later) {
  integral_.add(later.integral_.sum);
  integral_.lost += later.integral_.lost;
  increase_.add(later.increase_.sum);
  increase_.lost += later.increase_.lost;
  held_ns_ += later.held_ns_;
  if (later.row_.count == 0) return;
  if (takes_first(later.first_time_)) {
    first_time_ = later.first_time_;
    row_.first = later.row_.first;
  }
  if (takes_last(later.last_time_)) {
    last_time_ = later.last_time_;
    row_.last = later.row_.last;
  }
  row_.count += later.row_.count;
  row_.nan_count += later.row_.nan_count;
  row_.min = std::min(row_.min, later.row_.min);
  row_.max = std::max(row_.max, later.row_.max);
  sum_.add(later.sum_.sum);
  sum_.lost += later.sum_.lost;
  if (later.deviating_ > 0) deviate(later.deviating_, later.mean_, later.squares_);
  if (!later.sketch_) return;
  if (!sketch_) sketch_ = std::make_unique<QuantileSketch>(*later.sketch_);
  else sketch_->merge(*later.sketch_);
}

WindowRow WindowPart::row(const QueryRange& range) const {
  WindowRow row;
  const bool empty = row_.count == row_.nan_count;
  row.count = row_.count;
  row.nan_count = row_.nan_count;
  row.min = empty ? nan : row_.min;
  row.max = empty ? nan : row_.max;
  row.sum = empty ? nan : sum_.value();
  row.first = row_.count == 0 ? nan : row_.first;
  row.last = row_.count == 0 ? nan : row_.last;
  if (held_ns_ > 0) row.time_weighted_mean = integral_.value() / (static_cast<double>(held_ns_) * 1e-9);
  if (deviating_ > 0) row.variance = squares_ / static_cast<double>(deviating_);
  row.increase = increase_.value();
  for (const Aggregate aggregate : range.aggregates)
    if (aggregate.kind == Aggregate::quantile)
      row.quantiles.emplace_back(aggregate.share,
                                 sketch_ ? sketch_->quantile(aggregate.share / 1e6) : nan);
  return row;
}

double WindowRow::value(Aggregate aggregate) const {
  switch (aggregate.kind) {
    case Aggregate::mean: return count == nan_count ? nan : sum / static_cast<double>(count - nan_count);
    case Aggregate::min: return min;
    case Aggregate::max: return max;
    case Aggregate::sum: return sum;
    case Aggregate::count: return static_cast<double>(count);
    case Aggregate::first: return first;
    case Aggregate::last: return last;
    case Aggregate::time_weighted_mean: return time_weighted_mean;
    case Aggregate::variance: return variance;
    case Aggregate::stddev: return std::sqrt(variance);
    case Aggregate::increase: return increase;
    case Aggregate::rate: return increase / seconds;
    case Aggregate::quantile: break;
  }
  for (const auto& [share, value] : quantiles)
    if (share == aggregate.share) return value;
  return nan;
}

}  // namespace selvedge::engine
