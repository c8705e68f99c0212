#include <algorithm>

#include "base/log.h"
#include "codec/uplink/uplink.h"
#include "crypto/crypto.h"
#include "node/state.h"
#include "os/file_at.h"

namespace selvedge::node {

using base::Result;

namespace {

constexpr base::Duration identity_poll = std::chrono::seconds(2);
constexpr std::uint64_t most_authorities_bytes = 1 << 20;

}  // namespace

Result<os::TlsConfig> Node::State::listener_config() const {
  os::TlsConfig tls;
  tls.certificate = identity->certificate;
  tls.key = identity->key;
  tls.trusted = identity->authority;
  if (!config.device_ca.empty())
    tls.trusted += TRY(base::while_doing("devices.ca",
                                         os::read_text(world, config.device_ca, most_authorities_bytes)));
  using Want = os::TlsConfig::PeerCertificate;
  tls.peer = config.device_certificates == "required"   ? Want::required
             : config.device_certificates == "optional" ? Want::optional
                                                        : Want::none;
  tls.chacha20_only = config.chacha20_only;
  tls.admit = [this](const os::Peer& peer) -> Result<void> {
    if (const auto role = crypto::role_of(peer.uris); role && role->role == crypto::Role::device)
      TRY(devices->check_certificate(role->name, peer.serial));
    if (!revoked.contains(peer.serial)) return {};
    return base::fail(base::Code::denied, "certificate " + peer.serial + " is revoked");
  };
  return tls;
}

os::TlsConfig Node::State::uplink_config() const {
  os::TlsConfig tls;
  tls.certificate = identity->certificate;
  tls.key = identity->key;
  tls.trusted = identity->authority;
  tls.tls13_only = true;
  tls.chacha20_only = config.chacha20_only;
  tls.admit = identity::admit_cloud;
  return tls;
}

Result<void> Node::State::start_with_identity() {
  for (std::string& serial : TRY(identity::load_revoked(world, config.state)))
    revoked.insert(std::move(serial));
  listener_tls = TRY(
      base::while_doing("TLS", world.network().server_tls(TRY(listener_config()))));
  for (const std::string& at : config.mqtt_tls_listen) {
    const auto port = TRY(base::while_doing(
        "listen on " + at, mqtt->listen(TRY(os::parse_endpoint(at)), listener_tls)));
    if (mqtt_tls_port == 0) mqtt_tls_port = port;
  }
  for (const std::string& at : config.http_tls_listen)
    TRY(base::while_doing("listen on " + at,
                          http->listen(TRY(os::parse_endpoint(at)), listener_tls)));
  TRY(start_renewal());
  uplink_tls = TRY(base::while_doing("uplink TLS", world.network().client_tls(uplink_config())));
  artifacts->joined(identity->name, identity->cloud_url, uplink_tls);
  start_site();
  if (!config.uplink_enabled) return {};
  UplinkConfig to;
  to.node = identity->name;
  to.cloud = TRY(os::parse_endpoint(config.cloud.empty() ? identity->cloud_mqtt : config.cloud));
  to.tls = uplink_tls;
  to.limits = config.forward;
  uplink = std::make_unique<Uplink>(world, *store, metrics, std::move(to));
  if (renewal)
    uplink->add({codec::uplink::identity_topic(identity->name), [this] {
                   renewal->look();
                   artifacts->fetcher().hurry();
                   reconciler->hurry();
                 },
                 [this](base::BytesView) { renewal->look(); }, [] {}});
  twins->attach(*uplink, identity->name);
  raw_link = std::make_unique<RawLink>(world, *store, *uplink, identity->name, config.store.seal_frame, metrics);
  uplink->start();
  return {};
}

Result<void> Node::State::start_renewal() {
  if (identity->cloud_url.empty()) {
    base::log::warn("identity", "the cloud's URL is not known: the certificate will not be renewed",
                    {{"mend", "selvedge node join --replace"}});
    return {};
  }
  std::vector<std::string> addresses = config.mqtt_tls_listen;
  addresses.insert(addresses.end(), config.http_tls_listen.begin(), config.http_tls_listen.end());
  RenewalConfig how{config.state, identity::certificate_hosts(config.hosts, addresses),
                    config.identity_poll, config.chacha20_only};
  renewal = TRY(base::while_doing(
      "renewal", Renewal::create(world, metrics, *identity, std::move(how),
                                 {[this](const identity::NodeIdentity& next) { take_identity(next); },
                                  [this](const std::vector<std::string>& serials) {
                                    take_revoked(serials);
                                  }})));
  renewal->start();
  return {};
}

void Node::State::take_identity(const identity::NodeIdentity& next) {
  identity = next;
  trail->reseal(voucher());
  const auto taken = [](std::string_view what, const Result<void>& replaced) {
    if (!replaced)
      base::log::error("identity", "the old certificate stays in use",
                       {{"for", what}, {"why", replaced.error()}});
  };
  const auto listeners = listener_config();
  taken("listeners", listeners ? listener_tls->replace(*listeners)
                               : Result<void>(std::unexpected(listeners.error())));
  if (uplink_tls) taken("uplink", uplink_tls->replace(uplink_config()));
  if (site) taken("site", site->replace(site_trust()));
}

void Node::State::take_revoked(const std::vector<std::string>& serials) {
  revoked = {serials.begin(), serials.end()};
  const auto is_revoked = [this](const os::Peer& peer) {
    return !peer.serial.empty() && revoked.contains(peer.serial);
  };
  mqtt->end_where(is_revoked, codec::mqtt::Reason::not_authorized);
  http->end_where(is_revoked);
  if (site) site->recheck(site_trust());
}

// A node that has not joined looks again now and then, so that joining needs no restart.
void Node::State::await_identity() {
  identity_timer = world.loop().after(identity_poll, [this] {
    auto loaded = identity::load(world, config.state);
    if (!loaded) base::log::error("identity", "cannot be used", {{"why", loaded.error()}});
    if (!loaded || !*loaded) return await_identity();
    identity = std::move(**loaded);
    base::log::info("identity", "joined", {{"name", identity->name}});
    trail->reseal(voucher());
    start_reconciler();
    tasks->start();
    if (const auto up = start_with_identity(); !up)
      base::log::error("identity", "joined, but cannot start", {{"why", up.error()}});
  });
}

}  // namespace selvedge::node
