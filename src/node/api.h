// Api: the node's HTTP interface: ingest for devices, queries and state for people on this machine
// or with an operator's certificate, health and metrics. docs/reference/http.md lists the paths.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "net/api/access.h"
#include "net/http/http.h"
#include "net/mqtt/server.h"
#include "node/dead_letters.h"
#include "node/devices.h"
#include "node/ingest.h"
#include "store/reading_store.h"

namespace selvedge::node {

struct ApiContext {
  os::World& world;
  store::ReadingStore& store;
  Ingest& ingest;
  Devices& devices;
  DeadLetters& dead_letters;
  net::mqtt::Server& mqtt;
  base::Registry& metrics;
  std::string node_name;
  // Calls back once everything ingested so far is on disk.
  std::function<void(std::function<void()>)> commit;
  std::function<std::string()> status_json;
  std::function<base::Result<void>()> ready;
  net::api::Identify identify = {};
  net::api::Audit audit = {};
  net::api::AuditFirst audit_first = {};
};

void add_ingest_routes(net::http::Server& server, ApiContext& context);
void add_query_routes(net::http::Server& server, ApiContext& context);
void add_device_routes(net::http::Server& server, ApiContext& context);
void add_health_routes(net::http::Server& server, ApiContext& context);

// What a device shows with a request: certificate, password (Basic), or where it is.
Credentials credentials_of(const net::http::Request& request);

}  // namespace selvedge::node
