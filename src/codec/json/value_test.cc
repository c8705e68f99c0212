#include "codec/json/value.h"

#include <gtest/gtest.h>

namespace selvedge::codec::json {
namespace {

TEST(Json, AnswersByKeyAndNeverFailsToAnswer) {
  const Value v = parse(R"({"a":{"b":[1,2.5,"x",true,null]},"n":-7})").value();
  EXPECT_EQ(v["n"].integer(), -7);
  EXPECT_EQ(v["n"].number(), -7.0);
  const auto& list = v["a"]["b"].array();
  ASSERT_EQ(list.size(), 5u);
  EXPECT_EQ(list[1].number(), 2.5);
  EXPECT_EQ(list[2].text(), "x");
  EXPECT_TRUE(list[3].boolean());
  EXPECT_TRUE(list[4].is_null());
  EXPECT_TRUE(v["no"]["such"]["thing"].is_null());
  EXPECT_EQ(v["no"].text("otherwise"), "otherwise");
}

TEST(Json, FollowsAPointer) {
  const Value v = parse(R"({"a/b":{"~":[10,{"x":11}]}})").value();
  EXPECT_EQ(v.at_pointer("/a~1b/~0/0").integer(), 10);
  EXPECT_EQ(v.at_pointer("/a~1b/~0/1/x").integer(), 11);
  EXPECT_TRUE(v.at_pointer("/a~1b/~0/7").is_null());
  EXPECT_TRUE(v.at_pointer("x").is_null());
  EXPECT_TRUE(v.at_pointer("").is_object());
}

TEST(Json, RefusesWhatIsNotJson) {
  EXPECT_FALSE(parse(""));
  EXPECT_FALSE(parse("{\"a\":"));
  EXPECT_FALSE(parse("{} trailing"));
  EXPECT_FALSE(parse("[1,2,3]", 3));
  EXPECT_FALSE(parse(std::string(100, '[') + std::string(100, ']')));
}

}  // namespace
}  // namespace selvedge::codec::json
