#include "engine/site/site.h"

#include <gtest/gtest.h>

#include "engine/site/site_fixture.h"

namespace selvedge::engine {
namespace {

TEST(SiteView, RunsWhatIsWishedOnceTheOthersPromisedIt) {
  Site site(5);
  site.wish(2, "a", 1);
  site.pass(1s);
  EXPECT_EQ(site.runner("a"), -1) << "nobody promises anything yet";
  site.pass(3s);
  EXPECT_EQ(site.runner("a"), 2);
  site.wish(3, "b", 1);
  EXPECT_LE(site.until_runs("b", 1s), 100ms);
  EXPECT_EQ(site.runner("b"), 3);
}

TEST(SiteView, HealsALostNodeWithinTwoSeconds) {
  for (int round = 0; round < 6; ++round) {
    Site site(5, static_cast<std::uint32_t>(round));
    site.wish(0, "a", 1);
    site.wish(0, "b", 1);
    site.pass(5s + std::chrono::milliseconds(93 * round));
    ASSERT_EQ(site.runner("a"), 0);
    site.kill(0);
    EXPECT_LE(site.until_runs("a", 10s) + site.until_runs("b", 10s), 2s);
    // Where it came to, it stays when the node is back.
    const int where = site.runner("a");
    site.start(0);
    site.pass(10s);
    EXPECT_EQ(site.runner("a"), where);
  }
}

TEST(SiteView, TheLeastLoadedTakesItOver) {
  Site site(5);
  site.wish(0, "a", 1);
  for (int i = 1; i < 5; ++i) site.load(i, i == 3 ? 100 : 900);
  site.pass(5s);
  site.kill(0);
  site.pass(3s);
  EXPECT_EQ(site.runner("a"), 3);
}

TEST(SiteView, ACutOffNodeEndsWhatItHoldsBeforeItsTaskRunsElsewhere) {
  Site site(5);
  site.grace_ = 200ms;
  site.wish(0, "a", 1);
  site.pass(5s);
  for (int i = 1; i < 5; ++i) site.cut(0, i, true);
  base::Duration time{};
  while (site.runner("a") == 0 && time < 10s) site.pass(5ms), time += 5ms;
  EXPECT_EQ(site.runner("a"), -1) << "it has ended";
  EXPECT_LE(time, 1'600ms);
  EXPECT_LE(time + site.until_runs("a", 10s), 2'300ms);
  const int where = site.runner("a");
  EXPECT_NE(where, 0);
  site.heal();
  site.pass(5s);
  EXPECT_EQ(site.runner("a"), where);
}

TEST(SiteView, ALittleCutThatNobodyUsedGoesOnWhereItWas) {
  Site site(3);
  site.wish(0, "a", 1);
  site.pass(5s);
  // Everyone alone: nothing runs, and nobody can claim.
  site.cut(0, 1, true);
  site.cut(0, 2, true);
  site.cut(1, 2, true);
  site.pass(20s);
  EXPECT_EQ(site.runner("a"), -1);
  site.heal();
  EXPECT_LE(site.until_runs("a", 10s), 2s);
}

TEST(SiteView, TheSmallerHalfTakesNothingOver) {
  Site site(5);
  site.wish(0, "a", 1);
  site.wish(4, "b", 1);
  site.pass(5s);
  for (const int a : {0, 1, 2})
    for (const int b : {3, 4}) site.cut(a, b, true);
  site.pass(10s);
  EXPECT_EQ(site.runner("a"), 0);
  EXPECT_LE(site.runner("b"), 2);
  EXPECT_GE(site.runner("b"), 0);
}

TEST(SiteView, TheCloudsNewGenerationIsAboveWhatTheSiteMoved) {
  Site site(5);
  site.wish(0, "a", 1);
  site.pass(5s);
  site.kill(0);
  site.pass(3s);
  const int where = site.runner("a");
  ASSERT_GT(where, 0);
  const int other = where == 4 ? 1 : where + 1;
  site.wish(other, "a", 2);
  site.pass(3s);
  EXPECT_EQ(site.runner("a"), other) << "the one before it ended first";
  // The same generation does not draw it away again.
  site.start(0);
  site.pass(10s);
  EXPECT_EQ(site.runner("a"), other);
}

TEST(SiteView, ForgetsWhatNobodyHas) {
  Site site(3);
  site.wish(0, "kept", 1);
  site.pass(5s);
  for (int round = 0; round < 3; ++round) {
    site.wish(1, "a", 1);
    site.pass(1s);
    EXPECT_EQ(site.runner("a"), 1);
    site.unwish(1, "a");
    site.forget("a");
    site.pass(3min);
    EXPECT_EQ(site.runner("a"), -1);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(site.remembers(i), 1u) << i;
  }
  EXPECT_EQ(site.runner("kept"), 0);
}

TEST(SiteView, LosesNothingWhenMessagesAreLost) {
  Site site(5);
  site.loss_ = 10;
  for (int i = 0; i < 5; ++i) site.wish(i, "t" + std::to_string(i), 1);
  site.pass(20s);
  site.kill(4);
  site.pass(10s);
  site.loss_ = 0;
  site.pass(10s);
  for (int i = 0; i < 5; ++i) EXPECT_GE(site.runner("t" + std::to_string(i)), 0) << i;
}

TEST(SiteView, ANodeAloneIsAMajority) {
  Site site(1);
  site.wish(0, "a", 1);
  site.pass(3s);
  EXPECT_EQ(site.runner("a"), 0);
}

TEST(SiteView, IgnoresStrangersAndWhatIsOld) {
  SiteView view({.self = "a", .members = {"a", "b", "c"}, .incarnation = 1}, {0});
  SiteOutputs out;
  SiteBeat beat{.node = "z", .incarnation = 1, .sequence = 1, .heard = {}, .tasks = {{"t", 1, 1, {}}}, .votes = {}, .wanted = {}};
  view.step(SiteHeard{beat}, {1}, out);
  beat.node = "b";
  beat.sequence = 5;
  view.step(SiteHeard{beat}, {2}, out);
  beat.sequence = 4;
  beat.tasks = {{"u", 1, 1, {}}};
  view.step(SiteHeard{beat}, {3}, out);
  std::vector<std::string> known;
  view.each([&](const SiteVote& vote) { known.push_back(vote.task.name + "@" + vote.node); });
  EXPECT_EQ(known, std::vector<std::string>{"t@b"});
}

TEST(SiteView, HoldsNoMoreThanABeatCanSay) {
  SiteView view({.self = "a", .members = {"a"}, .incarnation = 1}, {});
  SiteOwn own;
  SiteOutputs out;
  for (std::uint32_t i = 0; i < SiteLimits::tasks; ++i) own.wished.push_back({"old" + std::to_string(i), 1, 0, {}});
  view.step(own, base::Instant{} + 3s, out);
  EXPECT_EQ(out.beat->tasks.size(), SiteLimits::tasks);
  for (SiteTask& task : own.wished) own.known.push_back(std::exchange(task.name, "new" + task.name));
  view.step(own, base::Instant{} + 4s, out);
  base::Bytes bytes;
  encode_site_beat(*out.beat, bytes);
  EXPECT_TRUE(decode_site_beat(bytes).has_value()) << out.beat->tasks.size();
}

}  // namespace
}  // namespace selvedge::engine
