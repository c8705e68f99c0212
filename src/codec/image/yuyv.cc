#include "codec/image/yuyv.h"

#include <algorithm>

#include "codec/image/formats.h"

namespace selvedge::codec {
namespace {

std::uint8_t held(int value) { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); }

}  // namespace

base::Result<void> from_yuyv(base::BytesView bytes, int width, int height, std::size_t stride, const ImageLimits& limits,
                             Image& into) {
  if (width < 2 || height < 1 || width % 2 != 0)
    return base::fail(base::Code::invalid_input, "a YUYV picture of " + std::to_string(width) + " x " +
                                                     std::to_string(height) + " pixels cannot be");
  const std::size_t row_bytes = std::size_t(width) * 2;
  if (stride == 0) stride = row_bytes;
  TRY(check_size(std::uint64_t(width), std::uint64_t(height), limits, bytes.size()));
  if (stride < row_bytes || bytes.size() < row_bytes || (bytes.size() - row_bytes) / stride < std::size_t(height) - 1)
    return base::fail(base::Code::corrupt, "a YUYV picture of " + std::to_string(width) + " x " + std::to_string(height) +
                                               " pixels has only " + std::to_string(bytes.size()) + " bytes");
  shape(into, width, height);
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* from = bytes.data() + stride * std::size_t(y);
    std::uint8_t* to = into.row(y);
    for (int x = 0; x < width; x += 2, from += 4, to += 6) {
      // BT.601 in 65536ths.
      const int blue = from[1] - 128, red = from[3] - 128;
      const int to_red = 104597 * red, to_green = -25675 * blue - 53279 * red, to_blue = 132201 * blue;
      for (int i = 0; i < 2; ++i) {
        const int light = 76309 * (from[i * 2] - 16) + 32768;
        to[i * 3] = held((light + to_red) >> 16);
        to[i * 3 + 1] = held((light + to_green) >> 16);
        to[i * 3 + 2] = held((light + to_blue) >> 16);
      }
    }
  }
  return {};
}

}  // namespace selvedge::codec
