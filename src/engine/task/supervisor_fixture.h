// A supervisor on a clock that the test moves, with what it said last. For tests.

#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "engine/task/supervisor.h"

namespace selvedge::engine {

using namespace std::chrono_literals;

class SupervisorTest : public ::testing::Test {
 protected:
  void begin(TaskBegin::Wall wall = TaskBegin::Wall::trusted) { say(TaskBegin{boot_, wall}); }
  void say(const TaskInput& input) {
    out_.clear();
    supervisor_->step(input, {now_, wall_}, out_);
    note();
  }
  void wish(const std::string& name, const std::string& value) { say(TaskWished{name, value}); }
  void unwish(const std::string& name) { say(TaskWished{name, std::nullopt}); }

  // Time goes on; the supervisor is woken whenever it asks to be, and everything it said is in out_.
  void pass(base::Duration time) {
    const base::Instant end = now_ + time;
    TaskOutputs all;
    for (int turns = 0; turns < 100'000; ++turns) {
      const auto at = supervisor_->wake_at();
      if (!at || *at > end) break;
      move(std::max(*at, now_) - now_);
      say(TaskTick{});
      all.save |= out_.save;
      all.save_first |= out_.save_first;
      const auto add = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
      add(all.abandons, out_.abandons);
      add(all.signals, out_.signals);
      add(all.prepares, out_.prepares);
      add(all.checks, out_.checks);
      add(all.reports, out_.reports);
      add(all.starts, out_.starts);
    }
    move(end - now_);
    out_ = std::move(all);
  }
  void move(base::Duration time) {
    now_ = now_ + time;
    wall_ = wall_ + time;
  }

  // The usual way of a task that is to start: prepared, started.
  void prepared(const std::string& name) {
    ASSERT_TRUE(preparation_.contains(name)) << name;
    say(TaskPrepared{name, preparation_[name], TaskOutcome::done, ""});
  }
  void started(const std::string& name) { say(TaskStarted{name, run_[name], "all"}); }
  void up(const std::string& name, const std::string& value) {
    wish(name, value);
    prepared(name);
    started(name);
    EXPECT_EQ(state(name), model::TaskState::running);
  }
  void exited(const std::string& name, std::int32_t status) { say(TaskExited{name, run_[name], status}); }
  void checked(const std::string& name, TaskChecked::Is is) { say(TaskChecked{name, check_[name], is, "refused"}); }

  // The program ends and begins again: what was saved is read.
  void restart() {
    base::Bytes saved;
    supervisor_->save(saved);
    supervisor_ = std::make_unique<TaskSupervisor>(limits_, 1U);
    const auto loaded = supervisor_->load(saved);
    EXPECT_TRUE(loaded) << loaded.error().message;
    status_.clear();
  }

  model::TaskState state(const std::string& name) const { return status_.at(name).state; }
  std::string reason(const std::string& name) const { return status_.at(name).reason; }
  std::vector<std::string> signals() const {
    std::vector<std::string> all;
    for (const TaskSignal& one : out_.signals)
      all.push_back(one.name + " " + (one.signal == TaskSignal::Signal::term ? "term" : "kill"));
    return all;
  }

  TaskSupervisorLimits limits_;
  std::unique_ptr<TaskSupervisor> supervisor_ = std::make_unique<TaskSupervisor>(limits_, 1U);
  std::string boot_ = "boot-1";
  base::Instant now_{1'000'000'000'000};
  base::Time wall_ = base::parse_time("2026-03-01T12:00:00Z").value();
  TaskOutputs out_;
  std::map<std::string, model::TaskStatus> status_;
  std::map<std::string, std::uint64_t> preparation_, run_, check_;

 private:
  void note() {
    for (const TaskPrepare& one : out_.prepares) preparation_[one.name] = one.preparation;
    for (const TaskStart& one : out_.starts) {
      run_[one.name] = one.run;
      EXPECT_TRUE(out_.save && out_.save_first) << "a start must be saved first";
    }
    for (const TaskCheck& one : out_.checks) check_[one.name] = one.check;
    for (const TaskReport& one : out_.reports) {
      if (one.status) status_[one.name] = *one.status;
      else status_.erase(one.name);
    }
  }
};

}  // namespace selvedge::engine
