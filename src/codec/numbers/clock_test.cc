#include "codec/numbers/clock.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "base/bytes.h"

namespace selvedge::codec {
namespace {

using Times = std::vector<std::int64_t>;
constexpr std::int64_t ms = 1'000'000, second = 1'000 * ms;
constexpr std::int64_t start = 1'760'000'000 * second;

base::Bytes encode(const Times& times) {
  base::Bytes bytes;
  base::Writer out(bytes);
  put_clock(out, times);
  return bytes;
}

bool decode(base::BytesView bytes, const Times& like, Times& back) {
  base::Reader in(bytes);
  back.assign(like.size(), -1);
  return take_clock(in, like.front(), like.back(), back);
}

// Bytes of the column, after it was read back.
std::size_t size_of(const Times& times) {
  const base::Bytes bytes = encode(times);
  Times back;
  EXPECT_TRUE(decode(bytes, times, back));
  EXPECT_EQ(back, times);
  return bytes.size();
}

// Times by a function of the index.
template <typename At>
Times make(std::size_t count, const At& at) {
  Times times(count);
  for (std::size_t i = 0; i < count; ++i) times[i] = start + at(static_cast<std::int64_t>(i));
  std::sort(times.begin(), times.end());
  return times;
}

// The sum of twelve uniform numbers has a deviation of `width`.
struct Noise {
  std::mt19937_64 random{5};
  std::int64_t uniform(std::int64_t below) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(below));
  }
  std::int64_t normal(std::int64_t width) {
    std::int64_t sum = 0;
    for (int i = 0; i < 12; ++i) sum += uniform(1001) - 500;
    return sum * width / 1000;
  }
};

TEST(Clock, CodesAConstantStepInNoBytes) {
  for (const std::size_t count : {1u, 2u, 3u, 1000u, 100'000u})
    for (const std::int64_t step : {std::int64_t{0}, std::int64_t{1}, 20 * ms, 3600 * second})
      EXPECT_EQ(size_of(make(count, [&](std::int64_t i) { return i * step; })), 0u);
}

TEST(Clock, CodesGapsByWhatIsMissing) {
  Noise noise;
  Times times = make(10'000, [](std::int64_t i) { return i * 3600 * second; });
  std::erase_if(times, [&](std::int64_t) { return noise.uniform(100) == 0; });
  EXPECT_LT(size_of(times), 130u);
}

TEST(Clock, CodesOneGapInAFewBytes) {
  const Times times = make(1000, [](std::int64_t i) { return (i + (i > 500 ? 7 : 0)) * 60 * second; });
  EXPECT_LE(size_of(times), 8u);
}

TEST(Clock, FindsAPatternOfSteps) {
  EXPECT_LE(size_of(make(10'000, [](std::int64_t i) { return (i / 4 * 60 + i % 4) * second; })), 12u);
  EXPECT_LE(size_of(make(10'000, [](std::int64_t i) { return i * 1000 / 30 * ms; })), 12u);
}

TEST(Clock, GoesOnWithAPatternAfterAGap) {
  // Minutes that a spreadsheet cut to seconds: every so often one second less, by the time of day.
  const auto cut = [](std::int64_t minute) { return minute * 60 - (minute * 7 % 45 < 13 ? 1 : 0); };
  const std::size_t whole = size_of(make(2000, [&](std::int64_t i) { return cut(i) * second; }));
  const std::size_t torn =
      size_of(make(2000, [&](std::int64_t i) { return cut(i < 1000 ? i : i + 428) * second; }));
  EXPECT_LE(whole, 60u);
  EXPECT_LE(torn, whole + 20);
}

TEST(Clock, CodesTheJitterOfATimerOnlyOnce) {
  Noise noise;
  const Times times =
      make(10'000, [&](std::int64_t i) { return (i * 5'000'370 / 1000 + noise.normal(60)) * ms; });
  // A normal distribution with a deviation of 60 has 7.95 bits; differences of it have 8.45.
  EXPECT_LT(static_cast<double>(size_of(times)) * 8 / 10'000, 8.35);
}

TEST(Clock, FollowsAPollingClockWhoseJitterAddsUp) {
  Noise noise;
  std::int64_t at = 0;
  const Times times = make(10'000, [&](std::int64_t) { return (at += 5000 + noise.normal(60)) * ms; });
  EXPECT_LT(static_cast<double>(size_of(times)) * 8 / 10'000, 8.35);
}

TEST(Clock, TakesJitterAndGapsApart) {
  Noise noise;
  Times times = make(10'000, [&](std::int64_t i) { return (i * 5000 + noise.normal(60)) * ms; });
  std::erase_if(times, [&](std::int64_t) { return noise.uniform(20) == 0; });
  EXPECT_LT(static_cast<double>(size_of(times)) * 8 / static_cast<double>(times.size()), 8.9);
}

TEST(Clock, CodesFewStepsInARandomOrderByTheirContext) {
  Noise noise;
  bool burst = false;
  std::int64_t at = 0;
  const Times times = make(10'000, [&](std::int64_t) {
    if (noise.uniform(burst ? 10 : 50) == 0) burst = !burst;
    return (at += burst ? 1 : 60) * second;
  });
  EXPECT_LT(static_cast<double>(size_of(times)) * 8 / 10'000, 0.4);
}

TEST(Clock, KeepsWhateverAscends) {
  Noise noise;
  EXPECT_GT(size_of(make(1000, [&](std::int64_t) { return noise.uniform(INT64_MAX / 2); })), 0u);
  size_of(make(1000, [&](std::int64_t i) { return i / 3 * second; }));
  size_of(make(1000, [&](std::int64_t i) { return i * i * i; }));
  size_of(make(3, [&](std::int64_t i) { return i == 2 ? 5 : i; }));
  size_of({INT64_MIN, INT64_MIN, INT64_MAX});
  size_of({INT64_MIN, 0, INT64_MAX});
  size_of({INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX - 1, INT64_MAX});
  size_of({-5 * second, -3 * second, 0, second});
  Times wide(500);
  for (std::int64_t& t : wide) t = static_cast<std::int64_t>(noise.random());
  std::sort(wide.begin(), wide.end());
  size_of(wide);
}

TEST(Clock, GivesBackTheLargestBlock) {
  size_of(make(1 << 20, [&](std::int64_t i) { return (i + i / 1000) * ms; }));
}

std::vector<Times> some_clocks() {
  Noise noise;
  std::int64_t at = 0;
  return {
      make(100, [](std::int64_t i) { return i * second; }),
      make(200, [](std::int64_t i) { return (i + i / 50) * 60 * second; }),
      make(200, [](std::int64_t i) { return (i / 4 * 60 + i % 4) * second; }),
      make(200, [&](std::int64_t i) { return (i * 5000 + noise.normal(60)) * ms; }),
      make(200, [&](std::int64_t) { return (at += 5000 + noise.normal(60)) * ms; }),
      make(200, [&](std::int64_t i) { return (i * 3 - (i * 7 % 45 < 13 ? 1 : 0) + i / 60 * 6) * second; }),
      make(200, [&](std::int64_t i) { return (i * 5000 + i / 20 * 10'000 + noise.normal(60)) * ms; }),
      make(200, [&](std::int64_t) { return noise.uniform(INT64_MAX / 2); }),
  };
}

TEST(Clock, RefusesWhatDoesNotAscendOrMissesItsEnds) {
  for (const Times& times : some_clocks()) {
    const base::Bytes bytes = encode(times);
    for (std::size_t place = 0; place < bytes.size(); ++place)
      for (unsigned flipped = 0; flipped < 8; ++flipped) {
        base::Bytes damaged = bytes;
        damaged[place] = static_cast<std::uint8_t>(damaged[place] ^ 1u << flipped);
        Times back;
        if (!decode(damaged, times, back)) continue;
        EXPECT_TRUE(std::is_sorted(back.begin(), back.end()));
        EXPECT_EQ(back.front(), times.front());
        EXPECT_EQ(back.back(), times.back());
      }
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      Times back;
      if (!decode(base::BytesView(bytes).first(size), times, back)) continue;
      EXPECT_TRUE(std::is_sorted(back.begin(), back.end()));
      EXPECT_EQ(back.back(), times.back());
    }
  }
}

TEST(Clock, GoesForwardOnlyWhateverStandsBehindItsEnd) {
  for (const Times& times : some_clocks()) {
    base::Bytes bytes = encode(times);
    bytes.push_back(1);
    Times back;
    if (!decode(bytes, times, back)) continue;
    EXPECT_TRUE(std::is_sorted(back.begin(), back.end()));
  }
}

TEST(Clock, RefusesAHeadThatNobodyWrites) {
  Times back(10);
  const auto take = [&](base::Bytes bytes, std::int64_t first = 0, std::int64_t last = 900) {
    base::Reader in(bytes);
    return take_clock(in, first, last, back);
  };
  EXPECT_TRUE(take({}));
  EXPECT_FALSE(take({}, 900, 0));             // ends before it begins
  EXPECT_FALSE(take({}, 0, 901));             // no whole step
  EXPECT_FALSE(take({0x60, 0, 0, 0}));        // no such way
  EXPECT_FALSE(take({0x80, 0, 0, 0}));        // slots of steps
  EXPECT_FALSE(take({0x10, 0, 0, 0, 0}));     // no unit
  EXPECT_FALSE(take({0x03, 0, 0, 0}));        // the span is no multiple of the unit
  EXPECT_FALSE(take({0x00, 3, 0, 0}));        // no such stream
  EXPECT_FALSE(take({0x00, 0x0C, 0, 0}));     // no such centre
  EXPECT_FALSE(take({0x00, 0x71, 0, 0}));     // contexts too long
  EXPECT_FALSE(take({0x40, 0x0A, 0, 0, 0}));  // no such follower
  EXPECT_FALSE(take({0x00, 0x10, 0xFF, 0x7F}));  // a period too long
}

}  // namespace
}  // namespace selvedge::codec
