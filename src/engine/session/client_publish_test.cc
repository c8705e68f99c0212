#include <gtest/gtest.h>

#include "engine/session/client_peer.h"

namespace selvedge::engine {
namespace {

using namespace testing_peer;

class ClientPublish : public testing::TestWithParam<Version> {
 protected:
  Peer peer{options_of(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(Client, ClientPublish, testing::Values(Version::v311, Version::v5));

TEST_P(ClientPublish, Qos0IsSentAndForgotten) {
  peer.connect();
  EXPECT_EQ(peer.publish("t", 0), 0u);
  EXPECT_EQ(peer.sent(), (List{"PUBLISH q0 t=x"}));
  EXPECT_EQ(peer.client.inflight() + peer.client.waiting(), 0u);
}

TEST_P(ClientPublish, Qos0NeedsAConnection) {
  const auto id = peer.client.publish("t", {}, 0, false, peer.now, peer.events);
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().code, base::Code::unavailable);
}

TEST_P(ClientPublish, Qos1IsAcknowledgedOnce) {
  peer.connect();
  peer.retain = true;
  EXPECT_EQ(peer.publish("t", 1), 1u);
  EXPECT_EQ(peer.sent(), (List{"PUBLISH 1 q1 t=x retain"}));
  EXPECT_EQ(peer.client.inflight(), 1u);
  peer.say(puback(1));
  peer.say(puback(1));                   // a repetition means nothing
  EXPECT_EQ(peer.acknowledged(), (List{"1"}));
  EXPECT_EQ(peer.client.inflight(), 0u);
  EXPECT_FALSE(peer.events.close);
}

TEST_P(ClientPublish, Qos2GoesThroughItsFourSteps) {
  peer.connect();
  peer.publish("t", 2);
  EXPECT_EQ(peer.sent(), (List{"PUBLISH 1 q2 t=x"}));
  peer.say(pubrec(1));
  EXPECT_EQ(peer.sent(), (List{"PUBREL 1"}));
  EXPECT_EQ(peer.acknowledged(), List{});
  peer.say(pubrec(1));                   // repeated: so is the answer
  EXPECT_EQ(peer.sent(), (List{"PUBREL 1"}));
  peer.say(pubcomp(1));
  EXPECT_EQ(peer.acknowledged(), (List{"1"}));
  EXPECT_EQ(peer.client.inflight(), 0u);
}

TEST_P(ClientPublish, WaitsForTheConnectionInOrder) {
  peer.publish("a", 1);
  peer.publish("b", 2);
  peer.publish("c", 1);
  EXPECT_EQ(peer.client.waiting(), 3u);
  EXPECT_EQ(peer.sent(), List{});
  peer.connect();
  EXPECT_EQ(peer.sent(), (List{"PUBLISH 1 q1 a=x", "PUBLISH 2 q2 b=x", "PUBLISH 3 q1 c=x"}));
  EXPECT_EQ(peer.client.waiting(), 0u);
}

// Each row: what the server had said before the link broke, and what is sent on the next one.
struct Break {
  std::string_view what;
  std::uint8_t qos;
  bool received, completed;              // PUBACK or PUBREC; PUBCOMP
  List with_session, without_session;
};

TEST_P(ClientPublish, IsTakenUpWhereTheLinkBroke) {
  const Break breaks[] = {
      {"QoS 1 sent", 1, false, false, {"PUBLISH 1 q1 t=x dup"}, {"PUBLISH 2 q1 t=x"}},
      {"QoS 1 acknowledged", 1, true, false, {}, {}},
      {"QoS 2 sent", 2, false, false, {"PUBLISH 1 q2 t=x dup"}, {"PUBLISH 2 q2 t=x"}},
      {"QoS 2 received", 2, true, false, {"PUBREL 1"}, {"PUBLISH 2 q2 t=x"}},
      {"QoS 2 complete", 2, true, true, {}, {}},
  };
  for (const Break& c : breaks) {
    for (const bool session : {true, false}) {
      Peer one{options_of(GetParam())};
      one.connect();
      one.publish("t", c.qos);
      if (c.received && c.qos == 1) one.say(puback(1));
      if (c.received && c.qos == 2) one.say(pubrec(1));
      if (c.completed) one.say(pubcomp(1));
      one.sent();
      one.lose();
      one.connect(session ? resumed() : mqtt::ConnAck{});
      EXPECT_EQ(one.sent(), session ? c.with_session : c.without_session) << c.what;
      EXPECT_FALSE(one.events.close) << c.what;
    }
  }
}

TEST_P(ClientPublish, ResendsInOrderBeforeAnythingNew) {
  peer.connect();
  for (const auto* topic : {"a", "b", "c", "d"}) peer.publish(topic, topic[0] == 'b' ? 2 : 1);
  peer.say(pubrec(2));
  peer.say(puback(3));                   // out of order, as a careless server may
  peer.lose();
  peer.publish("e", 1);
  EXPECT_EQ(peer.client.inflight(), 3u);
  EXPECT_EQ(peer.client.waiting(), 1u);
  peer.connect(resumed());
  EXPECT_EQ(peer.sent(), (List{"PUBLISH 1 q1 a=x dup", "PUBREL 2", "PUBLISH 4 q1 d=x dup",
                               "PUBLISH 5 q1 e=x"}));
}

TEST_P(ClientPublish, IsNoDuplicateOnceTheSessionIsGone) {
  peer.connect();
  peer.publish("t", 1);
  peer.lose();
  peer.connect(resumed());
  EXPECT_EQ(peer.sent(), (List{"PUBLISH 1 q1 t=x dup"}));
  peer.lose();
  peer.connect();
  EXPECT_EQ(peer.sent(), (List{"PUBLISH 2 q1 t=x"}));
  peer.say(puback(1));                   // of the session before
  EXPECT_EQ(peer.acknowledged(), List{});
  peer.say(puback(2));
  EXPECT_EQ(peer.acknowledged(), (List{"1"}));
}

TEST_P(ClientPublish, KeepsToItsOwnWindow) {
  ClientOptions options = options_of(GetParam());
  options.inflight = 2;
  Peer one(options);
  one.connect();
  for (const auto* topic : {"a", "b", "c", "d"}) one.publish(topic, 1);
  EXPECT_EQ(one.sent(), (List{"PUBLISH 1 q1 a=x", "PUBLISH 2 q1 b=x"}));
  EXPECT_EQ(one.client.inflight(), 2u);
  EXPECT_EQ(one.client.waiting(), 2u);
  one.say(puback(1));
  EXPECT_EQ(one.sent(), (List{"PUBLISH 3 q1 c=x"}));
}

TEST(ClientPublish5, KeepsToTheServersReceiveMaximumAlsoWhenItResends) {
  Peer peer;
  peer.connect();
  for (const auto* topic : {"a", "b", "c"}) peer.publish(topic, topic[0] == 'b' ? 2 : 1);
  peer.say(pubrec(2));
  peer.sent();
  peer.lose();
  mqtt::ConnAck narrow = resumed();
  narrow.properties.receive_maximum = std::uint16_t{1};
  peer.connect(narrow);
  EXPECT_EQ(peer.sent(), (List{"PUBLISH 1 q1 a=x dup"}));
  peer.say(puback(1));
  EXPECT_EQ(peer.sent(), (List{"PUBREL 2"}));
  peer.say(pubcomp(2));
  EXPECT_EQ(peer.sent(), (List{"PUBLISH 3 q1 c=x dup"}));
  EXPECT_EQ(peer.acknowledged(), (List{"1", "2"}));
}

TEST(ClientPublish5, RefusedPublishesAreReportedAndFreeTheWindow) {
  ClientOptions options = options_of();
  options.inflight = 1;
  Peer peer(options);
  peer.connect();
  for (const auto* topic : {"a", "b", "c"}) peer.publish(topic, topic[0] == 'b' ? 2 : 1);
  peer.say(puback(1, Reason::quota_exceeded));
  peer.say(pubrec(2, Reason::not_authorized));
  peer.say(puback(3, Reason::no_matching_subscribers));
  EXPECT_EQ(peer.acknowledged(),
            (List{"1 quota_exceeded", "2 not_authorized", "3 no_matching_subscribers"}));
  EXPECT_EQ(peer.sent(), (List{"PUBLISH 1 q1 a=x", "PUBLISH 2 q2 b=x", "PUBLISH 3 q1 c=x"}));
}

TEST(ClientPublish5, ReportsTheReasonOfThePubRec) {
  Peer peer;
  peer.connect();
  peer.publish("t", 2);
  peer.say(pubrec(1, Reason::no_matching_subscribers));
  peer.say(mqtt::PubComp{1, Reason::packet_identifier_not_found, {}});
  EXPECT_EQ(peer.acknowledged(), (List{"1 no_matching_subscribers"}));
}

TEST(ClientPublish5, EndsAQos2ExchangeItDoesNotKnow) {
  Peer peer;
  peer.connect();
  peer.say(pubrec(9));
  EXPECT_EQ(peer.sent(), (List{"PUBREL 9 packet_identifier_not_found"}));
  peer.say(pubrec(9, Reason::quota_exceeded));
  peer.say(pubcomp(9));
  EXPECT_EQ(peer.sent(), List{});
  EXPECT_FALSE(peer.events.close);
}

TEST(ClientPublish5, DoesNotSendWhatTheServersLimitsForbid) {
  mqtt::ConnAck strict;
  strict.properties.maximum_qos = std::uint8_t{1};
  strict.properties.retain_available = std::uint8_t{0};
  strict.properties.maximum_packet_size = 20u;
  Peer peer;
  peer.publish("two", 2);                // accepted while the limits were not known
  peer.publish("long", 1, std::string(20, 'l'));
  peer.retain = true;
  peer.publish("kept", 1);
  peer.retain = false;
  peer.publish("good", 1);
  peer.connect(strict);
  EXPECT_EQ(peer.sent(), (List{"PUBLISH 1 q1 good=x"}));
  EXPECT_EQ(peer.acknowledged(),
            (List{"1 qos_not_supported", "2 packet_too_large", "3 retain_not_supported"}));
  struct Case {
    std::size_t payload;
    std::uint8_t qos;
    bool retain, taken;
  };
  const Case cases[] = {{1, 2, false, false}, {1, 1, true, false},  {1, 0, true, false},
                        {10, 1, false, false}, {9, 1, false, true}, {12, 0, false, false},
                        {11, 0, false, true}};
  for (const Case& c : cases) {
    const std::string payload(c.payload, 'p');
    const auto id = peer.client.publish("four", base::as_bytes(payload), c.qos, c.retain, peer.now,
                                        peer.events);
    EXPECT_EQ(id.has_value(), c.taken) << c.payload << " at QoS " << int{c.qos};
    if (!id) {
      EXPECT_EQ(id.error().code, base::Code::invalid_input);
    }
  }
  EXPECT_EQ(peer.events.send.size(), 40u);         // two, of exactly the maximum
}

TEST(ClientPublish5, RefusesBeyondTheBytesThatMayWait) {
  ClientOptions options = options_of();
  options.waiting_bytes = 100;
  Peer peer(options);
  const std::string payload(30, 'p');    // 38 bytes as a packet
  peer.publish("t", 1, payload);
  peer.publish("t", 1, payload);
  const auto full = peer.client.publish("t", base::as_bytes(payload), 1, false, peer.now,
                                        peer.events);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, base::Code::exhausted);
  const std::string huge(200, 'p');
  const auto never = peer.client.publish("t", base::as_bytes(huge), 1, false, peer.now,
                                         peer.events);
  ASSERT_FALSE(never);
  EXPECT_EQ(never.error().code, base::Code::invalid_input);
  peer.connect();
  peer.say(puback(1));
  peer.publish("t", 1, payload);         // room again
  EXPECT_EQ(peer.client.inflight(), 2u);
}

TEST(ClientPublish5, RefusesWhatIsNoPublish) {
  Peer peer;
  peer.connect();
  for (const std::string_view topic : {"", "a/+", "#", "bad\xFF"}) {
    EXPECT_FALSE(peer.client.publish(topic, {}, 1, false, peer.now, peer.events)) << topic;
  }
  EXPECT_FALSE(peer.client.publish("t", {}, 3, false, peer.now, peer.events));
  EXPECT_EQ(peer.sent(), List{});
}

TEST(ClientPublish5, NumbersStartOverAndPassByThoseInUse) {
  Peer peer;
  peer.connect();
  peer.publish("stuck", 1);
  for (int i = 2; i <= 65'535; ++i) {
    peer.publish("t", 1);
    peer.say(puback(static_cast<std::uint16_t>(i)));
    peer.events.clear();
  }
  peer.publish("t", 1);
  EXPECT_EQ(peer.sent(), (List{"PUBLISH 2 q1 t=x"}));
  EXPECT_EQ(peer.client.inflight(), 2u);
}

}  // namespace
}  // namespace selvedge::engine
