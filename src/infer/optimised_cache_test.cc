#include "infer/optimised_cache.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "infer/graphs_for_test.h"
#include "infer/models_fixture.h"

namespace selvedge::infer {
namespace {

namespace filesystem = std::filesystem;
using base::Bytes;

std::string fresh(const std::string& name) {
  const auto folder = filesystem::path(testing::TempDir()) / ("optimised-" + name);
  filesystem::remove_all(folder);
  return folder;
}

void write(const std::string& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
}

std::vector<filesystem::path> files(const std::string& folder) {
  std::vector<filesystem::path> all;
  for (const auto& entry : filesystem::directory_iterator(folder)) all.push_back(entry.path());
  return all;
}

void put(const OptimisedCache& cache, const std::string& key, const Bytes& bytes) {
  const std::string place = cache.place_to_write();
  write(place, bytes);
  cache.keep(place, key);
}

TEST(OptimisedCache, GivesBackWhatItKept) {
  const OptimisedCache cache(fresh("kept"));
  EXPECT_EQ(cache.find("a"), nullptr);
  put(cache, "a", {1, 2, 3});
  ASSERT_NE(cache.find("a"), nullptr);
  EXPECT_EQ(*cache.find("a"), (Bytes{1, 2, 3}));
  EXPECT_EQ(cache.find("b"), nullptr);
  cache.remove("a");
  EXPECT_EQ(cache.find("a"), nullptr);
}

TEST(OptimisedCache, NamesWhatDecidesTheOutcome) {
  const Bytes model{1, 2, 3}, other{1, 2, 4};
  EXPECT_EQ(OptimisedCache::key(model, "1.28.2"), OptimisedCache::key(model, "1.28.2"));
  EXPECT_NE(OptimisedCache::key(model, "1.28.2"), OptimisedCache::key(other, "1.28.2"));
  EXPECT_NE(OptimisedCache::key(model, "1.28.2"), OptimisedCache::key(model, "1.29.0"));
}

TEST(OptimisedCache, TakesADamagedFileForNone) {
  const std::string folder = fresh("damaged");
  const OptimisedCache cache(folder);
  put(cache, "a", Bytes(100, 7));
  const std::string path = files(folder).at(0);
  Bytes whole(filesystem::file_size(path));
  std::ifstream(path, std::ios::binary).read(reinterpret_cast<char*>(whole.data()), std::streamsize(whole.size()));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write(path, Bytes(whole.begin(), whole.begin() + std::ptrdiff_t(size)));
    EXPECT_EQ(cache.find("a"), nullptr) << size;
  }
  for (std::size_t i = 0; i < whole.size(); ++i) {
    Bytes changed = whole;
    changed[i] ^= 1;
    write(path, changed);
    EXPECT_EQ(cache.find("a"), nullptr) << i;
  }
  write(path, whole);
  EXPECT_NE(cache.find("a"), nullptr);
}

TEST(OptimisedCache, KeepsThoseUsedLastAndNothingUnfinished) {
  const std::string folder = fresh("bounded");
  const OptimisedCache cache(folder);
  write(cache.place_to_write(), {1});
  const auto unfinished = files(folder).at(0);
  const auto now = filesystem::file_time_type::clock::now();
  filesystem::last_write_time(unfinished, now - std::chrono::hours(2));
  for (int i = 0; i < 40; ++i) {
    put(cache, "model" + std::to_string(i), {1});
    // As if a minute lay between them; the first is used all the time.
    for (const auto& path : files(folder))
      if (path.filename() != "model0.optimised") filesystem::last_write_time(path, filesystem::last_write_time(path) - std::chrono::minutes(1));
    EXPECT_NE(cache.find("model0"), nullptr);
  }
  EXPECT_EQ(files(folder).size(), 32U);
  EXPECT_FALSE(filesystem::exists(unfinished));
  EXPECT_NE(cache.find("model39"), nullptr);
  EXPECT_EQ(cache.find("model1"), nullptr);
}

TEST(OptimisedCache, DoesWithoutAFolder) {
  const std::string file = fresh("file");
  write(file, {1});
  const OptimisedCache cache(file + "/below");
  EXPECT_EQ(cache.place_to_write(), "");
  EXPECT_EQ(cache.find("a"), nullptr);
}

TEST(OptimisedCache, ServesModelsAndSurvivesDamage) {
  const auto runtime = test_runtime();
  if (!runtime) GTEST_SKIP() << runtime.error().message;
  const std::string folder = fresh("models");
  const Bytes model = codec::onnx::write(doubling({3}));
  const std::array<float, 3> values{1, 2, 3};
  const Shape shape{3};
  const auto doubled = [&](const std::string& where) {
    const auto session = (*runtime)->load(model, {.cache = where});
    if (!session) return session.error().message;
    const auto outputs = (*session)->run(std::array{TensorView{
        ElementType::float32, shape, {reinterpret_cast<const std::uint8_t*>(values.data()), sizeof values}}});
    if (!outputs) return outputs.error().message;
    const auto y = outputs->at(0).floats();
    return y[0] == 2 && y[1] == 4 && y[2] == 6 ? std::string("right") : std::string("wrong");
  };
  EXPECT_EQ(doubled(folder), "right");
  ASSERT_EQ(files(folder).size(), 1U);
  EXPECT_EQ(doubled(folder), "right");
  const std::string path = files(folder).at(0);
  write(path, Bytes(1'000, 7));
  EXPECT_EQ(doubled(folder), "right");
  ASSERT_EQ(files(folder).size(), 1U);
  EXPECT_GT(filesystem::file_size(path), 0U);
  // A file with a right digest and a content that the library refuses.
  const OptimisedCache cache(folder);
  const std::string key = filesystem::path(path).stem();
  put(cache, key, Bytes(1'000, 7));
  EXPECT_EQ(doubled(folder), "right");
  ASSERT_NE(cache.find(key), nullptr);
  EXPECT_NE(*cache.find(key), Bytes(1'000, 7));
  write(fresh("no-folder"), {1});
  EXPECT_EQ(doubled(std::string(filesystem::path(testing::TempDir()) / "optimised-no-folder")), "right");
}

}  // namespace
}  // namespace selvedge::infer
