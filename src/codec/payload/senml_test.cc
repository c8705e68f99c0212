#include <gtest/gtest.h>

#include "codec/payload/decode_for_test.h"

namespace selvedge::codec::payload {
namespace {

void expect(const std::vector<DecodeCase>& cases, const Options& options) {
  for (const DecodeCase& c : cases) EXPECT_EQ(to_line(c.payload, options), c.line) << c.payload;
}

// The examples of RFC 8428, sections 5.1 and 6, by their facts.
TEST(Senml, ResolvesThePacksOfTheRfc) {
  expect(
      {{R"([{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}])", "urn:dev:ow:10e2073a01080063=23.1"},
       {R"([{"bn":"urn:dev:ow:10e2073a01080063:","n":"voltage","u":"V","v":120.1},)"
        R"({"n":"current","u":"A","v":1.2}])",
        "urn:dev:ow:10e2073a01080063:voltage=120.1; urn:dev:ow:10e2073a01080063:current=1.2"},
       {R"([{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,)"
        R"("n":"voltage","u":"V","v":120.1},{"n":"current","t":-5,"v":1.2},{"n":"current","v":1.7}])",
        "urn:dev:ow:10e2073a0108006:voltage=120.1@1276020076001000000; "
        "urn:dev:ow:10e2073a0108006:current=1.2@1276020071001000000; "
        "urn:dev:ow:10e2073a0108006:current=1.7@1276020076001000000"},
       {R"([{"bn":"urn:dev:ow:10e2073a01080063","bt":1320067464,"bu":"%RH","v":20},)"
        R"({"u":"lon","v":24.30621},{"t":60,"v":20.3},{"t":150,"u":"%EL","v":98}])",
        "urn:dev:ow:10e2073a01080063=20@1320067464000000000; "
        "urn:dev:ow:10e2073a01080063=24.30621@1320067464000000000; "
        "urn:dev:ow:10e2073a01080063=20.3@1320067524000000000; "
        "urn:dev:ow:10e2073a01080063=98@1320067614000000000"},
       {R"([{"bn":"urn:dev:ow:10e2073a01080063:","n":"temp","u":"Cel","v":23.1},)"
        R"({"n":"label","vs":"Machine Room"},{"n":"open","vb":false},{"n":"nfc-reader","vd":"aGkgCg"}])",
        "urn:dev:ow:10e2073a01080063:temp=23.1; urn:dev:ow:10e2073a01080063:label=\"Machine Room\"; "
        "urn:dev:ow:10e2073a01080063:open=false; urn:dev:ow:10e2073a01080063:nfc-reader=\"aGkgCg\""},
       {R"([{"bn":"2001:db8::2/","bt":1320078429,"n":"temperature","u":"Cel","v":25.2},)"
        R"({"n":"humidity","u":"%RH","v":30},{"bn":"2001:db8::1/","n":"temperature","u":"Cel","v":12.3}])",
        "2001:db8::2/temperature=25.2@1320078429000000000; 2001:db8::2/humidity=30@1320078429000000000; "
        "2001:db8::1/temperature=12.3@1320078429000000000"}},
      with_texts(Format::senml_json));
}

TEST(Senml, TellsRelativeFromAbsoluteTimes) {
  // The arrival is 1767225600 s.
  expect({{R"([{"n":"a","v":1}])", "a=1"},
          {R"([{"n":"a","v":1,"t":0}])", "a=1"},
          {R"([{"n":"a","v":1,"t":-5}])", "a=1@1767225595000000000"},
          {R"([{"n":"a","v":1,"t":0.02}])", "a=1@1767225600020000000"},
          {R"([{"n":"a","v":1,"t":268435455}])", "a=1@2035661055000000000"},
          {R"([{"n":"a","v":1,"t":268435456}])", "a=1@268435456000000000"},
          {R"([{"bt":-10,"n":"a","v":1,"t":3}])", "a=1@1767225593000000000"},
          {R"([{"bt":5,"n":"a","v":1,"t":-5}])", "a=1"},
          {R"([{"bt":1700000000},{"n":"a","v":1,"t":0.123456789},{"bt":0,"n":"a","v":1}])",
           "a=1@1700000000123456789; a=1"},
          {R"([{"n":"a","v":1,"t":1e12}])",
           "! decode senml-json: record 0: field 't': not a time we can hold"},
          {R"([{"bt":9223372036,"n":"a","v":1,"t":9223372036}])",
           "! decode senml-json: record 0: base time and time: their sum is not a time we can hold"},
          {R"([{"n":"a","v":1,"t":-9e9}])", "a=1@-7232774400000000000"}},
         with_format(Format::senml_json));
}

TEST(Senml, AddsBaseValuesAndSums) {
  expect({{R"([{"bn":"m/","bv":20,"bs":100,"n":"a","v":1.5},{"n":"b","v":2,"s":5},{"n":"c","s":7}])",
           "m/a=21.5; m/a/sum=100; m/b=22; m/b/sum=105; m/c/sum=107"},
          {R"([{"n":"a","v":1,"s":2.5}])", "a=1; a/sum=2.5"},
          {R"([{"s":2}])", "sum=2"},
          {R"([{"bs":1,"n":"a","vb":true}])", "a=true"},
          {R"([{"bv":1,"bn":"x"},{"v":2}])", "x=3"},
          {R"([{"n":"a","v":9007199254740993}])", "a=9007199254740993i"},
          {R"([{"n":"a","bv":1e308,"v":1e308}])",
           "! decode senml-json: record 0: base value and value: their sum is too large a number"},
          {R"([{"n":"a","bs":1e308,"s":1e308}])",
           "! decode senml-json: record 0: base sum and sum: their sum is too large a number"}},
         with_format(Format::senml_json));
}

TEST(Senml, LeavesTextsOutUnlessAsked) {
  expect({{R"([{"n":"a","vs":"x"},{"n":"d","vd":"aGk"},{"n":"b","v":1}])", "b=1"}},
         with_format(Format::senml_json));
}

TEST(Senml, ChecksRecords) {
  expect({{R"([])", ""},
          {R"([{}])", ""},
          {R"([{"u":"m","ut":3,"unknown":{"a":[1]},"more":null,"n":"a","v":1}])", "a=1"},
          {R"([{"bver":10,"n":"a","v":1}])", "a=1"},
          {R"([{"n":"a","vd":"aGk="}])", "a=\"aGk\""},
          {R"([{"n":"a\u00e9","v":1}])", "a\xC3\xA9=1"},
          {R"({"n":"a","v":1})", "! decode senml-json: not an array of records"},
          {R"([{"n":"a","v":1},{"n":"b"}])", "! decode senml-json: record 1: name 'b': no value"},
          {R"([{"n":"a","v":1,"vb":true}])",
           "! decode senml-json: record 0: more than one of 'v', 'vs', 'vb' and 'vd'"},
          {R"([{"n":"a","v":1,"v":2}])", "! decode senml-json: record 0: field 'v': stands there twice"},
          {R"([{"n":"a","v":"1"}])", "! decode senml-json: record 0: field 'v': cannot be text"},
          {R"([{"n":"a","v":true}])", "! decode senml-json: record 0: field 'v': cannot be true or false"},
          {R"([{"n":1,"v":1}])", "! decode senml-json: record 0: field 'n': cannot be a number"},
          {R"([{"n":"a","v":null}])",
           "! decode senml-json: record 0: a field that is null, an object or an array"},
          {R"([{"n":"a","v":1e999}])", "! decode senml-json: record 0: field 'v': '1e999' is too large a number"},
          {R"([{"n":"a","v":1,"dim_":2}])",
           "! decode senml-json: record 0: field 'dim_': must be understood, and is not known here"},
          {R"([{"bver":11,"n":"a","v":1}])",
           "! decode senml-json: record 0: field 'bver': a version above 10 is not known here"},
          {R"([{"n":"a","vd":"a b"}])", "! decode senml-json: record 0: field 'vd': not base64url"},
          {R"([{"n":"a","vd":"a"}])", "! decode senml-json: record 0: field 'vd': not base64url"},
          {R"([{"n":"a\n","v":1}])", "! decode senml-json: record 0: name 'a\\x0a': holds a control character"},
          {R"([{"n":"a","v":1}] [])", "! decode senml-json: byte 18: something follows the end of the JSON"},
          {R"([1])", "! decode senml-json: record 0: byte 1: The JSON element does not have the requested type."}},
         with_texts(Format::senml_json));
}

TEST(Senml, BoundsNames) {
  Options options = with_format(Format::senml_json);
  options.bounds.name_bytes = 8;
  expect({{R"([{"bn":"1234","n":"5678","v":1}])", "12345678=1"},
          {R"([{"bn":"12345","n":"6789","v":1}])",
           "! decode senml-json: record 0: name '123456789': longer than 8 bytes"},
          {R"([{"bn":"123456789","n":"","v":1}])", "! decode senml-json: record 0: field 'bn': longer than 8 bytes"},
          {R"([{"n":"12345","s":1}])", "! decode senml-json: record 0: name '12345/sum': longer than 8 bytes"}},
         options);
}

std::string from_hex(std::string_view hex) {
  std::string compact;
  for (const char c : hex)
    if (c != ' ') compact += c;
  const base::Bytes bytes = base::from_hex(compact).value();
  return std::string(base::as_text(bytes));
}

constexpr std::string_view rfc_pack =
    "87 a7 21 78 1b 75 72 6e 3a 64 65 76 3a 6f 77 3a 31 30 65 32 30 37 33 61 30 31 30 38 30 30 36 3a"
    "22 fb 41 d3 03 a1 5b 00 10 62 23 61 41 20 05 00 67 76 6f 6c 74 61 67 65 01 61 56 02 fb 40 5e 06"
    "66 66 66 66 66 a3 00 67 63 75 72 72 65 6e 74 06 24 02 fb 3f f3 33 33 33 33 33 33 a3 00 67 63 75"
    "72 72 65 6e 74 06 23 02 fb 3f f4 cc cc cc cc cc cd a3 00 67 63 75 72 72 65 6e 74 06 22 02 fb 3f"
    "f6 66 66 66 66 66 66 a3 00 67 63 75 72 72 65 6e 74 06 21 02 f9 3e 00 a3 00 67 63 75 72 72 65 6e"
    "74 06 20 02 fb 3f f9 99 99 99 99 99 9a a3 00 67 63 75 72 72 65 6e 74 06 00 02 fb 3f fb 33 33 33"
    "33 33 33";

TEST(SenmlCbor, ResolvesThePackOfTheRfc) {
  const std::string current = "urn:dev:ow:10e2073a0108006:current=";
  const std::string expected = "urn:dev:ow:10e2073a0108006:voltage=120.1@1276020076001000000; " + current +
                               "1.2@1276020071001000000; " + current + "1.3@1276020072001000000; " + current +
                               "1.4@1276020073001000000; " + current + "1.5@1276020074001000000; " + current +
                               "1.6@1276020075001000000; " + current + "1.7@1276020076001000000";
  EXPECT_EQ(to_line(from_hex(rfc_pack), with_format(Format::senml_cbor)), expected);
  EXPECT_EQ(to_line(from_hex(rfc_pack), with_format(Format::detect)), expected);
}

TEST(SenmlCbor, SurvivesBeingCutOffAnywhere) {
  const std::string whole = from_hex(rfc_pack);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const base::Bytes cut = base::to_bytes(std::string_view(whole).substr(0, size));
    EXPECT_FALSE(decode(cut, with_format(Format::senml_cbor), test_arrival, [](const Found&) {})) << size;
  }
}

struct CborCase {
  const char* hex;
  std::string line;
};

TEST(SenmlCbor, ReadsEveryFormOfAValue) {
  const CborCase cases[] = {
      {"80", ""},
      {"9f ff", ""},
      {"81 a1 02 05", "=5"},
      {"81 a1 02 24", "=-5"},
      {"81 a1 02 18 ff", "=255"},
      {"81 a1 02 19 ffff", "=65535"},
      {"81 a1 02 1a ffffffff", "=4294967295"},
      {"81 a1 02 1b 0020000000000001", "=9007199254740993i"},
      {"81 a1 02 1b ffffffffffffffff", "=18446744073709551616"},
      {"81 a1 02 3b ffffffffffffffff", "=-18446744073709551616"},
      {"81 a1 02 3b 7fffffffffffffff", "=-9223372036854775808i"},
      {"81 a1 02 f9 3c00", "=1"},
      {"81 a1 02 f9 7bff", "=65504"},
      {"81 a1 02 f9 0001", "=5.960464477539063e-08"},
      {"81 a1 02 f9 8000", "=-0"},
      {"81 a1 02 fa 47c35000", "=1e+05"},
      {"81 a1 02 fb 3ff199999999999a", "=1.1"},
      {"81 a1 02 c4 82 21 19 6ab3", "=273.15"},
      {"81 a1 02 c4 9f 21 19 6ab3 ff", "=273.15"},
      {"81 a1 02 c4 82 19 0190 00", "=0"},
      {"81 a1 04 f5", "=true"},
      {"81 a1 04 f4", "=false"},
      {"81 a1 03 62 6869", "=\"hi\""},
      {"81 a1 03 7f 61 68 61 69 ff", "=\"hi\""},
      {"81 a2 00 7f 61 61 61 62 ff 03 7f 61 68 61 69 ff", "ab=\"hi\""},
      {"81 a1 08 43 ff eeee", "=\"_-7u\""},
      {"81 a1 08 41 00", "=\"AA\""},
      {"81 a1 08 5f 41 01 42 0203 ff", "=\"AQID\""},
      {"81 a1 61 76 07", "=7"},
      {"9f bf 00 61 61 02 01 ff ff", "a=1"},
      {"d9d9f7 81 c1 a1 c5 02 d818 05", "=5"},
      {"81 a2 02 01 18 63 82 a1 01 02 c2 41 01", "=1"},
      {"81 a2 02 01 63 616263 f6", "=1"},
  };
  for (const CborCase& c : cases) {
    EXPECT_EQ(to_line(from_hex(c.hex), with_texts(Format::senml_cbor)), c.line) << c.hex;
  }
}

TEST(SenmlCbor, SaysWhereAMessageIsDamaged) {
  const CborCase cases[] = {
      {"", "byte 0: the message ends too early"},
      {"a0", "byte 1: not an array of records"},
      {"81", "record 0: byte 1: the message ends too early"},
      {"81 05", "record 0: byte 2: not a map"},
      {"81 a1 02", "record 0: byte 3: the message ends too early"},
      {"80 00", "byte 1: something follows the end of the pack"},
      {"9b ffffffffffffffff", "record 0: byte 9: the message ends too early"},
      {"81 bb ffffffffffffffff 02 01", "record 0: byte 12: the message ends too early"},
      {"81 a1 03 7b ffffffffffffffff 61", "record 0: byte 12: a string is longer than what is left"},
      {"81 a1 00 62 61", "record 0: byte 4: a string is longer than what is left"},
      {"81 a1 03 62 c328", "record 0: byte 6: a text is not UTF-8"},
      {"81 a1 03 7f 41 61 ff", "record 0: byte 5: a part of another type in a string"},
      {"81 a1 03 7f 7f 61 61 ff ff", "record 0: byte 5: a part of another type in a string"},
      {"81 a1 02 f9 7e00", "record 0: field 'v': not a finite number"},
      {"81 a1 02 f9 7c00", "record 0: field 'v': not a finite number"},
      {"81 a1 02 fb 7ff8000000000000", "record 0: field 'v': not a finite number"},
      {"81 a1 02 f6", "record 0: byte 4: null or another simple value as the value of a field"},
      {"81 a1 04 f8 15", "record 0: byte 5: null or another simple value as the value of a field"},
      {"81 a1 02 80", "record 0: byte 4: an array or map as the value of a field"},
      {"81 a1 02 41 01", "record 0: byte 5: bytes in a field other than 'vd'"},
      {"81 a1 02 1c", "record 0: byte 3: a reserved form"},
      {"81 a1 02 1f", "record 0: byte 3: a reserved form"},
      {"81 ff", "record 0: byte 1: a break where an item should be"},
      {"81 a1 ff 02", "record 0: byte 2: a break where an item should be"},
      {"81 a1 f5 02", "record 0: byte 3: a label that is neither an integer nor text"},
      {"81 a1 02 c4 83 00 00 00", "record 0: byte 5: a decimal fraction is not an array of two"},
      {"81 a1 02 c4 82 61 61 00",
       "record 0: byte 7: a decimal fraction is not made of two 64-bit integers"},
      {"81 a1 02 c4 82 1a 00010000 01", "record 0: byte 11: the exponent of a decimal fraction is out of range"},
      {"81 a1 02 c4 82 19 0190 01", "record 0: field 'v': too large a number"},
      {"81 a2 02 01 02 01", "record 0: field 'v': stands there twice"},
      {"81 a1 64 6162635f 01", "record 0: field 'abc_': must be understood, and is not known here"},
      {"81 a1 06 fb 7e37e43c8800759c", "record 0: field 't': not a time we can hold"},
  };
  for (const CborCase& c : cases) {
    EXPECT_EQ(to_line(from_hex(c.hex), with_texts(Format::senml_cbor)), "! decode senml-cbor: " + c.line)
        << c.hex;
  }
}

TEST(SenmlCbor, BoundsNestingAndTagsAndData) {
  Options options = with_texts(Format::senml_cbor);
  options.bounds.depth = 3;
  const auto ignored = [&](std::string_view item) {
    return to_line(from_hex("81 a2 02 01 18 63 " + std::string(item)), options);
  };
  EXPECT_EQ(ignored("81 81 81 00"), "=1");
  EXPECT_NE(ignored("81 81 81 81 00").find("nested too deeply"), std::string::npos);
  EXPECT_NE(ignored("c6 c6 c6 c6 00").find("too many tags"), std::string::npos);
  EXPECT_NE(ignored("81 c6 c6 c6 00").find("nested too deeply"), std::string::npos);
  EXPECT_NE(ignored("bf 00 81 81 81 00 ff").find("nested too deeply"), std::string::npos);
  options.bounds.depth = 1'000'000;
  std::string deep = "81 a2 02 01 18 63 ";
  for (int i = 0; i < 100'000; ++i) deep += "81";
  EXPECT_NE(to_line(from_hex(deep + "00"), options).find("nested too deeply"), std::string::npos);
  options.bounds.text_bytes = 3;
  EXPECT_EQ(to_line(from_hex("81 a1 08 42 0102"), options), "=\"AQI\"");
  EXPECT_NE(to_line(from_hex("81 a1 08 43 010203"), options).find("4 bytes, at most 3"), std::string::npos);
  EXPECT_NE(to_line(from_hex("81 a1 08 44 01020304"), options).find("data longer"), std::string::npos);
}

}  // namespace
}  // namespace selvedge::codec::payload
