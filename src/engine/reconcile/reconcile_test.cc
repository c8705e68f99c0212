#include "engine/reconcile/reconcile.h"

#include <gtest/gtest.h>

namespace selvedge::engine {
namespace {

using namespace std::chrono_literals;
using Outcome = Finished::Outcome;

const ItemKey level{"setting", "log.level"};
const ItemKey pump{"device", "pump"};

std::vector<KindRule> rules() {
  KindRule setting{.kind = "setting", .attempts = 3, .backoff_first = 1s, .backoff_max = 4s, .stall = 60s};
  setting.good = KindRule::Good::kept;
  KindRule device{.kind = "device", .parallel = 1, .attempts = 3, .stall = 60s};
  KindRule task{.kind = "task", .parallel = 8, .attempts = 2};
  task.count = KindRule::Count::before_start;
  return {setting, device, task};
}

class ReconcileTest : public testing::Test {
 protected:
  void step(const ReconcileInput& input) {
    out.clear();
    engine.step(input, now, out);
  }
  void begin() { step(Begin{}); }
  void wish(const ItemKey& key, std::optional<std::string> value, std::vector<ItemKey> after = {}) {
    step(Wished{key, std::move(value), ++revision, std::move(after)});
  }
  void finish(const ItemKey& key, std::uint64_t action, Outcome outcome = Outcome::done,
              std::string reason = {}) {
    step(Finished{key, action, outcome, std::move(reason)});
  }
  // The one action that the last step started.
  std::uint64_t started() {
    EXPECT_EQ(out.starts.size(), 1u);
    return out.starts.empty() ? 0 : out.starts[0].action;
  }
  void wait(base::Duration time) {
    now = now + time;
    step(Tick{});
  }
  ItemReport report_of(const ItemKey& key) {
    ItemReport found;
    engine.each([&](const ItemReport& report) {
      if (report.key == key) found = report;
    });
    return found;
  }

  Reconcile engine{rules(), {}, 1};
  ReconcileOutputs out;
  base::Instant now{1'000'000'000};
  std::uint64_t revision = 0;
};

TEST_F(ReconcileTest, DoesNothingBeforeItBegins) {
  step(Observed{level, "info"});
  EXPECT_TRUE(out.starts.empty());
  wish(level, "debug");
  EXPECT_TRUE(out.starts.empty());
  begin();
  ASSERT_EQ(out.starts.size(), 1u);
  EXPECT_EQ(out.starts[0].value, "debug");
}

TEST_F(ReconcileTest, LeavesAloneWhatAlreadyRunsAsWished) {
  step(Observed{level, "debug"});
  wish(level, "debug");
  begin();
  EXPECT_TRUE(out.starts.empty());
  EXPECT_EQ(report_of(level).state, ItemState::applied);
}

TEST_F(ReconcileTest, AppliesAWishAndSaysSo) {
  begin();
  wish(level, "debug");
  ASSERT_FALSE(out.reports.empty());
  EXPECT_EQ(out.reports.back().state, ItemState::pending);
  finish(level, started());
  ASSERT_EQ(out.reports.size(), 1u);
  EXPECT_EQ(out.reports[0].state, ItemState::applied);
  EXPECT_EQ(out.reports[0].value, "debug");
  EXPECT_TRUE(out.save);
}

TEST_F(ReconcileTest, CancelsWhatIsInFlightForAnOlderWish) {
  begin();
  wish(level, "debug");
  const std::uint64_t first = started();
  wish(level, "warn");
  ASSERT_EQ(out.cancels.size(), 1u);
  EXPECT_EQ(out.cancels[0].action, first);
  EXPECT_TRUE(out.starts.empty()) << "one action of an item at a time";
  finish(level, first, Outcome::cancelled);
  ASSERT_EQ(out.starts.size(), 1u);
  EXPECT_EQ(out.starts[0].value, "warn");
  EXPECT_EQ(out.starts[0].attempt, 1u);
}

TEST_F(ReconcileTest, TakesTheEndOfACancelledActionForWhatItDid) {
  begin();
  wish(level, "debug");
  const std::uint64_t first = started();
  wish(level, "warn");
  wish(level, "debug");
  finish(level, first);  // it was faster than its cancellation
  EXPECT_TRUE(out.starts.empty());
  EXPECT_EQ(report_of(level).state, ItemState::applied);
}

TEST_F(ReconcileTest, GivesUpAnActionThatDoesNotEndAndIgnoresItLater) {
  begin();
  wish(level, "debug");
  const std::uint64_t first = started();
  wish(level, "warn");
  wait(10s);
  ASSERT_EQ(out.starts.size(), 1u);
  EXPECT_EQ(out.starts[0].value, "warn");
  const std::uint64_t second = started();
  finish(level, first);
  EXPECT_TRUE(out.starts.empty() && out.reports.empty());
  finish(level, second);
  EXPECT_EQ(report_of(level).state, ItemState::applied);
  EXPECT_EQ(engine.stats().given_up, 1u);
}

TEST_F(ReconcileTest, ActsAgainWhereAnAbandonedActionMayHaveLeftAnything) {
  step(Observed{level, "info"});
  wish(level, "info");
  begin();
  wish(level, "debug");
  wish(level, "info");
  wait(10s);
  ASSERT_EQ(out.starts.size(), 1u) << "what runs is no longer known";
  EXPECT_EQ(out.starts[0].value, "info");
}

TEST_F(ReconcileTest, TriesAgainWithPausesThatDoubleAndThenRests) {
  begin();
  wish(level, "debug");
  finish(level, started(), Outcome::failed, "no space");
  EXPECT_EQ(report_of(level).state, ItemState::pending);
  EXPECT_EQ(report_of(level).reason, "no space");
  ASSERT_TRUE(engine.wake_at());
  EXPECT_GE(*engine.wake_at() - now, 500ms);
  EXPECT_LE(*engine.wake_at() - now, 1s);
  wait(1s);
  finish(level, started(), Outcome::failed, "no space");
  EXPECT_GE(*engine.wake_at() - now, 1s);
  EXPECT_LE(*engine.wake_at() - now, 2s);
  wait(2s);
  EXPECT_EQ(out.starts.at(0).attempt, 3u);
  finish(level, started(), Outcome::failed, "no space");
  EXPECT_EQ(report_of(level).state, ItemState::failed);
  EXPECT_EQ(report_of(level).attempts, 3u);
  EXPECT_FALSE(engine.wake_at());
}

TEST_F(ReconcileTest, DoesNotRepeatWhatIsImpossible) {
  begin();
  wish(level, "bananas");
  finish(level, started(), Outcome::impossible, "not one of debug, info");
  EXPECT_EQ(report_of(level).state, ItemState::failed);
  EXPECT_FALSE(engine.wake_at());
}

TEST_F(ReconcileTest, ANewWishWakesWhatRests) {
  begin();
  wish(level, "bananas");
  finish(level, started(), Outcome::impossible, "no");
  wish(level, "bananas");
  EXPECT_TRUE(out.starts.empty()) << "the same wish again";
  wish(level, "debug");
  EXPECT_EQ(out.starts.size(), 1u);
  EXPECT_EQ(out.starts[0].attempt, 1u);
}

TEST_F(ReconcileTest, AnOperatorWakesWhatRests) {
  begin();
  wish(level, "debug");
  finish(level, started(), Outcome::impossible, "no");
  step(Retry{{}, Retry::Which::waiting});
  EXPECT_TRUE(out.starts.empty());
  step(Retry{{"setting", ""}, Retry::Which::rested_too});
  EXPECT_EQ(out.starts.size(), 1u);
}

TEST_F(ReconcileTest, WhatIsUnavailableDoesNotUseUpAttempts) {
  begin();
  wish(pump, "disabled");
  for (int i = 0; i < 20; ++i) {
    finish(pump, started(), Outcome::unavailable, "no link");
    EXPECT_EQ(report_of(pump).state, ItemState::pending);
    wait(5min);
  }
  finish(pump, started());
  EXPECT_EQ(report_of(pump).state, ItemState::applied);
}

TEST_F(ReconcileTest, RemovesWhatIsNoLongerWished) {
  step(Observed{pump, "disabled"});
  begin();
  ASSERT_EQ(out.starts.size(), 1u);
  EXPECT_FALSE(out.starts[0].value.has_value());
  finish(pump, started());
  EXPECT_EQ(out.reports.back().state, ItemState::removed);
  EXPECT_EQ(engine.stats().items, 0u);
}

TEST_F(ReconcileTest, IgnoresAWishOlderThanTheOneItKnows) {
  begin();
  step(Wished{level, "debug", 10, {}});
  step(Wished{level, "warn", 9, {}});
  EXPECT_TRUE(out.cancels.empty());
  EXPECT_EQ(report_of(level).value, "debug");
}

TEST_F(ReconcileTest, KeepsToThePlacesOfAKind) {
  begin();
  const ItemKey a{"device", "a"}, b{"device", "b"};
  wish(a, "x");
  const std::uint64_t first = started();
  wish(b, "x");
  EXPECT_TRUE(out.starts.empty());
  wish(level, "debug");
  EXPECT_EQ(out.starts.size(), 1u) << "another kind does not wait for it";
  finish(a, first, Outcome::failed, "broken");
  ASSERT_EQ(out.starts.size(), 1u) << "nor does another item for one that fails";
  EXPECT_EQ(out.starts[0].key, b);
}

TEST_F(ReconcileTest, CancelsAnActionThatMakesNoProgress) {
  begin();
  wish(pump, "disabled");
  const std::uint64_t action = started();
  wait(59s);
  step(Progressed{pump, action});
  wait(59s);
  EXPECT_TRUE(out.cancels.empty());
  wait(1s);
  ASSERT_EQ(out.cancels.size(), 1u);
  finish(pump, action, Outcome::cancelled);
  EXPECT_EQ(report_of(pump).reason, "no progress for 1m");
  EXPECT_EQ(report_of(pump).attempts, 1u);
}

TEST_F(ReconcileTest, WaitsForWhatAnItemNeeds) {
  begin();
  const ItemKey task{"task", "count"}, bundle{"device", "bundle"};
  wish(task, "run", {bundle});
  EXPECT_TRUE(out.starts.empty());
  EXPECT_EQ(report_of(task).reason, "waits for device bundle");
  wish(bundle, "here");
  finish(bundle, started());
  ASSERT_EQ(out.starts.size(), 1u);
  EXPECT_EQ(out.starts[0].key, task);
  EXPECT_TRUE(out.save_first);
}

TEST_F(ReconcileTest, PutsBackWhatSomebodyElseChanged) {
  begin();
  wish(pump, "disabled");
  finish(pump, started());
  step(Observed{pump, "enabled"});
  ASSERT_EQ(out.starts.size(), 1u);
  EXPECT_EQ(out.starts[0].value, "disabled");
}

TEST_F(ReconcileTest, RefusesWhatIsBeyondItsBounds) {
  Reconcile small(rules(), {.items = 1, .value_bytes = 10, .after = 1}, 1);
  small.step(Begin{}, now, out);
  small.step(Wished{level, std::string(11, 'x'), 1, {}}, now, out);
  small.step(Wished{{"unknown", "x"}, "x", 1, {}}, now, out);
  small.step(Wished{level, "x", 1, {level, pump}}, now, out);
  EXPECT_TRUE(out.starts.empty());
  small.step(Wished{level, "x", 1, {}}, now, out);
  small.step(Wished{pump, "x", 1, {}}, now, out);
  EXPECT_EQ(out.starts.size(), 1u);
  EXPECT_EQ(small.stats().refused, 4u);
}

}  // namespace
}  // namespace selvedge::engine
