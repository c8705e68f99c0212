// Cloud::State: the parts of the cloud and how they hang together. Private to the cloud's .cc files:
//   nodes.cc      the nodes' connections: logins, what arrives, revocations
//   listeners.cc  TLS and HTTP
//   identity.cc   the authority: what time and operators bring
//   access.cc     who asks, and the record of what they changed
//   cloud.cc      assembling, starting, stopping

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "audit/trail.h"
#include "cloud/api.h"
#include "cloud/artifacts.h"
#include "cloud/authority.h"
#include "cloud/block_store.h"
#include "cloud/cloud.h"
#include "cloud/jobs.h"
#include "cloud/operators.h"
#include "cloud/raw_fetch.h"
#include "cloud/receiver.h"
#include "cloud/twin_link.h"
#include "cloud/renewal.h"
#include "engine/admission/source_limit.h"
#include "net/http/http.h"
#include "net/mqtt/server.h"
#include "things/http_routes.h"

namespace selvedge::cloud {

struct Cloud::State {
  State(os::World& w, CloudConfig c) : world(w), config(std::move(c)) {}
  ~State() { world.loop().cancel(authority_timer); }

  // ---- nodes ----
  base::Result<void> admit(const os::Peer& peer) const;
  void login(net::mqtt::LoginRequest request, const std::function<void(engine::Grant)>& answer);
  void make_mqtt();
  std::unordered_set<std::string> connected_nodes() const;
  void on_revoked(std::string_view node);
  void load_revoked(std::function<void()> done);
  base::Result<void> open_twins();
  base::Result<void> open_jobs();
  void adopt_nodes();                    // those that joined before certificates were recorded

  // ---- identity ----
  base::Result<void> open_authority();
  os::TlsConfig tls_config(os::TlsConfig::PeerCertificate peer) const;
  void on_authority_changed();           // listeners take it, the revoked go, nodes hear of it
  void tick_authority();
  void make_identity_metrics();

  // ---- listeners ----
  base::Result<void> make_tls();
  void make_http(const std::string& mqtt_address);
  void add_twin_routes();
  std::string advertised() const;        // told to nodes that join

  // ---- access ----
  base::Result<void> open_access();
  audit::Voucher voucher() const;        // for the head of the audit log
  base::Result<net::api::Caller> caller(const net::http::Request& request);
  void add_access_routes();
  void identify(const net::http::Request& request,
                std::function<void(base::Result<net::api::Caller>)> answer);
  void audit(const net::api::Caller& who, net::api::Change what);
  void audit_first(const net::api::Caller& who, net::api::Change what,
                   std::function<void(base::Result<void>)> then);

  os::World& world;
  CloudConfig config;
  base::Registry metrics;
  std::unique_ptr<Authority> authority;
  std::unique_ptr<Operators> operators;
  std::unique_ptr<audit::Trail> trail;
  std::unique_ptr<engine::SourceLimit> guesses;       // wrong tokens, by source
  std::unique_ptr<BlockStore> store;
  std::unique_ptr<Receiver> receiver;
  std::unique_ptr<RawFetch> raw_fetch;
  std::unique_ptr<Artifacts> artifacts;
  std::unique_ptr<ApiContext> context;
  std::unique_ptr<store::TwinStore> twins;
  std::shared_ptr<things::TwinApi> twin_api;
  std::unique_ptr<TwinLink> twin_link;
  std::unique_ptr<Jobs> jobs;
  std::unique_ptr<net::mqtt::Server> mqtt;
  std::unique_ptr<net::http::Server> http;
  std::unique_ptr<net::http::Server> plain;
  std::shared_ptr<os::Tls> mqtt_tls, http_tls;
  std::shared_ptr<AuthorityNews> news;
  std::string news_told;                              // version that nodes were told of
  std::string listeners_have;                         // the certificate and trust they took last
  os::TimerId authority_timer{};
  std::uint16_t mqtt_port = 0, http_port = 0, metrics_port = 0;
};

}  // namespace selvedge::cloud
