// The stories of clients that come back.

#include <gtest/gtest.h>

#include "engine/session/broker_story.h"

namespace selvedge::engine {
namespace {

using namespace codec::mqtt;
using namespace std::chrono_literals;

TEST(BrokerSession, QueuesForAClientThatIsAway) {
  for (const bool v5 : {true, false}) {
    Story story;
    Peer& reader = v5 ? story.rejoin("reader") : story.join_311("reader", false);
    EXPECT_EQ(reader.take(), Lines{"CONNACK 00"});
    story.subscribe(reader, "t/#", 2);
    if (v5) story.disconnect(reader); else story.drop(reader);
    Peer& writer = story.join("writer");
    story.publish(writer, "t/0", "lost");
    story.publish(writer, "t/1", "one", {.qos = 1, .id = 1});
    story.publish(writer, "t/2", "two", {.qos = 2, .id = 2});
    EXPECT_EQ(story.stats().queued_messages, 2u);
    Peer& again = v5 ? story.rejoin("reader") : story.join_311("reader", false);
    EXPECT_EQ(again.take(), (Lines{"CONNACK 00 present", "PUBLISH t/1 'one' q1 #1",
                                   "PUBLISH t/2 'two' q2 #2"}));
  }
}

TEST(BrokerSession, SendsAgainInOrderWhatWasNotAcknowledged) {
  Story story;
  Peer& reader = story.rejoin("reader");
  story.subscribe(reader, "t", 2);
  Peer& writer = story.join("writer");
  for (std::uint16_t i = 1; i <= 4; ++i) {
    story.publish(writer, "t", std::to_string(i),
                  {.qos = static_cast<std::uint8_t>(2 - i % 2), .id = i});
  }
  story.ack<PubRec>(reader, 2);
  story.drop(reader);
  story.publish(writer, "t", "5", {.qos = 1, .id = 5});
  Peer& again = story.rejoin("reader");
  EXPECT_EQ(again.take(),
            (Lines{"CONNACK 00 present", "PUBLISH t '1' q1 #1 dup", "PUBREL #2",
                   "PUBLISH t '3' q1 #3 dup", "PUBLISH t '4' q2 #4 dup", "PUBLISH t '5' q1 #5"}));
  story.ack<PubAck>(again, 1);
  story.ack<PubComp>(again, 2);
  story.ack<PubAck>(again, 3);
  story.ack<PubRec>(again, 4);
  story.ack<PubComp>(again, 4);
  story.ack<PubAck>(again, 5);
  EXPECT_EQ(story.stats().queued_messages, 0u);
  EXPECT_EQ(story.stats().queued_bytes, 0u);
}

TEST(BrokerSession, EndsWithItsConnectionUnlessAskedToStay) {
  Story story;
  Peer& peer = story.join("a");
  story.subscribe(peer, "t", 1);
  story.drop(peer);
  EXPECT_EQ(story.stats().sessions, 0u);
  EXPECT_EQ(story.stats().subscriptions, 0u);
  Peer& again = story.rejoin("a");
  EXPECT_EQ(again.take(), Lines{"CONNACK 00"});
}

TEST(BrokerSession, ExpiresWhileItsClientIsAway) {
  Story story;
  Peer& peer = story.rejoin("a", 100);
  story.pass(1'000s);
  story.drop(peer);
  story.pass(99s);
  EXPECT_EQ(story.stats().sessions, 1u);
  EXPECT_EQ(*story.broker().wake_at(), story.now + 1s);
  story.pass(1s);
  EXPECT_EQ(story.stats().sessions, 0u);
  EXPECT_FALSE(story.broker().wake_at());
}

TEST(BrokerSession, LivesNoLongerThanTheServerAllows) {
  Story story(BrokerLimits{.session_expiry_maximum = 50});
  Peer& peer = story.rejoin("a", 0xFFFFFFFF);
  EXPECT_EQ(peer.take(), Lines{"CONNACK 00 session=50"});
  story.drop(peer);
  Peer& old = story.join_311("b", false);
  story.drop(old);
  story.pass(49s);
  EXPECT_EQ(story.stats().sessions, 2u);
  story.pass(1s);
  EXPECT_EQ(story.stats().sessions, 0u);
}

TEST(BrokerSession, CanBeGivenAnotherExpiryAtDisconnect) {
  Story story;
  Peer& a = story.rejoin("a", 100);
  story.disconnect(a, Reason::success, 10);
  story.pass(10s);
  EXPECT_EQ(story.stats().sessions, 0u);
  Peer& b = story.rejoin("b", 100);
  story.disconnect(b, Reason::success, 0);
  EXPECT_EQ(story.stats().sessions, 0u);
  Peer& c = story.join("c");
  story.disconnect(c, Reason::success, 5);
  EXPECT_EQ(c.take(), Lines{"DISCONNECT 82"});
  EXPECT_TRUE(c.error);
}

TEST(BrokerSession, StartsCleanIfAsked) {
  Story story;
  Peer& peer = story.rejoin("a");
  story.subscribe(peer, "t", 1);
  story.drop(peer);
  Peer& writer = story.join("w");
  story.publish(writer, "t", "x", {.qos = 1, .id = 1});
  story.join("a");
  EXPECT_EQ(story.stats().queued_messages, 0u);
  EXPECT_EQ(story.stats().subscriptions, 0u);
}

TEST(BrokerSession, IsTakenOverWithWhatIsInIt) {
  Story story;
  Peer& first = story.rejoin("a");
  story.subscribe(first, "t", 1);
  Peer& writer = story.join("w");
  story.publish(writer, "t", "x", {.qos = 1, .id = 1});
  first.take();
  Peer& second = story.rejoin("a");
  EXPECT_EQ(first.take(), Lines{"DISCONNECT 8E"});
  EXPECT_EQ(second.take(), (Lines{"CONNACK 00 present", "PUBLISH t 'x' q1 #1 dup"}));
  // Late news from the host about the connection that is gone changes nothing.
  story.drop(first);
  story.publish(writer, "t", "y", {.qos = 1, .id = 2});
  EXPECT_EQ(second.take(), Lines{"PUBLISH t 'y' q1 #2"});
}

TEST(BrokerSession, IsNotInheritedByAnotherDevice) {
  Story story;
  Peer& peer = story.rejoin("a");
  story.subscribe(peer, "t", 1);
  story.drop(peer);
  story.decide = [](const Authenticate&) {
    return Grant{.reason = Reason::success, .device = "somebody else", .assigned_client_id = {}};
  };
  Peer& other = story.rejoin("a");
  EXPECT_EQ(other.take(), Lines{"CONNACK 00"});
  EXPECT_EQ(story.stats().subscriptions, 0u);
}

TEST(BrokerSession, IsNotTakenFromADeviceThatIsConnected) {
  Story story;
  Peer& peer = story.join("a");
  story.decide = [](const Authenticate&) {
    return Grant{.reason = Reason::success, .device = "somebody else", .assigned_client_id = {}};
  };
  Connect packet;
  packet.client_id = "a";
  EXPECT_EQ(story.connect(packet).take(), Lines{"CONNACK 85"});
  EXPECT_FALSE(peer.closed);
}

TEST(BrokerSession, RemembersReceivedQos2PublishesAcrossConnections) {
  Story story;
  Peer& first = story.rejoin("a");
  story.publish(first, "t", "x", {.qos = 2, .id = 7});
  story.drop(first);
  Peer& second = story.rejoin("a");
  second.take();
  story.publish(second, "t", "x", {.qos = 2, .id = 7, .duplicate = true});
  EXPECT_EQ(second.take(), Lines{"PUBREC #7"});
  EXPECT_EQ(story.arrived.size(), 1u);
  story.ack<PubRel>(second, 7);
  EXPECT_EQ(second.take(), Lines{"PUBCOMP #7"});
}

TEST(BrokerSession, SettlesAQos2PublishWhoseConnectionIsGone) {
  for (const bool resent_first : {true, false}) {
    Story story;
    story.settles = false;
    Peer& first = story.rejoin("a");
    story.publish(first, "t", "x", {.qos = 2, .id = 7});
    story.drop(first);
    Peer& second = story.rejoin("a");
    second.take();
    const PublishOptions resend{.qos = 2, .id = 7, .duplicate = true};
    if (!resent_first) story.settle(story.tokens);
    story.publish(second, "t", "x", resend);
    if (resent_first) {
      EXPECT_EQ(second.take(), Lines{});
      story.settle(story.tokens);
    }
    EXPECT_EQ(second.take(), Lines{"PUBREC #7"});
    EXPECT_EQ(story.tokens.size(), 1u);
    story.ack<PubRel>(second, 7);
    EXPECT_EQ(second.take(), Lines{"PUBCOMP #7"});
  }
}

TEST(BrokerSession, TakesARefusedQos2PublishAgainAfterAReconnect) {
  Story story;
  story.settles = false;
  Peer& first = story.rejoin("a");
  story.publish(first, "t", "x", {.qos = 2, .id = 7});
  story.drop(first);
  story.settle(story.tokens, Reason::unspecified_error);
  Peer& second = story.rejoin("a");
  second.take();
  story.publish(second, "t", "x", {.qos = 2, .id = 7, .duplicate = true});
  EXPECT_EQ(story.tokens.size(), 2u);
  story.settle({story.tokens[1]});
  EXPECT_EQ(second.take(), Lines{"PUBREC #7"});
}

TEST(BrokerSession, BecomesTemporaryIfResumedSo) {
  Story story;
  Peer& first = story.rejoin("a", 100);
  story.subscribe(first, "t", 1);
  story.drop(first);
  Peer& second = story.rejoin("a", 0);
  EXPECT_EQ(second.take(), Lines{"CONNACK 00 present"});
  story.drop(second);
  EXPECT_EQ(story.stats().sessions, 0u);
}

TEST(BrokerSession, ForgetsAMessageTheClientRefuses) {
  Story story;
  Peer& reader = story.rejoin("r");
  story.subscribe(reader, "t", 2);
  story.publish(reader, "t", "x", {.qos = 2, .id = 1});
  story.ack<PubRec>(reader, 1, Reason::quota_exceeded);
  EXPECT_EQ(story.stats().queued_messages, 0u);
  reader.take();
  story.ack<PubRec>(reader, 1);
  EXPECT_EQ(reader.take(), Lines{"PUBREL #1 92"});
  // Acknowledgements of the wrong kind, or of nothing, change nothing.
  story.publish(reader, "t", "y", {.qos = 2, .id = 2});
  story.ack<PubAck>(reader, 2);
  story.ack<PubComp>(reader, 2);
  story.ack<PubAck>(reader, 99);
  EXPECT_EQ(story.stats().queued_messages, 1u);
}

TEST(BrokerSession, SaysWhichConnectionsMustWaitForTheLog) {
  Story story;
  const auto waits = [&](const Peer& peer) {
    return std::exchange(story.begun, {}) == std::vector<ConnId>{peer.id};
  };
  EXPECT_TRUE(waits(story.rejoin("a"))) << "a session begins";
  EXPECT_FALSE(waits(story.rejoin("a"))) << "it goes on";
  EXPECT_TRUE(waits(story.join("a"))) << "it ends, and none that stays begins";
  EXPECT_FALSE(waits(story.join("a"))) << "the log has nothing to say";
  EXPECT_TRUE(waits(story.join_311("b", false)));
  EXPECT_TRUE(waits(story.join_311("b", true)));
}

}  // namespace
}  // namespace selvedge::engine
