// Random lives of a node: wishes, ends, leases, leaps of clocks, and kills of program and machine at every step. What
// must hold always is checked at every output; in the end everything must have come true.

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "codec/task/task.h"
#include "engine/task/supervisor_fixture.h"

namespace selvedge::engine {
namespace {

constexpr base::Duration lease = std::chrono::seconds(60);

struct Process {
  std::uint64_t run = 0, generation = 0;
  bool job = false, replaced = false;            // `replaced`: its policy
  bool told = false, termed = false;
  base::Instant contact;                         // last, while it lived
};

// The machine and the disk under a supervisor.
class World {
 public:
  explicit World(std::uint32_t seed) : random_(seed), seed_(seed) { boot(); }

  void live(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) step();
  }
  void settle();

 private:
  static constexpr int names = 7;
  static std::string name(int i) { return "t" + std::to_string(i); }
  std::uint32_t pick(std::uint32_t n) { return static_cast<std::uint32_t>(random_()) % n; }
  bool chance(std::uint32_t percent) { return pick(100) < percent; }

  // Of each name one mode; another generation or another label now and then.
  std::string value(int i) {
    const std::string head = "{\"generation\":" + std::to_string(generation_[i]) +
                             ",\"command\":[\"x\"],\"stop_grace\":\"2s\",\"log\":" + std::to_string(pick(3)) +
                             ",\"restart\":{\"backoff_first\":\"100ms\",\"backoff_most\":\"2s\"}";
    switch (i) {
      case 0: return head + "}";
      case 1: return head + R"(,"health":{"command":["y"],"every":"1s","grace":"2s","failures":2}})";
      case 2: return head + R"(,"mode":"job","retries":1000})";
      case 3: return head + R"(,"mode":"job","retries":2,"time_limit":"20s"})";
      case 4: return head + R"(,"mode":"cron","schedule":"* * * * *"})";
      case 5: return head + R"(,"disconnect":{"policy":"replace","after":"60s"}})";
      default: return head + R"(,"mode":"job","retries":1000,"disconnect":{"policy":"stop","after":"30s"}})";
    }
  }

  void say(const TaskInput& input) {
    out_.clear();
    supervisor_->step(input, {now_, wall_}, out_);
    apply();
  }
  void save_now() {
    disk_.clear();
    supervisor_->save(disk_);
  }

  void apply() {
    const TaskOutputs out = out_;
    dirty_ |= out.save;
    EXPECT_TRUE(out.starts.empty() || (out.save && out.save_first));
    if (crashes_ && out.save && chance(2)) return crash();
    if (dirty_ && (out.save_first || !chance(20))) {
      save_now();
      dirty_ = false;
    }
    for (const TaskAbandon& one : out.abandons) preparing_.erase({one.name, one.preparation});
    for (const TaskSignal& one : out.signals) signal(one);
    for (const TaskPrepare& one : out.prepares) {
      EXPECT_TRUE(wishes_.contains(one.name)) << one.name;
      preparing_.insert({one.name, one.preparation});
    }
    for (const TaskCheck& one : out.checks) check_[one.name] = one.check;
    for (const TaskReport& one : out.reports) {
      if (one.status) {
        EXPECT_TRUE(wishes_.contains(one.name) || processes_.contains(one.name) || exits_.contains(one.name))
            << one.name;
        status_[one.name] = *one.status;
      } else {
        EXPECT_FALSE(processes_.contains(one.name)) << one.name << " is gone and runs";
        status_.erase(one.name);
        exits_.erase(one.name);
      }
    }
    for (const TaskStart& one : out.starts) {
      if (crashes_ && chance(2)) return crash();
      start(one);
      if (crashes_ && chance(2)) return crash();
    }
  }

  void start(const TaskStart& one) {
    ASSERT_FALSE(processes_.contains(one.name)) << one.name << ": a second run, seed " << seed_;
    ASSERT_TRUE(wishes_.contains(one.name)) << one.name;
    ASSERT_FALSE(done_.contains({one.name, one.task->generation})) << one.name << ": was done, seed " << seed_;
    const bool replaced = one.task->disconnect.policy == model::TaskDisconnect::Policy::replace;
    ASSERT_TRUE(!replaced || (contact_ && now_ < *contact_ + lease)) << "without a lease";
    ASSERT_FALSE(lost_.contains(one.name) && lost_[one.name].first == one.task->generation) << "another node has it";
    processes_[one.name] = {one.run, one.task->generation, one.task->mode == model::TaskMode::job, replaced, false,
                            false, now_};
    exits_.erase(one.name);
  }

  void signal(const TaskSignal& one) {
    const auto at = processes_.find(one.name);
    if (at == processes_.end() || at->second.run != one.run) return;     // it was never made
    if (one.signal == TaskSignal::Signal::kill) {
      EXPECT_TRUE(at->second.termed) << one.name << ": killed without being asked, seed " << seed_;
      end(one.name, -9);
    } else {
      at->second.termed = true;
      if (chance(50)) end(one.name, -15);
    }
  }

  void end(const std::string& ending, std::int32_t status) {
    const std::string name = ending;             // perhaps the key of what is erased
    const Process process = processes_.at(name);
    processes_.erase(name);
    if (process.job && status == 0) done_.insert({name, process.generation});
    exits_[name] = {process.run, status};
    ended_.push_back({name, process.run, status});
  }

  // The supervisor is woken when it asks to be; nothing that holds a lease may outlive it.
  void pass(base::Duration time) {
    const base::Instant until = now_ + time;
    for (;;) {
      const auto at = supervisor_->wake_at();
      const bool wake = at && *at <= until;
      const base::Instant to = wake ? std::max(*at, now_) : std::max(until, now_);
      wall_ = wall_ + (to - now_);
      now_ = to;
      for (const auto& [name, process] : processes_)
        EXPECT_TRUE(!process.replaced || (contact_ && now_ < *contact_ + lease)) << name << " outlives its lease, seed " << seed_;
      if (!wake) return;
      say(TaskTick{});
    }
  }

  void step() {
    switch (pick(16)) {
      case 0:
      case 1: {
        const int i = static_cast<int>(pick(names));
        if (chance(40)) ++generation_[i];
        wishes_[name(i)] = chance(3) ? "{}" : value(i);
        return say(TaskWished{name(i), wishes_[name(i)]});
      }
      case 2:
        if (!chance(30)) return;
        {
          const std::string gone = name(static_cast<int>(pick(names)));
          wishes_.erase(gone);
          lost_.erase(gone);                     // whoever wishes for it again gives it to this node
          return say(TaskWished{gone, std::nullopt});
        }
      case 3:
      case 4:
      case 5: return answer_preparation();
      case 6:
      case 7: return answer_start();
      case 8:
      case 9: return tell_end();
      case 10: {                                 // one ends by itself
        if (processes_.empty()) return;
        auto at = processes_.begin();
        std::advance(at, pick(static_cast<std::uint32_t>(processes_.size())));
        return end(at->first, chance(50) ? 0 : static_cast<std::int32_t>(pick(4)) - 2);
      }
      case 11: return check();
      case 12:
        if (chance(70)) {
          const base::Duration ago = std::chrono::milliseconds(pick(2'000));
          if (!contact_ || *contact_ < now_ - ago) contact_ = now_ - ago;
          return say(TaskContact{now_ - ago});
        }
        return say(TaskRetry{chance(50) ? "" : name(static_cast<int>(pick(names)))});
      case 13: return pass(std::chrono::milliseconds(pick(chance(10) ? 100'000 : 3'000)));
      case 14:
        if (chance(20)) wall_ = wall_ + std::chrono::seconds(static_cast<int>(pick(100'000)) - 50'000);
        if (chance(10)) lose();
        return;
      default:
        if (chance(20)) return chance(70) ? crash() : machine_crash();
    }
  }

  void answer_preparation() {
    if (preparing_.empty()) return;
    auto at = preparing_.begin();
    std::advance(at, pick(static_cast<std::uint32_t>(preparing_.size())));
    const auto [task, id] = *at;
    preparing_.erase(at);
    say(TaskPrepared{task, id, crashes_ && chance(15) ? TaskOutcome::unavailable : TaskOutcome::done, "no link"});
  }

  void answer_start() {
    for (auto& [task, process] : processes_) {
      if (process.told) continue;
      process.told = true;
      return say(TaskStarted{task, process.run, ""});
    }
  }

  void tell_end() {
    if (ended_.empty()) return;
    const auto [task, run, status] = ended_.front();
    ended_.erase(ended_.begin());
    say(TaskExited{task, run, status});
  }

  void check() {
    if (check_.empty()) return;
    const auto [task, id] = *check_.begin();
    check_.clear();
    say(TaskChecked{task, id, crashes_ && chance(40) ? TaskChecked::Is::unwell : TaskChecked::Is::well, "no"});
  }

  void lose() {
    const int i = static_cast<int>(pick(2));
    if (!wishes_.contains(name(i)) || wishes_[name(i)] == "{}") return;
    if (!status_.contains(name(i))) return;
    lost_[name(i)] = {generation_[i], ++epoch_};
    say(TaskLease{name(i), epoch_, TaskLease::Is::lost});
  }

  // The program is killed; processes go on, and their ends are kept by whoever watches them.
  void crash() {
    if (crashing_) return;
    crashing_ = true;
    preparing_.clear();
    ended_.clear();
    check_.clear();
    pass_without_program();
    boot();
    crashing_ = false;
  }
  void pass_without_program() {
    const base::Duration time = std::chrono::milliseconds(pick(1'000));
    now_ = now_ + time;
    wall_ = wall_ + time;
    if (chance(30) && !processes_.empty()) end(processes_.begin()->first, chance(50) ? 0 : 1);
    ended_.clear();
  }
  void machine_crash() {
    processes_.clear();
    if (chance(50)) {                            // what was not saved of an end is lost with it, and the job runs again
      for (const auto& [task, exit] : exits_)
        std::erase_if(done_, [&, &gone = task](const auto& one) { return one.first == gone; });
      exits_.clear();
    }
    ++boots_;
    now_ = {1'000'000'000};
    contact_.reset();                            // by a clock that is not trusted
    crash();
  }

  void boot() {
    supervisor_ = std::make_unique<TaskSupervisor>(TaskSupervisorLimits{}, seed_);
    if (!disk_.empty()) {
      ASSERT_TRUE(supervisor_->load(disk_));
    }
    status_.clear();
    dirty_ = false;
    // Nothing before Begin has outputs that could crash it.
    const bool crashes = std::exchange(crashes_, false);
    for (const auto& [task, wish] : wishes_) say(TaskWished{task, wish});
    for (const auto& [task, lost] : lost_)
      if (lost.first == generation_[std::stoi(task.substr(1))]) say(TaskLease{task, lost.second, TaskLease::Is::lost});
    for (auto& [task, process] : processes_) {
      process.told = true;
      say(TaskFound{task, process.run, std::nullopt, ""});
    }
    for (const auto& [task, exit] : exits_) say(TaskFound{task, exit.first, exit.second, ""});
    crashes_ = crashes;
    say(TaskBegin{"boot-" + std::to_string(boots_), TaskBegin::Wall::doubtful});
  }

  std::mt19937 random_;
  std::uint32_t seed_;
  std::unique_ptr<TaskSupervisor> supervisor_;
  TaskOutputs out_;
  base::Bytes disk_;
  bool dirty_ = false, crashes_ = true, crashing_ = false;
  base::Instant now_{1'000'000'000};
  base::Time wall_ = base::parse_time("2026-03-01T12:00:00Z").value();
  std::optional<base::Instant> contact_;
  int boots_ = 0;
  std::uint64_t epoch_ = 0;
  std::map<int, std::uint64_t> generation_;
  std::map<std::string, std::string> wishes_;
  std::map<std::string, Process> processes_;
  std::map<std::string, std::pair<std::uint64_t, std::int32_t>> exits_;  // of the newest run, as the host keeps them
  std::vector<std::tuple<std::string, std::uint64_t, std::int32_t>> ended_;
  std::set<std::pair<std::string, std::uint64_t>> preparing_, done_;
  std::map<std::string, std::uint64_t> check_;
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> lost_;   // generation, epoch
  std::map<std::string, model::TaskStatus> status_;
};

// Peace: nothing fails any more, and jobs end well. Every wish comes true.
void World::settle() {
  crashes_ = false;
  for (int i = 0; i < names; ++i) {
    ++generation_[i];                            // what was lost or gave up begins anew
    wishes_[name(i)] = value(i);
    if (chance(20)) wishes_.erase(name(i));
    say(TaskWished{name(i), wishes_.contains(name(i)) ? std::optional(wishes_[name(i)]) : std::nullopt});
  }
  for (int turn = 0; turn < 600 && !::testing::Test::HasFailure(); ++turn) {
    contact_ = now_;
    say(TaskContact{now_});
    for (int i = 0; i < 4; ++i) {
      answer_preparation();
      answer_start();
      tell_end();
    }
    check();
    if (turn % 5 == 4) {
      std::vector<std::string> over;
      for (const auto& [task, process] : processes_)
        if (process.told && (process.job || task == "t4")) over.push_back(task);
      for (const std::string& task : over) end(task, 0);
    }
    pass(std::chrono::milliseconds(500));
  }
  for (int i = 0; i < names; ++i) {
    const std::string task = name(i);
    if (!wishes_.contains(task)) {
      EXPECT_FALSE(processes_.contains(task)) << task;
      EXPECT_FALSE(status_.contains(task)) << task;
      continue;
    }
    ASSERT_TRUE(status_.contains(task)) << task;
    if (i == 2 || i == 3 || i == 6) {
      EXPECT_EQ(status_[task].state, model::TaskState::done) << task << ": " << status_[task].reason;
    } else if (i != 4) {
      EXPECT_EQ(status_[task].state, model::TaskState::running) << task << ": " << status_[task].reason;
      ASSERT_TRUE(processes_.contains(task));
      EXPECT_EQ(processes_[task].generation, generation_[i]) << task;
    } else {
      EXPECT_GE(status_[task].run, 3u) << "every minute, for five";
    }
  }
}

class SupervisorLives : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(SupervisorLives, NeverRunTwiceAndEverythingComesTrueInTheEnd) {
  for (std::uint32_t i = 0; i < 3 && !HasFailure(); ++i) {
    SCOPED_TRACE("seed " + std::to_string(GetParam() * 100 + i));
    World world(GetParam() * 100 + i);
    world.live(3'000);
    world.settle();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, SupervisorLives, ::testing::Range(1U, 7U));

}  // namespace
}  // namespace selvedge::engine
