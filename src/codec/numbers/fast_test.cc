#include "codec/numbers/fast.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "codec/numbers/fast_paths.h"

namespace selvedge::codec {
namespace {

using Integers = std::vector<std::int64_t>;

base::Bytes coded(const Integers& integers) {
  base::Bytes bytes;
  base::Writer out(bytes);
  put_fast(out, integers);
  return bytes;
}

std::vector<std::string_view> paths_here() {
  std::vector<std::string_view> names;
  for (const FastPath* path : fast_paths())
    if (path->is_here()) names.push_back(path->name);
  return names;
}

class FastPaths : public testing::Test {
 protected:
  ~FastPaths() override { force_fast_path({}); }
};

// The input ends where its memory ends, so that the address sanitizer sees a read behind it.
bool take_exactly(const base::Bytes& bytes, Integers& into) {
  const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[bytes.size()]);
  std::copy(bytes.begin(), bytes.end(), exact.get());
  base::Reader in({exact.get(), bytes.size()});
  return take_fast(in, into) && in.at_end();
}

// Same bytes on each path, and each path gives the integers back.
void expect_round_trip(const Integers& integers, const std::string& what) {
  base::Bytes first;
  for (const std::string_view name : paths_here()) {
    ASSERT_TRUE(force_fast_path(name));
    const base::Bytes bytes = coded(integers);
    if (first.empty()) first = bytes;
    ASSERT_EQ(bytes, first) << what << ", written by " << name;
    Integers back(integers.size(), -1);
    ASSERT_TRUE(take_exactly(bytes, back)) << what << ", read by " << name;
    ASSERT_EQ(back, integers) << what << ", read by " << name;
  }
}

std::int64_t wrapped(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

Integers random_walk(std::mt19937_64& random, std::size_t count, unsigned bits, int order) {
  Integers made(count);
  std::uint64_t value = random() >> 20, slope = 0;
  const std::uint64_t mask = bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
  for (auto& integer : made) {
    const std::uint64_t noise = (random() & mask) - (mask >> 1);
    slope = order == 2 ? slope + noise : noise;
    value = order == 0 ? noise : value + slope;
    integer = wrapped(value);
  }
  return made;
}

TEST_F(FastPaths, GivesBackNumbersOfEveryWidthAndOrder) {
  std::mt19937_64 random(1);
  for (unsigned bits = 0; bits <= 64; ++bits)
    for (int order = 0; order < 3; ++order)
      for (const std::size_t count : {300U, 769U})
        expect_round_trip(random_walk(random, count, bits, order),
                          std::to_string(bits) + " bits, order " + std::to_string(order));
}

TEST_F(FastPaths, GivesBackAnyCount) {
  std::mt19937_64 random(2);
  for (std::size_t count = 1; count <= 3000; count += count < 600 ? 1 : 97)
    expect_round_trip(
        random_walk(random, count, static_cast<unsigned>(count % 40), static_cast<int>(count % 3)),
        std::to_string(count) + " integers");
}

TEST_F(FastPaths, GivesBackOutliersOfEverySizeAndNumber) {
  std::mt19937_64 random(3);
  for (unsigned share = 1; share <= 32; share *= 2)
    for (unsigned bits = 4; bits <= 64; bits += 3) {
      Integers made = random_walk(random, 700, 3, static_cast<int>(bits % 3));
      for (auto& integer : made)
        if (random() % 32 < share)
          integer = wrapped(static_cast<std::uint64_t>(integer) ^ random() >> (64 - bits));
      expect_round_trip(
          made, std::to_string(share) + "/32 outliers of " + std::to_string(bits) + " bits");
    }
}

TEST_F(FastPaths, GivesBackTheEndsOfTheRange) {
  constexpr std::int64_t least = INT64_MIN, most = INT64_MAX;
  expect_round_trip({least}, "least");
  expect_round_trip({most, least}, "ends");
  expect_round_trip({0, most, least, -1, 1, most - 1, least + 1}, "around the ends");
  Integers made(600, least);
  for (std::size_t i = 0; i < made.size(); i += 7) made[i] = most;
  expect_round_trip(made, "between the ends");
  Integers jumps;
  for (unsigned bit = 0; bit < 63; ++bit)
    for (const std::int64_t off : {-1, 0, 1}) {
      jumps.push_back(off);
      jumps.push_back((std::int64_t{1} << bit) + off);
      jumps.push_back(-(std::int64_t{1} << bit) + off);
    }
  expect_round_trip(jumps, "powers of two");
}

TEST(Fast, TakesTwoBytesForAGroupOnALine) {
  Integers line(2560), still(2560, 217);
  for (std::size_t i = 0; i < line.size(); ++i) line[i] = 1000 + 25 * static_cast<std::int64_t>(i);
  EXPECT_LE(coded(still).size(), 2U + 10 * 2);
  EXPECT_LE(coded(line).size(), 2U + 10 * 2);
}

TEST(Fast, AddsAFewBytesToASmallBlock) {
  EXPECT_LE(coded({21}).size(), 3U);
  EXPECT_LE(coded({2150, 2151}).size(), 5U);
  std::mt19937_64 random(4);
  for (std::size_t count = 1; count <= 300; ++count) {
    const std::size_t packed = (count * 5 + 7) / 8;
    EXPECT_LE(coded(random_walk(random, count, 5, 1)).size(), packed + 5 + 8 + 4 * (count > 256))
        << count;
  }
}

TEST(Fast, PacksNoiseAroundADriftAndPatchesOutliers) {
  std::mt19937_64 random(5);
  Integers made(10240);
  std::uint64_t value = 5'000'000;
  for (auto& integer : made) {
    value += 1000 + random() % 16;
    integer = wrapped(value + (random() % 100 == 0 ? 30'000 : 0));
  }
  EXPECT_LT(coded(made).size() * 8, 6U * 10240);
}

TEST(Fast, ReadsExactlyItsBytes) {
  base::Bytes bytes = coded({5, 6, 9, 14});
  bytes.push_back(77);
  base::Reader in(bytes);
  Integers back(4);
  ASSERT_TRUE(take_fast(in, back));
  EXPECT_EQ(in.u8(), 77);
  EXPECT_TRUE(in.at_end());
}

TEST_F(FastPaths, RefusesEveryTruncation) {
  std::mt19937_64 random(6);
  for (const unsigned bits : {6U, 50U}) {
    Integers made = random_walk(random, 400, bits, 1);
    for (std::size_t i = 0; i < made.size(); i += 9) made[i] += 100'000;
    const base::Bytes whole = coded(made);
    for (const std::string_view name : paths_here()) {
      force_fast_path(name);
      for (std::size_t size = 0; size < whole.size(); ++size) {
        Integers back(made.size());
        EXPECT_FALSE(
            take_exactly({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}, back));
      }
    }
  }
}

NumberModel model_of(NumberForm form, unsigned digits) {
  NumberModel model;
  model.form = form;
  model.digits = digits;
  return model;
}

std::vector<NumberModel> models() {
  std::vector<NumberModel> all;
  for (unsigned digits = 0; digits <= 22; ++digits)
    all.push_back(model_of(NumberForm::decimal, digits));
  all.push_back(model_of(NumberForm::float32, 3));
  all.push_back(model_of(NumberForm::ordered, 0));
  all.push_back(model_of(NumberForm::ordered, 20));
  all.push_back(model_of(NumberForm::decimal, 2));
  all.back().multiple = 25, all.back().offset = -77;
  all.push_back(model_of(NumberForm::decimal, 1));
  all.back().multiple = INT64_MAX, all.back().offset = INT64_MIN;
  for (const Rounding rounding :
       {Rounding::none, Rounding::float32, Rounding::decimals, Rounding::significant}) {
    NumberModel model = model_of(NumberForm::lattice, 0);
    model.origin = -0.7, model.step = 1.0 / 3, model.denominator = 7;
    model.rounding = rounding, model.rounded_digits = 4, model.low_decade = -2,
    model.high_decade = 1;
    all.push_back(model);
    model.form = NumberForm::grid;
    model.multiple = 3, model.offset = 11, model.step = -1e-3, model.denominator = 1,
    model.origin = 0;
    all.push_back(model);
  }
  return all;
}

// Straight to doubles is the same as by way of integers, bit for bit.
void expect_same_doubles(const base::Bytes& bytes, std::size_t count, const NumberModel& model) {
  force_fast_path("baseline");
  Integers integers(count);
  base::Reader in(bytes);
  const bool is_sound = take_fast(in, integers);
  std::vector<double> expected(count);
  if (is_sound) {
    ASSERT_TRUE(to_doubles(model, integers, expected));
  }
  for (const std::string_view name : paths_here()) {
    force_fast_path(name);
    base::Reader again(bytes);
    std::vector<double> values(count);
    ASSERT_EQ(take_fast(again, model, values), is_sound) << name;
    for (std::size_t i = 0; is_sound && i < count; ++i)
      ASSERT_EQ(std::bit_cast<std::uint64_t>(values[i]), std::bit_cast<std::uint64_t>(expected[i]))
          << name << ", value " << i << " of " << integers[i] << ", form "
          << static_cast<int>(model.form) << ", digits " << model.digits << ", rounding "
          << static_cast<int>(model.rounding);
  }
}

TEST_F(FastPaths, GivesTheDoublesOfTheModel) {
  std::mt19937_64 random(7);
  for (const NumberModel& model : models())
    for (const unsigned bits : {3U, 14U, 24U, 33U, 52U, 64U})
      for (int order = 0; order < 3; ++order)
        expect_same_doubles(coded(random_walk(random, 600, bits, order)), 600, model);
}

TEST_F(FastPaths, DividesLikeADivisionFarFromZero) {
  std::mt19937_64 random(8);
  for (unsigned digits = 0; digits <= 22; ++digits)
    for (int round = 0; round < 8; ++round) {
      Integers made(512);
      const std::int64_t base =
          wrapped(random() >> (11 + static_cast<unsigned>(round) * 4)) - (1 << 28);
      for (auto& integer : made) integer = base + wrapped(random() >> 40);
      expect_same_doubles(coded(made), made.size(), model_of(NumberForm::decimal, digits));
    }
}

// A fused multiply-add would round 340 / 30 to 11.33333333333333 and not to 11.33333333333334.
TEST_F(FastPaths, RoundsAfterEachOperation) {
  NumberModel model = model_of(NumberForm::lattice, 0);
  model.denominator = 30, model.rounding = Rounding::decimals, model.rounded_digits = 14;
  Integers made(512);
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<std::int64_t>(i);
  expect_same_doubles(coded(made), made.size(), model);
  force_fast_path({});
  std::vector<double> values(made.size());
  const base::Bytes bytes = coded(made);
  base::Reader in(bytes);
  ASSERT_TRUE(take_fast(in, model, values));
  EXPECT_EQ(values[340], 11.33333333333334);
}

TEST_F(FastPaths, RefusesARankBehindTheDictionary) {
  NumberModel model = model_of(NumberForm::dictionary, 0);
  model.entries = {1.5, 2.5, 1e300};
  const base::Bytes sound = coded({0, 2, 1, 2}), damaged = coded({0, 3, 1, 2}),
                    negative = coded({0, -1, 1, 2});
  for (const std::string_view name : paths_here()) {
    force_fast_path(name);
    std::vector<double> values(4);
    base::Reader in(sound), bad(damaged), worse(negative);
    ASSERT_TRUE(take_fast(in, model, values));
    EXPECT_EQ(values, (std::vector<double>{1.5, 1e300, 2.5, 1e300}));
    EXPECT_FALSE(take_fast(bad, model, values));
    EXPECT_FALSE(take_fast(worse, model, values));
  }
}

TEST_F(FastPaths, ReadsDamagedBytesLikeTheOthers) {
  std::mt19937_64 random(9);
  std::size_t sound = 0;
  for (int round = 0; round < 3000; ++round) {
    const std::size_t count = 1 + random() % 700;
    Integers made = random_walk(random, count, static_cast<unsigned>(random() % 30), round % 3);
    for (std::size_t i = random() % 64; i < count; i += 1 + random() % 64)
      made[i] ^= wrapped(random() >> random() % 64);
    base::Bytes bytes = coded(made);
    for (int flips = 1 + static_cast<int>(random() % 4); flips > 0; --flips)
      bytes[random() %
            (random() % 2 == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 12))] ^=
          static_cast<std::uint8_t>(1U << random() % 8);
    Integers first;
    bool first_sound = false;
    for (const std::string_view name : paths_here()) {
      force_fast_path(name);
      Integers back(count);
      const bool is_sound = take_exactly(bytes, back);
      if (name == paths_here().front()) first = back, first_sound = is_sound;
      ASSERT_EQ(is_sound, first_sound) << name;
      if (is_sound) {
        ASSERT_EQ(back, first) << name;
      }
    }
    sound += first_sound;
    if (round % 10 == 0) expect_same_doubles(bytes, count, model_of(NumberForm::decimal, 2));
  }
  EXPECT_GT(sound, 100U);
}

}  // namespace
}  // namespace selvedge::codec
