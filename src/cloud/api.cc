#include "cloud/api.h"

#include <algorithm>

#include "base/json.h"
#include "base/log.h"
#include "codec/json/value.h"
#include "net/api/query_request.h"

namespace selvedge::cloud {

using base::Code;
using base::JsonWriter;
using net::api::Caller;
using net::api::Right;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

namespace {

void write_node(JsonWriter& json, const NodeInfo& node, bool connected) {
  json.begin_object()
      .field("name", node.name)
      .field("status", node.status)
      .field("connected", connected)
      .field("serial", node.serial)
      .field("joined_at", base::to_iso8601(node.joined_at));
  json.key("last_seen");
  if (node.last_seen.ns == 0) json.null();
  else json.value(base::to_iso8601(node.last_seen));
  json.field("series", node.series)
      .field("readings", node.readings)
      .field("blocks", node.blocks)
      .field("bytes", node.bytes)
      .end_object();
}

void list_nodes(ApiContext& context, Request request, Respond respond) {
  // "/api/v1/nodes" or "/api/v1/nodes/NAME"
  std::string name = request.path.substr(std::string_view("/api/v1/nodes").size());
  if (!name.empty()) name.erase(0, 1);
  context.store.nodes([&context, name, respond](base::Result<std::vector<NodeInfo>> nodes) {
    if (!nodes) return respond(Response::problem(nodes.error()));
    const auto connected = context.connected_nodes();
    JsonWriter json;
    if (name.empty()) {
      json.begin_array();
      for (const NodeInfo& node : *nodes) write_node(json, node, connected.contains(node.name));
      return respond(Response::json(json.end_array().take()));
    }
    const auto at = std::ranges::find(*nodes, name, &NodeInfo::name);
    if (at == nodes->end())
      return respond(Response::problem({Code::not_found, "node '" + name + "' is unknown"}));
    write_node(json, *at, connected.contains(name));
    respond(Response::json(json.take()));
  });
}

void revoke_node(ApiContext& context, const Caller& who, const std::string& name, const Respond& respond) {
  const auto revoke = [&context, name, respond] {
    context.store.revoke_node(
        name, [&context, name, respond](base::Result<std::vector<std::string>> serials) {
          if (!serials) return respond(Response::problem(serials.error()));
          base::log::info("identity", "node revoked", {{"node", name}});
          context.on_revoked(name);
          JsonWriter json;
          json.begin_object().field("name", name).field("status", "revoked").end_object();
          respond(Response::json(json.take()));
        });
  };
  context.audit_first(who, {"node.revoke", name, "", ""},
                      [respond, revoke](const base::Result<void>& recorded) {
                        if (!recorded) return respond(Response::problem(recorded.error()));
                        revoke();
                      });
}

// POST /api/v1/nodes/NAME/WORD. What a node is to take is an operator's to say; that it is none of ours any more, an admin's.
void change_node(ApiContext& context, const Caller& who, const Request& request, const Respond& respond) {
  const std::string rest = request.path.substr(std::string_view("/api/v1/nodes/").size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string name = rest.substr(0, slash), word = rest.substr(std::min(slash + 1, rest.size()));
  if (word == "revoke" && !name.empty()) {
    if (!who.may(Right::administer))
      return respond(Response::problem({Code::denied, "to revoke a node an admin's right is needed"}));
    return revoke_node(context, who, name, respond);
  }
  if (name.empty() || !context.jobs->schedule(who, name, word, respond))
    respond(Response::problem({Code::not_found, "POST /api/v1/nodes/NAME/revoke, drain, cordon, ready or gone"}));
}

void list_series(ApiContext& context, const Request& request, Respond respond) {
  const auto parsed = net::api::parse_series_request(request);
  if (!parsed) return respond(Response::problem(parsed.error()));
  context.store.series(
      parsed->node, parsed->match, parsed->limit,
      [respond = std::move(respond)](base::Result<std::vector<SeriesInfo>> series) {
        if (!series) return respond(Response::problem(series.error()));
        JsonWriter json;
        json.begin_array();
        for (const SeriesInfo& s : *series)
          json.begin_object()
              .field("node", s.node)
              .field("name", s.name)
              .field("device", s.device)
              .field("kind", model::name(s.kind))
              .field("readings", s.readings)
              .field("blocks", s.blocks)
              .field("bytes", s.bytes)
              .field("first_time", base::to_iso8601(s.first_time))
              .field("last_time", base::to_iso8601(s.last_time))
              .field("last", s.last)
              .end_object();
        respond(Response::json(json.end_array().take()));
      });
}

void query(ApiContext& context, const Request& request, Respond respond) {
  auto parsed = net::api::parse_query_request(request, context.world.loop().wall_now());
  if (!parsed) return respond(Response::problem(parsed.error()));
  if (parsed->node.empty())
    return respond(Response::problem({Code::invalid_input, "node: which one is needed"}));
  const std::string node = parsed->node, series = parsed->series;
  const engine::QueryRange range = parsed->range;
  const bool from_node = parsed->raw_from_node;
  auto done = [parsed = std::move(*parsed),
               respond = std::move(respond)](const base::Result<engine::QueryResult>& result) {
    if (!result) return respond(Response::problem(result.error()));
    respond(net::api::answer(parsed, *result));
  };
  if (from_node) context.raw_fetch->query(node, series, range, std::move(done));
  else context.store.query(node, series, range, std::move(done));
}

void list_blocks(ApiContext& context, const Request& request, Respond respond) {
  const std::string node(request.parameter("node").value_or(""));
  const std::string series(request.parameter("series").value_or(""));
  if (node.empty() || series.empty())
    return respond(Response::problem({Code::invalid_input, "node and series: which ones are needed"}));
  context.store.blocks(node, series, {INT64_MIN}, {INT64_MAX}, 1'000'000,
                       [respond = std::move(respond)](base::Result<std::vector<BlockInfo>> blocks) {
                         if (!blocks) return respond(Response::problem(blocks.error()));
                         JsonWriter json;
                         json.begin_array();
                         for (const BlockInfo& block : *blocks)
                           json.begin_object()
                               .field("epoch", std::to_string(static_cast<std::uint64_t>(block.epoch)))
                               .field("seq", model::number(block.seq))
                               .field("count", block.summary.count)
                               .field("bytes", block.bytes)
                               .field("codec", static_cast<unsigned>(block.summary.codec))
                               .field("first_ns", block.summary.first_time.ns)
                               .field("last_ns", block.summary.last_time.ns)
                               .field("sealed_ns", block.sealed_at.ns)
                               .field("arrived_ns", block.arrived_at.ns)
                               .end_object();
                         respond(Response::json(json.end_array().take()));
                       });
}

void status(ApiContext& context, Respond respond) {
  context.store.totals([respond = std::move(respond)](base::Result<StoreTotals> totals) {
    if (!totals) return respond(Response::problem(totals.error()));
    JsonWriter json;
    json.begin_object()
        .field("nodes", totals->nodes)
        .field("series", totals->series)
        .field("blocks", totals->blocks)
        .field("readings", totals->readings)
        .field("frame_bytes", totals->frame_bytes)
        .field("file_bytes", totals->file_bytes)
        .end_object();
    respond(Response::json(json.take()));
  });
}

}  // namespace

void add_operator_routes(net::http::Server& server, ApiContext& context) {
  const auto route = [&](std::string_view path, auto function) {
    server.route("GET", path,
                 net::api::require(context.identify, Right::view,
                                   [&context, function](const Caller&, Request request, Respond respond) {
                                     function(context, std::move(request), std::move(respond));
                                   }));
  };
  route("/api/v1/nodes", list_nodes);
  route("/api/v1/nodes/*", list_nodes);
  route("/api/v1/series", list_series);
  route("/api/v1/query", query);
  route("/api/v1/blocks", list_blocks);
  route("/api/v1/status",
        [](ApiContext& c, const Request&, Respond respond) { status(c, std::move(respond)); });
  server.route("POST", "/api/v1/nodes/*",
               net::api::require(context.identify, Right::operate,
                                 [&context](const Caller& who, const Request& request,
                                            const Respond& respond) {
                                   change_node(context, who, request, respond);
                                 }));
}

void add_health_routes(net::http::Server& server, ApiContext& context) {
  server.route("GET", "/metrics", [&context](const Request&, const Respond& respond) {
    Response response = Response::text(context.metrics.text());
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    respond(std::move(response));
  });
  server.route("GET", "/healthz", [](const Request&, const Respond& respond) {
    respond(Response::text("ok\n"));
  });
  server.route("GET", "/readyz", [&context](const Request&, const Respond& respond) {
    context.store.totals([respond](const base::Result<StoreTotals>& totals) {
      respond(totals ? Response::text("ready\n") : Response::problem(totals.error()));
    });
  });
}

}  // namespace selvedge::cloud
