#include <gtest/gtest.h>

#include <random>

#include "codec/mqtt/packet.h"
#include "codec/mqtt/samples.h"

namespace selvedge::codec::mqtt {
namespace {

base::Bytes stream(Version version) {
  base::Bytes bytes;
  for (const base::Bytes& one : samples::all(version)) base::append(bytes, one);
  return bytes;
}

// Everything the decoder yields of `bytes`, encoded again.
void drain(Decoder& decoder, base::BytesView bytes, base::Bytes& out) {
  decoder.feed(bytes);
  for (;;) {
    const auto packet = decoder.next();
    ASSERT_TRUE(packet) << packet.error().what;
    if (!*packet) return;
    samples::encode_any(**packet, decoder.version(), out);
  }
}

class InBothVersions : public testing::TestWithParam<Version> {};
INSTANTIATE_TEST_SUITE_P(Decoder, InBothVersions, testing::Values(Version::v311, Version::v5));

TEST_P(InBothVersions, GivesTheSamePacketsByteByByte) {
  const base::Bytes bytes = stream(GetParam());
  Decoder decoder(1 << 20);
  base::Bytes again;
  for (const std::uint8_t byte : bytes) {
    const base::Bytes alone{byte};               // on the heap, so that a stale view is noticed
    drain(decoder, alone, again);
  }
  EXPECT_EQ(again, bytes);
  EXPECT_EQ(decoder.buffered(), 0u);
}

TEST_P(InBothVersions, GivesTheSamePacketsInAnyCut) {
  const base::Bytes bytes = stream(GetParam());
  std::mt19937 random(4);
  for (int round = 0; round < 200; ++round) {
    Decoder decoder(1 << 20);
    base::Bytes again;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t count = std::min<std::size_t>(1 + random() % 300, bytes.size() - at);
      const base::Bytes piece(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                              bytes.begin() + static_cast<std::ptrdiff_t>(at + count));
      drain(decoder, piece, again);
      at += count;
    }
    EXPECT_EQ(again, bytes);
  }
}

TEST_P(InBothVersions, CanStopAfterEachPacketAndKeepTheRest) {
  const base::Bytes bytes = stream(GetParam());
  Decoder decoder(1 << 20);
  base::Bytes again;
  {
    const base::Bytes fed = bytes;
    decoder.feed(fed);
    decoder.keep();
  }
  for (;;) {
    const auto packet = decoder.next();
    ASSERT_TRUE(packet) << packet.error().what;
    if (!*packet) break;
    samples::encode_any(**packet, decoder.version(), again);
    decoder.keep();
  }
  EXPECT_EQ(again, bytes);
}

TEST(Decoder, PointsIntoTheFedBytesWhenAPacketIsWhole) {
  base::Bytes bytes;
  encode(samples::publish(Version::v5, 1), Version::v5, bytes);
  Decoder decoder(1'000);
  decoder.feed(bytes);
  const auto packet = decoder.next();
  ASSERT_TRUE(packet && *packet);
  const auto& publish = std::get<Publish>(**packet);
  EXPECT_EQ(publish.payload.data() + publish.payload.size(), bytes.data() + bytes.size());
  EXPECT_EQ(decoder.buffered(), 0u);
}

TEST(Decoder, ForgetsThePropertiesOfThePacketBefore) {
  base::Bytes bytes;
  encode(samples::publish(Version::v5, 1), Version::v5, bytes);
  encode(Publish{.topic = "t", .payload = {}, .packet_id = 0, .qos = 0, .retain = false,
                 .duplicate = false, .properties = {}}, Version::v5, bytes);
  encode(PubAck{.packet_id = 1, .reason = Reason::quota_exceeded,
                .properties = samples::acknowledgement_properties(Version::v5)},
         Version::v5, bytes);
  encode(PubAck{.packet_id = 2, .reason = Reason::success, .properties = {}}, Version::v5, bytes);
  Decoder decoder(1'000);
  decoder.feed(bytes);
  ASSERT_TRUE(decoder.next());
  const auto plain = decoder.next();
  ASSERT_TRUE(plain && *plain);
  const auto& publish = std::get<Publish>(**plain);
  EXPECT_EQ(publish.topic, "t");
  EXPECT_EQ(publish.packet_id, 0);
  EXPECT_FALSE(publish.retain || publish.duplicate);
  EXPECT_FALSE(publish.properties.content_type || publish.properties.topic_alias);
  EXPECT_TRUE(publish.properties.user.empty() && publish.properties.subscription_ids.empty());
  ASSERT_TRUE(decoder.next());
  const auto short_form = decoder.next();
  ASSERT_TRUE(short_form && *short_form);
  const auto& puback = std::get<PubAck>(**short_form);
  EXPECT_EQ(puback.reason, Reason::success);
  EXPECT_FALSE(puback.properties.reason_string);
}

TEST(Decoder, RefusesALargePacketFromItsFixedHeaderAlone) {
  const base::Bytes header{0x30, 0x80, 0x80, 0x80, 0x7F};
  Decoder decoder(1 << 20);
  for (std::size_t i = 0; i < header.size(); ++i) {
    decoder.feed(base::BytesView(header).subspan(i, 1));
    const auto packet = decoder.next();
    if (i + 1 < header.size()) {
      ASSERT_TRUE(packet && !*packet);
    } else {
      ASSERT_FALSE(packet);
      EXPECT_EQ(packet.error().reason, Reason::packet_too_large);
    }
  }
  EXPECT_LE(decoder.buffered(), header.size());
}

TEST(Decoder, TakesAPacketOfExactlyTheMaximum) {
  const std::string payload(200, 'x');
  base::Bytes bytes;
  encode(Publish{.topic = "t", .payload = base::as_bytes(payload), .packet_id = 0, .qos = 0,
                 .retain = false, .duplicate = false, .properties = {}}, Version::v311, bytes);
  for (const bool fits : {true, false}) {
    Decoder decoder(static_cast<std::uint32_t>(bytes.size() - (fits ? 0 : 1)));
    decoder.set_version(Version::v311);
    decoder.feed(bytes);
    const auto packet = decoder.next();
    ASSERT_EQ(packet.has_value(), fits);
    if (packet) continue;
    EXPECT_EQ(packet.error().reason, Reason::packet_too_large);
  }
}

TEST(Decoder, GivesItsErrorAgainAndTakesNothingMore) {
  const base::Bytes bad{0x00, 0x00}, good{0xC0, 0x00};
  Decoder decoder(1'000);
  decoder.feed(bad);
  ASSERT_FALSE(decoder.next());
  decoder.feed(good);
  const auto packet = decoder.next();
  ASSERT_FALSE(packet);
  EXPECT_EQ(packet.error().reason, Reason::malformed_packet);
}

TEST(Decoder, TakesAPaddedLengthOnlyFromTheOldVersion) {
  const base::Bytes ping{0xC0, 0x80, 0x00};
  for (const Version version : {Version::v311, Version::v5}) {
    Decoder decoder(1'000);
    decoder.set_version(version);
    decoder.feed(ping);
    EXPECT_EQ(decoder.next().has_value(), version == Version::v311);
  }
}

TEST(Decoder, KnowsTheVersionAfterAConnectEvenARefusedOne) {
  struct Case {
    base::Bytes connect;
    Version version;
    bool taken;
  };
  const auto with_level = [](std::uint8_t level) {
    base::Bytes bytes;
    encode(Connect{.version = Version::v311, .client_id = "c", .clean_start = true,
                   .keep_alive = 0, .username = {}, .password = {}, .will = {},
                   .properties = {}}, bytes);
    bytes[8] = level;
    return bytes;
  };
  const Case cases[] = {
      {with_level(4), Version::v311, true},
      {with_level(3), Version::v311, false},
      {with_level(6), Version::v5, false},
      {with_level(0x84), Version::v311, false},  // a bridge's private bit
  };
  for (const Case& c : cases) {
    Decoder decoder(1'000);
    decoder.feed(c.connect);
    const auto packet = decoder.next();
    EXPECT_EQ(packet.has_value(), c.taken);
    EXPECT_EQ(decoder.version(), c.version);
    if (packet) continue;
    EXPECT_EQ(packet.error().reason, Reason::unsupported_protocol_version);
  }
}

TEST(Decoder, GivesBackTheMemoryOfALargePacket) {
  const std::string payload(100'000, 'x');
  base::Bytes bytes;
  encode(Publish{.topic = "t", .payload = base::as_bytes(payload), .packet_id = 0, .qos = 0,
                 .retain = false, .duplicate = false, .properties = {}}, Version::v5, bytes);
  Decoder decoder(1 << 20);
  decoder.feed(base::BytesView(bytes).first(50'000));
  ASSERT_TRUE(decoder.next());
  EXPECT_EQ(decoder.buffered(), 50'000u);
  decoder.feed(base::BytesView(bytes).subspan(50'000));
  const auto packet = decoder.next();
  ASSERT_TRUE(packet && *packet);
  EXPECT_EQ(std::get<Publish>(**packet).payload.size(), payload.size());
  ASSERT_TRUE(decoder.next());
  EXPECT_EQ(decoder.buffered(), 0u);
}

}  // namespace
}  // namespace selvedge::codec::mqtt
