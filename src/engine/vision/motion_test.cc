#include "engine/vision/motion.h"

#include <gtest/gtest.h>

#include "codec/image/pictures_for_test.h"

namespace selvedge::engine {
namespace {

using codec::Image;
using std::chrono::milliseconds;

// A grey scene with a bright square.
Image scene(int square_x, int brightness = 90, int noise_seed = 0) {
  Image image{320, 240, base::Bytes(320 * 240 * 3)};
  std::uint32_t state = static_cast<std::uint32_t>(noise_seed) * 2654435761U + 1;
  for (std::uint8_t& value : image.pixels) {
    state = state * 1664525U + 1013904223U;
    const int noise = noise_seed == 0 ? 0 : static_cast<int>(state >> 28) - 8;   // as of a sensor
    value = static_cast<std::uint8_t>(brightness + noise);
  }
  if (square_x >= 0)
    for (int y = 100; y < 140; ++y)
      for (int i = square_x * 3; i < (square_x + 40) * 3; ++i) image.row(y)[i] = 250;
  return image;
}

TEST(Motion, TheFirstPictureIsLookedAt) {
  MotionGate gate({});
  EXPECT_TRUE(gate.step(scene(-1), milliseconds{0}).look);
  EXPECT_FALSE(gate.step(scene(-1), milliseconds{100}).look);
}

TEST(Motion, NoiseIsNone) {
  MotionGate gate({});
  gate.step(scene(-1, 90, 1), milliseconds{0});
  for (int i = 2; i < 20; ++i) EXPECT_FALSE(gate.step(scene(-1, 90, i), milliseconds{i * 100}).look) << i;
}

TEST(Motion, SaysWhereSomethingMoved) {
  MotionGate gate({});
  gate.step(scene(-1), milliseconds{0});
  const Motion motion = gate.step(scene(160), milliseconds{100});
  EXPECT_TRUE(motion.look);
  EXPECT_NEAR(motion.share, 40 * 40 / (320.0 * 240), 0.006);
  ASSERT_EQ(motion.regions.size(), 1U);
  const Region& region = motion.regions[0];
  EXPECT_LE(region.left, 0.5F);
  EXPECT_GE(region.right, 200 / 320.0F);
  EXPECT_LE(region.top, 100 / 240.0F);
  EXPECT_GE(region.bottom, 140 / 240.0F);
  EXPECT_LT(region.right - region.left, 0.2F);
}

TEST(Motion, TwoThingsAreTwoRegionsTheLargerFirst) {
  MotionGate gate({});
  gate.step(scene(-1), milliseconds{0});
  Image two = scene(200);
  for (int y = 20; y < 40; ++y)
    for (int i = 0; i < 30; ++i) two.row(y)[i] = 250;
  const Motion motion = gate.step(two, milliseconds{100});
  ASSERT_EQ(motion.regions.size(), 2U);
  EXPECT_GT(motion.regions[0].left, 0.5F);
  EXPECT_EQ(motion.regions[1].left, 0);
}

TEST(Motion, ALampIsNoMotionAndDaylightNeither) {
  MotionGate gate({});
  gate.step(scene(100, 90), milliseconds{0});
  EXPECT_FALSE(gate.step(scene(-1, 130), milliseconds{100}).regions.empty());   // the square went
  MotionGate lamp({});
  lamp.step(scene(-1, 90), milliseconds{0});
  EXPECT_FALSE(lamp.step(scene(-1, 140), milliseconds{100}).look);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(lamp.step(scene(-1, 140 - i), milliseconds{200 + i * 100}).look);
}

TEST(Motion, WhatStaysBecomesBackground) {
  MotionGate gate({.adapt = milliseconds{1000}});
  gate.step(scene(-1), milliseconds{0});
  EXPECT_TRUE(gate.step(scene(50), milliseconds{100}).look);
  int looked = 0;
  for (int i = 2; i < 60; ++i) looked += gate.step(scene(50), milliseconds{i * 100}).look;
  EXPECT_GT(looked, 3);
  EXPECT_LT(looked, 40);
  EXPECT_FALSE(gate.step(scene(50), milliseconds{6100}).look);
}

TEST(Motion, IntervalsAreHeld) {
  MotionGate gate({.shortest = milliseconds{500}, .longest = milliseconds{2000}});
  EXPECT_TRUE(gate.step(scene(0), milliseconds{0}).look);
  std::vector<int> looked;
  for (int i = 1; i <= 50; ++i)
    if (gate.step(scene(i <= 10 ? i * 8 : 80), milliseconds{i * 100}).look) looked.push_back(i);
  ASSERT_GE(looked.size(), 3U);
  EXPECT_EQ(looked[0], 5);
  for (std::size_t i = 1; i < looked.size(); ++i) {
    EXPECT_GE(looked[i] - looked[i - 1], 5);
    EXPECT_LE(looked[i] - looked[i - 1], 20);
  }
}

TEST(Motion, AnotherSizeBeginsAnew) {
  MotionGate gate({});
  gate.step(scene(0), milliseconds{0});
  EXPECT_TRUE(gate.step(codec::gradient(3, 2), milliseconds{10}).look);
  EXPECT_FALSE(gate.step(codec::gradient(3, 2), milliseconds{20}).look);
  EXPECT_FALSE(gate.step({}, milliseconds{30}).look);
}

TEST(Motion, NoMoreRegionsThanAskedFor) {
  MotionGate gate({.most_regions = 3});
  gate.step(scene(-1), milliseconds{0});
  Image dotted = scene(-1);
  for (int y = 0; y < 240; y += 40)
    for (int x = 0; x < 320; x += 40)
      for (int dy = 0; dy < 8; ++dy)
        for (int dx = 0; dx < 8 * 3; ++dx) dotted.row(y + dy)[x * 3 + dx] = 255;
  EXPECT_EQ(gate.step(dotted, milliseconds{10}).regions.size(), 3U);
}

}  // namespace
}  // namespace selvedge::engine
