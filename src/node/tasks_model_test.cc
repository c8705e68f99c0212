// Tasks of kind model: the node's own service answers as long as they run.

#include "node/tasks_fixture.h"

namespace selvedge::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr std::string_view finder = R"({"kind":"model","model":"finder","artifacts":[{"name":"finder","version":1}],
  "feeds":[{"topic":"door/+"}],"output":"seen"})";

class TaskModelTest : public TaskNodeTest {
 protected:
  bool serves(const std::string& name) { return ask("GET", "/v2/models/" + name + "/ready").status == 200; }
  void show(client::Device& device, const std::string& topic, int cats) {
    EXPECT_TRUE(device.publish(topic, picture(cats), 1));
  }
};

TEST_F(TaskModelTest, AModelServesAsLongAsItsTaskRuns) {
  bring("finder", "task=detection");
  start();
  EXPECT_FALSE(serves("finder"));
  wish("f", finder);
  until_said("f/state", "\"running\"");
  EXPECT_TRUE(serves("finder"));
  EXPECT_THAT(said("f/limits"), HasSubstr("in the node's program; memory: models.memory"));
  EXPECT_EQ(programs().started(), 0u);
  // By hand it does not go.
  EXPECT_EQ(ask("POST", "/v2/repository/models/finder/unload").status, 409);
  wish("f", "");
  until_said("f/state", "");
  sim.run_for(1s);
  EXPECT_FALSE(serves("finder"));
}

TEST_F(TaskModelTest, PicturesOfAFeedBecomeReadings) {
  bring("finder", "task=detection");
  start();
  wish("f", finder);
  until_said("f/state", "\"running\"");
  client::Device& camera = device("camera");
  show(camera, "door/front", 3);
  run_until([&] { return values("seen/door/front/count").size() == 1; });
  EXPECT_THAT(values("seen/door/front/cat"), ElementsAre(3));
  EXPECT_THAT(values("seen/door/front/count"), ElementsAre(3));
  // What is no picture is said in the log, and the next one is answered.
  EXPECT_TRUE(camera.publish("door/front", base::as_bytes("\xff no picture"), 1));
  show(camera, "door/back", 1);
  run_until([&] { return !values("seen/door/back/count").empty(); });
  sim.run_for(1s);
  EXPECT_THAT(content("state/tasks/f/log"), HasSubstr(" err door/front: "));
}

TEST_F(TaskModelTest, ManyPicturesAtOnceAreAllAnsweredOrCounted) {
  bring("finder", "task=detection");
  start();
  wish("f", finder);
  until_said("f/state", "\"running\"");
  client::Device& camera = device("camera");
  constexpr int all = 60;
  for (int i = 0; i < all; ++i) show(camera, "door/front", 2);
  // Of each picture two readings.
  run_until([&] { return metric("selvedge_task_readings_total") / 2 + metric("selvedge_task_unread_total") == all; });
  EXPECT_GT(metric("selvedge_task_readings_total"), all);
}

TEST_F(TaskModelTest, TwoTasksShareAModelAndTheLastTakesItAlong) {
  bring("finder", "task=detection");
  start();
  wish("f", finder);
  wish("g", finder);
  until_said("f/state", "\"running\"");
  until_said("g/state", "\"running\"");
  wish("f", "");
  until_said("f/state", "");
  sim.run_for(1s);
  EXPECT_TRUE(serves("finder"));
  wish("g", "");
  until_said("g/state", "");
  sim.run_for(1s);
  EXPECT_FALSE(serves("finder"));
}

TEST_F(TaskModelTest, BeginsAnewWithTheProgramAndSoOftenAsItCrashesLater) {
  bring("finder", "task=detection");
  start();
  wish("f", finder);
  until_said("f/state", "\"running\"");
  program_restart();
  run_until([&] { return said("f/run") == "2" && said("f/state") == "\"running\""; });
  EXPECT_TRUE(serves("finder"));
  EXPECT_EQ(said("f/restarts"), "1");
}

TEST_F(TaskModelTest, WhatItUsesWithoutAnArtifactIsLeftAlone) {
  bring("finder", "task=detection");
  start();
  wish("f", R"({"kind":"model","model":"finder"})");
  run_until([&] { return said("f/reason").find("finder") != std::string::npos; });
  EXPECT_EQ(said("f/state"), "\"waiting\"");
  serve("finder");
  until_said("f/state", "\"running\"");
  wish("f", "");
  until_said("f/state", "");
  sim.run_for(1s);
  EXPECT_TRUE(serves("finder"));
}

TEST_F(TaskModelTest, AModelThatTheTwinWishesForIsNotTheTasks) {
  bring("finder", "task=detection");
  start();
  serve("finder");
  wish("f", finder);
  run_until([&] { return said("f/reason").find("wished for by the node's twin") != std::string::npos; });
  EXPECT_EQ(said("f/state"), "\"waiting\"");
}

TEST_F(TaskModelTest, SaysWhyItCannotBe) {
  bring("broken", "make=corrupt task=detection");
  bring("data", "no model", "data");
  config.model_loader.make = [](const infer::ModelPackage&, const infer::SessionOptions&)
      -> base::Result<std::shared_ptr<const infer::Pipeline>> { return base::fail(base::Code::corrupt, "it has no operators"); };
  start();
  wish("b", R"({"kind":"model","model":"broken","artifacts":[{"name":"broken","version":1}],"restart":{"attempts":2}})");
  until_said("b/state", "\"failed\"");
  EXPECT_THAT(said("b/reason"), HasSubstr("it has no operators"));
  wish("d", R"({"kind":"model","model":"data","artifacts":[{"name":"data","version":1}]})");
  until_said("d/state", "\"failed\"");
  EXPECT_THAT(said("d/reason"), HasSubstr("artifact of kind data"));
  wish("j", R"({"kind":"model","model":"data","mode":"job"})");
  until_said("j/state", "\"failed\"");
  EXPECT_THAT(said("j/reason"), HasSubstr("mode service"));
}

}  // namespace
}  // namespace selvedge::node
