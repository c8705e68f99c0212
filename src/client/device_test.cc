#include "client/device.h"

#include <gtest/gtest.h>

#include "net/mqtt/server.h"
#include "os/fake/simulation.h"

namespace selvedge::client {
namespace {

TEST(DeviceUrl, KnowsPlainAndTls) {
  EXPECT_EQ(parse_device_url("mqtt://site")->node.port, 1883);
  EXPECT_TRUE(parse_device_url("mqtts://site")->tls);
  EXPECT_EQ(parse_device_url("mqtts://site:1/")->node.text(), "site:1");
  EXPECT_EQ(parse_device_url("mqtt://[::1]")->node.port, 1883);
  EXPECT_FALSE(parse_device_url("http://site"));
}

class DeviceTest : public testing::Test {
 protected:
  DeviceTest() {
    net::mqtt::Hooks hooks;
    hooks.login = [](net::mqtt::LoginRequest request, const auto& answer) {
      answer({codec::mqtt::Reason::success, request.client_id, {}});
    };
    hooks.arrived = [this](std::span<const engine::Arrived> messages) {
      for (const auto& m : messages) {
        got.push_back(std::string(base::as_text(m.payload)));
        if (m.token) server->settle(*m.token, codec::mqtt::Reason::success);
      }
    };
    hooks.persist = [](base::BytesView, std::uint32_t) {};
    server = std::make_unique<net::mqtt::Server>(site, engine::BrokerLimits{}, engine::Access{}, hooks);
    EXPECT_TRUE(server->listen({"", 1883}, nullptr));
    DeviceOptions options;
    options.node = {"site", 1883};
    options.client_id = "pump";
    options.waiting_bytes = 2000;
    device = std::make_unique<Device>(sensor, options);
    device->on_acknowledged([this](engine::PublishId, codec::mqtt::Reason) { ++acknowledged; });
  }

  os::fake::Simulation sim{5};
  os::fake::Machine& site = sim.machine("site");
  os::fake::Machine& sensor = sim.machine("sensor");
  std::vector<std::string> got;
  std::unique_ptr<net::mqtt::Server> server;
  std::unique_ptr<Device> device;
  int acknowledged = 0;
};

TEST_F(DeviceTest, KeepsWhatItPublishedWhileTheLinkIsCut) {
  device->start();
  ASSERT_TRUE(sim.run_until([&] { return device->connected(); }, std::chrono::minutes(1)));
  sim.link("site", "sensor").cut(os::fake::Cut::reset);
  sim.run_for(std::chrono::seconds(5));
  EXPECT_FALSE(device->connected());
  for (int i = 0; i < 10; ++i)
    EXPECT_TRUE(device->publish("t", base::as_bytes(std::to_string(i)), 1));
  sim.link("site", "sensor").mend();
  ASSERT_TRUE(sim.run_until([&] { return acknowledged == 10; }, std::chrono::minutes(5)));
  EXPECT_EQ(got, (std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}));
  EXPECT_EQ(device->unacknowledged(), 0u);
}

TEST_F(DeviceTest, SaysWhenItsMemoryIsFull) {
  device->start();
  const std::string large(500, 'x');
  int taken = 0;
  for (int i = 0; i < 10; ++i) taken += device->publish("t", base::as_bytes(large), 1).has_value();
  EXPECT_GE(taken, 1);
  EXPECT_LE(taken, 4);
  EXPECT_EQ(device->publish("t", base::as_bytes(large), 1).error().code, base::Code::exhausted);
}

}  // namespace
}  // namespace selvedge::client
