#include "store/column.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <random>

#include "store/store_fixture.h"

namespace {

// How often this program has allocated.
std::uint64_t allocations = 0;

void* allocate(std::size_t size) {
  ++allocations;
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace selvedge::store {
namespace {

using model::Kind;
constexpr std::int64_t ms = 1'000'000, second = 1'000 * ms;
constexpr std::int64_t start = 1'760'000'000 * second;
constexpr std::uint64_t no_limit = 1ULL << 40;

struct Sample {
  std::int64_t time;
  double value;
};

// A random walk by hundredths on a timer of a second with a jitter of two milliseconds.
std::vector<Sample> random_walk(std::size_t count) {
  std::mt19937_64 random(3);
  std::int64_t level = 2000;
  std::vector<Sample> readings(count);
  for (std::size_t i = 0; i < count; ++i) {
    level += static_cast<std::int64_t>(random() % 3) - 1;
    const auto jitter = static_cast<std::int64_t>(random() % 5) - 2;
    readings[i] = {start + static_cast<std::int64_t>(i) * second + jitter * ms,
                   static_cast<double>(level) / 100};
  }
  return readings;
}

void push_all(Column& column, ChunkPool& pool, std::span<const Sample> readings) {
  for (const Sample& r : readings) column.push(pool, r.time, std::bit_cast<std::uint64_t>(r.value), {});
}

void expect_same(const Column& column, std::span<const Sample> readings) {
  codec::Columns columns;
  column.copy_to(columns, Kind::float64);
  ASSERT_EQ(columns.size(), readings.size());
  for (std::size_t i = 0; i < readings.size(); ++i) {
    ASSERT_EQ(columns.times[i], readings[i].time) << i;
    ASSERT_EQ(columns.float64[i], readings[i].value) << i;
  }
}

// Memory of a column of such times, a reading.
double bytes_each(std::size_t count, const std::function<std::int64_t(std::int64_t)>& at) {
  ChunkPool pool(no_limit);
  Column column;
  std::vector<Sample> readings(count);
  for (std::size_t i = 0; i < count; ++i)
    readings[i] = {at(static_cast<std::int64_t>(i)), static_cast<double>(i)};
  push_all(column, pool, readings);
  expect_same(column, readings);
  const auto bytes = static_cast<double>(pool.in_use());
  column.clear(pool);
  EXPECT_EQ(pool.in_use(), 0u);
  return bytes / static_cast<double>(count);
}

TEST(Column, TakesAtMostFourteenBytesAReading) {
  std::mt19937_64 random(7);
  const auto noise = [&](std::int64_t below) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(below));
  };
  for (const std::size_t count : {1000u, 2500u, 4096u}) {
    EXPECT_LE(bytes_each(count, [](std::int64_t i) { return start + i * 60 * second; }), 14.1);
    EXPECT_LE(bytes_each(count, [&](std::int64_t i) { return start + i * second + noise(5) * ms; }), 14.1);
    EXPECT_LE(bytes_each(count, [&](std::int64_t i) { return start + i * ms + noise(1000); }), 14.1);
  }
  // Nanoseconds of a slow clock need five bytes and a column that fills its chunks.
  EXPECT_LE(bytes_each(4096, [&](std::int64_t i) { return start + i * second + noise(second); }), 14.1);
}

TEST(Column, TakesAnyTimesInAnyOrder) {
  std::mt19937_64 random(9);
  EXPECT_LE(bytes_each(5000, [&](std::int64_t) { return static_cast<std::int64_t>(random()); }), 17.0);
  bytes_each(5000, [&](std::int64_t i) { return static_cast<std::int64_t>(random() >> (i / 80 % 64)); });
  bytes_each(5000, [&](std::int64_t i) { return (i % 3 - 1) * (1LL << (i / 100)) * 1000; });
  bytes_each(9, [](std::int64_t i) { return i % 2 == 0 ? INT64_MIN : INT64_MAX; });
  bytes_each(300, [](std::int64_t i) { return i < 200 ? i * second : INT64_MAX - i; });
}

TEST(Column, StartsSmall) {
  EXPECT_LE(bytes_each(1, [](std::int64_t i) { return i; }), 128.0);
  EXPECT_LE(bytes_each(8, [](std::int64_t i) { return i * second; }), 16.0);
}

TEST(Column, FindsWhatItHolds) {
  ChunkPool pool(no_limit);
  Column column;
  const std::vector<Sample> readings = random_walk(1000);
  push_all(column, pool, readings);
  for (const Sample& r : readings) {
    const auto bits = std::bit_cast<std::uint64_t>(r.value);
    EXPECT_TRUE(column.contains(Kind::float64, r.time, bits, {}));
    EXPECT_FALSE(column.contains(Kind::float64, r.time, bits + 1, {}));
    EXPECT_FALSE(column.contains(Kind::float64, r.time + 500 * ms, bits, {}));
  }
  column.clear(pool);
}

TEST(Column, KeepsTextsWithTheirTimes) {
  ChunkPool pool(no_limit);
  Column column;
  for (std::int64_t i = 0; i < 500; ++i) {
    const std::string text(static_cast<std::size_t>(i % 7), static_cast<char>('a' + i % 26));
    column.push(pool, i * second, text.size(), text);
  }
  EXPECT_TRUE(column.contains(Kind::text, 6 * second, 6, "gggggg"));
  EXPECT_FALSE(column.contains(Kind::text, 6 * second, 6, "hhhhhh"));
  codec::Columns columns;
  column.copy_to(columns, Kind::text);
  EXPECT_EQ(columns.at(499).text, std::string(499 % 7, static_cast<char>('a' + 499 % 26)));
  column.clear(pool);
}

TEST(Column, AllocatesNothingForAReadingOnceThePoolIsWarm) {
  ChunkPool pool(no_limit);
  Column columns[4];
  const std::vector<Sample> readings = random_walk(4096);
  const auto fill_and_clear = [&] {
    for (Column& column : columns) push_all(column, pool, readings);
    for (Column& column : columns) column.clear(pool);
  };
  fill_and_clear();
  const std::uint64_t before = allocations;
  fill_and_clear();
  EXPECT_EQ(allocations - before, 0u);
}

TEST(Column, SealsOneMillionAndAHalfOfBytesIntoATenth) {
  // What a node holds of 100,000 readings: blocks of 4,096 and the open rest.
  const std::vector<Sample> readings = random_walk(100'000);
  ChunkPool pool(no_limit);
  Column column;
  codec::Columns scratch;
  base::Bytes frame;
  std::size_t sealed_bytes = 0, sealed = 0;
  for (const Sample& r : readings) {
    column.push(pool, r.time, std::bit_cast<std::uint64_t>(r.value), {});
    if (column.size() < 4096) continue;
    column.copy_to(scratch, Kind::float64);
    frame.clear();
    ASSERT_TRUE(codec::encode_frame(scratch, frame));
    sealed_bytes += frame.size();
    sealed += scratch.size();
    column.clear(pool);
  }
  EXPECT_LE(static_cast<double>(sealed_bytes) / static_cast<double>(sealed), 1.5);
  EXPECT_LE(sealed_bytes + pool.in_use(), 200'000u);
  column.clear(pool);
}

TEST(Column, CodingABlockAgainAllocatesNothingForEachReading) {
  ChunkPool pool(no_limit);
  Column column;
  push_all(column, pool, random_walk(4096));
  codec::Columns scratch, back;
  base::Bytes frame;
  const auto code = [&] {
    column.copy_to(scratch, Kind::float64);
    frame.clear();
    ASSERT_TRUE(codec::encode_frame(scratch, frame));
    ASSERT_TRUE(codec::decode_frame(frame, back));
  };
  for (int i = 0; i < 3; ++i) code();
  const std::uint64_t before = allocations;
  code();
  EXPECT_LE(allocations - before, 64u);
  column.clear(pool);
}

TEST(ChunkPool, HandsOutAgainWhatItGotBackAndCountsIt) {
  ChunkPool pool(no_limit);
  Chunk* const first = pool.take(Chunk::Size::medium, TimeCoding::s4);
  EXPECT_EQ(pool.in_use(), Chunk::bytes(Chunk::Size::medium));
  pool.give_back(first);
  EXPECT_EQ(pool.in_use(), 0u);
  Chunk* const again = pool.take(Chunk::Size::medium, TimeCoding::ns6);
  EXPECT_EQ(again, first);
  EXPECT_EQ(again->count(), 0u);
  pool.give_back(again);
}

class MemoryTest : public StoreTest {
 protected:
  std::uint64_t last_ = 0;
};

TEST_F(MemoryTest, TheStoreAllocatesLittleForAMessageAndNothingForAReading) {
  open({.memory_bytes = 32 << 20, .block_age = std::chrono::hours(1)});
  const model::SeriesId id = series("walk");
  const std::vector<Sample> readings = random_walk(40'000);
  std::size_t next = 0;
  const auto add_messages = [&](std::size_t count, std::size_t each) {
    const std::uint64_t before = allocations;
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < each; ++j, ++next)
        ASSERT_TRUE(store->add(id, {readings[next].time}, model::ValueView::of(readings[next].value)));
      ASSERT_TRUE(store->end_message(0));
    }
    last_ = allocations - before;
  };
  add_messages(100, 100);
  add_messages(100, 100);
  EXPECT_LE(last_, 200u) << "of 100 messages, 10,000 readings and two or three blocks";
  store->seal_all();
  commit();
}

}  // namespace
}  // namespace selvedge::store
