#include "things/http_routes.h"

#include "things/http_handlers.h"
#include "things/wot_description.h"

namespace selvedge::things {

using net::api::Caller;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

TwinApiState::TwinApiState(TwinRoutes r)
    : routes(std::move(r)),
      twins(routes.twins, routes.here, routes.audit),
      hub(std::make_shared<EventHub>(routes.world, routes.twins, routes.events)) {}

namespace {

void add_metrics(base::Registry& metrics, const std::weak_ptr<TwinApiState>& weak) {
  metrics.gauge_from("selvedge_twin_event_listeners", "Clients that listen to changes of twins.",
                     [weak] {
                       const auto api = weak.lock();
                       return api ? static_cast<double>(api->hub->listeners()) : 0.0;
                     });
  metrics.gauge_from("selvedge_twin_sockets", "Connections that speak the Ditto protocol.", [weak] {
    const auto api = weak.lock();
    return api ? static_cast<double>(api->sockets.size()) : 0.0;
  });
}

}  // namespace

std::shared_ptr<TwinApi> add_twin_routes(net::http::Server& server, TwinRoutes routes) {
  const auto api = std::make_shared<TwinApiState>(std::move(routes));
  const std::weak_ptr<TwinApiState> weak = api;
  const auto route = [&](std::string_view method, std::string_view path,
                         void (*handle)(const TwinRequest&)) {
    server.route(method, path,
                 net::api::identified(api->routes.identify, [weak, handle](const Caller& caller,
                                                                           Request request,
                                                                           Respond respond) {
                   const auto alive = weak.lock();
                   if (!alive)
                     return respond(Response::problem({base::Code::unavailable, "closing"}));
                   handle({*alive, caller, request, std::move(respond)});
                 }));
  };
  route("GET", "/api/2/things", get_many);
  route("POST", "/api/2/things", post_one);
  route("GET", "/api/2/things/*", get_one);
  route("PUT", "/api/2/things/*", change_one);
  route("PATCH", "/api/2/things/*", change_one);
  route("DELETE", "/api/2/things/*", change_one);
  route("POST", "/api/2/things/*", post_message);
  route("GET", "/api/2/search/things", search_many);
  route("GET", "/api/2/search/things/count", count_many);
  // Says nothing but where things are: anybody may know that.
  server.route("GET", "/.well-known/wot", [](const Request& request, const Respond& respond) {
    Response response = Response::json(directory_description(base_of(request)));
    response.content_type = "application/td+json";
    respond(std::move(response));
  });
  server.websocket("/ws/2", "", [weak](std::unique_ptr<os::Stream> stream, const Request& request,
                                       base::Bytes early) {
    if (const auto alive = weak.lock())
      take_socket(*alive, std::move(stream), request, std::move(early));
  });
  if (api->routes.metrics != nullptr) add_metrics(*api->routes.metrics, weak);
  return api;
}

}  // namespace selvedge::things
