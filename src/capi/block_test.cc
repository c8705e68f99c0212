#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "selvedge/block.h"

namespace {

std::vector<std::uint8_t> two_blocks() {
  selvedge_writer* const writer = selvedge_writer_new();
  const std::int64_t times[] = {1'000, 2'000, 3'000};
  const double values[] = {21.5, -0.0, std::numeric_limits<double>::quiet_NaN()};
  const std::int64_t counts[] = {7, 8, 9};
  EXPECT_EQ(selvedge_writer_add_float64(writer, "boiler/temp", times, values, 3, SELVEDGE_DENSE, SELVEDGE_EXACT, 0), SELVEDGE_OK);
  EXPECT_EQ(selvedge_writer_add_int64(writer, "boiler/count", times, counts, 3, SELVEDGE_FAST), SELVEDGE_OK);
  std::size_t size = 0;
  const auto* const bytes = static_cast<const std::uint8_t*>(selvedge_writer_bytes(writer, &size));
  std::vector<std::uint8_t> copy(bytes, bytes + size);
  selvedge_writer_free(writer);
  return copy;
}

TEST(BlockApi, GivesBackWhatItWasGiven) {
  const auto bytes = two_blocks();
  selvedge_blocks* const blocks = selvedge_blocks_open(bytes.data(), bytes.size());
  ASSERT_NE(blocks, nullptr) << selvedge_block_error();
  ASSERT_EQ(selvedge_blocks_count(blocks), 2u);
  EXPECT_STREQ(selvedge_blocks_series(blocks, 1), "boiler/count");
  selvedge_summary summary;
  ASSERT_EQ(selvedge_blocks_summary(blocks, 0, &summary), SELVEDGE_OK);
  EXPECT_EQ(summary.count, 3u);
  EXPECT_EQ(summary.nan_count, 1u);
  EXPECT_EQ(summary.max, 21.5);
  std::int64_t times[3];
  double values[3];
  ASSERT_EQ(selvedge_blocks_read_float64(blocks, 0, times, values, 3), SELVEDGE_OK);
  EXPECT_EQ(times[2], 3'000);
  EXPECT_EQ(values[0], 21.5);
  EXPECT_TRUE(std::signbit(values[1]));
  EXPECT_TRUE(std::isnan(values[2]));
  std::int64_t counts[3];
  ASSERT_EQ(selvedge_blocks_read_int64(blocks, 1, nullptr, counts, 3), SELVEDGE_OK);
  EXPECT_EQ(counts[2], 9);
  selvedge_readings* const readings = selvedge_blocks_decode(blocks, 1);
  ASSERT_NE(readings, nullptr);
  EXPECT_EQ(selvedge_readings_kind(readings), SELVEDGE_INT64);
  EXPECT_EQ(selvedge_readings_float64(readings), nullptr);
  EXPECT_EQ(selvedge_readings_int64(readings)[0], 7);
  selvedge_readings_free(readings);
  selvedge_blocks_close(blocks);
}

TEST(BlockApi, RefusesWhatCannotBe) {
  const auto bytes = two_blocks();
  selvedge_blocks* const blocks = selvedge_blocks_open(bytes.data(), bytes.size());
  double values[3];
  EXPECT_EQ(selvedge_blocks_read_float64(blocks, 0, nullptr, values, 2), SELVEDGE_INVALID_INPUT);
  EXPECT_STREQ(selvedge_block_error(), "the arrays are too small for the block");
  EXPECT_EQ(selvedge_blocks_read_float64(blocks, 1, nullptr, values, 3), SELVEDGE_INVALID_INPUT);
  EXPECT_EQ(selvedge_blocks_read_float64(blocks, 9, nullptr, values, 3), SELVEDGE_INVALID_INPUT);
  EXPECT_EQ(selvedge_blocks_series(blocks, 2), nullptr);
  EXPECT_EQ(selvedge_blocks_count(nullptr), 0u);
  selvedge_blocks_close(blocks);
  selvedge_blocks_close(nullptr);
  EXPECT_EQ(selvedge_blocks_open(nullptr, 3), nullptr);
  EXPECT_EQ(selvedge_blocks_open("", 0), nullptr);

  selvedge_writer* const writer = selvedge_writer_new();
  const std::int64_t time = 0;
  const double value = 1;
  std::size_t before = 0, after = 0;
  selvedge_writer_bytes(writer, &before);
  EXPECT_EQ(selvedge_writer_add_float64(writer, "a", &time, &value, 0, SELVEDGE_DENSE, SELVEDGE_EXACT, 0), SELVEDGE_INVALID_INPUT);
  EXPECT_EQ(selvedge_writer_add_float64(writer, "a\n", &time, &value, 1, SELVEDGE_DENSE, SELVEDGE_EXACT, 0), SELVEDGE_INVALID_INPUT);
  EXPECT_EQ(selvedge_writer_add_float64(writer, "a", &time, &value, 1, SELVEDGE_DENSE, SELVEDGE_RANGE, -1), SELVEDGE_INVALID_INPUT);
  selvedge_writer_bytes(writer, &after);
  EXPECT_EQ(before, after);
  selvedge_writer_free(writer);
}

TEST(BlockApi, KeepsWithinABound) {
  std::vector<std::int64_t> times(1000);
  std::vector<double> values(1000), back(1000);
  for (std::size_t i = 0; i < 1000; ++i) times[i] = static_cast<std::int64_t>(i), values[i] = std::sin(static_cast<double>(i) * 0.01);
  selvedge_writer* const writer = selvedge_writer_new();
  ASSERT_EQ(selvedge_writer_add_float64(writer, "a", times.data(), values.data(), 1000, SELVEDGE_DENSE, SELVEDGE_ABSOLUTE, 0.01), SELVEDGE_OK);
  std::size_t size = 0;
  const void* const bytes = selvedge_writer_bytes(writer, &size);
  EXPECT_LT(size, 1000u);
  selvedge_blocks* const blocks = selvedge_blocks_open(bytes, size);
  ASSERT_EQ(selvedge_blocks_read_float64(blocks, 0, nullptr, back.data(), 1000), SELVEDGE_OK);
  for (std::size_t i = 0; i < 1000; ++i) EXPECT_LE(std::fabs(back[i] - values[i]), 0.01);
  selvedge_blocks_close(blocks);
  selvedge_writer_free(writer);
}

// Opens and reads all there is; whether that works does not matter here.
void read_all(const std::vector<std::uint8_t>& bytes) {
  selvedge_blocks* const blocks = selvedge_blocks_open(bytes.data(), bytes.size());
  std::int64_t times[3], counts[3];
  double values[3];
  for (std::size_t i = 0; i < selvedge_blocks_count(blocks); ++i) {
    selvedge_blocks_read_float64(blocks, i, times, values, 3);
    selvedge_blocks_read_int64(blocks, i, times, counts, 3);
    selvedge_readings_free(selvedge_blocks_decode(blocks, i));
  }
  selvedge_blocks_close(blocks);
}

TEST(BlockApi, SurvivesEveryTruncationAndEveryFlippedBit) {
  const auto bytes = two_blocks();
  for (std::size_t size = 0; size < bytes.size(); ++size) read_all({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)});
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto damaged = bytes;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ (1U << (bit % 8)));
    read_all(damaged);
  }
}

}  // namespace
