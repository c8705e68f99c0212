#include "engine/vision/draw.h"

#include <gtest/gtest.h>

#include <limits>

namespace selvedge::engine {
namespace {

codec::Image grey(int width, int height) {
  codec::Image image;
  image.width = width, image.height = height;
  image.pixels.assign(static_cast<std::size_t>(width * height * 3), 128);
  return image;
}

Colour at(const codec::Image& image, int x, int y) {
  const std::uint8_t* p = image.row(y) + x * 3;
  return {p[0], p[1], p[2]};
}

constexpr Colour untouched{128, 128, 128};

TEST(Draw, FramesWhatWasFound) {
  codec::Image image = grey(200, 100);
  draw_detections(image, std::vector<Detection>{{.label = 3, .name = "cat", .score = 0.5F, .box = {0.5F, 0.25F, 0.9F, 0.75F}}});
  EXPECT_EQ(at(image, 50, 70), colour_of(3));
  EXPECT_EQ(at(image, 149, 70), colour_of(3));
  EXPECT_EQ(at(image, 100, 89), colour_of(3));
  EXPECT_EQ(at(image, 100, 70), untouched);
  EXPECT_EQ(at(image, 10, 10), untouched);
  EXPECT_EQ(at(image, 50, 42), colour_of(3)) << "the ground of the label above the box";
}

TEST(Draw, StaysInsideThePicture) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  codec::Image image = grey(7, 5);
  draw_detections(image, std::vector<Detection>{{.label = -9, .name = std::string(500, 'x'), .score = nan, .box = {-3, nan, inf, 7}},
                                                {.label = 1 << 30, .name = "\xff\xfe", .score = 1, .box = {0.9F, 0.9F, 0.1F, 0.1F}}});
  draw_text(image, -100, -100, 1000, "far", {}, {});
  draw_text(image, 1 << 20, 1 << 20, 2, "away", {}, {});
  draw_classes(image, std::vector<Ranked>(9));
  draw_mask(image, {.width = 9, .height = 9, .labels = {1}});
  codec::Image none;
  draw_detections(none, std::vector<Detection>(2));
  EXPECT_EQ(image.pixels.size(), 105u);
}

TEST(Draw, WritesLetters) {
  codec::Image image = grey(40, 12);
  draw_text(image, 0, 0, 1, "I", {255, 0, 0}, {0, 0, 0});
  EXPECT_EQ(at(image, 3, 1), (Colour{255, 0, 0})) << "the stem";
  EXPECT_EQ(at(image, 3, 7), (Colour{255, 0, 0}));
  EXPECT_EQ(at(image, 1, 4), (Colour{0, 0, 0}));
  EXPECT_EQ(at(image, 30, 4), untouched);
}

TEST(Draw, TintsWhereTheMaskSays) {
  codec::Image image = grey(4, 4);
  draw_mask(image, {.width = 2, .height = 2, .labels = {0, 1, 0, 0}});
  EXPECT_EQ(at(image, 0, 0), untouched);
  EXPECT_NE(at(image, 3, 1), untouched);
  EXPECT_EQ(at(image, 3, 3), untouched);
}

TEST(Draw, GivesNeighbouringLabelsDifferentColours) {
  for (int label = 0; label < 90; ++label) {
    const Colour a = colour_of(label), b = colour_of(label + 1);
    int apart = 0;
    for (std::size_t c = 0; c < 3; ++c) apart += std::abs(int{a[c]} - int{b[c]});
    EXPECT_GT(apart, 100) << label;
  }
}

}  // namespace
}  // namespace selvedge::engine
