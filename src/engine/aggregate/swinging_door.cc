#include "engine/aggregate/swinging_door.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/aggregate/saved_sample.h"

namespace selvedge::engine {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Slope, interpolation and their check each round a few times, by 2^-53 of what they hold.
double safe(double bound, double a, double b) {
  return bound * (1 - 0x1p-40) - 16 * 0x1p-52 * std::max(std::abs(a), std::abs(b));
}

}  // namespace

void SwingingDoor::open_doors() {
  low_ = -infinity;
  high_ = infinity;
}

void SwingingDoor::corner(const Sample& sample, std::vector<Sample>& out) {
  out.push_back(sample);
  pivot_ = sample;
  end_.reset();
  open_doors();
}

bool SwingingDoor::narrow(double value, double distance, double bound) {
  if (!(bound > 0)) return false;
  low_ = std::max(low_, (value - bound) / distance);
  high_ = std::min(high_, (value + bound) / distance);
  return true;
}

void SwingingDoor::take(const AggregateRule& rule, model::Kind kind, const Sample& sample,
                        std::vector<Sample>& out) {
  if (!pivot_) return corner(sample, out);
  const double value = number_of(kind, sample.bits);
  if (!std::isfinite(value) || !std::isfinite(number_of(kind, pivot_->bits))) {
    if (end_) corner(Sample(*end_), out);
    return corner(sample, out);
  }
  double from = number_of(kind, pivot_->bits);
  if (sample.time == (end_ ? end_->time : pivot_->time)) {
    // Two values at one moment: a line has one of them only.
    const double there = end_ ? number_of(kind, end_->bits) : from;
    if (there == value) return;
    if (end_) corner(Sample(*end_), out);
    return corner(sample, out);
  }
  double distance = static_cast<double>(sample.time - pivot_->time);
  double slope = (value - from) / distance;
  if (end_ && !(slope >= low_ && slope <= high_)) {
    corner(Sample(*end_), out);
    from = number_of(kind, pivot_->bits);
    distance = static_cast<double>(sample.time - pivot_->time);
  }
  if (!std::isfinite(value - from) || !narrow(value - from, distance, safe(rule.dead_band, value, from)))
    return corner(sample, out);
  end_ = sample;
  if (rule.max_interval.count() > 0 && sample.time - pivot_->time >= rule.max_interval.count())
    corner(Sample(*end_), out);
}

void SwingingDoor::pass(const AggregateRule& rule, base::Duration silent, std::vector<Sample>& out) {
  if (end_ && rule.max_interval.count() > 0 && silent >= rule.max_interval) corner(Sample(*end_), out);
}

std::optional<base::Duration> SwingingDoor::waits(const AggregateRule& rule) const {
  if (!end_ || rule.max_interval.count() == 0) return std::nullopt;
  return rule.max_interval;
}

void SwingingDoor::finish(std::vector<Sample>& out) {
  if (end_) corner(Sample(*end_), out);
}

void SwingingDoor::save(base::Writer& out) const {
  out.u8(static_cast<std::uint8_t>((pivot_ ? 1 : 0) | (end_ ? 2 : 0)));
  if (pivot_) save_sample(*pivot_, out);
  if (end_) save_sample(*end_, out);
  out.f64(low_);
  out.f64(high_);
}

void SwingingDoor::restore(base::Reader& in) {
  const std::uint8_t flags = in.u8();
  pivot_.reset();
  end_.reset();
  if (flags & 1) pivot_ = restore_sample(in);
  if (flags & 2 && pivot_) end_ = restore_sample(in);
  low_ = in.f64();
  high_ = in.f64();
}

}  // namespace selvedge::engine
