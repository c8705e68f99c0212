#include "net/mqtt/server.h"

#include <gtest/gtest.h>

#include "client/device.h"
#include "os/fake/simulation.h"

namespace selvedge::net::mqtt {
namespace {

using codec::mqtt::Reason;

class ServerHooksTest : public testing::Test {
 protected:
  ServerHooksTest() {
    Hooks hooks;
    hooks.login = [this](LoginRequest request, std::function<void(engine::Grant)> answer) {
      logins.push_back({std::move(request), std::move(answer)});
      if (admit_at_once) admit();
    };
    hooks.arrived = [this](std::span<const engine::Arrived> messages) {
      for (const engine::Arrived& m : messages) {
        payloads.emplace_back(base::as_text(m.payload));
        if (m.token) tokens.push_back(*m.token);
      }
    };
    hooks.persist = [](base::BytesView, std::uint32_t) {};
    hooks.ended = [this](std::string_view, std::string_view why, bool) { ended.emplace_back(why); };
    server = std::make_unique<Server>(site, engine::BrokerLimits{}, engine::Access{}, hooks);
    EXPECT_TRUE(server->listen({"", 1883}, nullptr));
  }

  void admit(Reason reason = Reason::success) {
    for (auto& login : std::exchange(logins, {}))
      login.answer({reason, login.request.client_id, {}});
  }

  client::Device& device(const std::string& id) {
    client::DeviceOptions options;
    options.node = {"site", 1883};
    options.client_id = id;
    devices.push_back(std::make_unique<client::Device>(sensor, options));
    devices.back()->on_acknowledged([this](engine::PublishId, Reason r) { answers.push_back(r); });
    devices.back()->start();
    return *devices.back();
  }

  bool until(const std::function<bool()>& done) {
    return sim.run_until(done, std::chrono::minutes(1));
  }

  struct Login {
    LoginRequest request;
    std::function<void(engine::Grant)> answer;
  };
  os::fake::Simulation sim{11};
  os::fake::Machine& site = sim.machine("site");
  os::fake::Machine& sensor = sim.machine("sensor");
  bool admit_at_once = true;
  std::vector<Login> logins;
  std::vector<std::string> payloads, ended;
  std::vector<engine::Token> tokens;
  std::vector<Reason> answers;
  std::unique_ptr<Server> server;
  std::vector<std::unique_ptr<client::Device>> devices;
};

TEST_F(ServerHooksTest, AcknowledgesOnlyWhatIsSettled) {
  client::Device& pump = device("pump");
  ASSERT_TRUE(until([&] { return pump.connected(); }));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(pump.publish("t", base::as_bytes(std::to_string(i)), 1));
  ASSERT_TRUE(until([&] { return tokens.size() == 3; }));
  sim.run_for(std::chrono::seconds(5));
  EXPECT_TRUE(answers.empty());
  server->settle(tokens[2], Reason::success);   // the last first: answers keep their order
  sim.run_for(std::chrono::seconds(1));
  EXPECT_TRUE(answers.empty());
  server->settle(tokens[0], Reason::success);
  server->settle(tokens[1], Reason::quota_exceeded);
  ASSERT_TRUE(until([&] { return answers.size() == 3; }));
  EXPECT_EQ(answers, (std::vector<Reason>{Reason::success, Reason::quota_exceeded, Reason::success}));
}

TEST_F(ServerHooksTest, TakesALateDecisionOnALogin) {
  admit_at_once = false;
  client::Device& pump = device("pump");
  ASSERT_TRUE(until([&] { return logins.size() == 1; }));
  EXPECT_FALSE(pump.connected());
  admit();
  EXPECT_TRUE(until([&] { return pump.connected(); }));
}

TEST_F(ServerHooksTest, ForgetsADecisionForAConnectionThatIsGone) {
  admit_at_once = false;
  device("pump");
  ASSERT_TRUE(until([&] { return logins.size() == 1; }));
  devices.clear();
  ASSERT_TRUE(until([&] { return !ended.empty(); }));
  admit();
  sim.run_for(std::chrono::seconds(1));
  EXPECT_EQ(server->stats().connections, 0u);
}

TEST_F(ServerHooksTest, StopsReadingWhilePaused) {
  client::Device& pump = device("pump");
  ASSERT_TRUE(until([&] { return pump.connected(); }));
  server->pause();
  EXPECT_TRUE(pump.publish("t", base::as_bytes("1"), 1));
  sim.run_for(std::chrono::seconds(5));
  EXPECT_TRUE(payloads.empty());
  server->resume();
  EXPECT_TRUE(until([&] { return payloads.size() == 1; }));
}

TEST_F(ServerHooksTest, EndsEveryConnectionOfADevice) {
  client::Device& pump = device("pump");
  client::Device& fan = device("fan");
  ASSERT_TRUE(until([&] { return pump.connected() && fan.connected(); }));
  bool lost = false;
  pump.on_lost([&](const base::Error&) { lost = true; });
  server->kick_device("pump", Reason::administrative_action);
  EXPECT_TRUE(until([&] { return lost; }));
  EXPECT_TRUE(fan.connected());
}

TEST_F(ServerHooksTest, PublishesItsOwnMessagesToSubscribers) {
  client::Device& reader = device("reader");
  std::vector<std::string> got;
  reader.on_message([&](const engine::ClientEvents::Message& m) { got.push_back(m.topic); });
  reader.subscribe("down/#", 1);
  ASSERT_TRUE(until([&] { return reader.connected(); }));
  sim.run_for(std::chrono::seconds(1));
  server->publish("down/reader/ack", base::to_bytes("x"), 0, false);
  EXPECT_TRUE(until([&] { return got.size() == 1; }));
}

TEST_F(ServerHooksTest, SaysGoodbyeWhenItCloses) {
  client::Device& pump = device("pump");
  ASSERT_TRUE(until([&] { return pump.connected(); }));
  bool closed = false;
  server->close([&] { closed = true; });
  EXPECT_TRUE(until([&] { return closed && !pump.connected(); }));
}

}  // namespace
}  // namespace selvedge::net::mqtt
