// A node and devices on one fake machine, for tests.

#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "client/device.h"
#include "node/node.h"
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
    machine.crash();
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
    const model::SeriesDef* def = node->store().find(series);
    if (def == nullptr) return all;
    const auto take = [&](const codec::Columns& columns) {
      for (std::size_t i = 0; i < columns.size(); ++i) all.push_back(columns.at(i).float64);
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
    return all;
  }

  os::fake::Simulation sim{7};
  os::fake::Machine& machine = sim.machine("site");
  NodeConfig config;
  std::unique_ptr<Node> node;
  std::vector<std::unique_ptr<client::Device>> devices;
};

}  // namespace selvedge::node
