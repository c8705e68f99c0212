#include "os/fake/pem_identity.h"

#include <gtest/gtest.h>

#include "crypto/crypto.h"
#include "os/fake/network_fixture.h"

namespace selvedge::os::fake {
namespace {

using namespace std::chrono_literals;

struct Issued {
  std::string certificate, key;
};

// One key serves all: making one is what takes time.
const std::string& some_key() {
  static const std::string key = crypto::make_key().value();
  return key;
}

crypto::Authority make_authority(std::string_view name, base::Time now) {
  return crypto::make_authority(name, now, 24h * 365).value();
}

Issued issue(const crypto::Authority& by, crypto::Role role, const std::string& name,
             base::Time from, base::Duration valid) {
  crypto::CertificateRequest request;
  request.role = role;
  request.name = name;
  request.hosts = {name};
  request.not_before = from;
  request.valid = valid;
  const std::string csr = crypto::make_csr(some_key(), name).value();
  return {crypto::issue(by, csr, request).value(), some_key()};
}

TlsConfig config_of(const Issued& own, const std::string& trusted) {
  TlsConfig config;
  config.certificate = own.certificate;
  config.key = own.key;
  config.trusted = trusted;
  return config;
}

class PemIdentity : public FakeNet {
 protected:
  base::Time now() const { return node.wall_now(); }
  // A node calls a server, each with its certificate and what it trusts; the server's view of it.
  const Client& meet(const TlsConfig& caller, const TlsConfig& called) {
    listen("", server.network().server_tls(called).value());
    Client& client = connect(node.network().client_tls(caller).value());
    sim.run_for(2s);
    return client;
  }

  const crypto::Authority fleet = make_authority("Test fleet", now());
  const Issued of_server = issue(fleet, crypto::Role::cloud, "server", now(), 24h);
  const Issued of_node = issue(fleet, crypto::Role::node, "n1", now(), 24h);
};

TEST_F(PemIdentity, TellsBothSidesWhoTheOtherIs) {
  const Client& client = meet(config_of(of_node, fleet.certificate),
                              config_of(of_server, fleet.certificate));
  EXPECT_EQ(client.opened, 1);
  ASSERT_EQ(accepted.size(), 1u);
  const Peer& peer = accepted[0]->stream->peer();
  EXPECT_EQ(peer.common_name, "n1");
  EXPECT_EQ(peer.uris, std::vector<std::string>{"urn:selvedge:node:n1"});
  EXPECT_EQ(peer.serial, crypto::read_certificate(of_node.certificate).value().serial);
  EXPECT_EQ(client.stream->peer().common_name, "server");
}

TEST_F(PemIdentity, RefusesWhatAnotherAuthorityHasSigned) {
  const crypto::Authority other = make_authority("Other fleet", now());
  const Issued stranger = issue(other, crypto::Role::node, "n1", now(), 24h);
  meet(config_of(stranger, fleet.certificate), config_of(of_server, fleet.certificate));
  EXPECT_TRUE(accepted.empty());
}

TEST_F(PemIdentity, TrustsEachOfSeveralAuthorities) {
  const crypto::Authority other = make_authority("Other fleet", now());
  const Issued guest = issue(other, crypto::Role::device, "d1", now(), 24h);
  meet(config_of(guest, fleet.certificate),
       config_of(of_server, fleet.certificate + other.certificate + "fake-ca:third"));
  EXPECT_EQ(accepted.size(), 1u);
}

TEST_F(PemIdentity, ChecksTheTimesOfACertificate) {
  const Issued brief = issue(fleet, crypto::Role::node, "n1", now(), 1h);
  server.jump_wall(2h);
  meet(config_of(brief, fleet.certificate), config_of(of_server, fleet.certificate));
  EXPECT_TRUE(accepted.empty());
}

TEST_F(PemIdentity, RefusesWhatCannotBeReadOrDoesNotFit) {
  TlsConfig foreign_key = config_of(of_node, fleet.certificate);
  foreign_key.key = crypto::make_key().value();
  TlsConfig torn = config_of(of_node, fleet.certificate);
  torn.certificate.resize(100);
  TlsConfig torn_trust = config_of(of_node, fleet.certificate.substr(0, 100));
  for (const TlsConfig& bad : {foreign_key, torn, torn_trust})
    EXPECT_FALSE(node.network().client_tls(bad).has_value());
}

}  // namespace
}  // namespace selvedge::os::fake
