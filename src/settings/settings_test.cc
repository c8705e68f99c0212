#include "settings/settings.h"

#include <gtest/gtest.h>

#include <deque>

namespace selvedge::settings {
namespace {

struct Topic {
  std::string filter, format = "detect";
};

struct Example {
  std::string listen = "127.0.0.1:1883";
  bool anonymous = false;
  base::Duration age = std::chrono::seconds(1);
  Size memory{8 << 20};
  std::uint16_t keep_alive = 60;
  std::vector<std::string> hosts;
  std::string policy = "refuse-new";
  std::deque<Topic> topics;

  void bind_to(Settings& s) {
    s.bind("mqtt.listen", listen, "Where devices connect.");
    s.bind("mqtt.anonymous", anonymous, "Let devices in without a name.");
    s.bind("mqtt.keep-alive", keep_alive, "Seconds.", 0, 65535);
    s.bind("store.block-age", age, "When a block is sealed.");
    s.bind("store.memory", memory, "Budget.");
    s.bind("hosts", hosts, "Names of this node.");
    s.bind_word("store.when-full", policy, {"refuse-new", "drop-oldest"}, "What goes.");
    s.bind_each(
        "topic",
        [this](Settings& e) {
          Topic& t = topics.emplace_back();
          e.bind("filter", t.filter, "Which topics.");
          e.bind("format", t.format, "What they carry.");
        },
        "Rules.");
  }
};

TEST(Settings, TakesEachLayerOverTheOneBefore) {
  Example x;
  Settings s;
  x.bind_to(s);
  const auto loaded = s.load({"node.toml",
                              "hosts = [\"a\", \"b\"]\n"
                              "[mqtt]\nlisten = \"0.0.0.0:1883\"\nkeep-alive = 30\n"
                              "[store]\nblock-age = \"2s\"\nmemory = \"16MiB\"\n"
                              "[[topic]]\nfilter = \"a/#\"\nformat = \"json\"\n"
                              "[[topic]]\nfilter = \"b/#\"\n",
                              {{"SELVEDGE_MQTT_KEEP_ALIVE", "45"}, {"SELVEDGE_STORE_MEMORY", "4MiB"}},
                              {{"store.memory", "32MiB"}}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(x.listen, "0.0.0.0:1883");
  EXPECT_EQ(x.keep_alive, 45);
  EXPECT_EQ(x.age, std::chrono::seconds(2));
  EXPECT_EQ(x.memory.bytes, 32u << 20);
  EXPECT_EQ(x.hosts, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(x.topics.size(), 2u);
  EXPECT_EQ(x.topics[0].format, "json");
  EXPECT_EQ(x.topics[1].format, "detect");

  std::map<std::string, std::string> from;
  for (const auto& e : s.explained()) from[e.key] = e.from;
  EXPECT_EQ(from["mqtt.listen"], "node.toml:3");
  EXPECT_EQ(from["mqtt.keep-alive"], "environment SELVEDGE_MQTT_KEEP_ALIVE");
  EXPECT_EQ(from["store.memory"], "flag");
  EXPECT_EQ(from["mqtt.anonymous"], "default");
  EXPECT_EQ(from["topic[1].filter"], "node.toml:12");
}

TEST(Settings, SaysWhatIsWrongAndWhere) {
  struct Case {
    std::string text, message;
  };
  const Case cases[] = {
      {"[mqtt]\nlistn = \"x\"\n",
       "node.toml:2: unknown setting 'mqtt.listn'; did you mean 'mqtt.listen'?"},
      {"[mqtt]\nkeep-alive = 70000\n",
       "node.toml:2: mqtt.keep-alive: 70000 is not within 0 to 65535"},
      {"[mqtt]\nlisten = 7\n", "node.toml:2: mqtt.listen: expected a text in quotes"},
      {"[mqtt]\nanonymous = \"maybe\"\n", "node.toml:2: mqtt.anonymous: expected true or false"},
      {"[store]\nwhen-full = \"panic\"\n",
       "node.toml:2: store.when-full: 'panic' is not one of refuse-new, drop-oldest"},
      {"[store]\nblock-age = \"soon\"\n",
       "node.toml:2: store.block-age: duration 'soon': expected a number and a unit, as in 250ms, "
       "10s, 5m, 2h, 7d"},
      {"topic = 3\n", "node.toml:1: topic: expected [[topic]]"},
      {"[[topic]]\nfliter = \"a\"\n",
       "node.toml:2: unknown setting 'fliter'; did you mean 'filter'?"},
  };
  for (const Case& c : cases) {
    Example x;
    Settings s;
    x.bind_to(s);
    const auto loaded = s.load({"node.toml", c.text, {}, {}});
    ASSERT_FALSE(loaded) << c.text;
    EXPECT_EQ(loaded.error().message, c.message);
  }
  Example x;
  Settings s;
  x.bind_to(s);
  EXPECT_FALSE(s.load({"node.toml", "[mqtt\n", {}, {}}));
  EXPECT_FALSE(s.load({"", "", {}, {{"mqtt.listen2", "x"}}}));
}

TEST(Settings, TakesJsonByTheRulesOfTheFile) {
  Example x;
  Settings s;
  x.bind_to(s);
  ASSERT_TRUE(s.apply_json("mqtt.listen", "\"0.0.0.0:1\"", "twin"));
  ASSERT_TRUE(s.apply_json("mqtt.keep-alive", "70", "twin"));
  ASSERT_TRUE(s.apply_json("mqtt.anonymous", "true", "twin"));
  ASSERT_TRUE(s.apply_json("store.memory", "\"2MiB\"", "twin"));
  ASSERT_TRUE(s.apply_json("topic", R"([{"filter":"a/+"},{"filter":"b","format":"json"}])", "twin"));
  EXPECT_EQ(x.listen, "0.0.0.0:1");
  EXPECT_EQ(x.keep_alive, 70);
  EXPECT_TRUE(x.anonymous);
  EXPECT_EQ(x.memory.bytes, 2u << 20);
  ASSERT_EQ(x.topics.size(), 2u);
  EXPECT_EQ(x.topics[1].format, "json");
  for (const auto& e : s.explained())
    if (e.key == "mqtt.listen" || e.key == "topic[1].format") {
      EXPECT_EQ(e.from, "twin") << e.key;
    }
}

TEST(Settings, SaysWhatIsWrongWithJson) {
  const auto refusal = [](std::string key, std::string_view json) {
    Example x;
    Settings s;
    x.bind_to(s);
    const auto applied = s.apply_json(key, json, "twin");
    return applied ? std::string() : applied.error().message;
  };
  EXPECT_EQ(refusal("mqtt.listn", "1"),
            "twin: unknown setting 'mqtt.listn'; did you mean 'mqtt.listen'?");
  EXPECT_EQ(refusal("mqtt.keep-alive", "70000"),
            "twin: mqtt.keep-alive: 70000 is not within 0 to 65535");
  EXPECT_EQ(refusal("mqtt.keep-alive", "\"x\""), "twin: mqtt.keep-alive: expected a whole number");
  EXPECT_EQ(refusal("mqtt.keep-alive", "null"),
            "twin: mqtt.keep-alive: null is no value of a setting");
  EXPECT_EQ(refusal("mqtt.keep-alive", "{\"a\":1}"), "twin: mqtt.keep-alive: expected a whole number");
  EXPECT_EQ(refusal("topic", "[1]"), "twin: topic: expected [[topic]]");
  EXPECT_EQ(refusal("topic", R"([{"fliter":"a"}])"),
            "twin: unknown setting 'fliter'; did you mean 'filter'?");
  EXPECT_NE(refusal("topic", "[{"), "");
}

TEST(Settings, KnowsWhatMayChangeWhileTheProgramRuns) {
  Example x;
  Settings s;
  x.bind_to(s);
  constexpr std::string_view live[] = {"mqtt.keep-alive", "topic"};
  s.mark_live(live);
  s.set_source("mqtt.listen", "flag");
  ASSERT_TRUE(s.apply_json("topic", R"([{"filter":"a"}])", "twin"));
  for (const auto& e : s.explained()) {
    EXPECT_EQ(e.live, e.key == "mqtt.keep-alive" || e.key.starts_with("topic[")) << e.key;
    if (e.key == "mqtt.listen") {
      EXPECT_EQ(e.from, "flag");
    }
  }
}

}  // namespace
}  // namespace selvedge::settings
