// Pictures made by rule, BMP files, and photographs beside the checkout, for tests.

#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/wire.h"
#include "codec/image/image.h"

namespace selvedge::codec {

// Smooth, different in every channel and corner, so that a turned or swapped picture is noticed.
inline Image gradient(int width, int height) {
  Image image{width, height, base::Bytes(std::size_t(width) * std::size_t(height) * 3)};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      std::uint8_t* pixel = image.row(y) + x * 3;
      pixel[0] = static_cast<std::uint8_t>(255 * x / width);
      pixel[1] = static_cast<std::uint8_t>(255 * y / height);
      pixel[2] = static_cast<std::uint8_t>(128 + 60 * x / width - 90 * y / height);
    }
  return image;
}

// Of all channels; infinite for pictures of different size.
inline double mean_difference(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height) return 1e9;
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / double(a.pixels.size());
}

// A file of ../shared/data/vision, such as "images/pets.jpg"; empty where that is not there. Tests run
// somewhere below the checkout.
inline base::Bytes test_picture(const std::string& name) {
  namespace fs = std::filesystem;
  std::error_code none;
  for (fs::path at = fs::current_path(none); at.has_relative_path(); at = at.parent_path()) {
    std::ifstream in(at / ".." / "shared" / "data" / "vision" / name, std::ios::binary);
    if (in) return {std::istreambuf_iterator<char>(in), {}};
  }
  return {};
}

struct Bmp {
  int width = 4, height = 4;
  int bits = 24;
  bool from_top = false;
  std::uint32_t packing = 0;
};

// gradient() as a BMP; with 8 bits, grey of its red.
inline base::Bytes bmp(const Bmp& kind) {
  const Image image = gradient(kind.width, kind.height);
  base::Bytes file;
  base::Writer out(file);
  const std::size_t bytes = std::size_t(kind.bits) / 8, colours = kind.bits == 8 ? 256 : 0;
  const std::size_t masks = kind.packing == 3 ? 12 : 0;
  const std::size_t stride = (std::size_t(kind.width) * bytes + 3) / 4 * 4;
  out.raw(base::as_bytes("BM"));
  out.u32(0);
  out.u32(0);
  out.u32(static_cast<std::uint32_t>(54 + masks + colours * 4));
  out.u32(40);
  out.u32(static_cast<std::uint32_t>(kind.width));
  out.u32(static_cast<std::uint32_t>(kind.from_top ? -kind.height : kind.height));
  out.u16(1);
  out.u16(static_cast<std::uint16_t>(kind.bits));
  out.u32(kind.packing);
  for (int i = 0; i < 5; ++i) out.u32(0);
  if (masks != 0)
    for (const std::uint32_t mask : {0xFF0000U, 0xFF00U, 0xFFU}) out.u32(mask);
  for (std::uint32_t i = 0; i < colours; ++i) out.u32(i << 16 | i << 8 | i);
  for (int i = 0; i < kind.height; ++i) {
    const std::uint8_t* row = image.row(kind.from_top ? i : kind.height - 1 - i);
    for (int x = 0; x < kind.width; ++x) {
      if (bytes == 1) out.u8(row[x * 3]);
      else for (int c = 2; c >= 0; --c) out.u8(row[x * 3 + c]);
      if (bytes == 4) out.u8(0);
    }
    for (std::size_t pad = std::size_t(kind.width) * bytes; pad < stride; ++pad) out.u8(0);
  }
  return file;
}

}  // namespace selvedge::codec
