#include "codec/image/orientation.h"

#include <cstring>

#include "codec/image/formats.h"

namespace selvedge::codec {
namespace {

// Reads TIFF integers; zero past the end, which no valid field is.
struct Tiff {
  base::BytesView bytes;
  bool big = false;

  std::uint32_t at(std::size_t offset, int size) const {
    if (offset > bytes.size() || bytes.size() - offset < std::size_t(size)) return 0;
    std::uint32_t value = 0;
    for (int i = 0; i < size; ++i)
      value = value << 8 | bytes[offset + std::size_t(big ? i : size - 1 - i)];
    return value;
  }
};

int orientation_of_tiff(base::BytesView bytes) {
  if (bytes.size() < 8) return 1;
  Tiff tiff{bytes, bytes[0] == 'M'};
  if (tiff.at(2, 2) != 42) return 1;
  const std::size_t directory = tiff.at(4, 4);
  const std::uint32_t entries = tiff.at(directory, 2);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + std::size_t{12} * i;
    if (entry + 12 > bytes.size()) break;
    if (tiff.at(entry, 2) != 0x0112) continue;
    const std::uint32_t value = tiff.at(entry + 8, 2);
    const bool short_integer = tiff.at(entry + 2, 2) == 3;
    return short_integer && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace

int orientation_of_jpeg(base::BytesView file) {
  constexpr std::string_view exif("Exif\0\0", 6);
  std::size_t at = 2;                              // after the start of the image
  while (file.size() >= at + 4 && file[at] == 0xFF) {
    const std::uint8_t marker = file[at + 1];
    if (marker == 0xFF) {                          // filler
      ++at;
      continue;
    }
    if (marker == 0xDA || marker == 0xD9) break;   // pixels, or the end
    const std::size_t length = std::size_t{file[at + 2]} << 8 | file[at + 3];
    if (length < 2 || file.size() - at - 2 < length) break;
    const base::BytesView body = file.subspan(at + 4, length - 2);
    if (marker == 0xE1 && base::as_text(body).starts_with(exif))
      return orientation_of_tiff(body.subspan(exif.size()));
    at += 2 + length;
  }
  return 1;
}

Image upright(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  Image turned;
  const int width = image.width, height = image.height;
  if (is_transposed(orientation)) shape(turned, height, width);
  else shape(turned, width, height);
  // Where the first pixel of the file goes, and how far apart its neighbours to the right and below land.
  const std::ptrdiff_t row = std::ptrdiff_t{turned.width} * 3;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const std::ptrdiff_t across = from_right ? -3 : 3, down = from_bottom ? -row : row;
  const std::ptrdiff_t right = is_transposed(orientation) ? down : across;
  const std::ptrdiff_t below = is_transposed(orientation) ? across : down;
  const std::ptrdiff_t first = (from_right ? row - 3 : 0) + (from_bottom ? row * (turned.height - 1) : 0);
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* from = image.row(y);
    std::uint8_t* to = turned.pixels.data() + first + below * y;
    for (int x = 0; x < width; ++x, from += 3) std::memcpy(to + right * x, from, 3);
  }
  return turned;
}

}  // namespace selvedge::codec
