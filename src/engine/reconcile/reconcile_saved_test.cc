// What survives a restart.

#include <gtest/gtest.h>

#include "engine/reconcile/reconcile.h"

namespace selvedge::engine {
namespace {

using namespace std::chrono_literals;
using Outcome = Finished::Outcome;

const ItemKey level{"setting", "log.level"};
const ItemKey task{"task", "count"};

std::unique_ptr<Reconcile> make() {
  KindRule setting{.kind = "setting", .attempts = 3};
  setting.good = KindRule::Good::kept;
  KindRule tasks{.kind = "task", .attempts = 2};
  tasks.count = KindRule::Count::before_start;
  return std::make_unique<Reconcile>(std::vector{setting, tasks}, ReconcileLimits{}, 1);
}

std::unique_ptr<Reconcile> restarted(const Reconcile& before) {
  base::Bytes saved;
  before.save(saved);
  auto after = make();
  EXPECT_TRUE(after->load(saved));
  return after;
}

struct Step {
  Reconcile& engine;
  base::Instant now{1'000'000'000};
  ReconcileOutputs operator()(const ReconcileInput& input) {
    ReconcileOutputs out;
    engine.step(input, now, out);
    return out;
  }
};

TEST(ReconcileSaved, AttemptsGoOnWhereTheyWere) {
  auto engine = make();
  Step step{*engine};
  step(Begin{});
  auto out = step(Wished{level, "debug", 1, {}});
  step(Finished{level, out.starts.at(0).action, Outcome::failed, "why"});

  auto again = restarted(*engine);
  Step next{*again};
  next(Wished{level, "debug", 7, {}});
  out = next(Begin{});
  EXPECT_TRUE(out.starts.empty()) << "it waits first";
  next.now = *again->wake_at();
  out = next(Tick{});
  ASSERT_EQ(out.starts.size(), 1u);
  EXPECT_EQ(out.starts[0].attempt, 2u);
}

TEST(ReconcileSaved, WhatRestedRestsWithItsReason) {
  auto engine = make();
  Step step{*engine};
  step(Begin{});
  const auto out = step(Wished{level, "bananas", 1, {}});
  step(Finished{level, out.starts.at(0).action, Outcome::impossible, "not a level"});

  auto again = restarted(*engine);
  Step next{*again};
  next(Wished{level, "bananas", 2, {}});
  const auto begun = next(Begin{});
  EXPECT_TRUE(begun.starts.empty());
  ASSERT_EQ(begun.reports.size(), 1u);
  EXPECT_EQ(begun.reports[0].state, ItemState::failed);
  EXPECT_EQ(begun.reports[0].reason, "not a level");
}

TEST(ReconcileSaved, AnotherWishAfterTheRestartIsTriedAtOnce) {
  auto engine = make();
  Step step{*engine};
  step(Begin{});
  const auto out = step(Wished{level, "bananas", 1, {}});
  step(Finished{level, out.starts.at(0).action, Outcome::impossible, "not a level"});
  auto again = restarted(*engine);
  Step next{*again};
  next(Wished{level, "debug", 2, {}});
  EXPECT_EQ(next(Begin{}).starts.size(), 1u);
}

TEST(ReconcileSaved, TheLastValueThatWorkedIsThere) {
  auto engine = make();
  Step step{*engine};
  step(Begin{});
  auto out = step(Wished{level, "debug", 1, {}});
  step(Finished{level, out.starts.at(0).action, Outcome::done, ""});
  out = step(Wished{level, "bananas", 2, {}});
  step(Finished{level, out.starts.at(0).action, Outcome::impossible, "not a level"});

  auto again = restarted(*engine);
  int seen = 0;
  again->each_good([&](const ItemKey& key, std::string_view value) {
    EXPECT_EQ(key, level);
    EXPECT_EQ(value, "debug");
    ++seen;
  });
  EXPECT_EQ(seen, 1);
}

TEST(ReconcileSaved, AnActionThatMayHaveEndedTheProgramCounts) {
  auto engine = make();
  Step step{*engine};
  step(Begin{});
  EXPECT_TRUE(step(Wished{task, "run", 1, {}}).save_first);
  auto second = restarted(*engine);
  Step next{*second};
  next(Wished{task, "run", 1, {}});
  EXPECT_TRUE(next(Begin{}).starts.empty()) << "a pause first";
  next.now = *second->wake_at();
  EXPECT_EQ(next(Tick{}).starts.size(), 1u);
  auto third = restarted(*second);
  Step last{*third};
  last(Wished{task, "run", 1, {}});
  const auto out = last(Begin{});
  EXPECT_TRUE(out.starts.empty());
  EXPECT_EQ(out.reports.at(0).state, ItemState::failed);
  EXPECT_EQ(out.reports.at(0).reason, "the node ended while it was tried");
}

TEST(ReconcileSaved, AnActionThatACrashInterruptedIsNoFailure) {
  auto engine = make();
  Step step{*engine};
  step(Begin{});
  step(Wished{level, "debug", 1, {}});
  auto again = restarted(*engine);
  Step next{*again};
  next(Wished{level, "debug", 1, {}});
  const auto out = next(Begin{});
  ASSERT_EQ(out.starts.size(), 1u);
  EXPECT_EQ(out.starts[0].attempt, 1u);
}

TEST(ReconcileSaved, DamageIsNoticedAtEveryByte) {
  auto engine = make();
  Step step{*engine};
  step(Begin{});
  const auto out = step(Wished{level, "debug", 1, {}});
  step(Finished{level, out.starts.at(0).action, Outcome::done, ""});
  base::Bytes saved;
  engine->save(saved);
  ASSERT_TRUE(make()->load(saved));
  for (std::size_t i = 0; i < saved.size(); ++i) {
    base::Bytes damaged = saved;
    damaged[i] ^= 0x40;
    EXPECT_FALSE(make()->load(damaged)) << i;
    damaged = saved;
    damaged.resize(i);
    EXPECT_FALSE(make()->load(damaged)) << i;
  }
}

}  // namespace
}  // namespace selvedge::engine
