#include <gtest/gtest.h>

#include "codec/payload/decode_for_test.h"

namespace selvedge::codec::payload {
namespace {

void expect(const std::vector<DecodeCase>& cases, const Options& options) {
  for (const DecodeCase& c : cases) EXPECT_EQ(to_line(c.payload, options), c.line) << c.payload;
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

TEST(Json, MakesAReadingOfEachNumberAndBoolean) {
  expect({{R"({"temp":21.5})", "temp=21.5"},
          {R"({"temp":21,"on":true,"off":false})", "temp=21; on=true; off=false"},
          {R"({"a":null,"b":1})", "b=1"},
          {R"({"text":"is left out","b":1})", "b=1"},
          {R"({})", ""},
          {R"([])", ""},
          {"  {\"a\" : 1 , \"b\"\t:\r\n2 }\r\n", "a=1; b=2"},
          {"\xEF\xBB\xBF{\"a\":1}", "a=1"},
          {R"({"a":9007199254740993,"b":-0,"c":1e3})", "a=9007199254740993i; b=-0; c=1000"},
          {R"({"a":1,"a":2})", "a=1; a=2"},
          {R"({"caf\u00e9":1,"q\"x":2,"b\\s":3})", "caf\xC3\xA9=1; q\"x=2; b\\s=3"},
          {"{\"caf\xC3\xA9\":1}", "caf\xC3\xA9=1"},
          {R"({"":1})", "=1"},
          {"21.5", "=21.5"},
          {" -3 ", "=-3"},
          {"true", "=true"},
          {"null", ""}},
         with_format(Format::json));
}

TEST(Json, FlattensObjectsAndArrays) {
  expect({{R"({"a":{"b":{"c":1,"d":2}},"e":3})", "a/b/c=1; a/b/d=2; e=3"},
          {R"({"a":[1,2,{"b":3},[4]]})", "a/0=1; a/1=2; a/2/b=3; a/3/0=4"},
          {R"({"a":[],"b":{},"c":[[],{}]})", ""},
          {R"({"axes":{"x":1,"y":2},"n":3,"deep":{"er":{"x":4}},"m":5})", "axes/x=1; axes/y=2; n=3; deep/er/x=4; m=5"},
          {R"([{"a":1},{"a":2,"b":3}])", "a=1; a=2; b=3"}},
         with_format(Format::json));
}

TEST(Json, KeepsTextsIfAsked) {
  expect({{R"({"s":"on","n":1})", R"(s="on"; n=1)"},
          {R"({"s":"","e":"a\nb\u20ac"})", "s=\"\"; e=\"a\nb\xE2\x82\xAC\""},
          {R"({"a":{"s":"x"},"l":["p","q"]})", R"(a/s="x"; l/0="p"; l/1="q")"},
          {R"("alone")", R"(="alone")"}},
         with_texts(Format::json));
  EXPECT_EQ(to_line(R"("alone")", with_format(Format::json)),
            "! decode json: '\"alone\"': text, and texts are not asked for");
}

TEST(Json, FindsTheTime) {
  expect({{R"({"ts":1700000000,"v":1})", "v=1@1700000000000000000"},
          {R"({"v":1,"time":1700000000123})", "v=1@1700000000123000000"},
          {R"({"v":1,"timestamp":"2026-01-01T00:00:00.5Z","w":2})", "v=1@1767225600500000000; w=2@1767225600500000000"},
          {R"({"t":1700000000.25,"v":1})", "v=1@1700000000250000000"},
          {R"({"t":21.5,"ts":1700000000})", "t=21.5@1700000000000000000"},
          {R"({"timestamp":1700000001,"time":1700000002,"ts":1700000003,"t":1700000004})",
           "timestamp=1700000001@1700000003000000000; time=1700000002@1700000003000000000; "
           "t=1700000004@1700000003000000000"},
          {R"({"t":21.5})", "t=21.5"},
          {R"({"time":99999999,"v":1})", "time=99999999; v=1"},
          {R"({"time":"noon","v":1})", "v=1"},
          {R"({"a":{"ts":1700000000},"v":1})", "a/ts=1.7e+09; v=1"},
          {R"({"ts":null,"v":1})", "v=1"},
          {R"({"ts":true,"v":1})", "ts=true; v=1"},
          {R"({"ts":99999999999,"v":1})", "ts=99999999999; v=1"},
          {R"([{"ts":1700000000,"v":1},{"v":2}])", "v=1@1700000000000000000; v=2"}},
         with_format(Format::json));
}

TEST(Json, TakesTheTimeFromTheFieldAskedFor) {
  Options options = with_format(Format::json);
  options.time_field = "when";
  expect({{R"({"when":1700000000,"ts":5,"v":1})", "ts=5@1700000000000000000; v=1@1700000000000000000"},
          {R"({"when":"1700000000","v":1})", "v=1@1700000000000000000"},
          {R"({"when":1,"v":1})", "v=1@1000000000"},
          {R"({"v":1})", "v=1"},
          {R"({"when":"soon"})", "! decode json: field 'when': 'soon' is not a time we can hold"},
          {R"({"when":true})", "! decode json: field 'when': 'true' is not a time we can hold"},
          {R"({"when":1e30})", "! decode json: field 'when': '1e30' is not a time we can hold"},
          {R"({"when":1,"when":2})", "! decode json: field 'when': the time stands there twice"}},
         options);
  options.time_field = "/meta/at/0";
  options.time_unit = Options::TimeUnit::ms;
  expect({{R"({"v":1,"meta":{"at":[1700000000000,7]}})",
           "v=1@1700000000000000000; meta/at/1=7@1700000000000000000"}},
         options);
  options.time_field = "/a~1b/c~0d";
  expect({{R"({"v":1,"a/b":{"c~d":1000}})", "v=1@1000000000"}}, options);
}

TEST(Json, NamesSeriesByAField) {
  Options options = with_format(Format::json);
  options.name_field = "name";
  expect({{R"([{"name":"temp","ts":1700000000,"value":21.5},{"value":true,"name":"on","quality":3}])",
           "temp=21.5@1700000000000000000; on=true"},
          {R"({"name":"acc","value":{"x":1,"y":[2]}})", "acc/x=1; acc/y/0=2"},
          {R"({"name":"a","values":5,"value":null})", ""},
          {R"({"name":"a","t":21.5,"value":1})", "a=1"},
          {R"({"name":"","value":1})", "=1"},
          {R"({"value":1})", "! decode json: no text in the name field 'name'"},
          {R"([{"name":"a","value":1},{"name":5,"value":1}])",
           "! decode json: element 1: no text in the name field 'name'"},
          {R"({"name":"a","name":"b","value":1})", "! decode json: field 'name': the name stands there twice"}},
         options);
  options.value_field = "t";
  EXPECT_EQ(to_line(R"({"name":"a","t":1700000000})", options), "a=1.7e+09") << "the value, not a time";
}

TEST(Json, SaysWhereAMessageIsDamaged) {
  expect({{"", "! decode json: empty"},
          {R"({"a":1)", "! decode json: byte 0: JSON document ended early in the middle of an object or array."},
          {R"({"a":1}})", "! decode json: byte 7: something follows the end of the JSON"},
          {R"({"a":1} {"a":2})", "! decode json: byte 8: something follows the end of the JSON"},
          {R"({"a":NaN})", "! decode json: byte 5: The JSON document has an improper structure: missing or superfluous commas, braces, missing keys, etc."},
          {R"({"a":1e400})", "! decode json: field 'a': '1e400' is too large a number"},
          {R"({"a":{"b":01}})", "! decode json: field 'a/b': '01' is not a number"},
          {R"({"a":-})", "! decode json: field 'a': '-' is not a number"},
          {R"({"a":1.5.2 })", "! decode json: field 'a': '1.5.2' is not a number"},
          {R"([{"a":1},2])", "! decode json: element 1: not an object"},
          {R"([[1]])", "! decode json: element 0: not an object"},
          {"[1,2]", "! decode json: element 0: not an object"},
          {R"("\ud800")", "! decode json: at the end: Problem while parsing a string"},
          {"nonsense", "! decode json: 'nonsense' is not a number"},
          {"[1e400", "! decode json: byte 0: JSON document ended early in the middle of an object or array."}},
         with_format(Format::json));
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char* bad :
       {R"({"a":1,})", R"({"a":1 "b":2})", R"({"a" 1})", R"({a:1})", R"({"a":tru})", R"({"a":nul})",
        R"({"a":"x)", R"({"a":"\q"})", "{\"a\":\"\x01\"}", "{\"a\xC3\":1}", "{\"a\":\"\xED\xA0\x80\"}",
        "{\"a\":\"\xC0\x80\"}", "{\"a\":1}\xFF", R"({"a":[1,2})", R"({"a":{"b":1]})", R"({"a":[1 2]})",
        R"({"a":+1})", R"({"a":.5})", R"({"a":1.})", R"({"a":0x1})", R"({"a":Infinity})", R"({1:2})",
        R"({"a":1]})", R"([{"a":1}})", R"([{"a":1},])", R"({,"a":1})", R"({"a":'x'})", "{", "[", "\"",
        R"({"a":1/**/})", R"({"a":True})", R"({"a"})", R"({"a":})", R"({"a":truefalse})"}) {
    EXPECT_EQ(to_line(bad, with_texts(Format::json)).substr(0, 2), "! ") << bad;
  }
}

TEST(Json, BoundsDepth) {
  const auto nested = [](std::size_t objects) {
    return repeat("{\"a\":", objects) + "1" + repeat("}", objects);
  };
  Options options = with_format(Format::json);
  EXPECT_EQ(to_line(nested(16), options), repeat("a/", 15) + "a=1");
  EXPECT_EQ(to_line(nested(17), options).substr(0, 28), "! decode json: field 'a/a/a/");
  EXPECT_NE(to_line(nested(17), options).find("nested deeper than 16"), std::string::npos);
  EXPECT_NE(to_line(nested(100'000), options).find("nested deeper than 16"), std::string::npos);
  EXPECT_NE(to_line(R"({"a":)" + repeat("[", 50'000) + repeat("]", 50'000) + "}", options).find("nested deeper"),
            std::string::npos);
  EXPECT_EQ(to_line(repeat("[", 100'000) + repeat("]", 100'000), options), "! decode json: element 0: not an object");
  options.bounds.depth = 1'000'000;
  EXPECT_NE(to_line(nested(65), options).find("nested deeper than 64"), std::string::npos);
  options.bounds.depth = 1;
  EXPECT_EQ(to_line(R"({"a":1})", options), "a=1");
  EXPECT_EQ(to_line(R"({"a":{"b":1}})", options), "! decode json: field 'a': nested deeper than 1");
}

TEST(Json, BoundsReadingsElementsNamesAndTexts) {
  Options options = with_texts(Format::json);
  options.bounds.readings = 2;
  options.bounds.elements = 3;
  options.bounds.name_bytes = 8;
  options.bounds.text_bytes = 4;
  expect({{R"({"a":1,"b":2})", "a=1; b=2"},
          {R"({"a":1,"b":2,"c":3})", "! decode json: more than 2 readings in one message"},
          {R"([{"a":1},{"a":2},{"a":3}])", "! decode json: element 2: more than 2 readings in one message"},
          {R"({"a":[null,null,1]})", "a/2=1"},
          {R"({"a":[null,null,null,null]})", "! decode json: field 'a': more than 3 elements in an array"},
          {R"({"12345678":1})", "12345678=1"},
          {R"({"123456789":1})", "! decode json: field '123456789': name longer than 8 bytes"},
          {R"({"1234":{"678":1}})", "1234/678=1"},
          {R"({"1234":{"6789":1}})", "! decode json: field '1234/6789': name longer than 8 bytes"},
          {R"({"a":"1234"})", R"(a="1234")"},
          {R"({"a":"12345"})", "! decode json: text of 'a': 5 bytes, at most 4 allowed"}},
         options);
  EXPECT_EQ(to_line(R"({"a\u0007":1})", with_format(Format::json)),
            "! decode json: name 'a\\x07': holds a control character");
}

TEST(Json, TakesLittleMoreMemoryThanTheMessageForLongKeysOverManyFields) {
  Options options = with_format(Format::json);
  std::string payload = "{\"" + repeat("k", 500) + "\":{\"a\":0";
  for (int i = 0; i < 20'000; ++i) payload += ",\"b\":1";
  EXPECT_NE(to_line(payload + "}}", options).find("too many long names in one object"), std::string::npos);
}

TEST(Json, SurvivesBeingCutOffAnywhere) {
  const std::string whole =
      R"({"ts":1700000000,"a":{"b":[1,2.5,true,null,"x\u00e9y"]},"c":-1e-3,"caf)" "\xC3\xA9" R"(":"z"})";
  ASSERT_EQ(to_line(whole, with_texts(Format::json)).substr(0, 4), "a/b/");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // An allocation of exactly this size, so that the sanitizer sees a step beyond it.
    const base::Bytes cut = base::to_bytes(std::string_view(whole).substr(0, size));
    EXPECT_FALSE(decode(cut, with_texts(Format::json), test_arrival, [](const Found&) {})) << size;
  }
}

TEST(Json, GivesMemoryOfALargeMessageBack) {
  std::string payload = "[";
  for (int i = 0; i < 99'999; ++i) payload += R"({"some long key to make it large":1700000000},)";
  const std::string expected = to_line(payload + R"({"a":1}])", with_format(Format::json));
  EXPECT_EQ(expected.substr(expected.size() - 4), " a=1");
  EXPECT_EQ(to_line(R"({"a":1})", with_format(Format::json)), "a=1");
}

TEST(NdJson, DecodesOneObjectALine) {
  expect({{"{\"a\":1}\n{\"a\":2}\n", "a=1; a=2"},
          {"{\"a\":1}\r\n\r\n  {\"a\":2}", "a=1; a=2"},
          {"\n\n", ""},
          {"", ""},
          {"{\"ts\":1700000000,\"a\":1}\n{\"b\":2}", "a=1@1700000000000000000; b=2"},
          {"{\"a\":1}\n{\"a\":x}\n",
           "! decode ndjson: line 2: byte 5: The JSON document has an improper structure: missing or superfluous commas, braces, missing keys, etc."},
          {"{\"a\":1}\n\n[1]",
           "! decode ndjson: line 3: byte 0: The JSON element does not have the requested type."},
          {"{\"a\":1} {\"a\":2}", "! decode ndjson: line 1: byte 8: something follows the end of the JSON"},
          {"{\"a\":\n1}", "! decode ndjson: line 1: byte 0: JSON document ended early in the middle of an object or array."}},
         with_format(Format::ndjson));
}

}  // namespace
}  // namespace selvedge::codec::payload
