#include "engine/vision/prepare.h"

#include <cmath>

#include <gtest/gtest.h>

#include "codec/image/pictures_for_test.h"

namespace selvedge::engine {
namespace {

using codec::gradient;
using codec::Image;
using Layout = InputRule::Layout;
using Colour = InputRule::Colour;
using Fit = InputRule::Fit;

struct Prepared {
  Region seen;
  base::Bytes bytes;
  const float* floats() const { return reinterpret_cast<const float*>(bytes.data()); }
};

Prepared prepare(const Image& image, const InputRule& rule, const Element& element = {}, const Region& region = {}) {
  Preparer preparer = Preparer::make(rule, element).value();
  Prepared prepared{{}, base::Bytes(preparer.bytes())};
  prepared.seen = preparer.run(image, region, prepared.bytes).value();

  // The plain loops say the same to the bit.
  base::Bytes plain(preparer.bytes());
  preparer.use_plain_loops();
  EXPECT_TRUE(preparer.run(image, region, plain));
  EXPECT_EQ(plain, prepared.bytes);
  return prepared;
}

Image single_colour(int width, int height, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  Image image = gradient(width, height);
  for (std::size_t i = 0; i < image.pixels.size(); i += 3)
    image.pixels[i] = red, image.pixels[i + 1] = green, image.pixels[i + 2] = blue;
  return image;
}

TEST(Prepare, LeavesAPictureOfTheRightSizeAsItIs) {
  const Image image = gradient(21, 13);
  const Prepared prepared = prepare(image, {.width = 21, .height = 13});
  for (std::size_t i = 0; i < image.pixels.size(); ++i) ASSERT_EQ(prepared.floats()[i], image.pixels[i]) << i;
}

TEST(Prepare, NormalisesEachColour) {
  const Image image = single_colour(8, 8, 10, 20, 30);
  const InputRule rule{.width = 4, .height = 4, .mean = {1, 2, 3}, .deviation = {2, 4, 8}};
  const Prepared prepared = prepare(image, rule);
  for (int i = 0; i < 16; ++i) {
    EXPECT_NEAR(prepared.floats()[i * 3], 4.5, 0.03);
    EXPECT_NEAR(prepared.floats()[i * 3 + 1], 4.5, 0.03);
    EXPECT_NEAR(prepared.floats()[i * 3 + 2], 3.375, 0.03);
  }
}

TEST(Prepare, PlanesHoldWhatRowsHold) {
  const Image image = gradient(63, 41);
  for (const Colour colour : {Colour::rgb, Colour::bgr}) {
    const Prepared rows = prepare(image, {.width = 30, .height = 27, .colour = colour});
    const Prepared planes = prepare(image, {.width = 30, .height = 27, .layout = Layout::planes, .colour = colour});
    for (std::size_t i = 0; i < 30 * 27; ++i)
      for (std::size_t c = 0; c < 3; ++c) ASSERT_EQ(rows.floats()[i * 3 + c], planes.floats()[c * 30 * 27 + i]);
  }
}

TEST(Prepare, BlueComesFirstWhereTheModelWantsIt) {
  const InputRule rule{.width = 2, .height = 2, .colour = Colour::bgr, .mean = {1, 0, 0}};
  const Prepared prepared = prepare(single_colour(5, 5, 10, 20, 30), rule);
  EXPECT_NEAR(prepared.floats()[0], 30, 0.03);
  EXPECT_NEAR(prepared.floats()[2], 9, 0.03);    // the mean of red stays with red
}

TEST(Prepare, GreyIsTheBrightnessOfColours) {
  const InputRule rule{.width = 3, .height = 3, .colour = Colour::grey, .mean = {5, 0, 0}, .deviation = {2, 1, 1}};
  const Prepared prepared = prepare(single_colour(9, 9, 100, 200, 50), rule);
  ASSERT_EQ(prepared.bytes.size(), 9 * sizeof(float));
  EXPECT_NEAR(prepared.floats()[4], (0.299 * 100 + 0.587 * 200 + 0.114 * 50 - 5) / 2, 0.01);
}

TEST(Prepare, WholeNumbersFollowScaleAndZeroPoint) {
  const Image image = single_colour(6, 6, 0, 128, 255);
  const InputRule rule{.width = 20, .height = 2, .mean = {127.5, 127.5, 127.5}, .deviation = {127.5, 127.5, 127.5}};
  const Prepared bytes = prepare(image, rule, {Element::Kind::uint8, 0.01F, 100});
  EXPECT_EQ(bytes.bytes[0], 0);
  EXPECT_EQ(bytes.bytes[1], 100);
  EXPECT_EQ(bytes.bytes[2], 200);
  const Prepared small = prepare(image, rule, {Element::Kind::int8, 0.008F, -5});
  EXPECT_EQ(static_cast<std::int8_t>(small.bytes[0]), -128);   // -130, held
  EXPECT_EQ(static_cast<std::int8_t>(small.bytes[2]), 120);
}

TEST(Prepare, ALetterboxKeepsProportionsAndSaysWhatIsSeen) {
  const Image image = single_colour(200, 100, 255, 255, 255);
  const InputRule rule{.width = 50, .height = 50, .layout = Layout::planes, .fit = Fit::letterbox, .mean = {55, 55, 55}};
  const Prepared prepared = prepare(image, rule);
  EXPECT_EQ(prepared.floats()[0], 0);
  EXPECT_NEAR(prepared.floats()[25 * 50 + 25], 200, 0.03);
  EXPECT_EQ(prepared.floats()[49 * 50], 0);
  // 25 of the 50 rows are picture, from row 13 (half up) or 12.
  EXPECT_NEAR(prepared.seen.bottom - prepared.seen.top, 2, 1e-5);
  EXPECT_NEAR(prepared.seen.top, -0.5, 0.05);
  EXPECT_EQ(prepared.seen.left, 0);
  EXPECT_EQ(prepared.seen.right, 1);
  const int first = static_cast<int>(std::lround(-prepared.seen.top * 25));
  EXPECT_EQ(prepared.floats()[(first - 1) * 50], 0);
  EXPECT_NEAR(prepared.floats()[first * 50], 200, 0.03);
}

TEST(Prepare, ACropLooksAtTheMiddle) {
  Image image = single_colour(300, 100, 9, 9, 9);
  for (int y = 0; y < 100; ++y)
    for (int x = 0; x < 300; ++x)
      if (x < 100 || x >= 200) image.row(y)[x * 3] = 255;
  const Prepared prepared = prepare(image, {.width = 10, .height = 10, .fit = Fit::crop});
  EXPECT_NEAR(prepared.seen.left, 1 / 3.0, 1e-5);
  EXPECT_NEAR(prepared.seen.right, 2 / 3.0, 1e-5);
  for (std::size_t i = 1; i < 9; ++i) EXPECT_NEAR(prepared.floats()[(50 + i) * 3], 9, 0.03);
}

TEST(Prepare, ARegionIsLikeAPictureOfItsOwn) {
  const Image image = gradient(120, 90);
  Image part{60, 45, {}};
  for (int y = 20; y < 65; ++y) part.pixels.insert(part.pixels.end(), image.row(y) + 90, image.row(y) + 270);
  const InputRule rule{.width = 30, .height = 15};
  const Prepared region = prepare(image, rule, {}, {20 / 90.0F, 30 / 120.0F, 65 / 90.0F, 90 / 120.0F});
  const Prepared alone = prepare(part, rule);
  for (std::size_t i = 0; i < 30 * 15 * 3; ++i) ASSERT_NEAR(region.floats()[i], alone.floats()[i], 1.6);
}

TEST(Prepare, SizesThatFitNoRegisterAreRight) {
  for (const int width : {1, 2, 3, 5, 11, 17, 33, 257})
    for (const int out : {1, 2, 7, 9, 31})
      for (const Layout layout : {Layout::rows, Layout::planes}) {
        const Prepared prepared = prepare(single_colour(width, 7, 77, 77, 77), {.width = out, .height = 3, .layout = layout});
        for (int i = 0; i < out * 9; ++i) ASSERT_NEAR(prepared.floats()[i], 77, 0.1) << width << " " << out;
      }
}

TEST(Prepare, VeryTallPicturesKeepTheirBrightness) {
  for (const int height : {130, 1000, 16'000}) {
    const Prepared prepared = prepare(single_colour(3, height, 101, 7, 250), {.width = 2, .height = 2});
    EXPECT_NEAR(prepared.floats()[0], 101, 0.05) << height;
    EXPECT_NEAR(prepared.floats()[2], 250, 0.05) << height;
  }
}

TEST(Prepare, RefusesWhatCannotBePrepared) {
  EXPECT_FALSE(Preparer::make({}));
  EXPECT_FALSE(Preparer::make({.width = 10, .height = 10, .deviation = {0, 1, 1}}));
  EXPECT_FALSE(Preparer::make({.width = 10, .height = 1 << 20}));
  EXPECT_FALSE(Preparer::make({.width = 10, .height = 10}, {Element::Kind::int8, 0, 0}));
  Preparer preparer = Preparer::make({.width = 2, .height = 2}).value();
  base::Bytes tensor(preparer.bytes());
  EXPECT_FALSE(preparer.run({}, {}, tensor));
  EXPECT_FALSE(preparer.run(gradient(10, 10), {0.5F, 0.5F, 0.5F, 1}, tensor));
  EXPECT_FALSE(preparer.run(gradient(10, 10), {0, NAN, 1, 1}, tensor));
  EXPECT_FALSE(preparer.run(gradient(10, 10), {0, 2, 1, 3}, tensor));
}

TEST(Prepare, ReferenceInputsOfTheModelAreReproduced) {
  if (codec::test_picture("images/pets.jpg").empty()) GTEST_SKIP() << "../shared/data/vision is not there";
  for (const auto& [name, file] : {std::pair{"cat_720p", "cat_720p.jpg"}, {"pets", "pets.jpg"}, {"dog_train_0", "dog_train_0.bmp"}}) {
    const Image golden = codec::decode(codec::test_picture(std::string("golden/ssd/") + name + "_300.png")).value().image;
    const Image image = codec::decode(codec::test_picture(std::string("images/") + file)).value().image;
    const Prepared prepared = prepare(image, {.width = 300, .height = 300}, {Element::Kind::uint8, 1, 0});
    double sum = 0;
    int largest = 0;
    for (std::size_t i = 0; i < golden.pixels.size(); ++i) {
      const int difference = std::abs(golden.pixels[i] - prepared.bytes[i]);
      sum += difference;
      largest = std::max(largest, difference);
    }
    EXPECT_LE(largest, 1) << name;
    EXPECT_LT(sum / double(golden.pixels.size()), 0.2) << name;
  }
}

}  // namespace
}  // namespace selvedge::engine
