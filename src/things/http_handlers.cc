#include "things/http_handlers.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "net/api/query_request.h"
#include "things/ditto_commands.h"
#include "things/event_stream.h"
#include "things/http_access.h"
#include "things/http_json.h"
#include "things/http_message.h"
#include "things/http_path.h"
#include "things/http_search.h"
#include "things/http_stream.h"
#include "things/wot_description.h"
#include "base/json_pointer.h"

namespace selvedge::things {

namespace {

using base::Code;
using base::Result;
using net::http::Request;
using Kind = TwinChangeRequest::Kind;

constexpr std::string_view root = "/api/2/things/";

std::string_view rest_of(const Request& request) {
  return std::string_view(request.path).substr(root.size());
}

Result<Conditions> conditions_of(const Request& request) {
  auto conditions =
      Conditions::parse([&](std::string_view name) { return request.header(name); });
  const auto condition = request.parameter("condition");
  if (conditions && condition) conditions->condition = *condition;
  return conditions;
}

void answer(const net::http::Respond& respond, Reply reply) {
  respond(to_response(std::move(reply)));
}

void history(const TwinRequest& r, const TwinPath& path, const HistoryPath& of) {
  TwinApiState& api = r.api;
  if (!may_see(r.caller, api.twins.here(), path.id))
    return answer(r.respond, not_allowed(r.caller, "see the twin", path.id));
  const engine::Twin* twin = api.twins.store().find(path.id);
  if (twin == nullptr) return answer(r.respond, nothing_at(path.id, path.pointer, false));
  // An attribute may name the series; else it has the name that reported values are kept under.
  std::string series = "twin/" + std::string(model::twin_device(path.id)) + "/" + of.feature + "/" +
                       of.property;
  const std::string named = "/history/" + base::pointer_token(of.feature + "/" + of.property);
  if (const auto text = json_string(twin->leaf(model::TwinPart::attributes, named))) series = *text;
  Request asked;
  asked.query = r.request.query;
  std::erase_if(asked.query, [](const auto& pair) { return pair.first == "series"; });
  asked.query.emplace_back("series", series);
  asked.headers = r.request.headers;
  auto query = net::api::parse_query_request(asked, api.routes.world.loop().wall_now());
  if (!query) return answer(r.respond, refused(query.error()));
  if (query->raw_from_node)
    return answer(r.respond, refused({base::Code::invalid_input, "raw=node: only the query API of the cloud asks a node"}));
  if (!api.routes.history)
    return answer(r.respond, refused(404, "things:history.notfound", "no readings are kept here"));
  const engine::QueryRange range = query->range;
  api.routes.history(
      std::string(model::twin_node(path.id)), series, range,
      [respond = r.respond, query = std::move(*query), series](Result<engine::QueryResult> result) {
        if (result) return respond(net::api::answer(query, *result));
        const bool none = result.error().code == Code::not_found;
        answer(respond, none ? refused(404, "things:history.notfound",
                                       "nothing is kept of it: there is no series '" + series + "'")
                             : refused(result.error()));
      });
}

Reply description(const TwinRequest& r, const std::string& id) {
  if (!may_see(r.caller, r.api.twins.here(), id)) return not_allowed(r.caller, "see the twin", id);
  const engine::Twin* twin = r.api.twins.store().find(id);
  if (twin == nullptr) return nothing_at(id, "", false);
  Reply reply;
  reply.body = thing_description(*twin, id, base_of(r.request));
  reply.content_type = "application/td+json";
  return reply;
}

// What the body of a PATCH is.
std::optional<Kind> patch_kind(const Request& request) {
  const std::string_view type = request.header("content-type");
  const std::string_view bare = type.substr(0, type.find(';'));
  if (bare == "application/json-patch+json") return Kind::patch;
  if (bare == "application/merge-patch+json" || bare == "application/json" || bare.empty())
    return Kind::merge;
  return std::nullopt;
}

void change(const TwinRequest& r, TwinChangeRequest request) {
  if (r.request.method != "DELETE" && request.json.empty())
    return answer(r.respond, refused(400, "json.invalid", "the body is empty; JSON was expected"));
  auto conditions = conditions_of(r.request);
  if (!conditions) return answer(r.respond, refused(conditions.error()));
  request.conditions = std::move(*conditions);
  const std::string location = std::string(root) + request.id + request.pointer;
  r.api.twins.change(r.caller, request, [respond = r.respond, location](Reply reply) {
    if (reply.status == 201) reply.headers.emplace_back("Location", location);
    answer(respond, std::move(reply));
  });
}

}  // namespace

std::string base_of(const Request& request) {
  const bool tls = request.peer != nullptr && request.peer->encrypted;
  return (tls ? "https://" : "http://") + std::string(request.header("host"));
}

bool accepts(const Request& request, std::string_view type) {
  return request.header("accept").contains(type);
}

void get_one(const TwinRequest& r) {
  const auto path = parse_twin_path(rest_of(r.request));
  if (!path) return answer(r.respond, refused(path.error()));
  if (path->kind == TwinPath::Kind::message)
    return answer(r.respond, refused(405, "gateway:method.notallowed", "messages are sent by POST"));
  if (accepts(r.request, "text/event-stream")) return stream_one(r, *path);
  if (path->kind == TwinPath::Kind::twin && accepts(r.request, "application/td+json"))
    return answer(r.respond, description(r, path->id));
  const auto conditions = conditions_of(r.request);
  if (!conditions) return answer(r.respond, refused(conditions.error()));
  const std::string_view fields = r.request.parameter("fields").value_or("");
  Reply reply = r.api.twins.read(r.caller, path->id, path->pointer, fields, *conditions);
  // A property may be called "history", too.
  if (reply.status == 404)
    if (const auto of = history_of(path->pointer)) return history(r, *path, *of);
  answer(r.respond, std::move(reply));
}

void change_one(const TwinRequest& r) {
  auto path = parse_twin_path(rest_of(r.request));
  if (!path) return answer(r.respond, refused(path.error()));
  if (path->kind == TwinPath::Kind::message)
    return answer(r.respond, refused(405, "gateway:method.notallowed", "messages are sent by POST"));
  Kind kind = Kind::put;
  if (r.request.method == "DELETE") {
    kind = Kind::remove;
  } else if (r.request.method == "PATCH") {
    const auto patch = patch_kind(r.request);
    if (!patch) {
      Reply reply = refused(415, "gateway:mediatype.unsupported",
                            "PATCH takes application/merge-patch+json or application/json-patch+json");
      reply.headers.emplace_back("Accept-Patch",
                                 "application/merge-patch+json, application/json-patch+json");
      return answer(r.respond, std::move(reply));
    }
    kind = *patch;
  }
  change(r, {kind, std::move(path->id), std::move(path->pointer), r.request.body, {}});
}

void post_one(const TwinRequest& r) {
  const auto members = json_members(r.request.body);
  if (!members) return answer(r.respond, refused(members.error()));
  std::string id;
  for (const JsonMember& member : *members)
    if (member.name == "thingId") id = json_string(member.value).value_or("");
  if (id.empty()) {
    std::string node(r.request.parameter("namespace").value_or(r.api.twins.here()));
    if (node.empty())
      return answer(r.respond, refused(400, "things:id.invalid",
                                       "thingId is missing; or name the node it belongs to: ?namespace="));
    std::array<std::uint8_t, 8> random{};
    r.api.routes.world.entropy(random);
    id = model::twin_id(node, "t-" + base::to_hex(random));
  }
  const auto valid = parse_twin_id(id);
  if (!valid) return answer(r.respond, refused(valid.error()));
  change(r, {Kind::create, *valid, "", r.request.body, {}});
}

void post_message(const TwinRequest& r) {
  auto path = parse_twin_path(rest_of(r.request));
  if (!path) return answer(r.respond, refused(path.error()));
  if (path->kind != TwinPath::Kind::message)
    return answer(r.respond, refused(405, "gateway:method.notallowed",
                                     "POST is for ../inbox/messages/<subject>; PUT makes what is named"));
  const auto asked = r.request.parameter("timeout");
  const auto timeout = message_timeout(asked ? *asked : r.request.header("timeout"));
  if (!timeout) return answer(r.respond, refused(timeout.error()));
  MessageRequest message{std::move(*path), std::string(r.request.header("content-type")),
                         base::to_bytes(r.request.body), *timeout};
  const std::string correlation(r.request.header("correlation-id"));
  send_message(r.api.twins, r.api.routes.send, r.caller, std::move(message),
               [respond = r.respond, correlation](Reply reply) {
                 if (!correlation.empty()) reply.headers.emplace_back("correlation-id", correlation);
                 answer(respond, std::move(reply));
               });
}

}  // namespace selvedge::things
