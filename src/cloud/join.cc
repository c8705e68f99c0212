// Joining: a node with a one-time token and a certificate request becomes a node of the fleet.
//
// The token is used up before the certificate is made, so that two nodes cannot share one; a node
// whose answer was lost needs a new token. The CSR's subject is ignored: the name is the one asked
// for, and the token may be bound to it.

#include "base/json.h"
#include "base/log.h"
#include "cloud/api.h"
#include "codec/json/value.h"

namespace selvedge::cloud {

using base::Code;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

namespace {

void finish(ApiContext& context, const std::string& name, const std::string& csr,
            const Respond& respond) {
  const auto certificate = context.authority.issue(csr, crypto::Role::node, name, {"localhost", name},
                                                   context.config.node_certificate);
  if (!certificate) return respond(Response::problem(certificate.error()));
  const auto info = crypto::read_certificate(*certificate);
  if (!info) return respond(Response::problem(info.error()));
  NodeInfo node;
  node.name = name;
  node.serial = info->serial;
  node.status = "joined";
  node.joined_at = context.world.loop().wall_now();
  context.store.add_node(node, true, [&context, name, respond, certificate = *certificate](
                                         base::Result<bool> added) {
    if (!added) return respond(Response::problem(added.error()));
    base::log::info("identity", "node joined", {{"node", name}});
    context.on_joined(name);
    base::JsonWriter json;
    json.begin_object()
        .field("name", name)
        .field("certificate", certificate)
        .field("authority", context.authority.certificate())
        .field("mqtt", context.mqtt_address)
        .end_object();
    respond(Response::json(json.take(), 201));
  });
}

}  // namespace

void add_join_route(net::http::Server& server, ApiContext& context) {
  // Public, and worth nothing by itself: a joining node holds it against its token's fingerprint.
  server.route("GET", "/api/v1/authority", [&context](const Request&, const Respond& respond) {
    Response response = Response::text(context.authority.certificate());
    response.content_type = "application/x-pem-file";
    respond(std::move(response));
  });
  server.route("POST", "/api/v1/join", [&context](const Request& request, Respond respond) {
    const auto body = codec::json::parse(request.body, 64 << 10);
    if (!body) return respond(Response::problem(body.error()));
    const std::string name = (*body)["name"].text(), csr = (*body)["csr"].text();
    const std::string id = (*body)["token_id"].text(), secret = (*body)["token_secret"].text();
    if (!crypto::is_name(name))
      return respond(Response::problem(
          {Code::invalid_input, "name: expected 1 to 64 of letters, digits, '.', '_', '-'"}));
    if (id.empty() || secret.empty() || csr.empty())
      return respond(Response::problem(
          {Code::invalid_input, "name, csr, token_id and token_secret are needed"}));
    context.store.use_token(id, crypto::secret_digest(secret), name, context.world.loop().wall_now(),
                            [&context, name, csr, respond = std::move(respond)](
                                base::Result<bool> used) {
                              if (!used) {
                                base::log::warn("identity", "join refused",
                                                {{"node", name}, {"why", used.error()}});
                                return respond(Response::problem(used.error()));
                              }
                              finish(context, name, csr, respond);
                            });
  });
}

}  // namespace selvedge::cloud
