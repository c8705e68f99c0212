#include "codec/tflite/elements.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "codec/tflite/file_for_test.h"
#include "codec/tflite/flexbuffer.h"

namespace selvedge::codec::tflite {
namespace {

using base::Bytes;
using base::BytesView;

// From the definition: sign, five bits of exponent, ten of mantissa.
float half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const float mantissa = static_cast<float>(bits & 1023);
  const float sign = bits & 0x8000 ? -1.0F : 1.0F;
  if (exponent == 31) return mantissa == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

TEST(Elements, EveryHalfBecomesTheSameNumber) {
  std::vector<std::uint16_t> halves(65'536);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
  std::vector<float> floats(halves.size());
  halves_to_floats(reinterpret_cast<const std::uint8_t*>(halves.data()), floats.data(), floats.size());
  for (std::size_t i = 0; i < halves.size(); ++i) {
    const float expected = half(halves[i]);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(floats[i])) << i;
    } else {
      EXPECT_EQ(floats[i], expected) << i;
      EXPECT_EQ(std::signbit(floats[i]), std::signbit(expected)) << i;
    }
  }
}

TEST(Elements, AxesMoveInEveryOrder) {
  const Shape shape{2, 3, 1, 2};
  Bytes data(12);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(reordered(data, 1, shape, std::array<std::size_t, 4>{0, 3, 1, 2}), (Bytes{0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11}));
  EXPECT_EQ(reordered(data, 1, shape, std::array<std::size_t, 4>{1, 0, 2, 3}), (Bytes{0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11}));
  EXPECT_EQ(reordered(data, 1, shape, std::array<std::size_t, 4>{2, 0, 1, 3}), data);
  EXPECT_EQ(reordered(data, 2, {3, 2}, std::array<std::size_t, 2>{1, 0}), (Bytes{0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11}));
  EXPECT_EQ(reordered(data, 4, {3, 1}, std::array<std::size_t, 2>{1, 0}), data);
}

TEST(Elements, EachChannelHasItsOwnScale) {
  const Bytes reals = dequantised(Bytes{1, 0xFF, 3, 4}, TensorType::int8, {2, 2}, 1, {{0.5F, 2}, {0, 1}, 1});
  EXPECT_EQ(reals, data_of(std::vector<float>{0.5F, -4, 1.5F, 6}));
  EXPECT_EQ(dequantised(Bytes{200}, TensorType::uint8, {1}, 0, {{0.5F}, {100}, 0}), data_of(std::vector<float>{50}));
}

TEST(FlexMap, GivesNumbersByName) {
  const auto map = read_flex_map(flex_map({{"count", 10}, {"scale", 0.25F}, {"below", -3}}));
  ASSERT_TRUE(map) << map.error().message;
  EXPECT_EQ(*map, (std::map<std::string, double>{{"count", 10}, {"scale", 0.25}, {"below", -3}}));
}

TEST(FlexMap, DamageIsRefusedOrHarmless) {
  Bytes bytes = flex_map({{"count", 10}, {"scale", 0.25F}});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    (void)read_flex_map(cut).has_value();
  }
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    const auto map = read_flex_map(bytes);
    if (map) {
      EXPECT_LE(map->size(), 255u);
    }
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
  }
  EXPECT_FALSE(read_flex_map({}).has_value());
}

}  // namespace
}  // namespace selvedge::codec::tflite
