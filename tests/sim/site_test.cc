// A site without its cloud: who is lost is made up for within two seconds, nothing runs twice, and nothing that is well
// starts again when all are back.

#include <algorithm>

#include "site_fixture.h"

namespace selvedge::sim {
namespace {

using os::fake::Crash;
using os::fake::Cut;

constexpr Crash program_only{Crash::Disk::keeps_written, Crash::Peers::reset};

class SiteOfThree : public SiteTest {
 protected:
  void three_tasks() {
    build(3);
    submit("web", 3);
    ASSERT_TRUE(until([&] { return runs().size() == 3; }, 1min));
    pass(10s);
  }
  std::string task_on(std::size_t i) {
    for (const auto& [task, node] : runs())
      if (node == i) return task;
    return "";
  }
  // From now until `task` runs again.
  base::Duration until_runs(const std::string& task) {
    const base::Instant from = sim.now();
    EXPECT_TRUE(until([&] { return where(task) >= 0; }, 1min)) << task;
    return sim.now() - from;
  }
  void cut_cloud(bool is_cut) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (is_cut) sim.link(name(i), "cloud").cut(Cut::silent);
      else sim.link(name(i), "cloud").mend();
    }
  }
};

TEST_F(SiteOfThree, RunsWhatTheCloudWishesWhereTheCloudWishesIt) {
  three_tasks();
  std::set<std::size_t> used;
  for (const auto& [task, i] : runs()) used.insert(i);
  EXPECT_EQ(used.size(), 3u);
  EXPECT_EQ(starts(), 3u);
  const auto status = get("/api/v1/jobs/web");
  EXPECT_EQ(status["running"].integer(), 3);
  EXPECT_EQ(ask("DELETE", "/api/v1/jobs/web").status, 204);
  EXPECT_TRUE(until([&] { return runs().empty(); }, 1min));
  pass(10s);
  EXPECT_TRUE(runs().empty()) << "nobody takes over what the cloud withdrew";
}

TEST_F(SiteOfThree, HealsTheLossOfANodeWithinTwoSecondsWithoutTheCloud) {
  three_tasks();
  for (int round = 0; round < 4; ++round) {
    if (round % 2 == 0) cut_cloud(true);
    else kill_cloud();
    pass(20s + round * 137ms);
    const std::string task = task_on(0).empty() ? "web.g.0" : task_on(0);
    const auto lost = static_cast<std::size_t>(where(task));
    const auto there = runs();
    const auto moved = std::ranges::count_if(there, [&](const auto& run) { return run.second == lost; });
    const std::uint64_t after = starts() + static_cast<std::uint64_t>(moved);
    kill(lost);
    EXPECT_LE(until_runs(task), 2s);
    pass(10s);
    EXPECT_EQ(starts(), after) << "one run each";
    restart(lost);
    pass(20s);
    EXPECT_NE(where(task), static_cast<int>(lost)) << "where it came to, it stays";
    if (round % 2 == 0) cut_cloud(false);
    else restart_cloud();
    pass(1min);
    EXPECT_EQ(starts(), after) << "nothing that is well starts again";
    EXPECT_EQ(runs().size(), 3u);
    EXPECT_EQ(place("web", task.back() - '0'), name(static_cast<std::size_t>(where(task))) + " running") << "the cloud follows";
  }
}

TEST_F(SiteOfThree, ANodeThatIsCutOffEndsWhatItHasBeforeItRunsElsewhere) {
  three_tasks();
  const std::string task = task_on(0);
  for (const char* other : {"n1", "n2", "cloud"}) sim.link("n0", other).cut(Cut::silent);
  ASSERT_TRUE(until([&] { return where(task) != 0; }, 5s));
  EXPECT_LE(until_runs(task), 1s);
  pass(30s);
  for (const char* other : {"n1", "n2", "cloud"}) sim.link("n0", other).mend();
  const std::uint64_t before = starts();
  pass(2min);
  EXPECT_EQ(starts(), before);
  EXPECT_EQ(runs().size(), 3u);
}

TEST_F(SiteOfThree, AProgramThatStartsAgainAtOnceEndsWhatItFinds) {
  three_tasks();
  const std::string task = task_on(1);
  cut_cloud(true);
  pass(5s);
  kill(1, program_only);
  pass(200ms);
  EXPECT_EQ(where(task), 1) << "it goes on meanwhile";
  restart(1);
  ASSERT_TRUE(until([&] { return where(task) < 0; }, 5s));
  EXPECT_LE(until_runs(task), 5s);
  pass(1min);
  EXPECT_EQ(runs().size(), 3u);
}

TEST_F(SiteOfThree, TwoOfThreeAreNotHealed) {
  three_tasks();
  cut_cloud(true);
  pass(1s);
  kill(0);
  kill(1);
  pass(1min);
  EXPECT_TRUE(runs().empty()) << "the one that is left cannot know that it is the only one";
  restart(0);
  EXPECT_TRUE(until([&] { return runs().size() == 3; }, 1min));
}

TEST_F(SiteOfThree, TasksAreTakenOverFromWhoeverTookThemOver) {
  three_tasks();
  cut_cloud(true);
  pass(1s);
  const std::string task = task_on(0);
  kill(0);
  EXPECT_LE(until_runs(task), 2s);
  const auto second = static_cast<std::size_t>(where(task));
  restart(0);
  pass(10s);
  kill(second);
  EXPECT_LE(until_runs(task), 2s);
}

TEST_F(SiteOfThree, WhatTheCloudWithdrewFromALostNodeEndsWhereItWasTakenOver) {
  three_tasks();
  sim.link("n0", "cloud").cut(Cut::silent);
  pass(1min);
  const std::string task = task_on(0);
  kill(0);
  EXPECT_LE(until_runs(task), 2s);
  pass(10s);
  EXPECT_EQ(ask("DELETE", "/api/v1/jobs/web").status, 204);
  EXPECT_TRUE(until([&] { return runs().empty(); }, 2min));
  pass(1min);
  EXPECT_TRUE(runs().empty());
}

TEST_F(SiteOfThree, ATaskGoesOnlyWhereItsArtifactsAre) {
  constexpr std::size_t without = 1;
  build(3, without);
  ASSERT_EQ(ask("POST", "/api/v1/nodes/" + name(without) + "/cordon").status, 200);
  submit("web", 1, program, R"(,"artifacts":[{"name":"data","version":1}])");
  ASSERT_TRUE(until([&] { return runs().size() == 1; }, 2min));
  pass(10s);
  const auto holder = static_cast<std::size_t>(where("web.g.0")), other = 3 - holder - without;
  ASSERT_NE(holder, without);
  cut_cloud(true);
  kill(holder);
  EXPECT_LE(until_runs("web.g.0"), 2s);
  EXPECT_EQ(where("web.g.0"), static_cast<int>(other));
  // Of the two that are left the one without it does not run it.
  kill(other);
  restart(holder);
  EXPECT_TRUE(until([&] { return where("web.g.0") >= 0; }, 1min));
  EXPECT_EQ(where("web.g.0"), static_cast<int>(holder));
}

TEST_F(SiteOfThree, ANodeThatIsStoppedEndsItsTasksAndOthersRunThem) {
  three_tasks();
  cut_cloud(true);
  const std::string task = task_on(2);
  bool stopped = false;
  nodes[2]->stop([&] { stopped = true; });
  ASSERT_TRUE(until([&] { return stopped; }, 1min));
  EXPECT_NE(where(task), 2);
  kill(2);
  EXPECT_LE(until_runs(task), 3s);
}

TEST_F(SiteOfThree, AJobThatIsNoMoreTheSitesIsLeftToTheCloud) {
  three_tasks();
  const auto answer = ask("PUT", "/api/v1/jobs/web",
                          R"({"name":"web","update":{"parallel":3,"healthy":"1s"},"groups":[{"name":"g","count":3,"spread":"node","task":{"command":["/bin/other"]}}]})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  pass(1min);
  EXPECT_EQ(runs().size(), 3u);
  kill(0);
  pass(1min);
  EXPECT_EQ(runs().size(), 2u) << "nobody takes it over";
  restart(0);
  EXPECT_TRUE(until([&] { return runs().size() == 3; }, 1min));
}

TEST_F(SiteOfThree, TwoNodesAreNoSiteAndRunWhatTheCloudWishes) {
  build(2);
  submit("web", 2);
  EXPECT_TRUE(until([&] { return runs().size() == 2; }, 1min));
  kill(0);
  pass(1min);
  EXPECT_EQ(runs().size(), 1u) << "the one that is left goes on";
}

// Cuts, losses, programs that start again at once and changes of the cloud, at random.
class SiteLife : public SiteTest, public testing::WithParamInterface<std::uint64_t> {
 protected:
  SiteLife() : SiteTest(GetParam()) {}
};

TEST_P(SiteLife, NothingRunsTwiceAndInPeaceEverythingRunsAndStays) {
  const std::size_t count = GetParam() % 3 == 0 ? 5 : 3;
  build(count);
  submit("web", 3);
  pass(10s);
  os::fake::Random& random = sim.random();
  const auto any = [&] { return random.below(static_cast<std::uint32_t>(count)); };
  for (int round = 0; round < 40 && !HasFailure(); ++round) {
    const std::size_t a = any(), b = any();
    switch (random.below(10)) {
      case 0:
      case 1:
        if (a != b) sim.link(name(a), name(b)).cut(random.chance(0.5) ? Cut::silent : Cut::reset);
        break;
      case 2: sim.link(name(a), "cloud").cut(Cut::silent); break;
      case 3: sim.link(name(a), "cloud").mend(); break;
      case 4:
        for (std::size_t i = 0; i < count; ++i)
          for (std::size_t j = 0; j < i; ++j) sim.link(name(i), name(j)).mend();
        break;
      case 5:
        if (alive(a)) kill(a);
        break;
      case 6:
        if (!alive(a)) restart(a);
        break;
      case 7:                                      // what starts it again is quick
        if (!alive(a)) break;
        kill(a, program_only);
        pass(std::chrono::milliseconds(random.below(300)));
        restart(a);
        break;
      case 8: submit("web", 1 + static_cast<int>(random.below(4)), random.chance(0.5) ? "/bin/serve" : "/bin/other"); break;
      default: break;
    }
    pass(std::chrono::milliseconds(random.below(4'000)));
  }
  if (HasFailure()) return;
  for (std::size_t i = 0; i < count; ++i) {
    sim.link(name(i), "cloud").mend();
    for (std::size_t j = 0; j < i; ++j) sim.link(name(i), name(j)).mend();
    if (!alive(i)) restart(i);
  }
  submit("web", 3);
  EXPECT_TRUE(until([&] { return runs().size() == 3; }, 5min));
  pass(3min);
  EXPECT_EQ(runs().size(), 3u);
  const std::uint64_t before = starts();
  pass(5min);
  EXPECT_EQ(starts(), before) << "in peace nothing starts again";
}

INSTANTIATE_TEST_SUITE_P(Seeds, SiteLife, testing::Range<std::uint64_t>(1, 7));

}  // namespace
}  // namespace selvedge::sim
