// Random: the one source of chance in a simulation; the same seed gives the same numbers on every
// machine and compiler, which the distributions of the standard library do not promise.
//
// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).

#pragma once

#include <cstdint>

#include "base/time.h"

namespace selvedge::os::fake {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  // In [0, bound); 0 if bound is 0.
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
  // In [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  bool chance(double probability) { return unit() < probability; }
  base::Duration between(base::Duration least, base::Duration most) {
    if (most <= least) return least;
    return least + base::Duration(static_cast<std::int64_t>(
                       below(static_cast<std::uint64_t>((most - least).count()) + 1)));
  }
  // A time to wait until the next event of a Poisson process with this mean.
  base::Duration exponential(base::Duration mean);
  // A generator of its own: what is drawn from it does not disturb this one.
  Random fork() { return Random(next() ^ 0xD1B54A32D192ED03u); }

 private:
  std::uint64_t state_;
};

}  // namespace selvedge::os::fake
