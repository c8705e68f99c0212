// Twins of a fleet through trouble: wishes made in the cloud, reports made on nodes, while links drop,
// machines crash and disks tear. In the end both sides have the same, and a device that listens with
// a persistent session was told each wish once and in order.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "client/device.h"
#include "cloud/cloud.h"
#include "codec/json/value.h"
#include "credentials.h"
#include "memory_block_store.h"
#include "node/node.h"
#include "os/fake/simulation.h"
#include "supervised.h"

namespace selvedge::sim {
namespace {

using namespace std::chrono_literals;
using cloud::Cloud;
using node::Node;
using os::fake::Machine;
using Kind = engine::TwinEdit::Kind;

class TwinFleet {
 public:
  explicit TwinFleet(std::uint64_t seed, std::size_t nodes)
      : random(seed ^ 0x7719), database(std::make_shared<Database>(seed)), sim(seed) {
    base::log::set_level(base::log::Level::off);
    sim.set_default_link({.latency = 5ms, .jitter = 2ms, .user_timeout = 1min});
    Machine& cloud_machine = sim.machine("cloud");
    credentials = &Credentials::since(cloud_machine.wall_now());
    CHECK(credentials->install_cloud(cloud_machine, "state", "cloud"));
    cloud_machine.run([this](os::World& world) {
      return std::make_shared<Supervised<Cloud>>(
          world, "cloud",
          [db = database](os::World& w) -> base::Result<std::unique_ptr<Cloud>> {
            cloud::CloudConfig config;
            config.state = "state";
            config.hosts = {"cloud"};
            return Cloud::create(w, config, TRY(MemoryBlockStore::open(w, "state", db)));
          },
          incidents);
    });
    for (std::size_t i = 0; i < nodes; ++i) add_node("node-" + std::to_string(i));
  }

  void add_node(const std::string& name) {
    names.push_back(name);
    Machine& machine = sim.machine(name);
    CHECK(credentials->install_node(machine, "state", name, "cloud:8884"));
    machine.run([this, name](os::World& world) {
      return std::make_shared<Supervised<Node>>(
          world, name,
          [](os::World& w) {
            node::NodeConfig config;
            config.state = "state";
            config.mqtt_listen = {"127.0.0.1:1883"};
            config.http_listen.clear();
            config.anonymous_loopback = true;
            CHECK(config.finish());
            return Node::create(w, config);
          },
          incidents);
    });
  }

  Cloud* the_cloud() {
    const auto running = std::static_pointer_cast<Supervised<Cloud>>(sim.machine("cloud").program());
    return running ? running->service() : nullptr;
  }
  Node* the_node(const std::string& name) {
    const auto running = std::static_pointer_cast<Supervised<Node>>(sim.machine(name).program());
    return running ? running->service() : nullptr;
  }

  static std::string text(store::TwinStore& twins, std::string_view id) {
    const engine::Twin* twin = twins.find(id);
    return twin ? twin->json(id, "").value() : "none";
  }
  // What is not the same on both sides, or nothing.
  std::string difference() {
    Cloud* const cloud = the_cloud();
    if (!cloud) return "the cloud is not running";
    for (const std::string& name : names) {
      Node* const node = the_node(name);
      if (!node) return name + " is not running";
      const std::string prefix = name + ":";
      const auto above = cloud->twins().list(prefix, "", 1000), below = node->twins().list(prefix, "", 1000);
      if (above != below)
        return name + " has " + std::to_string(below.size()) + " twins, the cloud " + std::to_string(above.size());
      for (const auto& id : above)
        if (text(cloud->twins(), id) != text(node->twins(), id))
          return id + ": " + text(cloud->twins(), id) + " in the cloud, " + text(node->twins(), id);
    }
    return {};
  }
  bool converge(base::Duration patience) {
    return sim.run_until([this] { return difference().empty(); }, patience);
  }

  // Something changes somewhere.
  void edit() {
    const std::string& name = names[random.below(names.size())];
    const std::string id = name + ":d" + std::to_string(random.below(5));
    const std::string value = std::to_string(random.below(1000));
    const std::string leaf = "\"p" + std::to_string(random.below(4)) + "\":" + value;
    if (random.chance(0.5)) {
      if (Cloud* const cloud = the_cloud()) wish(*cloud, id, leaf);
    } else if (Node* const node = the_node(name)) {
      const bool removes = random.chance(0.05);
      const std::string json = R"({"features":{"f":{"properties":{)" + leaf + "}}}}";
      if (removes) base::ignore(node->twins().remove(id), "it may not be there");
      else base::ignore(node->twins().edit(id, {Kind::merge, "", json}), "a disk may be full");
      node->twins().commit([] {});
    }
  }
  void wish(Cloud& cloud, const std::string& id, const std::string& leaf) {
    const std::string json = R"({"features":{"f":{"desiredProperties":{)" + leaf + "}}}}";
    base::ignore(cloud.twins().edit(id, {Kind::merge, "", json}), "a disk may be full");
    cloud.twins().commit([] {});
  }
  void trouble() {
    const std::string& name = names[random.below(names.size())];
    os::fake::Link& link = sim.link(name, "cloud");
    switch (random.below(6)) {
      case 0:
        link.cut(random.chance(0.5) ? os::fake::Cut::reset : os::fake::Cut::silent);
        sim.after(random.between(1s, 20s), [&link] { link.mend(); });
        break;
      case 1: link.forget_connections(); break;
      case 2: crash(sim.machine(name)); break;
      case 3: sim.machine(name).crash_at_write(1 + random.below(20)); restart_later(sim.machine(name)); break;
      case 4: crash(sim.machine("cloud")); break;
      default: sim.machine("cloud").crash_at_write(1 + random.below(20)); restart_later(sim.machine("cloud"));
    }
  }
  void crash(Machine& machine) {
    if (machine.alive()) machine.crash();
    restart_later(machine);
  }
  void restart_later(Machine& machine) {
    sim.after(random.between(5s, 10s), [&machine] {
      machine.crash_at_write(0);
      if (!machine.alive()) machine.restart();
    });
  }

  os::fake::Random random;
  std::shared_ptr<Database> database;
  const Credentials* credentials = nullptr;
  std::vector<std::string> names;
  Incidents incidents;
  os::fake::Simulation sim;              // goes first, with every program in it
};

class TwinTrouble : public testing::TestWithParam<std::uint64_t> {};

TEST_P(TwinTrouble, EndsWithTheSameTwinsEverywhere) {
  TwinFleet fleet(GetParam(), 3);
  fleet.sim.run_for(3s);
  for (int step = 0; step < 300; ++step) {
    fleet.edit();
    if (fleet.random.chance(0.08)) fleet.trouble();
    fleet.sim.run_for(fleet.random.between(1ms, 400ms));
  }
  fleet.sim.run_for(40s);                // until all machines and links are back
  EXPECT_TRUE(fleet.converge(20min)) << "seed " << GetParam() << ": " << fleet.difference();
  for (const std::string& start : fleet.incidents.starts) ADD_FAILURE() << start;
  ASSERT_NE(fleet.the_cloud(), nullptr);
  EXPECT_GT(fleet.the_cloud()->twins().size(), 5u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, TwinTrouble, testing::Range<std::uint64_t>(1, 13));

// A device on the node's own machine, with a session that outlives its connections.
struct Listener {
  Listener(os::World& world, std::vector<std::string>& speeds) {
    client::DeviceOptions options;
    options.node = {"127.0.0.1", 1883};
    options.client_id = "d0";
    options.clean_start = false;
    options.session_expiry = 30 * 24 * 3600;
    device = std::make_unique<client::Device>(world, options);
    device->on_message([&speeds](const engine::ClientEvents::Message& m) {
      const auto json = codec::json::parse(base::as_text(m.payload));
      if (json) speeds.push_back((*json)["state"]["f"]["speed"].print());
    });
    device->subscribe("$twin/d0/update/delta", 1);
    device->start();
  }
  std::unique_ptr<client::Device> device;
};

TEST(TwinFleet, BringsWishesToANodeThatWasOffForAWeekOnceAndInOrder) {
  TwinFleet fleet(7, 1);
  std::vector<std::string> speeds;
  Machine& machine = fleet.sim.machine("node-0");
  fleet.sim.run_for(5s);
  auto listener = std::make_unique<Listener>(machine, speeds);
  fleet.sim.run_for(1s);
  fleet.wish(*fleet.the_cloud(), "node-0:d0", "\"speed\":1");
  ASSERT_TRUE(fleet.sim.run_until([&] { return speeds.size() == 1; }, 1min));
  fleet.sim.run_for(5s);
  machine.crash();
  listener.reset();
  for (int day = 2; day < 9; ++day) {
    fleet.sim.run_for(24h);
    fleet.wish(*fleet.the_cloud(), "node-0:d0", "\"speed\":" + std::to_string(day));
  }
  machine.restart();
  ASSERT_TRUE(fleet.converge(10min)) << fleet.difference();
  listener = std::make_unique<Listener>(machine, speeds);
  fleet.sim.run_for(10s);
  EXPECT_EQ(speeds, (std::vector<std::string>{"1", "8"}));
  // While the link is away wishes made on the node arrive one by one.
  fleet.sim.link("node-0", "cloud").cut(os::fake::Cut::silent);
  Node* const node = fleet.the_node("node-0");
  ASSERT_NE(node, nullptr);
  for (int i = 9; i < 12; ++i) {
    const std::string json =
        R"({"features":{"f":{"desiredProperties":{"speed":)" + std::to_string(i) + "}}}}";
    ASSERT_TRUE(node->twins().edit("node-0:d0", {Kind::merge, "", json}));
    fleet.sim.run_for(1s);
  }
  fleet.sim.run_for(24h);
  fleet.sim.link("node-0", "cloud").mend();
  ASSERT_TRUE(fleet.converge(10min)) << fleet.difference();
  fleet.sim.run_for(10s);
  EXPECT_EQ(speeds, (std::vector<std::string>{"1", "8", "9", "10", "11"}));
  listener.reset();
}

TEST(TwinFleet, TakesNothingFromANodeThatSpeaksOfOthers) {
  TwinFleet fleet(3, 2);
  fleet.sim.run_for(5s);
  // A node that keeps twins of another's namespace does not even send them.
  Node* const node = fleet.the_node("node-0");
  ASSERT_NE(node, nullptr);
  ASSERT_TRUE(node->twins().edit("node-1:d0", {Kind::merge, "", R"({"attributes":{"mine":true}})"}));
  ASSERT_TRUE(node->twins().edit("node-0:d0", {Kind::merge, "", R"({"attributes":{"mine":true}})"}));
  fleet.sim.run_for(20s);
  EXPECT_EQ(fleet.the_cloud()->twins().find("node-1:d0"), nullptr);
  EXPECT_NE(fleet.the_cloud()->twins().find("node-0:d0"), nullptr);
}

TEST(TwinFleet, BringsAWishToAnIdleNodeAtOnce) {
  TwinFleet fleet(11, 1);
  fleet.sim.run_for(10s);
  std::vector<std::string> speeds;
  Listener listener(fleet.sim.machine("node-0"), speeds);
  fleet.sim.run_for(1s);
  for (int i = 0; i < 100; ++i) {
    const base::Instant began = fleet.sim.now();
    fleet.wish(*fleet.the_cloud(), "node-0:d0", "\"speed\":" + std::to_string(i));
    ASSERT_TRUE(fleet.sim.run_until([&] { return speeds.size() == static_cast<std::size_t>(i + 1); }, 1min));
    // Latency of the link, one commit, and the link on the machine itself: nothing waits for company.
    EXPECT_LE(fleet.sim.now() - began, 40ms);
    fleet.sim.run_for(100ms);
  }
}

}  // namespace
}  // namespace selvedge::sim
