// Ranks, masks, matching, and the way back from the model's view to the picture.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "engine/vision/mask.h"
#include "engine/vision/match.h"
#include "engine/vision/placement.h"
#include "engine/vision/rank.h"

namespace selvedge::engine {
namespace {

const float nan_value = std::numeric_limits<float>::quiet_NaN();

TEST(Rank, GivesTheBestFirst) {
  const std::vector<float> scores{0.1F, 0.7F, nan_value, 0.7F, 0.2F, 0.05F};
  const auto best = rank({.most = 4, .threshold = 0.1F}, scores, {"a", "b", "c", "d"});
  ASSERT_EQ(best.size(), 4U);
  EXPECT_EQ(best[0].name, "b");
  EXPECT_EQ(best[1].name, "d");                    // equal: in the order of the model
  EXPECT_EQ(best[2].label, 4);
  EXPECT_EQ(best[2].name, "");
}

TEST(Rank, SoftmaxMakesSharesOfAnyNumbers) {
  const auto best = rank({.activation = Activation::softmax, .most = 9}, std::vector<float>{1000, 1000 + std::log(3.0F)}, {});
  ASSERT_EQ(best.size(), 2U);
  EXPECT_NEAR(best[0].score, 0.75, 1e-4);
  EXPECT_NEAR(best[1].score, 0.25, 1e-4);
  std::vector<float> broken{1, std::numeric_limits<float>::infinity()};
  activate(Activation::softmax, broken);
  EXPECT_EQ(broken, (std::vector<float>{0, 0}));
}

TEST(Rank, SigmoidIsOfEachAlone) {
  std::vector<float> values{0, -1000, 1000};
  activate(Activation::sigmoid, values);
  EXPECT_EQ(values, (std::vector<float>{0.5F, 0, 1}));
}

TEST(Mask, OneChannelIsHeldAgainstTheThreshold) {
  const Mask mask = read_mask({.threshold = 0.5F}, std::vector<float>{0.4F, 0.5F, nan_value, 1}, {2, 2}).value();
  EXPECT_EQ(mask.labels, (std::vector<std::uint8_t>{0, 1, 0, 1}));
}

TEST(Mask, OfSeveralChannelsTheGreatestCounts) {
  const std::vector<float> rows{1, 2, 3, 3, 2, 1}, planes{1, 3, 2, 2, 3, 1};
  EXPECT_EQ(read_mask({}, rows, {2, 1, 3}).value().labels, (std::vector<std::uint8_t>{2, 0}));
  EXPECT_EQ(read_mask({}, planes, {2, 1, 3, InputRule::Layout::planes}).value().labels, (std::vector<std::uint8_t>{2, 0}));
}

TEST(Mask, AChannelThatIsNoNumberHidesNoOther) {
  const std::vector<float> values{nan_value, 1, 2, 3, nan_value, 4, nan_value, nan_value, nan_value};
  EXPECT_EQ(read_mask({}, values, {3, 1, 3}).value().labels, (std::vector<std::uint8_t>{2, 2, 0}));
}

TEST(Mask, RefusesWhatDoesNotFit) {
  const std::vector<float> five(5);
  for (const Grid& grid : {Grid{2, 2}, Grid{-1, -5}, Grid{1, 1, 0}, Grid{0, 0}, Grid{1 << 20, 1 << 20, 300}})
    EXPECT_FALSE(read_mask({}, five, grid));
  EXPECT_FALSE(read_labels(five, 2, 2));
}

TEST(Mask, LabelsAreTakenAsTheyAre) {
  EXPECT_EQ(read_labels(std::vector<float>{3, 255, 256, -1, nan_value, 7.9F}, 3, 2).value().labels,
            (std::vector<std::uint8_t>{3, 255, 0, 0, 0, 7}));
}

TEST(Mask, ChangesSizeByTheNearestCell) {
  const Mask mask{2, 1, {1, 2}};
  EXPECT_EQ(resize(mask, 4, 2).labels, (std::vector<std::uint8_t>{1, 1, 2, 2, 1, 1, 2, 2}));
  EXPECT_EQ(resize(mask, 1, 1).labels, (std::vector<std::uint8_t>{2}));
  EXPECT_TRUE(resize(mask, 0, 5).labels.empty());
  EXPECT_EQ(shares_of(resize(mask, 4, 4)), (std::vector<float>{0, 0.5F, 0.5F}));
  EXPECT_TRUE(shares_of({}).empty());
}

Detection at(float left, int label = 1, float score = 0.5F) { return {label, "", score, {0, left, 1, left + 1}}; }

TEST(Match, PairsWhatOverlapsMost) {
  const std::vector<Detection> reference{at(0, 1, 0.9F), at(0.2F)}, other{at(0.15F), at(0.01F, 1, 0.7F), at(5)};
  const Matching matching = match(reference, other);
  ASSERT_EQ(matching.matched.size(), 2U);
  EXPECT_EQ(matching.matched[0].other, 1U);
  EXPECT_NEAR(matching.matched[0].overlap, 0.99 / 1.01, 1e-5);
  EXPECT_NEAR(matching.matched[0].score_difference, -0.2, 1e-6);
  EXPECT_EQ(matching.matched[1].other, 0U);
  EXPECT_TRUE(matching.missing.empty());
  EXPECT_EQ(matching.extra, (std::vector<std::size_t>{2}));
}

TEST(Match, LabelsAndOverlapMustFit) {
  const std::vector<Detection> reference{at(0, 1), at(3, 2)}, other{at(0, 2), at(3.6F, 2)};
  const Matching matching = match(reference, other, 0.5F);
  EXPECT_TRUE(matching.matched.empty());
  EXPECT_EQ(matching.missing.size(), 2U);
  EXPECT_EQ(matching.extra.size(), 2U);
  EXPECT_EQ(match(reference, other, 0.2F).matched.size(), 1U);
  EXPECT_TRUE(match({}, {}).matched.empty());
}

TEST(Match, OnePartnerEach) {
  const std::vector<Detection> one{at(0)}, three{at(0), at(0), at(0)};
  EXPECT_EQ(match(one, three).extra.size(), 2U);
  EXPECT_EQ(match(three, one).missing.size(), 2U);
}

TEST(Placement, BoxesGoBackToThePicture) {
  const Box box = to_picture({0.25F, 0.25F, 0.75F, 0.75F}, {0.5F, 0, 1, 0.5F});
  EXPECT_EQ(box, (Box{0.625F, 0.125F, 0.875F, 0.375F}));
  // A letterbox sees more than there is.
  const Box held = to_picture({0, 0, 1, 1}, {-0.5F, 0, 1.5F, 1});
  EXPECT_EQ(held, (Box{0, 0, 1, 1}));
}

TEST(Placement, AMaskOfALetterboxIsCutToThePicture) {
  const Mask mask{2, 4, {9, 9, 1, 2, 3, 4, 9, 9}};
  const Mask cut = to_region(mask, {-0.5F, 0, 1.5F, 1}, {});
  EXPECT_EQ(cut.width, 2);
  EXPECT_EQ(cut.height, 2);
  EXPECT_EQ(cut.labels, (std::vector<std::uint8_t>{1, 2, 3, 4}));
}

TEST(Placement, AMaskOfACropLeavesTheRestFree) {
  const Mask cut = to_region({2, 1, {5, 6}}, {0, 0.25F, 1, 0.75F}, {});
  EXPECT_EQ(cut.width, 4);
  EXPECT_EQ(cut.labels, (std::vector<std::uint8_t>{0, 5, 6, 0}));
}

}  // namespace
}  // namespace selvedge::engine
