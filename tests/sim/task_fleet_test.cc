// Tasks of whole fleets through seeded trouble. A failure prints the command that repeats it.

#include <gtest/gtest.h>

#include "base/log.h"
#include "task_fleet.h"

namespace selvedge::sim {
namespace {

using namespace std::chrono_literals;

TaskFleetReport run(const TaskFleetOptions& options) {
  base::log::set_level(base::log::Level::off);
  return TaskFleet(options).run();
}

class SmallTaskFleet : public testing::TestWithParam<std::uint64_t> {};

TEST_P(SmallTaskFleet, RunsNothingTwiceAndLosesNothingThroughEveryTrouble) {
  const TaskFleetOptions options{.seed = GetParam(), .nodes = 12, .tasks = 4, .length = 4min, .trouble = std::array{1.0, 4.0, 10.0}[GetParam() % 3]};
  const TaskFleetReport report = run(options);
  EXPECT_TRUE(report.breaches.empty()) << options.command() << "\n" << report.text();
  EXPECT_GT(report.kills + report.cuts, 3U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SmallTaskFleet, testing::Range<std::uint64_t>(1, 13));

TEST(TaskFleet, OfAThousandNodesRunsNothingTwiceAndLosesNothing) {
  const TaskFleetOptions options{.seed = 1, .nodes = 1'000, .tasks = 2, .length = 60s, .trouble = 1};
  const TaskFleetReport report = run(options);
  EXPECT_TRUE(report.breaches.empty()) << options.command() << "\n" << report.text();
  EXPECT_GT(report.storm, 5U);
}

TEST(TaskFleet, StartsEachTaskOnceOnACalmDay) {
  const TaskFleetOptions options{.seed = 3, .nodes = 20, .tasks = 4, .length = 0s, .trouble = 0};
  const TaskFleetReport report = run(options);
  EXPECT_TRUE(report.breaches.empty()) << options.command() << "\n" << report.text();
  EXPECT_EQ(report.starts, report.wanted);
}

}  // namespace
}  // namespace selvedge::sim
