#include "node/live_settings.h"

#include <gtest/gtest.h>

namespace selvedge::node {
namespace {

NodeConfig file() {
  NodeConfig config;
  config.log_level = "warn";
  config.sources = {{"log.level", "node.toml:3"}};
  EXPECT_TRUE(config.finish());
  return config;
}

std::string source(const LiveSettings& live, std::string_view key) {
  for (const auto& e : live.explained())
    if (e.key == key) return e.from;
  return {};
}

TEST(LiveSettings, AWishGoesAboveTheFileAndTheFileComesBack) {
  LiveSettings live(file());
  EXPECT_EQ(source(live, "log.level"), "node.toml:3");
  ASSERT_TRUE(live.set("log.level", "\"debug\""));
  EXPECT_EQ(live.current().log_level, "debug");
  EXPECT_EQ(source(live, "log.level"), "twin");
  ASSERT_TRUE(live.unset("log.level"));
  EXPECT_EQ(live.current().log_level, "warn");
  EXPECT_EQ(source(live, "log.level"), "node.toml:3");
}

TEST(LiveSettings, AWishFollowsTheRulesOfTheFile) {
  LiveSettings live(file());
  int applied = 0;
  live.on_change([&](const NodeConfig&) {
    ++applied;
    return base::Result<void>();
  });
  EXPECT_FALSE(live.set("log.level", "\"loud\""));
  EXPECT_FALSE(live.set("store.blocks", "\"1MiB\"")) << "less than two segments";
  EXPECT_FALSE(live.set("topics", R"([{"filter":"a/#/b"}])"));
  EXPECT_FALSE(live.set("topics", "{}"));
  EXPECT_EQ(applied, 0);
  EXPECT_EQ(live.current().log_level, "warn");
  ASSERT_TRUE(live.set("store.retention", "\"2h\""));
  EXPECT_EQ(applied, 1);
  EXPECT_EQ(live.current().store.retention, std::chrono::hours(2));
}

TEST(LiveSettings, WhatNeedsARestartIsForTheFile) {
  LiveSettings live(file());
  const auto set = live.set("mqtt.listen", "[\":1\"]");
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().message,
            "mqtt.listen: needs a restart, so it can only be set in the node's configuration file");
  EXPECT_EQ(live.set("log.levl", "1").error().message,
            "unknown setting 'log.levl'; did you mean 'log.level'?");
}

TEST(LiveSettings, AWishWhoseEffectFailsIsNotInForce) {
  LiveSettings live(file());
  live.on_change([](const NodeConfig&) -> base::Result<void> {
    return base::fail(base::Code::unavailable, "not now");
  });
  EXPECT_FALSE(live.set("log.level", "\"debug\""));
  EXPECT_EQ(live.current().log_level, "warn");
  EXPECT_TRUE(live.wishes().empty());
}

TEST(LiveSettings, RestoresWhatTheFileStillAllows) {
  LiveSettings live(file());
  const auto taken = live.restore({{"log.level", "\"debug\""},
                                   {"store.blocks", "\"1MiB\""},
                                   {"gone.away", "1"},
                                   {"uplink.bytes-per-second", "1000"}});
  EXPECT_EQ(taken, (std::vector<std::string>{"log.level", "uplink.bytes-per-second"}));
  EXPECT_EQ(live.current().forward.bytes_per_second, 1000u);
}

TEST(LiveSettings, TopicsAreOneList) {
  NodeConfig config = file();
  config.topics.emplace_back().filter = "old/#";
  LiveSettings live(config);
  ASSERT_TRUE(live.set("topics", R"([{"filter":"a/+","format":"number"},{"filter":"b"}])"));
  ASSERT_EQ(live.current().topics.size(), 2u);
  EXPECT_EQ(live.current().topics[0].format, "number");
  EXPECT_NE(live.value("topics").find("\"filter\":\"a/+\""), std::string::npos);
  ASSERT_TRUE(live.set("topics", "[]"));
  EXPECT_TRUE(live.current().topics.empty());
  ASSERT_TRUE(live.unset("topics"));
  EXPECT_EQ(live.current().topics.at(0).filter, "old/#");
}

TEST(LiveSettings, EveryLiveKeyExistsAndSaysSo) {
  LiveSettings live(file());
  std::size_t found = 0;
  for (const auto& e : live.explained()) found += e.live ? 1 : 0;
  EXPECT_EQ(found, live_keys().size() - 3) << "all but topics, aggregates and anomalies, of which there are none";
}

}  // namespace
}  // namespace selvedge::node
