// Certificates, authorities and revocations come and go; connections stay, or end when they must.

#include "identity_fixture.h"

namespace selvedge::sim {
namespace {

// A connection of the operator that asks now and then and is kept open in between.
class KeptConnection final : public os::StreamEvents {
 public:
  KeptConnection(os::World& world, std::shared_ptr<os::Tls> tls)
      : stream_(world.network().connect({"cloud", 8443}, std::move(tls), 5s, *this)) {}

  void ask() {
    stream_->write(base::as_bytes("GET /healthz HTTP/1.1\r\nHost: cloud\r\n\r\n"));
  }
  void on_open(os::Stream&) override { open = true; }
  void on_bytes(os::Stream&, base::BytesView bytes) override {
    if (base::as_text(bytes).find("200 OK") != std::string_view::npos) ++answers;
  }
  void on_close(os::Stream&, const base::Error&) override { closed = true; }

  bool open = false, closed = false;
  int answers = 0;

 private:
  std::unique_ptr<os::Stream> stream_;
};

TEST_F(IdentityTest, RenewalAfterRenewalDropsNoConnection) {
  cloud_config.node_certificate = 2h;
  cloud_config.cloud_certificate = 3h;
  start();
  KeptConnection kept(operator_machine,
                      operator_machine.network().client_tls(operator_tls()).value());
  for (int i = 0; i < 24 * 60 * 2; ++i) {
    sim.run_for(30s);
    kept.ask();
  }
  EXPECT_GE(renewals(), 14);
  EXPECT_LE(renewals(), 19);
  EXPECT_GT(node_until(), node_machine.wall_now());
  EXPECT_EQ(uplink_connects(), 1);
  EXPECT_EQ(device_losses, 0) << device_why;
  EXPECT_FALSE(kept.closed);
  EXPECT_GT(kept.answers, 2500);
  // And who comes anew meets certificates that are good.
  os::TlsConfig tls = certified("device", "other");
  start_device(tls);
  EXPECT_TRUE(sim.run_until([&] { return device->connected(); }, 1min)) << device_why;
}

TEST_F(IdentityTest, YearsGoBy) {
  start();
  for (int month = 0; month < 90; ++month) {
    for (os::fake::Machine* machine : sim.machines()) machine->jump_wall(30 * day);
    sim.run_for(90min);
    ASSERT_GT(node_until(), node_machine.wall_now()) << "month " << month;
  }
  EXPECT_GE(renewals(), 30);
  EXPECT_EQ(uplink_connects(), 1);
  EXPECT_EQ(device_losses, 0) << device_why;
  // The authority of the first day has gone its way, too.
  EXPECT_EQ(get("/api/v1/authority/status")["authorities"].array().back()["number"].integer(), 2);
}

TEST_F(IdentityTest, AnotherAuthorityTakesOverWithoutADrop) {
  start();
  const std::string first = node_identity().authority;
  post("/api/v1/authority/rotate");
  ASSERT_TRUE(sim.run_until([&] { return authorities_of_node() == 2; }, 1min));
  // Nobody but the node has to hear of it before it signs.
  ASSERT_TRUE(sim.run_until([&] { return renewals() == 1; }, 3h));
  EXPECT_TRUE(crypto::issuer_of(node_identity().certificate, node_identity().authority).value() == 1);
  auto status = get("/api/v1/authority/status");
  EXPECT_EQ(status["not_moved"].integer(), 1);
  EXPECT_EQ(status["holders"].array().at(0)["name"].text(), "pump");

  // The device gets another; then the old authority goes.
  const os::TlsConfig moved = certified("device", "pump");
  ASSERT_TRUE(sim.run_until([&] { return authorities_of_node() == 1; }, 1h));
  EXPECT_NE(node_identity().authority, first);
  EXPECT_EQ(get("/api/v1/authority/status")["authorities"].array().size(), 1U);
  EXPECT_EQ(uplink_connects(), 1);
  EXPECT_EQ(device_losses, 0) << device_why;

  start_device(moved);
  EXPECT_TRUE(sim.run_until([&] { return device->connected(); }, 1min)) << device_why;
  crash_node();
  restart_node();
  EXPECT_TRUE(sim.run_until([&] { return uplink_connects() == 1; }, 1min));
}

TEST_F(IdentityTest, ANodeThatWasAwayWhileTheAuthorityChangedComesBack) {
  start();
  crash_node();
  post("/api/v1/authority/rotate");
  sim.run_for(26h);
  EXPECT_EQ(get("/api/v1/authority/status")["authorities"].array().at(1)["phase"].text(), "active");
  restart_node();
  EXPECT_TRUE(sim.run_until([&] { return uplink_connects() == 1; }, 1min));
  EXPECT_TRUE(sim.run_until([&] { return renewals() == 1; }, 3h));
}

TEST_F(IdentityTest, ANodeWhoseCertificateRanOutComesBackByItsOldKey) {
  start();
  crash_node();
  for (os::fake::Machine* machine : sim.machines()) machine->jump_wall(115 * day);
  restart_node();
  ASSERT_TRUE(sim.run_until([&] { return renewals() == 1; }, 5min));
  EXPECT_TRUE(sim.run_until([&] { return uplink_connects() == 1; }, 5min));
}

TEST_F(IdentityTest, AfterTheGraceANewTokenIsNeededAndItIsSaid) {
  start();
  crash_node();
  for (os::fake::Machine* machine : sim.machines()) machine->jump_wall(121 * day);
  restart_node();
  ASSERT_TRUE(sim.run_until([&] { return renewals("refused") >= 1; }, 5min));
  net::http::Client client(node_machine, {}, nullptr);
  const auto status =
      codec::json::parse(fetch(client, {"GET", "http://127.0.0.1:8080/api/v1/status", {}, {}}).body)
          .value();
  const std::string why = status["certificate_failure"].text();
  EXPECT_NE(why.find("longer ago than identity.node-grace (30d)"), std::string::npos) << why;
  EXPECT_NE(why.find("selvedge token create --name gate"), std::string::npos) << why;
  EXPECT_EQ(renewals(), 0);
  // It does so.
  crash_node();
  node_machine.restart();
  join();
  start_node();
  EXPECT_TRUE(sim.run_until([&] { return uplink_connects() == 1; }, 1min));
}

TEST_F(IdentityTest, ARevokedNodeDoesNotComeBackByItsOldKey) {
  start();
  post("/api/v1/nodes/gate/revoke");
  ASSERT_TRUE(sim.run_until(
      [&] { return metric(node->metrics(), "selvedge_uplink_connected") == 0; }, 5s));
  crash_node();
  for (os::fake::Machine* machine : sim.machines()) machine->jump_wall(100 * day);
  restart_node();
  ASSERT_TRUE(sim.run_until([&] { return renewals("refused") >= 1; }, 5min));
  sim.run_for(1h);
  EXPECT_EQ(renewals(), 0);
}

TEST_F(IdentityTest, ARevokedDeviceIsGoneWithinSecondsAndStaysOut) {
  start();
  const auto listed = get("/api/v1/certificates?role=device");
  ASSERT_EQ(listed.array().size(), 1U);
  const std::string serial = listed.array()[0]["serial"].text();
  post("/api/v1/certificates/" + serial + "/revoke");
  ASSERT_TRUE(sim.run_until([&] { return device_losses == 1; }, 3s));
  sim.run_for(5min);
  EXPECT_FALSE(device->connected());
  EXPECT_EQ(uplink_connects(), 1);
  // The node remembers it without the cloud.
  cloud_machine.crash();
  cloud.reset();
  crash_node();
  restart_node();
  sim.run_for(5min);
  EXPECT_FALSE(device->connected());
}

TEST_F(IdentityTest, ARevokedOperatorLosesKeptConnections) {
  start();
  const os::TlsConfig alice = certified("operator", "alice");
  KeptConnection kept(operator_machine, operator_machine.network().client_tls(alice).value());
  ASSERT_TRUE(sim.run_until([&] { return kept.open; }, 10s));
  kept.ask();
  ASSERT_TRUE(sim.run_until([&] { return kept.answers == 1; }, 10s));
  const std::string serial =
      get("/api/v1/certificates?name=alice").array().at(0)["serial"].text();
  post("/api/v1/certificates/" + serial + "/revoke");
  EXPECT_TRUE(sim.run_until([&] { return kept.closed; }, 2s));
}

TEST_F(IdentityTest, APowerCutAtAnyWriteOfARenewalLeavesAWholeIdentity) {
  cloud_config.node_certificate = 20min;
  start();
  device->stop();
  device.reset();
  int cuts = 0;
  for (std::uint64_t at = 1; at <= 24; ++at) {
    // Only the identity writes by now: no device is there.
    node_machine.crash_at_write(at);
    const int before = renewals();
    sim.run_until([&] { return !node_machine.alive() || renewals() > before; }, 1h);
    sim.run_for(1s);
    if (node_machine.alive()) {
      node_machine.crash_at_write(0);
      continue;
    }
    ++cuts;
    node.reset();
    node_machine.restart();
    ASSERT_TRUE(identity::load(node_machine, "state").value()) << "cut at " << at;
    start_node();
    ASSERT_TRUE(sim.run_until([&] { return uplink_connects() == 1; }, 2min)) << "cut at " << at;
  }
  EXPECT_GE(cuts, 10);
}

TEST_F(IdentityTest, AClockThatJumpsAndComesBackCostsNothing) {
  start();
  node_machine.jump_wall(4000 * day);
  sim.run_for(10min);
  EXPECT_EQ(renewals(), 0);
  node_machine.jump_wall(-4000 * day);
  sim.run_for(2h);
  EXPECT_EQ(uplink_connects(), 1);
  cloud_machine.jump_wall(4000 * day);
  sim.run_for(10min);
  cloud_machine.jump_wall(-4000 * day);
  sim.run_for(2h);
  EXPECT_EQ(uplink_connects(), 1);
  EXPECT_EQ(get("/api/v1/authority/status")["authorities"].array().size(), 1U);
  crash_node();
  restart_node();
  EXPECT_TRUE(sim.run_until([&] { return uplink_connects() == 1; }, 1min));
}

TEST_F(IdentityTest, OtherHostsOfTheCloudAndTheNodeNeedNoDrop) {
  node_config.hosts = {"gate.plant.example", "10.1.2.3"};
  start();
  ASSERT_TRUE(sim.run_until([&] { return renewals() == 1; }, 5min));
  const auto info = crypto::read_certificate(node_identity().certificate).value();
  EXPECT_TRUE(std::ranges::count(info.dns_names, "gate.plant.example"));
  EXPECT_TRUE(std::ranges::count(info.addresses, "10.1.2.3"));
  post("/api/v1/authority/hosts", R"({"hosts":["cloud","cloud.example"]})");
  sim.run_for(1min);
  EXPECT_EQ(uplink_connects(), 1);
  EXPECT_EQ(device_losses, 0) << device_why;
}

TEST_F(IdentityTest, ANodeCannotBeNamedLikeTheCloud) {
  node_config.hosts = {"cloud"};
  start();
  ASSERT_TRUE(sim.run_until([&] { return renewals("refused") >= 1; }, 5min));
  EXPECT_EQ(renewals(), 0);
}

}  // namespace
}  // namespace selvedge::sim
