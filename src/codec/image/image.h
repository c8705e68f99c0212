// Image: a picture as bytes of red, green and blue, and the way from and to files: JPEG, PNG, BMP in;
// PNG and JPEG out.
//
// decode() takes bytes from anyone: width, height and pixels are held against limits, and against what
// a file of that length can hold, before anything is allocated. Damage is an error that says what was
// wrong: a picture that is partly grey filler would be looked at as if it were one. Only what costs no
// pixel is let pass, above all a JPEG without its end marker, which many cameras send. Pure; any thread.
//
// Transparency is dropped, CMYK is converted without a colour profile, and a JPEG's EXIF orientation
// is applied, so that a picture stands as it was taken.

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::codec {

struct Image {
  int width = 0, height = 0;                       // pixels
  std::vector<std::uint8_t> pixels;                // rows from the top; red, green, blue each pixel

  std::uint8_t* row(int y) { return pixels.data() + std::size_t(y) * std::size_t(width) * 3; }
  const std::uint8_t* row(int y) const { return pixels.data() + std::size_t(y) * std::size_t(width) * 3; }
};

enum class ImageFormat : std::uint8_t { jpeg, png, bmp };

struct ImageLimits {
  std::size_t bytes = std::size_t{64} << 20;          // of the file
  int side = 16'384;                               // width or height
  std::size_t pixels = std::size_t{64} << 20;
};

struct DecodeOptions {
  ImageLimits limits{};
  // The smallest picture that is of use. A JPEG is decoded at 1/2, 1/4 or 1/8 of its size as long as
  // neither side falls below these; 0: full size.
  int least_width = 0, least_height = 0;
};

struct Decoded {
  Image image;
  ImageFormat format = ImageFormat::jpeg;
  int file_width = 0, file_height = 0;             // at full size and upright; image may be smaller
};

std::string_view name(ImageFormat format);

// By the first bytes. Code::invalid_input for anything else.
base::Result<ImageFormat> format_of(base::BytesView file);

// Code::invalid_input for what is no picture or a form that is refused, Code::exhausted for one above
// the limits, Code::corrupt for damage.
base::Result<Decoded> decode(base::BytesView file, const DecodeOptions& options = {});
// The same into the memory of an earlier picture. `into` holds nothing of use after an error.
base::Result<void> decode_into(base::BytesView file, const DecodeOptions& options, Decoded& into);

// Fails only for a picture without pixels, or larger than the format allows.
base::Result<base::Bytes> encode_png(const Image& image);
base::Result<base::Bytes> encode_jpeg(const Image& image, int quality = 90);

}  // namespace selvedge::codec
