// Every kind of certificate that must not count, shown to every listener that asks for one; and the
// good one, which must. With the real programs and real signatures: tests/acceptance/identity.py.

#include "identity_fixture.h"

namespace selvedge::sim {
namespace {

enum class Where : std::uint8_t { cloud_mqtt, cloud_https, node_mqtt, node_https };
constexpr Where everywhere[] = {Where::cloud_mqtt, Where::cloud_https, Where::node_mqtt,
                                Where::node_https};

const char* text(Where where) {
  switch (where) {
    case Where::cloud_mqtt: return "the cloud's MQTT listener";
    case Where::cloud_https: return "the cloud's HTTPS listener";
    case Where::node_mqtt: return "the node's MQTT listener";
    case Where::node_https: return "the node's HTTPS listener";
  }
  return "";
}

struct Shown {
  crypto::Role role;
  std::string name;
  base::Duration begins{}, valid = 20 * day;
};

class CertificateMatrix : public IdentityTest {
 protected:
  void SetUp() override {
    start();
    auto dir = cloud_machine.directory("state/identity", false).value();
    const auto read = [&](const char* name) {
      return std::string(base::as_text(os::read_file(*dir, name, 64 << 10).value()));
    };
    fleet = {read("ca-1.crt"), read("ca-1.key")};
  }

  // What the listener wants to see.
  static Shown right(Where where) {
    switch (where) {
      case Where::cloud_mqtt: return {crypto::Role::node, "gate"};
      case Where::cloud_https: return {crypto::Role::operator_, "alice"};
      case Where::node_mqtt:
      case Where::node_https: return {crypto::Role::device, "pump-2"};
    }
    return {};
  }

  os::TlsConfig make(const crypto::Authority& by, const Shown& shown) {
    os::TlsConfig tls;
    tls.key = key;
    tls.trusted = fleet.certificate;
    tls.certificate = crypto::issue(by, crypto::make_csr(key, "x").value(),
                                    {.role = shown.role,
                                     .name = shown.name,
                                     .hosts = {},
                                     .not_before = cloud_machine.wall_now() + shown.begins,
                                     .valid = shown.valid})
                          .value();
    return tls;
  }

  bool passes(Where where, const os::TlsConfig& tls) {
    switch (where) {
      case Where::cloud_mqtt: return logs_in({"cloud", 8884}, "gate", tls);
      case Where::node_mqtt: return logs_in({"gate", 8883}, "any", tls);
      case Where::cloud_https: return answers({"GET", "https://cloud:8443/api/v1/nodes", {}, {}}, tls);
      case Where::node_https:
        return answers({"POST", "https://gate:8444/api/v1/readings",
                        {{"content-type", "application/json"}}, R"([{"name":"a","value":1}])"},
                       tls);
    }
    return false;
  }

  bool logs_in(const os::Endpoint& at, const std::string& id, const os::TlsConfig& tls) {
    client::DeviceOptions options;
    options.node = at;
    options.tls = device_machine.network().client_tls(tls).value();
    options.client_id = id;
    client::Device caller(device_machine, options);
    bool in = false;
    caller.on_connected([&](bool) { in = true; });
    caller.start();
    sim.run_for(3s);
    caller.stop();
    sim.run_for(1s);
    return in;
  }

  bool answers(net::http::Fetch what, const os::TlsConfig& tls) {
    net::http::Client client(device_machine, {}, device_machine.network().client_tls(tls).value());
    std::optional<base::Result<net::http::Fetched>> got;
    client.fetch(std::move(what), [&](auto answer) { got = std::move(answer); });
    EXPECT_TRUE(sim.run_until([&] { return got.has_value(); }, 1min));
    return got && *got && (*got)->status < 300;
  }

  void all_refuse(const std::function<os::TlsConfig(Where)>& certificate) {
    for (const Where where : everywhere)
      EXPECT_FALSE(passes(where, certificate(where))) << text(where);
  }

  crypto::Authority fleet;
  std::string key = crypto::make_key().value();
};

TEST_F(CertificateMatrix, AGoodOnePasses) {
  for (const Where where : everywhere)
    EXPECT_TRUE(passes(where, make(fleet, right(where)))) << text(where);
}

TEST_F(CertificateMatrix, OneThatIsNotYetValidPassesWhenItsTimeHasCome) {
  std::map<Where, os::TlsConfig> later;
  for (const Where where : everywhere) {
    Shown shown = right(where);
    shown.begins = 10 * day;
    later[where] = make(fleet, shown);
  }
  all_refuse([&](Where where) { return later[where]; });
  for (os::fake::Machine* machine : sim.machines()) machine->jump_wall(11 * day);
  for (const Where where : everywhere) EXPECT_TRUE(passes(where, later[where])) << text(where);
}

TEST_F(CertificateMatrix, OneThatRanOutIsRefused) {
  std::map<Where, os::TlsConfig> shown;
  for (const Where where : everywhere) shown[where] = make(fleet, right(where));
  for (os::fake::Machine* machine : sim.machines()) machine->jump_wall(19 * day);
  for (const Where where : everywhere) EXPECT_TRUE(passes(where, shown[where])) << text(where);
  for (os::fake::Machine* machine : sim.machines()) machine->jump_wall(2 * day);
  all_refuse([&](Where where) { return shown[where]; });
}

TEST_F(CertificateMatrix, OneOfAnotherAuthorityIsRefused) {
  const auto other =
      crypto::make_authority("Other fleet", cloud_machine.wall_now(), 100 * day).value();
  all_refuse([&](Where where) { return make(other, right(where)); });
}

TEST_F(CertificateMatrix, OneOfAnotherRoleIsRefused) {
  all_refuse([&](Where where) {
    Shown shown = right(where);
    shown.role = shown.role == crypto::Role::device ? crypto::Role::node : crypto::Role::device;
    return make(fleet, shown);
  });
  all_refuse([&](Where where) {
    return make(fleet, {crypto::Role::cloud, right(where).name});
  });
}

TEST_F(CertificateMatrix, ANodeWithAnothersNameIsRefused) {
  EXPECT_FALSE(passes(Where::cloud_mqtt, make(fleet, {crypto::Role::node, "other"})));
}

TEST_F(CertificateMatrix, OneSignedByItselfIsRefused) {
  all_refuse([&](Where where) {
    const auto own = crypto::make_authority(right(where).name, cloud_machine.wall_now(), 9 * day);
    os::TlsConfig tls;
    tls.certificate = own->certificate;
    tls.key = own->key;
    tls.trusted = fleet.certificate;
    return tls;
  });
}

TEST_F(CertificateMatrix, ARevokedOneIsRefused) {
  std::map<Where, os::TlsConfig> shown;
  for (const Where where : everywhere) {
    const Shown wanted = right(where);
    if (where == Where::cloud_mqtt) {
      const auto identity = node_identity();
      shown[where].certificate = identity.certificate;
      shown[where].key = identity.key;
      shown[where].trusted = identity.authority;
    } else {
      shown[where] = certified(std::string(crypto::name(wanted.role)), wanted.name);
    }
  }
  node->stop([] {});
  sim.run_for(5s);
  EXPECT_TRUE(passes(Where::cloud_mqtt, shown[Where::cloud_mqtt]));
  node.reset();
  start_node();
  sim.run_for(5s);
  for (const Where where : everywhere) {
    const auto info = crypto::read_certificate(shown[where].certificate).value();
    if (where != Where::cloud_mqtt) post("/api/v1/certificates/" + info.serial + "/revoke");
  }
  sim.run_for(5s);
  for (const Where where : {Where::cloud_https, Where::node_mqtt, Where::node_https})
    EXPECT_FALSE(passes(where, shown[where])) << text(where);
  const auto info = crypto::read_certificate(shown[Where::cloud_mqtt].certificate).value();
  post("/api/v1/certificates/" + info.serial + "/revoke");
  EXPECT_FALSE(passes(Where::cloud_mqtt, shown[Where::cloud_mqtt]));
}

TEST_F(CertificateMatrix, NoneAtAllIsRefused) {
  all_refuse([&](Where) {
    os::TlsConfig tls;
    tls.trusted = fleet.certificate;
    return tls;
  });
}

}  // namespace
}  // namespace selvedge::sim
