// Api: the cloud's HTTP interface, for operators (a certificate or a token), for nodes that join (a one-time token), and for a scraper (plain, on its own listener).
// docs/reference/http.md lists the paths.

#pragma once

#include <functional>
#include <string>
#include <unordered_set>

#include "base/metrics.h"
#include "cloud/authority.h"
#include "cloud/block_store.h"
#include "cloud/config.h"
#include "cloud/jobs.h"
#include "cloud/raw_fetch.h"
#include "engine/admission/source_limit.h"
#include "net/api/access.h"
#include "net/http/http.h"

namespace selvedge::cloud {

struct ApiContext {
  os::World& world;
  const CloudConfig& config;
  Authority& authority;
  BlockStore& store;
  base::Registry& metrics;
  std::string mqtt_address;                          // told to nodes that join
  std::function<std::unordered_set<std::string>()> connected_nodes;
  std::function<void(std::string_view node)> on_revoked;
  std::function<void()> on_authority_changed = {};   // trust, revocations, the cloud's certificate
  net::api::Identify identify = {};                  // answers at once
  std::function<base::Result<net::api::Caller>(const net::http::Request&)> caller = {};
  net::api::Audit audit = {};
  net::api::AuditFirst audit_first = {};
  engine::SourceLimit* guesses = nullptr;            // of tokens, by source
  RawFetch* raw_fetch = nullptr;                     // of readings that stayed on their node
  Jobs* jobs = nullptr;
};

void add_operator_routes(net::http::Server& server, ApiContext& context);
void add_join_route(net::http::Server& server, ApiContext& context);
// /metrics, /healthz, /readyz
void add_health_routes(net::http::Server& server, ApiContext& context);

}  // namespace selvedge::cloud
