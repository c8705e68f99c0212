#include "model/cron.h"

#include <gtest/gtest.h>

#include <random>

namespace selvedge::model {
namespace {

std::string next(std::string_view schedule, std::string_view after) {
  const auto cron = Cron::parse(schedule);
  if (!cron) return cron.error().message;
  const auto time = cron->next_after(base::parse_time(after).value());
  return time ? base::to_iso8601(*time) : "never";
}

TEST(Cron, FindsTheNextTime) {
  EXPECT_EQ(next("* * * * *", "2026-03-01T12:00:00Z"), "2026-03-01T12:01:00Z");
  EXPECT_EQ(next("* * * * *", "2026-03-01T12:00:59.999Z"), "2026-03-01T12:01:00Z");
  EXPECT_EQ(next("*/15 * * * *", "2026-03-01T12:15:00Z"), "2026-03-01T12:30:00Z");
  EXPECT_EQ(next("5 4 * * *", "2026-12-31T04:05:00Z"), "2027-01-01T04:05:00Z");
  EXPECT_EQ(next("0 22 * * 1-5", "2026-03-06T22:00:00Z"), "2026-03-09T22:00:00Z");
  EXPECT_EQ(next("30 8-18/5 * * *", "2026-03-01T08:31:00Z"), "2026-03-01T13:30:00Z");
  EXPECT_EQ(next("1,2,40-42 0 * * *", "2026-03-01T00:02:00Z"), "2026-03-01T00:40:00Z");
}

TEST(Cron, KnowsNamesAndBothSundays) {
  EXPECT_EQ(next("0 0 * * sun", "2026-03-02T00:00:00Z"), "2026-03-08T00:00:00Z");
  EXPECT_EQ(next("0 0 * * 7", "2026-03-02T00:00:00Z"), "2026-03-08T00:00:00Z");
  EXPECT_EQ(next("0 0 * * 5-7", "2026-03-07T00:00:00Z"), "2026-03-08T00:00:00Z");
  EXPECT_EQ(next("0 0 1 JAN,Jul *", "2026-03-02T00:00:00Z"), "2026-07-01T00:00:00Z");
}

TEST(Cron, TakesEitherDayIfBothAreLimited) {
  EXPECT_EQ(next("0 0 13 * fri", "2026-03-01T00:00:00Z"), "2026-03-06T00:00:00Z");
  EXPECT_EQ(next("0 0 13 * fri", "2026-03-06T00:00:00Z"), "2026-03-13T00:00:00Z");
  EXPECT_EQ(next("0 0 13 * *", "2026-03-01T00:00:00Z"), "2026-03-13T00:00:00Z");
  EXPECT_EQ(next("0 0 */2 * mon", "2026-03-01T00:00:00Z"), "2026-03-09T00:00:00Z");
}

TEST(Cron, WaitsForLeapYears) {
  EXPECT_EQ(next("0 12 29 2 *", "2026-01-01"), "2028-02-29T12:00:00Z");
  EXPECT_EQ(next("0 12 29 2 *", "2096-03-01"), "2104-02-29T12:00:00Z");
  EXPECT_EQ(next("0 0 29 feb */7", "2088-03-01"), "2128-02-29T00:00:00Z") << "the longest gap there is";
}

TEST(Cron, StopsWhereTimeDoes) {
  EXPECT_EQ(Cron::parse("0 0 1 1 *")->next_after({INT64_MAX - 1}), std::nullopt);
  EXPECT_TRUE(Cron::parse("* * * * *")->next_after({INT64_MIN}));
  EXPECT_EQ(base::to_iso8601(*Cron::parse("0 0 * * *")->next_after({-1})), "1970-01-01T00:00:00Z");
}

TEST(Cron, SaysWhatIsWrong) {
  EXPECT_EQ(next("* * * *", "2026-01-01"), "a schedule has five fields: minute hour day month weekday");
  EXPECT_EQ(next("60 * * * *", "2026-01-01"), "'60' is no minute (0 to 59)");
  EXPECT_EQ(next("* * 0 * *", "2026-01-01"), "'0' is no day (1 to 31)");
  EXPECT_EQ(next("* * * jam *", "2026-01-01"), "'jam' is no month (1 to 12)");
  EXPECT_EQ(next("* 9-5 * * *", "2026-01-01"), "'9-5' begins after its end");
  EXPECT_EQ(next("*/0 * * * *", "2026-01-01"), "the step of '*/0' is not from 1 to 59");
  EXPECT_EQ(next("5/5 * * * *", "2026-01-01"), "the step of '5/5' needs a range or *");
  EXPECT_EQ(next("0 0 30 2 *", "2026-01-01"), "the schedule names a day that never comes");
  EXPECT_EQ(next("1,,2 * * * *", "2026-01-01"), "'' is no minute (0 to 59)");
  EXPECT_FALSE(Cron::parse(std::string(300, '*')));
  EXPECT_FALSE(Cron::parse(""));
}

// Against counting minute by minute.
TEST(Cron, AgreesWithLookingAtEveryMinute) {
  std::mt19937 random(7);
  for (int round = 0; round < 40; ++round) {
    const std::string schedule = std::to_string(random() % 60) + ",*/" + std::to_string(17 + random() % 30) + " " +
                                 std::to_string(random() % 12) + "-" + std::to_string(12 + random() % 12) + " * * " +
                                 std::to_string(random() % 7);
    const auto cron = Cron::parse(schedule);
    ASSERT_TRUE(cron) << schedule;
    const std::int64_t minute = 60'000'000'000;
    const base::Time start{(29'000'000 + static_cast<std::int64_t>(random() % 1'000'000)) * minute};
    const auto found = cron->next_after(start);
    ASSERT_TRUE(found);
    for (base::Time t = start + std::chrono::minutes(1); t < *found; t = t + std::chrono::minutes(1))
      ASSERT_EQ(cron->next_after(t), found) << schedule;
    EXPECT_EQ(cron->next_after(*found - base::Duration(1)), found);
    EXPECT_EQ(found->ns % minute, 0);
  }
}

}  // namespace
}  // namespace selvedge::model
