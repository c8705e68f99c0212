// The whole way from a picture to boxes with a real model, against what the reference runtime found.

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <sstream>

#include "engine/vision/match.h"
#include "infer/pipeline.h"
#include "infer/ssd_for_test.h"

namespace selvedge::infer {
namespace {

using Found = std::vector<Detection>;

// name score x1 y1 x2 y2, by picture.
base::Result<std::map<std::string, Found>> expected() {
  const base::Bytes text = TRY(test_data("golden/ssd/detections.tsv"));
  std::map<std::string, Found> all;
  std::istringstream lines{std::string(base::as_text(text))};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    std::string picture;
    Detection one;
    fields >> picture >> one.name >> one.score >> one.box[1] >> one.box[0] >> one.box[3] >> one.box[2];
    all[picture].push_back(one);
  }
  return all;
}

// Loaded once for all tests; a test that cannot have it is skipped.
struct Loaded {
  base::Result<ModelPackage> package = ssd_package();
  base::Result<std::shared_ptr<Pipeline>> pipeline = load();
  base::Result<std::map<std::string, Found>> golden = expected();

  base::Result<std::shared_ptr<Pipeline>> load() {
    auto runtime = TRY(test_runtime());
    if (!package) return std::unexpected(package.error());
    return Pipeline::make(*runtime, *package);
  }
};

class Ssd : public testing::Test {
 protected:
  static Loaded& loaded() {
    static auto* all = new Loaded;
    return *all;
  }
  void SetUp() override {
    if (!loaded().package && loaded().package.error().code == base::Code::not_found) GTEST_SKIP() << loaded().package.error().message;
    ASSERT_TRUE(loaded().package) << loaded().package.error().message;
    if (!loaded().pipeline && loaded().pipeline.error().code == base::Code::unavailable) GTEST_SKIP() << loaded().pipeline.error().message;
    ASSERT_TRUE(loaded().pipeline) << loaded().pipeline.error().message;
    if (!loaded().golden) GTEST_SKIP() << loaded().golden.error().message;
  }
  const Pipeline& pipeline() { return **loaded().pipeline; }

  Found look(const std::string& picture, const RunOptions& options = {}) {
    const auto answer = pipeline().run(*test_data(picture), options);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? answer->detections : Found{};
  }

  // Those of the reference at 0.5 and above are there, and nothing else is.
  void compare(const std::string& picture, const std::string& name, float overlap, float score) {
    Found reference = loaded().golden->at(name), found = look(picture);
    std::erase_if(reference, [](const Detection& one) { return one.score < 0.5F; });
    for (Detection& one : reference)
      one.label = int(std::ranges::find(pipeline().description().labels, one.name) - pipeline().description().labels.begin());
    const auto matching = engine::match(reference, found, overlap);
    EXPECT_TRUE(matching.missing.empty()) << picture;
    EXPECT_TRUE(matching.extra.empty()) << picture;
    for (const auto& match : matching.matched) EXPECT_LE(std::abs(match.score_difference), score) << picture;
  }
};

TEST_F(Ssd, FindsInThePreparedPicturesWhatTheReferenceFound) {
  for (const std::string name : {"pets", "cat_720p", "dog_train_0"}) compare("golden/ssd/" + name + "_300.png", name, 0.999F, 0.001F);
}

TEST_F(Ssd, FindsTheSameInTheFiles) {
  compare("images/pets.jpg", "pets", 0.97F, 0.02F);
  compare("images/cat_720p.jpg", "cat_720p", 0.97F, 0.02F);
  compare("images/dog_train_0.bmp", "dog_train_0", 0.97F, 0.02F);
}

TEST_F(Ssd, SaysPlacesOnTheWholePictureWhenItLooksAtARegion) {
  const Found whole = look("images/pets.jpg"), part = look("images/pets.jpg", {.region = {0.2F, 0.55F, 1, 1}, .threshold = {}});
  ASSERT_EQ(whole.size(), 2U);
  ASSERT_EQ(part.size(), 1U);
  // The one on the right.
  EXPECT_EQ(engine::match(part, whole, 0.75F).matched.size(), 1U);
  EXPECT_GE(part[0].box[1], 0.55F);
}

TEST_F(Ssd, ChecksItsExamples) {
  ModelPackage package = *loaded().package;
  package.members["pets.jpg"] = *test_data("images/pets.jpg");
  package.description.golden = {{"pets.jpg", {{"Dog", 0.81F, {0.058F, 0.224F, 0.696F, 0.504F}}, {"Dog", 0.78F, {}}}}};
  const auto right = check_golden(pipeline(), package);
  EXPECT_TRUE(right) << right.error().message;
  package.description.golden[0].expected[0].label = "Cat";
  const auto wrong = check_golden(pipeline(), package);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "golden example pets.jpg: expected Cat 0.810, found nothing of that name");
}

TEST_F(Ssd, SaysTheSameFromItsOptimisedForm) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "ssd-optimised";
  std::filesystem::remove_all(folder);
  const Found before = look("images/pets.jpg");
  for (int round = 0; round < 2; ++round) {
    const auto again = Pipeline::make(**test_runtime(), *loaded().package, {.cache = folder});
    ASSERT_TRUE(again) << again.error().message;
    const Found after = (*again)->run(*test_data("images/pets.jpg"), {})->detections;
    ASSERT_EQ(after.size(), before.size());
    for (std::size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(after[i].score, before[i].score, 1e-4);
  }
  EXPECT_FALSE(std::filesystem::is_empty(folder));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace selvedge::infer
