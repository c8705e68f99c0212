// http_handlers: one request each. Private to http_routes.

#pragma once

#include <memory>
#include <set>

#include "things/http_routes.h"
#include "things/http_twins.h"

namespace selvedge::things {

struct TwinApiState final : TwinApi, std::enable_shared_from_this<TwinApiState> {
  explicit TwinApiState(TwinRoutes r);

  TwinRoutes routes;
  Twins twins;
  std::shared_ptr<EventHub> hub;
  std::set<std::shared_ptr<DittoSocket>> sockets;
};

// One request of somebody. What is behind /api/2/things/ is in `path`.
struct TwinRequest {
  TwinApiState& api;
  const net::api::Caller& caller;
  const net::http::Request& request;
  net::http::Respond respond;
};

void get_many(const TwinRequest& r);             // GET /api/2/things
void post_one(const TwinRequest& r);             // POST /api/2/things
void get_one(const TwinRequest& r);              // GET /api/2/things/..
void change_one(const TwinRequest& r);           // PUT, PATCH, DELETE
void post_message(const TwinRequest& r);         // POST ../inbox/messages/..
void search_many(const TwinRequest& r);          // GET /api/2/search/things
void count_many(const TwinRequest& r);           // GET /api/2/search/things/count
void take_socket(TwinApiState& api, std::unique_ptr<os::Stream> stream,
                 const net::http::Request& request, base::Bytes early);

// "https://host:8443" as the client wrote it.
std::string base_of(const net::http::Request& request);
bool accepts(const net::http::Request& request, std::string_view type);

}  // namespace selvedge::things
