#include "engine/rules/topic_map.h"

#include <gtest/gtest.h>

namespace selvedge::engine {
namespace {

using Outcome = TopicMatch::Outcome;

TopicRule rule(std::string filter, std::string series = "", std::string device = "") {
  TopicRule result;
  result.filter = std::move(filter);
  result.series = std::move(series);
  result.device = std::move(device);
  return result;
}

TopicRule ignore(std::string filter) {
  TopicRule result = rule(std::move(filter));
  result.action = TopicRule::Action::ignore;
  return result;
}

std::string series_of(TopicMap& map, const TopicSource& source, std::string_view field) {
  const TopicMatch match = map.look_up(source);
  if (match.outcome != Outcome::readings) return match.outcome == Outcome::ignored ? "ignored" : "no rule";
  std::string name;
  const auto named = name_series(match, field, name);
  return named ? name : "! " + named.error().message;
}

struct NameCase {
  const char* filter;
  const char* series;
  const char* topic;
  const char* field;
  const char* name;
};

TEST(TopicMap, NamesSeriesByTemplate) {
  const NameCase cases[] = {
      {"#", "", "boiler/7/temp", "", "boiler/7/temp"},
      {"#", "", "boiler/7", "temp", "boiler/7/temp"},
      {"#", "{topic}", "boiler/7", "a/b", "boiler/7/a/b"},
      {"#", "", "ends/in/slash/", "x", "ends/in/slash//x"},
      {"#", "", "ends/in/slash/", "", "ends/in/slash/"},
      {"+/+/up", "{2}/{1}", "floor/room/up", "", "room/floor"},
      {"+/+/up", "{2}/{1}", "floor/room/up", "t", "room/floor/t"},
      {"+/+/#", "{2}", "a/b", "t", "b/t"},
      {"a/#", "{1}-x", "a", "t", "a-x/t"},
      {"#", "{1}", "only", "", "only"},
      {"#", "{field}", "a", "t", "t"},
      {"#", "{field}/{topic}", "a/b", "t", "t/a/b"},
      {"#", "{field}/{topic}", "a/b", "", "a/b"},
      {"#", "x/{field}/y", "a", "", "x/y"},
      {"#", "x/{field}/y", "a", "t", "x/t/y"},
      {"#", "{topic}.{field}", "a", "t", "a.t"},
      {"#", "{device}/{client}/{topic}", "a", "t", "dev/cli/a/t"},
      {"#", "fixed", "a", "t", "fixed/t"},
      {"+/+/+", "{2}/", "a//c", "t", "//t"},
      {"#", "{field}", "a", "", "! name the series: it would be empty"},
      {"#", "{topic}", "a\tb", "t", "! name the series: a name made of it holds a control character"},
      {"#", "{topic}", "a", "t\n", "! name the series: the field holds a control character"},
      {"b", "", "a", "t", "no rule"},
      {"#", "", "$SYS/uptime", "", "no rule"},
      {"$SYS/#", "", "$SYS/uptime", "", "$SYS/uptime"},
  };
  for (const NameCase& c : cases) {
    SCOPED_TRACE(std::string(c.filter) + " " + c.series + " " + c.topic + " " + c.field);
    TopicMap map = TopicMap::create({rule(c.filter, c.series)}).value();
    const TopicSource source{c.topic, "dev", "cli"};
    EXPECT_EQ(series_of(map, source, c.field), c.name);
    EXPECT_EQ(series_of(map, source, c.field), c.name) << "and again, remembered";
  }
}

TEST(TopicMap, LetsTheFirstRuleThatMatchesDecide) {
  TopicRule special = rule("plant/+/raw");
  special.payload.format = codec::payload::Format::line_protocol;
  TopicMap map =
      TopicMap::create({ignore("plant/secret/#"), special, ignore("plant/+/raw"), rule("plant/#")}).value();
  EXPECT_EQ(map.look_up({"plant/secret/raw", {}, {}}).outcome, Outcome::ignored);
  EXPECT_EQ(map.look_up({"plant/secret/raw", {}, {}}).rule, 0u);
  const TopicMatch raw = map.look_up({"plant/1/raw", {}, {}});
  EXPECT_EQ(raw.rule, 1u);
  EXPECT_EQ(raw.payload->format, codec::payload::Format::line_protocol);
  EXPECT_EQ(map.look_up({"plant/1/temp", {}, {}}).rule, 3u);
  EXPECT_EQ(map.look_up({"other", {}, {}}).outcome, Outcome::no_rule);
  EXPECT_EQ(map.look_up({"other", {}, {}}).payload, nullptr);
}

TEST(TopicMap, ByDefaultTakesEverythingButTopicsThatBeginWithADollar) {
  TopicMap map = TopicMap::create(default_topic_rules()).value();
  const TopicMatch match = map.look_up({"a/b", "dev", "cli"});
  EXPECT_EQ(match.outcome, Outcome::readings);
  EXPECT_EQ(match.payload->format, codec::payload::Format::detect);
  EXPECT_EQ(match.device, "dev");
  EXPECT_EQ(map.look_up({"$SYS/x", "dev", "cli"}).outcome, Outcome::no_rule);
}

TEST(TopicMap, WithoutRulesTakesNothing) {
  TopicMap map = TopicMap::create({}).value();
  EXPECT_EQ(map.look_up({"a", {}, {}}).outcome, Outcome::no_rule);
}

TEST(TopicMap, NamesTheDeviceAsItWasGivenOrByTemplate) {
  TopicMap map = TopicMap::create({rule("given/#"), rule("+/+/t", "", "{1}-{2}"), rule("#", "", "{client}")}).value();
  EXPECT_EQ(map.look_up({"given/x", "dev1", "cli"}).device, "dev1");
  EXPECT_EQ(map.look_up({"given/x", "dev2", "cli"}).device, "dev2");
  EXPECT_EQ(map.look_up({"a/b/t", "dev", "cli"}).device, "a-b");
  EXPECT_EQ(map.look_up({"x", "dev", "cli"}).device, "cli");
  EXPECT_EQ(map.look_up({"x", "dev", "other"}).device, "other");
}

TEST(TopicMap, KeepsPublishersOnOneTopicApart) {
  TopicMap map = TopicMap::create({rule("#", "{device}/{client}/{topic}")}).value();
  EXPECT_EQ(series_of(map, {"t", "ab", "c"}, ""), "ab/c/t");
  EXPECT_EQ(series_of(map, {"t", "a", "bc"}, ""), "a/bc/t");
  EXPECT_EQ(series_of(map, {"ta", "b", "c"}, ""), "b/c/ta");
  EXPECT_EQ(map.remembered(), 3u);
}

TEST(TopicMap, RemembersABoundedNumberOfTopics) {
  TopicMap map = TopicMap::create({rule("#")}, 10).value();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1000; ++i) {
      const std::string topic = "t/" + std::to_string(i);
      EXPECT_EQ(series_of(map, {topic, {}, {}}, "x"), topic + "/x");
      EXPECT_EQ(series_of(map, {"always", {}, {}}, "x"), "always/x");
      ASSERT_LE(map.remembered(), 20u);
    }
  }
}

TEST(TopicMap, AnswersForTopicsTooLongToRemember) {
  TopicMap map = TopicMap::create({rule("a/#", "{1}"), rule("#")}).value();
  const std::string longest(65'000, 'x');
  EXPECT_EQ(series_of(map, {"a/" + longest, {}, {}}, "t"), "a/t");
  EXPECT_EQ(series_of(map, {longest, {}, {}}, "t"),
            "! name the series: the series name made of it is longer than 512 bytes");
  EXPECT_EQ(map.remembered(), 0u);
}

TEST(TopicMap, BoundsTheNamesItMakes) {
  TopicMap map = TopicMap::create({rule("d/#", "x", "{topic}{topic}"), rule("#")}).value();
  const std::string name(512, 'n');
  EXPECT_EQ(series_of(map, {name, {}, {}}, ""), name);
  EXPECT_EQ(series_of(map, {name.substr(2), {}, {}}, "t"), name.substr(2) + "/t");
  EXPECT_EQ(series_of(map, {name.substr(1), {}, {}}, "t"),
            "! name the series: it would be longer than 512 bytes");
  EXPECT_EQ(series_of(map, {name + "n", {}, {}}, ""),
            "! name the series: the series name made of it is longer than 512 bytes");
  EXPECT_EQ(series_of(map, {"n", {}, {}}, name), "! name the series: it would be longer than 512 bytes");
  EXPECT_EQ(series_of(map, {"d/" + std::string(300, 'x'), {}, {}}, "t"),
            "! name the series: the device name made of it is longer than 512 bytes");
}

struct BadRule {
  TopicRule rule;
  const char* message;
};

TEST(TopicMap, SaysWhatIsWrongWithARule) {
  TopicRule value_alone = rule("#");
  value_alone.payload.value_field = "v";
  const BadRule cases[] = {
      {rule("a/b#"), "topic rule 2 ('a/b#'): filter: not a valid MQTT topic filter"},
      {rule(""), "topic rule 2 (''): filter: not a valid MQTT topic filter"},
      {rule("#", "{tpoic}"), "topic rule 2 ('#'): series: {tpoic}: unknown; {topic}, {1}, {2}, ..., "
                             "{device}, {client} and {field} are known"},
      {rule("#", "{0}"), "topic rule 2 ('#'): series: {0}: unknown; {topic}, {1}, {2}, ..., "
                         "{device}, {client} and {field} are known"},
      {rule("a/#", "{2}"), "topic rule 2 ('a/#'): series: {2}: the filter promises only 1 level; each "
                           "'+' and each word in it promises one"},
      {rule("a/+/c", "{4}"), "topic rule 2 ('a/+/c'): series: {4}: the filter promises only 3 levels; "
                             "each '+' and each word in it promises one"},
      {rule("#", "{topic"), "topic rule 2 ('#'): series: a brace without its partner"},
      {rule("#", "topic}"), "topic rule 2 ('#'): series: a brace without its partner"},
      {rule("#", "{field}{field}"), "topic rule 2 ('#'): series: {field} stands in it more than once"},
      {rule("#", "", "{field}"),
       "topic rule 2 ('#'): device: {field} is not known before the payload is read"},
      {rule("#", "", "{7}"), "topic rule 2 ('#'): device: {7}: the filter promises only 1 level; each "
                             "'+' and each word in it promises one"},
      {rule("#", "a\nb"), "topic rule 2 ('#'): series or device: a template with a control character"},
      {rule("#", std::string(1025, 'x')),
       "topic rule 2 ('#'): series or device: a template longer than 1 KiB"},
      {value_alone, "topic rule 2 ('#'): value_field: has no meaning without name_field"},
  };
  for (const BadRule& bad : cases) {
    const auto result = validate({rule("fine"), bad.rule});
    ASSERT_FALSE(result) << bad.message;
    EXPECT_EQ(result.error().code, base::Code::invalid_input);
    EXPECT_EQ(result.error().message, bad.message);
    EXPECT_FALSE(TopicMap::create({rule("fine"), bad.rule}));
  }
  EXPECT_EQ(validate(std::vector<TopicRule>(1001, rule("#"))).error().message,
            "1001 topic rules, at most 1000 allowed");
  EXPECT_TRUE(validate(std::vector<TopicRule>(1000, rule("#"))));
}

}  // namespace
}  // namespace selvedge::engine
