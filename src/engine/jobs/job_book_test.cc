#include "engine/jobs/job_book.h"

#include "engine/jobs/job_fleet_fixture.h"

namespace selvedge::engine {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Policy = model::TaskDisconnect::Policy;

TEST(TaskName, IsReadBackAndNothingElseIs) {
  const MemberKey key{"web", "front", 17};
  EXPECT_EQ(task_name(key), "web.front.17");
  EXPECT_EQ(member_of("web.front.17"), key);
  for (const char* other : {"", "web", "web.front", "web.front.", "web..1", ".front.1", "web.front.-1", "web.front.01", "web.front.+1", "web.front.10000", "web.front.1.2"})
    EXPECT_FALSE(member_of(other)) << other;
}

TEST(JobBook, RunsAsManyAsAreWished) {
  FleetForTest fleet(3, 4);
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(5, "a")}));
  fleet.turns(5);
  EXPECT_EQ(fleet.running("a"), 5U);
  EXPECT_EQ(fleet.book.status("web")->record.rollout, JobRecord::Rollout::well);
  EXPECT_EQ(fleet.book.status("web")->running, 5U);
}

TEST(JobBook, TheSameJobAgainChangesNothing) {
  FleetForTest fleet(3, 4);
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(3, "a")}));
  fleet.turns(5);
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(3, "a")}));
  fleet.turns(5);
  EXPECT_EQ(fleet.book.record("web")->now.job.generation, 1U);
  for (const auto& [task, starts] : fleet.starts) EXPECT_EQ(starts, 1U) << task;
}

TEST(JobBook, FewerLeaveAndMoreComeWithoutTouchingTheOthers) {
  FleetForTest fleet(3, 4);
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(3, "a")}));
  fleet.turns(5);
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(6, "a")}));
  fleet.turns(5);
  EXPECT_EQ(fleet.running("a"), 6U);
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(1, "a")}));
  fleet.turns(5);
  EXPECT_EQ(fleet.running("a"), 1U);
  for (const auto& [task, starts] : fleet.starts) EXPECT_EQ(starts, 1U) << task;
  EXPECT_EQ(fleet.rooms["n0"].size() + fleet.rooms["n1"].size() + fleet.rooms["n2"].size(), 1U);
}

TEST(JobBook, WhatFindsNoRoomSaysSoAndComesWhenThereIsSome) {
  FleetForTest fleet(1, 2);
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(3, "a")}));
  fleet.turns(3);
  EXPECT_EQ(fleet.running("a"), 2U);
  EXPECT_EQ(fleet.book.status("web")->unplaced, 1U);
  EXPECT_EQ(fleet.book.members("web").back().reason, "no node has room");
  fleet.nodes["n0"].places = 3;
  ASSERT_TRUE(fleet.give(RoomAppeared{}));
  fleet.turns(2);
  EXPECT_EQ(fleet.running("a"), 3U);
}

TEST(JobBook, AGangComesWholeOrNotAtAll) {
  FleetForTest fleet(2, 2);
  auto job = job_for_test(5, "a");
  job.groups[0].gang = true;
  ASSERT_TRUE(fleet.give(JobWished{job}));
  fleet.turns(10);
  EXPECT_EQ(fleet.running("a"), 0U);
  fleet.nodes["n1"].places = 3;
  fleet.turns(100);
  EXPECT_EQ(fleet.running("a"), 5U);
}

TEST(JobBook, StoppedJobsEndAndCanBeForgotten) {
  FleetForTest fleet(2, 4);
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(4, "a")}));
  fleet.turns(3);
  EXPECT_EQ(fleet.give(JobForgotten{"web"}).error().code, base::Code::conflict);
  ASSERT_TRUE(fleet.give(JobStopped{"web"}));
  fleet.turns(3);
  EXPECT_EQ(fleet.running("a"), 0U);
  ASSERT_TRUE(fleet.give(JobForgotten{"web"}));
  EXPECT_TRUE(fleet.saved.empty());
  EXPECT_EQ(fleet.give(JobStopped{"web"}).error().code, base::Code::not_found);
}

TEST(JobBook, AStoppedJobCanBeStartedAgain) {
  FleetForTest fleet(2, 4);
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(2, "a")}));
  fleet.turns(3);
  ASSERT_TRUE(fleet.give(JobStopped{"web"}));
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(2, "a")}));
  fleet.turns(8);
  EXPECT_EQ(fleet.running("a"), 2U);
  EXPECT_EQ(fleet.most_at_once, 1U);
}

TEST(JobBook, AJobThatEndsIsNotRunAgain) {
  FleetForTest fleet(2, 2);
  auto job = job_for_test(2, "a");
  job.groups[0].task.mode = model::TaskMode::job;
  fleet.short_ones.insert("a");
  ASSERT_TRUE(fleet.give(JobWished{job}));
  fleet.turns(4);
  EXPECT_EQ(fleet.book.status("web")->done, 2U);
  // Its room is free, also for others.
  EXPECT_TRUE(fleet.rooms["n0"].empty() && fleet.rooms["n1"].empty());
  fleet.lose("n0");
  fleet.lose("n1");
  fleet.nodes["n2"].places = 5;
  fleet.turns(3);
  fleet.restart();
  fleet.turns(100);
  for (const auto& [task, starts] : fleet.starts) EXPECT_EQ(starts, 1U) << task;
  EXPECT_EQ(fleet.book.status("web")->done, 2U);
}

TEST(JobBook, ALostNodesTasksMoveOnceItMustHaveStoppedThem) {
  FleetForTest fleet(2, 4);
  auto job = job_for_test(2, "a");
  job.groups[0].task.disconnect = {Policy::replace, seconds(20)};
  ASSERT_TRUE(fleet.give(JobWished{job}));
  fleet.turns(3);
  ASSERT_EQ(fleet.where("web.front.0"), std::vector<std::string>{"n0"});
  fleet.cut("n0");
  fleet.turns(49);
  EXPECT_EQ(fleet.starts["web.front.0"], 1U);
  EXPECT_EQ(fleet.book.members("web")[0].state, MemberState::lost);
  fleet.turns(3);
  EXPECT_EQ(fleet.where("web.front.0"), std::vector<std::string>{"n1"});
  fleet.mend("n0");
  fleet.turns(3);
  EXPECT_EQ(fleet.where("web.front.0"), std::vector<std::string>{"n1"});
  EXPECT_EQ(fleet.most_at_once, 1U);
}

TEST(JobBook, ALongLeaseLastsAThousandthLonger) {
  FleetForTest fleet(2, 4);
  auto job = job_for_test(1, "a");
  job.groups[0].task.disconnect = {Policy::replace, std::chrono::hours(100)};
  ASSERT_TRUE(fleet.give(JobWished{job}));
  fleet.turns(3);
  fleet.cut("n0");
  fleet.turn(std::chrono::hours(100) + minutes(6));
  EXPECT_TRUE(fleet.nodes["n1"].wishes.empty());
  fleet.turn(minutes(1));
  fleet.turns(2);
  EXPECT_EQ(fleet.where("web.front.0"), std::vector<std::string>{"n1"});
}

TEST(JobBook, WhatIsToBeKeptIsNeverReplacedWhileItsNodeMayLive) {
  FleetForTest fleet(2, 4);
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(2, "a")}));
  fleet.turns(3);
  fleet.cut("n0");
  fleet.turns(500);
  fleet.mend("n0");
  fleet.turns(3);
  EXPECT_EQ(fleet.where("web.front.0"), std::vector<std::string>{"n0"});
  EXPECT_EQ(fleet.starts["web.front.0"], 1U);
  fleet.lose("n0");
  fleet.turns(2);
  EXPECT_EQ(fleet.where("web.front.0"), std::vector<std::string>{"n1"});
}

TEST(JobBook, AShortCutChangesNothing) {
  FleetForTest fleet(2, 4);
  auto job = job_for_test(2, "a");
  job.groups[0].task.disconnect = {Policy::replace, seconds(20)};
  ASSERT_TRUE(fleet.give(JobWished{job}));
  fleet.turns(3);
  for (int i = 0; i < 10; ++i) {
    fleet.cut("n0");
    fleet.turns(15);
    fleet.mend("n0");
    fleet.turns(1);
  }
  EXPECT_EQ(fleet.starts["web.front.0"], 1U);
}

TEST(JobBook, ANodeIsEmptiedOnlyIntoRoomThatIsThere) {
  FleetForTest fleet(2, 4);
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(4, "a")}));
  fleet.turns(3);
  fleet.nodes["n1"].places = 3;
  fleet.drain("n0");
  fleet.turns(5);
  EXPECT_EQ(fleet.running("a"), 4U);
  EXPECT_EQ(fleet.nodes["n0"].tasks.size(), 1U);
  fleet.nodes["n1"].places = 4;
  fleet.turns(100);
  EXPECT_TRUE(fleet.nodes["n0"].tasks.empty());
  EXPECT_EQ(fleet.running("a"), 4U);
  EXPECT_EQ(fleet.most_at_once, 1U);
}

TEST(JobBook, ADrainThatIsCalledOffMovesNothingFurther) {
  FleetForTest fleet(2, 2);
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(4, "a")}));
  fleet.turns(3);
  fleet.drain("n0");
  fleet.turns(3);
  fleet.nodes["n0"].draining = false;
  fleet.mend("n0");
  fleet.nodes["n1"].places = 10;
  fleet.turns(100);
  EXPECT_EQ(fleet.nodes["n0"].tasks.size(), 2U);
  for (const auto& [task, starts] : fleet.starts) EXPECT_EQ(starts, 1U) << task;
}

TEST(JobBook, WhatIsDisplacedIsPlacedAnew) {
  FleetForTest fleet(2, 2);
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(2, "a")}));
  fleet.turns(3);
  ASSERT_TRUE(fleet.give(MemberDisplaced{{"web", "front", 0}, "a more important task needs its room"}));
  fleet.turns(4);
  EXPECT_EQ(fleet.running("a"), 2U);
  EXPECT_EQ(fleet.starts["web.front.0"], 2U);
  EXPECT_EQ(fleet.most_at_once, 1U);
}

TEST(JobBook, WhatIsDisplacedWhileItMovesLeavesBeforeItIsWishedForElsewhere) {
  FleetForTest fleet(2, 2);
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(1, "a")}));
  fleet.turns(3);
  fleet.drain("n0");
  ASSERT_EQ(fleet.answers.size(), 1U);
  ASSERT_TRUE(fleet.give(MemberDisplaced{{"web", "front", 0}, "room"}));
  fleet.place_all();
  EXPECT_TRUE(fleet.nodes["n1"].wishes.empty()) << "n0 has not said yet that it is gone";
  fleet.turns(4);
  EXPECT_EQ(fleet.where("web.front.0"), std::vector<std::string>{"n1"});
  EXPECT_EQ(fleet.rooms["n0"].size() + fleet.rooms["n1"].size(), 1U);
}

TEST(JobBook, APlaceThatWasFoundForWhatTheJobWasIsNotTaken) {
  FleetForTest fleet(1, 2);
  auto job = job_for_test(1, "a");
  ASSERT_TRUE(fleet.give(JobWished{job}));
  fleet.settle();
  ASSERT_EQ(fleet.answers.size(), 1U);
  job.groups[0].task.resources.cpu = 500;
  ASSERT_TRUE(fleet.give(JobWished{job}));
  fleet.settle();
  ASSERT_EQ(fleet.answers.size(), 2U);
  EXPECT_EQ(fleet.answers.back().group.task.resources.cpu, 500);
  fleet.turns(3);
  EXPECT_EQ(fleet.running("a"), 1U);
  EXPECT_EQ(fleet.rooms["n0"].size(), 1U);
}

TEST(JobBook, WhatIsPlacedOnANodeThatIsEmptiedSinceMovesOn) {
  FleetForTest fleet(2, 2);
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(1, "a")}));
  fleet.settle();
  const AskPlace ask = fleet.answers.at(0);
  fleet.answers.clear();
  fleet.rooms["n0"].insert(ask.members[0]);
  fleet.drain("n0");
  ASSERT_TRUE(fleet.give(MemberPlaced{ask.members[0], ask.ask, "n0"}));
  fleet.turns(5);
  EXPECT_EQ(fleet.where("web.front.0"), std::vector<std::string>{"n1"});
  EXPECT_EQ(fleet.most_at_once, 1U);
}

TEST(JobBook, KnowsAllAgainAfterARestart) {
  FleetForTest fleet(3, 4);
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(6, "a")}));
  fleet.turns(5);
  fleet.restart();
  fleet.turns(5);
  EXPECT_EQ(fleet.running("a"), 6U);
  for (const auto& [task, starts] : fleet.starts) EXPECT_EQ(starts, 1U) << task;
  EXPECT_EQ(fleet.book.record("web")->rollout, JobRecord::Rollout::well);
}

TEST(JobBook, WhatStillLeavesAfterARestartIsWaitedFor) {
  FleetForTest fleet(2, 1);
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(1, "a")}));
  fleet.turns(3);
  ASSERT_TRUE(fleet.give(MemberDisplaced{{"web", "front", 0}, "room"}));
  fleet.settle();
  ASSERT_EQ(fleet.where("web.front.0"), std::vector<std::string>{"n0"});   // it has not heard yet
  fleet.restart();
  EXPECT_TRUE(fleet.answers.empty());
  fleet.turns(4);
  EXPECT_EQ(fleet.running("a"), 1U);
  EXPECT_EQ(fleet.most_at_once, 1U);
}

TEST(JobBook, AfterARestartWaitsForATaskThatItsNodeNeverReported) {
  FleetForTest fleet(2, 1);
  fleet.nodes["n0"].mute = true;
  ASSERT_TRUE(fleet.give(JobWished{job_for_test(1, "a")}));
  fleet.turns(2);
  ASSERT_EQ(fleet.where("web.front.0"), std::vector<std::string>{"n0"});
  fleet.nodes["n0"].connected = false;             // and nobody has noticed yet
  fleet.drain("n0");
  fleet.turn();
  ASSERT_TRUE(fleet.nodes["n0"].wishes.empty());
  fleet.restart();
  fleet.turns(5);
  EXPECT_TRUE(fleet.nodes["n1"].wishes.empty());
  fleet.nodes["n0"].mute = false;
  fleet.mend("n0");
  fleet.turns(5);
  EXPECT_EQ(fleet.where("web.front.0").size(), 1U) << fleet.describe();
  EXPECT_EQ(fleet.most_at_once, 1U);
}

TEST(JobBook, AfterARestartKnowsHowLongALostNodeGoesOn) {
  FleetForTest fleet(2, 1);
  auto job = job_for_test(1, "a");
  job.groups[0].task.disconnect = {model::TaskDisconnect::Policy::replace, std::chrono::seconds(10)};
  ASSERT_TRUE(fleet.give(JobWished{job}));
  fleet.turns(3);
  fleet.cut("n0");
  fleet.drain("n0");
  fleet.turn();
  fleet.cut("n0");
  fleet.restart();
  fleet.turns(10);
  EXPECT_EQ(fleet.where("web.front.0"), std::vector<std::string>{});
  fleet.turns(60);
  EXPECT_EQ(fleet.where("web.front.0"), std::vector<std::string>{"n1"}) << fleet.describe();
  EXPECT_EQ(fleet.most_at_once, 1U);
}

TEST(JobBook, OfAMemberFoundInTwoPlacesBelievesTheNewest) {
  FleetForTest fleet(3, 1);
  auto job = job_for_test(1, "a");
  job.groups[0].task.disconnect = {model::TaskDisconnect::Policy::replace, std::chrono::seconds(10)};
  ASSERT_TRUE(fleet.give(JobWished{job}));
  fleet.turns(3);
  fleet.cut("n0");
  fleet.turns(60);                                 // given up, and not heard of
  ASSERT_EQ(fleet.where("web.front.0"), std::vector<std::string>{"n1"});
  fleet.nodes["n1"].mute = true;
  fleet.nodes["n1"].connected = false;
  fleet.drain("n1");
  fleet.turn();
  ASSERT_EQ(fleet.left.size(), 2U);
  fleet.restart();
  fleet.mend("n0");
  fleet.nodes["n0"].draining = true;
  fleet.drain("n0");
  fleet.turns(3);
  EXPECT_EQ(fleet.nodes["n2"].wishes.size(), 0U) << "n0 says that it has gone there, but n1 may run it\n" << fleet.describe();
  EXPECT_EQ(fleet.rooms["n0"].size(), 0U);
}

TEST(JobBook, AWishOfNoJobIsWithdrawn) {
  FleetForTest fleet(1, 1);
  fleet.nodes["n0"].wishes["old.one.0"].name = "old.one.0";
  fleet.restart();
  EXPECT_TRUE(fleet.nodes["n0"].wishes.empty());
}

TEST(JobBook, RefusesWhatItCannotHold) {
  FleetForTest fleet(1, 1);
  for (const char* name : {"", "a.b"}) {
    auto job = job_for_test(1, "a");
    job.name = name;
    EXPECT_EQ(fleet.give(JobWished{job}).error().code, base::Code::invalid_input);
  }
  auto twice = job_for_test(1, "a");
  twice.groups.push_back(twice.groups[0]);
  EXPECT_EQ(fleet.give(JobWished{twice}).error().code, base::Code::invalid_input);
  auto many = job_for_test(model::TaskLimits::count + 1, "a");
  EXPECT_EQ(fleet.give(JobWished{many}).error().code, base::Code::invalid_input);
  EXPECT_TRUE(fleet.book.jobs().empty());

  JobBook small(JobLimits{.jobs = 1, .members = 3});
  JobOutputs out;
  ASSERT_TRUE(small.step(JobWished{job_for_test(3, "a")}, {}, out));
  EXPECT_EQ(small.step(JobWished{job_for_test(4, "a")}, {}, out).error().code, base::Code::exhausted);
  auto second = job_for_test(0, "a");
  second.name = "second";
  EXPECT_EQ(small.step(JobWished{second}, {}, out).error().code, base::Code::exhausted);
  EXPECT_EQ(small.record("web")->now.job.groups[0].count, 3U);
}

}  // namespace
}  // namespace selvedge::engine
