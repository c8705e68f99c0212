// A node and devices on one fake machine, for tests.

#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "client/device.h"
#include "node/node.h"
#include "os/fake/random.h"
#include "os/fake/simulation.h"

namespace selvedge::node {

class NodeTest : public testing::Test {
 protected:
  NodeTest() {
    config.state = "state";
    config.mqtt_listen = {"127.0.0.1:1883"};
    config.mqtt_tls_listen = {};
    config.http_listen = {"127.0.0.1:8080"};
    config.anonymous_loopback = true;
  }

  void start() {
    ASSERT_TRUE(config.finish());
    auto made = Node::create(machine, config);
    ASSERT_TRUE(made) << made.error().message;
    node = std::move(*made);
    const auto started = node->start();
    ASSERT_TRUE(started) << started.error().message;
  }

  // Ends the node without a goodbye and starts it on what the disk kept.
  void power_cut_and_restart() {
    if (machine.alive()) machine.crash();
    devices.clear();
    node.reset();
    machine.restart();
    start();
  }

  client::Device& device(const std::string& id) {
    client::DeviceOptions options;
    options.node = {"127.0.0.1", 1883};
    options.client_id = id;
    devices.push_back(std::make_unique<client::Device>(machine, options));
    devices.back()->start();
    run_until([&] { return devices.back()->connected(); });
    return *devices.back();
  }

  // Publishes plant/7 with a time and a value, at random moments, until the machine stops at a change of its disk or
  // `count` are sent; then it crashes anyway, and starts again. In every fifth life the disk goes on.
  void live_and_crash(int life, int count, os::fake::Random& random, const std::function<double()>& next) {
    client::Device& boiler = device("boiler" + std::to_string(life));
    if (HasFatalFailure()) return;
    if (life % 5 != 4) machine.crash_at_write(1 + random.below(60));
    for (int i = 0; i < count && machine.alive(); ++i) {
      const std::int64_t ms = machine.loop().wall_now().ns / 1'000'000;
      base::ignore(boiler.publish("plant/7", base::as_bytes(R"({"ts":)" + std::to_string(ms) + R"(,"t":)" +
                                                            std::to_string(next()) + "}"), 1),
                   "what is not taken is not stored");
      sim.run_for(std::chrono::milliseconds(random.below(1500)));
    }
    power_cut_and_restart();
  }

  void run_until(const std::function<bool()>& done) {
    ASSERT_TRUE(sim.run_until(done, std::chrono::minutes(2))) << "seed " << sim.seed();
  }

  // Publishes with QoS 1 and waits for the acknowledgement.
  codec::mqtt::Reason publish(client::Device& from, std::string_view topic, std::string_view payload) {
    std::optional<codec::mqtt::Reason> answer;
    from.on_acknowledged([&](engine::PublishId, codec::mqtt::Reason reason) { answer = reason; });
    EXPECT_TRUE(from.publish(topic, base::as_bytes(payload), 1));
    run_until([&] { return answer.has_value(); });
    return answer.value_or(codec::mqtt::Reason::unspecified_error);
  }

  // The values of a series, sealed and open, in the store's order.
  std::vector<double> values(std::string_view series) {
    std::vector<double> all;
    each_reading(series, [&](std::int64_t, const model::ValueView& value) { all.push_back(value.float64); });
    return all;
  }

  void each_reading(std::string_view series,
                    const std::function<void(std::int64_t time, const model::ValueView& value)>& visit) {
    const model::SeriesDef* def = node->store().find(series);
    if (def == nullptr) return;
    const auto take = [&](const codec::Columns& columns) {
      for (std::size_t i = 0; i < columns.size(); ++i) visit(columns.times[i], columns.at(i));
      return true;
    };
    EXPECT_TRUE(node->store().visit(
        def->id, {INT64_MIN}, {INT64_MAX},
        [&](const model::BlockSummary&, base::BytesView frame) {
          codec::Columns columns;
          EXPECT_TRUE(codec::decode_frame(frame, columns));
          return take(columns);
        },
        take));
  }

  double metric(const std::string& name) {
    const std::string page = node->metrics().text();
    const std::size_t at = page.find("\n" + name + " ");
    EXPECT_NE(at, page.npos) << name;
    return at == page.npos ? -1 : std::stod(page.substr(at + name.size() + 2));
  }

  os::fake::Simulation sim{7};
  os::fake::Machine& machine = sim.machine("site");
  NodeConfig config;
  std::unique_ptr<Node> node;
  std::vector<std::unique_ptr<client::Device>> devices;
};

}  // namespace selvedge::node
