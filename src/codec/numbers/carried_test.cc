// Carried batches: each decodes with its key alone, and costs less than by itself.

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>

#include "codec/numbers/carried.h"
#include "codec/numbers/values.h"

namespace selvedge::codec {
namespace {

struct Batch {
  std::vector<double> values;
  base::Bytes bytes;
  std::size_t key;                     // the place of its key
};

std::vector<Batch> batches_of(const std::vector<double>& series, std::size_t size) {
  std::vector<Batch> batches;
  CarriedEncoder encoder(16);
  std::size_t key = 0;
  for (std::size_t at = 0; at + size <= series.size(); at += size) {
    Batch batch{{series.begin() + static_cast<std::ptrdiff_t>(at), series.begin() + static_cast<std::ptrdiff_t>(at + size)}, {}, 0};
    base::Writer out(batch.bytes);
    if (encoder.put(out, batch.values) == BatchKind::key) key = batches.size();
    batch.key = key;
    batches.push_back(std::move(batch));
  }
  return batches;
}

// A room: steps of 0.01, now and then an average of three, a NaN or a leap.
std::vector<double> room(std::size_t count) {
  std::mt19937_64 random(17);
  std::vector<double> series(count);
  std::int64_t at = 2100;
  for (std::size_t i = 0; i < count; ++i) {
    at += static_cast<std::int64_t>(random() % 7) - 3;
    series[i] = static_cast<double>(at) / 100;
    if (i % 500 == 77) series[i] = std::numeric_limits<double>::quiet_NaN();
    if (i % 400 == 99) series[i] = static_cast<double>(at) / 300;
    if (i % 900 == 800) series[i] = -0.0;
  }
  return series;
}

bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

TEST(Carried, DecodesEachBatchWithItsKeyAlone) {
  const std::vector<Batch> batches = batches_of(room(8000), 100);
  std::size_t keys = 0;
  for (std::size_t i = batches.size(); i-- > 0;) {
    const Batch& batch = batches[i];
    keys += batch.key == i;
    const KeyPtr key = read_key(batches[batch.key].bytes);
    ASSERT_NE(key, nullptr);
    std::vector<double> back(100);
    ASSERT_TRUE(take_batch(batch.bytes, key.get(), back)) << i;
    EXPECT_TRUE(same(back, batch.values)) << i;
  }
  EXPECT_GE(keys, 2u);
  EXPECT_LT(keys, batches.size() / 4);
}

TEST(Carried, CostsLessThanBatchesAlone) {
  const std::vector<Batch> batches = batches_of(room(20'000), 100);
  std::size_t carried = 0, alone = 0;
  for (const Batch& batch : batches) {
    carried += batch.bytes.size();
    base::Bytes bytes;
    base::Writer out(bytes);
    put_doubles(out, batch.values, Effort::dense);
    alone += bytes.size();
  }
  EXPECT_LT(carried, alone);
}

TEST(Carried, NeedsAKey) {
  const std::vector<Batch> batches = batches_of(room(500), 100);
  std::vector<double> back(100);
  EXPECT_FALSE(take_batch(batches[1].bytes, nullptr, back));
  EXPECT_TRUE(take_batch(batches[0].bytes, nullptr, back));   // which brings its own
  EXPECT_EQ(read_key(batches[1].bytes), nullptr);
}

TEST(Carried, TakesASeriesThatChangesItsNature) {
  std::vector<double> series = room(3000);
  std::mt19937_64 random(3);
  for (std::size_t i = 1500; i < series.size(); ++i) series[i] = static_cast<double>(random()) * 1e-7;
  for (std::size_t i = 2500; i < series.size(); ++i) series[i] = 7;
  for (const std::size_t size : {1u, 7u, 250u}) {
    const std::vector<Batch> batches = batches_of(series, size);
    for (const Batch& batch : batches) {
      std::vector<double> back(size);
      ASSERT_TRUE(take_batch(batch.bytes, read_key(batches[batch.key].bytes).get(), back));
      ASSERT_TRUE(same(back, batch.values));
    }
  }
}

TEST(Carried, SurvivesDamage) {
  const std::vector<Batch> batches = batches_of(room(2000), 100);
  const Batch& key_batch = batches[batches[15].key];
  const KeyPtr key = read_key(key_batch.bytes);
  std::vector<double> back(100);
  for (const Batch* batch : {&key_batch, &batches[15]}) {
    for (std::size_t bit = 0; bit < batch->bytes.size() * 8; ++bit) {
      base::Bytes bytes = batch->bytes;
      bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1u << (bit % 8)));
      take_batch(bytes, key.get(), back);
    }
    for (std::size_t size = 0; size < batch->bytes.size(); ++size)
      EXPECT_FALSE(take_batch(base::BytesView(batch->bytes).first(size), key.get(), back)) << size;
  }
}

}  // namespace
}  // namespace selvedge::codec
