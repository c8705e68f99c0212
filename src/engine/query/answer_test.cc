#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/query/query.h"

namespace selvedge::engine {
namespace {

using model::Kind;
using model::ValueView;

constexpr std::int64_t noon = 1'772'366'400'000'000'000;  // 2026-03-01T12:00:00Z

template <typename Value>
QueryResult readings(Kind kind, std::initializer_list<std::pair<std::int64_t, Value>> all) {
  QueryResult result;
  result.kind = result.readings.kind = kind;
  for (const auto& [ns, value] : all) result.readings.push({noon + ns}, ValueView::of(value));
  return result;
}

TEST(Answer, WritesReadingsOfEveryKindAsJson) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(to_json("a/b", {}, readings<double>(Kind::float64, {{0, 21.5}, {500'000'000, nan}})),
            R"({"series":"a/b","kind":"float64","columns":["time","value"],)"
            R"("rows":[["2026-03-01T12:00:00Z",21.5],["2026-03-01T12:00:00.5Z",null]],"truncated":false})");
  EXPECT_EQ(to_json("n", {}, readings<std::int64_t>(Kind::int64, {{1, 9007199254740993}})),
            R"({"series":"n","kind":"int64","columns":["time","value"],)"
            R"("rows":[["2026-03-01T12:00:00.000000001Z",9007199254740993]],"truncated":false})");
  EXPECT_EQ(to_json("n", {}, readings<bool>(Kind::boolean, {{-1, true}, {0, false}})),
            R"({"series":"n","kind":"boolean","columns":["time","value"],)"
            R"("rows":[["2026-03-01T11:59:59.999999999Z",true],["2026-03-01T12:00:00Z",false]],"truncated":false})");
  QueryResult texts = readings<std::string_view>(Kind::text, {{0, "a\"b"}});
  texts.truncated = true;
  EXPECT_EQ(to_json("q\"x", {}, texts),
            R"({"series":"q\"x","kind":"text","columns":["time","value"],)"
            R"("rows":[["2026-03-01T12:00:00Z","a\"b"]],"truncated":true})");
}

QueryResult window(Kind kind) {
  QueryResult result;
  result.kind = kind;
  WindowRow row;
  row.start = {noon};
  row.count = 4;
  row.min = -1;
  row.max = 2.5;
  row.sum = 3;
  row.first = 1;
  row.last = std::numeric_limits<double>::infinity();
  result.windows = {row};
  return result;
}

TEST(Answer, WritesWindowsWithTheAggregatesAskedFor) {
  QueryRange range;
  range.step = std::chrono::minutes(1);
  EXPECT_EQ(to_csv("s", range, window(Kind::float64)),
            "series,time,mean\r\ns,2026-03-01T12:00:00Z,0.75\r\n");
  range.aggregates = {Aggregate::count, Aggregate::min, Aggregate::max, Aggregate::last};
  EXPECT_EQ(to_json("s", range, window(Kind::float64)),
            R"({"series":"s","kind":"float64","columns":["time","count","min","max","last"],)"
            R"("rows":[["2026-03-01T12:00:00Z",4,-1,2.5,null]],"truncated":false})");
  EXPECT_EQ(to_json("s", range, window(Kind::text)),
            R"({"series":"s","kind":"text","columns":["time","count","min","max","last"],)"
            R"("rows":[["2026-03-01T12:00:00Z",4,null,null,null]],"truncated":false})");
  EXPECT_EQ(to_csv("s", range, window(Kind::text)),
            "series,time,count,min,max,last\r\ns,2026-03-01T12:00:00Z,4,,,\r\n");
}

TEST(Answer, QuotesCsvAsRfc4180Says) {
  EXPECT_EQ(to_csv("m,site=a/x", {},
                   readings<std::string_view>(Kind::text, {{0, "plain"}, {1, "a,b"}, {2, "say \"x\"\r\n"}})),
            "series,time,value\r\n"
            "\"m,site=a/x\",2026-03-01T12:00:00Z,plain\r\n"
            "\"m,site=a/x\",2026-03-01T12:00:00.000000001Z,\"a,b\"\r\n"
            "\"m,site=a/x\",2026-03-01T12:00:00.000000002Z,\"say \"\"x\"\"\r\n\"\r\n");
}

TEST(Answer, WritesTimesAtTheEndsOfTime) {
  QueryResult result;
  for (const std::int64_t ns : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1},
                                std::int64_t{0}, std::numeric_limits<std::int64_t>::max()})
    result.readings.push({ns}, ValueView::of(1.0));
  std::string expected = "series,time,value\r\n";
  for (const std::int64_t ns : result.readings.times)
    expected += "s," + base::to_iso8601({ns}) + ",1\r\n";
  EXPECT_EQ(to_csv("s", {}, result), expected);
}

TEST(Answer, WritesAnEmptyAnswer) {
  EXPECT_EQ(to_json("s", {}, {}),
            R"({"series":"s","kind":"float64","columns":["time","value"],"rows":[],"truncated":false})");
  EXPECT_EQ(to_csv("s", {}, {}), "series,time,value\r\n");
}

}  // namespace
}  // namespace selvedge::engine
