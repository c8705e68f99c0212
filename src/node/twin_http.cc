// Twins by HTTP: for operators, for devices and for whoever watches on this machine.

#include "node/series_query.h"
#include "node/state.h"
#include "things/http_routes.h"

namespace selvedge::node {

void Node::State::add_twin_routes() {
  things::TwinRoutes routes{.world = world,
                            .twins = twins->store(),
                            .identify = api->identify,
                            .audit = api->audit,
                            .here = [this] { return name(); },
                            .history =
                                [this](const std::string& node, const std::string& series,
                                       const engine::QueryRange& range, auto done) {
                                  if (node != name())
                                    return done(base::fail(base::Code::not_found,
                                                           "the readings of '" + node + "' are not here"));
                                  done(query_series(*store, series, range));
                                },
                            .send =
                                [this](things::Command command, things::CommandDone done) {
                                  twins->send(std::move(command), std::move(done));
                                },
                            .metrics = &metrics};
  twin_api = things::add_twin_routes(*http, std::move(routes));
}

}  // namespace selvedge::node
