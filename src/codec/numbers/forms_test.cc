#include "codec/numbers/forms.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "codec/numbers/number_samples.h"
#include "codec/numbers/small_codes.h"
#include "codec/numbers/steps.h"

namespace selvedge::codec {
namespace {

std::vector<Processor> paths() {
  std::vector<Processor> all{Processor::baseline};
  if (processor() >= Processor::avx2) all.push_back(Processor::avx2);
  if (processor() == Processor::avx512) all.push_back(Processor::avx512);
  return all;
}

std::vector<NumberModel> models() {
  std::vector<NumberModel> all;
  for (const NumberForm form : {NumberForm::decimal, NumberForm::float32, NumberForm::ordered, NumberForm::lattice})
    for (const unsigned digits : {0u, 3u, 17u, 22u})
      for (const std::int64_t multiple : {std::int64_t{1}, std::int64_t{7}, std::int64_t{0x7FFFFFFFFFFFFFFF}})
        for (const Rounding rounding : {Rounding::none, Rounding::float32, Rounding::decimals, Rounding::significant}) {
          NumberModel m;
          m.form = form;
          m.digits = form == NumberForm::lattice ? 0 : digits;
          m.multiple = form == NumberForm::ordered ? 1 : multiple;
          m.offset = multiple == 1 || form == NumberForm::ordered ? 0 : -3;
          if (form == NumberForm::lattice) {
            m.rounding = rounding;
            m.origin = digits == 3 ? 1.0 / 3 : 0;
            m.step = digits == 0 ? 1 : 6.075949367;
            m.denominator = digits == 17 ? 300 : 1;
            m.rounded_digits = rounding == Rounding::decimals || rounding == Rounding::significant ? 5 : 0;
            if (rounding == Rounding::significant) m.low_decade = -3, m.high_decade = 4;
          } else if (rounding != Rounding::none) {
            continue;
          }
          all.push_back(m);
        }
  return all;
}

std::vector<std::int64_t> integers() {
  std::vector<std::int64_t> k = {0, 1, -1, 7, -300, 2251799813685247, 2251799813685248, -2251799813685249, 9007199254740993,
                                 std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()};
  samples::Chance chance(5);
  while (k.size() < 203) k.push_back(static_cast<std::int64_t>(chance.next()) >> chance.below(64));
  return k;
}

TEST(Forms, AreTheSameOnEveryPathAndOneByOne) {
  const auto k = integers();
  for (const NumberModel& model : models())
    for (const Processor path : paths()) {
      std::vector<double> values(k.size());
      evaluate(model, k, values, path);
      for (std::size_t i = 0; i < k.size(); ++i)
        ASSERT_TRUE(same_bits(values[i], evaluate(model, k[i])))
            << static_cast<int>(model.form) << " on path " << static_cast<int>(path) << " of " << k[i] << ": " << values[i];
    }
}

TEST(Forms, ConvertIntegersAsTheProcessorDoes) {
  NumberModel model;
  model.form = NumberForm::decimal;
  for (const std::int64_t k : integers()) EXPECT_EQ(evaluate(model, k), static_cast<double>(k));
}

TEST(Forms, FindDecimalsOnEveryPath) {
  for (const auto& series : samples::all(333))
    for (const unsigned digits : {0u, 2u, 7u})
      for (const Processor path : paths()) {
        std::vector<std::int64_t> k(333);
        std::vector<std::uint32_t> misses;
        decimals_of(series.values, digits, k, misses, path);
        std::size_t next = 0;
        for (std::size_t i = 0; i < k.size(); ++i) {
          const bool is_missed = next < misses.size() && misses[next] == i;
          next += is_missed;
          ASSERT_EQ(is_missed, !same_bits(static_cast<double>(k[i]) / ten_to[digits], series.values[i])) << series.name;
        }
      }
}

TEST(Forms, OrderDoublesAsIntegers) {
  const double ascending[] = {-HUGE_VAL, -1.5, -5e-324, -0.0, 0.0, 5e-324, 1.5, HUGE_VAL};
  for (std::size_t i = 1; i < std::size(ascending); ++i) EXPECT_LT(to_ordered(ascending[i - 1]), to_ordered(ascending[i]));
  for (const double value : ascending) EXPECT_TRUE(same_bits(from_ordered(to_ordered(value)), value));
}

TEST(Steps, AreFoundThroughRoundingAndStrays) {
  std::vector<double> ascending;
  for (const std::int64_t k : samples::walk(400, 5000, 30, 3)) ascending.push_back(std::round(static_cast<double>(k) * 607594.9367));
  for (std::size_t i = 0; i < 5; ++i) ascending.push_back(ascending[i] + 1000 + static_cast<double>(i * i * 17));
  std::sort(ascending.begin(), ascending.end());
  ascending.erase(std::unique(ascending.begin(), ascending.end()), ascending.end());
  const Step step = find_step(ascending, 0.5);
  EXPECT_NEAR(step.step, 607594.9367, 0.01);
  EXPECT_GT(step.inliers, 0.7);
}

TEST(Steps, AreNotFoundWhereThereAreNone) {
  samples::Chance chance(9);
  std::vector<double> ascending;
  for (int i = 0; i < 300; ++i) ascending.push_back(static_cast<double>(chance.below(1'000'000'000)));
  std::sort(ascending.begin(), ascending.end());
  EXPECT_EQ(find_step(ascending, 0.5).step, 0);
}

TEST(SmallCodes, ReadBackWhatTheyWroteAndNoByteMore) {
  const std::vector<std::vector<std::uint64_t>> lists = {
      {0}, {0, 0, 0, 1, 0, 2}, {5, 9, 3, 1000, 2}, {1, 1, 1ull << 40, 1}, {~0ull, 0, ~0ull - 1}, {300, 301, 302, 299}};
  for (const auto& list : lists) {
    const CodeChoice choice = best_code(list);
    base::Bytes bytes;
    base::Writer writer(bytes);
    SmallWriter codes(writer);
    for (const std::uint64_t number : list) codes.put(choice.code, number);
    codes.finish();
    EXPECT_EQ(bytes.size(), static_cast<std::size_t>(std::ceil(choice.bits / 8)));
    bytes.push_back(0xFF);
    base::Reader reader(bytes);
    SmallReader back(reader);
    for (const std::uint64_t number : list) EXPECT_EQ(back.take(choice.code), number);
    EXPECT_EQ(reader.remaining(), 1u);
  }
}

}  // namespace
}  // namespace selvedge::codec
