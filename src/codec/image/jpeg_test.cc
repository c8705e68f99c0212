#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>

#include <gtest/gtest.h>

#include "codec/image/image.h"
#include "codec/image/orientation.h"
#include "codec/image/pictures_for_test.h"
#include "codec/image/yuyv.h"

namespace selvedge::codec {
namespace {

using base::Code;

struct Kind {
  J_COLOR_SPACE from = JCS_RGB, as = JCS_YCbCr;
  bool progressive = false;
  unsigned restart = 0;
  bool arithmetic = false;
  bool apart = false;                              // a scan for each colour
};

// By libjpeg, in forms that encode_jpeg() does not write. Grey of red; ink is inverted, as Adobe has it.
base::Bytes jpeg(const Image& image, const Kind& kind) {
  jpeg_compress_struct info{};
  jpeg_error_mgr error{};
  info.err = jpeg_std_error(&error);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.in_color_space = kind.from;
  info.input_components = kind.from == JCS_RGB ? 3 : kind.from == JCS_CMYK ? 4 : 1;
  jpeg_set_defaults(&info);
  jpeg_set_colorspace(&info, kind.as);
  jpeg_set_quality(&info, 92, TRUE);
  if (kind.progressive) jpeg_simple_progression(&info);
  info.restart_interval = kind.restart;
  info.arith_code = kind.arithmetic;
  jpeg_scan_info scans[3]{{1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
  if (kind.apart) info.scan_info = scans, info.num_scans = 3;
  jpeg_start_compress(&info, TRUE);
  for (int y = 0; y < image.height; ++y) {
    std::vector<JSAMPLE> row;
    for (int x = 0; x < image.width; ++x) {
      const std::uint8_t* pixel = image.row(y) + x * 3;
      row.insert(row.end(), pixel, pixel + (info.input_components == 1 ? 1 : 3));
      if (info.input_components == 4) row.push_back(255);
    }
    JSAMPROW rows = row.data();
    jpeg_write_scanlines(&info, &rows, 1);
  }
  jpeg_finish_compress(&info);
  base::Bytes file(bytes, bytes + size);
  jpeg_destroy_compress(&info);
  std::free(bytes);
  return file;
}

// An EXIF part with that orientation, after the start of the file.
base::Bytes with_orientation(base::Bytes file, std::uint8_t orientation, bool big_endian) {
  base::Bytes part{0xFF, 0xE1, 0, 34, 'E', 'x', 'i', 'f', 0, 0};
  const base::Bytes little{'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0};
  const base::Bytes big{'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0};
  base::append(part, big_endian ? big : little);
  file.insert(file.begin() + 2, part.begin(), part.end());
  return file;
}

TEST(Jpeg, EveryFormBecomesRedGreenBlue) {
  const Image image = gradient(70, 50);
  EXPECT_LT(mean_difference(decode(jpeg(image, {.progressive = true})).value().image, image), 2.5);
  EXPECT_LT(mean_difference(decode(jpeg(image, {.restart = 2})).value().image, image), 2.5);
  EXPECT_LT(mean_difference(decode(jpeg(image, {.as = JCS_RGB})).value().image, image), 2.5);
  EXPECT_LT(mean_difference(decode(jpeg(image, {.from = JCS_CMYK, .as = JCS_CMYK})).value().image, image), 2.5);
  EXPECT_LT(mean_difference(decode(jpeg(image, {.from = JCS_CMYK, .as = JCS_YCCK})).value().image, image), 2.5);
  const Image grey = decode(jpeg(image, {.from = JCS_GRAYSCALE, .as = JCS_GRAYSCALE})).value().image;
  for (int x = 0; x < 70; ++x) {
    EXPECT_NEAR(grey.row(20)[x * 3], image.row(20)[x * 3], 6);
    EXPECT_EQ(grey.row(20)[x * 3], grey.row(20)[x * 3 + 2]);
  }
}

// A camera that writes brightness first and is cut off: what is there is whole, but its colours are not.
TEST(Jpeg, AColourWithoutItsScanIsDamage) {
  const Image image = gradient(70, 50);
  const base::Bytes file = jpeg(image, {.apart = true});
  EXPECT_LT(mean_difference(decode(file).value().image, image), 2.5);
  EXPECT_TRUE(decode(base::BytesView(file).first(file.size() - 2))) << "without its end marker";
  std::vector<std::size_t> scans;
  for (std::size_t at = 0; at + 1 < file.size(); ++at)
    if (file[at] == 0xFF && file[at + 1] == 0xDA) scans.push_back(at);
  ASSERT_EQ(scans.size(), 3U);
  for (const std::size_t scan : {scans[1], scans[2]})
    for (const base::Bytes& end : {base::Bytes{}, base::Bytes{0xFF, 0xD9}}) {
      base::Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(scan));
      base::append(cut, end);
      const auto decoded = decode(cut);
      ASSERT_FALSE(decoded);
      EXPECT_EQ(decoded.error().code, Code::corrupt);
      EXPECT_EQ(decoded.error().message, "decode JPEG: it lacks the scan of a colour");
    }
}

TEST(Jpeg, ArithmeticCodingIsRefused) {
  const auto decoded = decode(jpeg(gradient(16, 16), {.arithmetic = true}));
  EXPECT_EQ(decoded.error().code, Code::invalid_input);
}

TEST(Jpeg, IsReadSmallerWhereThatSuffices) {
  const base::Bytes file = encode_jpeg(gradient(640, 360)).value();
  struct { int least_width, least_height, width, height; } cases[]{
      {0, 0, 640, 360}, {300, 300, 640, 360}, {320, 180, 320, 180}, {321, 1, 640, 360}, {160, 90, 160, 90},
      {80, 45, 80, 45}, {1, 1, 80, 45}, {9000, 9000, 640, 360}, {0, 46, 160, 90}};
  for (const auto& [least_width, least_height, width, height] : cases) {
    const Decoded decoded = decode(file, {.least_width = least_width, .least_height = least_height}).value();
    EXPECT_EQ(decoded.image.width, width);
    EXPECT_EQ(decoded.image.height, height);
    EXPECT_EQ(decoded.file_width, 640);
    EXPECT_LT(mean_difference(decoded.image, gradient(width, height)), 3);
  }
}

TEST(Jpeg, StandsAsItWasTaken) {
  const Image image = gradient(48, 32);
  const base::Bytes file = encode_jpeg(image, 95).value();
  for (std::uint8_t orientation = 1; orientation <= 8; ++orientation)
    for (const bool big_endian : {false, true}) {
      const base::Bytes turned = with_orientation(file, orientation, big_endian);
      ASSERT_EQ(orientation_of_jpeg(turned), orientation);
      const Decoded decoded = decode(turned).value();
      EXPECT_EQ(decoded.file_width, orientation >= 5 ? 32 : 48);
      const auto pixel = [&](int x, int y) { return decoded.image.row(y) + x * 3; };
      const int right = decoded.image.width - 1, bottom = decoded.image.height - 1;
      // Where the file's first pixel is (dark, little red and green), and where its right end is (red).
      const bool first_right = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
      const bool first_bottom = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
      EXPECT_LT(pixel(first_right ? right : 0, first_bottom ? bottom : 0)[0], 30) << int{orientation};
      EXPECT_LT(pixel(first_right ? right : 0, first_bottom ? bottom : 0)[1], 30) << int{orientation};
      const bool upright = orientation <= 4;
      EXPECT_GT(pixel((upright != first_right) ? right : 0, (upright == first_bottom) ? bottom : 0)[0], 200) << int{orientation};
    }
}

TEST(Jpeg, ScalesByTheUprightSize) {
  const base::Bytes file = with_orientation(encode_jpeg(gradient(64, 32)).value(), 6, false);
  const Decoded decoded = decode(file, {.least_width = 16, .least_height = 32}).value();
  EXPECT_EQ(decoded.image.width, 16);
  EXPECT_EQ(decoded.image.height, 32);
}

TEST(Jpeg, ADamagedNoteDoesNoHarm) {
  const base::Bytes file = with_orientation(encode_jpeg(gradient(16, 16)).value(), 6, false);
  for (std::size_t at = 6; at < 36; ++at)         // after its length
    for (const int value : {0, 1, 0x7F, 0xFF}) {
      base::Bytes damaged = file;
      damaged[at] = static_cast<std::uint8_t>(value);
      EXPECT_TRUE(decode(damaged)) << at;
    }
}

TEST(Jpeg, AMissingEndMarkerCostsNothingButAMissingScanDoes) {
  for (const bool progressive : {false, true}) {
    base::Bytes file = jpeg(gradient(40, 40), {.progressive = progressive});
    file.resize(file.size() - 2);
    EXPECT_EQ(decode(file).has_value(), !progressive);
    file.resize(file.size() - 40);
    EXPECT_EQ(decode(file).error().code, Code::corrupt);
  }
}

TEST(Jpeg, DamagedPixelsAreAnError) {
  base::Bytes file = jpeg(gradient(200, 200), {.restart = 4});
  for (std::size_t at = file.size() * 3 / 4; at + 1 < file.size(); ++at)
    if (file[at] == 0xFF && file[at + 1] >= 0xD0 && file[at + 1] <= 0xD7) {
      file[at + 1] ^= 3;                           // a restart marker out of turn
      break;
    }
  EXPECT_EQ(decode(file).error().code, Code::corrupt);
}

TEST(Jpeg, AShortFileCannotAskForMuchMemory) {
  base::Bytes file = encode_jpeg(gradient(8, 8)).value();
  for (std::size_t at = 0; at + 9 < file.size(); ++at)
    if (file[at] == 0xFF && file[at + 1] == 0xC0) file[at + 5] = file[at + 7] = 0x1F;
  const auto decoded = decode(file);
  EXPECT_EQ(decoded.error().code, Code::corrupt);
  EXPECT_NE(decoded.error().message.find("which a file this short cannot hold"), std::string::npos);
}

TEST(Jpeg, PhotographsAreRead) {
  const base::Bytes file = test_picture("images/cat_720p.jpg");
  if (file.empty()) GTEST_SKIP() << "../shared/data/vision is not there";
  EXPECT_EQ(decode(file).value().image.width, 1280);
  EXPECT_EQ(decode(file, {.least_width = 300, .least_height = 300}).value().image.height, 360);
  EXPECT_EQ(decode(test_picture("images/parrot.jpg")).value().format, ImageFormat::jpeg);
  for (std::size_t size = 1000; size < file.size() - 2; size += 10'007)
    EXPECT_FALSE(decode(base::BytesView(file).first(size))) << size;
}

TEST(Yuyv, BecomesRedGreenBlue) {
  Image image;
  // White, black; then the red of BT.601 twice, and rows that are padded.
  const base::Bytes bytes{235, 128, 16, 128, 9, 9, 9, 9, 81, 90, 81, 240};
  ASSERT_TRUE(from_yuyv(bytes, 2, 2, 8, {}, image));
  EXPECT_EQ(image.pixels, (base::Bytes{255, 255, 255, 0, 0, 0, 254, 0, 0, 254, 0, 0}));
  EXPECT_EQ(from_yuyv(bytes, 2, 3, 8, {}, image).error().code, Code::corrupt);
  EXPECT_EQ(from_yuyv(bytes, 2, 2, 3, {}, image).error().code, Code::corrupt);
  EXPECT_EQ(from_yuyv(bytes, 3, 2, 0, {}, image).error().code, Code::invalid_input);
  EXPECT_EQ(from_yuyv(bytes, -2, 2, 0, {}, image).error().code, Code::invalid_input);
  EXPECT_EQ(from_yuyv(bytes, 1 << 20, 1, 0, {}, image).error().code, Code::exhausted);
  EXPECT_FALSE(from_yuyv({}, 2, 1, 0, {}, image));
}

}  // namespace
}  // namespace selvedge::codec
