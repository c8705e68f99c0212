#include "engine/aggregate/pane.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace selvedge::engine {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

bool is_nan(model::Kind kind, std::uint64_t bits) {
  return kind == model::Kind::float64 && std::isnan(std::bit_cast<double>(bits));
}

bool less(model::Kind kind, std::uint64_t a, std::uint64_t b) {
  if (kind == model::Kind::float64) return std::bit_cast<double>(a) < std::bit_cast<double>(b);
  return static_cast<std::int64_t>(a) < static_cast<std::int64_t>(b);
}

}  // namespace

PaneNeeds needs_of(const AggregateRule& rule) {
  return {rule.uses(Function::Kind::stddev), rule.uses(Function::Kind::time_weighted_mean),
          rule.uses(Function::Kind::quantile)};
}

std::size_t Pane::sketch_bytes() const { return sketch_ ? sketch_->bytes() : 0; }

QuantileSketch& Pane::sketch() {
  if (!sketch_) sketch_ = std::make_unique<QuantileSketch>();
  return *sketch_;
}

void Pane::extend(model::Kind kind, std::uint64_t low, std::uint64_t high) {
  const bool empty = count_ == nan_;
  if (empty || less(kind, low, min_)) min_ = low;
  if (empty || less(kind, max_, high)) max_ = high;
}

void Pane::add_sum(double value) {
  const double sum = sum_ + value;
  if (std::isfinite(sum))
    lost_ += std::abs(sum_) >= std::abs(value) ? (sum_ - sum) + value : (value - sum) + sum_;
  sum_ = sum;
}

void Pane::add(model::Kind kind, const Sample& sample, const PaneNeeds& needs) {
  if (count_ == 0) first_ = sample.bits;
  last_ = sample.bits;
  if (is_nan(kind, sample.bits)) {
    ++count_;
    ++nan_;
    return;
  }
  extend(kind, sample.bits, sample.bits);
  ++count_;
  const double value = number_of(kind, sample.bits);
  add_sum(value);
  if (needs.quantiles) sketch().add(value);
  if (!needs.deviation) return;
  const double difference = value - running_mean_;
  running_mean_ += difference / static_cast<double>(count_ - nan_);
  squares_ += difference * (value - running_mean_);
}

void Pane::hold(double value, std::int64_t nanoseconds) {
  integral_ += value * (static_cast<double>(nanoseconds) * 1e-9);
  held_ += nanoseconds;
}

void Pane::join(const Pane& later, model::Kind kind, const PaneNeeds& needs) {
  integral_ += later.integral_;
  held_ += later.held_;
  if (later.count_ == 0) return;
  if (count_ == 0) first_ = later.first_;
  last_ = later.last_;
  const double before = static_cast<double>(count_ - nan_);
  const double added = static_cast<double>(later.count_ - later.nan_);
  if (added > 0) {
    extend(kind, later.min_, later.max_);
    add_sum(later.sum_);
    lost_ += later.lost_;
    if (later.sketch_) sketch().merge(*later.sketch_);
    if (needs.deviation) {
      const double difference = later.running_mean_ - running_mean_;
      running_mean_ += difference * (added / (before + added));
      squares_ += later.squares_ + difference * difference * (before * added / (before + added));
    }
  }
  count_ += later.count_;
  nan_ += later.nan_;
}

double Pane::mean() const {
  return count_ == nan_ ? nan : (sum_ + lost_) / static_cast<double>(count_ - nan_);
}

std::uint64_t Pane::value(const Function& function) const {
  using Kind = Function::Kind;
  const bool empty = count_ == nan_;
  const auto bits = [](double v) { return std::bit_cast<std::uint64_t>(v); };
  switch (function.kind) {
    case Kind::min: return empty ? bits(nan) : min_;
    case Kind::max: return empty ? bits(nan) : max_;
    case Kind::first: return first_;
    case Kind::last: return last_;
    case Kind::count: return count_;
    case Kind::sum: return bits(empty ? nan : sum_ + lost_);
    case Kind::mean: return bits(mean());
    case Kind::time_weighted_mean:
      return bits(held_ == 0 ? nan : integral_ / (static_cast<double>(held_) * 1e-9));
    case Kind::stddev:
      return bits(empty ? nan : std::sqrt(std::max(squares_, 0.0) / static_cast<double>(count_ - nan_)));
    case Kind::quantile: break;
  }
  return bits(sketch_ ? sketch_->quantile(function.quantile) : nan);
}

void Pane::save(const PaneNeeds& needs, base::Writer& out) const {
  out.svarint(start_);
  out.varint(count_);
  out.varint(nan_);
  for (const std::uint64_t bits : {min_, max_, first_, last_}) out.u64(bits);
  out.f64(sum_);
  out.f64(lost_);
  if (needs.deviation) out.f64(running_mean_), out.f64(squares_);
  if (needs.held) out.f64(integral_), out.varint(static_cast<std::uint64_t>(held_));
  if (!needs.quantiles) return;
  out.u8(sketch_ ? 1 : 0);
  if (sketch_) sketch_->save(out);
}

bool Pane::restore(const PaneNeeds& needs, base::Reader& in) {
  start_ = in.svarint();
  count_ = in.varint();
  nan_ = in.varint();
  for (std::uint64_t* bits : {&min_, &max_, &first_, &last_}) *bits = in.u64();
  sum_ = in.f64();
  lost_ = in.f64();
  if (needs.deviation) running_mean_ = in.f64(), squares_ = in.f64();
  if (needs.held) integral_ = in.f64(), held_ = static_cast<std::int64_t>(in.varint());
  if (needs.quantiles && in.u8() == 1) {
    auto sketch = QuantileSketch::restore(in);
    if (!sketch) return false;
    sketch_ = std::make_unique<QuantileSketch>(std::move(*sketch));
  }
  return in.ok() && nan_ <= count_ && held_ >= 0;
}

}  // namespace selvedge::engine
