// [[camera]]: what makes sense, and what the errors say of what does not.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/cameras.h"
#include "node/live_settings.h"
#include "node/topic_access.h"

namespace selvedge::node {
namespace {

using testing::HasSubstr;

// The config of a text, or what is wrong with it.
base::Result<NodeConfig> loaded(std::string text) {
  NodeConfig made;
  settings::Settings bound;
  made.bind_to(bound);
  settings::Layers layers;
  layers.file_name = "node.toml";
  layers.file_text = std::move(text);
  TRY(bound.load(layers));
  TRY(made.finish());
  return made;
}

std::string problem(const std::string& text) {
  const auto made = loaded(text);
  return made ? "" : made.error().message;
}

std::string of_camera(const std::string& more) {
  return problem("[[camera]]\nname = \"gate\"\nmodel = \"finder\"\n" + more);
}

TEST(CameraConfig, SaysWhatItComesTo) {
  const auto made = loaded(
      "[[camera]]\nname = \"gate\"\nmodel = \"finder:3\"\ndevice = \"/dev/video2\"\nwidth = 800\nheight = 600\n"
      "frames-per-second = 5\ninterval = \"500ms\"\nqueue = 4\nmotion = true\nmotion-share = \"0.02\"\nmotion-every = \"10m\"\n"
      "crop = true\nregion = \"0.5,0,1,1\"\nthreshold = \"0.4\"\nlabels = [\"Person\", \"Car\"]\nconfirm = 3\nreport = \"5m\"\n"
      "list = \"10s\"\nseries = \"site/{name}\"\n[[camera]]\nname = \"yard\"\nmodel = \"finder\"\n");
  ASSERT_TRUE(made) << made.error().message;
  const auto setups = made->camera_setups();
  ASSERT_TRUE(setups);
  ASSERT_EQ(setups->size(), 2u);
  const camera::CameraOptions& o = setups->at(0).options;
  EXPECT_EQ(o.name, "gate");
  EXPECT_EQ(o.model, "finder");
  EXPECT_EQ(o.version, 3u);
  EXPECT_EQ(o.queue, 4u);
  EXPECT_EQ(o.interval, std::chrono::milliseconds(500));
  ASSERT_TRUE(o.motion);
  EXPECT_FLOAT_EQ(o.motion->share, 0.02F);
  EXPECT_EQ(o.motion->longest, std::chrono::minutes(10));
  EXPECT_TRUE(o.crop_to_motion);
  EXPECT_EQ(o.region, (engine::Region{0.5F, 0, 1, 1}));
  EXPECT_FLOAT_EQ(o.threshold.value_or(0), 0.4F);
  EXPECT_EQ(o.counts.labels, (std::vector<std::string>{"Person", "Car"}));
  EXPECT_EQ(o.counts.confirm, 3u);
  EXPECT_EQ(o.counts.report, std::chrono::minutes(5));
  EXPECT_EQ(o.counts.list, std::chrono::seconds(10));
  EXPECT_EQ(setups->at(0).series, "site/gate");
  EXPECT_EQ(setups->at(1).series, "cameras/yard");
  EXPECT_EQ(setups->at(1).options.version, 0u);
  EXPECT_FALSE(setups->at(1).options.motion);
}

TEST(CameraConfig, NamesTheCameraAndWhatIsWrong) {
  EXPECT_EQ(of_camera(""), "");
  EXPECT_EQ(of_camera("folder = \"in\"\nremove = true\nevery = \"5s\"\n"), "");
  EXPECT_EQ(of_camera("url = \"https://cam/stream\"\nuser = \"a\"\npassword-file = \"p\"\n"), "");
  EXPECT_EQ(of_camera("topic = \"cam/+/jpg\"\n"), "");
  const struct {
    const char *more, *says;
  } wrong[] = {
      {"folder = \"in\"\nurl = \"http://cam/\"\n", "folder, url, device and topic: at most one of them"},
      {"topic = \"a\"\ndevice = \"/dev/video0\"\n", "folder, url, device and topic: at most one of them"},
      {"remove = true\n", "remove: has no meaning without folder"},
      {"topic = \"a\"\nevery = \"1s\"\n", "every: has no meaning without folder or url"},
      {"folder = \"in\"\nevery = \"1ms\"\n", "every: at least 100ms"},
      {"folder = \"in\"\nuser = \"a\"\n", "user: has no meaning without url"},
      {"url = \"http://cam/\"\nuser = \"a\"\n", "user and password-file: both or none"},
      {"url = \"http://cam/\"\nuser = \"a:b\"\npassword-file = \"p\"\n", "user: without ':' and control characters"},
      {"url = \"ftp://cam/\"\n", "url: parse URL"},
      {"url = \"http://a:b@cam/\"\n", "url: name and password stand in user and password-file"},
      {"width = 640\n", "width: has no meaning without device"},
      {"folder = \"in\"\nframes-per-second = 3\n", "frames-per-second: has no meaning without device"},
      {"device = \"/dev/video0\"\nwidth = 640\n", "width and height: both or none"},
      {"device = \"video0\"\n", "device: expected a path such as /dev/video0"},
      {"topic = \"a/#/b\"\n", "topic: 'a/#/b' is no topic filter"},
      {"topic = \"$share/g/a\"\n", "topic: '$share/g/a' is no topic filter, or one that begins with '$'"},
      {"motion-share = \"0.1\"\n", "motion-share: has no meaning without motion = true"},
      {"motion-every = \"1m\"\n", "motion-every: has no meaning without motion = true"},
      {"crop = true\n", "crop: has no meaning without motion = true"},
      {"motion = true\nmotion-share = \"2\"\n", "motion-share: '2' is no number from 0 to 1"},
      {"region = \"0,0,0,1\"\n", "region: "},
      {"threshold = \"high\"\n", "threshold: 'high' is no number from 0 to 1"},
      {"labels = [\"\"]\n", "labels: one is empty"},
      {"interval = \"-1s\"\n", "interval"},
      {"report = \"100000d\"\n", "report: at most 366d"},
      {"url = \"http://cam/\"\nevery = \"367d\"\n", "every: at most 366d"},
      {"series = \"a/+\"\n", "series: expected a name"},
      {"series = \"{device}\"\n", "series: expected a name"},
      {"series = \"a/\"\n", "series: expected a name"},
  };
  for (const auto& [more, says] : wrong) {
    EXPECT_THAT(of_camera(more), HasSubstr(says)) << more;
    EXPECT_NE(of_camera(more), "") << more;
    EXPECT_THAT(of_camera(more), testing::AnyOf(testing::StartsWith("camera 'gate': "), HasSubstr("node.toml:"))) << more;
  }
  EXPECT_EQ(of_camera("url = \"http://a:b@cam/\"\n").find("a:b"), std::string::npos) << "it may be a password";
}

TEST(CameraConfig, NumbersOutOfRangeAreFoundWithTheirLine) {
  EXPECT_THAT(of_camera("queue = 17\n"), HasSubstr("node.toml:4"));
  EXPECT_THAT(of_camera("confirm = 0\n"), HasSubstr("node.toml:4"));
  EXPECT_THAT(of_camera("thresold = \"1\"\n"), HasSubstr("threshold"));
}

TEST(CameraConfig, NamesModelsAndSeriesMustBeGoodAndDifferent) {
  const auto named = [](const std::string& name) { return problem("[[camera]]\nname = \"" + name + "\"\nmodel = \"m\"\n"); };
  EXPECT_EQ(named("hall 3"), "");
  EXPECT_THAT(named(""), testing::StartsWith("camera 1: name: expected"));
  for (const char* bad : {"a/b", "+", "a#", "$a", ".", "..", "a\\u0001"})
    EXPECT_THAT(named(bad), HasSubstr("name: expected one level of a topic")) << bad;
  EXPECT_THAT(named(std::string(65, 'a')), HasSubstr("name: expected"));
  for (const char* bad : {"", ":3", "m:", "m:0", "m:x", "m n"})
    EXPECT_THAT(problem("[[camera]]\nname = \"gate\"\nmodel = \"" + std::string(bad) + "\"\n"),
                testing::StartsWith("camera 'gate': model: expected a name, or name:version"))
        << bad;
  const std::string gate = "[[camera]]\nmodel = \"m\"\nname = \"gate\"\n", yard = "[[camera]]\nmodel = \"m\"\nname = \"yard\"\n";
  EXPECT_EQ(problem(gate + gate), "camera 'gate': name: another camera has it");
  EXPECT_EQ(problem(gate + yard), "");
  EXPECT_EQ(problem(gate + yard + "series = \"cameras/gate\"\n"), "camera 'yard': series: camera 'gate' has the same");
}

TEST(CameraConfig, ThereAreAtMostSoMany) {
  std::string text;
  for (std::size_t i = 0; i < Cameras::most; ++i)
    text += "[[camera]]\nmodel = \"m\"\nname = \"c" + std::to_string(i) + "\"\n";
  EXPECT_EQ(problem(text), "");
  EXPECT_EQ(problem(text + "[[camera]]\nmodel = \"m\"\nname = \"more\"\n"), "camera: at most 256");
}

TEST(CameraConfig, CamerasAreNoSettingThatCanBeWished) {
  NodeConfig config;
  ASSERT_TRUE(config.finish());
  LiveSettings live(config);
  const auto set = live.set("cameras", "[]");
  ASSERT_FALSE(set);
  EXPECT_THAT(set.error().message, HasSubstr("cameras: needs a restart"));
}

TEST(CameraTopics, DevicesHearWhatTheNodeSaysAndSayNothingThere) {
  const engine::Access access = device_access();
  EXPECT_FALSE(access.may_publish("gate", "selvedge/cameras/gate/detections"));
  EXPECT_TRUE(access.may_publish("gate", "selvedge/other"));
  EXPECT_TRUE(access.may_subscribe("panel", "selvedge/cameras/+/detections"));
}

}  // namespace
}  // namespace selvedge::node
