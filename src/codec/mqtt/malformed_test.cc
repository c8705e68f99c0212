#include <gtest/gtest.h>

#include <string>

#include "base/text.h"
#include "codec/mqtt/packet.h"

namespace selvedge::codec::mqtt {
namespace {

constexpr Reason malformed = Reason::malformed_packet;
constexpr Reason protocol = Reason::protocol_error;
constexpr Reason wrong_topic = Reason::topic_name_invalid;
constexpr Reason wrong_filter = Reason::topic_filter_invalid;
constexpr Reason wrong_version = Reason::unsupported_protocol_version;
constexpr auto v3 = Version::v311;
constexpr auto v5 = Version::v5;

// The length in the fixed header is taken from the body, so that a case shows only what is wrong.
struct Case {
  std::string_view what;
  Version version;
  std::uint8_t first;
  std::string_view body;                         // hex, with spaces
  Reason reason;
};

base::Bytes bytes_of(const Case& c) {
  std::string hex;
  for (const char ch : c.body) {
    if (ch != ' ') hex += ch;
  }
  const base::Bytes body = base::from_hex(hex).value();
  base::Bytes bytes{c.first, static_cast<std::uint8_t>(body.size())};
  base::append(bytes, body);
  return bytes;
}

class Malformed : public testing::TestWithParam<Case> {};

TEST_P(Malformed, IsRefusedWithItsReason) {
  const Case& c = GetParam();
  const base::Bytes bytes = bytes_of(c);
  Decoder decoder(1'000);
  decoder.set_version(c.version);
  decoder.feed(bytes);
  const auto packet = decoder.next();
  ASSERT_FALSE(packet) << c.what;
  EXPECT_EQ(packet.error().reason, c.reason)
      << c.what << ": " << name(packet.error().reason) << ", " << packet.error().what;
  EXPECT_FALSE(packet.error().what.empty());
}

// "MQTT", then level, flags, keep alive; client identifier "c".
constexpr Case connects[] = {
    {"flags", v5, 0x11, "0004 4D515454 05 02 0000 00 0001 63", malformed},
    {"empty", v5, 0x10, "", malformed},
    {"protocol name", v5, 0x10, "0004 4D515455 05 02 0000 00 0001 63", wrong_version},
    {"protocol name of 3.1", v5, 0x10, "0006 4D5149736470 03 02 0000 0001 63", wrong_version},
    {"protocol level 3", v5, 0x10, "0004 4D515454 03 02 0000 0001 63", wrong_version},
    {"protocol level 6", v5, 0x10, "0004 4D515454 06 02 0000 00 0001 63", wrong_version},
    {"protocol name cut", v5, 0x10, "0004 4D51", malformed},
    {"reserved flag 3.1.1", v5, 0x10, "0004 4D515454 04 03 0000 0001 63", malformed},
    {"reserved flag 5", v5, 0x10, "0004 4D515454 05 03 0000 00 0001 63", malformed},
    {"will QoS without will", v5, 0x10, "0004 4D515454 04 0A 0000 0001 63", malformed},
    {"will retain without will", v5, 0x10, "0004 4D515454 05 22 0000 00 0001 63", malformed},
    {"will QoS 3", v5, 0x10, "0004 4D515454 04 1E 0000 0001 63 0001 77 0000", malformed},
    {"password alone 3.1.1", v5, 0x10, "0004 4D515454 04 42 0000 0001 63 0001 70", malformed},
    {"no client identifier", v5, 0x10, "0004 4D515454 04 02 0000", malformed},
    {"client identifier with NUL", v5, 0x10, "0004 4D515454 04 02 0000 0001 00", malformed},
    {"client identifier not UTF-8", v5, 0x10, "0004 4D515454 04 02 0000 0001 FF", malformed},
    {"user name missing", v5, 0x10, "0004 4D515454 04 82 0000 0001 63", malformed},
    {"user name not UTF-8", v5, 0x10, "0004 4D515454 04 82 0000 0001 63 0002 C0AF", malformed},
    {"password cut", v5, 0x10, "0004 4D515454 04 C2 0000 0001 63 0001 75 0002 70", malformed},
    {"bytes too many", v5, 0x10, "0004 4D515454 04 02 0000 0001 63 00", malformed},
    {"will topic empty", v5, 0x10, "0004 4D515454 04 06 0000 0001 63 0000 0000", wrong_topic},
    {"will topic wildcard", v5, 0x10, "0004 4D515454 04 06 0000 0001 63 0001 23 0000", wrong_topic},
    {"will payload cut", v5, 0x10, "0004 4D515454 04 06 0000 0001 63 0001 77 0005 61", malformed},
    {"properties missing", v5, 0x10, "0004 4D515454 05 02 0000", malformed},
    {"properties longer than packet", v5, 0x10, "0004 4D515454 05 02 0000 20 0001 63", malformed},
    {"receive maximum 0", v5, 0x10, "0004 4D515454 05 02 0000 03 210000 0001 63", protocol},
    {"maximum packet 0", v5, 0x10, "0004 4D515454 05 02 0000 05 2700000000 0001 63", protocol},
    {"receive maximum twice", v5, 0x10,
     "0004 4D515454 05 02 0000 06 210001 210001 0001 63", protocol},
    {"problem information 2", v5, 0x10, "0004 4D515454 05 02 0000 02 1702 0001 63", protocol},
    {"response information 2", v5, 0x10, "0004 4D515454 05 02 0000 02 1902 0001 63", protocol},
    {"data without method", v5, 0x10, "0004 4D515454 05 02 0000 04 16000161 0001 63", protocol},
    {"topic alias in CONNECT", v5, 0x10, "0004 4D515454 05 02 0000 03 230001 0001 63", malformed},
    {"will delay outside will", v5, 0x10,
     "0004 4D515454 05 02 0000 05 1800000001 0001 63", malformed},
    {"session expiry in will", v5, 0x10,
     "0004 4D515454 05 06 0000 00 0001 63 05 1100000001 0001 77 0000", malformed},
    {"payload format 2 in will", v5, 0x10,
     "0004 4D515454 05 06 0000 00 0001 63 02 0102 0001 77 0000", protocol},
};
INSTANTIATE_TEST_SUITE_P(Connect, Malformed, testing::ValuesIn(connects));

constexpr Case connacks[] = {
    {"flags", v5, 0x21, "00 00 00", malformed},
    {"reserved bits", v5, 0x20, "02 00 00", malformed},
    {"short 3.1.1", v3, 0x20, "00", malformed},
    {"long 3.1.1", v3, 0x20, "00 00 00", malformed},
    {"return code 6", v3, 0x20, "00 06", malformed},
    {"session with refusal", v3, 0x20, "01 05", protocol},
    {"session with refusal 5", v5, 0x20, "01 87 00", protocol},
    {"no properties", v5, 0x20, "00 00", malformed},
    {"server of 3.1.1 only", v5, 0x20, "00 01", wrong_version},
    {"reason of another packet", v5, 0x20, "00 92 00", protocol},
    {"reason unknown", v5, 0x20, "00 FF 00", protocol},
    {"maximum QoS 2", v5, 0x20, "00 00 02 2402", protocol},
    {"retain available 2", v5, 0x20, "00 00 02 2502", protocol},
    {"shared available 3", v5, 0x20, "00 00 02 2A03", protocol},
    {"server keep alive twice", v5, 0x20, "00 00 06 130001 130001", protocol},
};
INSTANTIATE_TEST_SUITE_P(ConnAck, Malformed, testing::ValuesIn(connacks));

constexpr Case publishes[] = {
    {"QoS 3", v3, 0x36, "0001 74 0001", malformed},
    {"DUP with QoS 0", v3, 0x38, "0001 74", malformed},
    {"no topic 3.1.1", v3, 0x30, "0000", malformed},
    {"neither topic nor alias", v5, 0x30, "0000 00", protocol},
    {"topic cut", v3, 0x30, "0005 74", malformed},
    {"topic length cut", v3, 0x30, "00", malformed},
    {"topic with +", v3, 0x30, "0003 612F2B", wrong_topic},
    {"topic with #", v5, 0x30, "0001 23 00", wrong_topic},
    {"topic with NUL", v3, 0x30, "0003 610062", malformed},
    {"topic with a surrogate", v3, 0x30, "0003 EDA080", malformed},
    {"topic overlong", v5, 0x30, "0002 C1BF 00", malformed},
    {"topic cut in a character", v5, 0x30, "0002 61C3 00", malformed},
    {"packet identifier 0", v3, 0x32, "0001 74 0000", protocol},
    {"packet identifier 0, QoS 2", v5, 0x34, "0001 74 0000 00", protocol},
    {"packet identifier cut", v3, 0x32, "0001 74 01", malformed},
    {"no properties", v5, 0x30, "0001 74", malformed},
    {"property unknown", v5, 0x30, "0001 74 02 7F00", malformed},
    {"property 0", v5, 0x30, "0001 74 02 0000", malformed},
    {"property id of two bytes", v5, 0x30, "0001 74 02 8101", malformed},
    {"property id padded", v5, 0x30, "0001 74 03 810000", malformed},
    {"property of CONNECT", v5, 0x30, "0001 74 03 210001", malformed},
    {"property cut", v5, 0x30, "0001 74 02 0200", malformed},
    {"properties length of five bytes", v5, 0x30, "0001 74 8080808001", malformed},
    {"properties length padded", v5, 0x30, "0001 74 8000", malformed},
    {"payload format 2", v5, 0x30, "0001 74 02 0102", protocol},
    {"payload format twice", v5, 0x30, "0001 74 04 0101 0101", protocol},
    {"topic alias 0", v5, 0x30, "0001 74 03 230000", Reason::topic_alias_invalid},
    {"topic alias twice", v5, 0x30, "0001 74 06 230001 230001", protocol},
    {"expiry twice", v5, 0x30, "0001 74 0A 0200000001 0200000001", protocol},
    {"subscription identifier 0", v5, 0x30, "0001 74 02 0B00", protocol},
    {"subscription identifier too long", v5, 0x30, "0001 74 06 0B 8080808001", malformed},
    {"response topic with wildcard", v5, 0x30, "0001 74 04 08 0001 2B", protocol},
    {"response topic empty", v5, 0x30, "0001 74 03 08 0000", protocol},
    {"content type not UTF-8", v5, 0x30, "0001 74 04 03 0001 80", malformed},
    {"user property value missing", v5, 0x30, "0001 74 04 26 0001 61", malformed},
    {"user property key with NUL", v5, 0x30, "0001 74 06 26 0001 00 0000", malformed},
};
INSTANTIATE_TEST_SUITE_P(Publish, Malformed, testing::ValuesIn(publishes));

constexpr Case acknowledgements[] = {
    {"PUBACK flags", v3, 0x42, "0001", malformed},
    {"PUBACK packet identifier 0", v3, 0x40, "0000", protocol},
    {"PUBACK empty", v5, 0x40, "", malformed},
    {"PUBACK one byte", v5, 0x40, "00", malformed},
    {"PUBACK 3.1.1 with reason", v3, 0x40, "0001 00", malformed},
    {"PUBACK reason of PUBREL", v5, 0x40, "0001 92", protocol},
    {"PUBACK bytes after properties", v5, 0x40, "0001 00 00 00", malformed},
    {"PUBACK reason string twice", v5, 0x40, "0001 80 08 1F000161 1F000161", protocol},
    {"PUBACK property of PUBLISH", v5, 0x40, "0001 80 02 0101", malformed},
    {"PUBREC packet identifier 0", v5, 0x50, "0000", protocol},
    {"PUBREC reason unknown", v5, 0x50, "0001 01", protocol},
    {"PUBREL flags", v3, 0x60, "0001", malformed},
    {"PUBREL reason of PUBACK", v5, 0x62, "0001 97", protocol},
    {"PUBREL 3.1.1 too long", v3, 0x62, "0001 00", malformed},
    {"PUBCOMP flags", v3, 0x72, "0001", malformed},
    {"PUBCOMP reason", v5, 0x70, "0001 10", protocol},
};
INSTANTIATE_TEST_SUITE_P(Acknowledgement, Malformed, testing::ValuesIn(acknowledgements));

constexpr Case subscribes[] = {
    {"SUBSCRIBE flags", v3, 0x80, "0001 0001 61 00", malformed},
    {"SUBSCRIBE packet identifier 0", v3, 0x82, "0000 0001 61 00", protocol},
    {"SUBSCRIBE without filter", v3, 0x82, "0001", protocol},
    {"SUBSCRIBE without filter 5", v5, 0x82, "0001 00", protocol},
    {"SUBSCRIBE filter empty", v3, 0x82, "0001 0000 00", wrong_filter},
    {"SUBSCRIBE filter a#", v3, 0x82, "0001 0002 6123 00", wrong_filter},
    {"SUBSCRIBE filter not UTF-8", v3, 0x82, "0001 0001 FF 00", malformed},
    {"SUBSCRIBE options missing", v3, 0x82, "0001 0001 61", malformed},
    {"SUBSCRIBE reserved bits 3.1.1", v3, 0x82, "0001 0001 61 04", malformed},
    {"SUBSCRIBE reserved bits 5", v5, 0x82, "0001 00 0001 61 40", malformed},
    {"SUBSCRIBE QoS 3 in 3.1.1", v3, 0x82, "0001 0001 61 03", malformed},
    {"SUBSCRIBE QoS 3 in 5", v5, 0x82, "0001 00 0001 61 03", protocol},
    {"SUBSCRIBE retain handling 3", v5, 0x82, "0001 00 0001 61 30", protocol},
    {"SUBSCRIBE identifier 0", v5, 0x82, "0001 02 0B00 0001 61 00", protocol},
    {"SUBSCRIBE identifier twice", v5, 0x82, "0001 04 0B01 0B02 0001 61 00", protocol},
    {"SUBSCRIBE share without filter", v5, 0x82, "0001 00 0008 2473686172652F67 00", wrong_filter},
    {"SUBSCRIBE second filter cut", v3, 0x82, "0001 0001 61 00 0002 62", malformed},
    {"UNSUBSCRIBE flags", v3, 0xA0, "0001 0001 61", malformed},
    {"UNSUBSCRIBE packet identifier 0", v5, 0xA2, "0000 00 0001 61", protocol},
    {"UNSUBSCRIBE without filter", v5, 0xA2, "0001 00", protocol},
    {"UNSUBSCRIBE filter #/a", v3, 0xA2, "0001 0003 232F61", wrong_filter},
    {"UNSUBSCRIBE reason string", v5, 0xA2, "0001 04 1F000161 0001 61", malformed},
    {"SUBACK flags", v3, 0x92, "0001 00", malformed},
    {"SUBACK packet identifier 0", v3, 0x90, "0000 00", protocol},
    {"SUBACK without reasons", v3, 0x90, "0001", protocol},
    {"SUBACK return code 3", v3, 0x90, "0001 03", protocol},
    {"SUBACK 3.1.1 with a code of 5", v3, 0x90, "0001 87", protocol},
    {"SUBACK reason of CONNACK", v5, 0x90, "0001 00 84", protocol},
    {"UNSUBACK packet identifier 0", v3, 0xB0, "0000", protocol},
    {"UNSUBACK 3.1.1 with reasons", v3, 0xB0, "0001 00", malformed},
    {"UNSUBACK without reasons", v5, 0xB0, "0001 00", protocol},
    {"UNSUBACK reason 1", v5, 0xB0, "0001 00 01", protocol},
};
INSTANTIATE_TEST_SUITE_P(Subscribe, Malformed, testing::ValuesIn(subscribes));

constexpr Case others[] = {
    {"type 0", v5, 0x00, "", malformed},
    {"PINGREQ flags", v5, 0xC1, "", malformed},
    {"PINGREQ with a body", v5, 0xC0, "00", malformed},
    {"PINGRESP flags", v3, 0xD8, "", malformed},
    {"PINGRESP with a body", v3, 0xD0, "00", malformed},
    {"DISCONNECT flags", v3, 0xE1, "", malformed},
    {"DISCONNECT 3.1.1 with a body", v3, 0xE0, "00", malformed},
    {"DISCONNECT reason of CONNACK", v5, 0xE0, "84", protocol},
    {"DISCONNECT properties too long", v5, 0xE0, "00 05 11", malformed},
    {"DISCONNECT expiry twice", v5, 0xE0, "00 0A 1100000001 1100000001", protocol},
    {"DISCONNECT receive maximum", v5, 0xE0, "00 03 210001", malformed},
    {"AUTH in 3.1.1", v3, 0xF0, "", malformed},
    {"AUTH flags", v5, 0xF1, "", malformed},
    {"AUTH one byte", v5, 0xF0, "18", protocol},
    {"AUTH without method", v5, 0xF0, "18 00", protocol},
    {"AUTH reason", v5, 0xF0, "01 05 15000161 00", protocol},
};
INSTANTIATE_TEST_SUITE_P(Other, Malformed, testing::ValuesIn(others));

TEST(MalformedLength, OfFiveBytesIsRefused) {
  const base::Bytes bytes{0x30, 0x80, 0x80, 0x80, 0x80, 0x01};
  for (const Version version : {v3, v5}) {
    Decoder decoder(300'000'000);
    decoder.set_version(version);
    decoder.feed(bytes);
    const auto packet = decoder.next();
    ASSERT_FALSE(packet);
    EXPECT_EQ(packet.error().reason, malformed);
  }
}

}  // namespace
}  // namespace selvedge::codec::mqtt
