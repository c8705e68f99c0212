// A plain loop that becomes vector code: see CMakeLists.txt.

#include <bit>
#include <cstring>

#include "codec/tflite/elements.h"

namespace selvedge::codec::tflite {

// Exponent and mantissa move into place and the bias is corrected. For subnormal halves the value is
// made as (1 + m) * 2^-14 - 2^-14, so that no subnormal operand slows the processor down.
void halves_to_floats(const std::uint8_t* from, float* to, std::size_t count) {
  constexpr std::uint32_t exponent = 0x7C00U << 13;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t half;
    std::memcpy(&half, from + 2 * i, sizeof half);
    std::uint32_t bits = (half & 0x7FFFU) << 13;
    const std::uint32_t e = bits & exponent;
    bits += (127U - 15U) << 23;
    bits += e == exponent ? (128U - 16U) << 23 : 0U;
    const float tiny = std::bit_cast<float>(bits + (1U << 23)) - std::bit_cast<float>(113U << 23);
    const std::uint32_t magnitude = e == 0 ? std::bit_cast<std::uint32_t>(tiny) : bits;
    to[i] = std::bit_cast<float>(magnitude | (half & 0x8000U) << 16);
  }
}

}  // namespace selvedge::codec::tflite
