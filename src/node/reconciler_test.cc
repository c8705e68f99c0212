// The reconciler on a fake disk, with a kind whose actions take their time.

#include "node/reconciler.h"

#include <gtest/gtest.h>

#include "os/fake/simulation.h"
#include "base/json_pointer.h"

namespace selvedge::node {
namespace {

using engine::Finished;
using model::TwinPart;

// What the machine runs: survives crashes of the program, as a container or a firmware would.
struct Plant {
  std::map<std::string, std::string> runs;
  std::map<std::string, int> starts;           // by value
  std::set<std::string> broken;                // values that cannot be started
  base::Duration takes = std::chrono::milliseconds(300);
};

class TaskKind final : public ReconcileKind {
 public:
  TaskKind(os::Loop& loop, Plant& plant) : loop_(loop), plant_(plant) {}

  engine::KindRule rule() const override {
    engine::KindRule rule{.kind = "task", .parallel = 2, .attempts = 3};
    rule.count = engine::KindRule::Count::before_start;
    return rule;
  }
  std::string_view feature() const override { return "tasks"; }
  void wished(const engine::Twin& twin, const Item& item) const override {
    each_wished_object(twin, feature(), item);
  }
  void running(const Item& item) const override {
    for (const auto& [name, value] : plant_.runs) item(name, value);
  }
  void start(const engine::StartAction& action, Done done) override {
    if (action.value) ++plant_.starts[*action.value];
    under_way_[action.action] = {action, std::move(done)};
    loop_.after(plant_.takes, [this, number = action.action, weak = std::weak_ptr<int>(alive_)] {
      if (!weak.expired()) end(number);
    });
  }
  void cancel(const engine::CancelAction& action) override {
    auto node = under_way_.extract(action.action);
    if (!node.empty()) node.mapped().done({Finished::Outcome::cancelled, {}});
  }
  std::string status_path(std::string_view name) const override { return "/" + base::pointer_token(name); }
  void report(const engine::ItemReport&, std::vector<ReportedLeaf>&) const override {}
  std::string item_of(std::string_view path) const override { return take_part(path); }

 private:
  struct Action {
    engine::StartAction what;
    Done done;
  };
  void end(std::uint64_t number) {
    auto node = under_way_.extract(number);
    if (node.empty()) return;
    const Action action = std::move(node.mapped());
    if (action.what.value && plant_.broken.contains(*action.what.value))
      return action.done({Finished::Outcome::failed, "it does not start"});
    if (action.what.value) plant_.runs[action.what.key.name] = *action.what.value;
    else plant_.runs.erase(action.what.key.name);
    action.done({});
  }

  os::Loop& loop_;
  Plant& plant_;
  std::map<std::uint64_t, Action> under_way_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

class ReconcilerTest : public testing::Test {
 protected:
  void boot() {
    metrics = std::make_unique<base::Registry>();
    auto opened = store::TwinStore::open(machine, "state/twins", "edge-1", {});
    ASSERT_TRUE(opened) << opened.error().message;
    twins = std::move(*opened);
    std::vector<std::unique_ptr<ReconcileKind>> kinds;
    kinds.push_back(std::make_unique<TaskKind>(machine.loop(), plant));
    auto made = Reconciler::open(machine, "state", *twins, std::move(kinds), *metrics);
    ASSERT_TRUE(made) << made.error().message;
    reconciler = std::move(*made);
    reconciler->start("edge-1");
  }
  void halt() {
    reconciler.reset();
    twins.reset();
  }
  void wish(const std::string& name, std::string_view json) {
    const std::string pointer = "/features/tasks/desiredProperties/" + name;
    ASSERT_TRUE(twins->edit(id, json.empty() ? engine::TwinEdit{engine::TwinEdit::Kind::remove, pointer, ""}
                                             : engine::TwinEdit{engine::TwinEdit::Kind::put, pointer, json}));
    twins->commit([] {});
  }
  std::string said(const std::string& path) {
    const engine::Twin* twin = twins->find(id);
    return twin == nullptr ? "" : std::string(twin->leaf(TwinPart::reported, "/tasks" + path));
  }
  void run_until(const std::function<bool()>& done) {
    ASSERT_TRUE(sim.run_until(done, std::chrono::hours(1))) << "seed " << sim.seed();
  }

  os::fake::Simulation sim{11};
  os::fake::Machine& machine = sim.machine("site");
  Plant plant;
  std::unique_ptr<base::Registry> metrics;
  std::unique_ptr<store::TwinStore> twins;
  std::unique_ptr<Reconciler> reconciler;
  const std::string id = "edge-1:_node";
};

TEST_F(ReconcilerTest, WhatIsWishedRunsAndWhatIsNotEnds) {
  boot();
  wish("a", R"({"v":1})");
  wish("b", R"({"v":2})");
  run_until([&] { return said("/a/state") == "\"applied\"" && said("/b/state") == "\"applied\""; });
  EXPECT_EQ(plant.runs["a"], R"({"v":1})");
  wish("a", "");
  run_until([&] { return !plant.runs.contains("a") && said("/a/state").empty(); });
  EXPECT_TRUE(plant.runs.contains("b"));
}

TEST_F(ReconcilerTest, ANewerWishDoesNotWaitForAnOlderOne) {
  plant.takes = std::chrono::minutes(5);
  boot();
  wish("a", R"({"v":1})");
  sim.run_for(std::chrono::seconds(1));
  plant.takes = std::chrono::milliseconds(10);
  wish("a", R"({"v":2})");
  run_until([&] { return said("/a/state") == "\"applied\""; });
  EXPECT_EQ(plant.runs["a"], R"({"v":2})");
}

TEST_F(ReconcilerTest, AFailureIsSaidAndTriedThreeTimesAlsoOverRestarts) {
  plant.broken = {R"({"v":1})"};
  boot();
  wish("a", R"({"v":1})");
  run_until([&] { return said("/a/attempts") == "1" && !said("/a/reason").empty(); });
  EXPECT_EQ(said("/a/reason"), "\"it does not start\"");
  sim.run_for(std::chrono::milliseconds(50));
  machine.crash();
  halt();
  machine.restart();
  boot();
  run_until([&] { return said("/a/state") == "\"failed\""; });
  sim.run_for(std::chrono::hours(2));
  EXPECT_EQ(plant.starts[R"({"v":1})"], 3);
  plant.broken.clear();
  reconciler->retry();
  run_until([&] { return said("/a/state") == "\"applied\""; });
}

TEST_F(ReconcilerTest, ADamagedFileCostsNothingButAttempts) {
  boot();
  wish("a", R"({"v":1})");
  run_until([&] { return said("/a/state") == "\"applied\""; });
  sim.run_for(std::chrono::seconds(1));
  halt();
  auto dir = machine.directory("state", true);
  ASSERT_TRUE(os::write_file(**dir, "reconcile", base::as_bytes("rubbish")));
  boot();
  sim.run_for(std::chrono::minutes(1));
  EXPECT_EQ(plant.starts[R"({"v":1})"], 1) << "it runs already";
  EXPECT_EQ(said("/a/state"), "\"applied\"");
}

TEST_F(ReconcilerTest, AStartWaitsForItsCountToBeOnDisk) {
  boot();
  sim.run_for(std::chrono::seconds(1));
  machine.disk().model.sync_latency = std::chrono::seconds(2);
  wish("a", R"({"v":1})");
  sim.run_for(std::chrono::seconds(1));
  EXPECT_EQ(plant.starts[R"({"v":1})"], 0);
  run_until([&] { return plant.starts[R"({"v":1})"] == 1; });
  // A wish that changes while its start waits is not started at all.
  wish("b", R"({"v":1,"b":1})");
  sim.run_for(std::chrono::milliseconds(500));
  wish("b", R"({"v":2,"b":1})");
  run_until([&] { return said("/b/state") == "\"applied\""; });
  EXPECT_EQ(plant.starts[R"({"v":1,"b":1})"], 0);
}

// The power goes at the n-th change of the disk, for every n.
TEST_F(ReconcilerTest, APowerCutAtAnyStepGoesOnFromDisk) {
  boot();
  std::uint64_t cuts = 0;
  for (std::uint64_t n = 1; n <= 40; ++n) {
    SCOPED_TRACE(n);
    const std::string value = "{\"v\":" + std::to_string(n) + "}";
    machine.crash_at_write(n % 20 + 1);
    wish("a", value);
    sim.run_for(std::chrono::seconds(3));
    if (!machine.alive()) {
      ++cuts;
      halt();
      machine.restart();
      boot();
    }
    machine.crash_at_write(0);
    const auto wished = [&] {
      const engine::Twin* twin = twins->find(id);
      const auto json = twin == nullptr ? base::Result<std::string>(std::string())
                                        : twin->json(id, "/features/tasks/desiredProperties/a");
      return json ? *json : std::string();
    };
    run_until([&] {
      return plant.runs["a"] == wished() &&
             said("/a/state") == (wished().empty() ? "" : "\"applied\"");
    });
    EXPECT_LE(plant.starts[value], 3);
  }
  EXPECT_GT(cuts, 3u);
}

}  // namespace
}  // namespace selvedge::node
