// Every aggregate over windows that slide, of random series in blocks that overlap and with readings at
// equal times, against the same computed the plain way from all readings.

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "engine/query/query_samples.h"

namespace selvedge::engine {
namespace {

using model::Kind;

const std::vector<Aggregate> everything = {
    Aggregate::mean, Aggregate::min, Aggregate::max, Aggregate::sum, Aggregate::count, Aggregate::first,
    Aggregate::last, Aggregate::time_weighted_mean, Aggregate::stddev, Aggregate::variance,
    Aggregate::increase, Aggregate::rate, {Aggregate::quantile, 10'000}, {Aggregate::quantile, 500'000},
    {Aggregate::quantile, 999'000}};

// Of one window [start, end), already cut to the range.
struct Plain {
  std::vector<double> values;
  double increase = 0;
  long double integral = 0, held = 0;

  Plain(const QueryRange& range, const codec::Columns& all, std::int64_t start, std::int64_t end) {
    const std::int64_t needed = range.from.ns - range.hold_length().count();
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::int64_t time = all.times[i];
      if (time < needed) continue;
      const double value = number_of(all.at(i));
      if (time >= start && time < end) {
        values.push_back(value);
        if (i > 0 && all.times[i - 1] >= needed) {
          const double before = number_of(all.at(i - 1));
          increase += value >= before ? value - before : value;
        }
      }
      std::int64_t until = std::min(time + range.hold_length().count(), end);
      if (i + 1 < all.size()) until = std::min(until, all.times[i + 1]);
      const std::int64_t since = std::max(time, start);
      if (since >= until) continue;
      integral += static_cast<long double>(value) * static_cast<long double>(until - since);
      held += static_cast<long double>(until - since);
    }
  }
};

void expect_near(double got, long double exact, long double room) {
  if (std::isnan(exact)) ASSERT_TRUE(std::isnan(got));
  else ASSERT_LE(std::fabs(got - exact), room) << got << " instead of " << static_cast<double>(exact);
}

void expect_equal(const WindowRow& row, const Plain& plain, double seconds) {
  const std::vector<double>& values = plain.values;
  ASSERT_EQ(row.count, values.size());
  long double sum = 0, magnitude = 0, squares = 0;
  for (const double value : values) sum += value, magnitude += std::fabs(value);
  const long double n = static_cast<long double>(values.size()), mean = sum / n;
  for (const double value : values) squares += (value - mean) * (value - mean);
  if (!values.empty()) {
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    ASSERT_EQ(row.value(Aggregate::min), sorted.front());
    ASSERT_EQ(row.value(Aggregate::max), sorted.back());
    ASSERT_EQ(row.value(Aggregate::first), values.front());
    ASSERT_EQ(row.value(Aggregate::last), values.back());
    expect_near(row.value(Aggregate::sum), sum, std::ldexp(magnitude, -52));
    const long double room = 1e-12L * (squares / n) + 1e-18L * mean * mean;
    expect_near(row.value(Aggregate::variance), squares / n, room);
    expect_near(row.value(Aggregate::stddev), std::sqrt(squares / n), 1e-9L * (std::sqrt(squares / n) + std::fabs(mean)));
    for (const Aggregate aggregate : everything) {
      if (aggregate.kind != Aggregate::quantile) continue;
      const double exact = sorted[aggregate.share * (sorted.size() - 1) / 1'000'000];
      // Readings that differ by more than 17 orders of magnitude share the sketch's lowest bucket.
      const double largest = std::max(std::fabs(sorted.front()), std::fabs(sorted.back()));
      expect_near(row.value(aggregate), exact, 0.0100001L * std::fabs(exact) + 1e-17L * largest);
    }
  }
  expect_near(row.value(Aggregate::increase), plain.increase, 1e-12L * (magnitude + std::fabs(plain.increase)) + 1e-3L);
  expect_near(row.value(Aggregate::rate), row.increase / seconds, 1e-12L * std::fabs(row.increase));
  if (plain.held > 0)
    expect_near(row.value(Aggregate::time_weighted_mean), plain.integral / plain.held,
                1e-9L * (std::fabs(plain.integral / plain.held) + 1e3L));
  else ASSERT_TRUE(std::isnan(row.value(Aggregate::time_weighted_mean)));
}

TEST(WindowsProperty, EqualThoseComputedFromAllReadings) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const RandomSeries series = random_series(random, static_cast<Kind>(seed % 3), EqualTimes::some);
    QueryRange range = random_range(series, random);
    const std::int64_t step = 2'000'000'000 + static_cast<std::int64_t>(random() % 100'000'000'000);
    const auto overlap = static_cast<std::int64_t>(1 + random() % 6);
    range.step = base::Duration(step);
    if (overlap > 1 || random() % 2 == 0) range.window = base::Duration(overlap * step);
    if (random() % 2 == 0) range.hold = base::Duration(static_cast<std::int64_t>(random() % 200'000'000'000));
    range.aggregates = everything;
    // Some without what makes that everything is decoded in order.
    if (random() % 3 == 0) std::erase_if(range.aggregates, [](Aggregate a) { return a.is_ordered(); });
    const bool ordered = range.has_ordered();

    const QueryResult result = ask(range, series, random, random() % 2 == 0 ? Outline::given : Outline::none);
    std::size_t next = 0;
    for (std::int64_t start = range.from.ns; start < range.to.ns; start += step) {
      const std::int64_t end = std::min(start + overlap * step, range.to.ns);
      const Plain plain(range, series.all, start, end);
      if (plain.values.empty() && !(range.hold && ordered && plain.held > 0)) continue;
      ASSERT_LT(next, result.windows.size());
      WindowRow row = result.windows[next++];
      ASSERT_EQ(row.start.ns, start);
      const double seconds = static_cast<double>(end - start) * 1e-9;
      if (!ordered) {
        row.time_weighted_mean = plain.held > 0 ? static_cast<double>(plain.integral / plain.held) : std::nan("");
        row.increase = plain.increase;
      }
      expect_equal(row, plain, seconds);
      if (HasFatalFailure()) return;
    }
    ASSERT_EQ(next, result.windows.size());
  }
}

TEST(WindowsProperty, AreTheSameFromHeadersAsFromReadings) {
  std::uint64_t from_header = 0, values_only = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const RandomSeries series = random_series(random, static_cast<Kind>(seed % 3), EqualTimes::some);
    QueryRange range = random_range(series, random);
    range.step = base::Duration(30'000'000'000);
    range.window = base::Duration(90'000'000'000);
    for (const bool quantiles : {false, true}) {
      range.aggregates = {Aggregate::min, Aggregate::max, Aggregate::count, Aggregate::first, Aggregate::last};
      if (quantiles) range.aggregates.emplace_back(Aggregate::quantile, 900'000);
      const QueryResult result = ask(range, series, random);
      from_header += result.blocks_from_header;
      values_only += result.values_decoded - result.times_decoded;
      Query plain(range);
      ASSERT_TRUE(plain.open(series.all));
      const QueryResult expected = plain.finish().value();
      ASSERT_EQ(to_json("s", range, result), to_json("s", range, expected));
    }
  }
  EXPECT_GT(from_header, 300u) << "or the test proves little";
  EXPECT_GT(values_only, 300u) << "or the test proves little";
}

}  // namespace
}  // namespace selvedge::engine
