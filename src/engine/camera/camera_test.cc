// What is decided about a camera's pictures: which are looked at, which part, and what is said of it.

#include <gtest/gtest.h>

#include "engine/camera/count_report.h"
#include "engine/camera/crop.h"
#include "engine/camera/folder_watch.h"
#include "engine/camera/frame_queue.h"

namespace selvedge::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

CameraFrame frame(std::uint8_t number) { return {{number}, {}, {}}; }

TEST(FrameQueue, DropsTheOldestAndKeepsThePace) {
  FrameQueue queue(2, milliseconds(100));
  base::Instant now{};
  now = now + seconds(5);
  EXPECT_FALSE(queue.due());
  EXPECT_EQ(queue.offer(frame(1)), 0u);
  EXPECT_EQ(queue.offer(frame(2)), 0u);
  EXPECT_EQ(queue.offer(frame(3)), 1u);
  EXPECT_EQ(queue.take(now)->file, base::Bytes{2});
  EXPECT_FALSE(queue.take(now + milliseconds(99)));
  EXPECT_EQ(*queue.due(), now + milliseconds(100));
  EXPECT_EQ(queue.take(now + milliseconds(100))->file, base::Bytes{3});
  EXPECT_FALSE(queue.take(now + seconds(9)));
}

TEST(FolderWatch, TakesAFileWhenItHasStoppedGrowing) {
  FolderWatch watch(FolderWatch::Taken::removed);
  EXPECT_EQ(watch.look({"b.jpg", "a.PNG", ".c.jpg", "d.txt", "e"}), (std::vector<std::string>{"a.PNG", "b.jpg"}));
  EXPECT_TRUE(watch.whole({{"a.PNG", 10}, {"b.jpg", 0}}).empty());
  EXPECT_EQ(watch.look({"a.PNG", "b.jpg"}).size(), 2u);
  EXPECT_TRUE(watch.whole({{"a.PNG", 20}, {"b.jpg", 0}}).empty()) << "it grew; the other is empty";
  EXPECT_EQ(watch.whole({{"a.PNG", 20}, {"b.jpg", 5}}), std::vector<std::string>{"a.PNG"});
  EXPECT_EQ(watch.look({"a.PNG", "b.jpg"}), std::vector<std::string>{"b.jpg"});
  EXPECT_TRUE(watch.look({}).empty());
  EXPECT_EQ(watch.look({"a.PNG"}).size(), 1u) << "another file of that name";
}

TEST(FolderWatch, WithoutRemovingItLeavesAloneWhatWasThere) {
  FolderWatch watch(FolderWatch::Taken::stays);
  EXPECT_TRUE(watch.look({"old.jpg"}).empty());
  EXPECT_EQ(watch.look({"new.jpg", "old.jpg"}), std::vector<std::string>{"new.jpg"});
  watch.whole({{"new.jpg", 3}});
  EXPECT_EQ(watch.whole({{"new.jpg", 3}}).size(), 1u);
  watch.put_back("new.jpg");
  watch.whole({{"new.jpg", 3}});
  EXPECT_EQ(watch.whole({{"new.jpg", 3}}).size(), 1u);
}

TEST(FolderWatch, IsBounded) {
  FolderWatch watch(FolderWatch::Taken::removed);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < FolderWatch::most + 5; ++i) names.push_back(std::to_string(i) + ".jpg");
  EXPECT_EQ(watch.look(names).size(), FolderWatch::most);
  EXPECT_EQ(watch.left_out(), 5u);
}

Detection dog(float score) { return {3, "Dog", score, {0.1F, 0.2F, 0.5F, 0.6F}}; }
Detection cat(float score) { return {4, "Cat", score, {0.1F, 0.2F, 0.5F, 0.6F}}; }
base::Time at(double s) { return {1'700'000'000'000'000'000 + static_cast<std::int64_t>(s * 1e9)}; }

std::string said(const CountReport::Report& report) {
  std::string text;
  for (const auto& [label, count] : report.counts)
    text += (label.empty() ? "all" : label) + "=" + std::to_string(count) + " ";
  return text + (report.list ? "list" : "");
}

TEST(CountReport, SaysWhatChangesAndNowAndThenTheRest) {
  CountReport report({.labels = {}, .least_score = 0.5, .confirm = 1, .report = seconds(60), .list = seconds(10)});
  EXPECT_EQ(said(report.step(std::vector<Detection>{}, at(0))), "all=0 ");
  EXPECT_EQ(said(report.step(std::vector{dog(0.9F), dog(0.6F), cat(0.4F)}, at(1))), "all=2 Dog=2 list");
  EXPECT_EQ(said(report.step(std::vector{dog(0.9F), dog(0.6F)}, at(2))), "");
  EXPECT_EQ(said(report.step(std::vector{dog(0.9F), cat(0.6F)}, at(3))), "Cat=1 Dog=1 list");
  EXPECT_EQ(said(report.step(std::vector{dog(0.9F), cat(0.6F)}, at(14))), "list");
  EXPECT_EQ(said(report.step(std::vector{dog(0.9F), cat(0.6F)}, at(61))), "all=2 Cat=1 Dog=1 list");
  EXPECT_EQ(said(report.step(std::vector<Detection>{}, at(62))), "all=0 Cat=0 Dog=0 ");
  EXPECT_EQ(said(report.step(std::vector<Detection>{}, at(-500))), "all=0 Cat=0 Dog=0 ") << "the clock was set back";
}

TEST(CountReport, BelievesWhatLastsAndWhatIsWanted) {
  CountReport report({.labels = {"Dog"}, .least_score = 0.5, .confirm = 3, .report = {}, .list = seconds(10)});
  std::string all;
  for (int i = 0; i < 12; ++i) {
    std::vector<Detection> found = {cat(0.9F)};
    if (i == 3 || i >= 6) found.push_back(dog(0.8F));
    all += said(report.step(found, at(i))) + "|";
  }
  EXPECT_EQ(all, "||all=0 |list|||||all=1 Dog=1 list||||") << "one picture with a dog is none";
}

TEST(CountReport, LabelsBecomeNamesAndAreBounded) {
  EXPECT_EQ(level_of_label({3, "Hot dog/a+b#c\n", 1, {}}), "Hot dog_a_b_c_");
  EXPECT_EQ(level_of_label({3, "", 1, {}}), "label-3");
  EXPECT_EQ(level_of_label({3, "\xff", 1, {}}), "label-3");
  EXPECT_EQ(level_of_label({3, "count", 1, {}}), "count_");
  CountReport report({});
  std::vector<Detection> many;
  for (int i = 0; i < 500; ++i) many.push_back({i, "", 0.9F, {}});
  const auto first = report.step(many, at(0));
  EXPECT_EQ(first.counts.size(), CountReport::most_labels + 1);
  EXPECT_EQ(first.counts[0].count, 500);
  const std::string json = detections_json(many, 4096);
  EXPECT_LE(json.size(), 4096u);
  EXPECT_NE(json.find("\"more\":"), std::string::npos);
  EXPECT_EQ(detections_json(std::vector{dog(0.8125F)}, 4096),
            R"({"detections":[{"label":"Dog","score":0.813,"box":[0.1,0.2,0.5,0.6]}]})");
}

TEST(CountReport, TheBestClassCountsAsOneThing) {
  CountReport report({.labels = {}, .least_score = 0.5, .confirm = 1, .report = {}, .list = {}});
  EXPECT_EQ(said(report.step(std::vector<Ranked>{{1, "owl", 0.9F}, {2, "cat", 0.05F}}, at(0))), "all=1 owl=1 list");
  EXPECT_EQ(said(report.step(std::vector<Ranked>{{1, "owl", 0.3F}}, at(1))), "all=0 owl=0 ");
}

TEST(Crop, IsAroundWhatMovedWithinTheWhole) {
  const Region part = around(std::vector<Region>{{0.4F, 0.4F, 0.5F, 0.5F}, {0.5F, 0.5F, 0.6F, 0.6F}}, {});
  EXPECT_NEAR(part.top, 0.35, 1e-5);
  EXPECT_NEAR(part.right, 0.65, 1e-5);
  EXPECT_EQ(around(std::vector<Region>{{0, 0, 0.7F, 0.9F}}, {}), Region{});
  EXPECT_EQ(around({}, {}), Region{});
  const Region corner = around(std::vector<Region>{{0, 0, 0.1F, 0.1F}}, {});
  EXPECT_EQ(corner.top, 0);
  EXPECT_NEAR(corner.bottom, 0.15, 1e-5);
  EXPECT_FALSE(common({0, 0, 0.5F, 1}, {0.5F, 0, 1, 1}));
}

TEST(Crop, ReadsARegion) {
  EXPECT_EQ(parse_region("0.5, 0,1,0.25").value(), (Region{0.5F, 0, 1, 0.25F}));
  for (const char* bad : {"", "1", "0,0,1", "0,0,0,1", "0.5,0,0.2,1", "0,0,2,1", "0,0,1,1,1", "a,b,c,d", "0,0,1,nan"})
    EXPECT_FALSE(parse_region(bad)) << bad;
}

}  // namespace
}  // namespace selvedge::engine
