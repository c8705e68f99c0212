// What the host serves itself: topics that begin with '$', messages of its own, and who may do what.

#include <gtest/gtest.h>

#include "engine/session/broker_story.h"

namespace selvedge::engine {
namespace {

using namespace codec::mqtt;

std::size_t publish(Story& story, OwnMessage message) {
  std::size_t reached = 0;
  story.call([&](Outputs& out) {
    reached = story.broker().publish(message, story.now, story.wall, out);
  });
  return reached;
}

TEST(BrokerOwn, TellsTheHostOfSubscriptionsToItsTopics) {
  Story story;
  Peer& pump = story.rejoin("pump");
  std::vector<std::pair<std::string, bool>> heard;
  const auto subscribe = [&](Peer& peer, std::string_view filter) {
    Subscribe packet;
    packet.packet_id = 1;
    packet.subscriptions.push_back({.filter = filter});
    base::Bytes bytes;
    encode(packet, peer.version, bytes);
    story.call([&](Outputs& out) {
      story.broker().received(peer.id, bytes, story.now, story.wall, out);
      for (const auto& subscribed : out.subscribed) {
        EXPECT_EQ(subscribed.conn, peer.id);
        EXPECT_EQ(subscribed.device, "pump");
        heard.emplace_back(subscribed.filter, subscribed.is_new);
      }
    });
  };
  subscribe(pump, "$twin/pump/#");
  subscribe(pump, "plant/#");
  subscribe(pump, "$share/g/$twin/pump/#");
  subscribe(pump, "$twin/pump/#");
  EXPECT_EQ(heard, (std::vector<std::pair<std::string, bool>>{{"$twin/pump/#", true}, {"$twin/pump/#", false}}));
}

TEST(BrokerOwn, CountsWhoIsThereForAMessage) {
  Story story;
  Peer& here = story.join("here");
  Peer& away = story.rejoin("away");
  Peer& other = story.join("other");
  for (Peer* peer : {&here, &away}) story.subscribe(*peer, "$command/x/#", 1);
  story.subscribe(other, "plant/#");
  story.drop(away);
  here.take();
  EXPECT_EQ(publish(story, {.topic = "$command/x/blink/1", .payload = base::as_bytes("go")}), 1u);
  EXPECT_EQ(here.take(), Lines{"PUBLISH $command/x/blink/1 'go' q0"});
  EXPECT_EQ(publish(story, {.topic = "$command/y/blink/1", .payload = {}}), 0u);
  story.drop(here);
  EXPECT_EQ(publish(story, {.topic = "$command/x/blink/2", .payload = {}}), 0u);
}

TEST(BrokerOwn, SendsToOneConnectionOnlyIfAsked) {
  Story story;
  Peer& a = story.join("a");
  Peer& b = story.join("b");
  for (Peer* peer : {&a, &b}) story.subscribe(*peer, "$twin/a/#", 1);
  a.take();
  b.take();
  EXPECT_EQ(publish(story, {.topic = "$twin/a/update/delta", .payload = base::as_bytes("{}"), .qos = 1, .only = a.id}), 1u);
  EXPECT_EQ(a.take(), Lines{"PUBLISH $twin/a/update/delta '{}' q1 #1"});
  EXPECT_EQ(b.take(), Lines{});
  // Nor to one that did not subscribe, or is gone.
  EXPECT_EQ(publish(story, {.topic = "$twin/b/update/delta", .payload = {}, .only = a.id}), 0u);
  story.drop(a);
  EXPECT_EQ(publish(story, {.topic = "$twin/a/update/delta", .payload = {}, .only = a.id}), 0u);
}

TEST(BrokerOwn, PassesPropertiesOn) {
  Story story;
  Peer& pump = story.join("pump");
  story.subscribe(pump, "$command/pump/#", 1);
  pump.take();
  Properties properties;
  properties.response_topic = "back";
  properties.correlation_data = base::as_bytes("42");
  publish(story, {.topic = "$command/pump/x/1", .payload = {}, .properties = &properties});
  const Lines got = pump.take();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_NE(got[0].find("back"), std::string::npos) << got[0];
}

TEST(BrokerOwn, AsksNoAccessForAnUnrestrictedClient) {
  Access nobody{[](std::string_view, std::string_view) { return false; },
                [](std::string_view, std::string_view) { return false; }};
  Story story({}, nobody);
  story.decide = [](const Authenticate& login) -> std::optional<Grant> {
    Grant grant{Reason::success, std::string(login.client_id), {}};
    grant.unrestricted = login.client_id == "tool";
    return grant;
  };
  Peer& tool = story.join("tool");
  Peer& pump = story.join("pump");
  story.subscribe(tool, "t", 1);
  story.subscribe(pump, "t", 1);
  EXPECT_EQ(pump.take(), Lines{"SUBACK #1 0x87"});
  tool.take();
  story.publish(tool, "t", "x", {.qos = 1, .id = 3});
  EXPECT_EQ(tool.take(), (Lines{"PUBLISH t 'x' q1 #1", "PUBACK #3"}));
  story.publish(pump, "t", "x", {.qos = 1, .id = 3});
  EXPECT_EQ(pump.take(), Lines{"PUBACK #3 0x87"});
  EXPECT_EQ(tool.take(), Lines{});
}

}  // namespace
}  // namespace selvedge::engine
