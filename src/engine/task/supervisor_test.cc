#include "engine/task/supervisor.h"

#include <gtest/gtest.h>

#include "engine/task/supervisor_fixture.h"

namespace selvedge::engine {
namespace {

using model::TaskState;

constexpr const char* service = R"({"generation":1,"command":["x"]})";
constexpr const char* service2 = R"({"generation":2,"command":["x"]})";
constexpr const char* job = R"({"generation":1,"mode":"job","retries":1,"command":["x"]})";

using Supervisor = SupervisorTest;

TEST_F(Supervisor, PreparesThenStartsAService) {
  begin();
  wish("a", service);
  ASSERT_EQ(out_.prepares.size(), 1u);
  EXPECT_EQ(out_.prepares[0].task->command, std::vector<std::string>{"x"});
  EXPECT_TRUE(out_.starts.empty());
  EXPECT_EQ(state("a"), TaskState::waiting);
  EXPECT_EQ(reason("a"), "it is made ready");
  prepared("a");
  ASSERT_EQ(out_.starts.size(), 1u);
  EXPECT_EQ(out_.starts[0].run, 1u);
  EXPECT_EQ(out_.starts[0].preparation, preparation_["a"]);
  EXPECT_EQ(state("a"), TaskState::starting);
  move(1s);
  started("a");
  EXPECT_EQ(state("a"), TaskState::running);
  EXPECT_EQ(reason("a"), "");
  EXPECT_EQ(status_["a"].limits, "all");
  EXPECT_EQ(status_["a"].generation, 1u);
  EXPECT_EQ(status_["a"].since, wall_);
}

TEST_F(Supervisor, DoesNothingBeforeItBegins) {
  wish("a", service);
  EXPECT_TRUE(out_.prepares.empty());
  EXPECT_TRUE(out_.reports.empty());
  begin();
  EXPECT_EQ(out_.prepares.size(), 1u);
}

TEST_F(Supervisor, StartsAServiceAgainAfterPausesThatGrow) {
  begin();
  up("a", service);
  base::Duration last{};
  for (int failures = 1; failures <= 4; ++failures) {
    exited("a", 3);
    EXPECT_EQ(state("a"), TaskState::waiting);
    EXPECT_EQ(reason("a"), "exit status 3");
    EXPECT_EQ(status_["a"].exit, 3);
    EXPECT_EQ(status_["a"].limits, "all") << "which held for the run that ended";
    const base::Duration pause = *supervisor_->wake_at() - now_;
    const base::Duration bound = 1s * (1 << (failures - 1));
    EXPECT_GE(pause, bound / 2);
    EXPECT_LE(pause, bound);
    EXPECT_GT(pause, last / 2);
    last = pause;
    pass(pause);
    ASSERT_EQ(out_.starts.size(), 1u);
    EXPECT_TRUE(out_.prepares.empty()) << "it is ready";
    started("a");
  }
  EXPECT_EQ(status_["a"].restarts, 4u);
}

TEST_F(Supervisor, BeginsPausesAnewAfterASteadyRun) {
  begin();
  up("a", service);
  for (int i = 0; i < 6; ++i) {
    exited("a", 1);
    pass(1min);
    started("a");
  }
  pass(61s);
  exited("a", -11);
  EXPECT_EQ(reason("a"), "ended by signal 11");
  EXPECT_LE(*supervisor_->wake_at() - now_, 1s);
}

TEST_F(Supervisor, GivesUpAServiceAfterItsAttempts) {
  begin();
  const std::string value = R"({"command":["x"],"restart":{"attempts":2}})";
  up("a", value);
  exited("a", 1);
  pass(1s);
  started("a");
  exited("a", 0);
  EXPECT_EQ(state("a"), TaskState::failed);
  EXPECT_EQ(reason("a"), "exit status 0");
  pass(24h);
  EXPECT_TRUE(out_.starts.empty());
  // Another wish for what does not concern the run is reason to try again, and so is being asked to.
  wish("a", R"({"command":["x"],"restart":{"attempts":1}})");
  prepared("a");
  started("a");
  exited("a", 1);
  EXPECT_EQ(state("a"), TaskState::failed);
  say(TaskRetry{"b"});
  EXPECT_TRUE(out_.prepares.empty());
  say(TaskRetry{"a"});
  EXPECT_EQ(out_.prepares.size(), 1u);
}

TEST_F(Supervisor, RunsAJobOnceToItsEnd) {
  begin();
  up("a", job);
  exited("a", 0);
  EXPECT_EQ(state("a"), TaskState::done);
  EXPECT_TRUE(out_.save);
  EXPECT_EQ(out_.abandons.size(), 1u) << "what was unpacked for it may go";
  wish("a", job);
  pass(24h);
  EXPECT_TRUE(out_.starts.empty());
  restart();
  wish("a", job);
  begin();
  EXPECT_EQ(state("a"), TaskState::done);
  // Neither when it was away in between, also over a restart.
  unwish("a");
  EXPECT_FALSE(status_.contains("a"));
  restart();
  begin();
  wish("a", job);
  EXPECT_EQ(state("a"), TaskState::done);
  EXPECT_TRUE(out_.prepares.empty());
  // A new generation is another job.
  wish("a", R"({"generation":2,"mode":"job","command":["x"]})");
  EXPECT_EQ(out_.prepares.size(), 1u);
}

TEST_F(Supervisor, AJobThatIsDoneStaysSoThroughOtherValues) {
  const std::string other = R"({"generation":2,"mode":"job","command":["x"]})";
  for (const bool while_it_is_replaced : {false, true}) {
    const std::string name = while_it_is_replaced ? "a" : "b";
    if (name == "b") begin();
    up(name, job);
    if (!while_it_is_replaced) exited(name, 0);
    wish(name, other);
    prepared(name);
    if (while_it_is_replaced) exited(name, 0);
    started(name);
    wish(name, job);
    exited(name, -15);
    EXPECT_EQ(state(name), TaskState::done);
    pass(24h);
    EXPECT_TRUE(out_.starts.empty());
  }
}

TEST_F(Supervisor, RetriesAJobThenItFailed) {
  begin();
  up("a", job);
  exited("a", 1);
  EXPECT_EQ(state("a"), TaskState::waiting);
  pass(1s);
  started("a");
  exited("a", 2);
  EXPECT_EQ(state("a"), TaskState::failed);
  pass(24h);
  EXPECT_TRUE(out_.starts.empty());
  restart();
  wish("a", job);
  begin();
  EXPECT_EQ(state("a"), TaskState::failed);
  EXPECT_TRUE(out_.prepares.empty());
  // More retries are another chance.
  wish("a", R"({"generation":1,"mode":"job","retries":2,"command":["x"]})");
  EXPECT_EQ(out_.prepares.size(), 1u);
}

TEST_F(Supervisor, EndsAJobThatTakesTooLong) {
  begin();
  up("a", R"({"mode":"job","command":["x"],"time_limit":"1m","stop_grace":"5s"})");
  pass(59s);
  EXPECT_TRUE(out_.signals.empty());
  pass(1s);
  EXPECT_EQ(signals(), std::vector<std::string>{"a term"});
  EXPECT_EQ(state("a"), TaskState::stopping);
  EXPECT_EQ(reason("a"), "it ran longer than 1m");
  exited("a", -15);
  EXPECT_EQ(state("a"), TaskState::failed);
  EXPECT_EQ(reason("a"), "it ran longer than 1m");
}

TEST_F(Supervisor, AJobThatSaysItIsDoneIsAlsoIfItWasAskedToEndJustThen) {
  begin();
  up("a", job);
  unwish("a");
  exited("a", 0);
  EXPECT_FALSE(status_.contains("a"));
  wish("a", job);
  EXPECT_EQ(state("a"), TaskState::done);
}

TEST_F(Supervisor, StopsWithTermThenKillUntilItHasEnded) {
  begin();
  up("a", R"({"command":["x"],"stop_grace":"3s"})");
  unwish("a");
  EXPECT_EQ(signals(), std::vector<std::string>{"a term"});
  pass(2999ms);
  EXPECT_TRUE(out_.signals.empty());
  pass(1ms);
  EXPECT_EQ(signals(), std::vector<std::string>{"a kill"});
  pass(5s);
  EXPECT_EQ(signals(), std::vector<std::string>{"a kill"});
  EXPECT_EQ(state("a"), TaskState::stopping);
  exited("a", -9);
  EXPECT_FALSE(status_.contains("a"));
  ASSERT_EQ(out_.reports.size(), 1u);
  EXPECT_FALSE(out_.reports[0].status);
  EXPECT_EQ(supervisor_->wake_at(), std::nullopt);
}

TEST_F(Supervisor, LeavesARunAloneWhoseValueDidNotChange) {
  begin();
  up("a", service);
  wish("a", R"({"command":["x"],"mode":"service","generation":1,"stop_grace":"10s"})");
  EXPECT_TRUE(out_.signals.empty() && out_.prepares.empty() && out_.reports.empty());
  // Nor for what does not concern the run; that counts from now on.
  wish("a", R"({"command":["x"],"generation":1,"stop_grace":"1s","restart":{"attempts":1},"log":"64KiB"})");
  EXPECT_TRUE(out_.signals.empty() && out_.prepares.empty());
  unwish("a");
  pass(1s);
  EXPECT_EQ(signals(), std::vector<std::string>{"a kill"});
}

TEST_F(Supervisor, PreparesWhatIsNewBesideWhatRunsThenStopsThenStarts) {
  begin();
  up("a", service);
  const std::uint64_t first = preparation_["a"];
  wish("a", service2);
  ASSERT_EQ(out_.prepares.size(), 1u);
  EXPECT_TRUE(out_.signals.empty());
  EXPECT_EQ(state("a"), TaskState::running);
  EXPECT_EQ(reason("a"), "generation 2 is made ready");
  EXPECT_EQ(status_["a"].generation, 1u);
  prepared("a");
  EXPECT_EQ(signals(), std::vector<std::string>{"a term"});
  EXPECT_TRUE(out_.starts.empty());
  exited("a", -15);
  ASSERT_EQ(out_.starts.size(), 1u);
  ASSERT_EQ(out_.abandons.size(), 1u);
  EXPECT_EQ(out_.abandons[0].preparation, first);
  started("a");
  EXPECT_EQ(status_["a"].generation, 2u);
  EXPECT_EQ(status_["a"].restarts, 0u);
}

TEST_F(Supervisor, GoesOnWithWhatRunsIfTheNewCannotBePreparedOrRead) {
  begin();
  up("a", service);
  wish("a", service2);
  say(TaskPrepared{"a", preparation_["a"], TaskOutcome::impossible, "x: wrong digest"});
  EXPECT_EQ(state("a"), TaskState::running);
  EXPECT_EQ(reason("a"), "generation 2 cannot be made ready: x: wrong digest");
  pass(24h);
  EXPECT_TRUE(out_.signals.empty());
  wish("a", R"({"comand":[]})");
  EXPECT_EQ(reason("a"), "the wish is refused: comand: is unknown; did you mean 'command'?");
  EXPECT_EQ(state("a"), TaskState::running);
  // What cannot be read and never could is only reported.
  wish("b", "[]");
  EXPECT_EQ(state("b"), TaskState::failed);
  unwish("b");
  EXPECT_FALSE(status_.contains("b"));
}

TEST_F(Supervisor, GoesOnWithTheValueBeforeARefusedOneAfterARestart) {
  begin();
  up("a", service);
  wish("a", "{}");
  restart();
  wish("a", "{}");
  say(TaskFound{"a", 1, std::nullopt, "all"});
  begin();
  EXPECT_EQ(state("a"), TaskState::running);
  exited("a", 1);
  pass(1s);
  EXPECT_EQ(out_.starts.size(), 1u);
}

TEST_F(Supervisor, TriesToPrepareAgainAndGivesUp) {
  begin();
  wish("a", service);
  for (int i = 0; i < 20; ++i) {
    say(TaskPrepared{"a", preparation_["a"], TaskOutcome::unavailable, "no link"});
    EXPECT_EQ(state("a"), TaskState::waiting);
    EXPECT_EQ(reason("a"), "no link");
    pass(5min);
  }
  for (int i = 0; i < 8; ++i) {
    say(TaskPrepared{"a", preparation_["a"], TaskOutcome::failed, "404"});
    pass(5min);
  }
  EXPECT_EQ(state("a"), TaskState::failed);
  EXPECT_EQ(reason("a"), "404");
  say(TaskRetry{});
  EXPECT_EQ(out_.prepares.size(), 1u);
}

TEST_F(Supervisor, AStartThatFailsIsAFailureAndWantOfRoomIsNone) {
  begin();
  wish("a", R"({"mode":"job","command":["x"]})");
  prepared("a");
  for (int i = 0; i < 5; ++i) {
    say(TaskNotStarted{"a", run_["a"], TaskOutcome::unavailable, "no memory left"});
    EXPECT_EQ(state("a"), TaskState::waiting);
    EXPECT_EQ(reason("a"), "it could not be started: no memory left");
    pass(5min);
    EXPECT_EQ(state("a"), TaskState::starting);
  }
  say(TaskNotStarted{"a", run_["a"], TaskOutcome::failed, "exec: no such file"});
  EXPECT_EQ(state("a"), TaskState::failed);
  wish("b", service);
  prepared("b");
  say(TaskNotStarted{"b", run_["b"], TaskOutcome::impossible, "no crun on this node"});
  EXPECT_EQ(state("b"), TaskState::failed);
}

TEST_F(Supervisor, StopsARunThatDidNotSayYetWhetherItStarted) {
  begin();
  wish("a", service);
  prepared("a");
  unwish("a");
  EXPECT_EQ(signals(), std::vector<std::string>{"a term"});
  say(TaskNotStarted{"a", run_["a"], TaskOutcome::failed, "abandoned"});
  EXPECT_FALSE(status_.contains("a"));
}

TEST_F(Supervisor, StartsAnewWhatWasUnwishedForAndWishedForAgainMeanwhile) {
  begin();
  up("a", service);
  unwish("a");
  wish("a", service);
  EXPECT_EQ(state("a"), TaskState::stopping);
  exited("a", -15);
  EXPECT_EQ(out_.starts.size(), 1u);
  EXPECT_EQ(status_["a"].restarts, 0u);
}

TEST_F(Supervisor, RestartsWhatIsNotWell) {
  begin();
  const std::string value =
      R"({"command":["x"],"health":{"command":["y"],"every":"10s","timeout":"2s","grace":"10s","failures":3}})";
  up("a", value);
  EXPECT_EQ(status_["a"].healthy, std::nullopt);
  pass(1s);
  ASSERT_EQ(out_.checks.size(), 1u);
  EXPECT_EQ(out_.checks[0].task->health.command, std::vector<std::string>{"y"});
  // While it comes up, failures do not count.
  for (int i = 0; i < 8; ++i) {
    checked("a", TaskChecked::Is::unwell);
    pass(1s);
    ASSERT_EQ(out_.checks.size(), 1u) << i;
  }
  checked("a", TaskChecked::Is::well);
  EXPECT_EQ(status_["a"].healthy, true);
  pass(10s);
  checked("a", TaskChecked::Is::unwell);
  EXPECT_EQ(status_["a"].healthy, false);
  EXPECT_EQ(reason("a"), "refused");
  pass(10s);
  checked("a", TaskChecked::Is::well);
  EXPECT_EQ(reason("a"), "");
  // Three in a row; the last one never answers.
  pass(10s);
  checked("a", TaskChecked::Is::unwell);
  pass(10s);
  checked("a", TaskChecked::Is::unwell);
  pass(10s);
  pass(3s);
  EXPECT_EQ(signals(), std::vector<std::string>{"a term"});
  EXPECT_EQ(reason("a"), "it is not well: no answer");
  exited("a", 0);
  EXPECT_EQ(status_["a"].restarts, 1u);
  pass(1s);
  EXPECT_EQ(out_.starts.size(), 1u);
}

TEST_F(Supervisor, IgnoresWhatIsSaidOfRunsThatAreOver) {
  begin();
  up("a", service);
  say(TaskExited{"a", 7, 0});
  say(TaskExited{"b", 1, 0});
  say(TaskStarted{"a", 2, ""});
  say(TaskPrepared{"a", 99, TaskOutcome::impossible, ""});
  say(TaskChecked{"a", 0, TaskChecked::Is::unwell, ""});
  say(TaskNotStarted{"a", 1, TaskOutcome::failed, ""});
  EXPECT_EQ(state("a"), TaskState::running);
  EXPECT_TRUE(out_.reports.empty());
}

TEST_F(Supervisor, IsBounded) {
  limits_.tasks = 2;
  supervisor_ = std::make_unique<TaskSupervisor>(limits_, 1U);
  begin();
  wish("a", service);
  wish("b", service);
  wish("c", service);
  EXPECT_EQ(state("c"), TaskState::failed);
  EXPECT_EQ(reason("c"), "the node has 2 tasks already");
  EXPECT_TRUE(out_.prepares.empty());
  wish("../x", service);
  EXPECT_TRUE(out_.reports.empty());
  EXPECT_EQ(supervisor_->stats().refused, 2u);
  say(TaskPrepared{"a", preparation_["a"], TaskOutcome::failed, std::string(100'000, 'x')});
  EXPECT_LT(reason("a").size(), 600u);
}

TEST_F(Supervisor, SpreadsPausesByItsSeed) {
  std::set<base::Instant> wakes;
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    supervisor_ = std::make_unique<TaskSupervisor>(limits_, seed);
    begin();
    up("a", service);
    exited("a", 1);
    wakes.insert(*supervisor_->wake_at());
  }
  EXPECT_GT(wakes.size(), 15u);
}

}  // namespace
}  // namespace selvedge::engine
