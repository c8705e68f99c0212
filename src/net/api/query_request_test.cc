#include "net/api/query_request.h"

#include <gtest/gtest.h>

namespace selvedge::net::api {
namespace {

http::Request get(std::vector<std::pair<std::string, std::string>> query) {
  http::Request request;
  request.query = std::move(query);
  return request;
}

TEST(QueryRequest, ReadsEveryParameter) {
  const base::Time now = base::parse_time("2026-03-01T12:00:00Z").value();
  const auto parsed = parse_query_request(
      get({{"series", "boiler/temp"}, {"node", "n1"}, {"from", "-1h"}, {"to", "now"},
           {"step", "5m"}, {"agg", "mean,max"}, {"limit", "12"}, {"format", "csv"}}),
      now);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->series, "boiler/temp");
  EXPECT_EQ(parsed->node, "n1");
  EXPECT_EQ(base::to_iso8601(parsed->range.from), "2026-03-01T11:00:00Z");
  EXPECT_EQ(parsed->range.to, now);
  EXPECT_EQ(parsed->range.step, base::Duration(std::chrono::minutes(5)));
  EXPECT_EQ(parsed->range.aggregates.size(), 2u);
  EXPECT_EQ(parsed->range.rows, 12u);
  EXPECT_TRUE(parsed->csv);
}

TEST(QueryRequest, ReadsWindowsThatSlideAndCharts) {
  const auto sliding = parse_query_request(
      get({{"series", "x"}, {"step", "1m"}, {"window", "5m"}, {"hold", "1h"}, {"agg", "p99,twa,rate"},
           {"stats", "true"}}), {});
  ASSERT_TRUE(sliding) << sliding.error().message;
  EXPECT_EQ(sliding->range.window, base::Duration(std::chrono::minutes(5)));
  EXPECT_EQ(sliding->range.hold, base::Duration(std::chrono::hours(1)));
  EXPECT_EQ(sliding->range.aggregates,
            (std::vector<engine::Aggregate>{{engine::Aggregate::quantile, 990'000},
                                            engine::Aggregate::time_weighted_mean, engine::Aggregate::rate}));
  EXPECT_EQ(sliding->stats, engine::Stats::tell);
  const auto chart = parse_query_request(get({{"series", "x"}, {"downsample", "m4"}, {"points", "800"}}), {});
  ASSERT_TRUE(chart) << chart.error().message;
  EXPECT_EQ(chart->range.downsample, engine::Downsample::m4);
  EXPECT_EQ(chart->range.points, 800u);
}

TEST(QueryRequest, SaysWhatIsWrong) {
  struct Case {
    std::vector<std::pair<std::string, std::string>> query;
    std::string message;
  };
  const Case cases[] = {
      {{}, "series: which one is needed"},
      {{{"serie", "x"}}, "unknown parameter 'serie'; did you mean 'series'?"},
      {{{"series", "x"}, {"agg", "mean"}}, "agg needs step"},
      {{{"series", "x"}, {"limit", "0"}}, "limit: expected 1 to 10000000"},
      {{{"series", "x"}, {"format", "xml"}}, "format: expected json, csv or frames"},
      {{{"series", "x"}, {"points", "10"}}, "points needs downsample"},
      {{{"series", "x"}, {"downsample", "m4"}, {"points", "3"}}, "points: expected 4 to 1000000"},
      {{{"series", "x"}, {"downsample", "m3"}},
       "downsample 'm3': expected lttb, m4 or minmax; did you mean 'm4'?"},
      {{{"series", "x"}, {"downsample", "m4"}, {"step", "1m"}}, "query: downsample and step exclude each other"},
      {{{"series", "x"}, {"downsample", "m4"}, {"format", "frames"}},
       "format=frames gives no points; leave downsample out"},
      {{{"series", "x"}, {"window", "1m"}}, "query: a window needs a step"},
      {{{"series", "x"}, {"hold", "1m"}}, "query: hold needs a step"},
      {{{"series", "x"}, {"step", "1m"}, {"window", "90s"}}, "query: the window is no multiple of the step"},
      {{{"series", "x"}, {"step", "1m"}, {"window", "30s"}}, "query: the window is no multiple of the step"},
      {{{"series", "x"}, {"step", "1s"}, {"window", "1001s"}}, "query: a window of more than 1000 steps"},
      {{{"series", "x"}, {"stats", "yes"}}, "stats: expected true or false"},
  };
  for (const Case& c : cases) {
    const auto parsed = parse_query_request(get(c.query), {});
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().message, c.message);
  }
  EXPECT_FALSE(parse_query_request(get({{"series", "x"}, {"from", "soon"}}), {}));
}

TEST(Matches, KnowsStars) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("boiler/*/temp", "boiler/7/temp"));
  EXPECT_TRUE(matches("*temp*", "a/temp/b"));
  EXPECT_FALSE(matches("boiler/*", "pump/1"));
  EXPECT_TRUE(matches("a*b*c", "aXbXbc"));
  EXPECT_FALSE(matches("a*b", "abX"));
}

}  // namespace
}  // namespace selvedge::net::api
