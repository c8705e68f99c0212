#include "engine/query/query.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace selvedge::engine {
namespace {

using model::Kind;
using model::ValueView;
using std::chrono::seconds;

constexpr std::int64_t start = 1'760'000'000'000'000'000;
constexpr std::int64_t second = 1'000'000'000;

base::Time at(std::int64_t s) { return {start + s * second}; }

struct Block {
  model::BlockSummary summary;
  base::Bytes frame;
};

template <typename Value>
codec::Columns columns(Kind kind, std::initializer_list<std::pair<std::int64_t, Value>> readings) {
  codec::Columns result;
  result.kind = kind;
  for (const auto& [s, value] : readings) result.push(at(s), ValueView::of(value));
  return result;
}

codec::Columns floats(std::initializer_list<std::pair<std::int64_t, double>> readings) {
  return columns(Kind::float64, readings);
}

Block block_of(const codec::Columns& columns) {
  Block block;
  block.summary = codec::encode_frame(columns, block.frame).value();
  return block;
}

QueryRange from_to(std::int64_t from, std::int64_t to) {
  QueryRange range;
  range.from = at(from);
  range.to = at(to);
  return range;
}

QueryRange windows(std::int64_t from, std::int64_t to, std::int64_t step) {
  QueryRange range = from_to(from, to);
  range.step = seconds(step);
  return range;
}

QueryResult ask(const QueryRange& range, const std::vector<codec::Columns>& blocks) {
  Query query(range);
  for (const codec::Columns& content : blocks) {
    const Block block = block_of(content);
    EXPECT_TRUE(query.block(block.summary, block.frame));
  }
  return query.finish().value();
}

std::vector<double> values(const QueryResult& result) { return result.readings.float64; }

TEST(Query, AnswersAWindowFromTheHeaderWithoutTheFrame) {
  const Block block = block_of(floats({{0, 3}, {1, 1}, {2, 2}}));
  Query query(windows(0, 60, 10));
  EXPECT_FALSE(query.needs_frame(block.summary));
  ASSERT_TRUE(query.block(block.summary, {}));
  const QueryResult result = query.finish().value();
  EXPECT_EQ(result.blocks_decoded, 0u);
  EXPECT_EQ(result.blocks_from_header, 1u);
  ASSERT_EQ(result.windows.size(), 1u);
  const WindowRow& row = result.windows[0];
  EXPECT_EQ(row.start, at(0));
  EXPECT_EQ(row.count, 3u);
  EXPECT_EQ(row.min, 1);
  EXPECT_EQ(row.max, 3);
  EXPECT_EQ(row.sum, 6);
  EXPECT_EQ(row.first, 3);
  EXPECT_EQ(row.last, 2);
  EXPECT_EQ(row.value(Aggregate::mean), 2);
}

TEST(Query, DecodesABlockThatCrossesAWindowOrTheRange) {
  const QueryResult result = ask(windows(5, 25, 10), {floats({{4, 9}, {5, 1}, {14, 2}, {15, 3}, {25, 9}})});
  EXPECT_EQ(result.blocks_decoded, 1u);
  ASSERT_EQ(result.windows.size(), 2u);
  EXPECT_EQ(result.windows[0].start, at(5));
  EXPECT_EQ(result.windows[0].count, 2u);
  EXPECT_EQ(result.windows[0].last, 2);
  EXPECT_EQ(result.windows[1].start, at(15));
  EXPECT_EQ(result.windows[1].count, 1u);
  EXPECT_EQ(result.windows[1].sum, 3);
}

TEST(Query, LooksAtNoBlockOutsideTheRange) {
  const Block before = block_of(floats({{0, 1}, {1, 1}})), after = block_of(floats({{20, 1}}));
  Query query(from_to(2, 20));
  EXPECT_TRUE(query.block(before.summary, {}).value());
  EXPECT_FALSE(query.block(after.summary, {}).value()) << "nothing after it can matter";
  EXPECT_EQ(query.finish().value().readings.size(), 0u);
}

TEST(Query, LeavesWindowsWithoutReadingsOut) {
  const QueryResult result = ask(windows(0, 100, 10), {floats({{95, 1}}), floats({{5, 1}})});
  ASSERT_EQ(result.windows.size(), 2u);
  EXPECT_EQ(result.windows[0].start, at(0));
  EXPECT_EQ(result.windows[1].start, at(90));
}

TEST(Query, TakesFirstAndLastByTimeHoweverBlocksCome) {
  const QueryResult result =
      ask(windows(0, 60, 60), {floats({{30, 5}, {40, 6}}), floats({{50, 7}, {55, 8}}),
                               floats({{1, 1}, {2, 2}}), floats({{0, 0.5}, {59, 9}})});
  ASSERT_EQ(result.windows.size(), 1u);
  EXPECT_EQ(result.windows[0].first, 0.5);
  EXPECT_EQ(result.windows[0].last, 9);
  EXPECT_EQ(result.windows[0].count, 8u);
}

TEST(Query, OfEqualTimesTheFirstFedIsFirstAndTheLastFedLast) {
  const QueryResult result = ask(windows(0, 60, 60), {floats({{10, 1}}), floats({{10, 2}})});
  EXPECT_EQ(result.windows[0].first, 1);
  EXPECT_EQ(result.windows[0].last, 2);
}

TEST(Query, MergesReadingsOfOverlappingBlocksInTimeOrder) {
  const QueryResult result = ask(from_to(0, 100), {floats({{10, 1}, {30, 3}, {50, 5}}),
                                                   floats({{0, 0}, {20, 2}, {40, 4}, {60, 6}})});
  EXPECT_EQ(values(result), (std::vector<double>{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_FALSE(result.truncated);
}

TEST(Query, TakesOpenReadingsInTheOrderOfArrival) {
  Query query(from_to(0, 100));
  ASSERT_TRUE(query.open(floats({{5, 5}, {3, 3}, {120, 9}, {4, 4}})));
  EXPECT_EQ(values(query.finish().value()), (std::vector<double>{3, 4, 5}));
}

TEST(Query, KeepsTheFirstReadingsWhenTheBoundIsReached) {
  QueryRange range = from_to(0, 1000);
  range.rows = 3;
  Query query(range);
  const auto feed = [&](const codec::Columns& content) {
    const Block block = block_of(content);
    return query.block(block.summary, block.frame).value();
  };
  EXPECT_TRUE(feed(floats({{10, 10}, {20, 20}, {30, 30}, {40, 40}})));
  EXPECT_FALSE(feed(floats({{50, 50}}))) << "begins after the bound was reached";
  EXPECT_TRUE(feed(floats({{1, 1}, {60, 60}}))) << "an earlier one still counts";
  EXPECT_TRUE(feed(floats({{2, 2}})));
  EXPECT_FALSE(feed(floats({{30, 30}})));
  const QueryResult result = query.finish().value();
  EXPECT_EQ(values(result), (std::vector<double>{1, 2, 10}));
  EXPECT_TRUE(result.truncated);
}

TEST(Query, IsNotTruncatedByExactlyAsManyReadingsAsTheBound) {
  QueryRange range = from_to(0, 1000);
  range.rows = 3;
  EXPECT_FALSE(ask(range, {floats({{1, 1}, {2, 2}, {3, 3}})}).truncated);
  EXPECT_TRUE(ask(range, {floats({{1, 1}, {2, 2}, {3, 3}, {4, 4}})}).truncated);
}

TEST(Query, BoundsTheTextsOfAnAnswer) {
  QueryRange range = from_to(0, 1000);
  range.text_bytes = 10;
  const std::string four = "abcd";
  const QueryResult result =
      ask(range, {columns<std::string_view>(Kind::text, {{2, four}, {3, four}, {4, "x"}}),
                  columns<std::string_view>(Kind::text, {{1, four}})});
  ASSERT_EQ(result.readings.size(), 2u);
  EXPECT_EQ(result.readings.times[0], at(1).ns);
  EXPECT_EQ(result.readings.times[1], at(2).ns);
  EXPECT_TRUE(result.truncated);
}

TEST(Query, AnswersBooleanSeriesAsNumbersInWindows) {
  const QueryResult result =
      ask(windows(0, 10, 10), {columns<bool>(Kind::boolean, {{0, true}, {1, false}, {2, true}, {3, true}})});
  EXPECT_EQ(result.kind, Kind::boolean);
  EXPECT_EQ(result.windows[0].value(Aggregate::mean), 0.75);
  EXPECT_EQ(result.windows[0].value(Aggregate::min), 0);
}

TEST(Query, CountsTextsInWindows) {
  const QueryResult result = ask(
      windows(0, 20, 10), {columns<std::string_view>(Kind::text, {{0, "on"}, {1, "off"}, {11, "on"}})});
  ASSERT_EQ(result.windows.size(), 2u);
  EXPECT_EQ(result.windows[0].count, 2u);
  EXPECT_EQ(result.windows[1].count, 1u);
}

TEST(Query, KeepsNotANumberOutOfTheAggregatesButCountsIt) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const bool split : {false, true}) {  // by header, and decoded
    QueryRange range = windows(0, split ? 15 : 20, 10);
    const QueryResult result = ask(range, {floats({{0, nan}, {1, 2}, {2, 4}}), floats({{11, nan}}),
                                           floats({{3, 6}, {split ? 16 : 4, 6}})});
    ASSERT_EQ(result.windows.size(), 2u);
    EXPECT_EQ(result.windows[0].nan_count, 1u);
    EXPECT_EQ(result.windows[0].min, 2);
    EXPECT_TRUE(std::isnan(result.windows[0].first));
    EXPECT_EQ(result.windows[0].value(Aggregate::mean), split ? 4 : 4.5);
    EXPECT_TRUE(std::isnan(result.windows[1].value(Aggregate::mean)));
    EXPECT_TRUE(std::isnan(result.windows[1].max));
    EXPECT_EQ(result.windows[1].count, 1u);
  }
}

TEST(Query, CountsWindowsFromTheEpochIfTheRangeIsOpen) {
  QueryRange range;
  range.from = {std::numeric_limits<std::int64_t>::min()};
  range.to = {std::numeric_limits<std::int64_t>::max()};
  range.step = std::chrono::hours(1);
  codec::Columns around;
  around.push({-1}, ValueView::of(1.0));
  around.push({3600 * second - 1}, ValueView::of(2.0));
  around.push({3600 * second}, ValueView::of(3.0));
  around.push({std::numeric_limits<std::int64_t>::max() - 1}, ValueView::of(4.0));
  around.push({std::numeric_limits<std::int64_t>::min()}, ValueView::of(5.0));
  Query query(range);
  ASSERT_TRUE(query.open(around));
  const QueryResult result = query.finish().value();
  ASSERT_EQ(result.windows.size(), 5u);
  EXPECT_EQ(result.windows[0].start.ns, range.from.ns) << "the first window is cut short";
  EXPECT_EQ(result.windows[1].start.ns, -3600 * second);
  EXPECT_EQ(result.windows[2].start.ns, 0);
  EXPECT_EQ(result.windows[3].start.ns, 3600 * second);
  EXPECT_EQ(result.windows[4].start.ns % (3600 * second), 0);
}

struct BadRange {
  const char* name;
  QueryRange range;
  const char* message;
};

TEST(Query, RefusesRangesThatMakeNoSense) {
  QueryRange many = windows(0, 1001, 10), none = from_to(0, 10);
  many.rows = 100;
  none.rows = 0;
  QueryRange widest = windows(0, 1, 1);
  widest.from.ns = std::numeric_limits<std::int64_t>::min() + 1;
  widest.to.ns = std::numeric_limits<std::int64_t>::max() - 1;
  const BadRange cases[] = {
      {"backwards", from_to(10, 9), "from is later than to"},
      {"no step", windows(0, 10, 0), "not positive"},
      {"negative step", windows(0, 10, -1), "not positive"},
      {"many windows", many, "101 windows, at most 100"},
      {"all of time", widest, "windows, at most"},
      {"no rows", none, "0 rows"},
  };
  const Block block = block_of(floats({{0, 1}}));
  for (const BadRange& bad : cases) {
    SCOPED_TRACE(bad.name);
    Query query(bad.range);
    EXPECT_FALSE(query.needs_frame(block.summary));
    for (const base::Error& error :
         {query.block(block.summary, block.frame).error(), query.open({}).error(),
          query.finish().error(), validate(bad.range).error()}) {
      EXPECT_EQ(error.code, base::Code::invalid_input);
      EXPECT_NE(error.message.find(bad.message), std::string::npos) << error.message;
    }
  }
  many.to = at(1000);
  EXPECT_TRUE(validate(many)) << "as many windows as rows are fine";
  EXPECT_TRUE(validate(from_to(5, 5))) << "an empty range is a question";
}

TEST(Query, RefusesMoreFilledWindowsThanRowsInAnOpenRange) {
  QueryRange range;
  range.from = {std::numeric_limits<std::int64_t>::min()};
  range.to = {std::numeric_limits<std::int64_t>::max()};
  range.step = seconds(1);
  range.rows = 2;
  Query query(range);
  const auto result = query.open(floats({{0, 1}, {1, 1}, {2, 1}}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "query: more than 2 windows hold readings; choose a longer step");
}

TEST(Query, ReportsADamagedFrameAndABlockOfAnotherKind) {
  Block block = block_of(floats({{0, 1}, {50, 2}}));
  block.frame[block.frame.size() / 2] ^= 1;
  Query query(from_to(0, 100));
  EXPECT_EQ(query.block(block.summary, block.frame).error().code, base::Code::corrupt);

  const Block booleans = block_of(columns<bool>(Kind::boolean, {{0, true}}));
  for (const QueryRange& range : {from_to(0, 100), windows(0, 100, 100)}) {
    Query mixed(range);
    ASSERT_TRUE(mixed.open(floats({{0, 1}})));
    EXPECT_EQ(mixed.block(booleans.summary, booleans.frame).error().code, base::Code::corrupt);
  }
}

TEST(Aggregate, ParsesItsOwnNames) {
  for (const Aggregate aggregate :
       {Aggregate::mean, Aggregate::min, Aggregate::max, Aggregate::sum, Aggregate::count, Aggregate::first,
        Aggregate::last, Aggregate::time_weighted_mean, Aggregate::stddev, Aggregate::variance,
        Aggregate::increase, Aggregate::rate})
    EXPECT_EQ(parse_aggregate(name(aggregate)).value(), aggregate);
  EXPECT_EQ(parse_aggregate("twa").value(), Aggregate::time_weighted_mean);
  EXPECT_EQ(name(parse_aggregate("median").value()), "p50");
  for (const char* text : {"p1", "p50", "p99", "p99.9", "p0.5", "p99.9999", "p5.05"})
    EXPECT_EQ(name(parse_aggregate(text).value()), text);
  EXPECT_EQ(parse_aggregate("p99.9").value(), Aggregate(Aggregate::quantile, 999'000));
  for (const char* text : {"p", "p0", "p100", "p99.", "p.5", "p1.23456", "p1.2.3", "p-1", "p1e1", "", "means"})
    EXPECT_EQ(parse_aggregate(text).error().code, base::Code::invalid_input) << text;
  EXPECT_NE(parse_aggregate("stdev").error().message.find("did you mean 'stddev'?"), std::string::npos);
}

}  // namespace
}  // namespace selvedge::engine
