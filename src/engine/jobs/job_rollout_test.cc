#include "engine/jobs/job_fleet_fixture.h"

namespace selvedge::engine {
namespace {

using Rollout = JobRecord::Rollout;

struct JobRollout : testing::Test {
  FleetForTest fleet{3, 10};
  model::Job job = job_for_test(6, "a");

  void SetUp() override {
    ASSERT_TRUE(fleet.give(JobWished{job}));
    fleet.turns(6);
    ASSERT_EQ(fleet.book.record("web")->rollout, Rollout::well);
  }
  void change_to(const std::string& command) {
    job.groups[0].task.command = {command};
    ASSERT_TRUE(fleet.give(JobWished{job}));
  }
};

TEST_F(JobRollout, ChangesOneAfterTheOther) {
  change_to("b");
  std::size_t before = 0;
  for (int i = 0; i < 60; ++i) {
    fleet.turn();
    EXPECT_GE(fleet.running("a") + fleet.running("b"), 5U);
    EXPECT_LE(fleet.running("b"), before + 1);
    before = fleet.running("b");
  }
  EXPECT_EQ(fleet.running("b"), 6U);
  EXPECT_EQ(fleet.book.record("web")->rollout, Rollout::well);
  EXPECT_EQ(fleet.most_at_once, 1U);
}

TEST_F(JobRollout, ThatFailsGoesBackAndTouchesNoMoreThanItsShare) {
  fleet.broken.insert("b");
  change_to("b");
  fleet.turns(3);
  EXPECT_TRUE(fleet.book.record("web")->rolled_back);
  fleet.turns(20);
  EXPECT_EQ(fleet.running("a"), 6U);
  const JobRecord* record = fleet.book.record("web");
  EXPECT_EQ(record->rollout, Rollout::well);
  EXPECT_EQ(record->now.job.generation, 3U);
  EXPECT_NE(record->reason.find("generation 2: web.front.0 on n0 failed: exit status 1"), std::string::npos) << record->reason;
  std::size_t restarted = 0;
  for (const auto& [task, starts] : fleet.starts) restarted += starts > 2;
  EXPECT_EQ(restarted, 1U);
}

TEST_F(JobRollout, ThatIsNeverWellGoesBackAtItsDeadline) {
  fleet.ill.insert("b");
  change_to("b");
  fleet.turns(18);
  EXPECT_FALSE(fleet.book.record("web")->rolled_back);
  EXPECT_EQ(fleet.running("b"), 1U);
  fleet.turns(5);
  EXPECT_TRUE(fleet.book.record("web")->rolled_back);
  fleet.turns(20);
  EXPECT_EQ(fleet.running("a"), 6U);
}

TEST_F(JobRollout, ThatMayNotGoBackStopsWhereItIs) {
  job.update.roll_back = false;
  fleet.broken.insert("b");
  change_to("b");
  fleet.turns(50);
  EXPECT_EQ(fleet.book.record("web")->rollout, Rollout::failed);
  EXPECT_EQ(fleet.running("a"), 5U);
}

TEST_F(JobRollout, AFurtherChangeReplacesOneThatIsUnderWay) {
  fleet.ill.insert("b");
  change_to("b");
  fleet.turns(5);
  change_to("c");
  fleet.turns(60);
  EXPECT_EQ(fleet.running("c"), 6U);
  EXPECT_EQ(fleet.book.record("web")->good->job.groups[0].task.command[0], "c");
}

TEST_F(JobRollout, OnlyTheGroupThatChangedIsTouched) {
  model::TaskGroup back = job.groups[0];
  back.name = "back";
  job.groups.push_back(back);
  ASSERT_TRUE(fleet.give(JobWished{job}));
  fleet.turns(10);
  change_to("b");
  fleet.turns(60);
  EXPECT_EQ(fleet.running("b"), 6U);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(fleet.starts["web.back." + std::to_string(i)], 1U);
}

TEST_F(JobRollout, WhatWantsOtherResourcesIsPlacedAnew) {
  job.groups[0].task.resources.cpu = 500;
  ASSERT_TRUE(fleet.give(JobWished{job}));
  fleet.turns(80);
  EXPECT_EQ(fleet.book.record("web")->rollout, Rollout::well);
  for (const MemberStatus& member : fleet.book.members("web")) EXPECT_EQ(member.generation, 2U);
  EXPECT_EQ(fleet.most_at_once, 1U);
}

TEST_F(JobRollout, ThatFindsNoPlaceGoesBackAtItsDeadline) {
  for (auto& [name, node] : fleet.nodes) node.largest = 200;
  job.groups[0].task.resources.cpu = 500;
  ASSERT_TRUE(fleet.give(JobWished{job}));
  fleet.turns(18);
  EXPECT_FALSE(fleet.book.record("web")->rolled_back);
  EXPECT_EQ(fleet.running("a"), 5U);
  fleet.turns(15);
  EXPECT_EQ(fleet.book.record("web")->rollout, Rollout::well);
  EXPECT_NE(fleet.book.record("web")->reason.find("found no place within its deadline: no node has room"), std::string::npos);
  EXPECT_EQ(fleet.running("a"), 6U);
}

TEST_F(JobRollout, GoesOnAfterARestart) {
  change_to("b");
  for (int i = 0; i < 60; ++i) {
    fleet.turn();
    if (i % 7 == 3) fleet.restart();
  }
  EXPECT_EQ(fleet.running("b"), 6U);
  for (const auto& [task, starts] : fleet.starts) EXPECT_EQ(starts, 2U) << task;
}

TEST_F(JobRollout, WaitsForANodeThatIsCutOff) {
  fleet.cut("n0");
  change_to("b");
  fleet.turns(10);
  fleet.mend("n0");
  fleet.turns(60);
  EXPECT_EQ(fleet.running("b"), 6U);
  EXPECT_EQ(fleet.most_at_once, 1U);
}

}  // namespace
}  // namespace selvedge::engine
