// A picture of any format. The first byte chooses the size at which a JPEG is decoded. What is read must
// have the pixels it says, and come back from PNG to the byte.

#include <cstdlib>

#include "codec/image/image.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace codec = selvedge::codec;
  if (size == 0) return 0;
  codec::DecodeOptions options;
  options.limits = {.bytes = 1 << 20, .side = 2'000, .pixels = 200'000};
  options.least_width = options.least_height = data[0];
  const auto decoded = codec::decode({data + 1, size - 1}, options);
  if (!decoded) {
    if (decoded.error().message.empty()) std::abort();
    return 0;
  }
  const codec::Image& image = decoded->image;
  if (image.pixels.size() != std::size_t(image.width) * std::size_t(image.height) * 3) std::abort();
  if (image.width > decoded->file_width || image.height > decoded->file_height) std::abort();
  if (image.pixels.size() > 30'000) return 0;
  const auto file = codec::encode_png(image);
  if (!file || codec::decode(*file).value().image.pixels != image.pixels) std::abort();
  return 0;
}
