#include "engine/twin/filter.h"

#include "engine/twin/twin_fixture.h"

namespace selvedge::engine {
namespace {

class TwinFilterTest : public TwinTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(edit(Kind::put, "", R"({"definition":"a:lamp:1","attributes":{"n":5,"s":"Hall 3","o":{"x":1},"z":null,"e":"","u":"übel"},
        "features":{"F":{"properties":{"t":21.5,"on":true}},"G":{"properties":{"t":30}}}})"));
  }
  std::string matches(std::string_view rql) const {
    const auto filter = TwinFilter::parse(rql);
    return !filter ? "bad" : filter->matches("n:d", twin) ? "yes" : "no";
  }
};

TEST_F(TwinFilterTest, Compares) {
  for (const std::string_view yes :
       {"", "eq(attributes/n,5)", "eq(attributes/n,5.0)", "ne(attributes/n,6)", "ne(attributes/none,6)",
        "gt(attributes/n,4)", "ge(attributes/n,5)", "lt(attributes/n,6)", "le(attributes/n,5)",
        R"(eq(attributes/s,"Hall 3"))", "eq(attributes/s,'Hall 3')", "eq(attributes/z,null)",
        "eq(features/F/properties/on,true)", "gt(features/F/properties/t,21)", R"(gt(attributes/s,"Hall 2"))",
        "in(attributes/n,1,5,7)", R"(like(attributes/s,"Hall*"))", R"(like(attributes/s,"H??? 3"))",
        R"(like(attributes/u,"?bel"))", R"(ilike(attributes/s,"hALL*"))", R"(like(attributes/s,"*a*3"))",
        "exists(attributes/n)", "exists(attributes/o)", "exists(features/F)", "exists(attributes)", "exists(features)",
        "empty(attributes/none)", "empty(attributes/z)", "empty(attributes/e)", "not(exists(attributes/none))",
        R"(eq(thingId,"n:d"))", R"(like(thingId,"n:*"))", "eq(_revision,1)", "gt(_modified,1600000000000)",
        R"(gt(_modified,"2023-01-01T00:00:00Z"))", "exists(/attributes/n)", R"(eq(definition,"a:lamp:1"))",
        "eq(features/*/properties/t,30)", "exists(features/*/properties/on)", "not(exists(features/*/desiredProperties/t))",
        "and(eq(attributes/n,5),or(eq(attributes/n,6),not(eq(attributes/n,7))))", " and( eq(attributes/n, 5) , exists(features) ) "})
    EXPECT_EQ(matches(yes), "yes") << yes;
  for (const std::string_view no :
       {"eq(attributes/n,6)", "eq(attributes/n,\"5\")", "ne(attributes/n,5)", "gt(attributes/s,1)", "gt(attributes/none,1)",
        "lt(attributes/none,1)", "in(attributes/n,1,2)", "like(attributes/n,\"5\")", R"(like(attributes/s,"hall*"))",
        R"(like(attributes/s,"Hall"))", "exists(attributes/none)", "exists(attributes/o/y)", "empty(attributes/o)",
        "empty(attributes/n)", "eq(features/*/properties/t,31)", "eq(_revision,2)", "and(exists(features),eq(attributes/n,6))",
        "or(eq(attributes/n,6),eq(attributes/n,7))", "not(exists(features))"})
    EXPECT_EQ(matches(no), "no") << no;
}

TEST_F(TwinFilterTest, SaysWhereItStopsMakingSense) {
  for (const std::string_view bad :
       {"eq", "eq(", "eq()", "eq(attributes/n)", "eq(attributes/n,)", "eq(attributes/n,5", "eq(attributes/n,5))",
        "xx(attributes/n,5)", "eq(attributes/n,5) eq(attributes/n,5)", "eq(attributes/n,5,6)", "eq(nonsense,5)",
        "eq(attributes/n,five)", "eq(attributes/n,[1])", R"(eq(attributes/n,"x))", "and()", "not(exists(attributes/n),exists(attributes/n))",
        "like(attributes/n,5)", "eq(features,1)", "in(attributes/n)", "exists()", "eq(attributes/~2,1)"})
    EXPECT_EQ(matches(bad), "bad") << bad;
  EXPECT_EQ(TwinFilter::parse("eq(attributes/n,five)").error().message,
            "RQL at byte 16: expected a number, true, false, null or a text in quotes");
}

TEST_F(TwinFilterTest, IsBounded) {
  std::string deep = "exists(attributes/n)";
  for (int i = 0; i < 15; ++i) deep = "not(" + deep + ")";
  EXPECT_EQ(matches(deep), "no");
  EXPECT_EQ(matches("not(" + deep + ")"), "bad");
  std::string wide = "or(exists(attributes)";
  for (int i = 0; i < 300; ++i) wide += ",exists(features)";
  EXPECT_EQ(matches(wide + ")"), "bad");
  EXPECT_EQ(matches("eq(attributes/n,\"" + std::string(5000, 'x') + "\")"), "bad");
  EXPECT_FALSE(twin::like(std::string(2000, '*') + "b", std::string(20'000, 'a'), false));
}

TEST_F(TwinFilterTest, TellsWhatMustBeEqual) {
  const auto filter = TwinFilter::parse(
      "and(exists(features),or(eq(attributes/no,1),eq(attributes/no,2)),eq(attributes/a,1),and(eq(features/F/properties/p,true)),not(eq(attributes/no,3)))");
  ASSERT_TRUE(filter);
  const auto required = filter->required();
  ASSERT_EQ(required.size(), 2u);
  EXPECT_EQ(required[0].path, "/a");
  EXPECT_EQ(required[0].value, "1");
  EXPECT_EQ(required[1].part, model::TwinPart::reported);
  EXPECT_EQ(required[1].path, "/F/p");
  EXPECT_TRUE(TwinFilter::parse("or(eq(attributes/a,1))")->required().empty());
  EXPECT_EQ(TwinFilter::parse("eq(attributes/a,1)")->required().size(), 1u);
}

}  // namespace
}  // namespace selvedge::engine
