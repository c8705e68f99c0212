#include "codec/image/image.h"

#include <algorithm>

#include "codec/image/formats.h"

namespace selvedge::codec {

using base::Code;
using base::fail;

namespace {

bool begins(base::BytesView file, std::initializer_list<std::uint8_t> with) {
  return file.size() >= with.size() && std::equal(with.begin(), with.end(), file.begin());
}

}  // namespace

std::string_view name(ImageFormat format) {
  switch (format) {
    case ImageFormat::jpeg: return "jpeg";
    case ImageFormat::png: return "png";
    case ImageFormat::bmp: return "bmp";
  }
  return "";
}

base::Result<ImageFormat> format_of(base::BytesView file) {
  if (begins(file, {0xFF, 0xD8, 0xFF})) return ImageFormat::jpeg;
  if (begins(file, {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'})) return ImageFormat::png;
  if (begins(file, {'B', 'M'})) return ImageFormat::bmp;
  return fail(Code::invalid_input, file.empty() ? "the picture is empty"
                                                : "this is no JPEG, PNG or BMP picture");
}

base::Result<void> check_size(std::uint64_t width, std::uint64_t height, const ImageLimits& limits,
                              std::uint64_t bytes_hold) {
  const std::string size = std::to_string(width) + " x " + std::to_string(height);
  if (width == 0 || height == 0) return fail(Code::corrupt, "the picture is " + size + " pixels");
  const auto side = static_cast<std::uint64_t>(std::max(limits.side, 0));
  if (width > side || height > side)
    return fail(Code::exhausted, "the picture is " + size + " pixels; a side may have " +
                                     std::to_string(side));
  if (width * height > limits.pixels)
    return fail(Code::exhausted, "the picture is " + size + " pixels; it may have " +
                                     std::to_string(limits.pixels) + " in all");
  if (width * height > bytes_hold)
    return fail(Code::corrupt, "the picture says it is " + size +
                                   " pixels, which a file this short cannot hold");
  return {};
}

void shape(Image& image, int width, int height) {
  image.width = width;
  image.height = height;
  image.pixels.resize(std::size_t(width) * std::size_t(height) * 3);
}

base::Result<void> check_pixels(const Image& image) {
  if (image.width > 0 && image.height > 0 &&
      image.pixels.size() == std::size_t(image.width) * std::size_t(image.height) * 3)
    return {};
  return fail(Code::invalid_input, "encode picture: " + std::to_string(image.width) + " x " +
                                       std::to_string(image.height) + " pixels do not fit " +
                                       std::to_string(image.pixels.size()) + " bytes");
}

base::Result<void> decode_into(base::BytesView file, const DecodeOptions& options, Decoded& into) {
  if (file.size() > options.limits.bytes)
    return fail(Code::exhausted, "the picture has " + std::to_string(file.size()) +
                                     " bytes; it may have " + std::to_string(options.limits.bytes));
  into.format = TRY(format_of(file));
  switch (into.format) {
    case ImageFormat::jpeg: return base::while_doing("decode JPEG", decode_jpeg(file, options, into));
    case ImageFormat::png: return base::while_doing("decode PNG", decode_png(file, options, into));
    case ImageFormat::bmp: return base::while_doing("decode BMP", decode_bmp(file, options, into));
  }
  return {};
}

base::Result<Decoded> decode(base::BytesView file, const DecodeOptions& options) {
  Decoded decoded;
  TRY(decode_into(file, options, decoded));
  return decoded;
}

}  // namespace selvedge::codec
