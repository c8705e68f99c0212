// A node and the wishes of its own twin.

#include "base/log.h"
#include "node/node_fixture.h"
#include "store/twin_store.h"

namespace selvedge::node {
namespace {

using codec::mqtt::Reason;
using model::TwinPart;

class WishTest : public NodeTest {
 protected:
  WishTest() { config.name = "edge-1"; }

  void wish(std::string_view path, std::string_view json) {
    const std::string pointer = "/features" + std::string(path);
    const auto edited = node->twins().edit(
        id, json.empty() ? engine::TwinEdit{engine::TwinEdit::Kind::remove, pointer, ""}
                         : engine::TwinEdit{engine::TwinEdit::Kind::put, pointer, json});
    ASSERT_TRUE(edited) << edited.error().message;
    bool durable = false;
    node->twins().commit([&] { durable = true; });
    run_until([&] { return durable; });
  }

  std::string reported(std::string_view path) {
    const engine::Twin* twin = node->twins().find(id);
    return twin == nullptr ? "" : std::string(twin->leaf(TwinPart::reported, path));
  }
  std::string desired(std::string_view path) {
    const engine::Twin* twin = node->twins().find(id);
    return twin == nullptr ? "" : std::string(twin->leaf(TwinPart::desired, path));
  }

  const std::string id = "edge-1:_node";
};

TEST_F(WishTest, ASettingChangesLiveAndSaysSo) {
  start();
  wish("/settings/desiredProperties/log/level", "\"error\"");
  run_until([&] { return reported("/settings/status/log.level/state") == "\"applied\""; });
  EXPECT_EQ(reported("/settings/log/level"), "\"error\"");
  EXPECT_EQ(reported("/settings/status/log.level/attempts"), "0");
  EXPECT_NE(reported("/settings/status/log.level/at"), "");
  EXPECT_FALSE(base::log::enabled(base::log::Level::warn));
  wish("/settings/desiredProperties/log/level", "");
  run_until([&] { return reported("/settings/status/log.level/state").empty(); });
  EXPECT_EQ(reported("/settings/log/level"), "");
  EXPECT_TRUE(base::log::enabled(base::log::Level::warn));
}

TEST_F(WishTest, ABadValueIsRefusedWithTheReasonAndTheOldOneStays) {
  start();
  wish("/settings/desiredProperties/store/retention", "\"2h\"");
  run_until([&] { return reported("/settings/status/store.retention/state") == "\"applied\""; });
  wish("/settings/desiredProperties/store/retention", "\"soon\"");
  run_until([&] { return reported("/settings/status/store.retention/state") == "\"failed\""; });
  EXPECT_NE(reported("/settings/status/store.retention/reason").find("duration 'soon'"),
            std::string::npos);
  EXPECT_EQ(reported("/settings/store/retention"), "\"2h\"");
}

TEST_F(WishTest, ARuleOfAggregationChangesWhileAWindowIsOpen) {
  AggregateConfig& rule = config.aggregates.emplace_back();
  rule.filter = "plant/#";
  rule.window = std::chrono::seconds(60);
  rule.functions = {"mean"};
  rule.raw = "keep";
  start();
  client::Device& boiler = device("boiler");
  publish(boiler, "plant/7", "3");
  publish(boiler, "plant/7", "5");
  wish("/settings/desiredProperties/aggregates", R"([{"filter":"plant/#","window":"60s","functions":["max"]}])");
  run_until([&] { return reported("/settings/status/aggregates/state") == "\"applied\""; });
  EXPECT_EQ(values("plant/7/mean"), (std::vector<double>{4})) << "what was open comes out by the old rule";
  publish(boiler, "plant/7", "9");
  sim.run_for(std::chrono::seconds(1));
  power_cut_and_restart();
  sim.run_for(std::chrono::seconds(130));
  EXPECT_EQ(values("plant/7/max"), (std::vector<double>{9})) << "of what came after the change, once";
  EXPECT_EQ(values("plant/7/mean"), (std::vector<double>{4})) << "and nothing more by the old one";
}

TEST_F(WishTest, AWishSurvivesAPowerCutAndSoDoesARefusal) {
  start();
  wish("/settings/desiredProperties/topics", R"([{"filter":"raw/+","ignore":true}])");
  run_until([&] { return reported("/settings/status/topics/state") == "\"applied\""; });
  wish("/settings/desiredProperties/topics", R"([{"filter":"#/raw"}])");
  run_until([&] { return reported("/settings/status/topics/state") == "\"failed\""; });
  sim.run_for(std::chrono::seconds(1));
  power_cut_and_restart();
  client::Device& pump = device("pump");
  publish(pump, "raw/temp", "21");
  EXPECT_TRUE(values("raw/temp").empty()) << "the last topics that worked are in force";
  EXPECT_EQ(reported("/settings/status/topics/state"), "\"failed\"");
  wish("/settings/desiredProperties/topics", "");
  run_until([&] { return reported("/settings/topics").empty(); });
  publish(pump, "raw/temp", "22");
  EXPECT_EQ(values("raw/temp"), (std::vector<double>{22}));
}

TEST_F(WishTest, ARestartSaysNothingThatWasSaid) {
  start();
  wish("/settings/desiredProperties/log/level", "\"error\"");
  wish("/devices/desiredProperties/pump/disabled", "true");
  run_until([&] { return reported("/devices/pump/state") == "\"applied\""; });
  const std::string level_at = reported("/settings/status/log.level/at");
  const std::string pump_at = reported("/devices/pump/at");
  sim.run_for(std::chrono::minutes(2));
  power_cut_and_restart();
  sim.run_for(std::chrono::minutes(1));
  EXPECT_EQ(reported("/settings/status/log.level/at"), level_at);
  EXPECT_EQ(reported("/devices/pump/at"), pump_at);
}

TEST_F(WishTest, ADisabledDeviceIsDisconnectedAndStaysOut) {
  start();
  client::Device& pump = device("pump");
  wish("/devices/desiredProperties/pump", R"({"disabled":true})");
  run_until([&] { return !pump.connected(); });
  run_until([&] { return reported("/devices/pump/state") == "\"applied\""; });
  EXPECT_EQ(reported("/devices/pump/disabled"), "true");
  sim.run_for(std::chrono::seconds(30));
  EXPECT_FALSE(pump.connected());
  wish("/devices/desiredProperties/pump", "");
  run_until([&] { return pump.connected(); });
  EXPECT_EQ(reported("/devices/pump/state"), "");
}

TEST_F(WishTest, AWishThatIsNoWishSaysWhy) {
  start();
  wish("/devices/desiredProperties/pump", R"({"disabld":true})");
  wish("/artifacts/desiredProperties/model", R"({"digest":"xyz"})");
  run_until([&] { return reported("/artifacts/model/state") == "\"failed\""; });
  EXPECT_EQ(reported("/devices/pump/reason"),
            "\"'disabld' is not one of disabled, certificate, revoked\"");
  EXPECT_EQ(reported("/artifacts/model/reason"), "\"digest: expected SHA-256 in hex\"");
}

TEST_F(WishTest, AnArtifactWaitsForTheCloudAndIsForgottenWithItsWish) {
  start();
  wish("/artifacts/desiredProperties/model", R"({"version":3})");
  run_until([&] { return reported("/artifacts/model/state") == "\"pending\""; });
  wish("/artifacts/desiredProperties/model", "");
  run_until([&] { return reported("/artifacts/model/state").empty(); });
}

TEST_F(WishTest, TheNodeSaysWhatItIs) {
  start();
  EXPECT_EQ(reported("/node/name"), "\"edge-1\"");
  EXPECT_NE(reported("/node/version"), "");
  EXPECT_NE(reported("/node/arch"), "");
}

TEST_F(WishTest, RetryIsAWishToo) {
  start();
  wish("/settings/desiredProperties/log/level", "\"loud\"");
  run_until([&] { return reported("/settings/status/log.level/state") == "\"failed\""; });
  wish("/reconcile/desiredProperties/retry", "1");
  run_until([&] { return reported("/reconcile/retry") == "1"; });
  run_until([&] { return reported("/settings/status/log.level/state") == "\"failed\""; });
}

// The power goes at the n-th change of the disk, for every n until the wish came through without.
TEST_F(WishTest, APowerCutAtAnyStepGoesOnFromDisk) {
  int cuts = 0;
  for (std::uint64_t n = 1; n <= 60; ++n) {
    SCOPED_TRACE(n);
    if (!node) start();
    machine.crash_at_write(n);
    const std::string value = "\"" + std::to_string(n) + "h\"";
    const std::string disabled = n % 2 == 0 ? "true" : "false";
    const auto edit = [&](std::string_view pointer, std::string_view json) {
      if (machine.alive())
        base::ignore(node->twins().edit(id, {engine::TwinEdit::Kind::put, pointer, json}), "the disk may be gone");
    };
    edit("/features/settings/desiredProperties/store/retention", value);
    edit("/features/devices/desiredProperties/pump/disabled", disabled);
    if (machine.alive()) node->twins().commit([] {});
    sim.run_for(std::chrono::seconds(20));
    if (!machine.alive()) {
      ++cuts;
      node.reset();
      machine.restart();
      start();
    } else {
      machine.crash_at_write(0);
    }
    run_until([&] {
      const std::string wished = desired("/settings/store/retention");
      return wished == reported("/settings/store/retention") &&
             desired("/devices/pump/disabled") == reported("/devices/pump/disabled") &&
             (wished.empty() || reported("/settings/status/store.retention/state") == "\"applied\"");
    });
  }
  EXPECT_GT(cuts, 5);
}

}  // namespace
}  // namespace selvedge::node
