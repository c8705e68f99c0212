// Nodes without the cloud, leases, and who may run a task.

#include <gtest/gtest.h>

#include "engine/task/supervisor_fixture.h"

namespace selvedge::engine {
namespace {

using model::TaskState;

constexpr const char* keep = R"({"command":["x"]})";
constexpr const char* stop = R"({"command":["x"],"disconnect":{"policy":"stop","after":"5m"}})";
constexpr const char* replace = R"({"command":["x"],"stop_grace":"20s","disconnect":{"policy":"replace","after":"5m"}})";

class SupervisorDisconnect : public SupervisorTest {
 protected:
  void contact() { say(TaskContact{now_}); }
};

TEST_F(SupervisorDisconnect, KeepGoesOnForEver) {
  begin();
  up("a", keep);
  pass(24h * 300);
  EXPECT_TRUE(out_.signals.empty());
}

TEST_F(SupervisorDisconnect, StopEndsItAfterItsTimeAndBeginsAgainOnContact) {
  begin();
  contact();
  up("a", stop);
  pass(4min);
  contact();
  pass(5min - 1s);
  EXPECT_TRUE(out_.signals.empty());
  pass(1s);
  EXPECT_EQ(signals(), std::vector<std::string>{"a term"});
  exited("a", -15);
  EXPECT_EQ(state("a"), TaskState::stopped);
  EXPECT_EQ(reason("a"), "the cloud was not heard of for 5m");
  pass(24h);
  EXPECT_TRUE(out_.starts.empty());
  contact();
  EXPECT_EQ(out_.starts.size(), 1u);
  EXPECT_EQ(status_["a"].restarts, 0u);
}

TEST_F(SupervisorDisconnect, StopCountsFromTheStartIfTheCloudWasNeverHeardOf) {
  begin();
  up("a", stop);
  pass(5min);
  EXPECT_EQ(signals(), std::vector<std::string>{"a term"});
}

TEST_F(SupervisorDisconnect, ReplaceHasEndedBeforeItsLeaseDoes) {
  begin();
  contact();
  const base::Instant sent = now_;
  up("a", replace);
  // Answers count from when the question was sent.
  pass(30s);
  say(TaskContact{sent + base::Duration(10s)});
  const base::Instant lease_end = sent + base::Duration(10s) + base::Duration(5min);
  while (out_.signals.empty()) pass(100ms);
  EXPECT_EQ(signals(), std::vector<std::string>{"a term"});
  out_.clear();
  while (out_.signals.empty()) pass(100ms);
  EXPECT_EQ(signals(), std::vector<std::string>{"a kill"});
  const base::Duration left = lease_end - now_;
  EXPECT_GE(left, base::Duration(10s));          // the margin, and a thousandth of five minutes
  EXPECT_LE(left, base::Duration(10s + 400ms));
  exited("a", -9);
  EXPECT_EQ(state("a"), TaskState::stopped);
  pass(24h);
  EXPECT_TRUE(out_.starts.empty());
}

TEST_F(SupervisorDisconnect, ReplaceWaitsForTheFirstContact) {
  begin();
  wish("a", replace);
  EXPECT_EQ(state("a"), TaskState::stopped);
  EXPECT_EQ(reason("a"), "it waits for the cloud, which may have given it to another node");
  pass(1h);
  EXPECT_TRUE(out_.prepares.empty());
  contact();
  EXPECT_EQ(out_.prepares.size(), 1u);
  say(TaskContact{now_ - 20s});                   // an answer to something older changes nothing
  pass(4min);
  prepared("a");
  EXPECT_EQ(out_.starts.size(), 1u);
}

TEST_F(SupervisorDisconnect, DoesNotStartWhatItWouldHaveToStopAtOnce) {
  begin();
  contact();
  wish("a", replace);
  pass(4min + 31s);
  prepared("a");
  EXPECT_TRUE(out_.starts.empty());
  EXPECT_EQ(state("a"), TaskState::stopped);
}

TEST_F(SupervisorDisconnect, ALeaseOutlastsARestartOfTheProgram) {
  begin();
  contact();
  up("a", replace);
  pass(1min);
  restart();
  wish("a", replace);
  say(TaskFound{"a", 1, std::nullopt, ""});
  wall_ = wall_ + 24h * 365;                     // the wall clock does not matter within one start of the machine
  begin(TaskBegin::Wall::doubtful);
  EXPECT_EQ(state("a"), TaskState::running);
  EXPECT_TRUE(out_.signals.empty());
  pass(3min + 20s);
  EXPECT_TRUE(out_.signals.empty());
  pass(10s);
  EXPECT_EQ(signals(), std::vector<std::string>{"a term"});
}

TEST_F(SupervisorDisconnect, AfterARestartOfTheMachineALeaseGoesByAClockThatIsTrusted) {
  const auto reboot = [&](base::Duration away, TaskBegin::Wall wall) {
    supervisor_ = std::make_unique<TaskSupervisor>(limits_, 1U);
    boot_ = "boot-1";
    now_ = {1'000'000'000'000};
    begin();
    contact();
    up("a", replace);
    up("b", stop);
    pass(10s);
    base::Bytes saved;
    supervisor_->save(saved);
    supervisor_ = std::make_unique<TaskSupervisor>(limits_, 1U);
    ASSERT_TRUE(supervisor_->load(saved));
    boot_ = "boot-2";
    now_ = {5};
    wall_ = wall_ + away;
    wish("a", replace);
    wish("b", stop);
    begin(wall);
  };
  reboot(2min, TaskBegin::Wall::trusted);
  EXPECT_EQ(state("a"), TaskState::waiting);
  EXPECT_EQ(state("b"), TaskState::waiting);
  EXPECT_EQ(out_.prepares.size(), 2u);
  reboot(2min, TaskBegin::Wall::doubtful);
  EXPECT_EQ(state("a"), TaskState::stopped);
  EXPECT_EQ(state("b"), TaskState::waiting);
  reboot(6min, TaskBegin::Wall::trusted);
  EXPECT_EQ(state("a"), TaskState::stopped);
  EXPECT_EQ(state("b"), TaskState::stopped);
  reboot(-1h, TaskBegin::Wall::trusted);         // it went back: nobody knows how long it was
  EXPECT_EQ(state("a"), TaskState::stopped);
  EXPECT_EQ(reason("a"), "it waits for the cloud, which may have given it to another node");
}

TEST_F(SupervisorDisconnect, SavesContactNowAndThenAndOnlyIfItMatters) {
  begin();
  up("a", keep);
  for (int i = 0; i < 100; ++i) {
    move(1s);
    contact();
    EXPECT_FALSE(out_.save);
  }
  up("b", replace);
  int saves = 0;
  for (int i = 0; i < 300; ++i) {
    move(1s);
    contact();
    saves += out_.save ? 1 : 0;
  }
  EXPECT_GE(saves, 9);
  EXPECT_LE(saves, 12);
}

TEST_F(SupervisorDisconnect, WhatAnotherNodeHasIsStoppedAndStaysSo) {
  begin();
  up("a", keep);
  say(TaskLease{"a", 3, TaskLease::Is::held});
  EXPECT_TRUE(out_.signals.empty());
  say(TaskLease{"a", 2, TaskLease::Is::lost});    // older
  EXPECT_TRUE(out_.signals.empty());
  say(TaskLease{"a", 4, TaskLease::Is::lost});
  EXPECT_EQ(signals(), std::vector<std::string>{"a term"});
  EXPECT_TRUE(out_.save);
  exited("a", -15);
  EXPECT_EQ(state("a"), TaskState::stopped);
  EXPECT_EQ(reason("a"), "another node has it");
  say(TaskLease{"a", 4, TaskLease::Is::held});    // of one epoch the loss counts
  EXPECT_TRUE(out_.starts.empty());
  restart();
  wish("a", keep);
  begin();
  EXPECT_EQ(state("a"), TaskState::stopped);
  say(TaskLease{"a", 5, TaskLease::Is::held});
  prepared("a");
  EXPECT_EQ(out_.starts.size(), 1u);
}

TEST_F(SupervisorDisconnect, WhatIsPausedGoesOnWhenItIsHeldAgain) {
  begin();
  up("a", keep);
  say(TaskLease{"a", 3, TaskLease::Is::held});
  say(TaskLease{"a", 3, TaskLease::Is::paused, "n2 has it"});
  EXPECT_EQ(signals(), std::vector<std::string>{"a term"});
  exited("a", -15);
  EXPECT_EQ(state("a"), TaskState::stopped);
  EXPECT_EQ(reason("a"), "n2 has it");
  say(TaskLease{"a", 3, TaskLease::Is::held});
  EXPECT_EQ(out_.starts.size(), 1u);
  // Wished for and paused at once, it does not start.
  wish("b", keep);
  say(TaskLease{"b", 0, TaskLease::Is::paused});
  prepared("b");
  EXPECT_TRUE(out_.starts.empty());
}

TEST_F(SupervisorDisconnect, ANewValueEndsTheLossOfTheOldOne) {
  begin();
  up("a", keep);
  say(TaskLease{"a", 4, TaskLease::Is::lost});
  exited("a", -15);
  wish("a", R"({"generation":2,"command":["x"]})");
  EXPECT_EQ(out_.prepares.size(), 1u);
}

TEST_F(SupervisorDisconnect, AJobThatWasStoppedForWantOfTheCloudGoesOnLater) {
  begin();
  contact();
  up("a", R"({"mode":"job","command":["x"],"disconnect":{"policy":"stop","after":"1m"}})");
  pass(1min);
  ASSERT_EQ(signals(), std::vector<std::string>{"a term"});
  restart();                                     // its end is found only later, and is still no failure
  wish("a", R"({"mode":"job","command":["x"],"disconnect":{"policy":"stop","after":"1m"}})");
  say(TaskFound{"a", 1, -15, ""});
  begin();
  EXPECT_EQ(state("a"), TaskState::stopped);
  contact();
  prepared("a");
  EXPECT_EQ(out_.starts.size(), 1u);
}

}  // namespace
}  // namespace selvedge::engine
