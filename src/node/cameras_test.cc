// Cameras on a whole node: from pictures in a folder, on a topic, or sent, to series and events.

#include "node/cameras.h"

#include "node/cameras_fixture.h"

namespace selvedge::node {
namespace {

using codec::mqtt::Reason;
using testing::ElementsAre;
using testing::HasSubstr;

// A node whose model serves from the start.
class CamerasTest : public CameraNodeTest {
 protected:
  void start_serving(std::string_view spec = "finder") {
    bring("finder", spec);
    start();
    serve("finder");
  }

  // What a subscriber hears of all cameras: topics and messages.
  struct Heard {
    std::vector<std::string> topics;
    std::vector<codec::json::Value> events;
  };
  std::shared_ptr<Heard> listen() {
    client::Device& panel = device("panel");
    auto heard = std::make_shared<Heard>();
    panel.on_message([heard](const engine::ClientEvents::Message& m) {
      EXPECT_FALSE(m.retain);
      heard->topics.emplace_back(m.topic);
      heard->events.push_back(codec::json::parse(base::as_text(m.payload)).value());
    });
    panel.subscribe("selvedge/cameras/+/detections", 1);
    sim.run_for(std::chrono::seconds(1));
    return heard;
  }
  Reason send(client::Device& from, std::string_view topic, base::BytesView bytes) {
    return publish(from, topic, base::as_text(bytes));
  }
};

TEST_F(CamerasTest, PicturesInAFolderBecomeSeries) {
  CameraConfig& gate = camera("gate");
  gate.folder = "pictures";
  gate.remove = true;
  write("pictures/1.jpg", picture(1));
  start_serving();
  until_counts("cameras/gate/count", {1});
  write("pictures/2.jpg", picture(2));
  write("pictures/3.jpg", picture(0));
  until_counts("cameras/gate/count", {1, 2, 0});
  until_counts("cameras/gate/cat", {1, 2, 0});
  const auto lists = texts("cameras/gate/detections");
  ASSERT_EQ(lists.size(), 2u);
  EXPECT_EQ(lists[0], R"({"detections":[{"label":"cat","score":0.75,"box":[0.25,0.25,0.5,0.75]}]})");
  EXPECT_EQ(node->store().find("cameras/gate/count")->device, "gate");
  EXPECT_FALSE(machine.disk().contents("pictures/1.jpg")) << "it was to be removed";
}

TEST_F(CamerasTest, APictureByMqttIsReadingsAndAnEventAndNoMessageOfReadings) {
  camera("yard").topic = "cam/+/jpg";
  start_serving();
  const auto heard = listen();
  client::Device& sender = device("sender");
  EXPECT_EQ(send(sender, "cam/yard/jpg", picture(2)), Reason::success);
  until_counts("cameras/yard/count", {2});
  run_until([&] { return heard->events.size() == 1; });
  EXPECT_THAT(heard->topics, ElementsAre("selvedge/cameras/yard/detections"));
  const codec::json::Value& event = heard->events[0];
  EXPECT_EQ(event.at_pointer("/model").text(), "finder");
  EXPECT_EQ(event.at_pointer("/version").number(), 1);
  EXPECT_EQ(event.at_pointer("/width").number(), 3 * block);
  EXPECT_EQ(event.at_pointer("/height").number(), block);
  EXPECT_EQ(event.at_pointer("/detections/1/name").text(), "cat");
  EXPECT_EQ(event.at_pointer("/detections/1/box/3").number(), 0.75);
  EXPECT_EQ(event.at_pointer("/counts/count").number(), 2);
  EXPECT_EQ(event.at_pointer("/counts/cat").number(), 2);
  EXPECT_THAT(std::string(event.at_pointer("/time").text()), testing::EndsWith("Z"));
  EXPECT_EQ(metric("selvedge_dead_letters_total"), 0);
  EXPECT_FALSE(node->store().find("cam/yard/jpg"));
  EXPECT_FALSE(node->store().find("selvedge/cameras/yard/detections/version")) << "events of its own are no readings";
  // The event that everything left.
  EXPECT_EQ(send(sender, "cam/yard/jpg", picture(0)), Reason::success);
  run_until([&] { return heard->events.size() == 2; });
  EXPECT_EQ(heard->events[1].at_pointer("/counts/count").number(), 0);
  // Other topics are readings as ever.
  EXPECT_EQ(publish(sender, "cam/yard/temp", "21"), Reason::success);
  EXPECT_EQ(values("cam/yard/temp"), std::vector<double>{21});
}

TEST_F(CamerasTest, NothingIsSaidTwiceOfWhatDoesNotChange) {
  CameraConfig& yard = camera("yard");
  yard.topic = "cam";
  yard.report = std::chrono::seconds(10);
  yard.list = std::chrono::minutes(1);
  start_serving();
  const auto heard = listen();
  client::Device& sender = device("sender");
  for (int i = 0; i < 15; ++i) {
    send(sender, "cam", picture(1));
    sim.run_for(std::chrono::seconds(1));
  }
  EXPECT_EQ(counts("cameras/yard/count"), (std::vector<std::int64_t>{1, 1})) << "at once, and ten seconds later";
  EXPECT_EQ(heard->events.size(), 1u);
  EXPECT_EQ(texts("cameras/yard/detections").size(), 1u);
}

TEST_F(CamerasTest, WhatIsNoPictureIsCountedAndIsNoDeadLetter) {
  camera("yard").topic = "cam";
  start_serving();
  client::Device& sender = device("sender");
  EXPECT_EQ(publish(sender, "cam", R"({"ts":1700000000000,"temp":21.5})"), Reason::success);
  EXPECT_EQ(publish(sender, "cam", ""), Reason::success);
  EXPECT_EQ(send(sender, "cam", picture(3)), Reason::success);
  until_counts("cameras/yard/count", {3});
  EXPECT_EQ(metric("selvedge_dead_letters_total"), 0);
  EXPECT_FALSE(node->store().find("cam/temp"));
  const auto shown = codec::json::parse(ask("GET", "/api/v1/status").body).value();
  EXPECT_EQ(shown.at_pointer("/cameras/configured").number(), 1);
  EXPECT_EQ(shown.at_pointer("/cameras/pictures").number(), 2) << "an empty message is none";
  EXPECT_EQ(shown.at_pointer("/cameras/looked_at").number(), 1);
}

TEST_F(CamerasTest, APictureThatIsTooLargeIsCounted) {
  config.broker_packet.bytes = 16 << 20;
  camera("yard").topic = "cam";
  start_serving();
  client::DeviceOptions options;
  options.node = {"127.0.0.1", 1883};
  options.client_id = "sender";
  options.waiting_bytes = 32 << 20;
  client::Device sender(machine, options);
  sender.start();
  run_until([&] { return sender.connected(); });
  EXPECT_EQ(send(sender, "cam", base::Bytes(camera::Source::most_picture_bytes + 1, 0xFF)), Reason::success);
  EXPECT_EQ(metric("selvedge_camera_oversize_total{camera=\"yard\"}"), 1);
}

TEST_F(CamerasTest, TwoCamerasLookAtOneMessage) {
  camera("all").topic = "cam/#";
  camera("yard").topic = "cam/yard";
  start_serving();
  client::Device& sender = device("sender");
  EXPECT_EQ(send(sender, "cam/yard", picture(1)), Reason::success);
  until_counts("cameras/all/count", {1});
  until_counts("cameras/yard/count", {1});
  EXPECT_EQ(send(sender, "cam/hall", picture(2)), Reason::success);
  until_counts("cameras/all/count", {1, 2});
  EXPECT_EQ(counts("cameras/yard/count"), std::vector<std::int64_t>{1});
}

TEST_F(CamerasTest, EachCameraTakesPicturesByHttp) {
  camera("door").series = "site/{name}/seen";
  start_serving();
  EXPECT_EQ(ask("POST", "/api/v1/cameras/door/picture", picture(2)).status, 202);
  until_counts("site/door/seen/count", {2});
  EXPECT_EQ(ask("POST", "/api/v1/cameras/other/picture", picture(2)).status, 404);
  EXPECT_THAT(ask("GET", "/api/v1/cameras").body, HasSubstr("\"door\""));
  const auto drawn = ask("GET", "/api/v1/cameras/door/picture?annotated=true");
  EXPECT_EQ(drawn.status, 200);
  EXPECT_TRUE(drawn.body.starts_with("\xFF\xD8"));
}

TEST_F(CamerasTest, AClassifierCountsWhatItSees) {
  camera("yard").topic = "cam";
  start_serving("task=classification");
  const auto heard = listen();
  client::Device& sender = device("sender");
  send(sender, "cam", picture(1));
  until_counts("cameras/yard/cat", {1});
  send(sender, "cam", picture(3));
  until_counts("cameras/yard/cat", {1, 0});
  until_counts("cameras/yard/dog", {1});
  run_until([&] { return heard->events.size() == 2; });
  EXPECT_EQ(heard->events[0].at_pointer("/classes/0/name").text(), "cat");
  EXPECT_EQ(heard->events[0].at_pointer("/classes/0/score").number(), 0.75);
  EXPECT_FALSE(heard->events[0].at_pointer("/detections/0").is_object()) << "the whole picture is no box";
  EXPECT_EQ(heard->events[1].at_pointer("/counts/dog").number(), 1);
}

TEST_F(CamerasTest, APowerCutLosesNoCountAndRepeatsNone) {
  CameraConfig& gate = camera("gate");
  gate.folder = "pictures";
  camera("yard").topic = "cam";
  write("pictures/0.jpg", picture(7));
  start_serving();
  write("pictures/1.jpg", picture(1));
  until_counts("cameras/gate/count", {1});
  EXPECT_EQ(send(device("sender"), "cam", picture(2)), Reason::success);
  until_counts("cameras/yard/count", {2});
  sim.run_for(std::chrono::seconds(2));
  power_cut_and_restart();
  until_serving("finder");
  sim.run_for(std::chrono::seconds(5));
  EXPECT_EQ(counts("cameras/gate/count"), std::vector<std::int64_t>{1}) << "what was there at a start was looked at";
  write("pictures/2.jpg", picture(3));
  EXPECT_EQ(send(device("again"), "cam", picture(4)), Reason::success);
  until_counts("cameras/gate/count", {1, 3});
  until_counts("cameras/yard/count", {2, 4});
}

TEST_F(CamerasTest, AFullStoreIsCountedAndTheEventGoesOut) {
  camera("yard").topic = "cam";
  start_serving();
  const auto heard = listen();
  client::Device& sender = device("sender");
  send(sender, "cam", picture(1));
  until_counts("cameras/yard/count", {1});
  machine.disk().fill_up();
  const char* lost = "selvedge_camera_unstored_total{camera=\"yard\",reason=\"full\"}";
  for (int i = 0; i < 20 && metric(lost) == 0; ++i) {
    EXPECT_TRUE(sender.publish("cam", picture(2 + i % 2), 0));
    sim.run_for(std::chrono::seconds(1));
  }
  EXPECT_GE(metric(lost), 1);
  const std::size_t events = heard->events.size();
  EXPECT_TRUE(sender.publish("cam", picture(5), 0));
  run_until([&] { return heard->events.size() > events; });
  machine.disk().model.capacity = 1ULL << 30;
  sim.run_for(std::chrono::seconds(10));
  send(sender, "cam", picture(6));
  sim.run_for(std::chrono::seconds(2));
  EXPECT_EQ(counts("cameras/yard/count").back(), 6);
}

TEST_F(CamerasTest, ASeriesThatHoldsSomethingElseIsCounted) {
  camera("yard").topic = "cam";
  TopicConfig& topic = config.topics.emplace_back();
  topic.filter = "cameras/#";
  topic.text_values = true;
  start_serving();
  client::Device& sender = device("sender");
  EXPECT_EQ(publish(sender, "cameras/yard", R"({"count":"many"})"), Reason::success);
  ASSERT_EQ(texts("cameras/yard/count").size(), 1u);
  send(sender, "cam", picture(1));
  const char* lost = "selvedge_camera_unstored_total{camera=\"yard\",reason=\"refused\"}";
  run_until([&] { return metric(lost) == 1; });
}

TEST_F(CamerasTest, WaitsForItsModelAndSaysSo) {
  CameraConfig& gate = camera("gate", "finder");
  gate.folder = "pictures";
  gate.remove = true;
  bring("finder", "finder");
  start();
  write("pictures/1.jpg", picture(1));
  sim.run_for(std::chrono::seconds(10));
  EXPECT_THAT(ask("GET", "/api/v1/cameras/gate").body, HasSubstr("model finder is not on this node"));
  EXPECT_EQ(codec::json::parse(ask("GET", "/api/v1/status").body)->at_pointer("/cameras/waiting_for_model").number(), 1);
  serve("finder");
  until_counts("cameras/gate/count", {1});
}

TEST_F(CamerasTest, StopsWhilePicturesWait) {
  camera("yard").topic = "cam";
  start_serving();
  client::Device& sender = device("sender");
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(sender.publish("cam", picture(i % 3), 1));
  sim.run_for(std::chrono::milliseconds(5));
  bool stopped = false;
  node->stop([&] { stopped = true; });
  run_until([&] { return stopped; });
  sim.run_for(std::chrono::seconds(5));
  node.reset();
}

TEST_F(CamerasTest, APasswordThatCannotBeReadEndsTheStart) {
  CameraConfig& gate = camera("gate");
  gate.url = "http://10.0.0.7/stream";
  gate.user = "viewer";
  gate.password_file = "secret";
  ASSERT_TRUE(config.finish());
  const auto made = Node::create(machine, config);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, testing::StartsWith("camera 'gate': password-file: "));
}

}  // namespace
}  // namespace selvedge::node
