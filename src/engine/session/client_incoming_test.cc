#include <gtest/gtest.h>

#include "engine/session/client_peer.h"

namespace selvedge::engine {
namespace {

using namespace testing_peer;

mqtt::Publish aliased(std::string_view topic, std::uint16_t alias) {
  mqtt::Publish packet = message(topic);
  packet.properties.topic_alias = alias;
  return packet;
}

TEST(ClientIncoming, AcknowledgesEachQosAsItMust) {
  for (const Version version : {Version::v311, Version::v5}) {
    Peer peer{options_of(version)};
    peer.connect();
    peer.say(message("zero"));
    peer.say(message("one", 1, 5));
    peer.say(message("two", 2, 6));
    EXPECT_EQ(peer.messages(), (List{"zero=m", "one=m", "two=m"}));
    EXPECT_EQ(peer.sent(), (List{"PUBACK 5", "PUBREC 6"}));
    peer.say(pubrel(6));
    EXPECT_EQ(peer.sent(), (List{"PUBCOMP 6"}));
  }
}

TEST(ClientIncoming, HandsAQos2MessageOnOnceHoweverOftenItIsSent) {
  Peer peer;
  peer.connect();
  peer.say(message("t", 2, 6));
  peer.lose();
  peer.connect(resumed());
  mqtt::Publish again = message("t", 2, 6);
  again.duplicate = true;
  peer.say(again);
  EXPECT_EQ(peer.messages(), List{});
  EXPECT_EQ(peer.sent(), (List{"PUBREC 6"}));
  peer.say(pubrel(6));
  peer.say(pubrel(6));                   // our PUBCOMP was lost
  EXPECT_EQ(peer.sent(), (List{"PUBCOMP 6", "PUBCOMP 6 packet_identifier_not_found"}));
  peer.say(message("t", 2, 6));          // the identifier is free for another message
  EXPECT_EQ(peer.messages(), (List{"t=m"}));
}

TEST(ClientIncoming, ForgetsQos2IdentifiersWithTheSession) {
  Peer peer;
  peer.connect();
  peer.say(message("t", 2, 6));
  peer.lose();
  peer.connect();
  peer.say(message("u", 2, 6));
  EXPECT_EQ(peer.messages(), (List{"u=m"}));
}

TEST(ClientIncoming, UnderstandsTopicAliasesOfOneConnection) {
  Peer peer;
  peer.connect();
  peer.say(aliased("a", 1));
  peer.say(aliased("b", 16));
  peer.say(aliased("", 1));
  peer.say(aliased("", 16));
  peer.say(aliased("c", 1));             // set anew
  peer.say(aliased("", 1));
  EXPECT_EQ(peer.messages(), (List{"a=m", "b=m", "a=m", "b=m", "c=m", "c=m"}));
  peer.lose();
  peer.connect(resumed());
  peer.say(aliased("", 1));
  EXPECT_EQ(peer.sent(), (List{"DISCONNECT protocol_error"}));
  ASSERT_TRUE(peer.events.close);
  EXPECT_EQ(peer.events.close->code, base::Code::corrupt);
}

TEST(ClientIncoming, EndsTheConnectionOfAServerThatExceedsTheReceiveMaximum) {
  ClientOptions options = options_of();
  options.receive_maximum = 2;
  Peer peer(options);
  peer.connect();
  peer.say(message("a", 2, 1));
  peer.say(message("b", 2, 2));
  peer.say(message("a", 2, 1));          // a repetition is none more
  EXPECT_FALSE(peer.events.close);
  peer.say(message("c", 2, 3));
  EXPECT_TRUE(peer.events.close);
  EXPECT_EQ(peer.sent(), (List{"PUBREC 1", "PUBREC 2", "PUBREC 1",
                               "DISCONNECT receive_maximum_exceeded"}));
}

TEST(ClientIncoming, TakesBytesInAnyCut) {
  Peer peer;
  peer.connect();
  base::Bytes bytes;
  for (std::uint16_t id = 1; id <= 20; ++id) mqtt::encode(message("t", 1, id), Version::v5, bytes);
  for (const std::uint8_t byte : bytes) {
    const base::Bytes alone{byte};
    peer.say_bytes(alone);
  }
  EXPECT_EQ(peer.messages().size(), 20u);
  EXPECT_EQ(peer.sent().size(), 20u);
}

// What a server may not send; each is said once connected.
struct Bad {
  std::string_view what;
  Version version;
  base::Bytes bytes;
  std::string_view answer;               // nothing in 3.1.1
};

TEST(ClientIncoming, EndsTheConnectionOnWhatAServerMayNotSend) {
  const auto v3 = Version::v311;
  const auto v5 = Version::v5;
  const Bad cases[] = {
      {"type 0", v3, {0x00, 0x00}, ""},
      {"type 0", v5, {0x00, 0x00}, "DISCONNECT malformed_packet"},
      {"PUBLISH with QoS 3", v5, {0x36, 0x00}, "DISCONNECT malformed_packet"},
      {"PUBLISH with a wildcard", v5, {0x30, 0x04, 0x00, 0x01, '#', 0x00},
       "DISCONNECT topic_name_invalid"},
      {"too large", v5, {0x30, 0xFF, 0xFF, 0xFF, 0x7F}, "DISCONNECT packet_too_large"},
      {"alias 17", v5, {0x30, 0x07, 0x00, 0x01, 't', 0x03, 0x23, 0x00, 0x11},
       "DISCONNECT topic_alias_invalid"},
      {"second CONNACK", v5, {0x20, 0x03, 0x00, 0x00, 0x00}, "DISCONNECT protocol_error"},
      {"second CONNACK, of 3.1.1", v5, {0x20, 0x02, 0x00, 0x01}, "DISCONNECT protocol_error"},
      {"second CONNACK", v3, {0x20, 0x02, 0x00, 0x00}, ""},
      {"CONNECT", v3, {0x10, 0x0C, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, 0}, ""},
      {"PINGREQ", v5, {0xC0, 0x00}, "DISCONNECT protocol_error"},
      {"SUBSCRIBE", v3, {0x82, 0x06, 0x00, 0x01, 0x00, 0x01, 'a', 0x00}, ""},
      {"UNSUBSCRIBE", v3, {0xA2, 0x05, 0x00, 0x01, 0x00, 0x01, 'a'}, ""},
      {"SUBACK unasked", v3, {0x90, 0x03, 0x00, 0x01, 0x00}, ""},
      {"UNSUBACK unasked", v5, {0xB0, 0x04, 0x00, 0x01, 0x00, 0x00}, "DISCONNECT protocol_error"},
      {"DISCONNECT in 3.1.1", v3, {0xE0, 0x00}, ""},
      {"AUTH unasked", v5, {0xF0, 0x00}, "DISCONNECT protocol_error"},
  };
  for (const Bad& c : cases) {
    Peer peer{options_of(c.version)};
    peer.connect();
    peer.say_bytes(c.bytes);
    ASSERT_TRUE(peer.events.close) << c.what;
    EXPECT_FALSE(peer.client.connected()) << c.what;
    EXPECT_EQ(peer.sent(), c.answer.empty() ? List{} : List{std::string(c.answer)}) << c.what;
    peer.say(message("late"));           // nothing more is read
    EXPECT_EQ(peer.messages(), List{}) << c.what;
  }
}

TEST(ClientIncoming, EndsTheConnectionOnAnAnswerToAnotherQuestion) {
  const auto ends = [](std::uint8_t qos, const auto& answer) {
    Peer peer;
    peer.connect();
    peer.publish("t", qos);
    peer.say(answer);
    return peer.events.close.has_value() && peer.client.inflight() == 1;
  };
  EXPECT_TRUE(ends(2, puback(1)));
  EXPECT_TRUE(ends(1, pubrec(1)));
  EXPECT_TRUE(ends(2, pubcomp(1)));      // before its PUBREC
  EXPECT_TRUE(ends(1, pubcomp(1)));
  Peer peer;
  peer.connect();
  peer.client.subscribe("a", 0, peer.now, peer.events);
  peer.say(suback(1, {Reason::success, Reason::success}));
  EXPECT_TRUE(peer.events.close);
}

TEST(ClientIncoming, TakesNothingBeforeTheConnAck) {
  Peer peer;
  peer.open();
  peer.sent();
  peer.say(message("early"));
  EXPECT_TRUE(peer.events.close);
  EXPECT_EQ(peer.messages(), List{});
  EXPECT_EQ(peer.sent(), List{});        // not connected, so no DISCONNECT
}

TEST(ClientIncoming, TellsWhyTheServerEndsTheConnection) {
  struct Case {
    Reason reason;
    base::Code code;
  };
  const Case cases[] = {{Reason::session_taken_over, base::Code::conflict},
                        {Reason::server_shutting_down, base::Code::unavailable},
                        {Reason::keep_alive_timeout, base::Code::unavailable},
                        {Reason::not_authorized, base::Code::denied},
                        {Reason::quota_exceeded, base::Code::exhausted}};
  for (const Case& c : cases) {
    Peer peer;
    peer.connect();
    mqtt::Disconnect packet{.reason = c.reason, .properties = {}};
    packet.properties.reason_string = "for a test";
    packet.properties.server_reference = "b.example";
    peer.say(packet);
    ASSERT_TRUE(peer.events.close);
    EXPECT_EQ(peer.events.close->code, c.code);
    EXPECT_EQ(peer.events.close->message, "connection ended: server says " +
                                              std::string(mqtt::name(c.reason)) +
                                              " (for a test), use b.example");
    EXPECT_EQ(peer.sent(), List{});
  }
}

TEST(ClientIncoming, ALinkThatIsOpenedAgainWithoutAWordBeginsAfresh) {
  Peer peer;
  peer.connect();
  peer.publish("t", 1);
  base::Bytes half;
  mqtt::encode(message("never"), Version::v5, half);
  peer.say_bytes(base::BytesView(half).first(4));
  peer.events.clear();
  peer.connect(resumed());
  EXPECT_EQ(peer.sent(), (List{"PUBLISH 1 q1 t=x dup"}));
  peer.say(message("now"));
  EXPECT_EQ(peer.messages(), (List{"now=m"}));
}

}  // namespace
}  // namespace selvedge::engine
