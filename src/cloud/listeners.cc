#include "cloud/authority_api.h"
#include "cloud/est.h"
#include "cloud/state.h"

namespace selvedge::cloud {

using base::Result;

Result<void> Cloud::State::make_tls() {
  using Want = os::TlsConfig::PeerCertificate;
  mqtt_tls = TRY(world.network().server_tls(tls_config(Want::required)));
  http_tls = TRY(world.network().server_tls(tls_config(Want::optional)));   // who joins has none yet
  listeners_have = authority->trust() + authority->cloud_certificate();
  return {};
}

void Cloud::State::make_http(const std::string& mqtt_address) {
  context = std::make_unique<ApiContext>(ApiContext{
      world, config, *authority, *store, metrics, mqtt_address,
      [this] { return connected_nodes(); },
      [this](std::string_view node) { on_revoked(node); }});
  context->identify = [this](const net::http::Request& request, auto answer) {
    identify(request, std::move(answer));
  };
  context->audit = [this](const net::api::Caller& who, net::api::Change what) {
    audit(who, std::move(what));
  };
  context->audit_first = [this](const net::api::Caller& who, net::api::Change what, auto then) {
    audit_first(who, std::move(what), std::move(then));
  };
  context->caller = [this](const net::http::Request& request) { return caller(request); };
  context->guesses = guesses.get();
  context->raw_fetch = raw_fetch.get();
  context->jobs = jobs.get();
  http = std::make_unique<net::http::Server>(world, net::http::ServerLimits{});
  add_access_routes();
  add_operator_routes(*http, *context);
  artifacts->add_routes(*http, {context->identify, context->audit, context->audit_first});
  context->on_authority_changed = [this] { on_authority_changed(); };
  news = std::make_shared<AuthorityNews>(*context);
  add_join_route(*http, *context);
  add_est_routes(*http, *context);
  add_renewal_routes(*http, *context, news);
  add_authority_routes(*http, *context);
  add_twin_routes();
  jobs->add_routes(*http, {context->identify, context->audit_first, [this](things::Command command, things::CommandDone done) {
                             twin_link->send(std::move(command), std::move(done));
                           }});
  add_health_routes(*http, *context);
  plain = std::make_unique<net::http::Server>(world, net::http::ServerLimits{});
  add_health_routes(*plain, *context);
}

std::string Cloud::State::advertised() const {
  if (!config.advertise_mqtt.empty()) return config.advertise_mqtt;
  return os::Endpoint{config.hosts.front(), mqtt_port}.text();
}

}  // namespace selvedge::cloud
