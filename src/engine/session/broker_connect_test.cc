// The stories of connections: who gets in, under which name, and who is shown out.

#include <gtest/gtest.h>

#include "engine/session/broker_story.h"

namespace selvedge::engine {
namespace {

using namespace codec::mqtt;
using namespace std::chrono_literals;

Connect connect_as(std::string_view client_id, Version version = Version::v5) {
  Connect packet;
  packet.version = version;
  packet.client_id = client_id;
  return packet;
}

TEST(BrokerConnect, WantsConnectFirst) {
  Story story;
  Peer& peer = story.open();
  story.send(peer, PingReq{});
  EXPECT_TRUE(peer.closed && peer.error);
  EXPECT_EQ(peer.take(), Lines{});
  Peer& other = story.open();
  story.give(other, base::as_bytes("GET / HTTP/1.1\r\n"));
  EXPECT_TRUE(other.closed);
  EXPECT_EQ(story.stats().protocol_errors, 2u);
}

TEST(BrokerConnect, TakesASecondConnectForAnError) {
  Story story;
  Peer& peer = story.join("a");
  story.send(peer, connect_as("a"));
  EXPECT_EQ(peer.take(), Lines{"DISCONNECT 82"});
  EXPECT_TRUE(peer.closed);
}

TEST(BrokerConnect, RefusesVersionsItDoesNotSpeak) {
  Story story;
  base::Bytes bytes;
  encode(connect_as("a", Version::v311), bytes);
  bytes[8] = 3;
  Peer& peer = story.open(Version::v311);
  story.give(peer, bytes);
  EXPECT_EQ(peer.take().size(), 1u);
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(story.stats().refused_logins, 1u);
}

TEST(BrokerConnect, ClosesWhoDoesNotLogInInTime) {
  Story story;
  story.decide = [](const Authenticate&) { return std::nullopt; };
  Peer& silent = story.open();
  Peer& undecided = story.connect(connect_as("a"));
  Peer& half = story.open();
  story.give(half, base::Bytes{0x10, 0x20});
  story.pass(9s);
  story.give(half, base::Bytes{0x00});
  EXPECT_FALSE(silent.closed || undecided.closed || half.closed);
  story.pass(1s);
  EXPECT_TRUE(silent.closed && undecided.closed && half.closed);
  EXPECT_EQ(story.stats().connections, 0u);
}

TEST(BrokerConnect, AsksTheHostAndTellsWhatItSays) {
  struct Case {
    Reason reason;
    Version version;
    std::string_view answer;
  };
  for (const Case& c : {Case{Reason::bad_user_name_or_password, Version::v5, "CONNACK 86"},
                        Case{Reason::not_authorized, Version::v5, "CONNACK 87"},
                        Case{Reason::banned, Version::v5, "CONNACK 8A"}}) {
    Story story;
    story.decide = [&](const Authenticate& login) {
      EXPECT_EQ(login.client_id, "me");
      EXPECT_EQ(login.username, "user");
      EXPECT_TRUE(login.has_username && login.has_password);
      EXPECT_EQ(base::as_text(login.password), "secret");
      EXPECT_EQ(login.facts->address, "10.0.0.7:51000");
      return Grant{.reason = c.reason, .device = {}, .assigned_client_id = {}};
    };
    Connect packet = connect_as("me", c.version);
    packet.username = "user";
    packet.password = base::as_bytes("secret");
    Peer& peer = story.connect(packet);
    EXPECT_EQ(peer.take(), Lines{std::string(c.answer)});
    EXPECT_TRUE(peer.closed);
    EXPECT_EQ(story.stats().refused_logins, 1u);
    EXPECT_EQ(story.stats().sessions, 0u);
  }
}

TEST(BrokerConnect, KeepsWhatComesBeforeTheLoginIsDecided) {
  Story story;
  story.decide = [](const Authenticate&) { return std::nullopt; };
  Peer& peer = story.open();
  base::Bytes bytes;
  encode(connect_as("eager"), bytes);
  Publish publish;
  publish.topic = "t";
  publish.qos = 1;
  publish.packet_id = 3;
  encode(publish, Version::v5, bytes);
  encode(PingReq{}, bytes);
  story.give(peer, base::BytesView(bytes).first(bytes.size() - 4));
  story.give(peer, base::BytesView(bytes).last(4));
  EXPECT_EQ(peer.take(), Lines{});
  EXPECT_EQ(story.asked, std::vector<ConnId>{peer.id});
  story.call([&](Outputs& out) {
    story.broker().authorise(peer.id, {.reason = Reason::success, .device = "d",
                                       .assigned_client_id = {}},
                             story.now, story.wall, out);
  });
  EXPECT_EQ(peer.take(), (Lines{"CONNACK 00", "PINGRESP", "PUBACK #3"}));
  EXPECT_EQ(story.arrived, Lines{"d t '' q1"});
}

TEST(BrokerConnect, BoundsWhatComesBeforeTheLoginIsDecided) {
  Story story(BrokerLimits{.packet_bytes = 1'000});
  story.decide = [](const Authenticate&) { return std::nullopt; };
  Peer& peer = story.connect(connect_as("a"));
  for (int i = 0; i < 3 && !peer.closed; ++i) story.give(peer, base::Bytes(500, 0xC0));
  EXPECT_TRUE(peer.closed);
}

TEST(BrokerConnect, NamesAClientThatHasNoName) {
  Story story;
  Peer& peer = story.connect(connect_as(""));
  EXPECT_EQ(peer.take(), Lines{"CONNACK 00 assigned=selvedge-1"});
  story.decide = [](const Authenticate&) {
    return Grant{.reason = Reason::success, .device = "d", .assigned_client_id = "yours"};
  };
  Peer& other = story.connect(connect_as(""));
  EXPECT_EQ(other.take(), Lines{"CONNACK 00 assigned=yours"});
}

TEST(BrokerConnect, GivesNoNameThatASessionHas) {
  Story story;
  story.rejoin("selvedge-2");
  Peer& peer = story.connect(connect_as(""));
  EXPECT_EQ(peer.take(), Lines{"CONNACK 00 assigned=selvedge-2-2"});
}

TEST(BrokerConnect, TakesAnEmptyClientIdOf311OnlyWithACleanSession) {
  Story story;
  Peer& clean = story.join_311("");
  EXPECT_EQ(clean.take(), Lines{"CONNACK 00"});
  Peer& kept = story.join_311("", false);
  const Lines got = kept.take();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_TRUE(got[0].starts_with("CONNACK 8") || got[0] == "CONNACK 02") << got[0];
  EXPECT_TRUE(kept.closed);
}

TEST(BrokerConnect, ShortensAKeepAliveThatIsTooLong) {
  struct Case {
    std::uint16_t wanted;
    std::string_view answer;
    std::chrono::seconds ends;
  };
  for (const Case& c : {Case{0, "CONNACK 00 keep-alive=60", 90s},
                        Case{600, "CONNACK 00 keep-alive=60", 90s},
                        Case{20, "CONNACK 00", 30s}}) {
    Story story(BrokerLimits{.server_keep_alive = 60});
    Connect packet = connect_as("a");
    packet.keep_alive = c.wanted;
    Peer& peer = story.connect(packet);
    EXPECT_EQ(peer.take(), Lines{std::string(c.answer)});
    story.pass(c.ends - 1s);
    EXPECT_FALSE(peer.closed);
    story.pass(1s);
    EXPECT_TRUE(peer.closed);
  }
}

TEST(BrokerConnect, HasRoomForSoMany) {
  Story story(BrokerLimits{.connections = 2, .sessions = 2});
  story.join("a");
  Peer& b = story.join("b");
  Peer& c = story.connect(connect_as("c"));
  EXPECT_EQ(c.take(), Lines{"CONNACK 89"});
  story.disconnect(b);
  story.rejoin("d");
  Story few(BrokerLimits{.sessions = 1});
  few.join("a");
  Peer& second = few.connect(connect_as("b"));
  EXPECT_EQ(second.take(), Lines{"CONNACK 97"});
  few.join("a");
}

TEST(BrokerConnect, KnowsNoAuthenticationMethods) {
  Story story;
  Connect packet = connect_as("a");
  packet.properties.authentication_method = "SCRAM-SHA-1";
  Peer& peer = story.connect(packet);
  EXPECT_EQ(peer.take(), Lines{"CONNACK 8C"});
  Peer& other = story.join("b");
  Auth auth;
  auth.reason = Reason::re_authenticate;
  story.send(other, auth);
  EXPECT_EQ(other.take(), Lines{"DISCONNECT 82"});
}

TEST(BrokerConnect, SendsAwayTheOlderOfTwoWithOneName) {
  Story story;
  Peer& first = story.join("a");
  Peer& second = story.join("a");
  EXPECT_EQ(first.take(), Lines{"DISCONNECT 8E"});
  EXPECT_TRUE(first.closed);
  EXPECT_FALSE(second.closed);
  Peer& old = story.join_311("b");
  old.take();
  story.join("b");
  EXPECT_EQ(old.take(), Lines{});
  EXPECT_TRUE(old.closed);
  EXPECT_EQ(story.stats().sessions, 2u);
}

TEST(BrokerConnect, TellsWhereToExpectResponsesIfAsked) {
  Story story;
  Connect packet = connect_as("asker");
  packet.properties.request_response_information = 1;
  Peer& peer = story.connect(packet);
  EXPECT_EQ(peer.take(), Lines{"CONNACK 00 information=response/asker"});
}

TEST(BrokerConnect, RefusesAWillThatMayNotBePublished) {
  Story story({}, {.may_publish = [](auto, auto topic) { return topic != "secret"; },
                   .may_subscribe = {}});
  Connect packet = connect_as("a");
  packet.will.emplace();
  packet.will->topic = "secret";
  Peer& peer = story.connect(packet);
  EXPECT_EQ(peer.take(), Lines{"CONNACK 87"});
}

TEST(BrokerConnect, TellsItsLimits) {
  Broker broker({}, {});
  Outputs out;
  base::Bytes bytes;
  encode(connect_as("a"), bytes);
  broker.open(ConnId{1}, {}, {1});
  broker.received(ConnId{1}, bytes, {1}, {1}, out);
  ASSERT_EQ(out.logins.size(), 1u);
  out.clear();
  broker.authorise(ConnId{1}, {}, {1}, {1}, out);
  ASSERT_EQ(out.sends.size(), 1u);
  Decoder decoder(1'000);
  decoder.feed(out.range(out.sends[0]));
  const auto packet = decoder.next();
  ASSERT_TRUE(packet && *packet);
  const Properties& p = std::get<ConnAck>(**packet).properties;
  EXPECT_EQ(p.receive_maximum, 64);
  EXPECT_EQ(p.maximum_packet_size, 1u << 20);
  EXPECT_EQ(p.topic_alias_maximum, 16);
  EXPECT_FALSE(p.session_expiry || p.maximum_qos || p.retain_available || p.server_reference);
}

TEST(BrokerConnect, KicksWithAReason) {
  Story story;
  Peer& peer = story.join("a");
  story.call([&](Outputs& out) {
    story.broker().kick(peer.id, Reason::administrative_action, story.now, story.wall, out);
  });
  EXPECT_EQ(peer.take(), Lines{"DISCONNECT 98"});
  EXPECT_TRUE(peer.closed);
}

TEST(BrokerConnect, SaysGoodbyeToAllWhenItShutsDown) {
  Story story;
  Peer& a = story.join("a");
  Peer& b = story.join_311("b");
  Peer& c = story.open();
  b.take();
  story.call([&](Outputs& out) { story.broker().shut_down(story.now, story.wall, out); });
  EXPECT_EQ(a.take(), Lines{"DISCONNECT 8B"});
  EXPECT_EQ(b.take(), Lines{});
  EXPECT_TRUE(a.closed && b.closed && c.closed);
  EXPECT_EQ(story.stats().connections, 0u);
}

TEST(BrokerConnect, RefusesPacketsThatOnlyAServerSends) {
  Story story;
  Peer& peer = story.join("a");
  story.send(peer, PingResp{});
  EXPECT_EQ(peer.take(), Lines{"DISCONNECT 82"});
  Peer& other = story.join("b");
  story.give(other, base::Bytes{0xF7, 0x00});
  EXPECT_EQ(other.take(), Lines{"DISCONNECT 81"});
}

}  // namespace
}  // namespace selvedge::engine
