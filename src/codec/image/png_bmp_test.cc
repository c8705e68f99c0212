#include <gtest/gtest.h>

#include <png.h>

#include "codec/image/image.h"
#include "codec/image/pictures_for_test.h"

namespace selvedge::codec {
namespace {

using base::Code;

struct Kind {
  int colour = PNG_COLOR_TYPE_RGB, bits = 8;
  int interlace = PNG_INTERLACE_NONE;
  bool transparent = false, text = false;
};

void append_bytes(png_structp png, png_bytep from, std::size_t count) {
  base::append(*static_cast<base::Bytes*>(png_get_io_ptr(png)), {from, count});
}

// 16 x 16, by libpng, of rows that `kind` says; every byte of a row is `value(y)`.
base::Bytes png(const Kind& kind, std::uint8_t (*value)(int y)) {
  base::Bytes file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(png, &file, append_bytes, nullptr);
  png_set_IHDR(png, info, 16, 16, kind.bits, kind.colour, kind.interlace, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (kind.colour == PNG_COLOR_TYPE_PALETTE) {
    std::array<png_color, 4> colours{{{1, 2, 3}, {10, 20, 30}, {100, 110, 120}, {250, 251, 252}}};
    png_set_PLTE(png, info, colours.data(), 4);
    png_byte alphas[] = {0, 128};
    if (kind.transparent) png_set_tRNS(png, info, alphas, 2, nullptr);
  }
  if (kind.text) {
    std::string key = "Comment", text(100'000, 'a');
    png_text note{};
    note.compression = PNG_TEXT_COMPRESSION_zTXt;
    note.key = key.data();
    note.text = text.data();
    png_set_text(png, info, &note, 1);
  }
  png_write_info(png, info);
  const std::size_t bytes = png_get_rowbytes(png, info);
  std::vector<base::Bytes> rows;
  std::vector<png_bytep> pointers;
  for (int y = 0; y < 16; ++y) rows.emplace_back(bytes, value(y));
  for (base::Bytes& row : rows) pointers.push_back(row.data());
  png_write_image(png, pointers.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return file;
}

base::Bytes first_pixel(const Kind& kind, std::uint8_t (*value)(int y), int y) {
  const auto decoded = decode(png(kind, value));
  EXPECT_TRUE(decoded) << (decoded ? "" : decoded.error().message);
  const std::uint8_t* pixel = decoded->image.row(y);
  return {pixel, pixel + 3};
}

TEST(Png, EveryColourTypeBecomesRedGreenBlue) {
  const auto ramp = [](int y) { return static_cast<std::uint8_t>(y * 16); };
  for (const int interlace : {PNG_INTERLACE_NONE, PNG_INTERLACE_ADAM7}) {
    for (const int colour : {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGBA})
      for (const int bits : {8, 16})
        EXPECT_EQ(first_pixel({colour, bits, interlace}, ramp, 11), (base::Bytes{176, 176, 176})) << colour << " " << bits;
    for (const int bits : {1, 2, 4}) {
      const auto all = [](int y) { return static_cast<std::uint8_t>(y == 0 ? 0 : 0xFF); };
      EXPECT_EQ(first_pixel({PNG_COLOR_TYPE_GRAY, bits, interlace}, all, 0), (base::Bytes{0, 0, 0}));
      EXPECT_EQ(first_pixel({PNG_COLOR_TYPE_GRAY, bits, interlace}, all, 9), (base::Bytes{255, 255, 255}));
    }
    const auto second = [](int) { return std::uint8_t{0x55}; };   // 1 in every two bits
    EXPECT_EQ(first_pixel({PNG_COLOR_TYPE_PALETTE, 2, interlace}, second, 3), (base::Bytes{10, 20, 30}));
    EXPECT_EQ(first_pixel({PNG_COLOR_TYPE_PALETTE, 2, interlace, true}, second, 3), (base::Bytes{10, 20, 30}));
  }
}

TEST(Png, ChunksThatAreNoPixelsAreSkipped) {
  EXPECT_TRUE(decode(png({.text = true}, [](int) { return std::uint8_t{7}; })));
}

TEST(Png, AShortFileCannotAskForMuchMemory) {
  base::Bytes file = encode_png(gradient(8, 8)).value();
  file[18] = file[22] = 0x10;                      // 4096 and more each way
  const auto decoded = decode(file);
  EXPECT_EQ(decoded.error().code, Code::corrupt);  // the header's checksum is wrong, too
  EXPECT_TRUE(decoded.error().message.starts_with("decode PNG: ")) << decoded.error().message;
}

TEST(Bmp, EveryFormIsRead) {
  const Image image = gradient(13, 7);
  for (const bool from_top : {false, true})
    for (const auto& [bits, packing] : {std::pair{24, 0U}, {32, 0U}, {32, 3U}}) {
      const auto decoded = decode(bmp({13, 7, bits, from_top, packing}));
      ASSERT_TRUE(decoded) << decoded.error().message;
      EXPECT_EQ(decoded->image.pixels, image.pixels) << bits;
      EXPECT_EQ(decoded->format, ImageFormat::bmp);
    }
  const Image grey = decode(bmp({13, 7, 8, false})).value().image;
  for (int x = 0; x < 13; ++x)
    for (int c = 0; c < 3; ++c) EXPECT_EQ(grey.row(3)[x * 3 + c], image.row(3)[x * 3]);
}

TEST(Bmp, RefusedFormsSaySo) {
  const auto message = [](const Bmp& kind) { return decode(bmp(kind)).error().message; };
  EXPECT_EQ(message({4, 4, 8, false, 1}), "decode BMP: packed pixels (form 1) are not taken");
  EXPECT_EQ(message({4, 4, 16}), "decode BMP: 16 bits a pixel are not taken; 8, 24 and 32 are");
  EXPECT_EQ(message({4, 4, 24, false, 3}), "decode BMP: colour masks are taken with 32 bits only");
  base::Bytes file = bmp({});
  file[14] = 17;
  EXPECT_EQ(decode(file).error().message, "decode BMP: a header of 17 bytes is unknown");
}

TEST(Bmp, TheOldHeaderIsRead) {
  base::Bytes file;
  base::Writer out(file);
  out.raw(base::as_bytes("BM"));
  out.u32(0), out.u32(0), out.u32(26), out.u32(12);
  out.u16(1), out.u16(1), out.u16(1), out.u16(24);
  out.u8(3), out.u8(2), out.u8(1), out.u8(0);
  EXPECT_EQ(decode(file).value().image.pixels, (base::Bytes{1, 2, 3}));
}

TEST(Bmp, PhotographsAreRead) {
  const base::Bytes file = test_picture("images/grace_hopper.bmp");
  if (file.empty()) GTEST_SKIP() << "../shared/data/vision is not there";
  const auto decoded = decode(file);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_GT(decoded->image.width, 300);
  EXPECT_TRUE(decode(test_picture("images/dog_train_0.bmp")));
}

}  // namespace
}  // namespace selvedge::codec
