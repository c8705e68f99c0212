// Held values, counters, quantiles, charts: small series whose answers can be said beforehand; bounds; and
// what is decoded for an answer.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/query/query.h"

namespace selvedge::engine {
namespace {

using model::Kind;
using model::ValueView;
using std::chrono::seconds;

constexpr std::int64_t second = 1'000'000'000;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

codec::Columns floats(std::initializer_list<std::pair<std::int64_t, double>> readings) {
  codec::Columns columns;
  for (const auto& [s, value] : readings) columns.push({s * second}, ValueView::of(value));
  return columns;
}

QueryRange windows(std::int64_t from, std::int64_t to, std::int64_t step, std::vector<Aggregate> aggregates) {
  QueryRange range;
  range.from = {from * second};
  range.to = {to * second};
  range.step = seconds(step);
  range.aggregates = std::move(aggregates);
  return range;
}

QueryResult ask(const QueryRange& range, const std::vector<codec::Columns>& blocks) {
  Query query(range);
  for (const codec::Columns& content : blocks) {
    base::Bytes frame;
    const auto summary = codec::encode_frame(content, frame).value();
    const auto fed = query.block(summary, frame);
    EXPECT_TRUE(fed) << fed.error().message;
  }
  return query.finish().value();
}

std::vector<double> values(const QueryResult& result, Aggregate aggregate) {
  std::vector<double> all;
  for (const WindowRow& row : result.windows) all.push_back(row.value(aggregate));
  return all;
}

TEST(QueryWindows, HaveNoDeviationWithAnInfinityInThem) {
  const auto result = ask(windows(0, 10, 10, {Aggregate::stddev, Aggregate::variance}),
                          {floats({{1, 1}, {2, std::numeric_limits<double>::infinity()}, {3, 5}})});
  EXPECT_TRUE(std::isnan(values(result, Aggregate::variance).at(0)));
  EXPECT_TRUE(std::isnan(values(result, Aggregate::stddev).at(0)));
}

TEST(QueryWindows, AValueHoldsUntilTheNextReadingAndIntoTheNextWindow) {
  const auto result = ask(windows(0, 30, 10, {Aggregate::time_weighted_mean}),
                          {floats({{2, 10}, {7, 20}, {14, 40}, {25, 0}})});
  // 5 s of 10 and 3 of 20; 4 of 20 and 6 of 40; held for at most a window: 4 s of 40, until 24; 5 of 0.
  EXPECT_EQ(values(result, Aggregate::time_weighted_mean),
            (std::vector<double>{(50 + 60) / 8.0, (80 + 240) / 10.0, 160 / 9.0}));
}

TEST(QueryWindows, WhatCameBeforeTheRangeIsHeldIntoIt) {
  QueryRange range = windows(10, 30, 10, {Aggregate::time_weighted_mean});
  const codec::Columns readings = floats({{-50, 7}, {4, 3}, {15, 5}});
  EXPECT_EQ(values(ask(range, {readings}), Aggregate::time_weighted_mean)[0], (4 * 3 + 5 * 5) / 9.0);
  range.hold = seconds(1000);
  const auto longer = ask(range, {readings});
  EXPECT_EQ(values(longer, Aggregate::time_weighted_mean), (std::vector<double>{4, 5}));
  EXPECT_EQ(longer.windows[1].count, 0u);
  EXPECT_TRUE(std::isnan(longer.windows[1].value(Aggregate::last)));
  EXPECT_EQ(Query(range).needed_from().ns, -990 * second);
}

TEST(QueryWindows, NothingIsHeldAfterNan) {
  const auto result =
      ask(windows(0, 10, 10, {Aggregate::time_weighted_mean}), {floats({{0, 4}, {2, nan}, {8, 1}})});
  EXPECT_EQ(values(result, Aggregate::time_weighted_mean), (std::vector<double>{(8 + 2) / 4.0}));
}

TEST(QueryWindows, ACounterThatIsLessBeganAgain) {
  const auto result = ask(windows(0, 30, 10, {Aggregate::increase, Aggregate::rate}),
                          {floats({{-3, 90}, {2, 100}, {9, 130}, {11, 5}, {12, nan}, {19, 45}, {29, 45}})});
  EXPECT_EQ(values(result, Aggregate::increase), (std::vector<double>{40, 45, 0}));
  EXPECT_EQ(values(result, Aggregate::rate), (std::vector<double>{4, 4.5, 0}));
}

TEST(QueryWindows, TheLastWindowOfTheRangeIsShorter) {
  const auto result = ask(windows(0, 15, 10, {Aggregate::rate}), {floats({{1, 0}, {11, 20}})});
  EXPECT_EQ(values(result, Aggregate::rate), (std::vector<double>{0, 4}));
}

TEST(QueryWindows, SlideOverTheirSteps) {
  QueryRange range = windows(0, 50, 10, {Aggregate::sum});
  range.window = seconds(20);
  const auto result = ask(range, {floats({{1, 1}, {11, 2}, {41, 4}})});
  ASSERT_EQ(result.windows.size(), 4u);
  EXPECT_EQ(values(result, Aggregate::sum), (std::vector<double>{3, 2, 4, 4}));
  EXPECT_EQ(result.windows[2].start.ns, 30 * second);
}

TEST(QueryWindows, DeviationsAreStableFarFromZero) {
  const auto result = ask(windows(0, 100, 100, {Aggregate::stddev, Aggregate::variance}),
                          {floats({{0, 1e9 + 4}, {1, 1e9 + 7}}), floats({{2, 1e9 + 13}, {3, 1e9 + 16}})});
  EXPECT_EQ(values(result, Aggregate::variance), (std::vector<double>{22.5}));
  EXPECT_EQ(values(result, Aggregate::stddev), (std::vector<double>{std::sqrt(22.5)}));
}

TEST(QueryWindows, OfTextsOnlyTheirNumberIsSaid) {
  codec::Columns texts;
  texts.kind = Kind::text;
  texts.push({0}, ValueView::of(std::string_view("on")));
  texts.push({5 * second}, ValueView::of(std::string_view("off")));
  QueryRange range = windows(0, 10, 10, {Aggregate::count, {Aggregate::quantile, 500'000}});
  EXPECT_EQ(to_csv("s", range, ask(range, {texts})), "series,time,count,p50\r\ns,1970-01-01T00:00:00Z,2,\r\n");
  QueryRange chart;
  chart.downsample = Downsample::m4;
  chart.to = {10 * second};
  Query query(chart);
  EXPECT_EQ(query.open(texts).error().code, base::Code::invalid_input);
}

struct Told {
  bool needs = false;
  std::uint64_t decoded, from_header, times, values;
};

Told told(const QueryRange& range, const codec::Columns& content) {
  base::Bytes frame;
  const auto summary = codec::encode_frame(content, frame).value();
  Query query(range);
  const bool needs = query.needs_frame(summary);
  EXPECT_TRUE(query.block(summary, frame));
  const QueryResult result = query.finish().value();
  return {needs, result.blocks_decoded, result.blocks_from_header, result.times_decoded, result.values_decoded};
}

void expect(const Told& got, const Told& expected) {
  EXPECT_EQ(got.needs, expected.needs);
  EXPECT_EQ(got.decoded, expected.decoded);
  EXPECT_EQ(got.from_header, expected.from_header);
  EXPECT_EQ(got.times, expected.times);
  EXPECT_EQ(got.values, expected.values);
}

TEST(QueryWindows, DecodeNoMoreThanTheAnswerNeeds) {
  const codec::Columns content = floats({{1, 1}, {4, 2}, {9, 5}});
  const Aggregate median{Aggregate::quantile, 500'000};
  expect(told(windows(0, 10, 10, {Aggregate::mean, Aggregate::last}), content), {false, 0, 1, 0, 0});
  expect(told(windows(0, 10, 10, {median, Aggregate::mean}), content), {true, 1, 0, 0, 1});
  expect(told(windows(0, 10, 10, {Aggregate::stddev}), content), {true, 1, 0, 0, 1});
  expect(told(windows(0, 10, 5, {Aggregate::count}), content), {true, 1, 0, 1, 0});
  expect(told(windows(2, 10, 10, {Aggregate::count}), content), {true, 1, 0, 1, 0});
  expect(told(windows(0, 10, 5, {Aggregate::count, Aggregate::max}), content), {true, 1, 0, 1, 1});
  expect(told(windows(0, 10, 10, {Aggregate::time_weighted_mean}), content), {true, 1, 0, 1, 1});
  expect(told(windows(20, 30, 10, {Aggregate::mean}), content), {false, 0, 0, 0, 0});
}

TEST(QueryWindows, CountsFromTimesAloneAreRight) {
  const auto result = ask(windows(0, 10, 5, {Aggregate::count}), {floats({{1, nan}, {4, 2}, {5, 1}, {10, 5}})});
  EXPECT_EQ(values(result, Aggregate::count), (std::vector<double>{2, 1}));
}

TEST(QueryWindows, SayWhatWasDecodedIfAsked) {
  QueryRange range = windows(0, 10, 10, {Aggregate::max});
  const std::string json = to_json("s", range, ask(range, {floats({{1, 1}})}), Stats::tell);
  EXPECT_NE(json.find(R"("stats":{"blocks_decoded":0,"blocks_from_header":1,"times_decoded":0,"values_decoded":0})"),
            std::string::npos) << json;
}

base::Code refused(const QueryRange& range, const std::vector<codec::Columns>& all) {
  Query query(range);
  for (const codec::Columns& columns : all)
    if (const auto fed = query.open(columns); !fed) return fed.error().code;
  const auto result = query.finish();
  return result ? base::Code{} : result.error().code;
}

TEST(QueryBounds, HoldForWindowsQuantilesOrderAndCharts) {
  codec::Columns many;
  for (int i = 0; i < 1000; ++i) many.push({i * second}, ValueView::of(std::ldexp(1.0, i % 100)));
  QueryRange sliding = windows(0, 1000, 1, {Aggregate::sum});
  sliding.from = {INT64_MIN};
  sliding.window = seconds(10);
  sliding.rows = 1000;
  EXPECT_EQ(refused(sliding, {many}), base::Code::invalid_input);   // 1009 windows
  sliding.rows = 1009;
  EXPECT_EQ(refused(sliding, {many}), base::Code{});
  QueryRange held = windows(0, 1000, 1, {Aggregate::time_weighted_mean});
  held.from = {INT64_MIN};
  held.hold = seconds(1'000'000);
  held.rows = 100;
  EXPECT_EQ(refused(held, {many}), base::Code::invalid_input);

  QueryRange quantiles = windows(0, 1000, 100, {{Aggregate::quantile, 990'000}});
  quantiles.sketch_bytes = 64 << 10;
  EXPECT_EQ(refused(quantiles, {many}), base::Code::exhausted);
  quantiles.sketch_bytes = 1 << 20;
  EXPECT_EQ(refused(quantiles, {many}), base::Code{});

  QueryRange ordered = windows(0, 1000, 100, {Aggregate::rate});
  ordered.held_readings = 1500;
  EXPECT_EQ(refused(ordered, {many, many}), base::Code::exhausted);
  Query outlined(ordered);
  codec::Columns after;
  for (int i = 1000; i < 2000; ++i) after.push({i * second}, ValueView::of(1.0));
  const SourceExtent sources[] = {{{0}, {999 * second}}, {{1000 * second}, {1999 * second}}};
  outlined.outline(sources);
  EXPECT_TRUE(outlined.open(many));
  EXPECT_TRUE(outlined.open(after));

  QueryRange chart;
  chart.to = {1000 * second};
  chart.downsample = Downsample::lttb;
  chart.held_readings = 999;
  EXPECT_EQ(refused(chart, {many}), base::Code::exhausted);
  chart.downsample = Downsample::m4;
  EXPECT_EQ(refused(chart, {many}), base::Code{});
}

TEST(QueryBounds, ABlockEarlierThanWasSaidIsRefused) {
  Query query(windows(0, 100, 10, {Aggregate::rate}));
  const SourceExtent sources[] = {{{10 * second}, {20 * second}}, {{30 * second}, {40 * second}}};
  query.outline(sources);
  ASSERT_TRUE(query.open(floats({{10, 1}, {20, 2}})));
  EXPECT_EQ(query.open(floats({{5, 1}})).error().code, base::Code::corrupt);
}

TEST(QueryChart, WorksAtTheEndsOfTimeAndLeavesNanOut) {
  QueryRange range;
  range.from = {INT64_MIN}, range.to = {INT64_MAX};
  range.points = 8;
  codec::Columns columns;
  for (const std::int64_t ns : {INT64_MIN, std::int64_t{0}, INT64_MAX - 1})
    columns.push({ns}, ValueView::of(static_cast<double>(ns)));
  columns.push({5}, ValueView::of(nan));
  for (const Downsample how : {Downsample::lttb, Downsample::m4, Downsample::minmax}) {
    range.downsample = how;
    Query query(range);
    ASSERT_TRUE(query.open(columns));
    EXPECT_EQ(query.finish().value().readings.times, (std::vector<std::int64_t>{INT64_MIN, 0, INT64_MAX - 1}));
    Query nothing(range);
    EXPECT_EQ(nothing.finish().value().readings.size(), 0u);
  }
}

TEST(QueryChart, KeepsLargeIntegersExactly) {
  QueryRange range;
  range.to = {100};
  range.downsample = Downsample::m4;
  range.points = 4;
  codec::Columns columns, more;
  columns.kind = more.kind = Kind::int64;
  for (int i = 0; i < 9; ++i) columns.push({i}, ValueView::of(std::int64_t{9007199254740993} + (i * 7) % 9));
  for (int i = 10; i < 19; ++i) more.push({i}, ValueView::of(std::int64_t{9007199254740993} + 3));
  const auto readings = ask(range, {columns, more}).readings;
  EXPECT_EQ(readings.int64.front(), 9007199254740993);
  EXPECT_EQ(*std::ranges::max_element(readings.int64), 9007199254740993 + 8);
  EXPECT_EQ(readings.int64.back(), 9007199254740993 + 3);
}

}  // namespace
}  // namespace selvedge::engine
