// For tests: series as sensors, converters and exports make them, from a seed.

#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

namespace selvedge::codec::samples {

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint64_t next() {  // SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  std::int64_t below(std::int64_t end) { return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(end)); }

 private:
  std::uint64_t state_;
};

// Integers that wander by up to `reach` a step.
inline std::vector<std::int64_t> walk(std::size_t count, std::int64_t start, std::int64_t reach, std::uint64_t seed) {
  Chance chance(seed);
  std::vector<std::int64_t> k(count);
  for (auto& at : k) at = start += chance.below(2 * reach + 1) - reach;
  return k;
}

// As printed by `format` and read back.
inline double printed(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return std::strtod(text, nullptr);
}

struct Series {
  std::string name;
  std::vector<double> values;
};

template <typename F>
Series series(std::string name, std::size_t count, std::int64_t start, std::int64_t reach, F f) {
  Series s{std::move(name), {}};
  for (const std::int64_t k : walk(count, start, reach, s.name.size() * 77 + count)) s.values.push_back(f(static_cast<double>(k)));
  return s;
}

inline std::vector<Series> all(std::size_t n) {
  std::vector<Series> s;
  s.push_back(series("picoamperes", n, 2150, 3, [](double k) { return k / 1e16; }));
  s.push_back(series("decimals", n, 2150, 3, [](double k) { return k / 100; }));
  s.push_back(series("around zero", n, 0, 3, [](double k) { return k / 10; }));
  s.push_back(series("multiples of five", n, 400, 3, [](double k) { return k * 5 / 10; }));
  s.push_back(series("counter", n, 1'000'000'000'000, 4, [](double k) { return k; }));
  s.push_back(series("huge", n, 4, 3, [](double k) { return k * 1e15; }));
  s.push_back(series("tiny", n, 4000, 3, [](double k) { return k / 1e9 / 1e3; }));
  s.push_back(series("degrees", n, 525200066, 900, [](double k) { return k / 1e7; }));
  s.push_back(series("off by last places", n, 36807, 80, [](double k) { return k * 0.001; }));
  s.push_back(series("fahrenheit", n, 215, 4, [](double k) { return k / 10 * 1.8 + 32; }));
  s.push_back(series("float32 of decimals", n, 30531, 90, [](double k) { return static_cast<double>(static_cast<float>(k / 1000)); }));
  s.push_back(series("float32 noise", n, 1 << 22, 1 << 20, [](double k) { return static_cast<double>(static_cast<float>(std::sqrt(std::abs(k)))); }));
  s.push_back(series("mean of three, ten digits", n, 14279, 9, [](double k) { return printed("%.10g", k / 300); }));
  s.push_back(series("mean of three, fifteen digits", n, 14279, 9, [](double k) { return printed("%.15g", k / 300); }));
  s.push_back(series("mean of three", n, 14279, 9, [](double k) { return k / 300; }));
  s.push_back(series("across decades, ten digits", n, 3000, 40, [](double k) { return printed("%.10g", k / 300); }));
  s.push_back(series("converter, rounded", n, 5000, 30, [](double k) { return std::round(k * 6.075949 * 1e5) / 1e5; }));
  s.push_back(series("converter", n, 0, 300, [](double k) { return k * (9.80665 / 16384); }));
  s.push_back(series("converter of 12 bits", n, 2000, 20, [](double k) { return k * 3.3 / 4095; }));
  s.push_back(series("noise", n, 0, 1'000'000'000, [](double k) { return std::sin(k) * 1e3; }));
  s.push_back(series("few levels", n, 0, 2, [](double k) { return std::exp(std::fmod(std::abs(k), 7)); }));
  s.push_back(series("constant", n, 0, 0, [](double) { return 21.5; }));
  s.push_back(series("constant noise", n, 0, 0, [](double) { return 0.1 + 0.2; }));
  s.push_back(series("nothing", n, 0, 0, [](double) { return 0.0; }));
  s.push_back(series("minus nothing", n, 0, 1, [](double k) { return k > 0 ? 0.0 : -0.0; }));
  s.push_back(series("not numbers", n, 0, 3, [](double k) {
    return std::bit_cast<double>(0x7FF8000000000000 | static_cast<std::uint64_t>(static_cast<std::int64_t>(k)) << 63 | static_cast<std::uint64_t>(std::abs(k)));
  }));
  s.push_back(series("limits", n, 0, 3, [](double k) {
    const double choices[] = {0.0, -0.0, HUGE_VAL, -HUGE_VAL, 5e-324, -5e-324, 1.7976931348623157e308, 2.2250738585072014e-308};
    return choices[static_cast<std::size_t>(std::abs(k)) % 8];
  }));
  s.push_back(series("any bits", n, 1, 1'000'000, [](double k) { return std::bit_cast<double>(Chance(static_cast<std::uint64_t>(k + 1e9)).next()); }));
  Series mixed = series("decimals with strays", n, 205, 4, [](double k) { return k / 10; });
  for (std::size_t i = 3; i < n; i += 41) mixed.values[i] += 0.0312;
  for (std::size_t i = 7; i < n; i += 97) mixed.values[i] = std::sqrt(mixed.values[i]);
  if (n > 11) mixed.values[11] = std::numeric_limits<double>::quiet_NaN(), mixed.values[5] = -0.0;
  s.push_back(mixed);
  Series seams = series("two steps one after the other", n, 5000, 30, [](double k) { return std::round(k * 6.075949 * 1e5) / 1e5; });
  for (std::size_t i = n / 3; i < n; ++i) seams.values[i] = std::round(std::round(seams.values[i] / 6.127659) * 6.127659 * 1e5) / 1e5;
  s.push_back(seams);
  return s;
}

}  // namespace selvedge::codec::samples
