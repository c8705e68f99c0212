#include "camera/camera.h"

#include <gmock/gmock.h>

#include "camera/camera_fixture.h"

namespace selvedge::camera {
namespace {

using namespace std::chrono_literals;
using base::Code;
using engine::Region;
using test::scene;
using testing::ElementsAre;
using testing::HasSubstr;
using What = Outcome::What;

class CameraTest : public test::CameraFixture {};

TEST_F(CameraTest, LooksAtAPictureAndReportsWhatItFound) {
  load(3);
  start();
  const base::Time came = machine.wall_now();
  send();
  EXPECT_TRUE(reports.empty()) << "reported within the call";
  sim.run_for(50ms);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_TRUE(reports[0].changed);
  EXPECT_EQ(reports[0].found.at(0).name, "cat");
  EXPECT_EQ(taken[0], came);
  EXPECT_EQ(keys[0], (serving::ModelKey{"net", 3}));
  ASSERT_TRUE(camera->last());
  EXPECT_EQ(base::as_text(*camera->last()->file), "picture");
  EXPECT_EQ(camera->last()->answer->detections.size(), 1u);
  EXPECT_EQ(status().looked_at, 1u);
  EXPECT_EQ(status().last, came);
  EXPECT_EQ(status().waiting_for, "");
  EXPECT_EQ(status().source.state, SourceStatus::State::receiving);
  EXPECT_THAT(metrics.text(), HasSubstr("selvedge_camera_looked_at_total{camera=\"door\"} 1\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("selvedge_camera_delay_seconds_count{camera=\"door\"} 1\n"));
}

TEST_F(CameraTest, TheRegionAndTheThresholdReachTheModel) {
  options.region = {0.5F, 0, 1, 1};
  options.threshold = 0.9F;
  load();
  start();
  send();
  sim.run_for(50ms);
  ASSERT_EQ(asked->options.size(), 1u);
  EXPECT_EQ(asked->options[0].region, options.region);
  EXPECT_EQ(asked->options[0].threshold, 0.9F);
  EXPECT_TRUE(answers.at(0).detections.empty());
  EXPECT_EQ(reports.at(0).counts.at(0).count, 0) << "nothing is found, and that is said";
}

TEST_F(CameraTest, PicturesInWhichNothingMovesAreNotLookedAt) {
  options.motion = engine::MotionRule{};
  load();
  start();
  send_and_settle(scene(20, 20));
  send_and_settle(scene(20, 20));
  send_and_settle(scene(20, 20));
  EXPECT_EQ(status().looked_at, 1u) << "the first is";
  EXPECT_EQ(status().still, 2u);
  send_and_settle(scene(200, 100));
  EXPECT_EQ(status().looked_at, 2u);
  EXPECT_EQ(status().still, 2u);
  EXPECT_THAT(metrics.text(), HasSubstr("selvedge_camera_still_total{camera=\"door\"} 2\n"));
}

TEST_F(CameraTest, TheModelSeesWhereItMoved) {
  options.motion = engine::MotionRule{};
  options.crop_to_motion = true;
  load();
  start();
  send_and_settle(scene(400, 400));                // nothing in it
  send_and_settle(scene(20, 40));
  ASSERT_EQ(asked->options.size(), 2u);
  EXPECT_EQ(asked->options[0].region, Region{});
  const Region seen = asked->options[1].region;    // of the square 20..60, 40..80 in 320 x 240, with room around
  EXPECT_LT(seen.left, 20 / 320.F);
  EXPECT_GT(seen.right, 60 / 320.F);
  EXPECT_LT(seen.top, 40 / 240.F);
  EXPECT_GT(seen.bottom, 80 / 240.F);
  EXPECT_LT(seen.right, 0.5F);
  EXPECT_LT(seen.bottom, 0.7F);
}

TEST_F(CameraTest, WhatMovesOutsideOfTheRegionDoesNotCount) {
  options.motion = engine::MotionRule{};
  options.crop_to_motion = true;
  options.region = {0.5F, 0.5F, 1, 1};
  load();
  start();
  send_and_settle(scene(400, 400));
  send_and_settle(scene(20, 20));
  EXPECT_EQ(status().still, 1u);
  send_and_settle(scene(200, 150));
  ASSERT_EQ(asked->options.size(), 2u);
  const Region seen = asked->options[1].region;
  EXPECT_GE(seen.top, 0.5F);
  EXPECT_GT(seen.left, 0.51F);
  EXPECT_LT(seen.left, 200 / 320.F);
  EXPECT_GT(seen.bottom, 180 / 240.F);
}

TEST_F(CameraTest, BetweenTwoLooksLiesTheInterval) {
  options.interval = 10s;
  load();
  start();
  std::vector<base::Instant> at;
  on_report = [&] { at.push_back(machine.loop().now()); };
  for (int i = 0; i < 35; ++i) {
    send();
    sim.run_for(1s);
  }
  ASSERT_EQ(at.size(), 4u);
  for (std::size_t i = 1; i < at.size(); ++i) EXPECT_GE(base::Duration(at[i].ns - at[i - 1].ns), 10s - 10ms);
  EXPECT_EQ(status().pictures, 35u);
  EXPECT_EQ(status().dropped + status().looked_at + 2, 35u) << "two wait";
  sim.run_for(30s);
  EXPECT_EQ(at.size(), 6u) << "what waited is looked at without another coming";
}

TEST_F(CameraTest, TheOldestIsDroppedWhileTheModelIsSlow) {
  load();
  start();
  const auto first = sent(base::to_bytes("1"));
  const auto second = sent(base::to_bytes("2"));
  EXPECT_FALSE(camera->full());
  const auto third = sent(base::to_bytes("3"));
  EXPECT_TRUE(camera->full());
  const auto fourth = sent(base::to_bytes("4"));
  sim.run_for(1s);
  EXPECT_EQ((*first)->what, What::looked_at);
  EXPECT_EQ((*second)->what, What::dropped);
  EXPECT_EQ((*second)->why.code, Code::exhausted);
  EXPECT_EQ((*third)->what, What::looked_at);
  EXPECT_EQ((*fourth)->what, What::looked_at);
  EXPECT_EQ(base::as_text(*camera->last()->file), "4");
  EXPECT_EQ(status().dropped, 1u);
  EXPECT_EQ(status().looked_at, 3u);
}

TEST_F(CameraTest, WithoutItsModelPicturesAreDroppedUntilItComes) {
  start();
  EXPECT_EQ(status().waiting_for, "model net is not on this node");
  const auto early = sent(scene(0, 0));
  sim.run_for(50ms);
  EXPECT_EQ((*early)->what, What::without_model);
  EXPECT_EQ((*early)->why.code, Code::not_found);
  EXPECT_EQ(status().without_model, 1u);
  bool ended = false;
  models.load(serving::test::fake_model("net", 1, ""), [&](const auto&) { ended = true; });
  EXPECT_THAT(status().waiting_for, HasSubstr("loading"));
  send();
  EXPECT_TRUE(sim.run_until([&] { return ended; }, 1min));
  EXPECT_EQ(status().without_model, 2u);
  EXPECT_EQ(status().waiting_for, "");
  send();
  sim.run_for(50ms);
  EXPECT_EQ(status().looked_at, 1u);
  EXPECT_EQ(keys.back().version, 1u);
  load(2, "sees=dog");                             // replaced while it runs
  send();
  sim.run_for(50ms);
  EXPECT_EQ(keys.back().version, 2u);
  EXPECT_EQ(answers.back().detections.at(0).name, "dog");
  unload(1);
  unload(2);
  send();
  sim.run_for(50ms);
  EXPECT_EQ(status().without_model, 3u);
  EXPECT_EQ(status().looked_at, 2u);
}

TEST_F(CameraTest, AModelThatGoesWhileThePictureIsOnItsWayIsMissedToo) {
  options.motion = engine::MotionRule{};
  load();
  start();
  machine.pool_delay = 0ms;
  const auto outcome = sent(scene(0, 0));          // its movement is being looked for
  bool gone = false;
  models.unload({"net", 1}, [&] { gone = true; });
  sim.run_for(1s);
  EXPECT_TRUE(gone);
  EXPECT_EQ((*outcome)->what, What::without_model);
  EXPECT_EQ(status().without_model, 1u);
}

TEST_F(CameraTest, AVersionThatIsNamedIsTheOneThatLooks) {
  options.version = 1;
  load(1);
  load(2, "sees=dog");
  start();
  send();
  sim.run_for(50ms);
  EXPECT_EQ(keys.at(0).version, 1u);
  unload(1);
  EXPECT_EQ(status().waiting_for, "model net version 1 is not on this node");
}

TEST_F(CameraTest, WhatIsNoPictureIsCountedAndTheNextIsTaken) {
  load();
  for (const bool gated : {false, true}) {
    if (gated) options.motion = engine::MotionRule{};
    answers.clear();
    start();
    const auto garbage = sent(base::to_bytes("broken"));
    const auto good = sent(scene(0, 0));
    sim.run_for(1s);
    EXPECT_EQ((*garbage)->what, What::failed);
    EXPECT_EQ((*garbage)->why.code, Code::invalid_input);
    EXPECT_EQ((*good)->what, What::looked_at);
    EXPECT_EQ(status().failed, 1u);
    EXPECT_NE(status().last_error, "");
    EXPECT_EQ(answers.size(), 1u);
  }
  EXPECT_THAT(metrics.text(), HasSubstr("selvedge_camera_failed_total{camera=\"door\"} 2\n"))
      << "a camera of the same name goes on counting";
}

TEST_F(CameraTest, ADamagedPictureIsTheErrorOfWhoeverSentIt) {
  options.motion = engine::MotionRule{};
  load();
  start();
  base::Bytes torn = scene(20, 20);
  torn.resize(torn.size() / 2);
  ASSERT_EQ(codec::decode(torn).error().code, Code::corrupt);
  const auto outcome = sent(torn);
  sim.run_for(1s);
  EXPECT_EQ((*outcome)->what, What::failed);
  EXPECT_EQ((*outcome)->why.code, Code::invalid_input);
}

TEST_F(CameraTest, AModelThatFailsIsNoEnd) {
  load(1, "fails=1");
  start();
  send();
  sim.run_for(1s);
  EXPECT_EQ(status().failed, 1u);
  EXPECT_THAT(status().last_error, HasSubstr("it fails"));
  load(2);
  send();
  sim.run_for(1s);
  EXPECT_EQ(status().looked_at, 1u);
}

TEST_F(CameraTest, PicturesThatOtherCamerasPushOutOfTheModelsQueueAreDropped) {
  serving::ModelsConfig config;
  config.queue = 1;
  config.workers = 1;
  base::Registry registry;
  serving::Models narrow(machine.loop(), config, registry, test::watched_loader(asked));
  bool ended = false;
  narrow.load(serving::test::fake_model("net", 1, ""), [&](const auto&) { ended = true; });
  ASSERT_TRUE(sim.run_until([&] { return ended; }, 1min));
  std::vector<std::unique_ptr<Camera>> cameras;
  for (const char* name : {"a", "b", "c"}) {
    options.name = name;
    cameras.push_back(std::make_unique<Camera>(machine, narrow, registry, options, nullptr));
  }
  for (const auto& one : cameras) one->picture(base::to_bytes("picture"), machine.wall_now());
  sim.run_for(1s);
  EXPECT_EQ(cameras[0]->status().looked_at, 1u);
  EXPECT_EQ(cameras[1]->status().dropped, 1u);
  EXPECT_EQ(cameras[1]->status().failed, 0u);
  EXPECT_EQ(cameras[2]->status().looked_at, 1u);
}

TEST_F(CameraTest, TheBestClassCountsAsOneThing) {
  load(1, "task=classification sees=dog");
  start();
  send();
  sim.run_for(50ms);
  ASSERT_EQ(reports.size(), 1u);
  ASSERT_EQ(reports[0].counts.size(), 2u);
  EXPECT_EQ(reports[0].counts[1].label, "dog");
  EXPECT_EQ(reports[0].counts[1].count, 1);
}

TEST_F(CameraTest, AMaskHasNothingToCountAndIsLookedAtAllTheSame) {
  load(1, "task=segmentation");
  start();
  send();
  sim.run_for(50ms);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_TRUE(reports[0].counts.empty());
  EXPECT_TRUE(reports[0].found.empty());
  EXPECT_FALSE(reports[0].changed);
  EXPECT_EQ(status().looked_at, 1u);
}

TEST_F(CameraTest, ASourceIsStartedAndToldOfRoom) {
  load();
  start();
  auto source = std::make_unique<test::FakeSource>();
  test::FakeSource& its = *source;
  camera->take_from("folder", std::move(source));
  EXPECT_EQ(its.started, 1);
  EXPECT_EQ(status().source_kind, "folder");
  EXPECT_EQ(status().source.reason, "it is dark");
  send();
  send();
  send();
  sim.run_for(1s);
  EXPECT_EQ(its.rooms, 0) << "it did not ask";
  // As a folder does: as long as there is room, one after the other.
  int left = 20;
  const auto hand_over = [&] {
    while (left > 0 && !camera->full()) {
      send();
      --left;
    }
  };
  its.on_room = hand_over;
  hand_over();
  EXPECT_GT(left, 0);
  sim.run_for(10s);
  EXPECT_EQ(left, 0);
  EXPECT_EQ(status().dropped, 0u);
  EXPECT_EQ(status().looked_at, 23u);
}

TEST_F(CameraTest, ASourceWaitsForTheModelAndLosesNothing) {
  start();
  auto source = std::make_unique<test::FakeSource>();
  test::FakeSource& its = *source;
  camera->take_from("folder", std::move(source));
  its.on_room = [&] { send(); };
  EXPECT_TRUE(camera->full());
  sim.run_for(30s);
  EXPECT_EQ(its.rooms, 0);
  load();
  sim.run_for(3s);
  EXPECT_EQ(its.rooms, 1);
  EXPECT_EQ(status().looked_at, 1u);
  EXPECT_EQ(status().without_model, 0u);
}

TEST_F(CameraTest, WatchersAreToldOfEachPictureAndThatTheCameraGoes) {
  load();
  start();
  int told = 0, gone = 0;
  auto watching = camera->watch(
      [&] {
        ++told;
        EXPECT_EQ(reports.size(), 1u) << "it is reported first";
      },
      [&] { ++gone; });
  auto other = camera->watch([] {});
  EXPECT_EQ(told, 0);
  send();
  sim.run_for(50ms);
  EXPECT_EQ(told, 1);
  sim.run_for(Camera::alive + 1s);
  EXPECT_EQ(told, 2) << "that nothing comes is told now and then";
  watching.reset();
  send();
  sim.run_for(1min);
  EXPECT_EQ(told, 2);
  watching = camera->watch([&] { ++told; }, [&] { ++gone; });
  camera.reset();
  sim.run_for(1ms);
  EXPECT_EQ(gone, 1);
}

TEST_F(CameraTest, AWatcherMayLetGoOfItselfAndOfTheCamera) {
  load();
  start();
  Camera::Watching first, second;
  int told = 0;
  first = camera->watch([&] {
    ++told;
    second.reset();
    first.reset();
  });
  second = camera->watch([&] { ++told; });
  send();
  sim.run_for(1s);
  EXPECT_EQ(told, 1);
  first = camera->watch([&] { camera.reset(); });
  second = camera->watch([&] { ++told; });
  send();
  sim.run_for(1s);
  EXPECT_FALSE(camera);
  EXPECT_EQ(told, 1);
}

TEST_F(CameraTest, DestroyedInItsReportItSaysNothingMore) {
  load();
  start();
  on_report = [&] { camera.reset(); };
  const auto first = sent(scene(0, 0));
  const auto second = sent(scene(0, 0));
  sim.run_for(1s);
  EXPECT_FALSE(camera);
  EXPECT_EQ(reports.size(), 1u);
  EXPECT_EQ((*first)->what, What::looked_at);
  EXPECT_EQ((*second)->what, What::gone);
}

// Before each turn of the machine, from the picture's coming to its being reported.
TEST_F(CameraTest, DestroyedAtAnyStageItSaysNothingMore) {
  options.motion = engine::MotionRule{};
  options.interval = 5ms;
  load();
  std::size_t stages = 0, steps_in_all = 0;
  for (std::size_t stop_after = 0;; ++stop_after) {
    reports.clear();
    start();
    camera->take_from("folder", std::make_unique<test::FakeSource>());
    const auto watching = camera->watch([] {});
    const auto first = sent(scene(20, 20));
    const auto second = sent(scene(20, 20));
    camera->drawn([](const auto&) {});
    std::size_t steps = 0;
    for (; steps < stop_after && !*second; ++steps) sim.step();
    const std::size_t before = reports.size();
    const bool done = second->has_value();
    camera.reset();
    sim.run_for(1s);
    EXPECT_EQ(reports.size(), before);
    EXPECT_TRUE(first->has_value() && second->has_value()) << "who waits is told";
    ++stages;
    steps_in_all += steps;
    ASSERT_LT(stages, 200u);
    if (done) break;
  }
  EXPECT_GT(stages, 4u);
  EXPECT_GT(steps_in_all, 4u);
}

TEST_F(CameraTest, DestroyedWhileTheModelLooksItSaysNothingMore) {
  load();
  start();
  asked->while_looking = [&] { camera.reset(); };
  const auto outcome = sent(scene(0, 0));
  sim.run_for(1s);
  EXPECT_TRUE(reports.empty());
  EXPECT_EQ((*outcome)->what, What::gone);
}

TEST_F(CameraTest, ModelsMayGoFirst) {
  // As a program that ends: what waits for a model is never told, and that is no harm.
  auto passing = std::make_unique<serving::Models>(machine.loop(), serving::ModelsConfig{}, metrics,
                                                   test::watched_loader(asked));
  bool ended = false;
  passing->load(serving::test::fake_model("net", 1, ""), [&](const auto&) { ended = true; });
  ASSERT_TRUE(sim.run_until([&] { return ended; }, 1min));
  options.name = "other";
  Camera other(machine, *passing, metrics, options, nullptr);
  other.picture(base::to_bytes("picture"), machine.wall_now());
  passing.reset();
  sim.run_for(1s);
  SUCCEED();
}

}  // namespace
}  // namespace selvedge::camera
