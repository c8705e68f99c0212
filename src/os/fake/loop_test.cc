#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "os/fake/simulation.h"

namespace selvedge::os::fake {
namespace {

using namespace std::chrono_literals;

TEST(FakeLoop, RunsTimersInOrderOfTime) {
  Simulation sim(1);
  Loop& loop = sim.machine("a").loop();
  std::string order;
  const base::Instant start = loop.now();
  loop.after(20ms, [&] { order += "b"; });
  loop.after(10ms, [&] { order += "a"; });
  const TimerId cancelled = loop.after(15ms, [&] { order += "x"; });
  loop.after(20ms, [&] { order += "c"; });
  loop.cancel(cancelled);
  loop.cancel(cancelled);
  loop.cancel(TimerId::none);
  sim.run_for(19ms);
  EXPECT_EQ(order, "a");
  sim.run_for(1ms);
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(loop.now() - start, 20ms);
}

TEST(FakeLoop, RunsDeferredCallsAfterTheEventsOfATurn) {
  Simulation sim(1);
  Loop& loop = sim.machine("a").loop();
  std::string order;
  loop.after(1ms, [&] {
    order += "1";
    loop.defer([&] {
      order += "d";
      loop.defer([&] { order += "e"; });
    });
    loop.post([&] { order += "p"; });
  });
  loop.after(1ms, [&] { order += "2"; });
  sim.run_for(1ms);
  EXPECT_EQ(order, "12dep");
}

TEST(FakeLoop, RunsWhatIsDeferredOutsideOfATurn) {
  Simulation sim(1);
  bool ran = false;
  sim.machine("a").loop().defer([&] { ran = true; });
  EXPECT_FALSE(ran);
  sim.run_for(0s);
  EXPECT_TRUE(ran);
}

TEST(FakeLoop, KeepsTheOrderOfALaneAndCallsDoneLater) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Simulation sim(seed);
    Loop& loop = sim.machine("a").loop();
    std::vector<int> jobs, dones;
    for (int i = 0; i < 10; ++i)
      loop.work(7, [&, i] { jobs.push_back(i); }, [&, i] { dones.push_back(i); });
    EXPECT_TRUE(dones.empty());
    sim.run_for(1s);
    EXPECT_EQ(jobs, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})) << seed;
    EXPECT_EQ(dones, jobs) << seed;
  }
}

TEST(FakeLoop, RunsDifferentLanesSideBySide) {
  Simulation sim(3);
  Machine& machine = sim.machine("a");
  machine.disk().model.sync_latency = 100ms;
  auto dir = machine.directory("data", true).value();
  auto file = std::shared_ptr<File>(dir->open("f", Open::create).value());
  int done = 0;
  for (std::uint32_t lane = 0; lane < 8; ++lane)
    machine.loop().work(lane, [=] { EXPECT_TRUE(file->sync()); }, [&] { ++done; });
  sim.run_for(49ms);
  EXPECT_EQ(done, 0);
  sim.run_for(252ms);
  EXPECT_EQ(done, 8);
  EXPECT_EQ(machine.disk().stats().syncs_on_loop, 0u);
}

TEST(FakeLoop, GivesEachLifeAMonotonicClockOfItsOwn) {
  Simulation sim(9);
  Machine& machine = sim.machine("a");
  const base::Instant before = machine.loop().now();
  machine.crash();
  machine.restart();
  EXPECT_NE(machine.loop().now(), before);
}

TEST(FakeClock, JumpsAndDriftsWithoutTouchingTheMonotonicClock) {
  Simulation sim(1);
  Machine& machine = sim.machine("a");
  const base::Instant start = machine.loop().now();
  const base::Time wall = machine.loop().wall_now();
  EXPECT_EQ(base::to_iso8601(wall), "2026-01-01T00:00:00Z");
  bool fired = false;
  machine.loop().after(1s, [&] { fired = true; });
  machine.jump_wall(-1h);
  EXPECT_EQ(machine.loop().wall_now() - wall, -1h);
  EXPECT_EQ(machine.loop().now(), start);
  sim.run_for(1s);
  EXPECT_TRUE(fired);
  machine.set_wall(wall);
  machine.set_drift(100);
  sim.run_for(10'000s);
  EXPECT_EQ(machine.loop().wall_now() - wall, 10'001s);
  EXPECT_EQ(sim.machine("b").wall_now() - wall, 10'001s);  // never jumped
  machine.set_drift(0);
  sim.run_for(1s);
  EXPECT_EQ(machine.loop().wall_now() - wall, 10'002s);
}

}  // namespace
}  // namespace selvedge::os::fake
