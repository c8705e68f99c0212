#include <gtest/gtest.h>

#include "engine/session/client_peer.h"

namespace selvedge::engine {
namespace {

using namespace testing_peer;
using std::chrono::seconds;

TEST(Client, SaysWhoItIs) {
  ClientOptions options = options_of();
  options.username = "u";
  options.password = "p";
  options.will = ClientWill{.topic = "gone/c", .payload = {1}, .qos = 1, .retain = true,
                            .delay = 5};
  Peer peer(options);
  peer.open();
  mqtt::Decoder decoder(1'000);
  decoder.feed(peer.events.send);
  const auto packet = decoder.next();
  ASSERT_TRUE(packet && *packet);
  const auto& connect = std::get<mqtt::Connect>(**packet);
  EXPECT_EQ(connect.username, "u");
  EXPECT_EQ(base::as_text(connect.password.value()), "p");
  ASSERT_TRUE(connect.will);
  EXPECT_EQ(connect.will->topic, "gone/c");
  EXPECT_EQ(connect.will->qos, 1);
  EXPECT_EQ(connect.will->properties.will_delay, 5u);
  EXPECT_EQ(connect.properties.session_expiry, 3'600u);
  EXPECT_EQ(connect.properties.receive_maximum, 64);
  EXPECT_EQ(connect.properties.maximum_packet_size, 4u << 20);
  EXPECT_EQ(connect.properties.topic_alias_maximum, 16);
}

TEST(Client, AddsAnEmptyUserNameToAPasswordInTheOldVersion) {
  ClientOptions options = options_of(Version::v311);
  options.password = "token";
  Peer peer(options);
  peer.open();
  EXPECT_EQ(peer.sent(), (List{"CONNECT c 30 user="}));
}

TEST(Client, IsConnectedOnceTheServerSaysYes) {
  Peer peer;
  peer.open();
  EXPECT_EQ(peer.sent(), (List{"CONNECT c clean 30"}));
  EXPECT_FALSE(peer.client.connected());
  peer.say(mqtt::ConnAck{});
  EXPECT_TRUE(peer.client.connected());
  EXPECT_TRUE(peer.events.connected);
  EXPECT_FALSE(peer.events.session_present);
  peer.lose();
  EXPECT_FALSE(peer.client.connected());
  EXPECT_FALSE(peer.events.connected);
}

TEST(Client, BeginsASessionAnewOnlyOnceIfItOutlivesTheConnection) {
  Peer lasting;
  lasting.connect();
  lasting.lose();
  lasting.open();
  EXPECT_EQ(lasting.sent(), (List{"CONNECT c 30"}));
  ClientOptions options = options_of();
  options.session_expiry = 0;
  Peer fleeting(options);
  fleeting.connect();
  fleeting.lose();
  fleeting.open();
  EXPECT_EQ(fleeting.sent(), (List{"CONNECT c clean 30"}));
}

TEST(Client, BeginsASessionAnewWithAConnectionOfItsOwnInTheOldVersion) {
  ClientOptions options = options_of(Version::v311);
  options.clean_start = true;
  options.will = ClientWill{.topic = "gone/c", .payload = {1}};
  Peer peer(options);
  peer.publish("t", 1);
  peer.open();
  EXPECT_EQ(peer.sent(), (List{"CONNECT c clean 30"}));
  peer.say(mqtt::ConnAck{});
  EXPECT_TRUE(peer.events.close);
  EXPECT_FALSE(peer.events.connected);
  EXPECT_EQ(peer.sent(), (List{"DISCONNECT"}));
  peer.lose();
  peer.connect();
  EXPECT_EQ(peer.sent(), (List{"PUBLISH 1 q1 t=x"}));
  peer.lose();
  peer.open();
  EXPECT_EQ(peer.sent().front().substr(0, 12), "CONNECT c 30");
}

TEST(Client, KeepsTheIdentifierThatTheServerAssigned) {
  ClientOptions options = options_of();
  options.client_id.clear();
  Peer peer(options);
  mqtt::ConnAck answer;
  answer.properties.assigned_client_id = "auto-7";
  peer.connect(answer);
  EXPECT_EQ(peer.client.client_id(), "auto-7");
  peer.lose();
  peer.open();
  EXPECT_EQ(peer.sent(), (List{"CONNECT auto-7 30"}));
}

TEST(Client, ReportsARefusalWithACodeThatSaysWhatToDo) {
  struct Case {
    Version version;
    Reason reason;
    base::Code code;
  };
  const Case cases[] = {
      {Version::v311, Reason::not_authorized, base::Code::denied},
      {Version::v311, Reason::server_unavailable, base::Code::unavailable},
      {Version::v311, Reason::client_identifier_not_valid, base::Code::invalid_input},
      {Version::v5, Reason::bad_user_name_or_password, base::Code::denied},
      {Version::v5, Reason::server_busy, base::Code::unavailable},
      {Version::v5, Reason::quota_exceeded, base::Code::exhausted},
      {Version::v5, Reason::server_moved, base::Code::unavailable},
      {Version::v5, Reason::unsupported_protocol_version, base::Code::invalid_input},
  };
  for (const Case& c : cases) {
    Peer peer{options_of(c.version)};
    peer.connect({.session_present = false, .reason = c.reason, .properties = {}});
    ASSERT_TRUE(peer.events.close);
    EXPECT_EQ(peer.events.close->code, c.code) << mqtt::name(c.reason);
    EXPECT_NE(peer.events.close->message.find(mqtt::name(c.reason)), std::string::npos);
    EXPECT_FALSE(peer.client.connected());
    EXPECT_EQ(peer.sent(), List{});
  }
}

TEST(Client, GivesUpOnAServerThatDoesNotAnswerTheConnect) {
  Peer peer;
  peer.open();
  peer.pass(seconds(19));
  EXPECT_FALSE(peer.events.close);
  EXPECT_EQ(peer.client.wake_at(), peer.now + seconds(1));
  peer.pass(seconds(1));
  ASSERT_TRUE(peer.events.close);
  EXPECT_EQ(peer.events.close->code, base::Code::unavailable);
}

TEST(Client, RefusesASessionItDidNotAskFor) {
  Peer peer;
  peer.connect(resumed());
  ASSERT_TRUE(peer.events.close);
  EXPECT_FALSE(peer.client.connected());
}

TEST(Client, PingsWhenItHasNothingToSay) {
  Peer peer;
  peer.connect();
  peer.pass(seconds(29));
  EXPECT_EQ(peer.sent(), List{});
  peer.pass(seconds(1));
  EXPECT_EQ(peer.sent(), (List{"PINGREQ"}));
  peer.say(mqtt::PingResp{});
  EXPECT_EQ(peer.client.wake_at(), peer.now + seconds(30));
  peer.pass(seconds(15));
  peer.publish("t", 0);
  peer.say(message("a"));
  peer.sent();
  peer.pass(seconds(29));
  EXPECT_EQ(peer.sent(), List{});
  EXPECT_FALSE(peer.events.close);
}

TEST(Client, PingsASilentServerThoughItIsSendingAllTheTime) {
  Peer peer;
  peer.connect();
  for (int i = 0; i < 30; ++i) {
    peer.publish("t", 0);
    peer.sent();
    peer.pass(seconds(1));
  }
  EXPECT_EQ(peer.sent(), (List{"PINGREQ"}));
}

TEST(Client, ClosesAHalfOpenLink) {
  Peer peer;
  peer.connect();
  peer.pass(seconds(30));
  EXPECT_EQ(peer.client.wake_at(), peer.now + seconds(15));
  peer.pass(seconds(14));
  EXPECT_FALSE(peer.events.close);
  peer.pass(seconds(1));
  ASSERT_TRUE(peer.events.close);
  EXPECT_EQ(peer.events.close->code, base::Code::unavailable);
  EXPECT_FALSE(peer.client.wake_at());
}

TEST(Client, GoesByTheServersKeepAlive) {
  Peer peer;
  mqtt::ConnAck answer;
  answer.properties.server_keep_alive = std::uint16_t{4};
  peer.connect(answer);
  peer.pass(seconds(4));
  EXPECT_EQ(peer.sent(), (List{"PINGREQ"}));
  peer.say(mqtt::PingResp{});
  peer.lose();
  peer.connect();                        // its own again
  EXPECT_EQ(peer.client.wake_at(), peer.now + seconds(30));
}

TEST(Client, WithoutKeepAliveNeverPings) {
  ClientOptions options = options_of();
  options.keep_alive = 0;
  Peer peer(options);
  peer.connect();
  EXPECT_FALSE(peer.client.wake_at());
  peer.pass(std::chrono::hours(5));
  EXPECT_EQ(peer.sent(), List{});
}

TEST(Client, DisconnectsInOrder) {
  Peer peer;
  peer.connect();
  peer.client.disconnect(peer.now, peer.events);
  EXPECT_EQ(peer.sent(), (List{"DISCONNECT"}));
  EXPECT_TRUE(peer.events.close);
  EXPECT_FALSE(peer.client.connected());
  peer.say(message("late"));
  EXPECT_EQ(peer.messages(), List{});
  peer.publish("t", 1);
  EXPECT_EQ(peer.sent(), List{});
  EXPECT_EQ(peer.client.waiting(), 1u);
}

TEST(Client, SubscribesAndReportsWhatWasGranted) {
  for (const Version version : {Version::v311, Version::v5}) {
    Peer peer{options_of(version)};
    peer.client.subscribe("a/+", 1, peer.now, peer.events);
    peer.client.subscribe("b", 2, peer.now, peer.events);
    EXPECT_EQ(peer.sent(), List{});
    peer.connect();
    EXPECT_EQ(peer.sent(), (List{"SUBSCRIBE 1 a/+:1 b:2"}));
    peer.say(suback(1, {Reason::granted_qos_1, Reason::unspecified_error}));
    ASSERT_EQ(peer.events.subscribed.size(), 2u);
    EXPECT_EQ(peer.events.subscribed[0].filter, "a/+");
    EXPECT_EQ(peer.events.subscribed[0].reason, Reason::granted_qos_1);
    EXPECT_EQ(peer.events.subscribed[1].reason, Reason::unspecified_error);
  }
}

TEST(Client, SubscribesAgainOnlyWhereTheServerForgot) {
  Peer peer;
  peer.connect();
  peer.client.subscribe("a", 1, peer.now, peer.events);
  EXPECT_EQ(peer.sent(), (List{"SUBSCRIBE 1 a:1"}));
  peer.client.subscribe("b", 0, peer.now, peer.events);
  EXPECT_EQ(peer.sent(), List{});        // one at a time
  peer.say(suback(1, {Reason::granted_qos_1}));
  EXPECT_EQ(peer.sent(), (List{"SUBSCRIBE 2 b:0"}));
  peer.lose();
  peer.connect(resumed());               // "b" was not answered
  EXPECT_EQ(peer.sent(), (List{"SUBSCRIBE 3 b:0"}));
  peer.say(suback(3, {Reason::success}));
  peer.lose();
  peer.connect(resumed());
  EXPECT_EQ(peer.sent(), List{});
  peer.lose();
  peer.connect();
  EXPECT_EQ(peer.sent(), (List{"SUBSCRIBE 4 a:1 b:0"}));
}

TEST(Client, AskedAgainForAFilterItAsksTheServerAgain) {
  Peer peer;
  peer.connect();
  peer.client.subscribe("a", 0, peer.now, peer.events);
  peer.client.subscribe("a", 2, peer.now, peer.events);
  EXPECT_EQ(peer.sent(), (List{"SUBSCRIBE 1 a:0"}));
  peer.say(suback(1, {Reason::success}));
  EXPECT_EQ(peer.sent(), (List{"SUBSCRIBE 2 a:2"}));
}

TEST(Client, SplitsManySubscriptionsByNumberAndSize) {
  Peer peer;
  for (int i = 0; i < 100; ++i) {
    peer.client.subscribe("filter/" + std::to_string(1'000 + i), 0, peer.now, peer.events);
  }
  mqtt::ConnAck small;
  small.properties.maximum_packet_size = 100u;
  peer.connect(small);
  std::size_t answered = 0;
  for (int round = 0; round < 100 && answered < 100; ++round) {
    mqtt::Decoder decoder(100);
    const base::Bytes bytes = std::exchange(peer.events.send, {});
    decoder.feed(bytes);
    const auto packet = decoder.next();
    ASSERT_TRUE(packet && *packet);
    const auto& subscribe = std::get<mqtt::Subscribe>(**packet);
    answered += subscribe.subscriptions.size();
    peer.say(suback(subscribe.packet_id,
                    std::vector<Reason>(subscribe.subscriptions.size(), Reason::success)));
  }
  EXPECT_EQ(answered, 100u);
  EXPECT_EQ(peer.events.subscribed.size(), 100u);
}

TEST(Client, DoesNotAskForWhatTheServerSaysItHasNot) {
  Peer peer;
  mqtt::ConnAck answer;
  answer.properties.wildcard_available = std::uint8_t{0};
  answer.properties.shared_available = std::uint8_t{0};
  answer.properties.maximum_packet_size = 30u;
  peer.connect(answer);
  struct Case {
    std::string filter;
    Reason reason;
  };
  const Case cases[] = {{"a/#", Reason::wildcard_subscriptions_not_supported},
                        {"$share/g/a", Reason::shared_subscriptions_not_supported},
                        {std::string(40, 'f'), Reason::packet_too_large},
                        {"a/#/b", Reason::topic_filter_invalid},
                        {"", Reason::topic_filter_invalid},
                        {"$share/g", Reason::topic_filter_invalid}};
  for (const Case& c : cases) {
    peer.events.clear();
    peer.client.subscribe(c.filter, 0, peer.now, peer.events);
    ASSERT_EQ(peer.events.subscribed.size(), 1u) << c.filter;
    EXPECT_EQ(peer.events.subscribed[0].reason, c.reason) << c.filter;
    EXPECT_TRUE(peer.events.send.empty());
  }
}

}  // namespace
}  // namespace selvedge::engine
