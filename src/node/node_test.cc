#include "node/node_fixture.h"

namespace selvedge::node {
namespace {

using codec::mqtt::Reason;

TEST_F(NodeTest, AnAcknowledgedReadingSurvivesAPowerCut) {
  start();
  client::Device& boiler = device("boiler");
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(publish(boiler, "boiler/temp", std::to_string(20 + i)), Reason::success);
  power_cut_and_restart();
  std::vector<double> wanted;
  for (int i = 0; i < 20; ++i) wanted.push_back(20 + i);
  EXPECT_EQ(values("boiler/temp"), wanted);
}

TEST_F(NodeTest, NothingIsAcknowledgedBeforeItIsOnDisk) {
  start();
  client::Device& boiler = device("boiler");
  machine.disk().model.sync_latency = std::chrono::milliseconds(500);
  const base::Instant began = sim.now();
  publish(boiler, "boiler/temp", "21");
  EXPECT_GE(sim.now() - began, std::chrono::milliseconds(500));
}

TEST_F(NodeTest, ARepeatedMessageIsStoredOnce) {
  start();
  client::Device& boiler = device("boiler");
  publish(boiler, "boiler", R"({"ts":1700000000000,"temp":21.5})");
  publish(boiler, "boiler", R"({"ts":1700000000000,"temp":21.5})");
  publish(boiler, "boiler", R"({"ts":1700000000000,"temp":21.6})");
  EXPECT_EQ(values("boiler/temp"), (std::vector<double>{21.5, 21.6}));
}

TEST_F(NodeTest, AFullDiskHoldsTheAnswersBackUntilThereIsRoom) {
  config.store_keep_free.bytes = 0;
  start();
  client::Device& boiler = device("boiler");
  EXPECT_EQ(publish(boiler, "boiler/temp", "1"), Reason::success);
  machine.disk().fill_up();
  // What was taken when the disk was found full waits for room; its answer is late, not wrong.
  std::size_t answered = 0;
  boiler.on_acknowledged([&](engine::PublishId, Reason reason) {
    ++answered;
    EXPECT_EQ(reason, Reason::success);
  });
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(boiler.publish("boiler/rpm", base::as_bytes(std::to_string(i)), 1));
  sim.run_for(std::chrono::seconds(5));
  EXPECT_EQ(answered, 0u);
  machine.disk().model.capacity = 1ULL << 30;
  run_until([&] { return answered == 5; });
  EXPECT_EQ(publish(boiler, "boiler/temp", "2"), Reason::success);
  EXPECT_EQ(values("boiler/temp"), (std::vector<double>{1, 2}));
}

TEST_F(NodeTest, AnUnreadablePayloadIsKeptAsADeadLetterAndAcknowledged) {
  start();
  client::Device& boiler = device("boiler");
  EXPECT_EQ(publish(boiler, "boiler", "{broken"), Reason::success);
  const std::string page = node->metrics().text();
  EXPECT_NE(page.find("selvedge_dead_letters_total 1\n"), std::string::npos);
}

TEST_F(NodeTest, StrangersStayOutside) {
  config.anonymous_loopback = false;
  start();
  client::DeviceOptions options;
  options.node = {"127.0.0.1", 1883};
  options.client_id = "stranger";
  client::Device stranger(machine, options);
  int lost = 0;
  stranger.on_lost([&](const base::Error&) { ++lost; });
  stranger.start();
  run_until([&] { return lost > 0; });
  EXPECT_FALSE(stranger.connected());
}

TEST_F(NodeTest, SessionsAndRetainedMessagesSurviveAPowerCut) {
  start();
  {
    client::Device& reader = device("reader");
    reader.subscribe("work/#", 1);
    sim.run_for(std::chrono::seconds(1));
  }
  devices.clear();
  client::Device& boiler = device("boiler");
  EXPECT_EQ(publish(boiler, "work/a", "1"), Reason::success);
  EXPECT_EQ(publish(boiler, "work/b", "2"), Reason::success);
  power_cut_and_restart();
  client::DeviceOptions options;
  options.node = {"127.0.0.1", 1883};
  options.client_id = "reader";
  options.clean_start = false;
  client::Device reader(machine, options);
  std::vector<std::string> got;
  reader.on_message([&](const engine::ClientEvents::Message& m) { got.push_back(m.topic); });
  reader.start();
  run_until([&] { return got.size() == 2; });
  EXPECT_EQ(got, (std::vector<std::string>{"work/a", "work/b"}));
}

TEST_F(NodeTest, StoppingMakesEverythingDurable) {
  start();
  client::Device& boiler = device("boiler");
  EXPECT_TRUE(boiler.publish("boiler/temp", base::as_bytes("21"), 1));
  sim.run_for(std::chrono::milliseconds(50));
  bool stopped = false;
  node->stop([&] { stopped = true; });
  run_until([&] { return stopped; });
  power_cut_and_restart();
  EXPECT_EQ(values("boiler/temp"), std::vector<double>{21});
}

}  // namespace
}  // namespace selvedge::node
