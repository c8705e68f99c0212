#include "engine/vision/boxes.h"

#include <climits>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "engine/vision/detections.h"
#include "engine/vision/suppress.h"

namespace selvedge::engine {
namespace {

AnchorRule oid_rule() {
  return {.strides = {16, 32, 64, 128, 256, 512}, .min_scale = 0.2F, .max_scale = 0.95F,
          .aspect_ratios = {1, 2, 0.5F, 3, 0.3333F}, .reduce_lowest = true};
}

TEST(Anchors, OfTheSsdAreThoseOfTheRule) {
  const std::vector<Anchor> anchors = make_anchors(oid_rule(), 300, 300).value();
  ASSERT_EQ(anchors.size(), 1917U);
  // The first cell of 19 x 19: a square of 0.1, then 0.2 with ratio 2 and 0.5.
  EXPECT_FLOAT_EQ(anchors[0].y, 0.5F / 19);
  EXPECT_FLOAT_EQ(anchors[0].x, 0.5F / 19);
  EXPECT_FLOAT_EQ(anchors[0].height, 0.1F);
  EXPECT_FLOAT_EQ(anchors[1].width, 0.2F * std::sqrt(2.0F));
  EXPECT_FLOAT_EQ(anchors[1].height, 0.2F / std::sqrt(2.0F));
  EXPECT_FLOAT_EQ(anchors[2].height, 0.2F * std::sqrt(2.0F));
  EXPECT_FLOAT_EQ(anchors[3].x, 1.5F / 19);
  // The second grid begins with scale 0.35; its sixth is the square between 0.35 and 0.5.
  EXPECT_FLOAT_EQ(anchors[1083].width, 0.35F);
  EXPECT_FLOAT_EQ(anchors[1083].y, 0.05F);
  EXPECT_FLOAT_EQ(anchors[1088].width, std::sqrt(0.35F * 0.5F));
  // The last: the square between 0.95 and 1.
  EXPECT_FLOAT_EQ(anchors[1916].height, std::sqrt(0.95F));
  EXPECT_FLOAT_EQ(anchors[1916].y, 0.5F);
}

// BlazeFace, short range: 16 x 16 cells with two anchors, 8 x 8 with six; all of side 1.
TEST(Anchors, LayersOfOneStrideShareAGrid) {
  const AnchorRule rule{.strides = {8, 16, 16, 16}, .min_scale = 0.1484375F, .max_scale = 0.75F,
                        .aspect_ratios = {1}, .fixed_size = true};
  const std::vector<Anchor> anchors = make_anchors(rule, 128, 128).value();
  ASSERT_EQ(anchors.size(), 896U);
  EXPECT_FLOAT_EQ(anchors[1].x, 0.03125F);
  EXPECT_FLOAT_EQ(anchors[2].x, 0.09375F);
  EXPECT_FLOAT_EQ(anchors[512 + 5].x, 0.0625F);
  EXPECT_FLOAT_EQ(anchors[512 + 6].x, 0.1875F);
  EXPECT_EQ(anchors[700].width, 1);
}

TEST(Anchors, RefusesRulesWithoutEnd) {
  EXPECT_FALSE(make_anchors({}, 300, 300));
  EXPECT_FALSE(make_anchors({.strides = {0}, .aspect_ratios = {1}}, 300, 300));
  EXPECT_FALSE(make_anchors({.strides = {1}, .aspect_ratios = {1}}, 8192, 8192));
  EXPECT_FALSE(make_anchors({.strides = {16}, .aspect_ratios = {-1}}, 300, 300));
  EXPECT_FALSE(make_anchors({.strides = {16}, .interpolated_ratio = 0}, 300, 300));
  EXPECT_FALSE(make_anchors({.strides = {1}, .aspect_ratios = {1}}, INT_MAX, INT_MAX));
  EXPECT_FALSE(make_anchors({.strides = std::vector<int>(100'000, 16), .aspect_ratios = {1}}, 300, 300));
  EXPECT_FALSE(make_anchors({.strides = {300}, .aspect_ratios = std::vector<float>(100'000, 1)}, 300, 300));
  EXPECT_EQ(make_anchors({.strides = {INT_MAX}, .aspect_ratios = {1}}, 300, 300).value().size(), 2U);   // one cell
}

// One cell, one anchor in the middle, of side 0.5.
DetectionRule one_anchor() {
  DetectionRule rule;
  rule.anchors = {.strides = {100}, .min_scale = 0.5F, .max_scale = 0.5F, .aspect_ratios = {1}, .interpolated_ratio = 0};
  return rule;
}

std::vector<Candidate> decode(const DetectionRule& rule, std::vector<float> boxes, std::vector<float> scores,
                              float threshold = 0.5F) {
  BoxDecoder decoder = BoxDecoder::make(rule, 100, 100).value();
  std::vector<Candidate> found;
  EXPECT_TRUE(decoder.run({boxes, scores, {}, {}}, threshold, found));
  return found;
}

TEST(Boxes, CodesAreRelativeToTheirAnchor) {
  const auto found = decode(one_anchor(), {1, -2, 5 * std::log(0.5F), 5 * std::log(2.0F)}, {0, 2});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].label, 1);
  EXPECT_NEAR(found[0].score, 0.8808, 1e-4);
  EXPECT_NEAR(found[0].box[0], 0.55 - 0.125, 1e-6);    // y 0.5 + 0.1 * 0.5, height 0.25
  EXPECT_NEAR(found[0].box[1], 0.4 - 0.5, 1e-6);       // x 0.5 - 0.2 * 0.5, width 1
  EXPECT_NEAR(found[0].box[2], 0.55 + 0.125, 1e-6);
  EXPECT_NEAR(found[1].score, 0.5, 1e-6);              // exactly at the threshold
}

TEST(Boxes, OrderAndScaleFollowTheRule) {
  DetectionRule rule = one_anchor();
  rule.order = DetectionRule::Order::xywh;
  rule.exponential = false;
  rule.x_scale = rule.y_scale = rule.w_scale = rule.h_scale = 100;
  rule.anchors.fixed_size = true;
  const auto found = decode(rule, {10, 20, 30, 40, 7, 7}, {3});   // two key points are not looked at
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NEAR(found[0].box[0], 0.7 - 0.2, 1e-6);
  EXPECT_NEAR(found[0].box[1], 0.6 - 0.15, 1e-6);
}

TEST(Boxes, TheBackgroundIsNeverFound) {
  DetectionRule rule = one_anchor();
  rule.background = true;
  const auto found = decode(rule, {0, 0, 0, 0}, {9, 1, -1});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].label, 1);
}

TEST(Boxes, SoftmaxComparesTheClassesOfAnAnchor) {
  DetectionRule rule = one_anchor();
  rule.activation = Activation::softmax;
  rule.background = true;
  EXPECT_TRUE(decode(rule, {0, 0, 0, 0}, {2, 1.9F, 0}, 0.5F).empty());
  const auto found = decode(rule, {0, 0, 0, 0}, {0, std::log(3.0F), -100}, 0.5F);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NEAR(found[0].score, 0.75, 1e-6);
}

TEST(Boxes, WhatIsNoNumberIsLeftOut) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(decode(one_anchor(), {0, 0, 0, 0}, {nan, nan}).empty());
  EXPECT_EQ(decode(one_anchor(), {0, 0, 0, 0}, {nan, 5}).size(), 1U);
  EXPECT_TRUE(decode(one_anchor(), {nan, 0, 0, 0}, {5}).empty());
  EXPECT_TRUE(decode(one_anchor(), {0, 0, infinity, 0}, {5}).empty());
  EXPECT_TRUE(decode(one_anchor(), {0, 0, 1e9F, 0}, {5}).empty());
}

TEST(Boxes, OutputsThatDoNotFitAreRefused) {
  BoxDecoder decoder = BoxDecoder::make(one_anchor(), 300, 300).value();   // nine anchors
  std::vector<Candidate> found;
  const std::vector<float> many(36), few(7);
  EXPECT_FALSE(decoder.run({many, few, {}, {}}, 0.5F, found));
  EXPECT_FALSE(decoder.run({few, many, {}, {}}, 0.5F, found));
  EXPECT_FALSE(decoder.run({many, {}, {}, {}}, 0.5F, found));
  EXPECT_TRUE(decoder.run({many, many, {}, {}}, 0.5F, found));
}

TEST(Boxes, ModelsThatSayBoxesThemselvesAreRead) {
  DetectionRule rule{.decoder = DetectionRule::Decoder::boxes};
  BoxDecoder decoder = BoxDecoder::make(rule, 300, 300).value();
  const std::vector<float> boxes{0, 0, 1, 1, 0.2F, 0.2F, 0.4F, 0.4F, 0, 0, 1, 1}, classes{3, 17, 5}, scores{0.6F, 0.9F, 0.8F};
  std::vector<Candidate> found;
  const std::vector<float> two{2};
  ASSERT_TRUE(decoder.run({boxes, scores, classes, two}, 0.5F, found));
  ASSERT_EQ(found.size(), 2U);                     // the third is past the count
  EXPECT_EQ(found[0].label, 17);
  EXPECT_FLOAT_EQ(found[0].box[2], 0.4F);
  EXPECT_FALSE(decoder.run({boxes, scores, two, two}, 0.5F, found));
}

// Whatever the scores are, the best pairs of anchor and class come, as sorting all of them gives them.
TEST(Select, FindsTheBestOfAll) {
  std::uint64_t state = 1;
  for (const std::size_t classes : {1, 2, 7, 8, 9, 24, 91})
    for (const int kind : {0, 1, 2}) {
      std::vector<float> scores(200 * classes);
      for (std::size_t i = 0; i < scores.size(); ++i) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        scores[i] = kind == 0 ? static_cast<float>(state >> 40) / 1e6F : kind == 1 ? static_cast<float>(i) : static_cast<float>(state >> 62);
      }
      scores[scores.size() / 2] = std::numeric_limits<float>::quiet_NaN();
      const std::size_t first = classes > 2 ? 1 : 0;
      std::vector<Scored> all, anchors, best;
      for (std::size_t i = 0; i < scores.size(); ++i)
        if (i % classes >= first && scores[i] >= 1)
          all.push_back({scores[i], static_cast<std::uint32_t>(i / classes), static_cast<std::uint32_t>(i % classes)});
      std::sort(all.begin(), all.end());
      for (const std::size_t most : {1, 30, 150, 100'000}) {
        select_best({scores, classes, first, 1, most}, anchors, best);
        ASSERT_EQ(best.size(), std::min(most, all.size()));
        for (std::size_t i = 0; i < best.size(); ++i) ASSERT_EQ(best[i].value, all[i].value) << classes << " " << kind << " " << i;
      }
    }
}

TEST(Suppress, KeepsTheBetterOfTwo) {
  std::vector<Candidate> candidates{{{0, 0, 1, 1}, 0.9F, 1}, {{0, 0, 1, 0.9F}, 0.8F, 1}, {{0, 0, 1, 1}, 0.7F, 2},
                                    {{0, 0, 0.4F, 1}, 0.6F, 1}};
  suppress(candidates, 0.5F, 100);
  ASSERT_EQ(candidates.size(), 3U);
  EXPECT_EQ(candidates[1].label, 2);               // another class hides nothing
  EXPECT_FLOAT_EQ(candidates[2].score, 0.6F);      // overlaps by 0.4
}

TEST(Suppress, AHiddenBoxHidesNothing) {
  std::vector<Candidate> candidates{{{0, 0, 1, 1}, 0.9F, 1}, {{0, 0.3F, 1, 1.3F}, 0.8F, 1}, {{0, 0.6F, 1, 1.6F}, 0.7F, 1}};
  suppress(candidates, 0.5F, 100);
  ASSERT_EQ(candidates.size(), 2U);
  EXPECT_FLOAT_EQ(candidates[1].score, 0.7F);
}

TEST(Suppress, GivesNoMoreThanAskedFor) {
  std::vector<Candidate> candidates;
  for (int i = 0; i < 50; ++i) candidates.push_back({{0, float(i), 1, float(i + 1)}, 1 - float(i) / 100, 1});
  suppress(candidates, 0.5F, 7);
  EXPECT_EQ(candidates.size(), 7U);
}

TEST(Suppress, OverlapIsIntersectionOverUnion) {
  EXPECT_FLOAT_EQ(overlap_of({0, 0, 1, 1}, {0, 0.5F, 1, 1.5F}), 1 / 3.0F);
  EXPECT_EQ(overlap_of({0, 0, 1, 1}, {0, 1, 1, 2}), 0);
  EXPECT_EQ(overlap_of({0, 0, 0, 0}, {0, 0, 0, 0}), 0);
}

TEST(Detections, AreNamedAndMappedBack) {
  DetectionReader reader = DetectionReader::make(one_anchor(), 100, 100, {"cat"}).value();
  const std::vector<float> boxes(4), scores{3, 2};
  std::vector<Detection> found;
  const Region region{0.5F, 0.5F, 1, 1};
  ASSERT_TRUE(reader.run({boxes, scores, {}, {}}, 0.5F, region, region, found));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].name, "cat");
  EXPECT_EQ(found[1].name, "");
  EXPECT_FLOAT_EQ(found[0].box[0], 0.625F);
  EXPECT_FLOAT_EQ(found[0].box[3], 0.875F);
}

}  // namespace
}  // namespace selvedge::engine
