#include "codec/inference/datatype.h"

#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "base/text.h"

namespace selvedge::codec::inference {
namespace {

constexpr std::array<std::pair<ElementType, std::string_view>, 13> names{{
    {ElementType::boolean, "BOOL"},   {ElementType::uint8, "UINT8"},    {ElementType::uint16, "UINT16"},
    {ElementType::uint32, "UINT32"},  {ElementType::uint64, "UINT64"},  {ElementType::int8, "INT8"},
    {ElementType::int16, "INT16"},    {ElementType::int32, "INT32"},    {ElementType::int64, "INT64"},
    {ElementType::float16, "FP16"},   {ElementType::float32, "FP32"},   {ElementType::float64, "FP64"},
    {ElementType::text, "BYTES"},
}};

}  // namespace

std::string_view datatype_of(ElementType type) {
  for (const auto& [known, name] : names)
    if (known == type) return name;
  return "";
}

base::Result<ElementType> parse_datatype(std::string_view name) {
  for (const auto& [type, known] : names)
    if (known == name) return type;
  return base::fail(base::Code::invalid_input, "datatype '" + base::printable(name, 32) +
                                                   "' is not one of BOOL, UINT8 to UINT64, INT8 to INT64, FP16, "
                                                   "FP32, FP64, BYTES");
}

float from_half(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half & 0x8000U} << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1FU;
  const std::uint32_t fraction = half & 0x3FFU;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | fraction << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float small = std::ldexp(static_cast<float>(fraction), -24);
  return sign != 0 ? -small : small;
}

std::uint16_t to_half(float number) {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  std::uint32_t half = 0;
  if (magnitude > 0x7F800000U) {
    half = 0x7E00U;                                // not a number
  } else if (magnitude >= 0x477FF000U) {
    half = 0x7C00U;                                // 65520 and more round to infinity
  } else if (magnitude >= 0x38800000U) {
    const std::uint32_t kept = magnitude - 0x38000000U;
    half = (kept + 0xFFFU + ((kept >> 13) & 1U)) >> 13;
  } else {
    // Below 2^-14: multiples of 2^-24. The product is exact, and lrint rounds ties to even.
    half = static_cast<std::uint32_t>(std::lrint(std::ldexp(static_cast<double>(std::bit_cast<float>(magnitude)), 24)));
  }
  return static_cast<std::uint16_t>(sign | half);
}

}  // namespace selvedge::codec::inference
