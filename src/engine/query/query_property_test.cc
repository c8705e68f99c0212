// Answers of random series, cut into blocks in random ways and fed in any order, against the same
// answers computed the plain way from all readings.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "engine/query/query.h"

namespace selvedge::engine {
namespace {

using model::Kind;
using model::ValueView;

struct Plain {
  std::uint64_t count = 0;
  double min = 0, max = 0, first = 0, last = 0;
  long double sum = 0, magnitude = 0;
};

struct Series {
  codec::Columns all;  // in time order, no two at the same time
  std::vector<codec::Columns> blocks;
};

Series random_series(std::mt19937_64& random, Kind kind) {
  Series series;
  series.all.kind = kind;
  std::int64_t time = 1'760'000'000'000'000'000;
  const std::size_t count = 1 + random() % 600;
  for (std::size_t i = 0; i < count; ++i) {
    time += 1 + static_cast<std::int64_t>(random() % 2'000'000'000);
    const auto number = static_cast<std::int64_t>(random() % 2'000'001) - 1'000'000;
    const double scale = random() % 50 == 0 ? 1e12 : 1e-3;
    switch (kind) {
      case Kind::float64: series.all.push({time}, ValueView::of(static_cast<double>(number) * scale)); break;
      case Kind::int64: series.all.push({time}, ValueView::of(number)); break;
      default: series.all.push({time}, ValueView::of(number > 0)); break;
    }
  }
  // Each reading goes to one of the two or three blocks that are open, so that blocks overlap.
  std::vector<codec::Columns> open(1 + random() % 3);
  for (codec::Columns& columns : open) columns.kind = kind;
  for (std::size_t i = 0; i < count; ++i) {
    codec::Columns& into = open[random() % open.size()];
    into.push({series.all.times[i]}, series.all.at(i));
    if (random() % 20 != 0) continue;
    series.blocks.push_back(into);
    into.clear();
  }
  for (codec::Columns& rest : open)
    if (rest.size() > 0) series.blocks.push_back(rest);
  std::shuffle(series.blocks.begin(), series.blocks.end(), random);
  return series;
}

double number_of(const ValueView& value) {
  if (value.kind == Kind::float64) return value.float64;
  return value.kind == Kind::int64 ? static_cast<double>(value.int64) : (value.boolean ? 1 : 0);
}

QueryResult ask(const QueryRange& range, const Series& series, std::mt19937_64& random) {
  Query query(range);
  for (const codec::Columns& content : series.blocks) {
    if (random() % 10 == 0) {
      EXPECT_TRUE(query.open(content));
      continue;
    }
    base::Bytes frame;
    const auto summary = codec::encode_frame(content, frame).value();
    if (!query.needs_frame(summary)) frame.clear();
    EXPECT_TRUE(query.block(summary, frame));
  }
  return query.finish().value();
}

QueryRange random_range(const Series& series, std::mt19937_64& random) {
  const std::int64_t first = series.all.times.front(), last = series.all.times.back();
  const auto span = static_cast<std::uint64_t>(last - first + 4'000'000'000);
  const std::int64_t a = first - 2'000'000'000 + static_cast<std::int64_t>(random() % span);
  const std::int64_t b = first - 2'000'000'000 + static_cast<std::int64_t>(random() % span);
  QueryRange range;
  range.from = {random() % 3 == 0 ? first - 7 : std::min(a, b)};
  range.to = {random() % 3 == 0 ? last + 1 : std::max(a, b)};
  return range;
}

TEST(QueryProperty, WindowsEqualTheOnesComputedFromAllReadings) {
  std::uint64_t from_header = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const Series series = random_series(random, static_cast<Kind>(seed % 3));
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
    const Series series = random_series(random, static_cast<Kind>(seed % 3));
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
