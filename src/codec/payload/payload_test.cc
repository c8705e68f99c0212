#include <gtest/gtest.h>

#include "codec/payload/decode_for_test.h"

namespace selvedge::codec::payload {
namespace {

void expect(const std::vector<DecodeCase>& cases, const Options& options) {
  for (const DecodeCase& c : cases) EXPECT_EQ(to_line(c.payload, options), c.line) << c.payload;
}

TEST(Payload, ReadsPlainValues) {
  expect({{"23.5", "=23.5"},
          {" 23.5\r\n", "=23.5"},
          {"+1", "=1"},
          {"007", "=7"},
          {"-.5", "=-0.5"},
          {"1e3", "=1000"},
          {"9007199254740993", "=9007199254740993i"},
          {"true", "=true"},
          {"True", "=true"},
          {"FALSE", "=false"},
          {"\xEF\xBB\xBF" "5", "=5"},
          {"", "! decode number: empty"},
          {"  \n", "! decode number: empty"},
          {"on", "! decode number: 'on': neither a number nor true or false"},
          {"23,5", "! decode number: '23,5': neither a number nor true or false"},
          {"nan", "! decode number: 'nan': neither a number nor true or false"},
          {"1e999", "! decode number: '1e999': too large a number"},
          {"23.5 C", "! decode number: '23.5 C': neither a number nor true or false"},
          {std::string("1\0", 2), "! decode number: '1\\x00': neither a number nor true or false"},
          {"tRUE", "! decode number: 'tRUE': neither a number nor true or false"}},
         with_format(Format::number));
}

TEST(Payload, TakesOtherPlainTextsIfAsked) {
  Options options = with_texts(Format::number);
  options.bounds.text_bytes = 8;
  expect({{"on", "=\"on\""},
          {" two words ", "=\"two words\"" },
          {"caf\xC3\xA9", "=\"caf\xC3\xA9\""},
          {"nan", "=\"nan\""},
          {"5", "=5"},
          {"caf\xC3", "! decode number: text: not UTF-8"},
          {"\xED\xA0\x80", "! decode number: text: not UTF-8"}},
         [&] { Options longer = options; longer.bounds.text_bytes = 9; return longer; }());
  EXPECT_EQ(to_line("123456789 x", options), "! decode number: text of '': 11 bytes, at most 8 allowed");
}

TEST(Payload, DetectsTheFormatByLookingAtIt) {
  expect({{"", ""},
          {" \r\n", ""},
          {"23.5", "=23.5"},
          {"-5", "=-5"},
          {"true", "=true"},
          {"{\"a\":1}", "a=1"},
          {" \n{\"a\":1}", "a=1"},
          {"\xEF\xBB\xBF[{\"a\":1}]", "a=1"},
          {"{\"a\":1}\n{\"a\":2}\n", "a=1; a=2"},
          {"{\"a\":1}\r\n \r\n{\"a\":2}", "a=1; a=2"},
          {"{\n \"a\": {\n\"b\":1\n},\n\"c\":{\n\"d\":2}}\n", "a/b=1; c/d=2"},
          {"{\"n\":1,\"v\":2}", "n=1; v=2"},
          {"[{\"n\":\"a\",\"v\":1}]", "a=1"},
          {"[{\"v\":1,\"n\":\"a\"}]", "a=1"},
          {"[{\"bn\":\"x:\"},{\"n\":\"a\",\"v\":1}]", "x:a=1"},
          {"[{\"n\":\"a\",\"s\":1}]", "a/sum=1"},
          {"[{\"n\":5,\"x\":1}]", "n=5; x=1"},
          {"[{\"v\":1,\"t\":1700000000}]", "v=1@1700000000000000000"},
          {"[]", ""},
          {"[{}]", ""},
          {"\"text\"", "=\"text\""},
          {"m f=1", "m/f=1"},
          {"# comment\nm f=1", "m/f=1"},
          {"m,a=b f=1 5\nm f=2", "m,a=b/f=1@5000000000; m/f=2"},
          {"just text", "=\"just text\""},
          {"a=b", "=\"a=b\""},
          {std::string("\x81\xA1\x02\x05"), "=5"},
          {std::string("\xD9\xD9\xF7\x81\xA1\x02\x05"), "=5"},
          {"[{\"a\":1}", "! decode detect: byte 0: JSON document ended early in the middle of an object or array."},
          {"{\"a\":}", "! decode detect: byte 5: The JSON document has an improper structure: missing or superfluous commas, braces, missing keys, etc."},
          {"temp is=hot", "! decode detect: line 1: field 'is': value 'hot': not a number"}},
         with_texts(Format::detect));
  expect({{"just text", "! decode detect: 'just text': neither a number nor true or false"},
          {"\xFF\xFE", "! decode detect: '\xFF\xFE': neither a number nor true or false"}},
         with_format(Format::detect));
}

TEST(Payload, DetectsInLinearTime) {
  const std::string blank(1'000'000, '\n');
  EXPECT_EQ(to_line("{" + blank + "}" + blank, with_format(Format::detect)), "");
  EXPECT_EQ(to_line(blank + "5" + blank, with_format(Format::detect)), "=5");
  std::string braces;
  for (int i = 0; i < 200'000; ++i) braces += "}\n";
  EXPECT_EQ(to_line("{" + braces, with_format(Format::detect)).substr(0, 2), "! ");
}

TEST(Payload, NamesItsFormats) {
  for (const Format format : {Format::detect, Format::number, Format::json, Format::ndjson, Format::senml_json,
                              Format::senml_cbor, Format::line_protocol})
    EXPECT_EQ(parse_format(name(format)).value(), format);
  EXPECT_EQ(parse_format("jsn").error().message, "payload format 'jsn': unknown; did you mean json?");
  EXPECT_EQ(parse_format("something else").error().message,
            "payload format 'something else': unknown; one of detect, number, json, ndjson, senml-json, "
            "senml-cbor, line-protocol is expected");
}

TEST(Payload, StopsAtTheFirstThingItCannotTake) {
  std::size_t count = 0;
  const auto result = decode(base::as_bytes("m a=1,b=2\nm a=x\nm a=3"), with_format(Format::line_protocol),
                             test_arrival, [&](const Found&) { ++count; });
  EXPECT_FALSE(result);
  EXPECT_EQ(result.error().code, base::Code::invalid_input);
  EXPECT_EQ(count, 2u);
}

TEST(PayloadDeathTest, ASinkMustNotDecode) {
  const auto again = [](const Found&) {
    base::ignore(decode(base::as_bytes("{\"b\":2}"), with_format(Format::json), test_arrival, [](const Found&) {}),
                 "not reached");
  };
  EXPECT_DEATH(base::ignore(decode(base::as_bytes("{\"a\":1}"), with_format(Format::json), test_arrival, again),
                            "not reached"),
               "in_use");
}

}  // namespace
}  // namespace selvedge::codec::payload
