#include "os/fake/tls.h"

#include <gtest/gtest.h>

#include "os/fake/network_fixture.h"

namespace selvedge::os::fake {
namespace {

using namespace std::chrono_literals;
using Wanted = TlsConfig::PeerCertificate;

const Certificate server_certificate{.common_name = "server", .uris = {}, .dns = {"localhost"}};
const Certificate node_certificate{
    .common_name = "node-7", .uris = {"urn:a", "urn:b"}, .dns = {}, .serial = "0a",
    .not_after = 1'800'000'000};

class FakeTlsNet : public FakeNet {
 protected:
  std::shared_ptr<Tls> for_server(const TlsConfig& config) {
    return server.network().server_tls(config).value();
  }
  std::shared_ptr<Tls> for_node(const TlsConfig& config) {
    return node.network().client_tls(config).value();
  }
};

TEST_F(FakeTlsNet, TellsBothEndsWhoTheOtherIs) {
  listen("", for_server(tls_config(server_certificate)));
  Client& client = connect(for_node(tls_config(node_certificate)));
  client.stream->write(base::as_bytes("secret"));
  sim.run_for(1s);
  ASSERT_EQ(accepted.size(), 1u);
  EXPECT_EQ(accepted[0]->received, "secret");
  const Peer& peer = accepted[0]->stream->peer();
  EXPECT_TRUE(peer.encrypted);
  EXPECT_EQ(peer.common_name, "node-7");
  EXPECT_EQ(peer.uris, (std::vector<std::string>{"urn:a", "urn:b"}));
  EXPECT_EQ(peer.serial, "0a");
  EXPECT_EQ(peer.not_after, 1'800'000'000);
  EXPECT_EQ(client.stream->peer().common_name, "server");
}

TEST_F(FakeTlsNet, ParsesWhatItWrites) {
  const Certificate read = Certificate::parse(node_certificate.text()).value();
  EXPECT_EQ(read.text(), node_certificate.text());
  for (const char* bad : {"", "PEM", "fake:", "fake:CN=x", "fake:ca=y", "fake:CN=x;ca=y;z=1",
                          "fake:CN=x;ca=y;not_after=soon"})
    EXPECT_EQ(Certificate::parse(bad).error().code, base::Code::invalid_input) << bad;
}

TEST_F(FakeTlsNet, RefusesConfigurationsThatCannotWork) {
  EXPECT_FALSE(server.network().server_tls(tls_config_without_certificate()));
  TlsConfig wrong_key = tls_config(node_certificate);
  wrong_key.key = "fake-key:0b";
  EXPECT_FALSE(node.network().client_tls(wrong_key));
  TlsConfig bad_trust;
  bad_trust.trusted = "PEM";
  EXPECT_FALSE(node.network().client_tls(bad_trust));
}

struct Case {
  const char* name = "";
  Certificate server = server_certificate;
  std::string server_trusts = "fleet";
  Wanted server_wants = Wanted::required;
  Certificate client = node_certificate;
  bool client_shows = true;
  std::string client_trusts = "fleet";
  Wanted client_wants = Wanted::required;
  std::string server_name;
  bool client_opens = true, server_accepts = true;
};

Case with(const char* name, const std::function<void(Case&)>& change) {
  Case made;
  made.name = name;
  change(made);
  return made;
}

TEST(FakeTls, OpensExactlyWhatBothEndsAgreeTo) {
  const Case cases[] = {
      with("both good", [](Case&) {}),
      with("server of another CA", [](Case& c) {
        c.server.ca = "evil";
        c.client_opens = c.server_accepts = false;
      }),
      with("client of another CA", [](Case& c) {
        c.client.ca = "evil";
        c.server_accepts = false;
      }),
      with("server expired", [](Case& c) {
        c.server.not_after = 1'700'000'000;
        c.client_opens = c.server_accepts = false;
      }),
      with("client expired", [](Case& c) {
        c.client.not_after = 1'700'000'000;
        c.server_accepts = false;
      }),
      with("client not yet valid", [](Case& c) {
        c.client.not_before = 1'799'000'000;
        c.server_accepts = false;
      }),
      with("no client certificate", [](Case& c) {
        c.client_shows = false;
        c.server_accepts = false;
      }),
      with("no client certificate, optional", [](Case& c) {
        c.client_shows = false;
        c.server_wants = Wanted::optional;
      }),
      with("bad client certificate, optional", [](Case& c) {
        c.client.ca = "evil";
        c.server_wants = Wanted::optional;
        c.server_accepts = false;
      }),
      with("bad client certificate, not asked for", [](Case& c) {
        c.client.ca = "evil";
        c.server_wants = Wanted::none;
      }),
      with("server with another name", [](Case& c) {
        c.server.common_name = "other";
        c.client_opens = c.server_accepts = false;
      }),
      with("server with a name that was asked for", [](Case& c) {
        c.server.common_name = "other";
        c.server_name = "localhost";
      }),
      with("client that does not verify", [](Case& c) {
        c.server.ca = "evil";
        c.server.common_name = "other";
        c.client_wants = Wanted::none;
      }),
  };
  for (const Case& one : cases) {
    Simulation sim(5);
    Machine& server = sim.machine("server");
    Machine& node = sim.machine("node");
    TlsConfig server_config = tls_config(one.server, one.server_trusts);
    server_config.peer = one.server_wants;
    TlsConfig client_config = one.client_shows ? tls_config(one.client, one.client_trusts)
                                               : tls_config_without_certificate(one.client_trusts);
    client_config.peer = one.client_wants;
    client_config.server_name = one.server_name;
    std::vector<std::unique_ptr<Stream>> accepted;
    const auto listener = server.network()
                              .listen({"", 8883}, server.network().server_tls(server_config).value(),
                                      [&](std::unique_ptr<Stream> stream) {
                                        accepted.push_back(std::move(stream));
                                      })
                              .value();
    Client client;
    client.stream = node.network().connect(
        {"server", 8883}, node.network().client_tls(client_config).value(), 5s, client);
    sim.run_for(10s);
    EXPECT_EQ(client.opened, one.client_opens ? 1 : 0) << one.name;
    EXPECT_EQ(accepted.size(), one.server_accepts ? 1u : 0u) << one.name;
    EXPECT_EQ(client.closed, one.server_accepts ? 0 : 1) << one.name;
    if (client.closed > 0) {
      EXPECT_EQ(client.why.code, base::Code::denied) << one.name << ": " << client.why.message;
    }
    EXPECT_EQ(server.failed_handshakes(), one.client_opens && !one.server_accepts ? 1u : 0u)
        << one.name;
  }
}

TEST_F(FakeTlsNet, AsksTheProgramAboutAVerifiedPeer) {
  TlsConfig config = tls_config(server_certificate);
  std::string asked;
  config.admit = [&](const Peer& peer) -> base::Result<void> {
    asked = peer.serial;
    return base::fail(base::Code::denied, "revoked");
  };
  listen("", for_server(config));
  Client& client = connect(for_node(tls_config(node_certificate)));
  sim.run_for(1s);
  EXPECT_EQ(asked, "0a");
  EXPECT_TRUE(accepted.empty());
  EXPECT_EQ(client.closed, 1);
}

TEST_F(FakeTlsNet, ChecksExpiryAgainstTheWallClockOfTheVerifier) {
  Certificate soon = server_certificate;
  soon.not_after = node.wall_now().ns / 1'000'000'000 + 3600;
  listen("", for_server(tls_config(soon)));
  const auto tls = for_node(tls_config(node_certificate));
  Client& now = connect(tls);
  sim.run_for(1s);
  EXPECT_EQ(now.opened, 1);
  node.jump_wall(2h);
  Client& later = connect(tls);
  sim.run_for(1s);
  EXPECT_EQ(later.opened, 0);
  EXPECT_EQ(now.closed, 0) << "open connections stay";
}

TEST_F(FakeTlsNet, UsesReplacedKeysForNewConnections) {
  const auto tls = for_server(tls_config(server_certificate));
  listen("", tls);
  Certificate renewed = server_certificate;
  renewed.serial = "02";
  Client& before = connect(for_node(tls_config(node_certificate)));
  sim.run_for(1s);
  ASSERT_TRUE(tls->replace(tls_config(renewed)));
  Client& after = connect(for_node(tls_config(node_certificate)));
  sim.run_for(1s);
  EXPECT_EQ(before.stream->peer().serial, "01");
  EXPECT_EQ(after.stream->peer().serial, "02");
  EXPECT_EQ(before.closed, 0);
}

TEST_F(FakeTlsNet, DoesNotMixWithPlainConnections) {
  listen("", for_server(tls_config(server_certificate)));
  Client& plain = connect();
  sim.run_for(1s);
  EXPECT_EQ(plain.closed, 1);
  EXPECT_TRUE(accepted.empty());
  listener.reset();
  listen();
  Client& tls = connect(for_node(tls_config(node_certificate)));
  sim.run_for(1s);
  EXPECT_EQ(tls.opened, 0);
  EXPECT_EQ(tls.closed, 1);
  EXPECT_TRUE(accepted.empty());
}

}  // namespace
}  // namespace selvedge::os::fake
