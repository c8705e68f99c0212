// RFC 7396, appendix A, as the RFC states it, at a place in the attributes; and what is refused.

#include "engine/twin/twin_fixture.h"

namespace selvedge::engine {
namespace {

class TwinMergePatch : public TwinTest {};

struct Case {
  std::string_view target, patch, result;
};

// A patch of null leaves null in the RFC; at a place in a twin it removes what is there.
constexpr Case cases[] = {
    {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
    {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
    {R"({"a":"b"})", R"({"a":null})", R"({})"},
    {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
    {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
    {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
    {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
    {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
    {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
    {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
    {R"({"a":"foo"})", "null", "not_found"},
    {R"({"a":"foo"})", R"("bar")", R"("bar")"},
    {R"({"e":null})", R"({"a":1})", R"({"a":1,"e":null})"},
    {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
    {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
    // And a few of our own.
    {R"({"a":{"b":1,"c":2}})", R"({"a":{}})", R"({"a":{"b":1,"c":2}})"},
    {R"({"a":5})", R"({"a":{}})", R"({"a":{}})"},
    {R"({"a":5})", R"({"a":{"b":null}})", R"({"a":{}})"},
    {R"({"a":{"b":{"c":1}}})", R"({"a":{"b":null}})", R"({"a":{}})"},
    {R"({"a":{"b":1}})", R"({"a":7})", R"({"a":7})"},
    {R"({"a":1})", R"({"b":{"c":{"d":2}}})", R"({"a":1,"b":{"c":{"d":2}}})"},
    {R"({"a/b":1,"m~n":2})", R"({"a/b":null,"m~n":3})", R"({"m~n":3})"},
    {R"({"":1})", R"({"":2})", R"({"":2})"},
    {R"("x")", R"({})", R"({})"},
};

TEST_F(TwinMergePatch, DoesWhatTheRfcShows) {
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.target) + " with " + std::string(c.patch));
    twin = Twin();
    ASSERT_TRUE(edit(Kind::put, "/attributes/x", c.target));
    ASSERT_EQ(at("/attributes/x"), c.target);
    ASSERT_TRUE(edit(Kind::merge, "/attributes/x", c.patch));
    EXPECT_EQ(at("/attributes/x"), c.result);
  }
}

TEST_F(TwinMergePatch, ReachesEveryLevelOfTheDocument) {
  EXPECT_EQ(merge("", R"({"attributes":{"a":1},"features":{"F":{"properties":{"p":2},"desiredProperties":{"p":3},"definition":["x:y:1"]}}})"),
            R"({"attributes":{"a":1},"features":{"F":{"definition":["x:y:1"],"properties":{"p":2},"desiredProperties":{"p":3}}}})");
  EXPECT_EQ(merge("/features", R"({"F":{"properties":null},"G":{}})"),
            R"({"features":{"F":{"properties":null},"G":{}}})");
  EXPECT_EQ(merge("/features/F", R"({"desiredProperties":{"p":null}})"),
            R"({"features":{"F":{"desiredProperties":{"p":null}}}})");
  EXPECT_EQ(at("/features"), R"({"F":{"definition":["x:y:1"],"desiredProperties":{}},"G":{}})");
  EXPECT_EQ(merge("/features", R"({"F":null})"), R"({"features":{"F":null}})");
  EXPECT_EQ(merge("", R"({"features":null,"attributes":null})"), R"({"attributes":null,"features":null})");
  EXPECT_EQ(at(""), R"({"thingId":"n:d"})");
}

TEST_F(TwinMergePatch, OfTheSameIsNoChange) {
  ASSERT_TRUE(edit(Kind::merge, "", R"({"attributes":{"a":1,"b":"\u0041","l":[1, 2]}})"));
  const std::uint64_t revision = twin.revision();
  EXPECT_EQ(merge("", R"({ "attributes" : { "b":"A", "a":1.0, "l":[1,2] } })"), "same");
  EXPECT_EQ(merge("/attributes", R"({"nothing":null})"), "same");
  EXPECT_EQ(twin.revision(), revision);
}

TEST_F(TwinMergePatch, RefusesWholeWhatItCannotTake) {
  ASSERT_TRUE(edit(Kind::put, "", R"({"attributes":{"a":1}})"));
  const std::string before = at("");
  for (const std::string_view bad : {"", "{", R"({"attributes":{"a":2})", "[]", "null", "1", R"({"attributes":1})",
                                     R"({"nonsense":1})", R"({"features":{"F":{"nonsense":{}}}})",
                                     R"({"features":{"F":7}})", R"({"features":{"F":{"properties":[]}}})",
                                     R"({"attributes":{"a":2,}})", R"({"attributes":{"a":01}})",
                                     R"({"attributes":{"a":2}} x)", R"({"attributes":{"a":"\ud800"}})",
                                     "{\"attributes\":{\"a\":\"\xff\"}}", "{\"attributes\":{\"a\x01\":1}}",
                                     R"({"attributes":{"a":2,"b":{"c":1},"b":5}})", R"({"attributes":{"a":2,"a":3}})",
                                     R"({"definition":{}})"})
    EXPECT_EQ(merge("", bad), "invalid_input") << bad;
  EXPECT_EQ(at(""), before);
}

TEST_F(TwinMergePatch, KeepsWithinItsLimits) {
  limits.depth = 3;
  limits.name_bytes = 17;        // as long as desiredProperties
  limits.value_bytes = 16;
  limits.leaves = 4;
  limits.document_bytes = 200;
  EXPECT_EQ(put("/attributes/a/b/c", "1"), R"({"attributes":{"a":{"b":{"c":1}}}})");
  EXPECT_EQ(put("/attributes/a/b/c/d", "1"), "invalid_input");
  EXPECT_EQ(merge("", R"({"attributes":{"a":{"b":{"c":{"d":1}}}}})"), "invalid_input");
  EXPECT_EQ(put("/features/F/properties/a/b/c", "1"), R"({"features":{"F":{"properties":{"a":{"b":{"c":1}}}}}})");
  EXPECT_EQ(put("/attributes/eighteen-bytes-long", "1"), "invalid_input");
  EXPECT_EQ(merge("/attributes", R"({"eighteen-bytes-long":1})"), "invalid_input");
  EXPECT_EQ(put("/attributes/v", R"("0123456789abcdef")"), "exhausted");
  EXPECT_EQ(merge("/attributes", R"({"f":1,"g":2,"h":3})"), "exhausted");
  EXPECT_EQ(merge("/attributes", R"({"f":1,"g":2})"), R"({"attributes":{"f":1,"g":2}})");
  EXPECT_EQ(put("/attributes/a/b/c", R"("01234567")"), R"({"attributes":{"a":{"b":{"c":"01234567"}}}})");
  // Removing always goes, for a tombstone is smaller than what it removes.
  EXPECT_EQ(remove("/attributes/g"), R"({"attributes":{"g":null}})");
  EXPECT_EQ(put("/attributes/i", "1"), "exhausted");
  EXPECT_EQ(remove("/attributes"), R"({"attributes":null})");
  EXPECT_EQ(put("/attributes/i", "1"), R"({"attributes":{"i":1}})");
}

}  // namespace
}  // namespace selvedge::engine
