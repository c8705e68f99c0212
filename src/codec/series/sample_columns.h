// Columns for tests: one of each shape that the encoder treats in its own way. What is made here is
// also in tests/golden/block, so existing entries must not change.

#pragma once

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "codec/series/frame.h"

namespace selvedge::codec {

struct SampleColumns {
  std::string name;
  Columns columns;
};

namespace samples {

inline constexpr std::int64_t start = 1'760'000'000'000'000'000;
inline constexpr std::int64_t second = 1'000'000'000;

template <typename Value>
Columns make(model::Kind kind, std::size_t count, std::int64_t step, const Value& value) {
  Columns c;
  c.kind = kind;
  for (std::size_t i = 0; i < count; ++i)
    c.push({start + static_cast<std::int64_t>(i) * step}, model::ValueView::of(value(i)));
  return c;
}

// A small generator of our own, so that the same numbers come out of every standard library.
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return state_ >> 33;
  }

 private:
  std::uint64_t state_;
};

}  // namespace samples

inline std::vector<SampleColumns> sample_columns() {
  using namespace samples;
  using model::Kind;
  std::vector<SampleColumns> all;
  const auto add = [&](std::string name, Columns c) { all.push_back({std::move(name), std::move(c)}); };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();

  Noise noise(7);
  add("one_temperature", make(Kind::float64, 1, second, [](std::size_t) { return 21.5; }));
  add("temperature", make(Kind::float64, 500, second, [&](std::size_t i) {
        return static_cast<double>(200 + (i / 20) % 30 + noise.next() % 3) / 10;
      }));
  add("constant", make(Kind::float64, 300, second, [](std::size_t) { return 3.25; }));
  add("full_precision", make(Kind::float64, 200, second, [&](std::size_t) {
        return static_cast<double>(noise.next()) / 3.0e9 + 1e-7 / 3;
      }));
  add("exceptions", make(Kind::float64, 400, second, [&](std::size_t i) {
        if (i % 40 == 3) return nan;
        if (i % 80 == 7) return -inf;
        if (i % 50 == 9) return -0.0;
        return i % 60 == 11 ? 1.0 / 3 : static_cast<double>(i) / 100;
      }));
  add("all_nan", make(Kind::float64, 10, second, [&](std::size_t) { return nan; }));
  add("wide", make(Kind::float64, 300, second, [&](std::size_t) {
        return static_cast<double>(noise.next() % 1'000'000) / 1000;
      }));
  add("counter", make(Kind::int64, 1000, second, [](std::size_t i) {
        return static_cast<std::int64_t>(i * 17);
      }));
  add("integer_extremes", make(Kind::int64, 6, second, [](std::size_t i) {
        constexpr std::int64_t v[] = {0, INT64_MAX, INT64_MIN, -1, INT64_MAX, INT64_MIN};
        return v[i];
      }));
  add("same_integer", make(Kind::int64, 50, second, [](std::size_t) { return std::int64_t{-12}; }));
  add("large_same_integer",
      make(Kind::int64, 50, second, [](std::size_t) { return (std::int64_t{1} << 53) + 1; }));
  add("switch", make(Kind::boolean, 1000, second, [](std::size_t i) { return i / 100 % 2 == 1; }));
  add("flicker", make(Kind::boolean, 333, second, [&](std::size_t) { return noise.next() % 2 == 0; }));
  add("words", make(Kind::text, 300, second, [](std::size_t i) {
        constexpr std::string_view v[] = {"idle", "running", "", "fault: over-temperature"};
        return v[i * i % 4];
      }));
  Columns texts;
  texts.kind = Kind::text;
  for (std::size_t i = 0; i < 60; ++i) {
    const std::string text = "serial-" + std::to_string(i * 7919);
    texts.push({start + static_cast<std::int64_t>(i)}, model::ValueView::of(std::string_view(text)));
  }
  add("distinct_texts", std::move(texts));

  const auto with_times = [&](std::string name, const auto& time) {
    Columns c = make(Kind::float64, 400, second, [](std::size_t i) {
      return static_cast<double>(i % 7) / 2;
    });
    for (std::size_t i = 0; i < c.times.size(); ++i) c.times[i] = time(i);
    add(std::move(name), std::move(c));
  };
  with_times("jitter_ms", [&](std::size_t i) {
    return start + static_cast<std::int64_t>(i * 1000 + noise.next() % 40) * 1'000'000;
  });
  with_times("jitter_ns", [&](std::size_t i) {
    return start + static_cast<std::int64_t>(i * 1'000'000 + noise.next() % 4000);
  });
  with_times("minutes_with_gaps", [](std::size_t i) {
    return start / (60 * second) * 60 * second + static_cast<std::int64_t>(i + i / 50 * 13) * 60 * second;
  });
  with_times("same_time", [](std::size_t) { return start; });
  with_times("before_1970", [](std::size_t i) {
    return -86'400 * second + static_cast<std::int64_t>(i) * 7;
  });
  with_times("whole_range", [](std::size_t i) {
    return i < 100 ? INT64_MIN : i < 200 ? -1 : i < 300 ? second : INT64_MAX;
  });
  return all;
}

}  // namespace selvedge::codec
