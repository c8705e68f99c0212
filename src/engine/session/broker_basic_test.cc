// The stories of a plain day: connect, publish, subscribe, acknowledge, keep alive.

#include <gtest/gtest.h>

#include "engine/session/broker_story.h"

namespace selvedge::engine {
namespace {

using namespace codec::mqtt;
using namespace std::chrono_literals;

TEST(Broker, PassesAPublishOnToWhoSubscribed) {
  for (const Version version : {Version::v311, Version::v5}) {
    Story story;
    Peer& reader = version == Version::v5 ? story.join("reader") : story.join_311("reader");
    Peer& writer = story.join("writer");
    reader.take();
    story.subscribe(reader, "plant/+/temperature", 2);
    story.publish(writer, "plant/7/temperature", "21.5");
    story.publish(writer, "plant/7/pressure", "1013");
    story.publish(writer, "plant/7/temperature", "21.6", {.qos = 1, .id = 5});
    story.publish(writer, "plant/7/temperature", "21.7", {.qos = 2, .id = 6});
    EXPECT_EQ(reader.take(), (Lines{"PUBLISH plant/7/temperature '21.5' q0",
                                    "PUBLISH plant/7/temperature '21.6' q1 #1",
                                    "PUBLISH plant/7/temperature '21.7' q2 #2"}));
    EXPECT_EQ(writer.take(), (Lines{"PUBACK #5", "PUBREC #6"}));
    story.ack<PubRel>(writer, 6);
    EXPECT_EQ(writer.take(), Lines{"PUBCOMP #6"});
    story.ack<PubAck>(reader, 1);
    story.ack<PubRec>(reader, 2);
    EXPECT_EQ(reader.take(), Lines{"PUBREL #2"});
    story.ack<PubComp>(reader, 2);
    EXPECT_EQ(story.stats().queued_messages, 0u);
    EXPECT_EQ(story.arrived, (Lines{"writer plant/7/temperature '21.5' q0",
                                    "writer plant/7/pressure '1013' q0",
                                    "writer plant/7/temperature '21.6' q1",
                                    "writer plant/7/temperature '21.7' q2"}));
  }
}

TEST(Broker, DeliversWithTheLesserOfTheTwoQos) {
  struct Case {
    std::uint8_t published, subscribed;
    std::string_view ending;
  };
  for (const Case& c : {Case{0, 2, "q0"}, Case{1, 0, "q0"}, Case{2, 1, "q1 #1"},
                        Case{1, 2, "q1 #1"}, Case{2, 2, "q2 #1"}}) {
    Story story;
    Peer& peer = story.join("a");
    story.subscribe(peer, "t", c.subscribed);
    story.publish(peer, "t", "x", {.qos = c.published, .id = 9});
    const Lines got = peer.take();
    ASSERT_FALSE(got.empty());
    EXPECT_EQ(got.front(), "PUBLISH t 'x' " + std::string(c.ending));
  }
}

TEST(Broker, AcknowledgesOnlyWhatIsSettled) {
  Story story;
  story.settles = false;
  Peer& peer = story.join("a");
  story.publish(peer, "t", "x", {.qos = 1, .id = 1});
  EXPECT_EQ(peer.take(), Lines{});
  story.settle(story.tokens);
  EXPECT_EQ(peer.take(), Lines{"PUBACK #1"});
}

TEST(Broker, AcknowledgesInTheOrderOfArrival) {
  Story story;
  story.settles = false;
  Peer& peer = story.join("a");
  for (std::uint16_t id = 1; id <= 4; ++id) {
    story.publish(peer, "t", "x", {.qos = static_cast<std::uint8_t>(id % 2 + 1), .id = id});
  }
  const auto t = story.tokens;
  story.settle({t[2]});
  story.settle({t[1]});
  EXPECT_EQ(peer.take(), Lines{});
  story.settle({t[0]});
  EXPECT_EQ(peer.take(), (Lines{"PUBREC #1", "PUBACK #2", "PUBREC #3"}));
  story.settle({t[3], t[3], Token{ConnId{99}, 1}});
  EXPECT_EQ(peer.take(), Lines{"PUBACK #4"});
}

TEST(Broker, TellsAClientThatItsPublishWasRefused) {
  Story story;
  story.settles = false;
  Peer& peer = story.join("a");
  story.publish(peer, "t", "x", {.qos = 1, .id = 1});
  story.publish(peer, "t", "y", {.qos = 2, .id = 2});
  story.settle(story.tokens, Reason::quota_exceeded);
  EXPECT_EQ(peer.take(), (Lines{"PUBACK #1 97", "PUBREC #2 97"}));
  // The identifier is free again, so this is another publish.
  story.tokens.clear();
  story.publish(peer, "t", "y", {.qos = 2, .id = 2, .duplicate = true});
  EXPECT_EQ(story.tokens.size(), 1u);

  Peer& old = story.join_311("b");
  old.take();
  story.tokens.clear();
  story.publish(old, "t", "x", {.qos = 1, .id = 1});
  story.settle(story.tokens, Reason::quota_exceeded);
  EXPECT_EQ(old.take(), Lines{});
  EXPECT_TRUE(old.closed);
}

TEST(Broker, EndsTheConnectionOfAnOldClientAtOnceWhenAPublishIsRefused) {
  Story story;
  story.settles = false;
  Peer& peer = story.join_311("a");
  peer.take();
  for (std::uint16_t id = 1; id <= 2; ++id) story.publish(peer, "t", "x", {.qos = 1, .id = id});
  story.settle({story.tokens[1]}, Reason::quota_exceeded);
  EXPECT_TRUE(peer.closed) << "the first is not settled, but a third would overtake the second";
  story.settle({story.tokens[0]});
  EXPECT_EQ(peer.take(), Lines{});
}

TEST(Broker, RecognisesAResentQos2Publish) {
  Story story;
  Peer& peer = story.join("a");
  story.publish(peer, "t", "x", {.qos = 2, .id = 7});
  story.publish(peer, "t", "x", {.qos = 2, .id = 7, .duplicate = true});
  EXPECT_EQ(peer.take(), (Lines{"PUBREC #7", "PUBREC #7"}));
  EXPECT_EQ(story.arrived.size(), 1u);
  story.ack<PubRel>(peer, 7);
  story.ack<PubRel>(peer, 7);
  EXPECT_EQ(peer.take(), (Lines{"PUBCOMP #7", "PUBCOMP #7 92"}));
  story.publish(peer, "t", "x", {.qos = 2, .id = 7});
  EXPECT_EQ(story.arrived.size(), 2u);
}

TEST(Broker, AnswersPings) {
  Story story;
  Peer& peer = story.join("a");
  story.send(peer, PingReq{});
  EXPECT_EQ(peer.take(), Lines{"PINGRESP"});
}

TEST(Broker, TakesPacketsInPieces) {
  Story story;
  Peer& reader = story.join("reader");
  story.subscribe(reader, "t", 1);
  Peer& peer = story.open();
  base::Bytes bytes;
  Connect connect;
  connect.client_id = "slow";
  encode(connect, bytes);
  for (int i = 0; i < 3; ++i) {
    Publish publish;
    publish.topic = "t";
    const base::Bytes payload(static_cast<std::size_t>(1 + i * 20'000), 'x');
    publish.payload = payload;
    publish.qos = 1;
    publish.packet_id = static_cast<std::uint16_t>(i + 1);
    encode(publish, Version::v5, bytes);
  }
  for (std::size_t at = 0; at < bytes.size(); at += 7) {
    const base::Bytes piece(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                            bytes.begin() + static_cast<std::ptrdiff_t>(
                                                std::min(bytes.size(), at + 7)));
    story.give(peer, piece);
  }
  EXPECT_EQ(peer.take(), (Lines{"CONNACK 00", "PUBACK #1", "PUBACK #2", "PUBACK #3"}));
  EXPECT_EQ(reader.take(), (Lines{"PUBLISH t 'x' q1 #1", "PUBLISH t (20001 bytes) q1 #2",
                                  "PUBLISH t (40001 bytes) q1 #3"}));
}

TEST(Broker, PublishesForItsHost) {
  Story story;
  Peer& peer = story.join("a");
  story.subscribe(peer, "own/#", 1);
  story.call([&](Outputs& out) {
    story.broker().publish({.topic = "own/state", .payload = base::as_bytes("up"), .qos = 1,
                            .retain = true},
                           story.now, story.wall, out);
  });
  EXPECT_EQ(peer.take(), Lines{"PUBLISH own/state 'up' q1 #1"});
  EXPECT_EQ(story.stats().retained, 1u);
  EXPECT_EQ(story.arrived, Lines{});
}

TEST(Broker, EndsConnectionsThatFallSilent) {
  Story story;
  Connect connect;
  connect.client_id = "a";
  connect.keep_alive = 10;
  Peer& peer = story.connect(connect);
  peer.take();
  story.pass(14s);
  EXPECT_FALSE(peer.closed);
  story.send(peer, PingReq{});
  story.pass(14s);
  EXPECT_FALSE(peer.closed);
  ASSERT_TRUE(story.broker().wake_at());
  EXPECT_LE(*story.broker().wake_at(), story.now + 1s);
  story.pass(1s);
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(peer.take(), (Lines{"PINGRESP", "DISCONNECT 8D"}));
  EXPECT_EQ(story.stats().keep_alive_timeouts, 1u);
  EXPECT_FALSE(story.broker().wake_at());
}

TEST(Broker, WaitsForeverForAClientWithoutKeepAlive) {
  Story story;
  Peer& peer = story.join("a");
  story.pass(24h * 365);
  EXPECT_FALSE(peer.closed);
}

TEST(Broker, ListsItsSessions) {
  Story story;
  Peer& peer = story.rejoin("a");
  story.subscribe(peer, "x", 1);
  peer.take();
  auto list = story.broker().sessions(10);
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].client_id, "a");
  EXPECT_EQ(list[0].device, "a");
  EXPECT_EQ(list[0].address, "10.0.0.7:51000");
  EXPECT_EQ(list[0].version, 5);
  EXPECT_TRUE(list[0].connected);
  EXPECT_EQ(list[0].subscriptions, 1u);
  story.drop(peer);
  Peer& writer = story.join("w");
  story.publish(writer, "x", "1", {.qos = 1, .id = 1});
  list = story.broker().sessions(1);
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(story.stats().queued_messages, 1u);
}

TEST(Broker, CountsWhatGoesOn) {
  Story story;
  Peer& a = story.join("a");
  story.join("b");
  story.subscribe(a, "x", 0);
  story.subscribe(a, "y", 0);
  story.publish(a, "x", "1");
  EXPECT_EQ(story.stats().connections, 2u);
  EXPECT_EQ(story.stats().sessions, 2u);
  EXPECT_EQ(story.stats().subscriptions, 2u);
  EXPECT_EQ(story.stats().packets_received, 5u);
  EXPECT_EQ(story.stats().packets_sent, 5u);
  EXPECT_EQ(story.stats().publishes_received, 1u);
  EXPECT_EQ(story.stats().publishes_sent, 1u);
  story.disconnect(a);
  EXPECT_EQ(story.stats().connections, 1u);
  EXPECT_EQ(story.stats().sessions, 1u);
  EXPECT_EQ(story.stats().subscriptions, 0u);
}

TEST(Broker, IgnoresConnectionsItDoesNotKnow) {
  Story story;
  story.call([&](Outputs& out) {
    const ConnId nobody{77};
    story.broker().received(nobody, base::as_bytes("x"), story.now, story.wall, out);
    story.broker().closed(nobody, story.now, story.wall, out);
    story.broker().authorise(nobody, {}, story.now, story.wall, out);
    story.broker().unsent(nobody, 1, story.now, out);
    story.broker().kick(nobody, Reason::banned, story.now, story.wall, out);
    EXPECT_TRUE(out.sends.empty() && out.closes.empty());
  });
}

}  // namespace
}  // namespace selvedge::engine
