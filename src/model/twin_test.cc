#include "model/twin.h"

#include <gtest/gtest.h>

namespace selvedge::model {
namespace {

TEST(TwinId, IsANodeAndADevice) {
  EXPECT_TRUE(is_twin_id("plant-1:pump.7"));
  EXPECT_TRUE(is_twin_id("plant-1:_node"));
  EXPECT_TRUE(is_twin_id(std::string(64, 'n') + ":" + std::string(64, 'd')));
  for (const std::string bad : {"", ":", "a", "a:", ":b", "a:b:c", "a:../b", "a:b/c", "-a:b", "a:.b",
                                "a b:c", "a:b\n", "\xc3\xa4:b"})
    EXPECT_FALSE(is_twin_id(bad)) << bad;
  EXPECT_FALSE(is_twin_id(std::string(65, 'n') + ":d"));
}

TEST(TwinId, IsPutTogetherAndTakenApart) {
  EXPECT_EQ(twin_id("plant-1", "pump"), "plant-1:pump");
  EXPECT_EQ(twin_node("plant-1:pump"), "plant-1");
  EXPECT_EQ(twin_device("plant-1:pump"), "pump");
  EXPECT_EQ(twin_device("plant-1"), "");
}

TEST(Stamp, OrdersByTimeAndThenByOrigin) {
  EXPECT_LT((Stamp{1, 9}), (Stamp{2, 0}));
  EXPECT_LT((Stamp{1, 1}), (Stamp{1, 2}));
  EXPECT_EQ(milliseconds(Stamp{5ULL << 16 | 7, 1}), 5);
}

}  // namespace
}  // namespace selvedge::model
