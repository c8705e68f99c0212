// Random wishes, failures, crashes, cancellations that race, ends that come late: in the end what
// runs is what is wished, wherever it can be.

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "engine/reconcile/reconcile.h"

namespace selvedge::engine {
namespace {

using namespace std::chrono_literals;
using Outcome = Finished::Outcome;
using Left = Finished::Left;
using Value = std::optional<std::string>;

constexpr std::uint32_t attempts = 3, parallel = 2;

// A node that carries out what it is told, badly.
class Host {
 public:
  explicit Host(std::uint32_t seed) : random_(seed) { boot(); }

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) one();
  }

  // From here on only what is impossible fails.
  void come_to_rest() {
    calm_ = true;
    for (int round = 0; round < 2; ++round) {
      for (int i = 0; i < 400; ++i) {
        if (!flight_.empty()) {
          end_one(0);
          continue;
        }
        const auto at = engine_->wake_at();
        if (!at) break;
        now_ = std::max(now_, *at);
        step(Tick{});
      }
      if (round == 0) step(Retry{});
    }
    EXPECT_FALSE(engine_->wake_at());
    std::map<ItemKey, ItemReport> reports;
    engine_->each([&](const ItemReport& report) { reports[report.key] = report; });
    for (const auto& [key, value] : wishes_) {
      if (value && impossible(*value)) {
        EXPECT_EQ(reports[key].state, ItemState::failed) << key.name;
        EXPECT_FALSE(reports[key].reason.empty());
        continue;
      }
      const auto at = actual_.find(key);
      EXPECT_EQ(at == actual_.end() ? Value{} : at->second, value) << key.kind << " " << key.name;
      if (value) {
        EXPECT_EQ(reports[key].state, ItemState::applied);
      }
    }
  }

 private:
  struct Action {
    StartAction what;
    bool cancelled = false;
    base::Instant cancelled_at{};
  };

  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
  bool chance(std::uint32_t percent) { return below(100) < percent; }
  static bool impossible(const std::string& value) { return value == "v3"; }

  ItemKey any_key() {
    return {below(2) == 0 ? "setting" : "task", std::string(1, static_cast<char>('a' + below(3)))};
  }

  void boot() {
    KindRule setting{.kind = "setting", .parallel = parallel, .attempts = attempts, .stall = 100s};
    setting.good = KindRule::Good::kept;
    KindRule task{.kind = "task", .parallel = parallel, .attempts = attempts, .stall = 100s};
    task.count = KindRule::Count::before_start;
    engine_ = std::make_unique<Reconcile>(std::vector{setting, task}, ReconcileLimits{}, below(100));
    if (!saved_.empty()) {
      EXPECT_TRUE(engine_->load(saved_));
    }
    for (const auto& [key, value] : actual_) step(Observed{key, value});
    for (const auto& [key, value] : wishes_) step(Wished{key, value, revisions_[key], {}});
    step(Begin{});
  }

  void crash() {
    // What was in flight did its work, or left it half done, or had not begun.
    for (const auto& [id, action] : flight_) {
      const std::uint32_t how = below(3);
      const bool hopeless = action.what.value && impossible(*action.what.value);
      if (how == 0 && !hopeless) set_actual(action.what.key, action.what.value);
      if (how == 1) set_actual(action.what.key, "half");
    }
    flight_.clear();
    late_.clear();
    boot();
  }

  void set_actual(const ItemKey& key, const Value& value) {
    if (value) actual_[key] = *value;
    else actual_.erase(key);
    tries_[key] = 0;
  }

  void one() {
    now_ = now_ + base::Duration(below(2'000)) * 1'000'000;
    switch (below(12)) {
      case 0: case 1: case 2: {
        const ItemKey key = any_key();
        Value value;
        if (below(4) != 0) value = "v" + std::to_string(below(4));
        if (wishes_[key] != value) tries_[key] = 0;
        wishes_[key] = value;
        revisions_[key] = ++revision_;
        return step(Wished{key, value, revision_, {}});
      }
      case 3:  // an old wish comes late
        if (revision_ > 0) {
          const ItemKey key = any_key();
          if (wishes_[key] && revisions_[key] > 1) step(Wished{key, "old", revisions_[key] - 1, {}});
        }
        return;
      case 4: case 5: case 6: case 7:
        if (!flight_.empty()) end_one(below(static_cast<std::uint32_t>(flight_.size())));
        return;
      case 8:
        if (chance(30)) return crash();
        now_ = now_ + std::chrono::seconds(below(120));
        return step(Tick{});
      case 9:  // somebody else changes what runs
        if (chance(30)) {
          const ItemKey key = any_key();
          for (const auto& [id, action] : flight_)
            if (action.what.key == key) return;
          set_actual(key, chance(50) ? Value{} : Value{"drifted"});
          const auto at = actual_.find(key);
          step(Observed{key, at == actual_.end() ? Value{} : Value{at->second}});
        }
        return;
      case 10:  // the end of an action that was given up
        if (!late_.empty()) {
          const StartAction what = late_.back();
          late_.pop_back();
          step(Finished{what.key, what.action, Outcome::done, {}});
        }
        return;
      default:
        if (const auto at = engine_->wake_at()) now_ = std::max(now_, *at);
        step(Tick{});
    }
  }

  void end_one(std::uint32_t index) {
    auto at = flight_.begin();
    std::advance(at, index);
    const Action action = at->second;
    flight_.erase(at);
    Finished end{action.what.key, action.what.action, Outcome::done, "it broke"};
    const bool hopeless = action.what.value && impossible(*action.what.value);
    if (action.cancelled && (hopeless || !chance(20))) end.outcome = Outcome::cancelled;
    else if (hopeless) end.outcome = chance(20) && !calm_ ? Outcome::impossible : Outcome::failed;
    else if (!calm_ && chance(40)) end.outcome = chance(20) ? Outcome::unavailable : Outcome::failed;
    if (end.outcome == Outcome::done) {
      set_actual(action.what.key, action.what.value);
    } else if (!calm_ && chance(20)) {
      const int tries = tries_[action.what.key];
      set_actual(action.what.key, "half");
      tries_[action.what.key] = tries;
      end.left = Left::unknown;
    }
    if (end.outcome == Outcome::unavailable && !action.cancelled) --tries_[action.what.key];
    step(end);
  }

  void step(const ReconcileInput& input) {
    ReconcileOutputs out;
    engine_->step(input, now_, out);
    if (out.save_first || (out.save && chance(70))) {
      saved_.clear();
      engine_->save(saved_);
    }
    for (const CancelAction& cancel : out.cancels) {
      ASSERT_TRUE(flight_.contains(cancel.action));
      flight_[cancel.action].cancelled = true;
      flight_[cancel.action].cancelled_at = now_;
    }
    for (const StartAction& start : out.starts) take(start);
    for (const ItemReport& report : out.reports) {
      EXPECT_EQ(report.value, wishes_[report.key]) << "a superseded wish was reported";
      EXPECT_LE(report.attempts, attempts);
    }
    std::map<std::string, std::uint32_t> busy;
    for (const auto& [id, action] : flight_)
      if (!action.cancelled || now_ - action.cancelled_at < 10s) ++busy[action.what.key.kind];
    for (const auto& [kind, count] : busy) EXPECT_LE(count, parallel) << kind;
  }

  void take(const StartAction& start) {
    for (auto at = flight_.begin(); at != flight_.end();) {
      const Action& action = at->second;
      if (action.what.key != start.key) {
        ++at;
        continue;
      }
      EXPECT_TRUE(action.cancelled && now_ - action.cancelled_at >= 10s) << "two actions of one item";
      late_.push_back(action.what);
      at = flight_.erase(at);
    }
    EXPECT_EQ(start.value, wishes_[start.key]);
    // A wish that went on being tried across crashes may have been forgotten with them, but for
    // kinds that count first.
    ++tries_[start.key];
    if (start.key.kind == "task" && !calm_) {
      EXPECT_LE(tries_[start.key], static_cast<int>(attempts)) << start.key.name;
    }
    flight_[start.action] = {start};
  }

  std::mt19937 random_;
  std::unique_ptr<Reconcile> engine_;
  base::Instant now_{1'000'000'000};
  base::Bytes saved_;
  std::map<ItemKey, Value> wishes_;
  std::map<ItemKey, std::uint64_t> revisions_;
  std::map<ItemKey, std::string> actual_;
  std::map<ItemKey, int> tries_;               // of the newest wish, since it last worked
  std::map<std::uint64_t, Action> flight_;
  std::vector<StartAction> late_;
  std::uint64_t revision_ = 0;
  bool calm_ = false;
};

TEST(ReconcileProperty, WhatRunsBecomesWhatIsWished) {
  for (std::uint32_t seed = 1; seed <= 10'000; ++seed) {
    Host host(seed);
    host.run(60);
    host.come_to_rest();
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace selvedge::engine
