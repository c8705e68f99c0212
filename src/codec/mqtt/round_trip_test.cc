#include <gtest/gtest.h>

#include <string>

#include "base/text.h"
#include "codec/mqtt/packet.h"
#include "codec/mqtt/samples.h"

namespace selvedge::codec::mqtt {
namespace {

template <typename Kind>
Kind decoded(const base::Bytes& bytes, Version version) {
  Decoder decoder(1 << 20);
  decoder.set_version(version);
  decoder.feed(bytes);
  const auto packet = decoder.next();
  EXPECT_TRUE(packet) << packet.error().what;
  EXPECT_TRUE(*packet);
  return std::get<Kind>(**packet);
}

template <typename Kind>
Kind round_trip(const Kind& packet, Version version, base::Bytes& bytes) {
  bytes.clear();
  samples::encode_any(packet, version, bytes);
  return decoded<Kind>(bytes, version);
}

TEST(RoundTrip, KeepsEveryByteOfEveryPacket) {
  for (const Version version : {Version::v311, Version::v5}) {
    for (const base::Bytes& bytes : samples::all(version)) {
      Decoder decoder(1 << 20);
      decoder.set_version(version);
      decoder.feed(bytes);
      const auto packet = decoder.next();
      ASSERT_TRUE(packet) << packet.error().what << " in " << base::to_hex(bytes);
      ASSERT_TRUE(*packet);
      base::Bytes again;
      samples::encode_any(**packet, version, again);
      EXPECT_EQ(base::to_hex(again), base::to_hex(bytes));
    }
  }
}

TEST(RoundTrip, Connect) {
  base::Bytes bytes;
  for (const Version version : {Version::v311, Version::v5}) {
    const Connect c = round_trip(samples::connect(version), version, bytes);
    EXPECT_EQ(c.version, version);
    EXPECT_EQ(c.client_id, "press-4");
    EXPECT_FALSE(c.clean_start);
    EXPECT_EQ(c.keep_alive, 30);
    EXPECT_EQ(c.username, "line1");
    EXPECT_EQ(base::as_text(c.password.value()), "secret");
    ASSERT_TRUE(c.will);
    EXPECT_EQ(c.will->topic, "state/press-4");
    EXPECT_EQ(base::as_text(c.will->payload), "gone");
    EXPECT_EQ(c.will->qos, 1);
    EXPECT_TRUE(c.will->retain);
    if (version == Version::v311) continue;
    EXPECT_EQ(c.will->properties.will_delay, 5u);
    EXPECT_EQ(c.will->properties.content_type, "application/json");
    EXPECT_EQ(c.properties.session_expiry, 86'400u);
    EXPECT_EQ(c.properties.authentication_method, "SCRAM-SHA-256");
    EXPECT_EQ(c.properties.request_problem_information, 0);
    EXPECT_EQ(c.properties.request_response_information, 1);
    EXPECT_EQ(c.properties.receive_maximum, 20);
    EXPECT_EQ(c.properties.topic_alias_maximum, 8);
    EXPECT_EQ(c.properties.maximum_packet_size, 65'536u);
  }
}

TEST(RoundTrip, PasswordWithoutUserNameInTheNewVersion) {
  Connect c;
  c.client_id = "";
  c.password = base::as_bytes("token");
  base::Bytes bytes;
  const Connect again = round_trip(c, Version::v5, bytes);
  EXPECT_FALSE(again.username);
  EXPECT_EQ(base::as_text(again.password.value()), "token");
  EXPECT_TRUE(again.clean_start);
}

TEST(RoundTrip, ConnAck) {
  base::Bytes bytes;
  const ConnAck c = round_trip(samples::connack(Version::v5), Version::v5, bytes);
  EXPECT_TRUE(c.session_present);
  EXPECT_EQ(c.properties.assigned_client_id, "auto-1");
  EXPECT_EQ(c.properties.server_keep_alive, 60);
  EXPECT_EQ(c.properties.receive_maximum, 16);
  EXPECT_EQ(c.properties.maximum_qos, 1);
  EXPECT_EQ(c.properties.retain_available, 0);
  EXPECT_EQ(c.properties.maximum_packet_size, 1'000u);
  EXPECT_EQ(c.properties.server_reference, "b.example");
  EXPECT_EQ(c.properties.shared_available, 1);
  EXPECT_EQ(c.properties.subscription_ids_available, 0);
}

TEST(RoundTrip, ConnAckOfTheOldVersionIsFourBytesWithAReturnCode) {
  struct Case {
    Reason given;
    std::uint8_t code;
    Reason understood;
  };
  const Case cases[] = {
      {Reason::success, 0, Reason::success},
      {Reason::unsupported_protocol_version, 1, Reason::unsupported_protocol_version},
      {Reason::client_identifier_not_valid, 2, Reason::client_identifier_not_valid},
      {Reason::server_busy, 3, Reason::server_unavailable},
      {Reason::bad_user_name_or_password, 4, Reason::bad_user_name_or_password},
      {Reason::not_authorized, 5, Reason::not_authorized},
      {Reason::banned, 5, Reason::not_authorized},
  };
  for (const Case& c : cases) {
    base::Bytes bytes;
    const ConnAck again = round_trip(
        ConnAck{.session_present = false, .reason = c.given, .properties = {}}, Version::v311,
        bytes);
    EXPECT_EQ(bytes, (base::Bytes{0x20, 0x02, 0x00, c.code}));
    EXPECT_EQ(again.reason, c.understood);
  }
}

TEST(RoundTrip, Publish) {
  base::Bytes bytes;
  for (const Version version : {Version::v311, Version::v5}) {
    for (const std::uint8_t qos : {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{2}}) {
      const Publish p = round_trip(samples::publish(version, qos), version, bytes);
      EXPECT_EQ(p.topic, "factory/line1/press4/temperature");
      EXPECT_EQ(base::as_text(p.payload), "21.5");
      EXPECT_EQ(p.qos, qos);
      EXPECT_EQ(p.packet_id, qos > 0 ? 513 : 0);
      EXPECT_TRUE(p.retain);
      EXPECT_EQ(p.duplicate, qos > 0);
      if (version == Version::v311) continue;
      EXPECT_EQ(p.properties.message_expiry, 3'600u);
      EXPECT_EQ(p.properties.response_topic, "answers/7");
      EXPECT_EQ(p.properties.correlation_data->size(), 2u);
      EXPECT_EQ(p.properties.topic_alias, 3);
      EXPECT_EQ(p.properties.subscription_ids,
                (std::vector<std::uint32_t>{1, 127, 128, 268'435'455}));
      ASSERT_EQ(p.properties.user.size(), 2u);
      EXPECT_EQ(p.properties.user[1].second, "C");
    }
  }
}

TEST(RoundTrip, AliasStandsForTheTopic) {
  Publish p;
  p.properties.topic_alias = std::uint16_t{9};
  base::Bytes bytes;
  const Publish again = round_trip(p, Version::v5, bytes);
  EXPECT_EQ(again.topic, "");
  EXPECT_EQ(again.properties.topic_alias, 9);
}

TEST(RoundTrip, WireBytesAreThoseOfTheStandard) {
  struct Case {
    std::string_view what;
    base::Bytes bytes;
    std::string_view hex;
  };
  std::vector<Case> cases;
  const auto add = [&](std::string_view what, std::string_view hex, const Packet& packet,
                       Version version) {
    Case& one = cases.emplace_back(Case{what, {}, hex});
    samples::encode_any(packet, version, one.bytes);
  };
  const auto plain = [](std::uint8_t qos) {
    return Publish{.topic = "a/b", .payload = base::as_bytes("hi"), .packet_id = 10, .qos = qos,
                   .retain = false, .duplicate = false, .properties = {}};
  };
  Properties because;
  because.reason_string = "x";
  add("publish 0", "30070003612f626869", plain(0), Version::v311);
  add("publish 1", "32090003612f62000a6869", plain(1), Version::v311);
  add("publish 5", "320a0003612f62000a006869", plain(1), Version::v5);
  add("puback 3.1.1", "4002000a", PubAck{10, Reason::quota_exceeded, because}, Version::v311);
  add("puback 5 short", "4002000a", PubAck{10, Reason::success, {}}, Version::v5);
  add("puback 5 reason", "4003000a97", PubAck{10, Reason::quota_exceeded, {}}, Version::v5);
  add("puback 5 whole", "4008000a00041f000178", PubAck{10, Reason::success, because}, Version::v5);
  add("pubrec", "5002000a", PubRec{10, Reason::success, {}}, Version::v5);
  add("pubrel", "6202000a", PubRel{10, Reason::success, {}}, Version::v311);
  add("pubcomp", "7003000a92", PubComp{10, Reason::packet_identifier_not_found, {}}, Version::v5);
  add("subscribe", "8206000100016101", Subscribe{1, {{.filter = "a", .qos = 1}}, {}},
      Version::v311);
  add("subscribe 5", "820700010000016125",
      Subscribe{1, {{.filter = "a", .qos = 1, .no_local = true, .retain_handling = 2}}, {}},
      Version::v5);
  add("suback 3.1.1", "90050001000180",
      SubAck{1, {Reason::success, Reason::granted_qos_1, Reason::not_authorized}, {}},
      Version::v311);
  add("unsuback 3.1.1", "b0020001", UnsubAck{1, {Reason::success}, {}}, Version::v311);
  add("unsuback 5", "b00400010011", UnsubAck{1, {Reason::no_subscription_existed}, {}},
      Version::v5);
  add("pingreq", "c000", PingReq{}, Version::v5);
  add("pingresp", "d000", PingResp{}, Version::v311);
  add("disconnect 3.1.1", "e000", Disconnect{Reason::server_busy, {}}, Version::v311);
  add("disconnect 5", "e000", Disconnect{Reason::success, {}}, Version::v5);
  add("disconnect 5 reason", "e0018e", Disconnect{Reason::session_taken_over, {}}, Version::v5);
  add("auth", "f000", Auth{Reason::success, {}}, Version::v5);
  for (const Case& c : cases) EXPECT_EQ(base::to_hex(c.bytes), c.hex) << c.what;
}

TEST(RoundTrip, LeavesOutPropertiesThatThePacketMayNotCarry) {
  Publish p = samples::publish(Version::v5, 1);
  p.properties.receive_maximum = std::uint16_t{4};
  p.properties.reason_string = "not here";
  base::Bytes bytes;
  const Publish again = round_trip(p, Version::v5, bytes);
  EXPECT_FALSE(again.properties.receive_maximum || again.properties.reason_string);
  EXPECT_TRUE(again.properties.content_type);
}

TEST(RoundTrip, WritesTheNearestReasonThatThePacketMayCarry) {
  struct Case {
    Packet packet;
    std::string_view hex;
  };
  const Case cases[] = {
      {Disconnect{.reason = Reason::unsupported_protocol_version}, "e00182"},
      {PubAck{.packet_id = 1, .reason = Reason::server_busy}, "4003000180"},
      {PubRel{.packet_id = 1, .reason = Reason::quota_exceeded}, "6203000192"},
      {ConnAck{.reason = Reason::topic_alias_invalid}, "2003008000"},
      {SubAck{.packet_id = 1, .reasons = {Reason::server_busy}}, "900400010080"},
      {UnsubAck{.packet_id = 1, .reasons = {Reason::granted_qos_1}}, "b00400010080"},
  };
  for (const Case& c : cases) {
    base::Bytes bytes;
    samples::encode_any(c.packet, Version::v5, bytes);
    EXPECT_EQ(base::to_hex(bytes), c.hex);
  }
}

TEST(RoundTrip, LongBodiesHaveLongLengths) {
  for (const std::size_t size : {100u, 128u, 16'384u, 300'000u}) {
    const std::string payload(size, 'x');
    Publish p;
    p.topic = "t";
    p.payload = base::as_bytes(payload);
    base::Bytes bytes;
    EXPECT_EQ(round_trip(p, Version::v5, bytes).payload.size(), size);
    EXPECT_EQ(bytes.size(), size + 5 + (size < 124 ? 1 : size < 16'380 ? 2 : 3));
  }
}

TEST(Reason, HasANameAndIsAnErrorFrom80) {
  EXPECT_EQ(name(Reason::quota_exceeded), "quota_exceeded");
  EXPECT_EQ(name(static_cast<Reason>(0x7F)), "unknown");
  EXPECT_FALSE(is_error(Reason::no_matching_subscribers));
  EXPECT_TRUE(is_error(Reason::unspecified_error));
}

}  // namespace
}  // namespace selvedge::codec::mqtt
