// Twins as a device sees them: shadows, deltas, commands; and readings in both directions.

#include <algorithm>

#include "codec/json/value.h"
#include "node/node_fixture.h"
#include "node/commands.h"
#include "node/shadow_document.h"
#include "node/topic_access.h"
#include "os/fake/random.h"

namespace selvedge::node {
namespace {

using codec::json::Value;
using codec::mqtt::Reason;
using Kind = engine::TwinEdit::Kind;
using namespace std::chrono_literals;

class TwinsTest : public NodeTest {
 protected:
  TwinsTest() { config.name = "edge"; }

  struct Message {
    std::string topic;
    std::string text;
    Value json;
  };

  // A device that listens to these filters and remembers what comes.
  client::Device& listener(const std::string& id, std::vector<std::string> filters,
                           std::uint32_t expiry = 0) {
    client::DeviceOptions options;
    options.node = {"127.0.0.1", 1883};
    options.client_id = id;
    options.session_expiry = expiry;
    options.clean_start = expiry == 0;
    devices.push_back(std::make_unique<client::Device>(machine, options));
    client::Device& made = *devices.back();
    made.on_message([this](const engine::ClientEvents::Message& m) {
      const std::string text(base::as_text(m.payload));
      got.push_back({m.topic, text, codec::json::parse(text).value_or(Value())});
    });
    for (const std::string& filter : filters) made.subscribe(filter, 1);
    made.start();
    run_until([&] { return made.connected(); });
    sim.run_for(200ms);
    return made;
  }
  void stop(client::Device& device) {
    device.stop();
    sim.run_for(200ms);
    std::erase_if(devices, [&](const auto& each) { return each.get() == &device; });
  }
  const Message* last(std::string_view topic) const {
    const auto at = std::ranges::find(got.rbegin(), got.rend(), topic, &Message::topic);
    return at == got.rend() ? nullptr : &*at;
  }
  const Message& await(std::string_view topic) {
    run_until([&] { return last(topic) != nullptr; });
    static const Message none;
    const Message* found = last(topic);
    return found ? *found : none;
  }
  // Publishes and returns the answer.
  Message ask(client::Device& device, const std::string& topic, std::string_view payload) {
    std::erase_if(got, [&](const Message& m) { return m.topic.starts_with(topic + "/"); });
    EXPECT_EQ(publish(device, topic, payload), Reason::success);
    const auto is_answer = [&](const Message& m) {
      return m.topic == topic + "/accepted" || m.topic == topic + "/rejected";
    };
    run_until([&] { return std::ranges::any_of(got, is_answer); });
    return *std::ranges::find_if(got, is_answer);
  }
  void wish(std::string_view device, std::string_view json) {
    const std::string id = model::twin_id("edge", device);
    ASSERT_TRUE(node->twins().edit(id, {Kind::merge, "", json}));
  }
  std::vector<std::string> deltas() const {
    std::vector<std::string> found;
    for (const Message& m : got)
      if (m.topic == "$twin/pump/update/delta") found.push_back(m.json["state"]["motor"]["speed"].print());
    return found;
  }

  std::vector<Message> got;
};

constexpr const char* set_speed = R"({"features":{"motor":{"desiredProperties":{"speed":)";
std::string speed(int value) { return set_speed + std::to_string(value) + "}}}}"; }

TEST_F(TwinsTest, ADeviceReportsAndReadsItsTwin) {
  start();
  client::Device& pump = listener("pump", {"$twin/pump/#"});
  const Message accepted = ask(pump, "$twin/pump/update",
                               R"({"state":{"reported":{"motor":{"speed":5,"mode":"a"}}},"clientToken":"t1"})");
  EXPECT_EQ(accepted.topic, "$twin/pump/update/accepted") << accepted.text;
  EXPECT_EQ(accepted.json["clientToken"].text(), "t1");
  EXPECT_EQ(accepted.json["state"]["reported"]["motor"]["speed"].integer(), 5);
  EXPECT_GT(accepted.json["metadata"]["reported"]["motor"]["speed"]["timestamp"].integer(), 0);
  EXPECT_GT(accepted.json["version"].integer(), 0);
  const Message read = ask(pump, "$twin/pump/get", R"({"clientToken":"t2"})");
  EXPECT_EQ(read.json["state"]["reported"]["motor"]["mode"].text(), "a") << read.text;
  EXPECT_EQ(read.json["version"].integer(), accepted.json["version"].integer());
  EXPECT_EQ(read.json["clientToken"].text(), "t2");
  const Message& documents = await("$twin/pump/update/documents");
  EXPECT_EQ(documents.json["current"]["state"]["reported"]["motor"]["speed"].integer(), 5);
  const Message one = ask(pump, "$twin/pump/name/motor/get", "");
  EXPECT_EQ(one.json["state"]["reported"]["speed"].integer(), 5) << one.text;
}

TEST_F(TwinsTest, WhatIsAcceptedSurvivesAPowerCut) {
  start();
  client::Device& pump = listener("pump", {"$twin/pump/#"});
  ask(pump, "$twin/pump/name/motor/update", R"({"state":{"reported":{"speed":5}}})");
  power_cut_and_restart();
  const engine::Twin* twin = node->twins().find("edge:pump");
  ASSERT_NE(twin, nullptr);
  EXPECT_EQ(twin->leaf(model::TwinPart::reported, "/motor/speed"), "5");
}

TEST_F(TwinsTest, ARefusalSaysWhy) {
  start();
  client::Device& pump = listener("pump", {"$twin/pump/#"});
  const auto refused = [&](const std::string& topic, std::string_view payload, int code) {
    const Message answer = ask(pump, topic, payload);
    EXPECT_TRUE(answer.topic.ends_with("/rejected")) << topic << ' ' << payload;
    EXPECT_EQ(answer.json["code"].integer(), code) << answer.text;
    EXPECT_FALSE(answer.json["message"].text().empty());
  };
  refused("$twin/pump/get", "", 404);
  refused("$twin/pump/delete", "", 404);
  refused("$twin/pump/update", "{", 400);
  refused("$twin/pump/update", R"({"state":{"reported":{"speed":1}}})", 400);
  ask(pump, "$twin/pump/update", R"({"state":{"reported":{"motor":{"speed":1}}}})");
  refused("$twin/pump/update", R"({"state":{"reported":{"motor":{"speed":2}}},"version":77})", 409);
  refused("$twin/pump/name/lamp/get", "", 404);
  refused("$twin/pump/name/lamp/delete", "", 404);
  const std::string large = R"({"state":{"reported":{"x":{"y":")" + std::string(60'000, 'x') + R"("}}}})";
  refused("$twin/pump/update", large, 413);
  refused("$twin/pump/update", std::string(200'000, ' '), 413);
}

TEST_F(TwinsTest, ADeviceThatAsksTooOftenHasToWait) {
  config.twin_requests = 1;            // and 10 at once
  start();
  client::Device& pump = listener("pump", {"$twin/pump/#"});
  client::Device& lamp = listener("lamp", {"$twin/lamp/#"});
  const char* const update = R"({"state":{"reported":{"motor":{"speed":1}}}})";
  int refused = 0;
  for (int i = 0; i < 14; ++i) refused += ask(pump, "$twin/pump/update", update).json["code"].integer() == 429;
  EXPECT_GE(refused, 2);
  EXPECT_EQ(ask(lamp, "$twin/lamp/update", update).topic, "$twin/lamp/update/accepted");
  sim.run_for(3s);
  EXPECT_EQ(ask(pump, "$twin/pump/update", update).topic, "$twin/pump/update/accepted");
}

TEST_F(TwinsTest, ADeviceRemovesAFeatureAndItsTwin) {
  start();
  client::Device& pump = listener("pump", {"$twin/pump/#"});
  ask(pump, "$twin/pump/update", R"({"state":{"reported":{"motor":{"speed":1},"lamp":{"on":true}}}})");
  EXPECT_EQ(ask(pump, "$twin/pump/name/lamp/delete", "").topic, "$twin/pump/name/lamp/delete/accepted");
  const Message read = ask(pump, "$twin/pump/get", "");
  EXPECT_TRUE(read.json["state"]["reported"]["lamp"].is_null()) << read.text;
  EXPECT_EQ(ask(pump, "$twin/pump/delete", "").topic, "$twin/pump/delete/accepted");
  EXPECT_EQ(node->twins().find("edge:pump"), nullptr);
}

TEST_F(TwinsTest, AWishGoesOutAtOnceAndStandsUntilItIsReported) {
  start();
  client::Device& pump = listener("pump", {"$twin/pump/#"});
  wish("pump", speed(7));
  const Message& delta = await("$twin/pump/update/delta");
  EXPECT_EQ(delta.json["state"]["motor"]["speed"].integer(), 7) << delta.text;
  EXPECT_GT(delta.json["metadata"]["motor"]["speed"]["timestamp"].integer(), 0);
  const Message& one = await("$twin/pump/name/motor/update/delta");
  EXPECT_EQ(one.json["state"]["speed"].integer(), 7) << one.text;
  ask(pump, "$twin/pump/update", R"({"state":{"reported":{"motor":{"speed":7}}}})");
  EXPECT_EQ(node->twins().find("edge:pump")->delta(), "{}");
  stop(pump);
  got.clear();
  listener("pump", {"$twin/pump/#"});
  EXPECT_TRUE(deltas().empty());
}

TEST_F(TwinsTest, ADeviceThatSubscribesIsGivenThePresentDelta) {
  start();
  wish("pump", speed(1));
  wish("pump", speed(2));
  listener("pump", {"$twin/pump/update/delta", "$twin/pump/name/+/update/delta"});
  EXPECT_EQ(deltas(), std::vector<std::string>{"2"});
  EXPECT_NE(last("$twin/pump/name/motor/update/delta"), nullptr);
}

TEST_F(TwinsTest, APersistentSessionGetsEachDeltaOnceAndInOrder) {
  start();
  client::Device& first = listener("pump", {"$twin/pump/update/delta"}, 3600);
  wish("pump", speed(1));
  run_until([&] { return deltas().size() == 1; });
  stop(first);
  for (int i = 2; i < 6; ++i) {
    wish("pump", speed(i));
    sim.run_for(1s);
  }
  EXPECT_EQ(deltas().size(), 1u);
  power_cut_and_restart();
  listener("pump", {"$twin/pump/update/delta"}, 3600);
  EXPECT_EQ(deltas(), (std::vector<std::string>{"1", "2", "3", "4", "5"}));
  std::int64_t before = 0;
  for (const Message& m : got) {
    EXPECT_GT(m.json["version"].integer(), before);
    before = m.json["version"].integer();
  }
}

TEST_F(TwinsTest, ATwinIsNoReading) {
  start();
  client::Device& pump = listener("pump", {"$twin/pump/#"});
  ask(pump, "$twin/pump/update", R"({"state":{"reported":{"motor":{"speed":1}}}})");
  EXPECT_EQ(publish(pump, "$twin/pump/other", "5"), Reason::success);
  EXPECT_EQ(publish(pump, "$command/pump/other", "5"), Reason::success);
  EXPECT_EQ(node->store().find("$twin/pump/other"), nullptr);
  EXPECT_EQ(node->store().find("$command/pump/other"), nullptr);
}

TEST(TopicAccess, LetsADeviceHaveItsOwnAndNothingElse) {
  const engine::Access access = device_access();
  for (const char* topic : {"plant/x", "$twin/pump/get", "$twin/pump/name/lamp/update",
                            "$command/pump/blink/1/reply", "$SYS/x"})
    EXPECT_TRUE(access.may_publish("pump", topic)) << topic;
  for (const char* topic :
       {"$twin/lamp/get", "$twin/pump/update/delta", "$twin/pump/update/accepted", "$twin/pump", "$twin",
        "$command/lamp/blink/1/reply", "$command/pump/blink/1", "$twin/pumpe/get"})
    EXPECT_FALSE(access.may_publish("pump", topic)) << topic;
  for (const char* filter : {"#", "+/x", "$twin/pump/#", "$twin/pump/+/accepted", "$command/pump/+/+"})
    EXPECT_TRUE(access.may_subscribe("pump", filter)) << filter;
  for (const char* filter : {"$twin/#", "$twin/+/get", "$twin/lamp/#", "$command/#", "$twin", "$twin/pump",
                             "$command/pumpe/#"})
    EXPECT_FALSE(access.may_subscribe("pump", filter)) << filter;
}

// ---- commands ----

class CommandsTest : public TwinsTest {
 protected:
  void send(std::string subject, base::Duration deadline = 5s, std::string device = "pump") {
    things::Command command;
    command.id = "edge:" + device;
    command.subject = std::move(subject);
    command.content_type = "text/plain";
    command.payload = base::to_bytes("now");
    command.deadline = deadline;
    commands.send(std::move(command), [this](things::CommandAnswer answer) {
      answers.push_back(std::move(answer));
    });
  }
  void reply(std::string_view topic, std::string_view payload) {
    engine::Arrived message;
    message.topic = topic;
    message.payload = base::as_bytes(payload);
    EXPECT_TRUE(commands.message(message));
  }

  base::Registry metrics;
  std::vector<net::mqtt::Message> published;
  std::vector<things::CommandAnswer> answers;
  Commands commands{machine, metrics,
                    {[] { return std::string("edge"); },
                     [this](net::mqtt::Message m) { published.push_back(std::move(m)); },
                     [](engine::Token, Reason) {}}};
};

TEST_F(CommandsTest, AreAnsweredByTheDevice) {
  send("blink");
  ASSERT_EQ(published.size(), 1u);
  const auto& message = published[0];
  EXPECT_TRUE(message.topic.starts_with("$command/pump/blink/"));
  EXPECT_EQ(message.response_topic, message.topic + "/reply");
  EXPECT_TRUE(message.topic.ends_with("/" + std::string(base::as_text(message.correlation))));
  message.reached(1);
  reply(message.response_topic, "done");
  reply(message.response_topic, "again");
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].status, 200);
  EXPECT_TRUE(answers[0].from_device);
  EXPECT_EQ(base::as_text(answers[0].payload), "done");
  sim.run_for(10s);
  EXPECT_EQ(answers.size(), 1u);
  send("blink");
  reply(published[1].topic + "/reply/503", "busy");
  EXPECT_EQ(answers[1].status, 503);
}

TEST_F(CommandsTest, EndWithTheReasonWhenNoAnswerCanCome) {
  send("blink");
  published[0].reached(0);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].status, 404);
  send("blink", 2s);
  published[1].reached(1);
  sim.run_for(3s);
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[1].status, 408);
  reply(published[1].response_topic, "late");
  // Another device's answer counts for nothing.
  send("blink");
  std::string foreign = published[2].response_topic;
  foreign.replace(foreign.find("pump"), 4, "lamp");
  reply(foreign, "mine");
  EXPECT_EQ(answers.size(), 2u);
  send("a/b");
  send("", 5s);
  send("x", 0s);
  send("x", 1s, "a/b");
  for (std::size_t i = 2; i < answers.size(); ++i) EXPECT_EQ(answers[i].status, 400);
  EXPECT_EQ(answers.size(), 6u);
}

TEST_F(CommandsTest, AreBoundedInNumber) {
  for (std::size_t i = 0; i <= Commands::most_per_device; ++i) send("blink");
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].status, 429);
  send("blink", 5s, "lamp");
  EXPECT_EQ(answers.size(), 1u);
  sim.run_for(10s);
  EXPECT_EQ(answers.size(), Commands::most_per_device + 2);
  send("blink");
  EXPECT_EQ(published.size(), Commands::most_per_device + 2);
}

// ---- readings ----

TEST_F(TwinsTest, ReadingsUpdateWhatATwinReports) {
  config.twins.push_back({"*/temp", "climate", "{1}/temperature", "0.5", 1s});
  start();
  client::Device& boiler = device("boiler");
  publish(boiler, "hall/temp", "20");
  sim.run_for(50ms);
  const auto reported = [&] {
    const engine::Twin* twin = node->twins().find("edge:boiler");
    return twin ? std::string(twin->leaf(model::TwinPart::reported, "/climate/hall/temperature")) : "none";
  };
  EXPECT_EQ(reported(), "20");
  const auto revision = node->twins().find("edge:boiler")->revision();
  for (int i = 1; i <= 50; ++i) publish(boiler, "hall/temp", std::to_string(20 + i));
  sim.run_for(1100ms);
  EXPECT_EQ(reported(), "70");
  publish(boiler, "hall/temp", "70.4");
  sim.run_for(3s);
  EXPECT_EQ(reported(), "70");                      // within the deadband
  EXPECT_LE(node->twins().find("edge:boiler")->revision() - revision, 3u);
  const auto history = node->twins().find("edge:boiler")
                           ->json("edge:boiler", "/attributes/history/climate~1hall~1temperature");
  ASSERT_TRUE(history);
  EXPECT_EQ(*history, "\"hall/temp\"");
  EXPECT_EQ(node->store().find("twin/boiler/climate/hall/temperature"), nullptr);
}

TEST_F(TwinsTest, WhatDevicesReportBecomesReadings) {
  start();
  client::Device& pump = listener("pump", {"$twin/pump/#"});
  for (const char* value : {"1", "2", "2", "3.5"})
    ask(pump, "$twin/pump/update",
        std::string(R"({"state":{"reported":{"motor":{"speed":)") + value + "}}}}");
  EXPECT_EQ(values("twin/pump/motor/speed"), (std::vector<double>{1, 2, 3.5}));
  wish("pump", speed(9));
  EXPECT_EQ(values("twin/pump/motor/speed").size(), 3u);
  ask(pump, "$twin/pump/update", R"({"state":{"reported":{"motor":{"on":true,"name":"a","list":[1,2],"speed":null}}}})");
  for (const char* series : {"twin/pump/motor/on", "twin/pump/motor/name", "twin/pump/motor/list"})
    EXPECT_NE(node->store().find(series), nullptr) << series;
  EXPECT_EQ(values("twin/pump/motor/speed").size(), 3u);
}

TEST(TelemetryRule, SaysWhatIsWrongWithIt) {
  EXPECT_TRUE(check({"*/temp", "f", "{1}"}));
  for (const TelemetryRule& rule :
       {TelemetryRule{"", "f", "p"}, TelemetryRule{"a", "", "p"}, TelemetryRule{"a", "f", ""},
        TelemetryRule{"a", "f", "{1}"}, TelemetryRule{"*", "{2}", "p"}, TelemetryRule{"**", "f", "p"},
        TelemetryRule{"a", "f", "p", 1ms}, TelemetryRule{"a", "f", "p", 1s, -1}})
    EXPECT_FALSE(check(rule)) << rule.series << ' ' << rule.feature << ' ' << rule.property;
}

TEST(ShadowDocument, WritesLeavesAsNestedObjects) {
  base::JsonWriter json;
  TreeWriter tree(json);
  for (const char* path : {"/a-b", "/a/b/c", "/a/b/d", "/a/e", "/b~1c/x", "/z"})
    tree.leaf(path, [&](base::JsonWriter& w) { w.value(std::string_view(path)); });
  tree.end();
  EXPECT_EQ(json.text(),
            R"({"a-b":"/a-b","a":{"b":{"c":"/a/b/c","d":"/a/b/d"},"e":"/a/e"},"b/c":{"x":"/b~1c/x"},"z":"/z"})");
}

}  // namespace
}  // namespace selvedge::node
