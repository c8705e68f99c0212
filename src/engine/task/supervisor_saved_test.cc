// The program ends, and begins again.

#include <gtest/gtest.h>

#include "engine/task/supervisor_fixture.h"
#include "engine/task/supervisor_state.h"

namespace selvedge::engine {
namespace {

using model::TaskState;

constexpr const char* service = R"({"generation":1,"command":["x"]})";
constexpr const char* job = R"({"generation":1,"mode":"job","command":["x"]})";

using SupervisorSaved = SupervisorTest;

TEST_F(SupervisorSaved, AdoptsWhatStillRunsAsWished) {
  begin();
  up("a", service);
  const auto since = status_["a"].since;
  restart();
  move(1min);
  wish("a", service);
  say(TaskFound{"a", 1, std::nullopt, "cpu"});
  begin();
  EXPECT_EQ(state("a"), TaskState::running);
  EXPECT_EQ(status_["a"].limits, "cpu");
  EXPECT_TRUE(out_.prepares.empty() && out_.starts.empty() && out_.signals.empty());
  EXPECT_EQ(supervisor_->stats().adopted, 1u);
  EXPECT_GE(status_["a"].since, since);
  // What it was unpacked into serves the next run.
  exited("a", 1);
  pass(1s);
  ASSERT_EQ(out_.starts.size(), 1u);
  EXPECT_EQ(out_.starts[0].run, 2u);
  EXPECT_EQ(out_.starts[0].preparation, preparation_["a"]);
}

TEST_F(SupervisorSaved, EndsWhatRunsAndIsNotWishedForAnyMore) {
  begin();
  up("a", service);
  up("b", service);
  restart();
  wish("b", R"({"generation":2,"command":["x"]})");
  say(TaskFound{"a", 1, std::nullopt, ""});
  say(TaskFound{"b", 1, std::nullopt, ""});
  begin();
  EXPECT_EQ(signals(), std::vector<std::string>{"a term"});
  EXPECT_EQ(state("b"), TaskState::running);
  EXPECT_EQ(status_["b"].generation, 1u);
  prepared("b");
  EXPECT_EQ(signals(), std::vector<std::string>{"b term"});
  exited("b", 0);
  EXPECT_EQ(out_.starts.size(), 1u);
  exited("a", 0);
  EXPECT_FALSE(status_.contains("a"));
}

TEST_F(SupervisorSaved, StartsAServiceAgainThatEndedMeanwhile) {
  begin();
  up("a", service);
  restart();
  wish("a", service);
  begin();
  EXPECT_EQ(state("a"), TaskState::waiting);
  EXPECT_EQ(out_.abandons.size(), 1u);
  prepared("a");
  EXPECT_EQ(reason("a"), "run 1 was cut off when the node stopped");
  pass(1s);
  ASSERT_EQ(out_.starts.size(), 1u);
  EXPECT_EQ(out_.starts[0].run, 2u);
  EXPECT_EQ(status_["a"].restarts, 1u);
}

TEST_F(SupervisorSaved, AServiceThatStopsTheMachineEachTimeIsStartedMoreAndMoreRarely) {
  begin();
  up("a", service);
  base::Duration pause{};
  for (int i = 0; i < 8; ++i) {
    restart();
    boot_ += "+";
    wish("a", service);
    begin();
    prepared("a");
    const base::Instant from = now_;
    pass(5min);
    ASSERT_EQ(out_.starts.size(), 1u);
    pause = *supervisor_->wake_at() - from;
    (void)pause;
  }
  restart();
  wish("a", service);
  begin();
  prepared("a");
  EXPECT_GT(*supervisor_->wake_at() - now_, 1min);
}

TEST_F(SupervisorSaved, KnowsTheEndOfAJobThatWasNotTakenNoteOf) {
  begin();
  up("a", job);
  up("b", job);
  restart();
  wish("a", job);
  wish("b", job);
  say(TaskFound{"a", 1, 0, ""});
  say(TaskFound{"b", 1, 3, ""});
  begin();
  EXPECT_EQ(state("a"), TaskState::done);
  EXPECT_EQ(state("b"), TaskState::failed);
  EXPECT_EQ(reason("b"), "exit status 3");
  EXPECT_TRUE(out_.save);
}

TEST_F(SupervisorSaved, RunsAJobAgainThatWasCutOffAndGivesUpIfThatGoesOn) {
  limits_.interruptions = 3;
  supervisor_ = std::make_unique<TaskSupervisor>(limits_, 1U);
  begin();
  up("a", job);
  for (int i = 0; i < 2; ++i) {
    restart();
    wish("a", job);
    begin();
    prepared("a");
    pass(1min);
    EXPECT_EQ(state("a"), TaskState::starting);
    started("a");
  }
  restart();
  wish("a", job);
  begin();
  EXPECT_EQ(state("a"), TaskState::failed);
  EXPECT_EQ(reason("a"), "it was cut off 3 times when the node stopped");
}

TEST_F(SupervisorSaved, KillsRunsNobodyKnowsOfBeforeItStartsAny) {
  wish("a", service);
  say(TaskFound{"a", 7, std::nullopt, ""});
  say(TaskFound{"z", 3, std::nullopt, ""});
  say(TaskFound{"y", 3, 0, ""});                 // ended: nothing to do
  say(TaskFound{"../y", 3, std::nullopt, ""});
  begin();
  EXPECT_EQ(signals(), (std::vector<std::string>{"a kill", "z kill"}));
  EXPECT_EQ(state("a"), TaskState::stopping);
  EXPECT_TRUE(out_.prepares.empty());
  pass(5s);
  EXPECT_EQ(out_.signals.size(), 2u);
  say(TaskExited{"a", 7, -9});
  prepared("a");
  ASSERT_EQ(out_.starts.size(), 1u);
  EXPECT_EQ(out_.starts[0].run, 8u) << "a number is not used twice";
  say(TaskExited{"z", 3, -9});
  EXPECT_FALSE(status_.contains("z"));
}

TEST_F(SupervisorSaved, MeasuresTimeLimitsOverARestart) {
  const char* value = R"({"mode":"job","command":["x"],"time_limit":"1m"})";
  begin();
  up("a", value);
  pass(40s);
  restart();
  wish("a", value);
  say(TaskFound{"a", 1, std::nullopt, ""});
  begin();
  pass(19s);
  EXPECT_TRUE(out_.signals.empty());
  pass(1s);
  EXPECT_EQ(signals(), std::vector<std::string>{"a term"});
}

TEST_F(SupervisorSaved, KeepsTheNewestOfTheJobsThatAreOver) {
  limits_.finished = 2;
  supervisor_ = std::make_unique<TaskSupervisor>(limits_, 1U);
  begin();
  for (const char* name : {"a", "b", "c"}) {
    up(name, job);
    exited(name, 0);
    unwish(name);
  }
  restart();
  begin();
  for (const char* name : {"a", "b", "c"}) wish(name, job);
  EXPECT_EQ(state("a"), TaskState::waiting) << "forgotten";
  EXPECT_EQ(state("b"), TaskState::done);
  EXPECT_EQ(state("c"), TaskState::done);
}

TEST_F(SupervisorSaved, RefusesDamage) {
  begin();
  up("a", service);
  up("b", job);
  exited("b", 0);
  base::Bytes saved;
  supervisor_->save(saved);
  for (std::size_t i = 0; i < saved.size(); ++i) {
    base::Bytes bad = saved;
    bad[i] ^= 0x10;
    EXPECT_EQ(TaskSupervisor(limits_, 1).load(bad).error().code, base::Code::corrupt) << i;
    EXPECT_FALSE(TaskSupervisor(limits_, 1).load(base::BytesView(saved).first(i))) << i;
  }
  TaskSupervisorLimits small;
  small.tasks = 1;
  EXPECT_FALSE(TaskSupervisor(small, 1).load(saved));
  base::Bytes again;
  TaskSupervisor other(limits_, 1);
  ASSERT_TRUE(other.load(saved));
  other.save(again);
  EXPECT_EQ(again, saved);
}

TEST(RunPrint, LeavesOutWhatDoesNotConcernTheRun) {
  model::Task task;
  task.command = {"x"};
  const TaskPrint print = run_print(task);
  model::Task label = task;
  label.restart.attempts = 3;
  label.health.http = "http://127.0.0.1:1/";
  label.disconnect.policy = model::TaskDisconnect::Policy::stop;
  label.stop_grace = std::chrono::seconds(1);
  label.retries = 2;
  label.time_limit = std::chrono::seconds(9);
  label.log = 1;
  label.schedule = "* * * * *";
  label.name = "other";
  EXPECT_EQ(run_print(label), print);
  model::Task other = task;
  other.generation = 1;
  EXPECT_NE(run_print(other), print);
  other = task;
  other.resources.memory = 1;
  EXPECT_NE(run_print(other), print);
  other = task;
  other.environment["A"] = "";
  EXPECT_NE(run_print(other), print);
}

}  // namespace
}  // namespace selvedge::engine
