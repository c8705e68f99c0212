#include <gtest/gtest.h>

#include <signal.h>

#include <atomic>
#include <thread>
#include <vector>

#include "os/test_streams.h"
#include "os/timer_heap.h"

namespace selvedge::os {
namespace {

using namespace std::chrono_literals;

TEST(Loop, FiresTimersInOrderAndThoseOfOneMomentAsAdded) {
  TestWorld world;
  std::vector<int> fired;
  const base::Instant start = world.loop().now();
  world.loop().after(2ms, [&] { fired.push_back(3); });
  world.loop().after(1ms, [&] { fired.push_back(1); });
  world.loop().after(1ms, [&] { fired.push_back(2); });
  world.loop().after(3ms, [&] {
    EXPECT_GE(world.loop().now() - start, 3ms);
    world->stop();
  });

  EXPECT_EQ(world->run({}), 0);

  EXPECT_EQ(fired, (std::vector{1, 2, 3}));
}

TEST(Loop, DoesNotFireACancelledTimerNorMindsAnOldId) {
  TestWorld world;
  bool fired = false;
  const TimerId cancelled = world.loop().after(1ms, [&] { fired = true; });
  world.loop().cancel(cancelled);
  world.loop().cancel(cancelled);
  world.loop().cancel(TimerId::none);
  int others = 0;
  const TimerId first = world.loop().after(1ms, [&] { ++others; });  // takes the old one's place
  world.loop().cancel(cancelled);
  world.loop().after(2ms, [&] {
    world.loop().cancel(first);  // fired already
    world->stop();
  });
  world->run({});

  EXPECT_FALSE(fired);
  EXPECT_EQ(others, 1);
}

TEST(Loop, LetsATimerCancelAnotherThatIsDueAtTheSameTime) {
  TestWorld world;
  TimerId second{};
  bool fired = false;
  world.loop().after(1ms, [&] { world.loop().cancel(second); });
  second = world.loop().after(1ms, [&] { fired = true; });
  world.loop().after(2ms, [&] { world->stop(); });
  world->run({});
  EXPECT_FALSE(fired);
}

TEST(Loop, GivesOthersATurnBetweenTimersWithoutDelay) {
  TestWorld world;
  int rounds = 0;
  const base::Instant before = world.loop().now();
  std::vector<base::Instant> seen;
  std::function<void()> again = [&] {
    seen.push_back(world.loop().now());
    if (++rounds == 3) return world->stop();
    world.loop().after(-5s, again);
  };
  world.loop().after(0ms, again);
  world->run({});
  EXPECT_GE(seen[0], before);
  EXPECT_LT(seen[0], seen[1]);  // each in a turn of its own
  EXPECT_LT(seen[1], seen[2]);
}

TEST(TimerHeap, KeepsItsOrderUnderManyTimersAndCancellations) {
  TimerHeap heap;
  std::vector<std::int64_t> fired;
  std::vector<TimerId> ids;
  std::uint64_t random = 1;
  constexpr int count = 20'000;
  for (int i = 0; i < count; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const auto at = static_cast<std::int64_t>(random >> 44);
    ids.push_back(heap.add({at}, [&fired, at] { fired.push_back(at); }));
  }
  for (int i = 0; i < count; i += 3) heap.cancel(ids[static_cast<std::size_t>(i)]);
  EXPECT_EQ(heap.size(), static_cast<std::size_t>(count - (count + 2) / 3));

  while (const auto next = heap.next()) heap.fire(*next);

  EXPECT_EQ(fired.size(), static_cast<std::size_t>(count - (count + 2) / 3));
  EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end()));
}

TEST(Loop, RunsDeferredWorkAfterTheTurnsEventsAndBeforeOutputIsSent) {
  TestWorld world;
  Server server(world);
  std::vector<std::string> order;
  server.prepare = [&](End& end) {
    end.then_on_bytes = [&](Stream& stream, base::BytesView) {
      order.push_back("bytes");
      world.loop().defer([&] {
        order.push_back("deferred");
        EXPECT_EQ(stream.unsent(), 6u);
        world.loop().defer([&] { order.push_back("deferred by that"); });
      });
      stream.write(base::as_bytes("answer"));
    };
  };
  End client;
  connect(world, client, {"127.0.0.1", server.port()});
  client.stream->write(base::as_bytes("ask"));

  ASSERT_TRUE(world.run_until([&] { return client.received == "answer"; }));

  EXPECT_EQ(order, (std::vector<std::string>{"bytes", "deferred", "deferred by that"}));
}

TEST(Loop, RunsWhatOtherThreadsPostInTheirOrder) {
  TestWorld world;
  constexpr int each = 2000, threads = 3;
  std::vector<std::vector<int>> seen(threads);
  int total = 0;
  std::vector<std::thread> posters;
  for (int t = 0; t < threads; ++t)
    posters.emplace_back([&, t] {
      for (int i = 0; i < each; ++i)
        world.loop().post([&, t, i] {
          seen[static_cast<std::size_t>(t)].push_back(i);
          if (++total == each * threads) world->stop();
        });
    });
  world->run({});
  for (std::thread& poster : posters) poster.join();

  for (const auto& one : seen) {
    EXPECT_EQ(one.size(), static_cast<std::size_t>(each));
    EXPECT_TRUE(std::is_sorted(one.begin(), one.end()));
  }
}

TEST(Loop, RunsTheJobsOfALaneOneAfterTheOtherAndTheirEndsOnTheLoop) {
  TestWorld world;
  constexpr int each = 200;
  constexpr std::size_t lanes = 3;
  std::array<std::atomic<int>, lanes> running{};
  std::array<std::vector<int>, lanes> ran, done;
  std::atomic<bool> overlapped = false;
  std::size_t finished = 0;
  const auto loop_thread = std::this_thread::get_id();
  for (int i = 0; i < each; ++i)
    for (std::size_t lane = 0; lane < lanes; ++lane)
      world.loop().work(
          static_cast<std::uint32_t>(lane),
          [&, i, lane] {
            if (running[lane].fetch_add(1) != 0) overlapped = true;
            ran[lane].push_back(i);  // safe if and only if the lane is one after the other
            running[lane].fetch_sub(1);
            EXPECT_NE(std::this_thread::get_id(), loop_thread);
          },
          [&, i, lane] {
            EXPECT_EQ(std::this_thread::get_id(), loop_thread);
            done[lane].push_back(i);
            if (++finished == lanes * each) world->stop();
          });
  world->run({});

  EXPECT_FALSE(overlapped);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    EXPECT_TRUE(std::is_sorted(ran[lane].begin(), ran[lane].end()));
    EXPECT_EQ(ran[lane], done[lane]);
  }
  EXPECT_GE(world->stats().pool_threads, 1u);
  EXPECT_LE(world->stats().pool_threads, 4u);
}

TEST(Loop, RunsDifferentLanesInParallel) {
  TestWorld world;
  // Each job waits for the other to have begun: they end only if both run at once.
  std::atomic<int> begun = 0;
  int finished = 0;
  for (std::uint32_t lane = 0; lane < 2; ++lane)
    world.loop().work(
        lane,
        [&] {
          ++begun;
          while (begun < 2) std::this_thread::yield();
        },
        [&] {
          if (++finished == 2) world->stop();
        });
  world->run({});
  EXPECT_EQ(finished, 2);
}

TEST(Loop, StartsNoThreadUntilThereIsWork) {
  TestWorld world;
  world.run_turns(3);
  EXPECT_EQ(world->stats().pool_threads, 0u);
}

TEST(Loop, WaitsForRunningJobsAndDropsTheRestWhenItGoes) {
  std::atomic<int> ran = 0;
  bool done = false;
  {
    TestWorld world;
    std::atomic<bool> begun = false;
    world.loop().work(
        1,
        [&] {
          begun = true;
          for (int i = 0; i < 1000; ++i) std::this_thread::yield();
          ++ran;
        },
        [&] { done = true; });
    world.loop().work(1, [&] { ran += 100; }, {});
    while (!begun) std::this_thread::yield();
  }
  EXPECT_EQ(ran % 100, 1);
  EXPECT_FALSE(done);
}

TEST(Loop, DropsWhatWaitsEvenIfThatOwnsStreams) {
  TestWorld world;
  const Server server(world);
  End client;
  connect(world, client, {"127.0.0.1", server.port()});
  ASSERT_TRUE(world.run_until([&] { return client.open; }));
  auto owned = std::make_shared<std::unique_ptr<Stream>>(std::move(client.stream));
  world.loop().after(1h, [owned] {});
  world.loop().post([owned] {});
  world.loop().defer([owned] {});
}

TEST(World, ReturnsTheSignalThatArrivedAndKeepsOneThatComesBetweenRuns) {
  TestWorld world;
  const std::array signals = {SIGUSR1, SIGUSR2};
  world.loop().after(0ms, [] { ::kill(::getpid(), SIGUSR1); });
  EXPECT_EQ(world->run(signals), SIGUSR1);
  ::kill(::getpid(), SIGUSR2);
  EXPECT_EQ(world->run(signals), SIGUSR2);
  world->stop();
  EXPECT_EQ(world->run(signals), 0);
}

TEST(World, MakesNumbersThatDiffer) {
  TestWorld world;
  EXPECT_NE(world->random_u64(), world->random_u64());
  for (int i = 0; i < 100; ++i) {
    const double unit = world->random_unit();
    EXPECT_GE(unit, 0.0);
    EXPECT_LT(unit, 1.0);
  }
}

}  // namespace
}  // namespace selvedge::os
