// Joining: a node with a one-time token and a certificate request becomes a node of the fleet.
//
// The token is used up before the certificate is made, so that two nodes cannot share one; a node
// whose answer was lost needs a new token. The CSR's subject is ignored: the name is the one asked
// for, and the token may be bound to it.

#include "cloud/join.h"

#include <algorithm>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "codec/json/value.h"

namespace selvedge::cloud {

using base::Code;
using base::Result;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

namespace {

constexpr std::size_t most_hosts = 16;

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace

base::Duration validity_of(const CloudConfig& config, crypto::Role role) {
  switch (role) {
    case crypto::Role::node: return config.node_certificate;
    case crypto::Role::device: return config.device_certificate;
    case crypto::Role::operator_: return config.operator_certificate;
    case crypto::Role::cloud: return config.cloud_certificate;
  }
  return config.device_certificate;
}

Result<std::vector<std::string>> node_hosts(const std::vector<std::string>& asked,
                                            const std::string& name,
                                            const std::vector<std::string>& of_cloud) {
  std::vector<std::string> hosts{"localhost", "127.0.0.1", "::1"};
  if (name.find('_') == std::string::npos) hosts.push_back(name);
  if (asked.size() > most_hosts)
    return base::fail(Code::invalid_input,
                      "hosts: " + std::to_string(asked.size()) + " are more than the " +
                          std::to_string(most_hosts) + " that a node's certificate may name");
  for (const std::string& host : asked) {
    if (!is_loopback(host) && std::ranges::find(of_cloud, host) != of_cloud.end())
      return base::fail(Code::denied, "hosts: '" + base::printable(host) +
                                          "' is the cloud's: leave it out of the node's hosts");
    if (std::ranges::find(hosts, host) == hosts.end()) hosts.push_back(host);
  }
  return hosts;
}

std::string token_owner(crypto::Role role, const std::string& name) {
  // No node's name has a colon in it.
  return role == crypto::Role::device ? "device:" + name : name;
}

void use_token(ApiContext& context, const std::string& from, const std::string& id,
               const std::string& secret, const std::string& name,
               std::function<void(Result<crypto::Role>)> answer) {
  // Whoever was wrong too often waits before the database is asked.
  if (context.guesses != nullptr && !context.guesses->allows(from, context.world.loop().now()))
    return answer(base::fail(Code::exhausted,
                             "too many wrong tokens from this address; try again later"));
  auto done = [&context, from, answer = std::move(answer)](Result<crypto::Role> role) {
    if (context.guesses != nullptr && !role && role.error().code == Code::denied)
      context.guesses->failed(from, context.world.loop().now());
    else if (context.guesses != nullptr && role)
      context.guesses->proved(from);
    answer(std::move(role));
  };
  const base::Time now = context.world.loop().wall_now();
  const std::string digest = crypto::secret_digest(secret);
  // One that is for a device is for no node, and is not used up by being tried as such.
  context.store.use_token(
      id, digest, name, now, [&context, id, digest, name, now, done](Result<bool> used) {
        if (used) return done(crypto::Role::node);
        if (used.error().code != Code::denied) return done(std::unexpected(used.error()));
        context.store.use_token(id, digest, token_owner(crypto::Role::device, name), now,
                                [done, why = used.error()](Result<bool> by_device) {
                                  if (by_device) return done(crypto::Role::device);
                                  done(std::unexpected(why));
                                });
      });
}

void enrol(ApiContext& context, CertificateOrder order,
           std::function<void(Result<Issued>)> done) {
  const crypto::Role role = order.role;
  const std::string name = order.name;
  context.authority.certify(order, [&context, role, name,
                                    done = std::move(done)](Result<Issued> issued) {
    if (!issued || role != crypto::Role::node) return done(std::move(issued));
    NodeInfo node;
    node.name = name;
    node.serial = issued->info.serial;
    node.status = "joined";
    node.joined_at = context.world.loop().wall_now();
    context.store.add_node(node, true, [done, issued = std::move(*issued)](Result<bool> added) {
      if (!added) return done(std::unexpected(added.error()));
      done(issued);
    });
  });
}

namespace {

struct JoinRequest {
  std::string name, csr, token_id, token_secret;
  std::vector<std::string> hosts;
};

Result<JoinRequest> read_join(const Request& request) {
  const auto body = TRY(codec::json::parse(request.body, 64 << 10));
  JoinRequest join{body["name"].text(), body["csr"].text(), body["token_id"].text(),
                   body["token_secret"].text(), {}};
  for (const auto& host : body["hosts"].array()) join.hosts.push_back(host.text());
  if (!crypto::is_name(join.name))
    return base::fail(Code::invalid_input,
                      "name: expected 1 to 64 of letters, digits, '.', '_', '-'");
  if (join.token_id.empty() || join.token_secret.empty() || join.csr.empty())
    return base::fail(Code::invalid_input, "name, csr, token_id and token_secret are needed");
  return join;
}

void finish(ApiContext& context, const JoinRequest& join, const Respond& respond) {
  auto hosts = node_hosts(join.hosts, join.name, context.authority.options().hosts);
  if (!hosts) return respond(Response::problem(hosts.error()));
  enrol(context,
        {join.csr, crypto::Role::node, join.name, std::move(*hosts),
         context.config.node_certificate},
        [&context, name = join.name, respond](Result<Issued> issued) {
          if (!issued) return respond(Response::problem(issued.error()));
          base::log::info("identity", "node joined", {{"node", name}});
          base::JsonWriter json;
          json.begin_object()
              .field("name", name)
              .field("certificate", issued->certificate)
              .field("authority", context.authority.trust())
              .field("mqtt", context.mqtt_address)
              .end_object();
          respond(Response::json(json.take(), 201));
        });
}

}  // namespace

void add_join_route(net::http::Server& server, ApiContext& context) {
  // Public, and worth nothing by itself: a joining node holds it against its token's fingerprint.
  server.route("GET", "/api/v1/authority", [&context](const Request&, const Respond& respond) {
    Response response = Response::text(context.authority.trust());
    response.content_type = "application/x-pem-file";
    respond(std::move(response));
  });
  server.route("POST", "/api/v1/join", [&context](const Request& request, Respond respond) {
    auto join = read_join(request);
    if (!join) return respond(Response::problem(join.error()));
    use_token(context, net::api::caller_of(request.peer).from, join->token_id, join->token_secret,
              join->name,
              [&context, join = *join, respond](Result<crypto::Role> role) {
                if (role && *role != crypto::Role::node)
                  role = base::fail(Code::denied, "the token is a device's: enrol it by EST");
                if (!role) {
                  base::log::warn("identity", "join refused",
                                  {{"node", join.name}, {"why", role.error()}});
                  const bool wait = role.error().code == Code::exhausted;
                  return respond(wait ? net::api::refusal(role.error())
                                      : Response::problem(role.error()));
                }
                finish(context, join, respond);
              });
  });
}

}  // namespace selvedge::cloud
