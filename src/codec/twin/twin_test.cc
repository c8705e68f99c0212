#include "codec/twin/twin.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "base/text.h"
#include "base/wire.h"

namespace selvedge::codec::twin {
namespace {

base::Bytes encoded(const Message& message) {
  base::Bytes bytes;
  encode(message, bytes);
  return bytes;
}

Changes sample() {
  Changes changes;
  changes.session = 0x0123456789ABCDEF;
  changes.number = 3;
  changes.sent_at = base::Time{1'772'366'400'000'000'000};
  changes.twins.push_back({"edge-1:pump", 300,
                           {{model::TwinPart::desired, "/lamp/on", {1'772'366'400'000ULL << 16, 9}, "true"},
                            {model::TwinPart::reported, "/lamp/on", {5, 1}, ""}}});
  changes.twins.push_back({"edge-1:gone", 12, {}});
  return changes;
}

// A message with this body and a right checksum.
base::Bytes sealed(std::uint8_t kind, std::string_view hex) {
  base::Bytes bytes = {'S', 'T', 1, kind, 0, 0, 0, 0};
  base::append(bytes, base::from_hex(hex).value());
  const base::BytesView view(bytes);
  base::Writer(bytes).patch_u32(4, base::crc32c(view.subspan(8), base::crc32c(view.subspan(0, 4))));
  return bytes;
}

TEST(TwinMessage, OfChangesIsReadBackAsWritten) {
  const Changes changes = sample();
  const auto read = decode(encoded(changes));
  ASSERT_TRUE(read) << read.error().message;
  const auto& got = std::get<Changes>(*read);
  EXPECT_EQ(got.session, changes.session);
  EXPECT_EQ(got.number, 3u);
  EXPECT_EQ(got.sent_at, changes.sent_at);
  ASSERT_EQ(got.twins.size(), 2u);
  EXPECT_EQ(got.twins[0].id, "edge-1:pump");
  EXPECT_EQ(got.twins[0].revision, 300u);
  EXPECT_EQ(got.twins[0].leaves, changes.twins[0].leaves);
  EXPECT_EQ(got.twins[1].revision, 12u);
}

TEST(TwinMessage, OfEachOtherKindIsReadBackAsWritten) {
  const auto hello = std::get<Hello>(decode(encoded(Hello{7, {-5}})).value());
  EXPECT_EQ(hello.session, 7u);
  EXPECT_EQ(hello.sent_at.ns, -5);
  const auto seen = std::get<Seen>(decode(encoded(Seen{7, 8, 9})).value());
  EXPECT_EQ(seen.session, 7u);
  EXPECT_EQ(seen.number, 8u);
  EXPECT_EQ(seen.refused, 9u);
  const base::Bytes bytes = encoded(
      Command{1, 2000, "pump", "lamp", "blink", "text/plain", base::as_bytes("twice")});
  const auto command = std::get<Command>(decode(bytes).value());
  EXPECT_EQ(command.request, 1u);
  EXPECT_EQ(command.left_ms, 2000u);
  EXPECT_EQ(command.device, "pump");
  EXPECT_EQ(command.feature, "lamp");
  EXPECT_EQ(command.subject, "blink");
  EXPECT_EQ(command.content_type, "text/plain");
  EXPECT_EQ(base::as_text(command.payload), "twice");
  const base::Bytes done = encoded(Answer{1, 200, true, "application/json", base::as_bytes("{}")});
  const auto answer = std::get<Answer>(decode(done).value());
  EXPECT_EQ(answer.status, 200u);
  EXPECT_TRUE(answer.from_device);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_EQ(base::as_text(answer.payload), "{}");
}

TEST(TwinMessage, KeepsItsBytes) {
  EXPECT_EQ(base::to_hex(encoded(Seen{42, 3, 1})), "5354010379b19aab"
                                                   "0a2a000000000000000301");
  EXPECT_EQ(base::to_hex(encoded(sample())),
            "5354010255522c7d"
            "12efcdab8967452301038080b4bdb6f6da9831"
            "02"
            "0e0b656467652d313a70756d70ac02"
            "02"
            "1c03082f6c616d702f6f6e808080d0d0a8aace0109000000"
            "0474727565"
            "1002082f6c616d702f6f6e050100000000"
            "0d0b656467652d313a676f6e650c"
            "00");
}

TEST(TwinMessage, TakesNoMoreBytesThanSaid) {
  Changes changes = sample();
  for (const Change& twin : changes.twins) {
    Changes one = changes, none = changes;
    one.twins = {twin};
    none.twins.clear();
    EXPECT_LE(encoded(one).size(), encoded(none).size() + encoded_bytes(twin));
  }
}

TEST(TwinMessage, NoticesEveryFlippedBitAndEveryCut) {
  const base::Bytes good = encoded(sample());
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    base::Bytes bad = good;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    EXPECT_FALSE(decode(bad)) << bit;
  }
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(decode(base::BytesView(good).subspan(0, size))) << size;
}

TEST(TwinMessage, RefusesWhatIsNotAllowed) {
  const std::string head = "0a" "0100000000000000" "01" "00";
  const std::string twin = "05" "03613a62" "01";
  const struct {
    const char* what;
    base::Bytes bytes;
    base::Code code;
  } cases[] = {
      {"nothing", {}, base::Code::corrupt},
      {"an unknown kind", sealed(6, ""), base::Code::invalid_input},
      {"kind 0", sealed(0, ""), base::Code::invalid_input},
      {"an empty greeting", sealed(1, ""), base::Code::corrupt},
      {"no list", sealed(2, head), base::Code::corrupt},
      {"more twins than bytes", sealed(2, head + "ffffffff0f"), base::Code::corrupt},
      {"more leaves than bytes", sealed(2, head + "01" + twin + "ffffffff0f"), base::Code::corrupt},
      {"message 0", sealed(2, "0a" "0100000000000000" "00" "00" "00"),
       base::Code::invalid_input},
      {"a twin without a name", sealed(2, head + "01" "02" "00" "01" "00"), base::Code::corrupt},
      {"part 4", sealed(2, head + "01" + twin + "01" "0a" "04" "00" "01" "00000000" "0131" "00"),
       base::Code::invalid_input},
      {"a path without a slash",
       sealed(2, head + "01" + twin + "01" "0a" "03" "0161" "01" "00000000" "0131"),
       base::Code::invalid_input},
      {"a stamp beyond all clocks",
       sealed(2, head + "01" + twin + "01" "12" "03" "00" "ffffffffffffffffff01" "00000000" "0131"),
       base::Code::invalid_input},
      {"an answer of status 100", sealed(5, "0c" "0100000000000000" "6400" "00" "00" "00"),
       base::Code::invalid_input},
      {"too long", base::Bytes(max_message_bytes + 1), base::Code::invalid_input},
  };
  for (const auto& c : cases) {
    const auto message = decode(c.bytes);
    ASSERT_FALSE(message) << c.what;
    EXPECT_EQ(message.error().code, c.code) << c.what << ": " << message.error().message;
  }
}

TEST(TwinMessage, RefusesACommandThatIsNoTopic) {
  for (const char* bad : {"", "a/b", "+", "#", "a b", "ä"}) {
    EXPECT_FALSE(decode(encoded(Command{1, 1, bad, "", "s", "", {}}))) << bad;
    EXPECT_FALSE(decode(encoded(Command{1, 1, "d", "", bad, "", {}}))) << bad;
    if (*bad == '\0') continue;   // to no feature
    EXPECT_FALSE(decode(encoded(Command{1, 1, "d", bad, "s", "", {}}))) << bad;
  }
}

TEST(TwinTopic, NamesItsNode) {
  EXPECT_EQ(up_topic("gate-7"), "up/gate-7/twins");
  EXPECT_EQ(down_topic("gate-7"), "down/gate-7/twins");
}

}  // namespace
}  // namespace selvedge::codec::twin
