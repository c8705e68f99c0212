#include "node/api.h"

#include "base/json.h"
#include "base/text.h"
#include "net/api/query_request.h"
#include "node/series_query.h"

namespace selvedge::node {

using base::Code;
using base::JsonWriter;
using base::Result;
using net::api::Right;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

namespace {

void write_series(JsonWriter& json, ApiContext& context, const model::SeriesDef& def) {
  // Counted from headers: a listing decodes nothing.
  std::uint64_t readings = 0, blocks = 0, bytes = 0;
  base::Time first{INT64_MAX}, last{INT64_MIN};
  double last_value = 0;
  base::ignore(
      context.store.visit(
          def.id, {INT64_MIN}, {INT64_MAX},
          [&](const model::BlockSummary& summary, base::BytesView frame) {
            readings += summary.count;
            ++blocks;
            bytes += frame.size();
            first = std::min(first, summary.first_time);
            if (summary.last_time >= last) last_value = summary.last;
            last = std::max(last, summary.last_time);
            return true;
          },
          [&](const codec::Columns& open) {
            readings += open.size();
            for (const std::int64_t t : open.times) {
              first = std::min(first, {t});
              last = std::max(last, {t});
            }
            if (!open.float64.empty()) last_value = open.float64.back();
            return true;
          }),
      "a damaged segment is reported by the store; the listing shows the rest");
  json.begin_object()
      .field("name", def.name)
      .field("device", def.device)
      .field("kind", model::name(def.kind))
      .field("readings", readings)
      .field("blocks", blocks)
      .field("bytes", bytes);
  if (readings > 0)
    json.field("first_time", base::to_iso8601(first))
        .field("last_time", base::to_iso8601(last))
        .field("last", last_value);
  json.end_object();
}

void list_series(ApiContext& context, const Request& request, const Respond& respond) {
  const auto parsed = net::api::parse_series_request(request);
  if (!parsed) return respond(Response::problem(parsed.error()));
  JsonWriter json;
  json.begin_array();
  std::uint64_t count = 0;
  context.store.each_series([&](const model::SeriesDef& def) {
    if (!net::api::matches(parsed->match, def.name)) return true;
    write_series(json, context, def);
    return ++count < parsed->limit;
  });
  respond(Response::json(json.end_array().take()));
}

void query(ApiContext& context, const Request& request, const Respond& respond) {
  const auto parsed = net::api::parse_query_request(request, context.world.loop().wall_now());
  if (!parsed) return respond(Response::problem(parsed.error()));
  if (parsed->raw_from_node)
    return respond(Response::problem({Code::invalid_input, "raw=node: this is the node; only the cloud asks one"}));
  const auto result = query_series(context.store, parsed->series, parsed->range);
  if (!result) return respond(Response::problem(result.error()));
  respond(net::api::answer(*parsed, *result));
}

void list_dead_letters(ApiContext& context, const Request& request, const Respond& respond) {
  const auto limit = base::parse_int(request.parameter("limit").value_or("50"));
  if (!limit || *limit < 1 || *limit > 10'000)
    return respond(Response::problem({Code::invalid_input, "limit: expected 1 to 10000"}));
  const auto letters = context.dead_letters.list(static_cast<std::size_t>(*limit));
  if (!letters) return respond(Response::problem(letters.error()));
  JsonWriter json;
  json.begin_array();
  for (const DeadLetter& letter : *letters)
    json.begin_object()
        .field("at", base::to_iso8601(letter.at))
        .field("source", base::printable(letter.source, 1024))
        .field("device", letter.device)
        .field("reason", letter.reason)
        .field("payload_bytes", letter.payload_bytes)
        .field("payload", base::printable(base::as_text(letter.payload), 200))
        .end_object();
  respond(Response::json(json.end_array().take()));
}

}  // namespace

void add_query_routes(net::http::Server& server, ApiContext& context) {
  const auto route = [&](std::string_view path, auto function) {
    server.route("GET", path,
                 net::api::require(context.identify, Right::view,
                                   [&context, function](const net::api::Caller&, const Request& request,
                                                        const Respond& respond) {
                                     function(context, request, respond);
                                   }));
  };
  route("/api/v1/series", list_series);
  route("/api/v1/query", query);
  route("/api/v1/deadletters", list_dead_letters);
  route("/api/v1/status", [](ApiContext& c, const Request&, const Respond& respond) {
    respond(Response::json(c.status_json()));
  });
}

void add_health_routes(net::http::Server& server, ApiContext& context) {
  server.route("GET", "/metrics",
               net::api::require(context.identify, Right::view,
                                 [&context](const net::api::Caller&, const Request&,
                                            const Respond& respond) {
                                   Response response = Response::text(context.metrics.text());
                                   response.content_type = "text/plain; version=0.0.4; charset=utf-8";
                                   respond(std::move(response));
                                 }));
  server.route("GET", "/healthz", [](const Request&, const Respond& respond) {
    respond(Response::text("ok\n"));
  });
  server.route("GET", "/readyz", [&context](const Request&, const Respond& respond) {
    const auto ready = context.ready();
    respond(ready ? Response::text("ready\n") : Response::problem(ready.error()));
  });
}

}  // namespace selvedge::node
