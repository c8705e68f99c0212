// The stories of limits: how much may be on its way, how large, how old, and under which alias.

#include <gtest/gtest.h>

#include "engine/session/broker_story.h"

namespace selvedge::engine {
namespace {

using namespace codec::mqtt;
using namespace std::chrono_literals;

TEST(BrokerFlow, SendsNoMoreThanTheClientCanTake) {
  Story story;
  Connect packet;
  packet.client_id = "narrow";
  packet.properties.receive_maximum = 2;
  Peer& peer = story.connect(packet);
  peer.take();
  story.subscribe(peer, "t", 2);
  Peer& writer = story.join("w");
  for (std::uint16_t i = 1; i <= 5; ++i) {
    story.publish(writer, "t", std::to_string(i),
                  {.qos = static_cast<std::uint8_t>(i == 2 ? 2 : 1), .id = i});
  }
  story.publish(writer, "t", "not counted");
  EXPECT_EQ(peer.take(), (Lines{"PUBLISH t '1' q1 #1", "PUBLISH t '2' q2 #2",
                                "PUBLISH t 'not counted' q0"}));
  story.ack<PubRec>(peer, 2);
  EXPECT_EQ(peer.take(), Lines{"PUBREL #2"});
  story.ack<PubComp>(peer, 2);
  EXPECT_EQ(peer.take(), Lines{"PUBLISH t '3' q1 #3"});
  story.ack<PubAck>(peer, 3);
  story.ack<PubAck>(peer, 1);
  EXPECT_EQ(peer.take(), (Lines{"PUBLISH t '4' q1 #4", "PUBLISH t '5' q1 #5"}));
}

TEST(BrokerFlow, TakesNoMoreThanItSaid) {
  Story story(BrokerLimits{.receive_maximum = 3});
  story.settles = false;
  Peer& peer = story.join("a");
  for (std::uint16_t i = 1; i <= 3; ++i) story.publish(peer, "t", "x", {.qos = 1, .id = i});
  story.settle({story.tokens[0]});
  story.publish(peer, "t", "x", {.qos = 2, .id = 4});
  EXPECT_FALSE(peer.closed);
  story.publish(peer, "t", "x", {.qos = 1, .id = 5});
  EXPECT_EQ(peer.take(), (Lines{"PUBACK #1", "DISCONNECT 93"}));
}

TEST(BrokerFlow, CountsQos2UntilItIsComplete) {
  Story story(BrokerLimits{.receive_maximum = 2});
  Peer& peer = story.join("a");
  for (std::uint16_t i = 1; i <= 10; ++i) {
    story.publish(peer, "t", "x", {.qos = 2, .id = i});
    story.ack<PubRel>(peer, i);
  }
  EXPECT_FALSE(peer.closed);
  story.publish(peer, "t", "x", {.qos = 2, .id = 11});
  story.publish(peer, "t", "x", {.qos = 2, .id = 12});
  peer.take();
  story.publish(peer, "t", "x", {.qos = 2, .id = 13});
  EXPECT_EQ(peer.take(), Lines{"DISCONNECT 93"});
}

TEST(BrokerFlow, BoundsAClientThatCannotBeTold) {
  Story story(BrokerLimits{.receive_maximum = 3});
  story.settles = false;
  Peer& peer = story.join_311("a");
  for (std::uint16_t i = 1; i <= 4'096; ++i) {
    story.publish(peer, "t", "x", {.qos = static_cast<std::uint8_t>(1 + i % 2), .id = i});
  }
  EXPECT_FALSE(peer.closed);
  story.publish(peer, "t", "x", {.qos = 1, .id = 5'000});
  EXPECT_TRUE(peer.closed);
}

TEST(BrokerFlow, DropsQos0ForASlowSubscriberAndCounts) {
  Story story(BrokerLimits{.unsent_bytes = 1'000});
  Peer& slow = story.join("slow");
  Peer& quick = story.join("quick");
  story.subscribe(slow, "t", 1);
  story.subscribe(quick, "t", 1);
  const auto held = [&](std::uint64_t bytes) {
    story.call([&](Outputs& out) { story.broker().unsent(slow.id, bytes, story.now, out); });
  };
  held(1'001);
  story.publish(quick, "t", "0");
  story.publish(quick, "t", "1", {.qos = 1, .id = 1});
  EXPECT_EQ(slow.take(), Lines{});
  EXPECT_EQ(quick.take().size(), 3u);
  EXPECT_EQ(story.stats().dropped_slow, 1u);
  held(0);
  EXPECT_EQ(slow.take(), Lines{"PUBLISH t '1' q1 #1"});
}

TEST(BrokerFlow, BoundsTheQueueOfASession) {
  struct Case {
    BrokerLimits limits;
    std::size_t fits;
  };
  for (const Case& c : {Case{{.queued_messages = 3}, 3}, Case{{.queued_bytes = 10'000}, 8},
                        Case{{.total_queued_bytes = 5'000}, 4}}) {
    Story story(c.limits);
    Peer& peer = story.rejoin("a");
    story.subscribe(peer, "t", 1);
    story.drop(peer);
    Peer& writer = story.join("w");
    for (std::uint16_t i = 1; i <= 20; ++i) {
      story.publish(writer, "t", std::string(1'000, 'x'), {.qos = 1, .id = i});
    }
    EXPECT_EQ(story.stats().queued_messages, c.fits);
    EXPECT_EQ(story.stats().dropped_full, 20 - c.fits);
    EXPECT_EQ(writer.take().size(), 20u) << "the publisher is not held up";
    EXPECT_EQ(story.rejoin("a").take().size(), 1 + c.fits);
  }
}

TEST(BrokerFlow, SharesOnePayloadAmongQueues) {
  Story story;
  for (int i = 0; i < 10; ++i) {
    Peer& peer = story.rejoin("r" + std::to_string(i));
    story.subscribe(peer, "t", 1);
    story.drop(peer);
  }
  Peer& writer = story.join("w");
  story.publish(writer, "t", std::string(100'000, 'x'), {.qos = 1, .id = 1});
  EXPECT_EQ(story.stats().queued_messages, 10u);
  EXPECT_LT(story.stats().queued_bytes, 110'000u);
}

TEST(BrokerFlow, SharesOnePayloadAmongSends) {
  Story story;
  std::vector<Peer*> peers;
  for (int i = 0; i < 10; ++i) {
    peers.push_back(&story.join("r" + std::to_string(i)));
    story.subscribe(*peers.back(), "t", static_cast<std::uint8_t>(i % 2), 1 + i % 3);
  }
  const std::string payload(100'000, 'x');
  story.call([&](Outputs& out) {
    story.broker().publish({.topic = "t", .payload = base::as_bytes(payload), .qos = 1},
                           story.now, story.wall, out);
    EXPECT_LT(out.bytes.size(), 110'000u);
  });
  for (Peer* peer : peers) {
    const Lines got = peer->take();
    ASSERT_EQ(got.size(), 1u);
    EXPECT_TRUE(got[0].starts_with("PUBLISH t (100000 bytes)")) << got[0];
  }
}

TEST(BrokerFlow, DropsWhatIsTooLargeForTheClient) {
  Story story;
  Connect packet;
  packet.client_id = "small";
  packet.properties.maximum_packet_size = 50;
  packet.properties.topic_alias_maximum = 5;
  Peer& small = story.connect(packet);
  small.take();
  story.subscribe(small, "#", 1);
  Peer& writer = story.join("w");
  story.publish(writer, "t", std::string(100, 'x'));
  story.publish(writer, "t", std::string(100, 'x'), {.qos = 1, .id = 1});
  EXPECT_EQ(story.stats().dropped_large, 2u);
  EXPECT_EQ(story.stats().queued_messages, 0u);
  story.publish(writer, "t", "small");
  EXPECT_EQ(small.take(), Lines{"PUBLISH t 'small' q0 alias=1"});
}

TEST(BrokerFlow, RefusesPacketsLargerThanItSaid) {
  Story story(BrokerLimits{.packet_bytes = 100});
  Peer& peer = story.join("a");
  story.publish(peer, "t", std::string(200, 'x'));
  EXPECT_EQ(peer.take(), Lines{"DISCONNECT 95"});
}

TEST(BrokerFlow, LetsClientsUseAliases) {
  Story story(BrokerLimits{.topic_alias_maximum = 2});
  Peer& peer = story.join("a");
  Properties alias;
  alias.topic_alias = 2;
  story.publish(peer, "long/topic", "1", {.properties = alias});
  story.publish(peer, "", "2", {.qos = 1, .id = 1, .properties = alias});
  story.publish(peer, "another", "3", {.properties = alias});
  story.publish(peer, "", "4", {.properties = alias});
  EXPECT_EQ(story.arrived, (Lines{"a long/topic '1' q0", "a long/topic '2' q1", "a another '3' q0",
                                  "a another '4' q0"}));
  alias.topic_alias = 1;
  story.publish(peer, "", "5", {.properties = alias});
  EXPECT_EQ(peer.take(), (Lines{"PUBACK #1", "DISCONNECT 82"}));
  Peer& other = story.join("b");
  alias.topic_alias = 3;
  story.publish(other, "t", "6", {.properties = alias});
  EXPECT_EQ(other.take(), Lines{"DISCONNECT 94"});
}

TEST(BrokerFlow, UsesAliasesItself) {
  Story story(BrokerLimits{.outgoing_alias_maximum = 1});
  Connect packet;
  packet.client_id = "a";
  packet.properties.topic_alias_maximum = 10;
  Peer& peer = story.connect(packet);
  peer.take();
  story.subscribe(peer, "#", 1);
  Peer& writer = story.join("w");
  story.publish(writer, "one", "1");
  story.publish(writer, "two", "2");
  story.publish(writer, "one", "3", {.qos = 1, .id = 1});
  EXPECT_EQ(peer.take(), (Lines{"PUBLISH one '1' q0 alias=1", "PUBLISH two '2' q0",
                                "PUBLISH  '3' q1 #1 alias=1"}));
}

TEST(BrokerFlow, CountsTheExpiryDownAndNeverSendsWhatIsExpired) {
  Story story;
  Peer& peer = story.rejoin("a");
  story.subscribe(peer, "t", 2);
  story.drop(peer);
  Peer& writer = story.join("w");
  for (const std::uint32_t seconds : {5u, 10u, 0u}) {
    Properties properties;
    properties.message_expiry = seconds;
    story.publish(writer, "t", std::to_string(seconds),
                  {.qos = 2, .id = static_cast<std::uint16_t>(seconds + 1),
                   .properties = properties});
  }
  story.pass(5s);
  Peer& again = story.rejoin("a");
  EXPECT_EQ(again.take(), (Lines{"CONNACK 00 present", "PUBLISH t '10' q2 #2 expiry=5"}));
  EXPECT_EQ(story.stats().dropped_expired, 2u);
  // Once its delivery has begun it is finished.
  story.drop(again);
  story.pass(50s);
  EXPECT_EQ(story.rejoin("a").take(),
            (Lines{"CONNACK 00 present", "PUBLISH t '10' q2 #2 dup expiry=0"}));
}

TEST(BrokerFlow, MakesRoomOfExpiredMessages) {
  Story story(BrokerLimits{.queued_messages = 2});
  Peer& peer = story.rejoin("a");
  story.subscribe(peer, "t", 1);
  story.drop(peer);
  Peer& writer = story.join("w");
  Properties brief;
  brief.message_expiry = 1;
  story.publish(writer, "t", "1", {.qos = 1, .id = 1, .properties = brief});
  story.publish(writer, "t", "2", {.qos = 1, .id = 2});
  story.pass(1s);
  story.publish(writer, "t", "3", {.qos = 1, .id = 3});
  EXPECT_EQ(story.rejoin("a").take(),
            (Lines{"CONNACK 00 present", "PUBLISH t '2' q1 #2", "PUBLISH t '3' q1 #3"}));
  EXPECT_EQ(story.stats().dropped_expired, 1u);
  EXPECT_EQ(story.stats().dropped_full, 0u);
}

TEST(BrokerFlow, ForwardsPropertiesUnaltered) {
  Story story;
  Peer& peer = story.rejoin("a");
  story.subscribe(peer, "t", 1);
  Peer& old = story.join_311("old");
  old.take();
  story.subscribe(old, "t", 1);
  Properties p;
  p.payload_format = 1;
  p.content_type = "text/plain";
  p.response_topic = "answers/1";
  p.correlation_data = base::as_bytes("c-17");
  p.user = {{"k", "1"}, {"k", "2"}};
  const std::string said = " format=1 type=text/plain respond=answers/1 correlation=c-17 k:1 k:2";
  peer.take();
  story.publish(peer, "t", "x", {.properties = p});
  EXPECT_EQ(peer.take(), Lines{"PUBLISH t 'x' q0" + said});
  EXPECT_EQ(old.take(), Lines{"PUBLISH t 'x' q0"});
  EXPECT_EQ(story.arrived, Lines{"a t 'x' q0" + said});
  story.drop(peer);
  Peer& writer = story.join("w");
  story.publish(writer, "t", "y", {.qos = 1, .id = 1, .properties = p});
  EXPECT_EQ(story.rejoin("a").take().back(), "PUBLISH t 'y' q1 #1" + said);
}

TEST(BrokerFlow, GivesNoReasonsToWhoWantsNone) {
  for (const std::uint8_t wanted : {std::uint8_t{0}, std::uint8_t{1}}) {
    Broker broker({}, {.may_publish = [](auto, auto) { return false; }, .may_subscribe = {}});
    Outputs out;
    base::Bytes bytes;
    Connect connect;
    connect.client_id = "a";
    connect.properties.request_problem_information = wanted;
    encode(connect, bytes);
    broker.open(ConnId{1}, {}, {1});
    broker.received(ConnId{1}, bytes, {1}, {1}, out);
    broker.authorise(ConnId{1}, {}, {1}, {1}, out);
    bytes.clear();
    out.clear();
    Publish publish;
    publish.topic = "t";
    publish.qos = 1;
    publish.packet_id = 1;
    encode(publish, Version::v5, bytes);
    broker.received(ConnId{1}, bytes, {1}, {1}, out);
    ASSERT_EQ(out.sends.size(), 1u);
    Decoder decoder(1'000);
    decoder.feed(out.range(out.sends[0]));
    const auto packet = decoder.next();
    ASSERT_TRUE(packet && *packet);
    const auto& ack = std::get<PubAck>(**packet);
    EXPECT_EQ(ack.reason, Reason::not_authorized);
    EXPECT_EQ(ack.properties.reason_string.has_value(), wanted == 1);
  }
}

}  // namespace
}  // namespace selvedge::engine
