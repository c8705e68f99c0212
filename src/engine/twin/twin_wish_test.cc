// Wishes and what becomes of them.

#include "engine/twin/twin_fixture.h"

namespace selvedge::engine {
namespace {

class TwinWish : public TwinTest {};

TEST_F(TwinWish, StandsUntilTheDeviceReportsIt) {
  EXPECT_FALSE(twin.has_delta());
  ASSERT_TRUE(edit(Kind::put, "/features/lamp/desiredProperties/on", "true"));
  EXPECT_EQ(twin.delta(), R"({"lamp":{"on":true}})");
  EXPECT_EQ(twin.delta("lamp"), R"({"on":true})");
  EXPECT_EQ(twin.delta("other"), "{}");
  EXPECT_TRUE(twin.has_delta());
  ASSERT_TRUE(edit(Kind::put, "/features/lamp/properties/on", "true"));
  EXPECT_EQ(twin.delta(), "{}");
  EXPECT_FALSE(twin.has_delta());
}

TEST_F(TwinWish, IsSupersededByALaterChangeOfTheDevice) {
  ASSERT_TRUE(edit(Kind::put, "/features/lamp/properties/on", "false"));
  ASSERT_TRUE(edit(Kind::put, "/features/lamp/desiredProperties/on", "true"));
  EXPECT_EQ(twin.delta(), R"({"lamp":{"on":true}})");
  // Saying the same again supersedes nothing.
  EXPECT_EQ(put("/features/lamp/properties/on", "false"), "same");
  EXPECT_EQ(twin.delta(), R"({"lamp":{"on":true}})");
  ASSERT_TRUE(edit(Kind::put, "/features/lamp/properties/on", R"("broken")"));
  EXPECT_EQ(twin.delta(), "{}");
  EXPECT_EQ(at("/features/lamp/desiredProperties/on"), "true");
  // The same wish, made again, is a new one.
  EXPECT_EQ(put("/features/lamp/desiredProperties/on", "true"), R"({"features":{"lamp":{"desiredProperties":{"on":true}}}})");
  EXPECT_EQ(twin.delta(), R"({"lamp":{"on":true}})");
  EXPECT_EQ(put("/features/lamp/desiredProperties/on", "true"), "same");
}

TEST_F(TwinWish, IsRevivedInWholeDocumentsToo) {
  ASSERT_TRUE(edit(Kind::put, "/features/F/desiredProperties", R"({"a":1,"b":{"c":2}})"));
  ASSERT_TRUE(edit(Kind::put, "/features/F/properties", R"({"a":5,"b":{"c":2}})"));
  EXPECT_EQ(twin.delta(), "{}");
  EXPECT_EQ(merge("/features/F", R"({"desiredProperties":{"a":1,"b":{"c":2}},"properties":{"new":1}})"),
            R"({"features":{"F":{"properties":{"new":1},"desiredProperties":{"a":1}}}})");
  EXPECT_EQ(twin.delta(), R"({"F":{"a":1}})");
}

TEST_F(TwinWish, ComparesAsJsonNotAsText) {
  ASSERT_TRUE(edit(Kind::put, "/features/F/properties/t", "21"));
  ASSERT_TRUE(edit(Kind::put, "/features/F/desiredProperties/t", "21.0"));
  EXPECT_FALSE(twin.has_delta());
}

TEST_F(TwinWish, IsSupersededAlsoByWhatLiesAboveOrBeneath) {
  ASSERT_TRUE(edit(Kind::put, "/features/F/desiredProperties/a/b", "1"));
  ASSERT_TRUE(edit(Kind::put, "/features/F/properties/a", "7"));
  EXPECT_EQ(twin.delta(), "{}");
  ASSERT_TRUE(edit(Kind::put, "/features/F/desiredProperties/x", "1"));
  ASSERT_TRUE(edit(Kind::put, "/features/F/properties/x/y", "7"));
  EXPECT_EQ(twin.delta(), "{}");
}

TEST_F(TwinWish, IsToldAgainToADeviceThatForgotWhatItReported) {
  ASSERT_TRUE(edit(Kind::put, "/features/F/desiredProperties/a", "1"));
  ASSERT_TRUE(edit(Kind::put, "/features/F/properties/a", "1"));
  EXPECT_EQ(twin.delta(), "{}");
  ASSERT_TRUE(edit(Kind::remove, "/features/F/properties", {}));
  EXPECT_EQ(twin.delta(), R"({"F":{"a":1}})");
}

TEST_F(TwinWish, ThatIsRemovedIsNone) {
  ASSERT_TRUE(edit(Kind::put, "/features/F/desiredProperties", R"({"a":1,"o":{}})"));
  EXPECT_EQ(twin.delta(), R"({"F":{"a":1}})");
  ASSERT_TRUE(edit(Kind::remove, "/features/F/desiredProperties/a", {}));
  EXPECT_EQ(twin.delta(), "{}");
}

TEST_F(TwinWish, OfAnOfflineOperatorLosesAgainstALaterReport) {
  // The operator wished at 1000; the device changed the value at 2000, knowing nothing of it.
  Twin cloud, node;
  ASSERT_TRUE(cloud.edit({Kind::put, "/features/F/desiredProperties/t", "20"}, {1000, 1}, limits));
  ASSERT_TRUE(node.edit({Kind::put, "/features/F/properties/t", "25"}, {2000, 2}, limits));
  cloud.join(leaves(node), limits);
  node.join(leaves(cloud), limits);
  EXPECT_EQ(cloud.delta(), "{}");
  EXPECT_EQ(node.delta(), "{}");
  // Wished after the report it stands on both sides.
  ASSERT_TRUE(cloud.edit({Kind::put, "/features/F/desiredProperties/t", "21"}, {1500, 1}, limits));
  node.join(leaves(cloud), limits);
  EXPECT_EQ(node.delta(), R"({"F":{"t":21}})");
  EXPECT_EQ(cloud.delta(), node.delta());
}

}  // namespace
}  // namespace selvedge::engine
