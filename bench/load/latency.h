// Latency: a histogram of durations, 32 buckets for each power of two, so that a quantile is at
// most 3 % too small.

#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace selvedge::bench {

class Latency {
 public:
  void add(std::uint64_t nanoseconds) {
    ++buckets_[bucket(nanoseconds)];
    ++count_;
  }
  std::uint64_t count() const { return count_; }

  double quantile_us(double share) const {
    const auto target = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > target) return static_cast<double>(lower_bound(i)) / 1000.0;
    }
    return 0;
  }

 private:
  static constexpr std::size_t bucket(std::uint64_t v) {
    if (v < 32) return static_cast<std::size_t>(v);
    const auto exponent = static_cast<std::size_t>(std::bit_width(v) - 1);
    return (exponent - 4) * 32 + static_cast<std::size_t>((v >> (exponent - 5)) & 31);
  }
  static constexpr std::uint64_t lower_bound(std::size_t i) {
    if (i < 32) return i;
    const std::size_t exponent = i / 32 + 4;
    return (std::uint64_t{32} + i % 32) << (exponent - 5);
  }

  std::array<std::uint64_t, 60 * 32> buckets_{};
  std::uint64_t count_ = 0;
};

}  // namespace selvedge::bench
