#include "things/http_path.h"

#include <gtest/gtest.h>

#include "things/http_json.h"
#include "things/http_search.h"

namespace selvedge::things {
namespace {

TEST(TwinPath, SaysWhatIsMeant) {
  struct Case {
    const char* text;
    TwinPath::Kind kind;
    const char *pointer, *feature, *subject;
  };
  const std::vector<Case> cases = {
      {"e:d", TwinPath::Kind::twin, "", "", ""},
      {"e:d/", TwinPath::Kind::twin, "", "", ""},
      {"e:d/attributes", TwinPath::Kind::part, "/attributes", "", ""},
      {"e:d/attributes/", TwinPath::Kind::part, "/attributes", "", ""},
      {"e:d/attributes/a/b~1c", TwinPath::Kind::part, "/attributes/a/b~1c", "", ""},
      {"e:d/features/f/properties/p", TwinPath::Kind::part, "/features/f/properties/p", "", ""},
      {"e:d/inbox/messages/reset", TwinPath::Kind::message, "", "", "reset"},
      {"e:d/features/a~1b/inbox/messages/x/y", TwinPath::Kind::message, "", "a/b", "x/y"},
      {"e:d/features/inbox/properties/messages", TwinPath::Kind::part, "/features/inbox/properties/messages", "", ""},
  };
  for (const Case& c : cases) {
    const auto path = parse_twin_path(c.text);
    ASSERT_TRUE(path) << c.text << ": " << path.error().message;
    EXPECT_EQ(path->id, "e:d") << c.text;
    EXPECT_EQ(path->kind, c.kind) << c.text;
    EXPECT_EQ(path->pointer, c.pointer) << c.text;
    EXPECT_EQ(path->feature, c.feature) << c.text;
    EXPECT_EQ(path->subject, c.subject) << c.text;
  }
  for (const char* text : {"", "/", "e", "e:", ":d", "e:d:f", "e:d/policyId", "e:d/attributesx", "e:d//attributes",
                           "e:d/features//properties", "e:d/features/f/other", "e:d/definition/x", "e d:x"})
    EXPECT_FALSE(parse_twin_path(text)) << text;
}

TEST(TwinPath, KnowsAQuestionForHistory) {
  const auto history = history_of("/features/boi~1ler/properties/a/b~0/history");
  ASSERT_TRUE(history);
  EXPECT_EQ(history->feature, "boi/ler");
  EXPECT_EQ(history->property, "a/b~");
  for (const char* pointer : {"", "/history", "/features/f/properties/history", "/features/f/history",
                              "/attributes/a/history", "/features/f/desiredProperties/p/history"})
    EXPECT_FALSE(history_of(pointer)) << pointer;
}

TEST(JsonText, GivesUpItsMembersAsTheyWereWritten) {
  const auto members = json_members(" { \"a\" : 1.50 , \"b\\n\":{\"c\":[\"}\",2]},\"d\":\"x\\\"y\" ,\"e\":null}\n");
  ASSERT_TRUE(members) << members.error().message;
  ASSERT_EQ(members->size(), 4U);
  EXPECT_EQ((*members)[0].value, "1.50");
  EXPECT_EQ((*members)[1].name, "b\n");
  EXPECT_EQ((*members)[1].value, "{\"c\":[\"}\",2]}");
  EXPECT_EQ(json_string((*members)[2].value), "x\"y");
  EXPECT_EQ((*members)[3].value, "null");
  EXPECT_TRUE(json_members("{}")->empty());
  for (const char* text : {"", "[]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1}x", "{a:1}", "{\"a\":[1}",
                           "{\"a\":\"x}", "{\"a\\u12\":1}"})
    EXPECT_FALSE(json_members(text)) << text;
  EXPECT_FALSE(json_members("{\"a\":1,\"b\":2}", 1));
}

TEST(FieldSelector, SelectsOfWhatChanged) {
  const std::string patch =
      R"({"attributes":{"a":1,"b":{"c":2}},"features":{"f":{"properties":{"x":1,"y":null}},"g":null}})";
  const auto select = [&](std::string_view fields) {
    const auto selector = FieldSelector::parse(fields);
    return selector ? selector->select(patch) : "error: " + selector.error().message;
  };
  EXPECT_EQ(select(""), patch);
  EXPECT_EQ(select("attributes/b"), R"({"attributes":{"b":{"c":2}}})");
  EXPECT_EQ(select("attributes(a,b/c)"), R"({"attributes":{"a":1,"b":{"c":2}}})");
  EXPECT_EQ(select("features/*/properties/y,thingId"), R"({"features":{"f":{"properties":{"y":null}},"g":null}})");
  EXPECT_EQ(select("features(f/properties(x))"), R"({"features":{"f":{"properties":{"x":1}}}})");
  EXPECT_EQ(select("nothing/here"), "{}");
  EXPECT_EQ(select("a(b"), "error: fields: a ( without its )");
  EXPECT_EQ(select("a)b"), "error: fields: a ) without its (");
  EXPECT_FALSE(FieldSelector::parse(std::string(200, '(')));
  std::string many;
  for (int i = 0; i < 70; ++i) many += "a,";
  EXPECT_FALSE(FieldSelector::parse(many));
}

TEST(SearchRequest, TakesOptions) {
  SearchRequest search;
  ASSERT_TRUE(search.take_options("sort(+attributes/a,-thingId, b),size(7),cursor(ab)"));
  EXPECT_EQ(search.size, 7U);
  EXPECT_EQ(search.cursor, "ab");
  ASSERT_EQ(search.sort.size(), 3U);
  EXPECT_TRUE(search.sort[1].descending);
  EXPECT_EQ(search.sort[2].field, "b");
  for (const char* option : {"size", "size(", "size(x)", "size(-1)", "size(1001)", "sort(+)", "limit(1)", ")size(1"})
    EXPECT_FALSE(SearchRequest().take_options(option)) << option;
}

}  // namespace
}  // namespace selvedge::things
