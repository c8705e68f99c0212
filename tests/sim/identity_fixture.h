// A cloud, a node that has joined it, an operator and a device, each on a machine of its own, with
// certificates that end soon. For tests of what becomes of certificates while connections stay.

#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "client/device.h"
#include "cloud/cloud.h"
#include "codec/json/value.h"
#include "crypto/crypto.h"
#include "crypto/est.h"
#include "identity/identity.h"
#include "memory_block_store.h"
#include "net/http/http.h"
#include "node/node.h"
#include "os/fake/simulation.h"

namespace selvedge::sim {

using namespace std::chrono_literals;

constexpr base::Duration day = 24h;

class IdentityTest : public testing::Test {
 protected:
  IdentityTest() {
    cloud_config.state = "state";
    cloud_config.hosts = {"cloud"};
    node_config.state = "state";
    node_config.mqtt_listen.clear();
    node_config.http_listen = {"127.0.0.1:8080"};
    node_config.http_tls_listen = {":8444"};
    node_config.device_certificates = "required";
    node_config.identity_poll = 10min;
  }

  // Programs that crash leave their objects to be destroyed here.
  ~IdentityTest() override {
    for (os::fake::Machine* machine : sim.machines()) machine->crash();
    device.reset();
    node.reset();
    cloud.reset();
  }

  void start_cloud() {
    auto made = cloud::Cloud::create(
        cloud_machine, cloud_config,
        MemoryBlockStore::open(cloud_machine, "state", database).value());
    ASSERT_TRUE(made) << made.error().message;
    cloud = std::move(*made);
    ASSERT_TRUE(cloud->start());
  }

  void start_node() {
    ASSERT_TRUE(node_config.finish());
    auto made = node::Node::create(node_machine, node_config);
    ASSERT_TRUE(made) << made.error().message;
    node = std::move(*made);
    const auto started = node->start();
    ASSERT_TRUE(started) << started.error().message;
  }

  void crash_node() {
    node_machine.crash();
    node.reset();
  }
  void restart_node() {
    node_machine.restart();
    start_node();
  }

  // A certificate of the fleet, as a device or an operator gets it.
  os::TlsConfig certified(const std::string& role, const std::string& name) {
    const std::string key = crypto::make_key().value();
    base::JsonWriter body;
    body.begin_object()
        .field("role", role)
        .field("name", name)
        .field("csr", crypto::make_csr(key, name).value())
        .end_object();
    const auto answer = post("/api/v1/certificates", body.take());
    os::TlsConfig tls;
    tls.certificate = answer["certificate"].text();
    tls.key = key;
    tls.trusted = answer["authority"].text();
    return tls;
  }

  os::TlsConfig operator_tls() {
    auto dir = cloud_machine.directory("state/identity", false).value();
    const auto read = [&](const char* name) {
      return std::string(base::as_text(os::read_file(*dir, name, 64 << 10).value()));
    };
    os::TlsConfig tls;
    tls.certificate = read("operator.crt");
    tls.key = read("operator.key");
    tls.trusted = read("ca.crt");
    return tls;
  }

  net::http::Fetched fetch(net::http::Client& client, net::http::Fetch what) {
    std::optional<base::Result<net::http::Fetched>> got;
    client.fetch(std::move(what), [&](auto answer) { got = std::move(answer); });
    EXPECT_TRUE(sim.run_until([&] { return got.has_value(); }, 2min));
    EXPECT_TRUE(got && *got) << (got ? got->error().message : "no answer");
    return got && *got ? **got : net::http::Fetched{};
  }

  codec::json::Value post(const std::string& path, std::string body = "{}") {
    net::http::Client client(operator_machine, {},
                             operator_machine.network().client_tls(operator_tls()).value());
    const auto answer = fetch(client, {"POST", "https://cloud:8443" + path, {}, std::move(body)});
    EXPECT_LT(answer.status, 300) << answer.body;
    return codec::json::parse(answer.body).value_or(codec::json::Value{});
  }
  codec::json::Value get(const std::string& path) {
    net::http::Client client(operator_machine, {},
                             operator_machine.network().client_tls(operator_tls()).value());
    return codec::json::parse(fetch(client, {"GET", "https://cloud:8443" + path, {}, {}}).body)
        .value_or(codec::json::Value{});
  }

  void join() {
    const std::string token = post("/api/v1/tokens", R"({"node":"gate"})")["token"].text();
    const auto parsed = crypto::parse_join_token(token).value();
    identity::NodeIdentity joined;
    joined.name = "gate";
    joined.cloud_url = "https://cloud:8443";
    joined.key = crypto::make_key().value();
    base::JsonWriter body;
    body.begin_object()
        .field("name", "gate")
        .field("token_id", parsed.id)
        .field("token_secret", parsed.secret)
        .field("csr", crypto::make_csr(joined.key, "gate").value())
        .end_object();
    const auto answer = post("/api/v1/join", body.take());
    joined.certificate = answer["certificate"].text();
    joined.authority = answer["authority"].text();
    joined.cloud_mqtt = "cloud:8884";
    ASSERT_TRUE(identity::save(node_machine, "state", joined));
  }

  // All of it, connected.
  void start() {
    start_cloud();
    join();
    start_node();
    start_device(certified("device", "pump"));
    ASSERT_TRUE(sim.run_until([&] { return device->connected() && uplink_connects() == 1; }, 1min));
  }

  void start_device(const os::TlsConfig& tls) {
    client::DeviceOptions options;
    options.node = {"gate", 8883};
    options.tls = device_machine.network().client_tls(tls).value();
    options.client_id = "pump";
    device = std::make_unique<client::Device>(device_machine, options);
    device->on_lost([this](const base::Error& why) {
      ++device_losses;
      device_why = why.message;
    });
    device->start();
  }

  double metric(base::Registry& metrics, const std::string& line) {
    const std::string text = "\n" + metrics.text();
    const std::size_t at = text.find("\n" + line + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + line.size() + 2));
  }
  int uplink_connects() {
    return static_cast<int>(metric(node->metrics(), "selvedge_uplink_connects_total"));
  }
  int renewals(const std::string& outcome = "renewed") {
    return static_cast<int>(metric(
        node->metrics(), "selvedge_certificate_renewals_total{outcome=\"" + outcome + "\"}"));
  }
  identity::NodeIdentity node_identity() {
    return identity::load(node_machine, "state").value().value();
  }
  base::Time node_until() {
    return crypto::read_certificate(node_identity().certificate)->not_after;
  }
  std::size_t authorities_of_node() {
    return crypto::split_certificates(node_identity().authority)->size();
  }

  os::fake::Simulation sim{11};
  os::fake::Machine& cloud_machine = sim.machine("cloud");
  os::fake::Machine& node_machine = sim.machine("gate");
  os::fake::Machine& operator_machine = sim.machine("desk");
  os::fake::Machine& device_machine = sim.machine("pump");
  std::shared_ptr<Database> database = std::make_shared<Database>(11);
  cloud::CloudConfig cloud_config;
  node::NodeConfig node_config;
  std::unique_ptr<cloud::Cloud> cloud;
  std::unique_ptr<node::Node> node;
  std::unique_ptr<client::Device> device;
  int device_losses = 0;
  std::string device_why;
};

}  // namespace selvedge::sim
