// Charts of random series against their definitions, applied to all readings.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/query/query_samples.h"

namespace selvedge::engine {
namespace {

using model::Kind;
using Points = std::vector<std::pair<std::int64_t, double>>;

Points points_of(const codec::Columns& columns) {
  Points points;
  for (std::size_t i = 0; i < columns.size(); ++i) points.emplace_back(columns.times[i], number_of(columns.at(i)));
  return points;
}

Points in_range(const codec::Columns& all, const QueryRange& range) {
  Points points = points_of(all);
  std::erase_if(points, [&](const auto& p) { return p.first < range.from.ns || p.first >= range.to.ns; });
  return points;
}

// First, least, greatest and last of each column, by looking at each reading of it.
Points plain_columns(const Points& all, std::int64_t from, std::int64_t to, std::uint64_t columns, bool ends) {
  Points chosen;
  for (std::uint64_t c = 0; c < columns; ++c) {
    Points of;
    for (const auto& point : all) {
      const long double share = static_cast<long double>(point.first - from) * static_cast<long double>(columns);
      if (static_cast<std::uint64_t>(std::floor(share / static_cast<long double>(to - from))) == c) of.push_back(point);
    }
    if (of.empty()) continue;
    const auto value = [](const auto& a, const auto& b) { return a.second < b.second; };
    std::vector<std::ptrdiff_t> places = {std::min_element(of.begin(), of.end(), value) - of.begin(),
                                          std::max_element(of.begin(), of.end(), value) - of.begin()};
    if (ends) places.insert(places.end(), {0, std::ssize(of) - 1});
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    for (const std::ptrdiff_t place : places) chosen.push_back(of[static_cast<std::size_t>(place)]);
  }
  return chosen;
}

Points plain_triangles(const Points& all, std::size_t wanted) {
  if (all.size() <= wanted) return all;
  Points chosen{all.front()};
  const std::size_t inner = all.size() - 2, buckets = wanted - 2;
  const auto bucket = [&](std::size_t b) {
    return b < buckets ? Points(all.begin() + 1 + static_cast<std::ptrdiff_t>(b * inner / buckets),
                                all.begin() + 1 + static_cast<std::ptrdiff_t>((b + 1) * inner / buckets))
                       : Points{all.back()};
  };
  const auto x = [&](std::int64_t time) { return static_cast<double>(time - all.front().first); };
  for (std::size_t b = 0; b < buckets; ++b) {
    const auto [ax, ay] = std::pair(x(chosen.back().first), chosen.back().second);
    double cx = 0, cy = 0;
    const Points after = bucket(b + 1);
    for (const auto& [time, value] : after) cx += x(time), cy += value;
    cx /= static_cast<double>(after.size());
    cy /= static_cast<double>(after.size());
    const Points candidates = bucket(b);
    const auto area = [&](const auto& p) { return std::fabs((ax - cx) * (p.second - ay) - (ax - x(p.first)) * (cy - ay)); };
    chosen.push_back(*std::max_element(candidates.begin(), candidates.end(),
                                       [&](const auto& p, const auto& q) { return area(p) < area(q); }));
  }
  chosen.push_back(all.back());
  return chosen;
}

TEST(ChartProperty, KeepsFirstLeastGreatestAndLastOfEachColumn) {
  std::uint64_t from_header = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const RandomSeries series = random_series(random, static_cast<Kind>(seed % 3), EqualTimes::none);
    QueryRange range = random_range(series, random);
    if (random() % 3 == 0) range.from = {INT64_MIN};
    if (random() % 3 == 0) range.to = {INT64_MAX};
    range.downsample = random() % 2 == 0 ? Downsample::m4 : Downsample::minmax;
    range.points = 4 + random() % (random() % 2 == 0 ? 12 : 400);
    const bool ends = range.downsample == Downsample::m4;

    const Points all = in_range(series.all, range);
    const QueryResult result = ask(range, series, random, random() % 2 == 0 ? Outline::given : Outline::none);
    from_header += result.blocks_from_header;
    ASSERT_LE(result.readings.size(), range.points);
    if (all.empty()) {
      ASSERT_EQ(result.readings.size(), 0u);
      continue;
    }
    const std::int64_t from = range.from.ns == INT64_MIN ? all.front().first : range.from.ns;
    const std::int64_t to = range.to.ns == INT64_MAX ? all.back().first + 1 : range.to.ns;
    ASSERT_EQ(points_of(result.readings), plain_columns(all, from, to, range.points / (ends ? 4 : 2), ends));
  }
  EXPECT_GT(from_header, 100u) << "or the test proves little";
}

TEST(ChartProperty, KeepsTheLargestTriangles) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const RandomSeries series = random_series(random, static_cast<Kind>(seed % 3), EqualTimes::some);
    QueryRange range = random_range(series, random);
    range.downsample = Downsample::lttb;
    range.points = 4 + random() % 300;
    const QueryResult result = ask(range, series, random);
    ASSERT_EQ(points_of(result.readings), plain_triangles(in_range(series.all, range), range.points));
  }
}

TEST(ChartProperty, IsTheSameChartWhenReadingsHaveEqualTimes) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    std::mt19937_64 random(seed);
    const RandomSeries series = random_series(random, Kind::float64, EqualTimes::some);
    QueryRange range;
    range.from = {INT64_MIN}, range.to = {INT64_MAX};
    range.downsample = Downsample::m4;
    range.points = 40;
    const QueryResult result = ask(range, series, random, Outline::given);
    Query plain(range);
    ASSERT_TRUE(plain.open(series.all));
    ASSERT_EQ(points_of(result.readings), points_of(plain.finish().value().readings)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace selvedge::engine
