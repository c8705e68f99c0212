#include "engine/vision/softmax.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "engine/vision/boxes.h"

namespace selvedge::engine {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

// By the definition: distances as the scores have them, all else in twice the precision.
std::vector<double> plain(std::span<const float> row) {
  const float all = *std::ranges::max_element(row);
  std::vector<double> shares;
  double sum = 0;
  for (const float score : row) sum += shares.emplace_back(std::exp(double{score - all}));
  for (double& share : shares) share /= sum;
  return shares;
}

// Every row against the definition: the same shares, and none passed over that has something to find.
void expect_plain(const SoftmaxRows& rows) {
  std::vector<float> shares;
  softmax(rows, shares);
  ASSERT_EQ(shares.size(), rows.scores.size());
  for (std::size_t at = 0; at < shares.size(); at += rows.classes) {
    const std::vector<double> exact = plain(rows.scores.subspan(at, rows.classes));
    if (shares[at] == -1) {
      for (std::size_t c = 0; c < rows.classes; ++c) {
        ASSERT_EQ(shares[at + c], -1);
        if (c >= rows.first_class) {
          ASSERT_LT(exact[c], rows.threshold) << "row " << at / rows.classes;
        }
      }
      continue;
    }
    // What is under 1e-37 is below the normal numbers of a float, and may be 0.
    for (std::size_t c = 0; c < rows.classes; ++c)
      ASSERT_NEAR(shares[at + c], exact[c], exact[c] * 1e-6 + 1e-37) << "row " << at / rows.classes << ", class " << c;
  }
}

TEST(Softmax, ItsExponentialIsThatOfTheLibrary) {
  for (float value = 0; value > -87; value = std::nextafter(value * 1.00001F, -infinity) - 1e-5F) {
    const double exact = std::exp(double{value});
    ASSERT_NEAR(power_of_e(value), exact, exact * 2e-7) << value;
  }
  EXPECT_EQ(power_of_e(0), 1);
  EXPECT_EQ(power_of_e(-88), 0);
  EXPECT_EQ(power_of_e(-1e30F), 0);
  EXPECT_EQ(power_of_e(-infinity), 0);
  EXPECT_TRUE(std::isnan(power_of_e(nan)));
}

TEST(Softmax, IsThatOfTheDefinitionForAnyScores) {
  std::mt19937 random(7);
  for (const std::size_t classes : {1, 2, 7, 8, 9, 16, 24, 91})
    for (const float spread : {0.0F, 1e-6F, 1.0F, 20.0F, 300.0F, 1e30F}) {
      std::vector<float> scores(classes * 60);
      std::uniform_real_distribution<float> any(-spread, spread);
      for (float& score : scores) score = spread == 0 ? 3.0F : any(random);
      for (const float threshold : {0.0F, 1e-30F, 0.01F, 0.5F, 0.999F, 1.0F})
        for (const std::size_t first : {0, 1})
          if (first < classes) expect_plain({scores, classes, first, threshold});
    }
}

// Exactly as far below the greatest as the threshold reaches, and one step to both sides: rounding passes
// none over.
TEST(Softmax, PassesNothingOverAtTheEdgeOfTheThreshold) {
  for (const float threshold : {1e-30F, 1e-8F, 1e-3F, 0.25F, 0.5F, 0.9F}) {
    const float edge = std::log(threshold);
    std::vector<float> scores;
    for (const float value : {edge, std::nextafter(edge, 0.0F), std::nextafter(edge, -infinity)})
      scores.insert(scores.end(), {0, value});
    expect_plain({scores, 2, 1, threshold});
  }
}

TEST(Softmax, WhatIsNoNumberSpoilsItsRowAlone) {
  const std::vector<float> scores{nan, 1, 2, 1, nan, 2, 1, 2, nan, infinity, 0, 0, 0, infinity, 0, -infinity, 0, 0,
                                  -infinity, -infinity, -infinity};
  for (const float threshold : {0.0F, 0.1F}) {
    std::vector<float> shares;
    softmax({scores, 3, 0, threshold}, shares);
    for (std::size_t i = 0; i < shares.size(); ++i) {
      const bool whole = i >= 15 && i < 18;
      EXPECT_EQ(shares[i] >= 0, whole) << i;
    }
    EXPECT_EQ(shares[15], 0);
    EXPECT_FLOAT_EQ(shares[16], 0.5F);
  }
}

// Whatever the picture: the boxes are those of the definition, in its order.
TEST(Softmax, FindsTheBoxesOfTheDefinition) {
  DetectionRule rule;
  rule.anchors = {.strides = {10}, .min_scale = 0.5F, .max_scale = 0.5F, .aspect_ratios = {1}, .interpolated_ratio = 0};
  rule.activation = Activation::softmax;
  rule.background = true;
  rule.candidates = 37;
  BoxDecoder decoder = BoxDecoder::make(rule, 100, 100).value();
  constexpr std::size_t classes = 11;
  std::mt19937 random(11);
  const std::vector<float> boxes(decoder.anchors() * 4);
  for (const float spread : {0.5F, 4.0F, 30.0F})
    for (const float threshold : {0.01F, 0.2F, 0.7F}) {
      std::vector<float> scores(decoder.anchors() * classes);
      std::normal_distribution<float> any(0, spread);
      for (float& score : scores) score = any(random);
      std::vector<std::pair<double, int>> expected;
      for (std::size_t at = 0; at < scores.size(); at += classes) {
        const std::vector<double> exact = plain(std::span(scores).subspan(at, classes));
        for (std::size_t c = 1; c < classes; ++c)
          if (exact[c] >= threshold) expected.emplace_back(exact[c], static_cast<int>(c));
      }
      std::ranges::sort(expected, std::greater<>());
      if (expected.size() > rule.candidates) expected.resize(rule.candidates);
      std::vector<Candidate> found;
      ASSERT_TRUE(decoder.run({boxes, scores, {}, {}}, threshold, found));
      ASSERT_EQ(found.size(), expected.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        ASSERT_NEAR(found[i].score, expected[i].first, 1e-6);
        // Shares that a float cannot tell apart may change places.
        const bool tied = (i > 0 && expected[i - 1].first - expected[i].first < 1e-6) ||
                          (i + 1 < expected.size() && expected[i].first - expected[i + 1].first < 1e-6);
        if (!tied) {
          ASSERT_EQ(found[i].label, expected[i].second) << i;
        }
      }
    }
}

}  // namespace
}  // namespace selvedge::engine
