#include "cli/picture_sheet.h"

#include <gtest/gtest.h>

namespace selvedge::cli {
namespace {

codec::Image plain(int width, int height, std::uint8_t value) {
  codec::Image image;
  image.width = width, image.height = height;
  image.pixels.assign(static_cast<std::size_t>(width * height * 3), value);
  return image;
}

TEST(PictureSheet, LeavesASinglePictureAsLargeAsItIs) {
  PictureSheet sheet(1);
  sheet.add("a", plain(900, 31, 7), {});
  const codec::Image image = sheet.take();
  EXPECT_EQ(image.width, 900);
  EXPECT_EQ(image.height, 31);
  EXPECT_EQ(image.row(30)[0], 7);
}

TEST(PictureSheet, PutsEachPictureIntoACell) {
  PictureSheet sheet(3);
  sheet.add("first.jpg", plain(2000, 1000, 200), {});
  sheet.add("second.jpg", plain(10, 10, 100), {});
  const codec::Image image = sheet.take();
  EXPECT_EQ(image.width, 1280);
  EXPECT_EQ(image.row(240)[320 * 3], 200);
  EXPECT_EQ(image.row(240)[960 * 3], 100);
}

TEST(PictureSheet, IsBoundedHoweverManyThereAre) {
  PictureSheet sheet(10'000);
  sheet.add("x", plain(5000, 3, 200), {});
  const codec::Image image = sheet.take();
  EXPECT_LE(image.pixels.size(), 300'000'000u);
  PictureSheet none(5);
  EXPECT_TRUE(none.take().pixels.empty());
}

TEST(PictureSheet, ReducesByTheMean) {
  codec::Image image = plain(4, 2, 0);
  for (std::size_t i = 0; i < image.pixels.size(); i += 6) image.pixels[i] = 200;
  const codec::Image small = reduced(image, 2, 2);
  EXPECT_EQ(small.width, 2);
  EXPECT_EQ(small.height, 1);
  EXPECT_EQ(small.row(0)[0], 100);
  EXPECT_EQ(small.row(0)[1], 0);
}

TEST(PictureSheet, IsWrittenAsTheNameSays) {
  EXPECT_EQ(*codec::format_of(*encode_for("a.png", plain(2, 2, 1))), codec::ImageFormat::png);
  EXPECT_EQ(*codec::format_of(*encode_for("a.jpeg", plain(2, 2, 1))), codec::ImageFormat::jpeg);
  EXPECT_FALSE(encode_for("a.gif", plain(2, 2, 1)));
}

}  // namespace
}  // namespace selvedge::cli
