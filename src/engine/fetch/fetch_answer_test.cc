#include "engine/fetch/fetch_answer.h"

#include <gtest/gtest.h>

namespace selvedge::engine {
namespace {

using Is = FetchVerdict::Is;

TEST(FetchAnswer, ReadsContentRangeStrictly) {
  const auto range = parse_content_range("bytes 10-19/100");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 10u);
  EXPECT_EQ(range->last, 19u);
  EXPECT_EQ(range->size, 100u);
  for (const char* bad :
       {"", "bytes", "bytes ", "bytes 10-19", "bytes 10-19/", "bytes 10-19/*", "bytes */100",
        "bytes 19-10/100", "bytes 10-100/100", "bytes -19/100", "bytes 10-/100", "bytes +1-19/100",
        "bytes 10-19/100 ", "bytes  10-19/100", "Bytes 10-19/100", "octets 10-19/100",
        "bytes 0x1-19/100", "bytes 10/19-100", "bytes 0-18446744073709551616/18446744073709551617",
        "bytes 10-19/100,20-29/100"})
    EXPECT_FALSE(parse_content_range(bad)) << bad;
}

TEST(FetchAnswer, TakesTheRangeThatWasAskedForAndNothingElse) {
  struct Case {
    int status;
    const char* range;
    std::optional<std::uint64_t> length;
    Is is;
  };
  const Case cases[] = {
      {206, "bytes 10-19/100", 10, Is::good},
      {206, "bytes 10-19/100", std::nullopt, Is::good},
      {206, "bytes 10-19/100", 11, Is::nonsense},
      {206, "bytes 10-19/100", 1ULL << 63, Is::nonsense},
      {206, "bytes 0-19/100", 20, Is::nonsense},
      {206, "bytes 10-18/100", 9, Is::nonsense},
      {206, "bytes 10-20/100", 11, Is::nonsense},
      {206, "", 10, Is::nonsense},
      {206, "bytes 10-19/101", 10, Is::hopeless},
      {200, "", 100, Is::nonsense},
      {204, "", 0, Is::hopeless},
      {302, "", 0, Is::hopeless},
      {400, "", 0, Is::hopeless},
      {401, "", 0, Is::hopeless},
      {403, "", 0, Is::hopeless},
      {404, "", 0, Is::hopeless},
      {416, "bytes */5", 0, Is::hopeless},
      {429, "", 0, Is::later},
      {500, "", 0, Is::later},
      {503, "", 0, Is::later},
      {0, "", 0, Is::hopeless},
  };
  for (const Case& c : cases) {
    const auto verdict = judge({c.status, c.range, "", c.length}, 10, 19, 100);
    EXPECT_EQ(verdict.is, c.is) << c.status << " " << c.range;
    EXPECT_EQ(verdict.why.message.empty(), c.is == Is::good);
  }
  EXPECT_EQ(judge({200, "", "", 100}, 0, 99, 100).is, Is::good);
  EXPECT_EQ(judge({200, "", "", 99}, 0, 99, 100).is, Is::nonsense);
}

TEST(FetchAnswer, WaitsAsLongAsTheServerAsksButNotForEver) {
  const auto pause = [](const char* text) { return judge({503, "", text, {}}, 0, 9, 10).at_least; };
  EXPECT_EQ(pause("7"), std::chrono::seconds(7));
  EXPECT_EQ(pause("999999999"), std::chrono::hours(1));
  EXPECT_EQ(pause("-7"), std::chrono::seconds(0));
  EXPECT_EQ(pause("Wed, 25 Nov 2026 18:07:05 GMT"), std::chrono::seconds(0));
}

}  // namespace
}  // namespace selvedge::engine
