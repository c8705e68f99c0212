// Dense integers: everything comes back, on every path, and damage is told from data.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <random>

#include "codec/numbers/dense.h"
#include "codec/numbers/season.h"
#include "codec/numbers/token_reader.h"

namespace selvedge::codec {
namespace {

using Integers = std::vector<std::int64_t>;

base::Bytes coded(const Integers& integers) {
  base::Bytes bytes;
  base::Writer out(bytes);
  put_dense(out, integers);
  return bytes;
}

void expect_round_trip(const Integers& integers) {
  base::Bytes bytes = coded(integers);
  const std::size_t size = bytes.size();
  bytes.insert(bytes.end(), {1, 2, 3});        // what follows is not touched
  base::Reader in(bytes);
  Integers back(integers.size());
  ASSERT_TRUE(take_dense(in, back));
  EXPECT_EQ(back, integers);
  EXPECT_EQ(in.remaining(), bytes.size() - size);
}

Integers walk(std::size_t count, double step, unsigned seed) {
  std::mt19937_64 random(seed);
  Integers integers(count);
  double at = 0;
  for (std::int64_t& k : integers) {
    at += step * (static_cast<double>(random() >> 11) * 0x1p-53 - 0.5);
    k = static_cast<std::int64_t>(at);
  }
  return integers;
}

TEST(Dense, BringsBackWalksOfEveryLengthAndStep) {
  for (const std::size_t count : {1u, 2u, 3u, 4u, 5u, 7u, 100u, 255u, 256u, 257u, 511u, 512u, 513u, 1000u, 2047u, 2049u, 5003u})
    for (const double step : {0.5, 4.0, 300.0, 1e7, 1e15}) expect_round_trip(walk(count, step, 7));
}

TEST(Dense, BringsBackTheExtremes) {
  constexpr std::int64_t low = std::numeric_limits<std::int64_t>::min(), high = std::numeric_limits<std::int64_t>::max();
  expect_round_trip({low});
  expect_round_trip({low, high, low, high, 0, -1, 1, high, high, low});
  Integers leaps(3000);
  for (std::size_t i = 0; i < leaps.size(); ++i) leaps[i] = i % 700 == 699 ? high : i % 900 == 899 ? low : 5;
  expect_round_trip(leaps);
  std::mt19937_64 random(3);
  for (std::int64_t& k : leaps) k = static_cast<std::int64_t>(random());
  expect_round_trip(leaps);
}

TEST(Dense, NeedsNextToNothingForWhatCanBePredicted) {
  Integers line(10'000);
  for (std::size_t i = 0; i < line.size(); ++i) line[i] = static_cast<std::int64_t>(i) * 17 + 3;
  expect_round_trip(line);
  EXPECT_LT(coded(line).size(), 120u);
  EXPECT_LT(coded(Integers(10'000, 42)).size(), 120u);
}

TEST(Dense, FindsADayOfHours) {
  Integers hours(2400);
  std::mt19937_64 random(11);
  for (std::size_t i = 0; i < hours.size(); ++i)
    hours[i] = static_cast<std::int64_t>(400 + 90 * std::sin(static_cast<double>(i % 24) * 0.2618) + 40 * (i % 24 == 7)) +
               static_cast<std::int64_t>(random() % 2);
  Integers differences(hours.size() - 1);
  for (std::size_t i = 0; i < differences.size(); ++i) differences[i] = hours[i + 1] - hours[i];
  EXPECT_EQ(season_of(differences) % 24, 0u);
  EXPECT_NE(season_of(differences), 0u);
  expect_round_trip(hours);
  EXPECT_LT(coded(hours).size() * 8, hours.size() * 3);
}

TEST(Dense, IsCloseToTheEntropyOfNoise) {
  // Uniform in -8 to 7 about a centre: 4 bits, and no predictor helps; tables that go on learning cost something.
  Integers noise(20'000);
  std::mt19937_64 random(5);
  for (std::int64_t& k : noise) k = 1000 + static_cast<std::int64_t>(random() % 16) - 8;
  EXPECT_LT(static_cast<double>(coded(noise).size()) * 8 / 20'000, 4.3);
}

TEST(Dense, TellsEveryCutFromTheWhole) {
  for (const std::size_t count : {5u, 300u, 600u}) {
    const base::Bytes bytes = coded(walk(count, 100, 9));
    Integers back(count);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      base::Reader in(base::BytesView(bytes).first(size));
      EXPECT_FALSE(take_dense(in, back)) << size << " of " << bytes.size();
    }
  }
}

TEST(Dense, SurvivesFlippedBits) {
  const base::Bytes whole = coded(walk(700, 50, 13));
  Integers back(700);
  for (std::size_t bit = 0; bit < whole.size() * 8; bit += 3) {
    base::Bytes bytes = whole;
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1u << (bit % 8)));
    base::Reader in(bytes);
    take_dense(in, back);
  }
}

constexpr Processor processors[] = {Processor::baseline, Processor::avx2, Processor::avx512};

// Everything below happens on this path, if the processor has it.
class OnPath {
 public:
  explicit OnPath(Processor wanted) : paths_(tokens::paths_of(wanted)) { tokens::force_paths(paths_); }
  ~OnPath() { tokens::force_paths(nullptr); }
  explicit operator bool() const { return paths_ != nullptr; }

 private:
  const tokens::Paths* paths_;
};

TEST(Dense, PathsWriteAndReadTheSameBytes) {
  for (const std::size_t count : {3u, 90u, 300u, 700u, 5003u}) {
    for (const double step : {0.3, 2.0, 500.0, 1e9, 1e17}) {
      Integers integers = walk(count, step, 21);
      if (count > 600) integers[555] += std::int64_t{1} << 50;   // an open range
      base::Bytes expected;
      for (const Processor path : processors) {
        const OnPath on(path);
        if (!on) continue;
        const base::Bytes bytes = coded(integers);
        if (expected.empty()) expected = bytes;
        ASSERT_EQ(bytes, expected);
        base::Reader in(bytes);
        Integers back(count);
        ASSERT_TRUE(take_dense(in, back));
        ASSERT_EQ(back, integers);
      }
    }
  }
}

TEST(Dense, PathsReadDamageAlike) {
  const base::Bytes whole = coded(walk(2500, 50, 13));
  for (std::size_t bit = 0; bit < whole.size() * 8; bit += 41) {
    base::Bytes bytes = whole;
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1u << (bit % 8)));
    std::optional<Integers> expected;
    bool expected_taken = false;
    for (const Processor path : processors) {
      const OnPath on(path);
      if (!on) continue;
      Integers back(2500);
      base::Reader in(bytes);
      const bool taken = take_dense(in, back);
      if (!expected) {
        expected = back;
        expected_taken = taken;
      }
      ASSERT_EQ(taken, expected_taken) << bit;
      if (taken) { ASSERT_EQ(back, *expected) << bit; }
    }
  }
}

TEST(Dense, RefusesWhatCannotBe) {
  Integers back(10);
  const base::Bytes no_such_predictor = {0xFC, 0, 0};
  base::Reader first(no_such_predictor);
  EXPECT_FALSE(take_dense(first, back));
  const base::Bytes no_such_context = {0x04, 0, 101, 0, 0, 1, 0};
  base::Reader second(no_such_context);
  EXPECT_FALSE(take_dense(second, back));
  const base::Bytes period_behind_the_start = {0x10, 0, 0x80, 5, 2, 200, 1, 2};
  base::Reader third(period_behind_the_start);
  EXPECT_FALSE(take_dense(third, back));
}

TEST(TokenTables, KeepEverySymbolPossible) {
  const auto tables = std::make_unique<tokens::Tables>();
  for (const Processor path : processors) {
    const tokens::Paths* functions = tokens::paths_of(path);
    if (functions == nullptr) continue;
    // The same symbol for long, then another: what was never seen must still have a weight.
    Integers residuals(20'000, 0);
    for (std::size_t i = 10'000; i < residuals.size(); ++i) residuals[i] = -3;
    residuals.back() = 127;
    std::vector<std::uint8_t> symbols(residuals.size()), shifts(residuals.size());
    std::vector<tokens::Weight> weights(residuals.size());
    tables->begin(tokens::Mode::halves);
    functions->weigh_tokens({tokens::Mode::halves, 0, residuals.size(), residuals.data(), symbols.data(), shifts.data(), weights.data()}, *tables);
    for (const tokens::Weight& weight : weights) ASSERT_GE(weight.own, 1u);
    for (unsigned i = 0; i < tokens::sizes; ++i)
      for (unsigned s = 1; s < tokens::symbols; ++s) ASSERT_GT(tables->at[i][s], tables->at[i][s - 1]);
  }
}

}  // namespace
}  // namespace selvedge::codec
