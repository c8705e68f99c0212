// RFC 6902, appendix A, in our own table, at a place in the attributes; arrays; and what is refused.

#include "engine/twin/twin_fixture.h"

namespace selvedge::engine {
namespace {

class TwinPatch : public TwinTest {};

struct Case {
  std::string_view target, patch, result;   // the error's code, if it fails
};

// In the order of the RFC: A.1 to A.16. Objects print in order of their names.
constexpr Case cases[] = {
    {R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux"}])", R"({"baz":"qux","foo":"bar"})"},
    {R"({"foo":["bar","baz"]})", R"([{"op":"add","path":"/foo/1","value":"qux"}])", R"({"foo":["bar","qux","baz"]})"},
    {R"({"baz":"qux","foo":"bar"})", R"([{"op":"remove","path":"/baz"}])", R"({"foo":"bar"})"},
    {R"({"foo":["bar","qux","baz"]})", R"([{"op":"remove","path":"/foo/1"}])", R"({"foo":["bar","baz"]})"},
    {R"({"baz":"qux","foo":"bar"})", R"([{"op":"replace","path":"/baz","value":"boo"}])", R"({"baz":"boo","foo":"bar"})"},
    {R"({"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}})",
     R"([{"op":"move","from":"/foo/waldo","path":"/qux/thud"}])",
     R"({"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}})"},
    {R"({"foo":["all","grass","cows","eat"]})", R"([{"op":"move","from":"/foo/1","path":"/foo/3"}])",
     R"({"foo":["all","cows","eat","grass"]})"},
    {R"({"baz":"qux","foo":["a",2,"c"]})",
     R"([{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}])",
     R"({"baz":"qux","foo":["a",2,"c"]})"},
    {R"({"baz":"qux"})", R"([{"op":"test","path":"/baz","value":"bar"}])", "conflict"},
    {R"({"foo":"bar"})", R"([{"op":"add","path":"/child","value":{"grandchild":{}}}])",
     R"({"child":{"grandchild":{}},"foo":"bar"})"},
    {R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux","xyz":123}])", R"({"baz":"qux","foo":"bar"})"},
    {R"({"foo":"bar"})", R"([{"op":"add","path":"/baz/bat","value":"qux"}])", "not_found"},
    {R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux","op":"remove"}])", "not_found"},
    {R"({"~1":10,"/":9})", R"([{"op":"test","path":"/~01","value":10}])", R"({"~1":10,"/":9})"},
    {R"({"~1":10,"/":9})", R"([{"op":"test","path":"/~01","value":"10"}])", "conflict"},
    {R"({"foo":["bar"]})", R"([{"op":"add","path":"/foo/-","value":["abc","def"]}])", R"({"foo":["bar",["abc","def"]]})"},
    // Our own: whole values, nothing, arrays.
    {R"({"a":1})", R"([{"op":"replace","path":"","value":{"b":2}}])", R"({"b":2})"},
    {R"({"a":1})", R"([{"op":"add","path":"","value":5}])", "5"},
    {R"({"a":1})", "[]", R"({"a":1})"},
    {R"({"a":1})", R"([{"op":"copy","from":"/a","path":"/b"}])", R"({"a":1,"b":1})"},
    {R"({"a":{"b":1}})", R"([{"op":"copy","from":"/a","path":"/a/c"}])", R"({"a":{"b":1,"c":{"b":1}}})"},
    {R"({"a":{"b":1}})", R"([{"op":"move","from":"/a/b","path":"/a"}])", R"({"a":1})"},
    {R"({"a":1})", R"([{"op":"move","from":"/a","path":"/a"}])", R"({"a":1})"},
    {R"({"a":1})", R"([{"op":"remove","path":"/a"},{"op":"add","path":"/a","value":{"x":1}},{"op":"replace","path":"/a","value":2}])",
     R"({"a":2})"},
    {R"({"a":{"x":1}})", R"([{"op":"add","path":"/a/y","value":2},{"op":"replace","path":"/a","value":3},{"op":"remove","path":"/a"}])",
     R"({})"},
    {R"({"a":[1,2]})", R"([{"op":"add","path":"/a/2","value":3}])", R"({"a":[1,2,3]})"},
    {R"({"a":[]})", R"([{"op":"add","path":"/a/0","value":{"b":[]}},{"op":"add","path":"/a/0/b/-","value":1}])",
     R"({"a":[{"b":[1]}]})"},
    {R"({"a":[{"b":1,"c":2}]})", R"([{"op":"remove","path":"/a/0/b"},{"op":"replace","path":"/a/0/c","value":3}])",
     R"({"a":[{"c":3}]})"},
    {R"({"a":[1,2,3]})", R"([{"op":"remove","path":"/a/0"},{"op":"remove","path":"/a/1"}])", R"({"a":[2]})"},
    {R"({"a":[1]})", R"([{"op":"remove","path":"/a/0"}])", R"({"a":[]})"},
    {R"({"a":1})", R"([{"op":"test","path":"/a","value":1.0}])", R"({"a":1})"},
    {R"({"a":{"x":1,"y":[{"p":1,"q":2}]}})", R"([{"op":"test","path":"/a","value":{"y":[{"q":2,"p":1}],"x":1}}])",
     R"({"a":{"x":1,"y":[{"p":1,"q":2}]}})"},
    {R"({"a":null})", R"([{"op":"test","path":"/a","value":null}])", R"({"a":null})"},
    // Errors.
    {R"({"a":1})", R"([{"op":"remove","path":"/b"}])", "not_found"},
    {R"({"a":1})", R"([{"op":"replace","path":"/b","value":1}])", "not_found"},
    {R"({"a":1})", R"([{"op":"test","path":"/b","value":1}])", "not_found"},
    {R"({"a":1})", R"([{"op":"copy","from":"/b","path":"/c"}])", "not_found"},
    {R"({"a":1})", R"([{"op":"move","from":"/b","path":"/c"}])", "not_found"},
    {R"({"a":{"b":1}})", R"([{"op":"move","from":"/a","path":"/a/b"}])", "invalid_input"},
    {R"({"a":[1,2]})", R"([{"op":"add","path":"/a/3","value":1}])", "not_found"},
    {R"({"a":[1,2]})", R"([{"op":"replace","path":"/a/-","value":1}])", "invalid_input"},
    {R"({"a":[1,2]})", R"([{"op":"remove","path":"/a/2"}])", "not_found"},
    {R"({"a":[1,2]})", R"([{"op":"add","path":"/a/01","value":1}])", "invalid_input"},
    {R"({"a":[1,2]})", R"([{"op":"add","path":"/a/x","value":1}])", "invalid_input"},
    {R"({"a":[1,2]})", R"([{"op":"add","path":"/a/-1","value":1}])", "invalid_input"},
    {R"({"a":[1,2]})", R"([{"op":"add","path":"/a/99999999999999999999","value":1}])", "invalid_input"},
    {R"({"a":1})", R"([{"op":"spam","path":"/a"}])", "invalid_input"},
    {R"({"a":1})", R"([{"op":"add","path":"/b"}])", "invalid_input"},
    {R"({"a":1})", R"([{"op":"add","value":1}])", "invalid_input"},
    {R"({"a":1})", R"([{"path":"/b","value":1}])", "invalid_input"},
    {R"({"a":1})", R"([{"op":"copy","path":"/b"}])", "invalid_input"},
    {R"({"a":1})", R"([{"op":"add","path":"b","value":1}])", "invalid_input"},
    {R"({"a":1})", R"([{"op":"add","path":"/~2","value":1}])", "invalid_input"},
    {R"({"a":1})", R"([{"op":"add","path":"/~","value":1}])", "invalid_input"},
    {R"({"a":1})", R"([{"op":1,"path":"/b","value":1}])", "invalid_input"},
    {R"({"a":1})", R"({"op":"add","path":"/b","value":1})", "invalid_input"},
    {R"({"a":1})", R"([1])", "invalid_input"},
    {R"({"a":1})", R"([{"op":"add","path":"/b","value":1},])", "invalid_input"},
    {R"({"a":1})", R"([{"op":"add","path":"/b","value":1}] )" "x", "invalid_input"},
};

TEST_F(TwinPatch, DoesWhatTheRfcShows) {
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.target) + " with " + std::string(c.patch));
    twin = Twin();
    ASSERT_TRUE(edit(Kind::put, "/attributes/x", c.target));
    const std::uint64_t revision = twin.revision();
    const auto change = edit(Kind::patch, "/attributes/x", c.patch);
    if (change) {
      EXPECT_EQ(at("/attributes/x"), c.result);
    } else {
      EXPECT_EQ(base::name(change.error().code), c.result) << change.error().message;
      EXPECT_EQ(at("/attributes/x"), c.target);
      EXPECT_EQ(twin.revision(), revision);
    }
  }
}

TEST_F(TwinPatch, IsTakenBackWholeWhenALaterOperationFails) {
  ASSERT_TRUE(edit(Kind::put, "/attributes", R"({"a":1,"l":[1]})"));
  const auto change = edit(Kind::patch, "", R"([{"op":"replace","path":"/attributes/a","value":2},
      {"op":"add","path":"/attributes/l/-","value":2},{"op":"test","path":"/attributes/a","value":3}])");
  ASSERT_FALSE(change);
  EXPECT_EQ(change.error().message, "operation 2 (test /attributes/a): it is 2");
  EXPECT_EQ(at("/attributes"), R"({"a":1,"l":[1]})");
}

TEST_F(TwinPatch, MovesBetweenTheLevelsOfTheDocument) {
  ASSERT_TRUE(edit(Kind::put, "/features/F", R"({"properties":{"p":1}})"));
  EXPECT_EQ(patch("", R"([{"op":"move","from":"/features/F","path":"/features/G"},
                          {"op":"copy","from":"/features/G/properties","path":"/features/G/desiredProperties"}])"),
            R"({"features":{"F":null,"G":{"properties":{"p":1},"desiredProperties":{"p":1}}}})");
  EXPECT_EQ(patch("/features/G", R"([{"op":"remove","path":"/properties"}])"),
            R"({"features":{"G":{"properties":null}}})");
  EXPECT_EQ(patch("", R"([{"op":"add","path":"/features/G/properties","value":5}])"), "invalid_input");
  EXPECT_EQ(patch("", R"([{"op":"replace","path":"/thingId","value":"n:e"}])"), "invalid_input");
}

TEST_F(TwinPatch, IsBounded) {
  ASSERT_TRUE(edit(Kind::put, "/attributes", "{}"));
  std::string many = "[";
  for (int i = 0; i < 1100; ++i)
    many += std::string(i ? "," : "") + R"({"op":"add","path":"/attributes/a","value":1})";
  EXPECT_EQ(patch("", many + "]"), "exhausted");
}

}  // namespace
}  // namespace selvedge::engine
