#include "engine/twin/json_text.h"

#include <gtest/gtest.h>

namespace selvedge::engine::twin {
namespace {

TEST(JsonText, MakesValuesCanonical) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {" 1 ", "1"}, {"-0.5e+10", "-0.5e+10"}, {"[ 1 , 2 ]", "[1,2]"}, {R"({ "a" : [ ] })", R"({"a":[]})"},
      {R"("\u0041\/\u00e4\n")", "\"A/\xc3\xa4\\n\""}, {R"("\ud83d\ude00")", "\"\xf0\x9f\x98\x80\""},
      {R"("\u0001\"\\")", R"("\u0001\"\\")"}, {"\ttrue\r\n", "true"}, {R"(["\u0062",null,false])", R"(["b",null,false])"}};
  for (const auto& [text, canonical] : cases) {
    const auto made = canonical_json(text);
    ASSERT_TRUE(made) << text;
    EXPECT_EQ(*made, canonical);
    EXPECT_TRUE(is_canonical_json(canonical));
  }
}

TEST(JsonText, RefusesWhatIsNotJson) {
  for (const std::string_view bad :
       {"", " ", "1 2", "01", "+1", "1.", ".5", "1e", "-", "nul", "True", "'a'", "\"a", "\"\\x\"", "\"\\u12g4\"", "\"\\ud800\"",
        "\"\\ud800\\u0041\"", "\"\\udc00\"", "[1,]", "[1", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "\"\n\"", "\"\xff\"", "\"\xc0\x80\"",
        "NaN", "Infinity", "[1 2]", "\"\xed\xa0\x80\"", "/**/1", "\xef\xbb\xbf" "1"})
    EXPECT_FALSE(canonical_json(bad)) << bad;
  EXPECT_FALSE(canonical_json(std::string(100, '[') + std::string(100, ']')));
  EXPECT_FALSE(canonical_json(std::string(1'000'000, '[')));
  EXPECT_FALSE(canonical_json(std::string_view("1\0", 2)));
}

TEST(JsonText, KnowsWhatIsTheSame) {
  const std::pair<std::string_view, std::string_view> same[] = {
      {"1", "1.0"}, {"100", "1e2"}, {"0", "-0"}, {R"({"a":1,"b":[2]})", R"({"b":[2.0],"a":1})"}, {"[]", "[]"}, {R"({"a":1,"a":2})", R"({"a":2})"}};
  for (const auto& [a, b] : same) EXPECT_TRUE(same_json(a, b)) << a << " " << b;
  const std::pair<std::string_view, std::string_view> different[] = {
      {"1", "2"}, {"1", "\"1\""}, {"null", "false"}, {"[1]", "[1,2]"}, {"[1,2]", "[2,1]"}, {R"({"a":1})", R"({"a":1,"b":2})"},
      {R"({"a":1})", R"({"b":1})"}, {"9007199254740993", "9007199254740992"}, {"", "1"}, {"[]", "{}"}};
  for (const auto& [a, b] : different) EXPECT_FALSE(same_json(a, b)) << a << " " << b;
}

}  // namespace
}  // namespace selvedge::engine::twin
