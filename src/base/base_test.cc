#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/bytes.h"
#include "base/checksummed.h"
#include "base/crc32c.h"
#include "base/json.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/text.h"
#include "base/time.h"
#include "base/wire.h"

namespace selvedge::base {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail(Code::invalid_input, "odd");
  return n / 2;
}

Result<int> quarter(int n) { return TRY(half(TRY(half(n)))); }

TEST(Result, TryPassesTheErrorOn) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message, "odd");
  const auto named = while_doing("divide", quarter(6));
  EXPECT_EQ(named.error().message, "divide: odd");
}

TEST(Time, PrintsAndParsesIso8601) {
  const Time t = parse_time("2026-03-01T12:00:00.25Z").value();
  EXPECT_EQ(to_iso8601(t), "2026-03-01T12:00:00.25Z");
  EXPECT_EQ(parse_time("2026-03-01T13:00:00.25+01:00").value(), t);
  EXPECT_EQ(to_iso8601(parse_time("1969-12-31T23:59:59.5Z").value()), "1969-12-31T23:59:59.5Z");
  EXPECT_FALSE(parse_time("2026-13-01"));
  EXPECT_FALSE(parse_time("yesterday"));
}

TEST(Time, TellsUnitsApartBySize) {
  EXPECT_EQ(parse_time("1700000000").value().ns, 1700000000'000000000);
  EXPECT_EQ(parse_time("1700000000123").value().ns, 1700000000'123000000);
  EXPECT_EQ(parse_time("1700000000123456").value().ns, 1700000000'123456000);
  EXPECT_EQ(parse_time("1700000000123456789").value().ns, 1700000000'123456789);
}

TEST(Time, ParsesDurations) {
  EXPECT_EQ(parse_duration("250ms").value(), std::chrono::milliseconds(250));
  EXPECT_EQ(parse_duration("1.5s").value(), std::chrono::milliseconds(1500));
  EXPECT_FALSE(parse_duration("10"));
  EXPECT_FALSE(parse_duration("-1s"));
  EXPECT_EQ(to_string(Duration(std::chrono::seconds(90))), "90s");
}

TEST(Wire, ReadsBackWhatItWrote) {
  Bytes bytes;
  Writer w(bytes);
  w.u8(7);
  w.u32(0xDEADBEEF);
  w.varint(300);
  w.svarint(std::numeric_limits<std::int64_t>::min());
  w.f64(-0.5);
  w.text("boiler");
  Reader r(bytes);
  EXPECT_EQ(r.u8(), 7);
  EXPECT_EQ(r.u32(), 0xDEADBEEF);
  EXPECT_EQ(r.varint(), 300u);
  EXPECT_EQ(r.svarint(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(r.f64(), -0.5);
  EXPECT_EQ(r.text(), "boiler");
  EXPECT_TRUE(r.ok() && r.at_end());
}

TEST(Wire, NeverReadsPastTheEnd) {
  const Bytes lying{0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1, 2};
  Reader r(lying);
  EXPECT_TRUE(r.bytes().empty());
  EXPECT_FALSE(r.ok());
  EXPECT_EQ(r.u64(), 0u);
  const Bytes endless(11, 0xFF);
  Reader r2(endless);
  r2.varint();
  EXPECT_FALSE(r2.ok());
}

TEST(Checksummed, IsReadAgainAndDamageIsNot) {
  Bytes out = {1, 2, 3};                           // somebody else's
  const std::size_t begin = out.size();
  Writer to(out);
  to.u32(0x31545354);
  to.text("hello");
  append_checksum(out, begin);
  const Bytes whole(out.begin() + 3, out.end());
  auto read = read_checksummed(whole, 0x31545354, "note");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->text(), "hello");
  EXPECT_TRUE(read->ok() && read->at_end());
  EXPECT_EQ(read_checksummed(whole, 0x32545354, "note").error().message, "note: of another version");
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(read_checksummed(BytesView(whole).first(size), 0x31545354, "note").error().code, Code::corrupt) << size;
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    Bytes damaged = whole;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_EQ(read_checksummed(damaged, 0x31545354, "note").error().code, Code::corrupt) << bit;
  }
}

TEST(Crc32c, MatchesThePublishedVector) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c(as_bytes("56789"), crc32c(as_bytes("1234"))), 0xE3069283u);
}

TEST(Text, Base64AndHexGoBothWays) {
  for (const std::string_view text : {"", "a", "ab", "abc", "abcd"}) {
    EXPECT_EQ(as_text(from_base64(to_base64(as_bytes(text))).value()), text);
    EXPECT_EQ(as_text(from_hex(to_hex(as_bytes(text))).value()), text);
  }
  EXPECT_FALSE(from_base64("a*bc"));
  EXPECT_FALSE(from_hex("0"));
}

TEST(Text, KnowsUtf8) {
  EXPECT_TRUE(is_utf8("Gr\xC3\xBC\xC3\x9F"));
  EXPECT_FALSE(is_utf8("\xC0\x80"));
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));
  EXPECT_FALSE(is_utf8("\xE2\x82"));
}

TEST(Text, ParsesSizes) {
  EXPECT_EQ(parse_size("10MiB").value(), 10u << 20);
  EXPECT_EQ(parse_size("500").value(), 500u);
  EXPECT_FALSE(parse_size("10 bananas"));
  EXPECT_FALSE(parse_size("99999999999GiB"));
}

TEST(Text, SuggestsTheNearestWord) {
  EXPECT_EQ(did_you_mean("listn", {"listen", "store", "cloud"}).value(), "listen");
  EXPECT_FALSE(did_you_mean("zebra", {"listen", "store"}));
}

TEST(Json, WritesWhatJsonCanHold) {
  JsonWriter json;
  json.begin_object().field("a", "x\"\n").key("b").begin_array();
  json.value(1).value(2.5).value(std::nan("")).value(true).end_array().end_object();
  EXPECT_EQ(json.text(), R"({"a":"x\"\n","b":[1,2.5,null,true]})");
}

TEST(Metrics, TheSameNameAndLabelsAreTheSameInstrument) {
  Registry registry;
  registry.counter("a_total", "A.", {{"x", "1"}}).add();
  registry.counter("a_total", "A.", {{"x", "1"}}).add();
  registry.counter("a_total", "A.", {{"x", "2"}});
  EXPECT_EQ(&registry.gauge("b", "B."), &registry.gauge("b", "B."));
  EXPECT_EQ(&registry.histogram("c", "C.", {1}), &registry.histogram("c", "C.", {1}));
  registry.gauge_from("d", "D.", [] { return 1.0; });
  registry.gauge_from("d", "D.", [] { return 2.0; });
  const std::string text = registry.text();
  EXPECT_NE(text.find("a_total{x=\"1\"} 2\na_total{x=\"2\"} 0\n# HELP b B.\n# TYPE b gauge\nb 0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("# TYPE d gauge\nd 2\n"), std::string::npos) << text;
}

TEST(Metrics, PrintsPrometheusText) {
  Registry registry;
  registry.counter("selvedge_readings_total", "Readings.", {{"node", "a\"b"}}).add(3);
  Histogram& h = registry.histogram("selvedge_wait_seconds", "Wait.", {0.1, 1});
  h.observe(0.05);
  h.observe(5);
  EXPECT_EQ(registry.text(),
            "# HELP selvedge_readings_total Readings.\n"
            "# TYPE selvedge_readings_total counter\n"
            "selvedge_readings_total{node=\"a\\\"b\"} 3\n"
            "# HELP selvedge_wait_seconds Wait.\n"
            "# TYPE selvedge_wait_seconds histogram\n"
            "selvedge_wait_seconds_bucket{le=\"0.1\"} 1\n"
            "selvedge_wait_seconds_bucket{le=\"1\"} 1\n"
            "selvedge_wait_seconds_bucket{le=\"+Inf\"} 2\n"
            "selvedge_wait_seconds_sum 5.05\n"
            "selvedge_wait_seconds_count 2\n");
}

}  // namespace
}  // namespace selvedge::base
