// The stories of subscriptions: which there may be, what they match, what they share.

#include <gtest/gtest.h>

#include "engine/session/broker_story.h"

namespace selvedge::engine {
namespace {

using namespace codec::mqtt;
using namespace std::chrono_literals;

TEST(BrokerSubscribe, MakesOneCopyOfOverlappingSubscriptions) {
  Story story;
  Peer& peer = story.join("a");
  story.subscribe(peer, "t/#", 0, 1);
  story.subscribe(peer, "t/+", 2, 2);
  story.subscribe(peer, "t/x", 1);
  story.publish(peer, "t/x", "1", {.qos = 2, .id = 1});
  const Lines got = peer.take();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_TRUE(got[0] == "PUBLISH t/x '1' q2 #1 ids=1,2" ||
              got[0] == "PUBLISH t/x '1' q2 #1 ids=2,1")
      << got[0];
}

TEST(BrokerSubscribe, KeepsAllIdentifiersInTheQueue) {
  Story story;
  Peer& peer = story.rejoin("a");
  story.subscribe(peer, "t/#", 1, 300);
  story.subscribe(peer, "t/+", 1, 300'000);
  story.drop(peer);
  Peer& writer = story.join("w");
  story.publish(writer, "t/x", "1", {.qos = 1, .id = 1});
  Peer& again = story.rejoin("a");
  const Lines got = again.take();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_NE(got[1].find("ids=300"), std::string::npos) << got[1];
  EXPECT_NE(got[1].find("300000"), std::string::npos) << got[1];
}

TEST(BrokerSubscribe, ReplacesASubscriptionToTheSameFilter) {
  Story story;
  Peer& peer = story.join("a");
  story.subscribe(peer, "t", 0, 1);
  story.subscribe(peer, "t", 1, 2);
  story.publish(peer, "t", "x", {.qos = 1, .id = 9});
  EXPECT_EQ(peer.take().front(), "PUBLISH t 'x' q1 #1 ids=2");
  EXPECT_EQ(story.stats().subscriptions, 1u);
}

TEST(BrokerSubscribe, SendsNothingBackWithNoLocal) {
  Story story;
  Peer& a = story.join("a");
  Peer& b = story.join("b");
  story.subscribe(a, Subscription{.filter = "t", .no_local = true});
  story.subscribe(b, "t");
  a.take();
  story.publish(a, "t", "from a");
  story.publish(b, "t", "from b");
  EXPECT_EQ(a.take(), Lines{"PUBLISH t 'from b' q0"});
  EXPECT_EQ(b.take().size(), 2u);
}

TEST(BrokerSubscribe, HidesDollarTopicsFromLeadingWildcards) {
  Story story;
  Peer& peer = story.join("a");
  story.subscribe(peer, "#");
  story.subscribe(peer, "+/x");
  story.publish(peer, "$own/x", "1");
  EXPECT_EQ(peer.take(), Lines{});
  story.subscribe(peer, "$own/+");
  story.publish(peer, "$own/x", "2");
  EXPECT_EQ(peer.take(), Lines{"PUBLISH $own/x '2' q0"});
}

TEST(BrokerSubscribe, UnsubscribesWhatWasSubscribed) {
  Story story;
  Peer& peer = story.join("a");
  story.subscribe(peer, "t/+");
  story.subscribe(peer, "$share/g/t/1");
  Unsubscribe packet;
  packet.packet_id = 4;
  packet.filters = {"t/+", "t/#", "$share/g/t/1", "$share/h/t/1"};
  story.send(peer, packet);
  EXPECT_EQ(peer.take(), Lines{"UNSUBACK #4 00 11 00 11"});
  story.publish(peer, "t/1", "x");
  EXPECT_EQ(peer.take(), Lines{});
  EXPECT_EQ(story.stats().subscriptions, 0u);
}

TEST(BrokerSubscribe, RefusesWhatMayNotBeRead) {
  const Access access{.may_publish = {},
                      .may_subscribe = [](auto, auto filter) { return filter != "secret/#"; }};
  Story story({}, access);
  Peer& peer = story.join("a");
  Peer& old = story.join_311("b");
  old.take();
  Subscribe packet;
  packet.packet_id = 3;
  packet.subscriptions = {{.filter = "open", .qos = 1}, {.filter = "secret/#", .qos = 1},
                          {.filter = "$share/g/secret/#"}};
  story.send(peer, packet);
  story.send(old, packet);
  EXPECT_EQ(peer.take(), Lines{"SUBACK #3 01 87 87"});
  EXPECT_EQ(old.take(), Lines{"SUBACK #3 01 80 80"});
}

TEST(BrokerSubscribe, RefusesTooManyAndTooDeep) {
  Story story(BrokerLimits{.subscriptions_per_session = 2});
  Peer& peer = story.join("a");
  Subscribe packet;
  packet.packet_id = 3;
  packet.subscriptions = {{.filter = "1"}, {.filter = "2"}, {.filter = "3"}, {.filter = "1"}};
  story.send(peer, packet);
  const std::string deep(200, '/');
  Subscription wanted;
  wanted.filter = deep;
  story.subscribe(peer, wanted);
  EXPECT_EQ(peer.take(), (Lines{"SUBACK #3 00 00 97 00", "SUBACK #1 8F"}));
  story.publish(peer, deep, "x");
  EXPECT_EQ(peer.take(), Lines{"DISCONNECT 90"});
}

TEST(BrokerSubscribe, RefusesNoLocalOnASharedSubscription) {
  Story story;
  Peer& peer = story.join("a");
  story.subscribe(peer, Subscription{.filter = "$share/g/t", .no_local = true});
  EXPECT_EQ(peer.take(), Lines{"DISCONNECT 82"});
}

TEST(BrokerSubscribe, DisconnectsWhoPublishesWhereItMayNot) {
  const Access access{.may_publish = [](auto device, auto) { return device != "mute"; },
                      .may_subscribe = {}};
  Story story({}, access);
  Peer& peer = story.join("mute");
  story.publish(peer, "t", "x", {.qos = 1, .id = 1});
  story.publish(peer, "t", "x", {.qos = 2, .id = 2});
  story.ack<PubRel>(peer, 2);
  EXPECT_EQ(peer.take(), (Lines{"PUBACK #1 87", "PUBREC #2 87", "PUBCOMP #2 92"}));
  story.publish(peer, "t", "x");
  EXPECT_EQ(peer.take(), Lines{"DISCONNECT 87"});
  Peer& old = story.join_311("mute");
  story.publish(old, "t", "x", {.qos = 1, .id = 1});
  EXPECT_EQ(old.take(), Lines{"CONNACK 00"});
  EXPECT_TRUE(old.closed);
  EXPECT_EQ(story.arrived, Lines{});
}

TEST(BrokerShared, LetsMembersTakeTurns) {
  Story story;
  Peer& a = story.join("a");
  Peer& b = story.join("b");
  Peer& plain = story.join("plain");
  story.subscribe(a, "$share/g/t/#", 1, 5);
  story.subscribe(b, "$share/g/t/#", 0);
  story.subscribe(plain, "t/#", 0);
  for (int i = 0; i < 4; ++i) {
    story.publish(plain, "t/1", std::to_string(i), {.qos = 1, .id = 1});
    plain.got.pop_back();
  }
  EXPECT_EQ(a.take(), (Lines{"PUBLISH t/1 '0' q1 #1 ids=5", "PUBLISH t/1 '2' q1 #2 ids=5"}));
  EXPECT_EQ(b.take(), (Lines{"PUBLISH t/1 '1' q0", "PUBLISH t/1 '3' q0"}));
  EXPECT_EQ(plain.take().size(), 4u);
}

TEST(BrokerShared, GroupsAreApart) {
  Story story;
  Peer& a = story.join("a");
  story.subscribe(a, "$share/g/t");
  story.subscribe(a, "$share/h/t");
  story.subscribe(a, "t");
  story.publish(a, "t", "x");
  EXPECT_EQ(a.take().size(), 3u);
  EXPECT_EQ(story.stats().subscriptions, 3u);
}

TEST(BrokerShared, GetsNoRetainedMessages) {
  Story story;
  Peer& a = story.join("a");
  story.publish(a, "t", "x", {.retain = true});
  story.subscribe(a, "$share/g/t");
  EXPECT_EQ(a.take(), Lines{});
}

TEST(BrokerShared, PrefersMembersThatAreThere) {
  Story story;
  Peer& away = story.rejoin("away");
  story.subscribe(away, "$share/g/t", 1);
  story.drop(away);
  Peer& here = story.join("here");
  story.subscribe(here, "$share/g/t", 1);
  for (int i = 0; i < 3; ++i) story.publish(here, "t", "x", {.qos = 1, .id = 1});
  EXPECT_EQ(here.take().size(), 6u);
  for (std::uint16_t id = 1; id <= 3; ++id) story.ack<PubAck>(here, id);
  story.drop(here);
  Peer& writer = story.join("w");
  story.publish(writer, "t", "for later", {.qos = 1, .id = 1});
  Peer& back = story.rejoin("away");
  EXPECT_EQ(back.take(), (Lines{"CONNACK 00 present", "PUBLISH t 'for later' q1 #1"}));
}

TEST(BrokerShared, HandsOnWhatALeavingMemberDidNotGet) {
  Story story;
  Connect packet;
  packet.client_id = "narrow";
  packet.properties.receive_maximum = 1;
  packet.properties.session_expiry = 100;
  Peer& narrow = story.connect(packet);
  story.subscribe(narrow, "$share/g/t", 2);
  Peer& writer = story.join("w");
  for (std::uint16_t i = 1; i <= 3; ++i) {
    story.publish(writer, "t", std::to_string(i), {.qos = 1, .id = i});
  }
  EXPECT_EQ(narrow.take(), (Lines{"CONNACK 00", "PUBLISH t '1' q1 #1"}));
  Peer& other = story.join("other");
  story.subscribe(other, "$share/g/t", 2);
  // While the session lives, what was sent stays with it.
  story.drop(narrow);
  EXPECT_EQ(other.take(), (Lines{"PUBLISH t '2' q1 #1", "PUBLISH t '3' q1 #2"}));
  story.pass(100s);
  EXPECT_EQ(other.take(), Lines{"PUBLISH t '1' q1 #3"});
  EXPECT_EQ(story.stats().queued_messages, 3u);
}

TEST(BrokerShared, NeverSendsASentQos2MessageToAnother) {
  Story story;
  Peer& a = story.join("a");
  story.subscribe(a, "$share/g/t", 2);
  story.publish(a, "t", "x", {.qos = 2, .id = 1});
  Peer& b = story.join("b");
  story.subscribe(b, "$share/g/t", 2);
  story.drop(a);
  EXPECT_EQ(b.take(), Lines{});
  EXPECT_EQ(story.stats().queued_bytes, 0u);
}

}  // namespace
}  // namespace selvedge::engine
