#include "cloud/authority_api.h"

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "cloud/join.h"
#include "codec/json/value.h"

namespace selvedge::cloud {

using base::Code;
using base::JsonWriter;
using base::Result;
using net::api::Caller;
using net::api::Right;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

namespace {

constexpr std::string_view certificates_path = "/api/v1/certificates";
constexpr std::size_t most_shown = 1000;

void write_certificate(JsonWriter& json, const IssuedCertificate& c) {
  json.begin_object()
      .field("serial", c.serial)
      .field("role", crypto::name(c.role))
      .field("name", c.name)
      .field("authority", static_cast<std::uint64_t>(c.generation))
      .field("until", base::to_iso8601(c.not_after));
  json.key("revoked_at");
  if (c.revoked_at.ns == 0) json.null();
  else json.value(base::to_iso8601(c.revoked_at));
  json.end_object();
}

std::string status_json(const Authority::Status& status) {
  JsonWriter json;
  json.begin_object().key("authorities").begin_array();
  for (const AuthorityGeneration& g : status.generations)
    json.begin_object()
        .field("number", static_cast<std::uint64_t>(g.number))
        .field("phase", name(g.phase))
        .field("since", base::to_iso8601(g.since))
        .field("name", g.info.common_name)
        .field("until", base::to_iso8601(g.info.not_after))
        .field("fingerprint", g.info.fingerprint)
        .field("key", g.key_uri.empty() ? "file" : g.key_uri)
        .end_object();
  json.end_array()
      .field("nodes", static_cast<std::uint64_t>(status.nodes))
      .field("nodes_unaware", static_cast<std::uint64_t>(status.nodes_unaware))
      .field("not_moved", static_cast<std::uint64_t>(status.holders.size()))
      .field("cloud_until", base::to_iso8601(status.own.not_after));
  json.key("holders").begin_array();
  for (std::size_t i = 0; i < status.holders.size() && i < most_shown; ++i)
    write_certificate(json, status.holders[i]);
  json.end_array().end_object();
  return json.take();
}

// The record comes before the change, for it changes who may.
void after_record(ApiContext& context, const Caller& who, net::api::Change change,
                  const Respond& respond, std::function<void()> then) {
  context.audit_first(who, std::move(change),
                      [respond, then = std::move(then)](const Result<void>& recorded) {
                        if (!recorded) return respond(Response::problem(recorded.error()));
                        then();
                      });
}

void answer_with_status(ApiContext& context, const Result<void>& done, const Respond& respond) {
  if (!done) return respond(Response::problem(done.error()));
  context.on_authority_changed();
  respond(Response::json(status_json(context.authority.status())));
}

void rotate(ApiContext& context, const Caller& who, const Request& request,
            const Respond& respond) {
  const auto body = codec::json::parse(request.body.empty() ? "{}" : request.body);
  if (!body) return respond(Response::problem(body.error()));
  const std::string key = (*body)["key"].text();
  if (key.find_first_of(" \r\n") != std::string::npos)
    return respond(Response::problem({Code::invalid_input, "key: a URI without spaces"}));
  after_record(context, who, {"authority.rotate", key, "", ""}, respond, [&context, key, respond] {
    answer_with_status(context, context.authority.rotate(key), respond);
  });
}

void advance(ApiContext& context, const Caller& who, const Request&, const Respond& respond) {
  after_record(context, who, {"authority.advance", "", "", ""}, respond, [&context, respond] {
    answer_with_status(context, context.authority.advance(), respond);
  });
}

void set_hosts(ApiContext& context, const Caller& who, const Request& request,
               const Respond& respond) {
  const auto body = codec::json::parse(request.body);
  if (!body) return respond(Response::problem(body.error()));
  std::vector<std::string> hosts;
  for (const auto& host : (*body)["hosts"].array()) hosts.push_back(host.text());
  if (hosts.empty())
    return respond(Response::problem({Code::invalid_input, "hosts: at least one is needed"}));
  std::string named;
  for (const std::string& host : hosts) named += (named.empty() ? "" : " ") + host;
  after_record(context, who, {"authority.hosts", named, "", ""}, respond,
               [&context, hosts, respond] {
                 answer_with_status(context, context.authority.set_hosts(hosts), respond);
               });
}

void list(ApiContext& context, const Caller&, const Request& request, const Respond& respond) {
  const std::string_view role = request.parameter("role").value_or("");
  const std::string_view name = request.parameter("name").value_or("");
  const base::Time now = context.world.loop().wall_now();
  JsonWriter json;
  json.begin_array();
  std::size_t shown = 0;
  for (const IssuedCertificate& c : context.authority.ledger().all()) {
    if (c.not_after <= now || (!role.empty() && crypto::name(c.role) != role) ||
        (!name.empty() && c.name != name))
      continue;
    if (++shown > most_shown) break;
    write_certificate(json, c);
  }
  respond(Response::json(json.end_array().take()));
}

void revoke(ApiContext& context, const Caller& who, const Request& request,
            const Respond& respond) {
  constexpr std::string_view suffix = "/revoke";
  std::string_view path = request.path;
  if (!path.ends_with(suffix) || path.size() <= certificates_path.size() + 1 + suffix.size())
    return respond(Response::problem({Code::not_found, "POST /api/v1/certificates/SERIAL/revoke"}));
  path.remove_prefix(certificates_path.size() + 1);
  path.remove_suffix(suffix.size());
  const std::string serial(path);
  const IssuedCertificate* const known = context.authority.ledger().find(serial);
  if (known == nullptr)
    return respond(Response::problem(
        {Code::not_found, "certificate '" + base::printable(serial) + "' is unknown"}));
  if (known->role == crypto::Role::cloud)
    return respond(Response::problem(
        {Code::invalid_input, "it is the cloud's own: set other hosts, or rotate the authority"}));
  const std::string owner = std::string(crypto::name(known->role)) + ":" + known->name;
  after_record(
      context, who, {"certificate.revoke", owner, serial, ""}, respond,
      [&context, serial, owner, respond] {
        context.authority.ledger().revoke(
            serial, [&context, serial, owner, respond](const Result<void>& revoked) {
              if (!revoked) return respond(Response::problem(revoked.error()));
              base::log::info("identity", "certificate revoked",
                              {{"of", owner}, {"serial", serial}});
              context.on_authority_changed();
              JsonWriter json;
              json.begin_object().field("serial", serial).field("status", "revoked").end_object();
              respond(Response::json(json.take()));
            });
      });
}

void make_token(ApiContext& context, const Caller& who, const Request& request,
                const Respond& respond) {
  const auto body = codec::json::parse(request.body.empty() ? "{}" : request.body);
  if (!body) return respond(Response::problem(body.error()));
  const std::string node = (*body)["node"].text(), device = (*body)["device"].text();
  for (const std::string& name : {node, device})
    if (!name.empty() && !crypto::is_name(name))
      return respond(Response::problem(
          {Code::invalid_input, "'" + base::printable(name) + "' is no node's or device's name"}));
  if (!node.empty() && !device.empty())
    return respond(Response::problem({Code::invalid_input, "node or device, not both"}));
  const auto valid = base::parse_duration((*body)["valid"].text("1h"));
  if (!valid) return respond(Response::problem(base::Error(valid.error()).while_doing("valid")));
  const crypto::JoinToken token = crypto::make_join_token(context.authority.fingerprint());
  const base::Time expires = context.world.loop().wall_now() + *valid;
  const std::string owner = device.empty() ? node : token_owner(crypto::Role::device, device);
  const auto answer = [token, expires, node, device, respond](const Result<bool>& added) {
    if (!added) return respond(Response::problem(added.error()));
    JsonWriter json;
    json.begin_object()
        .field("token", crypto::to_text(token))
        .field("node", node)
        .field("device", device)
        .field("id", token.id)
        .field("secret", token.secret)
        .field("expires", base::to_iso8601(expires))
        .end_object();
    respond(Response::json(json.take(), 201));
  };
  after_record(context, who, {"token.create", owner, "", token.id}, respond,
               [&context, token, owner, expires, answer] {
                 context.store.add_token(
                     {token.id, crypto::secret_digest(token.secret), owner, expires}, answer);
               });
}

void make_certificate(ApiContext& context, const Caller& who, const Request& request,
                      const Respond& respond) {
  const auto body = codec::json::parse(request.body);
  if (!body) return respond(Response::problem(body.error()));
  const std::string role = (*body)["role"].text("device"), name = (*body)["name"].text();
  if (role != "device" && role != "operator")
    return respond(Response::problem({Code::invalid_input, "role: expected device or operator"}));
  if (!crypto::is_name(name))
    return respond(Response::problem({Code::invalid_input, "name: not a " + role + " name"}));
  CertificateOrder order{(*body)["csr"].text(),
                         role == "device" ? crypto::Role::device : crypto::Role::operator_, name,
                         {}, {}};
  order.valid = validity_of(context.config, order.role);
  if (const std::string asked = (*body)["valid"].text(); !asked.empty()) {
    const auto valid = base::parse_duration(asked);
    if (!valid) return respond(Response::problem(base::Error(valid.error()).while_doing("valid")));
    order.valid = *valid;
  }
  after_record(context, who, {"certificate.issue", role + ":" + name, "", ""}, respond,
               [&context, order, respond] {
                 context.authority.certify(order, [&context, respond](const Result<Issued>& issued) {
                   if (!issued) return respond(Response::problem(issued.error()));
                   JsonWriter json;
                   json.begin_object()
                       .field("certificate", issued->certificate)
                       .field("authority", context.authority.trust())
                       .end_object();
                   respond(Response::json(json.take(), 201));
                 });
               });
}

}  // namespace

void add_authority_routes(net::http::Server& server, ApiContext& context) {
  const auto route = [&](std::string_view method, std::string_view path, Right right,
                         auto function) {
    server.route(method, path,
                 net::api::require(
                     [&context](const Request& request, auto answer) {
                       context.identify(request, std::move(answer));
                     },
                     right,
                     [&context, function](const Caller& who, const Request& request,
                                          const Respond& respond) {
                       function(context, who, request, respond);
                     }));
  };
  route("GET", "/api/v1/authority/status", Right::view,
        [](ApiContext& c, const Caller&, const Request&, const Respond& respond) {
          respond(Response::json(status_json(c.authority.status())));
        });
  route("POST", "/api/v1/authority/rotate", Right::administer, rotate);
  route("POST", "/api/v1/authority/advance", Right::administer, advance);
  route("POST", "/api/v1/authority/hosts", Right::administer, set_hosts);
  route("POST", "/api/v1/tokens", Right::administer, make_token);
  route("POST", certificates_path, Right::administer, make_certificate);
  route("GET", certificates_path, Right::view, list);
  route("POST", "/api/v1/certificates/*", Right::administer, revoke);
}

}  // namespace selvedge::cloud
