// BMP as Windows writes it: 8 bits with a palette, 24 and 32 bits, rows from the bottom or the top.
// Packed (run length) forms and JPEG or PNG inside a BMP are refused. Layout: BITMAPFILEHEADER and
// BITMAPCOREHEADER, BITMAPINFOHEADER to BITMAPV5HEADER (Microsoft, "Bitmap Storage").

#include <algorithm>
#include <array>
#include <bit>

#include "codec/image/formats.h"

namespace selvedge::codec {

using base::Code;
using base::fail;

namespace {

struct Header {
  std::uint32_t data = 0;                          // where the pixels begin
  std::uint32_t width = 0, height = 0;
  bool from_top = false;
  int bits = 0;
  std::array<int, 3> channel{16, 8, 0};            // 32 bits: shift of red, green, blue
  std::size_t palette = 0, colours = 0, colour_bytes = 4;
};

std::uint32_t little(base::BytesView file, std::size_t at, int size = 4) {
  std::uint32_t value = 0;
  for (int i = size - 1; i >= 0; --i) value = value << 8 | file[at + std::size_t(i)];
  return value;
}

base::Result<void> read_masks(base::BytesView file, std::size_t at, Header& header) {
  if (header.bits != 32) return fail(Code::invalid_input, "colour masks are taken with 32 bits only");
  if (file.size() < at + 12) return fail(Code::corrupt, "it ends within the colour masks");
  for (std::size_t i = 0; i < 3; ++i) {
    const std::uint32_t mask = little(file, at + 4 * i);
    const int shift = mask == 0 ? 0 : std::countr_zero(mask);
    if (mask >> shift != 0xFF || shift % 8 != 0)
      return fail(Code::invalid_input, "a colour mask is not one whole byte");
    header.channel[i] = shift;
  }
  return {};
}

base::Result<Header> read_header(base::BytesView file) {
  if (file.size() < 26) return fail(Code::corrupt, "it ends within the header");
  Header header;
  header.data = little(file, 10);
  const std::uint32_t size = little(file, 14);
  if (size != 12 && (size < 40 || size > 256))
    return fail(Code::invalid_input, "a header of " + std::to_string(size) + " bytes is unknown");
  if (file.size() < 14 + std::size_t{size}) return fail(Code::corrupt, "it ends within the header");
  header.palette = 14 + std::size_t{size};
  if (size == 12) {
    header.width = little(file, 18, 2);
    header.height = little(file, 20, 2);
    header.bits = static_cast<int>(little(file, 24, 2));
    header.colour_bytes = 3;
    header.colours = 256;
  } else {
    header.width = little(file, 18);
    const std::uint32_t height = little(file, 22);
    header.from_top = height >> 31 != 0;
    header.height = header.from_top ? 0U - height : height;
    header.bits = static_cast<int>(little(file, 28, 2));
    const std::uint32_t packing = little(file, 30);
    if (packing == 3 || packing == 6) {
      TRY(read_masks(file, 54, header));             // inside a longer header, or right after this one
    } else if (packing != 0) {
      return fail(Code::invalid_input, "packed pixels (form " + std::to_string(packing) + ") are not taken");
    }
    const std::uint32_t colours = little(file, 46);
    header.colours = colours == 0 || colours > 256 ? 256 : colours;
  }
  if (header.bits != 8 && header.bits != 24 && header.bits != 32)
    return fail(Code::invalid_input, std::to_string(header.bits) + " bits a pixel are not taken; 8, 24 and 32 are");
  return header;
}

// The 256 colours; those that the file does not have are black.
base::Result<std::array<std::uint8_t, 768>> read_palette(base::BytesView file, const Header& header) {
  std::array<std::uint8_t, 768> colours{};
  const std::size_t there = header.data > header.palette ? (header.data - header.palette) / header.colour_bytes : 0;
  const std::size_t count = std::min(header.colours, there);
  if (file.size() < header.palette + count * header.colour_bytes)
    return fail(Code::corrupt, "it ends within the palette");
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t c = 0; c < 3; ++c)
      colours[i * 3 + c] = file[header.palette + i * header.colour_bytes + 2 - c];
  return colours;
}

}  // namespace

base::Result<void> decode_bmp(base::BytesView file, const DecodeOptions& options, Decoded& into) {
  const Header header = TRY(read_header(file));
  TRY(check_size(header.width, header.height, options.limits, file.size()));
  const std::size_t width = header.width, bytes = std::size_t(header.bits) / 8;
  const std::size_t stride = (width * bytes + 3) / 4 * 4;   // rows are padded to four bytes
  const std::size_t needed = stride * (header.height - 1) + width * bytes;
  if (header.data < header.palette || header.data > file.size() || file.size() - header.data < needed)
    return fail(Code::corrupt, "it ends before its last row");
  std::array<std::uint8_t, 768> colours{};
  if (header.bits == 8) colours = TRY(read_palette(file, header));

  shape(into.image, static_cast<int>(header.width), static_cast<int>(header.height));
  into.file_width = into.image.width;
  into.file_height = into.image.height;
  const std::size_t red = std::size_t(header.channel[0]) / 8, green = std::size_t(header.channel[1]) / 8,
                    blue = std::size_t(header.channel[2]) / 8;
  for (std::size_t y = 0; y < header.height; ++y) {
    const std::uint8_t* from = file.data() + header.data + stride * (header.from_top ? y : header.height - 1 - y);
    std::uint8_t* to = into.image.row(static_cast<int>(y));
    for (std::size_t x = 0; x < width; ++x, from += bytes, to += 3) {
      const std::uint8_t* pixel = header.bits == 8 ? &colours[std::size_t{*from} * 3] : from;
      to[0] = header.bits == 8 ? pixel[0] : pixel[red];
      to[1] = header.bits == 8 ? pixel[1] : pixel[green];
      to[2] = header.bits == 8 ? pixel[2] : pixel[blue];
    }
  }
  return {};
}

}  // namespace selvedge::codec
