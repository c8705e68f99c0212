#include "engine/anomaly/period_finder.h"

#include <algorithm>
#include <cmath>

#include "engine/anomaly/detector.h"

namespace selvedge::engine {
namespace {

constexpr std::int64_t second = 1'000'000'000, longest = 366LL * 24 * 3600 * second;

}  // namespace

std::int64_t usual_period(std::int64_t found) {
  for (const std::int64_t usual : {60 * second, 3600 * second, 12 * 3600 * second, 24 * 3600 * second,
                                   7 * 24 * 3600 * second})
    if (std::abs(found - usual) <= usual / 20) return usual;
  return found;
}

std::optional<std::int64_t> PeriodFinder::step(std::int64_t time, double value) {
  if (slots_.empty()) {
    slots_.reserve(slots);
    first_ = time;
    base_ = value;
    slots_.push_back({0, 1});
    return std::nullopt;
  }
  if (time < first_) return std::nullopt;
  if (width_ == 0) {
    if (time == first_) return std::nullopt;
    width_ = time - first_;
  }
  if (time - first_ > longest) {       // too far: start over
    *this = {};
    return std::nullopt;
  }
  while ((time - first_) / width_ >= static_cast<std::int64_t>(slots)) halve();
  const auto at = static_cast<std::size_t>((time - first_) / width_);
  if (slots_.size() <= at) slots_.resize(at + 1);
  Slot& slot = slots_[at];
  slot.count = std::min(slot.count + 1, 1'000'000U);
  slot.mean += (static_cast<float>(value - base_) - slot.mean) / static_cast<float>(slot.count);
  // Each look costs what so many readings cost.
  if (slots_.size() < 48 || slots_.size() < looked_ + slots / 8) return std::nullopt;
  looked_ = slots_.size();
  return look();
}

void PeriodFinder::halve() {
  for (std::size_t i = 0; i < slots_.size(); i += 2) {
    const Slot a = slots_[i], b = i + 1 < slots_.size() ? slots_[i + 1] : Slot{};
    const double count = static_cast<double>(a.count) + b.count;
    slots_[i / 2] = {count == 0 ? 0 : static_cast<float>((a.mean * static_cast<double>(a.count) +
                                                          b.mean * static_cast<double>(b.count)) / count),
                     std::min(a.count + b.count, 1'000'000U)};
  }
  slots_.resize((slots_.size() + 1) / 2);
  width_ *= 2;
  looked_ = std::min(looked_, slots_.size() / 2);
}

std::optional<std::int64_t> PeriodFinder::look() const {
  const std::size_t n = slots_.size() - 1;   // the last one is not whole
  double mean = 0, squares = 0;
  std::size_t used = 0;
  for (std::size_t i = 0; i < n; ++i)
    if (slots_[i].count > 0) mean += slots_[i].mean, ++used;
  if (used < n / 2) return std::nullopt;
  mean /= static_cast<double>(used);
  for (std::size_t i = 0; i < n; ++i)
    if (slots_[i].count > 0) squares += std::pow(slots_[i].mean - mean, 2);
  const double variance = squares / static_cast<double>(used);
  if (!(variance > 0) || !std::isfinite(variance)) return std::nullopt;
  std::vector<double> correlation(n / 3 + 1);
  for (std::size_t lag = 1; lag < correlation.size(); ++lag) {
    double sum = 0;
    std::size_t pairs = 0;
    for (std::size_t i = 0; i + lag < n; ++i) {
      if (slots_[i].count == 0 || slots_[i + lag].count == 0) continue;
      sum += (slots_[i].mean - mean) * (slots_[i + lag].mean - mean);
      ++pairs;
    }
    correlation[lag] = pairs < n / 4 ? 0 : sum / static_cast<double>(pairs) / variance;
  }
  // The highest peak behind a valley; of peaks that are as good, the first.
  double valley = 1, best = 0;
  std::size_t found = 0;
  for (std::size_t lag = 2; lag + 1 < correlation.size(); ++lag) {
    valley = std::min(valley, correlation[lag]);
    const double here = correlation[lag];
    const bool peak = here >= correlation[lag - 1] && here >= correlation[lag + 1];
    if (peak && here >= 0.4 && here - valley >= 0.4 && lag >= 6 && here > best * 1.1) best = here, found = lag;
  }
  if (found == 0) return std::nullopt;
  // Between slots: the top of the parabola through the peak and its neighbours.
  const double left = correlation[found - 1], middle = correlation[found], right = correlation[found + 1];
  const double bend = left - 2 * middle + right;
  const double offset = bend < 0 ? std::clamp(0.5 * (left - right) / bend, -0.5, 0.5) : 0;
  return usual_period(static_cast<std::int64_t>((static_cast<double>(found) + offset) * static_cast<double>(width_)));
}

void PeriodFinder::save(base::Writer& out) const {
  out.svarint(first_);
  out.svarint(width_);
  out.f64(base_);
  out.varint(looked_);
  out.varint(slots_.size());
  for (const Slot& slot : slots_) {
    out.varint(slot.count);
    if (slot.count > 0) out.f64(slot.mean);
  }
}

bool PeriodFinder::restore(base::Reader& in) {
  *this = {};
  first_ = in.svarint();
  width_ = in.svarint();
  base_ = in.f64();
  const std::uint64_t looked = in.varint(), count = in.varint();
  if (!in.ok() || count > slots || count > in.remaining() || looked > slots) return false;
  if (width_ < 0 || width_ > longest || first_ > Moment::most || first_ < -Moment::most) return false;
  looked_ = static_cast<std::size_t>(looked);
  if (count > 0) slots_.reserve(slots);
  for (std::uint64_t i = 0; i < count; ++i) {
    Slot slot;
    slot.count = static_cast<std::uint32_t>(std::min<std::uint64_t>(in.varint(), 1'000'000));
    if (slot.count > 0) slot.mean = static_cast<float>(in.f64());
    if (!std::isfinite(slot.mean)) return false;
    slots_.push_back(slot);
  }
  return in.ok() && std::isfinite(base_);
}

}  // namespace selvedge::engine
