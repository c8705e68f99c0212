// Whole fleets through seeded trouble. A failure prints the command that repeats it.

#include <gtest/gtest.h>

#include <array>

#include "base/log.h"
#include "fleet.h"

namespace selvedge::sim {
namespace {

using namespace std::chrono_literals;

FleetReport run(const FleetOptions& options) {
  base::log::set_level(base::log::Level::off);
  return Fleet(options).run();
}

class SmallFleet : public testing::TestWithParam<std::uint64_t> {};

TEST_P(SmallFleet, DeliversEachAcknowledgedReadingOnceThroughEveryTrouble) {
  // From now and then to hardly ever well.
  const double trouble = std::array{2, 5, 12, 30}[GetParam() % 4];
  const FleetOptions options{.seed = GetParam(), .nodes = 4, .devices = 24, .length = 90s,
                             .trouble = trouble};
  const FleetReport report = run(options);
  EXPECT_TRUE(report.breaches.empty()) << options.command() << "\n" << report.text();
  EXPECT_GT(report.acknowledged, 100u);
  EXPECT_GT(report.crashes, 5u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SmallFleet, testing::Range<std::uint64_t>(1, 25));

TEST(Fleet, DeliversEverythingOnACalmDay) {
  const FleetOptions options{.seed = 1, .nodes = 3, .devices = 12, .length = 30s, .trouble = 0};
  const FleetReport report = run(options);
  EXPECT_TRUE(report.breaches.empty()) << options.command() << "\n" << report.text();
  EXPECT_EQ(report.acknowledged, report.published);
  EXPECT_EQ(report.stored, report.published);
  EXPECT_EQ(report.duplicate_blocks, 0u);
  EXPECT_EQ(report.refused_batches, 0u);
}

TEST(Fleet, OfAHundredNodesAndAThousandDevicesDeliversEachAcknowledgedReadingOnce) {
  const FleetOptions options{.seed = 100, .nodes = 100, .devices = 1000, .length = 30s,
                             .trouble = 2};
  const FleetReport report = run(options);
  EXPECT_TRUE(report.breaches.empty()) << options.command() << "\n" << report.text();
  EXPECT_GT(report.acknowledged, 10'000u);
}

TEST(Fleet, HasTheSameHistoryForTheSameSeed) {
  const FleetOptions options{.seed = 5, .nodes = 2, .devices = 6, .length = 20s, .trouble = 3};
  const FleetReport once = run(options), again = run(options);
  EXPECT_EQ(once.trace_hash, again.trace_hash);
  EXPECT_EQ(once.text(), again.text());
}

}  // namespace
}  // namespace selvedge::sim
