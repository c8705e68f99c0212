#include "cloud/operators_api.h"

#include "base/json.h"
#include "base/text.h"
#include "codec/json/value.h"

namespace selvedge::cloud {

using base::Code;
using base::JsonWriter;
using base::Result;
using net::api::Caller;
using net::api::Change;
using net::api::Right;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

namespace {

constexpr std::string_view path_of_all = "/api/v1/operators";
constexpr std::string_view path_of_one = "/api/v1/operators/*";

// What is about to change goes on record, and only then is changed.
void after_record(ApiContext& context, const Caller& who, Change change, const Respond& respond,
                  std::function<void()> then) {
  context.audit_first(who, std::move(change), [respond, then = std::move(then)](const Result<void>& done) {
    if (!done) return respond(Response::problem(done.error()));
    then();
  });
}

std::string as_it_is(const Operators& operators, std::string_view name) {
  const Operator* const of = operators.find(name);
  return of == nullptr ? "" : operator_json(*of);
}

void list(const Operators& operators, const Respond& respond) {
  JsonWriter json;
  json.begin_array();
  for (const Operator* of : operators.list()) json.raw(operator_json(*of));
  respond(Response::json(json.end_array().take()));
}

void add(ApiContext& context, Operators& operators, const Caller& who, const Request& request,
         const Respond& respond) {
  const auto body = codec::json::parse(request.body, 64 << 10);
  if (!body) return respond(Response::problem(body.error()));
  const std::string name = (*body)["name"].text();
  if (!crypto::is_name(name))
    return respond(Response::problem(
        {Code::invalid_input, "name: expected 1 to 64 of letters, digits, '.', '_', '-'"}));
  const auto right = net::api::parse_right((*body)["role"].text("viewer"));
  if (!right) return respond(Response::problem(right.error()));
  std::optional<base::Duration> valid;
  if (const std::string asked = (*body)["valid"].text(); !asked.empty()) {
    const auto parsed = base::parse_duration(asked);
    if (!parsed) return respond(Response::problem(base::Error(parsed.error()).while_doing("valid")));
    valid = *parsed;
  }
  JsonWriter after;
  after.begin_object().field("role", net::api::name(*right)).field("token_valid",
                                                                   valid ? base::to_string(*valid) : "");
  after.end_object();
  after_record(context, who, {"operator.add", name, as_it_is(operators, name), after.take()}, respond,
               [&operators, name, right = *right, valid, respond] {
                 const auto added = operators.add(name, right, valid);
                 if (!added) return respond(Response::problem(added.error()));
                 JsonWriter json;
                 json.begin_object().field("name", name).field("role", net::api::name(right));
                 if (!added->token.empty())
                   json.field("token", added->token).field("expires", base::to_iso8601(added->expires));
                 respond(Response::json(json.end_object().take(), 201));
               });
}

// DELETE /api/v1/operators/NAME and /api/v1/operators/NAME/tokens/ID
void remove(ApiContext& context, Operators& operators, const Caller& who, const Request& request,
            const Respond& respond) {
  constexpr std::string_view tokens = "/tokens/";
  const std::string rest = request.path.substr(path_of_all.size() + 1);
  const std::size_t at = rest.find(tokens);
  const std::string name = rest.substr(0, at);
  const std::string id = at == std::string::npos ? "" : rest.substr(at + tokens.size());
  if (!crypto::is_name(name))
    return respond(Response::problem(
        {Code::not_found, "DELETE /api/v1/operators/NAME, /api/v1/operators/NAME/tokens/ID"}));
  after_record(context, who,
               {id.empty() ? "operator.revoke" : "operator.revoke-token",
                id.empty() ? name : name + ":" + base::printable(id), as_it_is(operators, name), ""},
               respond, [&operators, name, id, respond] {
                 const auto gone = id.empty() ? operators.revoke(name) : operators.revoke_token(name, id);
                 respond(gone ? Response::json("{}") : Response::problem(gone.error()));
               });
}

void who_am_i(const Caller& who, const Respond& respond) {
  JsonWriter json;
  json.begin_object().field("who", who.text()).field("from", who.from);
  if (who.kind == Caller::Kind::operator_) json.field("role", net::api::name(who.right));
  respond(Response::json(json.end_object().take()));
}

}  // namespace

void add_operators_routes(net::http::Server& server, ApiContext& context, Operators& operators) {
  const auto route = [&](std::string_view method, std::string_view path, auto function) {
    server.route(method, path,
                 net::api::require(context.identify, Right::administer,
                                   [&context, &operators, function](const Caller& who,
                                                                    const Request& request,
                                                                    const Respond& respond) {
                                     function(context, operators, who, request, respond);
                                   }));
  };
  route("GET", path_of_all,
        [](ApiContext&, Operators& all, const Caller&, const Request&, const Respond& respond) {
          list(all, respond);
        });
  route("POST", path_of_all, add);
  route("DELETE", path_of_one, remove);
  server.route("GET", "/api/v1/whoami",
               net::api::identified(context.identify, [](const Caller& who, const Request&,
                                                         const Respond& respond) {
                 who_am_i(who, respond);
               }));
}

}  // namespace selvedge::cloud
