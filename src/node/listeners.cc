#include "base/log.h"
#include "node/state.h"

namespace selvedge::node {

using base::Result;

namespace {

constexpr base::Duration identity_poll = std::chrono::seconds(2);

}  // namespace

Result<std::shared_ptr<os::Tls>> Node::State::listener_tls() {
  os::TlsConfig tls;
  tls.certificate = identity->certificate;
  tls.key = identity->key;
  tls.trusted = identity->authority;
  if (!config.device_ca.empty()) {
    const std::size_t slash = config.device_ca.rfind('/');
    auto dir = TRY(world.directory(
        slash == std::string::npos ? "." : config.device_ca.substr(0, slash), false));
    const base::Bytes extra = TRY(os::read_file(
        *dir, slash == std::string::npos ? config.device_ca : config.device_ca.substr(slash + 1),
        1 << 20));
    tls.trusted += base::as_text(extra);
  }
  using Want = os::TlsConfig::PeerCertificate;
  tls.peer = config.device_certificates == "required"   ? Want::required
             : config.device_certificates == "optional" ? Want::optional
                                                        : Want::none;
  tls.chacha20_only = config.chacha20_only;
  return world.network().server_tls(tls);
}

Result<void> Node::State::start_with_identity() {
  const auto tls = TRY(base::while_doing("TLS", listener_tls()));
  for (const std::string& at : config.mqtt_tls_listen) {
    const auto port = TRY(base::while_doing("listen on " + at,
                                            mqtt->listen(TRY(os::parse_endpoint(at)), tls)));
    if (mqtt_tls_port == 0) mqtt_tls_port = port;
  }
  for (const std::string& at : config.http_tls_listen)
    TRY(base::while_doing("listen on " + at, http->listen(TRY(os::parse_endpoint(at)), tls)));
  if (!config.uplink_enabled) return {};
  os::TlsConfig up;
  up.certificate = identity->certificate;
  up.key = identity->key;
  up.trusted = identity->authority;
  up.tls13_only = true;
  up.chacha20_only = config.chacha20_only;
  UplinkConfig to;
  to.node = identity->name;
  to.cloud = TRY(os::parse_endpoint(config.cloud.empty() ? identity->cloud_mqtt : config.cloud));
  to.tls = TRY(base::while_doing("uplink TLS", world.network().client_tls(up)));
  to.limits = config.forward;
  uplink = std::make_unique<Uplink>(world, *store, metrics, std::move(to));
  uplink->start();
  return {};
}

// A node that has not joined looks again now and then, so that joining needs no restart.
void Node::State::await_identity() {
  identity_timer = world.loop().after(identity_poll, [this] {
    auto loaded = identity::load(world, config.state);
    if (!loaded) base::log::error("identity", "cannot be used", {{"why", loaded.error()}});
    if (!loaded || !*loaded) return await_identity();
    identity = std::move(**loaded);
    base::log::info("identity", "joined", {{"name", identity->name}});
    if (const auto up = start_with_identity(); !up)
      base::log::error("identity", "joined, but cannot start", {{"why", up.error()}});
  });
}

}  // namespace selvedge::node
