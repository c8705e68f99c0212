#include "codec/image/image.h"

#include <cmath>

#include <gtest/gtest.h>

#include "codec/image/pictures_for_test.h"

namespace selvedge::codec {
namespace {

using base::Code;

TEST(Image, TellsFormatsByTheFirstBytes) {
  EXPECT_EQ(format_of(encode_jpeg(gradient(8, 8)).value()).value(), ImageFormat::jpeg);
  EXPECT_EQ(format_of(encode_png(gradient(8, 8)).value()).value(), ImageFormat::png);
  EXPECT_EQ(format_of(bmp({.width = 8, .height = 8})).value(), ImageFormat::bmp);
  EXPECT_EQ(format_of(base::as_bytes("GIF89a")).error().code, Code::invalid_input);
  EXPECT_EQ(format_of({}).error().message, "the picture is empty");
}

TEST(Image, PngComesBackToTheByte) {
  for (const auto& [width, height] : {std::pair{1, 1}, {7, 5}, {300, 2}, {64, 64}}) {
    const Image image = gradient(width, height);
    const Decoded decoded = decode(encode_png(image).value()).value();
    EXPECT_EQ(decoded.format, ImageFormat::png);
    EXPECT_EQ(decoded.image.width, width);
    EXPECT_EQ(decoded.image.height, height);
    EXPECT_EQ(decoded.image.pixels, image.pixels);
  }
}

TEST(Image, JpegComesBackNearly) {
  const Image image = gradient(97, 61);
  const Decoded decoded = decode(encode_jpeg(image, 95).value()).value();
  EXPECT_EQ(decoded.file_width, 97);
  EXPECT_LT(mean_difference(decoded.image, image), 2.0);
}

TEST(Image, QualityIsHeldToWhatJpegKnows) {
  EXPECT_LT(encode_jpeg(gradient(64, 64), -5).value().size(), encode_jpeg(gradient(64, 64), 1000).value().size());
}

TEST(Image, RefusesToEncodeWhatIsNoPicture) {
  EXPECT_EQ(encode_png({}).error().code, Code::invalid_input);
  EXPECT_EQ(encode_jpeg({.width = 4, .height = 4, .pixels = base::Bytes(5)}).error().message,
            "encode picture: 4 x 4 pixels do not fit 5 bytes");
}

TEST(Image, MemoryOfAnEarlierPictureIsKept) {
  Decoded decoded;
  ASSERT_TRUE(decode_into(encode_jpeg(gradient(64, 48)).value(), {}, decoded));
  const std::uint8_t* where = decoded.image.pixels.data();
  ASSERT_TRUE(decode_into(encode_png(gradient(32, 48)).value(), {}, decoded));
  EXPECT_EQ(decoded.image.pixels.data(), where);
  EXPECT_EQ(decoded.image.pixels, gradient(32, 48).pixels);
}

TEST(Image, LimitsAreHeldForEveryFormat) {
  const ImageLimits narrow{.side = 15}, small{.pixels = 255}, short_file{.bytes = 10};
  for (const base::Bytes& file : {encode_jpeg(gradient(16, 16)).value(), encode_png(gradient(16, 16)).value(),
                                  bmp({.width = 16, .height = 16})}) {
    EXPECT_TRUE(decode(file));
    for (const ImageLimits& limits : {narrow, small, short_file})
      EXPECT_EQ(decode(file, {.limits = limits}).error().code, Code::exhausted);
  }
}

TEST(Image, EveryTruncationIsAnErrorOrLosesNoPixel) {
  for (const base::Bytes& file : {encode_jpeg(gradient(40, 24)).value(), encode_png(gradient(40, 24)).value(),
                                  bmp({.width = 40, .height = 24})}) {
    const Image whole = decode(file).value().image;
    for (std::size_t size = 0; size < file.size(); ++size) {
      const auto decoded = decode(base::BytesView(file).first(size));
      if (!decoded) continue;
      EXPECT_EQ(decoded->image.pixels, whole.pixels) << size << " of " << file.size();
    }
  }
}

TEST(Image, FlippedBytesDoNoHarm) {
  for (const base::Bytes& file : {encode_jpeg(gradient(24, 24)).value(), encode_png(gradient(24, 24)).value(),
                                  bmp({.width = 24, .height = 24, .bits = 8})}) {
    for (std::size_t at = 0; at < std::min<std::size_t>(file.size(), 900); ++at)
      for (const int flip : {0xFF, 0x01, 0x80}) {
        base::Bytes damaged = file;
        damaged[at] = static_cast<std::uint8_t>(damaged[at] ^ flip);
        const auto decoded = decode(damaged, {.limits = {.side = 4096, .pixels = 1 << 20}});
        if (!decoded) continue;
        EXPECT_EQ(decoded->image.pixels.size(),
                  std::size_t(decoded->image.width) * std::size_t(decoded->image.height) * 3);
      }
  }
}

}  // namespace
}  // namespace selvedge::codec
