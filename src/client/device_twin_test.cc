#include "client/device_twin.h"

#include <gtest/gtest.h>

#include "net/mqtt/server.h"
#include "os/fake/simulation.h"

namespace selvedge::client {
namespace {

class DeviceTwinTest : public testing::Test {
 protected:
  DeviceTwinTest() {
    net::mqtt::Hooks hooks;
    hooks.login = [](net::mqtt::LoginRequest request, const auto& answer) {
      answer({codec::mqtt::Reason::success, request.client_id, {}});
    };
    hooks.arrived = [this](std::span<const engine::Arrived> messages) {
      for (const auto& m : messages) {
        got.push_back(std::string(m.topic) + " " + std::string(base::as_text(m.payload)));
        if (m.token) server->settle(*m.token, codec::mqtt::Reason::success);
      }
    };
    hooks.persist = [](base::BytesView, std::uint32_t) {};
    server = std::make_unique<net::mqtt::Server>(site, engine::BrokerLimits{}, engine::Access{}, hooks);
    EXPECT_TRUE(server->listen({"", 1883}, nullptr));
    DeviceOptions options;
    options.node = {"site", 1883};
    options.client_id = "pump";
    device = std::make_unique<Device>(sensor, options);
    twin = std::make_unique<DeviceTwin>(*device, "pump");
    twin->on_wish([this](std::uint64_t version, const codec::json::Value& state) {
      base::JsonWriter json;
      codec::json::write(state, json);
      wishes.push_back(std::to_string(version) + " " + json.take());
    });
    device->start();
    EXPECT_TRUE(sim.run_until([&] { return device->connected(); }, std::chrono::minutes(1)));
    sim.run_for(std::chrono::seconds(1));
  }
  void say(const char* topic, const char* payload) {
    server->publish(topic, base::to_bytes(payload), 1, false);
    sim.run_for(std::chrono::seconds(1));
  }

  os::fake::Simulation sim{5};
  os::fake::Machine& site = sim.machine("site");
  os::fake::Machine& sensor = sim.machine("sensor");
  std::vector<std::string> got, wishes;
  std::unique_ptr<net::mqtt::Server> server;
  std::unique_ptr<Device> device;
  std::unique_ptr<DeviceTwin> twin;
};

TEST_F(DeviceTwinTest, HearsWishesInOrderOfTheirVersions) {
  say("$twin/pump/update/delta", R"({"version":4,"state":{"motor":{"speed":1200,"on":true}}})");
  say("$twin/pump/update/delta", R"({"version":3,"state":{"motor":{"speed":900}}})");
  say("$twin/pump/update/delta", "not JSON");
  say("$twin/pump/update/delta", R"({"version":5,"state":{"lamp":{"level":0.5}}})");
  EXPECT_EQ(wishes, (std::vector<std::string>{R"(4 {"motor":{"on":true,"speed":1200}})",
                                              R"(5 {"lamp":{"level":0.5}})"}));
}

TEST_F(DeviceTwinTest, ReportsAndHearsRefusals) {
  std::string refused;
  twin->on_refused([&](std::string_view why) { refused = why; });
  ASSERT_TRUE(twin->report(R"({"motor":{"speed":1200}})"));
  sim.run_for(std::chrono::seconds(1));
  EXPECT_EQ(got, std::vector<std::string>{
                     R"($twin/pump/update {"state":{"reported":{"motor":{"speed":1200}}}})"});
  say("$twin/pump/update/rejected", R"({"code":413,"message":"too large"})");
  EXPECT_EQ(refused, "too large");
}

TEST_F(DeviceTwinTest, PassesOtherMessagesOn) {
  std::vector<std::string> others;
  twin->on_other([&](const engine::ClientEvents::Message& m) { others.push_back(m.topic); });
  device->subscribe("news", 0);
  sim.run_for(std::chrono::seconds(1));
  say("news", "x");
  EXPECT_EQ(others, std::vector<std::string>{"news"});
}

}  // namespace
}  // namespace selvedge::client
