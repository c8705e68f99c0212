#include "codec/numbers/number_model.h"

#include <gtest/gtest.h>

#include <cstring>

#include "codec/numbers/forms.h"
#include "codec/numbers/number_samples.h"

namespace selvedge::codec {
namespace {

using samples::Series;

base::Bytes bytes_of(const Numbers& numbers) {
  base::Bytes bytes;
  base::Writer writer(bytes);
  put_numbers(writer, numbers);
  return bytes;
}

std::vector<double> decoded(const base::Bytes& bytes, const Numbers& numbers) {
  base::Reader reader(bytes);
  NumberModel model;
  Patches patches;
  std::vector<double> values(numbers.integers.size());
  EXPECT_TRUE(take_numbers(reader, values.size(), model, patches));
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(model, numbers.model);
  EXPECT_EQ(patches, numbers.patches);
  EXPECT_TRUE(to_doubles(model, numbers.integers, values));
  EXPECT_TRUE(apply(model, patches, values));
  return values;
}

bool are_same_bits(std::span<const double> a, std::span<const double> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

Numbers fitted(std::span<const double> values, Effort effort = Effort::dense, ErrorBound bound = {}) {
  Numbers numbers;
  fit(values, effort, bound, numbers);
  return numbers;
}

const Series& named(const std::vector<Series>& all, std::string_view name) {
  for (const Series& series : all)
    if (series.name == name) return series;
  ADD_FAILURE() << name;
  return all.front();
}

TEST(NumberModel, GivesEveryKindOfSeriesBackToTheBit) {
  for (const std::size_t count : {1u, 2u, 9u, 100u, 1500u})
    for (const Series& series : samples::all(count))
      for (const Effort effort : {Effort::fast, Effort::dense}) {
        const Numbers numbers = fitted(series.values, effort);
        EXPECT_TRUE(are_same_bits(decoded(bytes_of(numbers), numbers), series.values)) << series.name << ", " << count;
      }
}

TEST(NumberModel, KeepsAPlainDecimalModelInOneByte) {
  const auto all = samples::all(100);
  EXPECT_EQ(bytes_of(fitted(named(all, "decimals").values)), base::Bytes{2});
  EXPECT_EQ(bytes_of(fitted(named(all, "around zero").values, Effort::fast)), base::Bytes{1});
}

TEST(NumberModel, FindsTheFormThatMadeTheValues) {
  const auto all = samples::all(1000);
  const auto form = [&all](std::string_view name) { return fitted(named(all, name).values).model.form; };
  EXPECT_EQ(form("decimals"), NumberForm::decimal);
  EXPECT_EQ(form("degrees"), NumberForm::decimal);
  EXPECT_EQ(form("float32 of decimals"), NumberForm::float32);
  EXPECT_EQ(form("mean of three, ten digits"), NumberForm::lattice);
  EXPECT_EQ(form("mean of three, fifteen digits"), NumberForm::lattice);
  EXPECT_EQ(form("mean of three"), NumberForm::lattice);
  EXPECT_EQ(form("across decades, ten digits"), NumberForm::lattice);
  EXPECT_EQ(form("converter, rounded"), NumberForm::lattice);
  EXPECT_EQ(form("converter"), NumberForm::lattice);
  EXPECT_EQ(form("few levels"), NumberForm::dictionary);
  EXPECT_EQ(form("any bits"), NumberForm::ordered);
}

TEST(NumberModel, MakesStepsOfNeighboursSmall) {
  const auto all = samples::all(1000);
  const auto largest_step = [&all](std::string_view name) {
    const Numbers numbers = fitted(named(all, name).values);
    std::int64_t largest = 0;
    for (std::size_t i = 1; i < numbers.integers.size(); ++i)
      largest = std::max(largest, std::abs(numbers.integers[i] - numbers.integers[i - 1]));
    return largest;
  };
  EXPECT_LE(largest_step("multiples of five"), 3);
  EXPECT_LE(largest_step("mean of three, ten digits"), 9);
  EXPECT_LE(largest_step("converter, rounded"), 31);
  EXPECT_LE(largest_step("converter"), 300);
}

TEST(NumberModel, TakesOutTheLowBitsThatFloat32LeavesEmpty) {
  const auto all = samples::all(1000);
  const Numbers numbers = fitted(named(all, "float32 noise").values);
  EXPECT_EQ(numbers.model.form, NumberForm::ordered);
  EXPECT_GE(numbers.model.digits, 29u);
}

TEST(NumberModel, KeepsEveryValueWithinItsBound) {
  using Kind = ErrorBound::Kind;
  for (const std::size_t count : {1u, 50u, 400u})
    for (const Series& series : samples::all(count))
      for (const ErrorBound bound : {ErrorBound{Kind::absolute, 0.01}, ErrorBound{Kind::absolute, 1e-7}, ErrorBound{Kind::absolute, 1e9},
                                     ErrorBound{Kind::relative, 1e-3}, ErrorBound{Kind::range, 0.008}, ErrorBound{Kind::range, 1e-5}}) {
        const Numbers numbers = fitted(series.values, Effort::dense, bound);
        const std::vector<double> back = decoded(bytes_of(numbers), numbers);
        double low = HUGE_VAL, high = -HUGE_VAL;
        for (const double value : series.values)
          if (std::isfinite(value)) low = std::min(low, value), high = std::max(high, value);
        for (std::size_t i = 0; i < count; ++i) {
          const double value = series.values[i];
          const double most = bound.kind == Kind::absolute   ? bound.value
                              : bound.kind == Kind::relative ? bound.value * std::abs(value)
                                                             : bound.value * (high - low);
          if (std::isfinite(value))
            ASSERT_LE(std::abs(back[i] - value), most) << series.name << " at " << i;
          else
            ASSERT_TRUE(same_bits(back[i], value)) << series.name << " at " << i;
        }
      }
}

TEST(NumberModel, NeedsFewerIntegersWithABound) {
  const auto all = samples::all(1000);
  const Numbers numbers = fitted(named(all, "decimals").values, Effort::dense, {ErrorBound::Kind::absolute, 0.0251});
  EXPECT_EQ(numbers.model.form, NumberForm::grid);
  // Six neighbours are within 2.5 hundredths of their middle.
  EXPECT_NEAR(numbers.model.step / numbers.model.denominator * static_cast<double>(numbers.model.multiple), 0.06, 1e-12);
}

TEST(NumberModel, FitsToACarriedModelAsLongAsItSuits) {
  const auto all = samples::all(500);
  const auto& values = named(all, "mean of three, ten digits").values;
  const Numbers first = fitted(std::span(values).first(250));
  Numbers second;
  ASSERT_TRUE(fit_to(std::span(values).subspan(250), first.model, second));
  std::vector<double> back(250);
  ASSERT_TRUE(to_doubles(first.model, second.integers, back));
  ASSERT_TRUE(apply(first.model, second.patches, back));
  EXPECT_TRUE(are_same_bits(back, std::span(values).subspan(250)));
  EXPECT_FALSE(fit_to(named(all, "noise").values, first.model, second));
}

TEST(NumberModel, ReadsNoTruncatedBytes) {
  for (const Series& series : samples::all(300)) {
    const base::Bytes bytes = bytes_of(fitted(series.values));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      base::Reader reader(base::BytesView(bytes).first(size));
      NumberModel model;
      Patches patches;
      ASSERT_FALSE(take_numbers(reader, 300, model, patches) && reader.ok()) << series.name << ", " << size;
    }
  }
}

TEST(NumberModel, SurvivesFlippedBits) {
  for (const Series& series : samples::all(60)) {
    const Numbers numbers = fitted(series.values);
    const base::Bytes bytes = bytes_of(numbers);
    for (std::size_t bit = 0; bit < std::min<std::size_t>(bytes.size() * 8, 1200); ++bit) {
      base::Bytes flipped = bytes;
      flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1u << bit % 8));
      base::Reader reader(flipped);
      NumberModel model;
      Patches patches;
      if (!take_numbers(reader, 60, model, patches)) continue;
      std::vector<double> values(60);
      if (to_doubles(model, numbers.integers, values)) {
        EXPECT_TRUE(apply(model, patches, values));
      }
    }
  }
}

TEST(NumberModel, RefusesARankBehindTheDictionary) {
  const auto all = samples::all(100);
  Numbers numbers = fitted(named(all, "few levels").values);
  ASSERT_EQ(numbers.model.form, NumberForm::dictionary);
  std::vector<double> values(100);
  for (const std::int64_t rank : {std::int64_t{-1}, static_cast<std::int64_t>(numbers.model.entries.size())}) {
    numbers.integers[50] = rank;
    EXPECT_FALSE(to_doubles(numbers.model, numbers.integers, values));
  }
}

}  // namespace
}  // namespace selvedge::codec
