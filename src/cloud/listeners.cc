#include "cloud/state.h"

namespace selvedge::cloud {

using base::Result;

Result<void> Cloud::State::make_tls() {
  os::TlsConfig tls;
  tls.certificate = authority->cloud_certificate();
  tls.key = authority->cloud_key();
  tls.trusted = authority->certificate();
  tls.tls13_only = true;
  tls.chacha20_only = config.chacha20_only;
  tls.admit = [this](const os::Peer& peer) { return admit(peer); };
  tls.peer = os::TlsConfig::PeerCertificate::required;
  mqtt_tls = TRY(world.network().server_tls(tls));
  tls.peer = os::TlsConfig::PeerCertificate::optional;   // a joining node has none yet
  http_tls = TRY(world.network().server_tls(tls));
  return {};
}

void Cloud::State::make_http(const std::string& mqtt_address) {
  context = std::make_unique<ApiContext>(ApiContext{
      world, config, *authority, *store, metrics, mqtt_address,
      [this](std::string_view node) { return is_connected(node); },
      [this](std::string_view node) { on_revoked(node); }, [](std::string_view) {}});
  context->identify = [this](const net::http::Request& request, auto answer) {
    identify(request, std::move(answer));
  };
  context->audit = [this](const net::api::Caller& who, net::api::Change what) {
    audit(who, std::move(what));
  };
  context->audit_first = [this](const net::api::Caller& who, net::api::Change what, auto then) {
    audit_first(who, std::move(what), std::move(then));
  };
  http = std::make_unique<net::http::Server>(world, net::http::ServerLimits{});
  add_operator_routes(*http, *context);
  add_join_route(*http, *context);
  add_health_routes(*http, *context);
  plain = std::make_unique<net::http::Server>(world, net::http::ServerLimits{});
  add_health_routes(*plain, *context);
}

std::string Cloud::State::advertised() const {
  if (!config.advertise_mqtt.empty()) return config.advertise_mqtt;
  return os::Endpoint{config.hosts.front(), mqtt_port}.text();
}

}  // namespace selvedge::cloud
