#include "engine/sketch/quantile_sketch.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace selvedge::engine {
namespace {

constexpr std::int32_t per_octave = 35;
constexpr std::int32_t most_bucket = per_octave * 1024 - 1;
constexpr std::int32_t least_bucket = per_octave * -1074;
constexpr std::uint64_t most_count = std::uint64_t{1} << 50;
constexpr double infinity = std::numeric_limits<double>::infinity();

// Where a mantissa 1 + part lies between two powers of two, in buckets. Its slope over the logarithm
// is least at the powers, 50 a unit: two bounds differ by a factor of at most exp(1 / 50), and that is
// below 101 / 99.
constexpr double place_in_octave(double part) { return ((6 * part - 21) * part + 50) * part; }

// The mantissas at which the buckets of an octave begin, and 2.
constexpr std::array<double, per_octave + 1> find_bounds() {
  std::array<double, per_octave + 1> bounds{};
  for (int i = 0; i <= per_octave; ++i) {
    double low = 0, high = 1;
    for (int round = 0; round < 60; ++round) {
      const double middle = low + (high - low) / 2;
      if (place_in_octave(middle) < i) low = middle;
      else high = middle;
    }
    bounds[static_cast<std::size_t>(i)] = 1 + high;
  }
  bounds[0] = 1;
  return bounds;
}
constexpr std::array<double, per_octave + 1> bounds = find_bounds();

// Of a finite magnitude above 0.
std::int32_t bucket_of(double magnitude) {
  constexpr double least_normal = std::numeric_limits<double>::min();
  std::int32_t shift = 0;
  if (magnitude < least_normal) {
    magnitude *= 0x1p64;
    shift = 64;
  }
  const auto bits = std::bit_cast<std::uint64_t>(magnitude);
  const std::int32_t octave = static_cast<std::int32_t>(bits >> 52) - 1023 - shift;
  const double part = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL) - 1;
  const auto place = std::min(static_cast<std::int32_t>(place_in_octave(part)), per_octave - 1);
  return octave * per_octave + place;
}

double power_of_two(std::int32_t exponent) {
  if (exponent < -1022) return std::bit_cast<double>(std::uint64_t{1} << (exponent + 1074));
  return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
}

// The value whose relative distance to both ends of the bucket is the same.
double middle_of(std::int32_t bucket) {
  std::int32_t octave = bucket / per_octave, place = bucket % per_octave;
  if (place < 0) {
    place += per_octave;
    --octave;
  }
  const double low = bounds[static_cast<std::size_t>(place)];
  const double high = bounds[static_cast<std::size_t>(place) + 1];
  return 2 * low * high / (low + high) * power_of_two(octave);
}

}  // namespace

void QuantileSketch::Side::add(std::int32_t bucket, std::uint64_t times) {
  if (counts.empty()) {
    lowest = bucket;
    counts.push_back(times);
    return;
  }
  const std::int32_t highest = lowest + static_cast<std::int32_t>(counts.size()) - 1;
  constexpr auto most = static_cast<std::int32_t>(most_buckets);
  if (bucket > highest) {
    // What would be too far below the new highest shares the lowest that may be.
    const std::int32_t floor = bucket - most + 1;
    if (lowest < floor) {
      const auto gone = std::min<std::size_t>(static_cast<std::size_t>(floor - lowest), counts.size());
      std::uint64_t shared = 0;
      for (std::size_t i = 0; i < gone; ++i) shared += counts[i];
      counts.erase(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(gone));
      if (counts.empty()) counts.push_back(0);
      counts.front() += shared;
      lowest = floor;
    }
    counts.resize(static_cast<std::size_t>(bucket - lowest) + 1);
  } else if (bucket < lowest) {
    const std::int32_t begin = std::max(bucket, highest - most + 1);
    counts.insert(counts.begin(), static_cast<std::size_t>(lowest - begin), 0);
    lowest = bucket = begin;
  }
  counts[static_cast<std::size_t>(bucket - lowest)] += times;
}

void QuantileSketch::Side::merge(const Side& other) {
  if (other.counts.empty()) return;
  // From the highest, so that what is to be shared is so at once.
  for (std::size_t i = other.counts.size(); i-- > 0;)
    if (other.counts[i] != 0) add(other.lowest + static_cast<std::int32_t>(i), other.counts[i]);
}

std::uint64_t QuantileSketch::Side::total() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : counts) sum += count;
  return sum;
}

void QuantileSketch::add(double value) {
  if (std::isnan(value)) return;
  if (count_ == 0 || value < min_) min_ = value;
  if (count_ == 0 || value > max_) max_ = value;
  ++count_;
  if (value == 0) ++zeros_;
  else if (std::isinf(value)) ++(value > 0 ? above_ : below_);
  else if (value > 0) positive_.add(bucket_of(value), 1);
  else negative_.add(bucket_of(-value), 1);
}

void QuantileSketch::add(std::span<const double> values) {
  for (const double value : values) {
    if (std::isnan(value)) continue;
    if (count_ == 0 || value < min_) min_ = value;
    if (count_ == 0 || value > max_) max_ = value;
    ++count_;
    const double magnitude = std::fabs(value);
    if (magnitude > 0 && magnitude < infinity) {
      Side& side = value > 0 ? positive_ : negative_;
      const std::int32_t bucket = bucket_of(magnitude);
      const auto place = static_cast<std::size_t>(static_cast<std::int64_t>(bucket) - side.lowest);
      if (place < side.counts.size()) ++side.counts[place];
      else side.add(bucket, 1);
    } else if (value == 0) {
      ++zeros_;
    } else {
      ++(value > 0 ? above_ : below_);
    }
  }
}

void QuantileSketch::merge(const QuantileSketch& other) {
  if (other.count_ == 0) return;
  const bool first = count_ == 0;
  count_ += other.count_;
  min_ = first ? other.min_ : std::min(min_, other.min_);
  max_ = first ? other.max_ : std::max(max_, other.max_);
  zeros_ += other.zeros_;
  above_ += other.above_;
  below_ += other.below_;
  positive_.merge(other.positive_);
  negative_.merge(other.negative_);
}

double QuantileSketch::quantile(double share) const {
  const std::uint64_t all = count_;
  if (all == 0) return std::numeric_limits<double>::quiet_NaN();
  share = share > 0 ? std::min(share, 1.0) : 0;
  // A few last places up: 0.29 * 100 is 29, and a double makes less of it.
  auto before = static_cast<std::uint64_t>(share * static_cast<double>(all - 1) * (1 + 0x1p-50));
  before = std::min(before, all - 1);
  if (before == 0) return min_;
  if (before == all - 1) return max_;
  const auto passes = [&](std::uint64_t count) {
    if (before >= count) return before -= count, true;
    return false;
  };
  const auto within = [&](double value) { return std::clamp(value, min_, max_); };
  if (!passes(below_)) return -infinity;
  for (std::size_t i = negative_.counts.size(); i-- > 0;)
    if (!passes(negative_.counts[i]))
      return within(-middle_of(negative_.lowest + static_cast<std::int32_t>(i)));
  if (!passes(zeros_)) return 0;
  for (std::size_t i = 0; i < positive_.counts.size(); ++i)
    if (!passes(positive_.counts[i]))
      return within(middle_of(positive_.lowest + static_cast<std::int32_t>(i)));
  return infinity;
}

std::size_t QuantileSketch::bytes() const {
  return sizeof *this + (positive_.counts.capacity() + negative_.counts.capacity()) * sizeof(std::uint64_t);
}

// svarint lowest; varint places; of each a varint count, and behind a 0 how many more 0 follow.
void QuantileSketch::Side::save(base::Writer& out) const {
  out.varint(counts.size());
  if (counts.empty()) return;
  out.svarint(lowest);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    out.varint(counts[i]);
    if (counts[i] != 0) continue;
    std::size_t more = 0;
    for (; counts[i + 1] == 0; ++i) ++more;   // the last one is not 0
    out.varint(more);
  }
}

bool QuantileSketch::Side::restore(base::Reader& in) {
  const std::uint64_t places = in.varint();
  if (!in.ok() || places > most_buckets) return false;
  counts.assign(static_cast<std::size_t>(places), 0);
  if (places == 0) return true;
  const std::int64_t first = in.svarint();
  if (first < least_bucket || first + static_cast<std::int64_t>(places) - 1 > most_bucket) return false;
  lowest = static_cast<std::int32_t>(first);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    counts[i] = in.varint();
    if (!in.ok() || counts[i] >= most_count) return false;
    if (counts[i] != 0) continue;
    const std::uint64_t more = in.varint();
    if (!in.ok() || more >= counts.size() - i) return false;
    i += static_cast<std::size_t>(more);
  }
  return counts.front() != 0 && counts.back() != 0;
}

// Version 1: u8 1; varint zeros, above, below; f64 min, max; positive; negative.
void QuantileSketch::save(base::Writer& out) const {
  out.u8(1);
  for (const std::uint64_t n : {zeros_, above_, below_}) out.varint(n);
  out.f64(min_);
  out.f64(max_);
  positive_.save(out);
  negative_.save(out);
}

base::Result<QuantileSketch> QuantileSketch::restore(base::Reader& in) {
  const auto damaged = [](std::string_view what) {
    return base::fail(base::Code::corrupt, "read a quantile sketch: " + std::string(what));
  };
  QuantileSketch sketch;
  if (in.u8() != 1 || !in.ok()) return damaged("unknown version, or none");
  for (std::uint64_t* n : {&sketch.zeros_, &sketch.above_, &sketch.below_}) {
    *n = in.varint();
    if (*n >= most_count) return damaged("a count is too large");
  }
  sketch.min_ = in.f64();
  sketch.max_ = in.f64();
  if (!in.ok() || !sketch.positive_.restore(in) || !sketch.negative_.restore(in))
    return damaged("its buckets are damaged");
  sketch.count_ = sketch.zeros_ + sketch.above_ + sketch.below_ + sketch.positive_.total() +
                  sketch.negative_.total();   // below 2^63, as each of at most 4099 is below 2^50
  if (!(sketch.min_ <= sketch.max_)) return damaged("its smallest and largest are no such");
  return sketch;
}

}  // namespace selvedge::engine
