// http_routes: twins over HTTP, the same in the cloud and on a node: Eclipse Ditto's API 2, its protocol
// over WebSocket, and W3C Thing Descriptions. docs/reference/http.md lists the paths.
//
//   http_path, http_json        what a request says
//   http_access, http_conditions, http_twins, http_search, http_message     what is done
//   event_hub, event_stream     what clients are told live
//   ditto_message, ditto_commands, ditto_socket     the same by messages
//   wot_description             Thing Descriptions
//   http_routes, http_handlers  this

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/metrics.h"
#include "engine/query/query.h"
#include "net/api/access.h"
#include "net/http/http.h"
#include "store/twin_store.h"
#include "things/command.h"
#include "things/ditto_socket.h"
#include "things/event_hub.h"

namespace selvedge::things {

// Readings of a series of a node; Code::not_found if there is none.
using History = std::function<void(const std::string& node, const std::string& series,
                                   const engine::QueryRange& range,
                                   std::function<void(base::Result<engine::QueryResult>)> done)>;

struct TwinRoutes {
  os::World& world;
  store::TwinStore& twins;
  net::api::Identify identify;
  net::api::Audit audit;               // may be empty
  std::function<std::string()> here;   // the name of this node; empty in the cloud
  History history;                     // may be empty: 404
  SendCommand send;                    // may be empty: 404
  base::Registry* metrics = nullptr;   // may be null
  EventHubLimits events = {};
  DittoSocketLimits sockets = {};
  std::uint32_t socket_connections = 1000;
};

// What the routes need while requests come; the routes answer 503 once it is gone. Destroy it before
// the store.
class TwinApi {
 public:
  virtual ~TwinApi() = default;
};

[[nodiscard]] std::shared_ptr<TwinApi> add_twin_routes(net::http::Server& server, TwinRoutes routes);

}  // namespace selvedge::things
