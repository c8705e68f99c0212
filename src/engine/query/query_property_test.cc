// Answers of random series, cut into blocks in random ways and fed in any order, against the same
// answers computed the plain way from all readings.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "engine/query/query_samples.h"

namespace selvedge::engine {
namespace {

using model::Kind;

struct Plain {
  std::uint64_t count = 0;
  double min = 0, max = 0, first = 0, last = 0;
  long double sum = 0, magnitude = 0;
};

TEST(QueryProperty, WindowsEqualTheOnesComputedFromAllReadings) {
  std::uint64_t from_header = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const RandomSeries series = random_series(random, static_cast<Kind>(seed % 3), EqualTimes::none);
    QueryRange range = random_range(series, random);
    const std::int64_t step = 1'000'000'000 + static_cast<std::int64_t>(random() % 100'000'000'000);
    range.step = base::Duration(step);

    std::map<std::int64_t, Plain> expected;
    for (std::size_t i = 0; i < series.all.size(); ++i) {
      const std::int64_t time = series.all.times[i];
      if (time < range.from.ns || time >= range.to.ns) continue;
      Plain& plain = expected[range.from.ns + (time - range.from.ns) / step * step];
      const double value = number_of(series.all.at(i));
      if (plain.count++ == 0) plain.min = plain.max = plain.first = value;
      plain.min = std::min(plain.min, value);
      plain.max = std::max(plain.max, value);
      plain.last = value;
      plain.sum += value;
      plain.magnitude += std::fabs(value);
    }

    const QueryResult result = ask(range, series, random);
    from_header += result.blocks_from_header;
    ASSERT_EQ(result.windows.size(), expected.size());
    auto next = expected.begin();
    for (const WindowRow& row : result.windows) {
      const Plain& plain = next->second;
      ASSERT_EQ(row.start.ns, next->first);
      ASSERT_EQ(row.count, plain.count);
      ASSERT_EQ(row.min, plain.min);
      ASSERT_EQ(row.max, plain.max);
      ASSERT_EQ(row.first, plain.first);
      ASSERT_EQ(row.last, plain.last);
      ASSERT_LE(std::fabs(row.sum - plain.sum), std::ldexp(plain.magnitude, -52));
      ++next;
    }
  }
  EXPECT_GT(from_header, 1000u) << "or the test proves little";
}

TEST(QueryProperty, ReadingsAreTheFirstOnesOfTheRangeInTimeOrder) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const RandomSeries series = random_series(random, static_cast<Kind>(seed % 3), EqualTimes::none);
    QueryRange range = random_range(series, random);
    range.rows = 1 + random() % 700;

    std::vector<std::size_t> expected;
    for (std::size_t i = 0; i < series.all.size(); ++i)
      if (series.all.times[i] >= range.from.ns && series.all.times[i] < range.to.ns)
        expected.push_back(i);
    const bool truncated = expected.size() > range.rows;
    if (truncated) expected.resize(range.rows);

    const QueryResult result = ask(range, series, random);
    ASSERT_EQ(result.readings.size(), expected.size());
    ASSERT_EQ(result.truncated, truncated);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(result.readings.times[i], series.all.times[expected[i]]);
      ASSERT_TRUE(result.readings.at(i) == series.all.at(expected[i]));
    }
  }
}

}  // namespace
}  // namespace selvedge::engine
