// Twins of the whole fleet by HTTP.

#include "cloud/state.h"
#include "things/http_routes.h"

namespace selvedge::cloud {

void Cloud::State::add_twin_routes() {
  things::TwinRoutes routes{.world = world,
                            .twins = *twins,
                            .identify = context->identify,
                            .audit = context->audit,
                            .here = {},
                            .history =
                                [this](const std::string& node, const std::string& series,
                                       const engine::QueryRange& range, auto done) {
                                  store->query(node, series, range, std::move(done));
                                },
                            .send =
                                [this](things::Command command, things::CommandDone done) {
                                  twin_link->send(std::move(command), std::move(done));
                                },
                            .metrics = &metrics};
  twin_api = things::add_twin_routes(*http, std::move(routes));
}

}  // namespace selvedge::cloud
