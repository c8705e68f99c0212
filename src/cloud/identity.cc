#include <algorithm>
#include <utility>

#include "base/log.h"
#include "cloud/state.h"
#include "identity/identity.h"

namespace selvedge::cloud {

using base::Result;
using codec::mqtt::Reason;

namespace {

constexpr base::Duration tick_every = std::chrono::seconds(10);

double seconds_left(const crypto::CertificateInfo& info, base::Time now) {
  return std::chrono::duration<double>(info.not_after - now).count();
}

}  // namespace

Result<void> Cloud::State::open_authority() {
  AuthorityOptions options;
  options.state = config.state;
  options.hosts = identity::certificate_hosts(
      config.hosts, {config.mqtt_listen, config.http_listen, config.advertise_mqtt});
  options.operator_valid = config.operator_certificate;
  options.cloud_valid = config.cloud_certificate;
  options.valid = config.authority_valid;
  options.node_grace = config.node_grace;
  options.announce = config.announce;
  options.key = config.authority_key;
  authority = TRY(Authority::open(world, std::move(options)));
  make_identity_metrics();
  return {};
}

os::TlsConfig Cloud::State::tls_config(os::TlsConfig::PeerCertificate peer) const {
  os::TlsConfig tls;
  tls.certificate = authority->cloud_certificate();
  tls.key = authority->cloud_key();
  tls.trusted = authority->trust();
  tls.tls13_only = true;
  tls.chacha20_only = config.chacha20_only;
  tls.admit = [this](const os::Peer& who) { return admit(who); };
  tls.peer = peer;
  return tls;
}

void Cloud::State::on_authority_changed() {
  using Want = os::TlsConfig::PeerCertificate;
  const auto take = [this](os::Tls& tls, Want peer) {
    if (const auto taken = tls.replace(tls_config(peer)); !taken)
      base::log::error("identity", "a listener keeps its old certificate", {{"why", taken.error()}});
  };
  // Taking them anew costs every client its ticket, so only if they are others.
  const std::string wanted = authority->trust() + authority->cloud_certificate();
  if (std::exchange(listeners_have, wanted) != wanted) {
    take(*mqtt_tls, Want::required);
    take(*http_tls, Want::optional);
    trail->reseal(voucher());
  }
  const auto revoked = [this](const os::Peer& peer) {
    return !peer.serial.empty() && authority->ledger().is_revoked(peer.serial);
  };
  mqtt->end_where(revoked, Reason::not_authorized);
  http->end_where(revoked);
  if (!news || std::exchange(news_told, news->version()) == news->version()) return;
  for (const auto& session : mqtt->sessions(config.nodes))
    if (session.connected)
      mqtt->publish(codec::uplink::identity_topic(session.device), base::to_bytes(news_told), 0, false);
}

void Cloud::State::tick_authority() {
  authority_timer = world.loop().after(tick_every, [this] {
    const auto changed = authority->tick();
    if (!changed) base::log::error("identity", "the authority cannot go on", {{"why", changed.error()}});
    else if (*changed) on_authority_changed();
    tick_authority();
  });
}

void Cloud::State::on_revoked(std::string_view node) {
  mqtt->kick_device(node, Reason::not_authorized);
  for (const std::string& serial : authority->ledger().serials_of(crypto::Role::node, node))
    authority->ledger().revoke(serial, [](const Result<void>&) {});
  load_revoked([this] { on_authority_changed(); });
}

void Cloud::State::load_revoked(std::function<void()> done) {
  store->revoked([this, done = std::move(done)](Result<std::vector<std::string>> serials) {
    if (serials) authority->ledger().import_revoked(*serials);
    else base::log::error("identity", "cannot read revocations", {{"why", serials.error()}});
    done();
  });
}

void Cloud::State::adopt_nodes() {
  store->nodes([this](const Result<std::vector<NodeInfo>>& nodes) {
    if (!nodes) return base::log::error("identity", "cannot read the nodes", {{"why", nodes.error()}});
    for (const NodeInfo& node : *nodes)
      if (node.status == "joined" && crypto::is_name(node.name))
        authority->adopt({node.serial, crypto::Role::node, node.name, 0,
                          node.joined_at + config.node_certificate, {}});
  });
}

void Cloud::State::make_identity_metrics() {
  const auto expiry = [this](const char* which, auto read) {
    metrics.gauge_from("selvedge_certificate_expiry_seconds", "Until a certificate ends.",
                       [this, read] { return seconds_left(read(*authority), world.loop().wall_now()); },
                       {{"which", which}});
  };
  expiry("own", [](const Authority& a) { return a.own(); });
  expiry("authority", [](const Authority& a) { return a.newest(); });
  metrics.gauge_from("selvedge_authority_not_moved",
                     "Owners of certificates by an authority that retires.", [this] {
                       return static_cast<double>(authority->status().holders.size());
                     });
}

}  // namespace selvedge::cloud
