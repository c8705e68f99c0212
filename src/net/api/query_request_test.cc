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
           {"step", "5m"}, {"agg", "mean,max"}, {"limit", "10"}, {"format", "csv"}}),
      now);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->series, "boiler/temp");
  EXPECT_EQ(parsed->node, "n1");
  EXPECT_EQ(base::to_iso8601(parsed->range.from), "2026-03-01T11:00:00Z");
  EXPECT_EQ(parsed->range.to, now);
  EXPECT_EQ(parsed->range.step, base::Duration(std::chrono::minutes(5)));
  EXPECT_EQ(parsed->range.aggregates.size(), 2u);
  EXPECT_EQ(parsed->range.rows, 10u);
  EXPECT_TRUE(parsed->csv);
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
