#include "engine/admission/storm.h"

#include <gtest/gtest.h>

namespace selvedge::engine {
namespace {

using namespace std::chrono_literals;

std::string tell(const StormOutcome& o) {
  const auto seconds = [](base::Duration d) { return std::chrono::duration<double>(d).count(); };
  return "floor " + std::to_string(seconds(o.floor)) + " s, half in " +
         std::to_string(seconds(o.half_in)) + " s, all in " + std::to_string(seconds(o.all_in)) +
         " s, longest request " + std::to_string(seconds(o.longest_request)) + " s, attempts " +
         std::to_string(o.attempts) + ", dismissed " + std::to_string(o.dismissed) + ", wasted " +
         std::to_string(o.wasted) + " = " + std::to_string(seconds(o.cpu_wasted)) + " s";
}

void expect_in_time(const StormPlan& plan) {
  const StormOutcome outcome = run_storm(plan);
  SCOPED_TRACE(tell(outcome));
  EXPECT_TRUE(outcome.finished);
  EXPECT_LE(outcome.times_floor(), 2.0);
  EXPECT_LE(outcome.longest_request, 1s);
}

TEST(Storm, TenThousandNodesAreBackWithinTwiceTheCpuFloor) {
  for (const auto cost : {1500us, 800us})
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
      StormPlan plan;
      plan.handshake = cost;
      plan.seed = seed;
      expect_in_time(plan);
    }
}

TEST(Storm, ASlowNetworkChangesLittle) {
  StormPlan plan;
  plan.round_trip = 600ms;
  expect_in_time(plan);
}

TEST(Storm, OldestFirstSendsNobodyAwayWhereNewestFirstDoes) {
  StormPlan oldest, newest;
  newest.limits.order = HandshakeLimits::Order::newest_first;
  const StormOutcome o = run_storm(oldest), n = run_storm(newest);
  SCOPED_TRACE("oldest first: " + tell(o) + "\nnewest first: " + tell(n));
  EXPECT_LE(o.all_in, n.all_in);
  EXPECT_EQ(o.dismissed, 0u);
  EXPECT_GT(n.dismissed, 1'000u);
}

TEST(Storm, WithoutADeadlineAndDeafToHangUpsHandshakesAreWasted) {
  StormPlan careful, careless;
  careful.nodes = careless.nodes = 5'000;
  careful.handshake = careless.handshake = 8ms;   // a small machine
  careless.limits.deadline = 1h;
  careless.sees_hang_ups = false;
  const StormOutcome with = run_storm(careful), without = run_storm(careless);
  SCOPED_TRACE("careful: " + tell(with) + "\ncareless: " + tell(without));
  EXPECT_LT(with.cpu_wasted, without.cpu_wasted / 10);
}

TEST(Storm, AStatedRateIsKept) {
  StormPlan plan;
  plan.nodes = 2'000;
  plan.limits.per_second = 200;
  const StormOutcome outcome = run_storm(plan);
  EXPECT_TRUE(outcome.finished);
  EXPECT_GE(outcome.all_in, 9s);
}

}  // namespace
}  // namespace selvedge::engine
