// Cron, and clocks that leap.

#include <gtest/gtest.h>

#include "engine/task/supervisor_fixture.h"

namespace selvedge::engine {
namespace {

using model::TaskState;

class SupervisorSchedule : public SupervisorTest {
 protected:
  static std::string every(const std::string& schedule) {
    return R"({"mode":"cron","command":["x"],"schedule":")" + schedule + "\"}";
  }
  // Runs what is started at once, for `lasts`, and gives the moments of the starts.
  std::vector<std::string> starts(base::Duration time) {
    std::vector<std::string> all;
    const base::Instant end = now_ + time;
    while (now_ < end) {
      const base::Duration next = std::min<base::Duration>(1s, end - now_);
      pass(next);
      if (out_.starts.empty()) continue;
      all.push_back(base::to_iso8601(wall_).substr(11, 8));
      started("a");
      exited("a", status_of_runs_);
    }
    return all;
  }
  std::int32_t status_of_runs_ = 0;
};

TEST_F(SupervisorSchedule, RunsAtItsTimes) {
  begin();
  wish("a", every("*/20 * * * *"));
  EXPECT_EQ(out_.prepares.size(), 1u) << "ahead of its time";
  prepared("a");
  EXPECT_EQ(reason("a"), "next run at 2026-03-01T12:20:00Z");
  EXPECT_EQ(starts(1h), (std::vector<std::string>{"12:20:00", "12:40:00", "13:00:00"}));
  EXPECT_EQ(state("a"), TaskState::waiting);
}

TEST_F(SupervisorSchedule, AFailedRunWaitsForTheNextTime) {
  begin();
  wish("a", every("0 * * * *"));
  prepared("a");
  status_of_runs_ = 4;
  EXPECT_EQ(starts(3h).size(), 3u);
  EXPECT_EQ(reason("a"), "exit status 4; next run at 2026-03-01T16:00:00Z");
}

TEST_F(SupervisorSchedule, DoesNotOverlapAndLeavesOutWhatPassesDuringARun) {
  begin();
  wish("a", every("*/10 * * * *"));
  prepared("a");
  pass(10min);
  ASSERT_EQ(out_.starts.size(), 1u);
  started("a");
  pass(25min);
  EXPECT_TRUE(out_.starts.empty());
  exited("a", 0);
  EXPECT_TRUE(out_.starts.empty());
  EXPECT_EQ(supervisor_->stats().skipped, 2u);
  pass(4min);
  EXPECT_TRUE(out_.starts.empty());
  pass(1min);
  EXPECT_EQ(out_.starts.size(), 1u);
}

TEST_F(SupervisorSchedule, MakesUpOnceForTimesThatPassedWhileTheNodeWasOff) {
  begin();
  wish("a", every("*/10 * * * *"));
  prepared("a");
  EXPECT_EQ(starts(10min).size(), 1u);
  restart();
  move(5h);
  wish("a", every("*/10 * * * *"));
  begin();
  prepared("a");
  EXPECT_EQ(out_.starts.size(), 1u);
  started("a");
  exited("a", 0);
  EXPECT_EQ(starts(10min).size(), 1u);
}

TEST_F(SupervisorSchedule, ATimeIsUsedOnceOverARestart) {
  begin();
  wish("a", every("0 * * * *"));
  prepared("a");
  pass(1h);
  ASSERT_EQ(out_.starts.size(), 1u);
  restart();                                     // killed before anything was started
  wish("a", every("0 * * * *"));
  begin();
  EXPECT_EQ(state("a"), TaskState::waiting);
  prepared("a");
  EXPECT_TRUE(out_.starts.empty());
  // A time that came and could not be used yet is not lost.
  pass(50min);
  unwish("a");
  wish("b", every("0 * * * *"));
  pass(10min);
  EXPECT_TRUE(out_.starts.empty());
  restart();
  wish("b", every("0 * * * *"));
  begin();
  prepared("b");
  EXPECT_EQ(out_.starts.size(), 1u);
}

TEST_F(SupervisorSchedule, AClockThatLeapsAheadRunsOnce) {
  wall_ = base::parse_time("1970-01-01T00:05:00Z").value();
  begin();
  wish("a", every("0 * * * *"));
  prepared("a");
  wall_ = base::parse_time("2026-03-01T12:30:00Z").value();
  pass(1min);                                    // it is looked at at least so often
  EXPECT_EQ(out_.starts.size(), 1u);
  started("a");
  exited("a", 0);
  EXPECT_EQ(starts(1h).size(), 1u);
}

TEST_F(SupervisorSchedule, AClockThatGoesBackALittleRepeatsNothing) {
  begin();
  wish("a", every("0 * * * *"));
  prepared("a");
  EXPECT_EQ(starts(1h + 1s).size(), 1u);
  wall_ = wall_ - 3min;
  EXPECT_EQ(starts(10min).size(), 0u);
  EXPECT_EQ(starts(54min).size(), 1u);
}

TEST_F(SupervisorSchedule, AClockThatGoesBackFarBeginsAnew) {
  begin();
  wish("a", every("0 * * * *"));
  prepared("a");
  wall_ = base::parse_time("2027-01-01T00:30:00Z").value();
  EXPECT_EQ(starts(2min).size(), 1u);
  wall_ = base::parse_time("2026-03-01T12:30:00Z").value();
  EXPECT_EQ(starts(2h).size(), 2u) << "it does not wait for the year 2027";
}

TEST_F(SupervisorSchedule, AnotherScheduleCountsFromNowAndEndsNoRun) {
  begin();
  wish("a", every("0 * * * *"));
  prepared("a");
  pass(1h);
  started("a");
  wish("a", every("*/30 * * * *"));
  EXPECT_TRUE(out_.signals.empty());
  exited("a", 0);
  EXPECT_EQ(starts(1h), (std::vector<std::string>{"13:30:00", "14:00:00"}));
}

TEST_F(SupervisorSchedule, WantOfRoomDoesNotUseUpATime) {
  begin();
  wish("a", every("0 0 * * *"));
  prepared("a");
  pass(12h);
  say(TaskNotStarted{"a", run_["a"], TaskOutcome::unavailable, "no memory left"});
  pass(1min);
  EXPECT_EQ(out_.starts.size(), 1u);
}

}  // namespace
}  // namespace selvedge::engine
