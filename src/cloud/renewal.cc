#include "cloud/renewal.h"

#include <memory>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "cloud/join.h"
#include "codec/json/value.h"
#include "crypto/est.h"
#include "identity/renewal.h"

namespace selvedge::cloud {

using base::Code;
using base::Result;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

namespace {

// Serials that ended drop out of the document this often.
constexpr base::Duration news_age = std::chrono::hours(1);

struct Wish {
  std::string csr;
  std::vector<std::string> hosts;
  std::string certificate;                 // the old one, with `proof`
  base::Bytes proof;
};

Result<Wish> read_wish(const Request& request) {
  const auto body = TRY(codec::json::parse(request.body, 64 << 10));
  Wish wish;
  wish.csr = body["csr"].text();
  wish.certificate = body["certificate"].text();
  for (const auto& host : body["hosts"].array()) wish.hosts.push_back(host.text());
  if (wish.csr.empty()) return base::fail(Code::invalid_input, "csr: a certificate request is needed");
  if (!wish.certificate.empty())
    wish.proof = TRY(base::while_doing("proof", base::from_base64(body["proof"].text())));
  return wish;
}

std::string how_to_come_back(const std::string& node) {
  return "; make a new token (selvedge token create --name " + node +
         ") and join again with it (selvedge node join --replace)";
}

// Who holds the old certificate's key, if that still counts.
Result<crypto::RoleName> check_old(const ApiContext& context, const Wish& wish) {
  const Authority& authority = context.authority;
  const base::Time now = context.world.loop().wall_now();
  const auto info = TRY(crypto::read_certificate(wish.certificate));
  const auto owner = TRY(crypto::role_of(info.uris));
  if (owner.role != crypto::Role::node)
    return base::fail(Code::denied, "only a node comes back with a certificate that ran out");
  TRY(base::while_doing("the old certificate", authority.generation_of(wish.certificate)));
  if (authority.ledger().is_revoked(info.serial))
    return base::fail(Code::denied, "certificate " + info.serial + " of node " + owner.name +
                                        " is revoked" + how_to_come_back(owner.name));
  if (info.not_before > now)
    return base::fail(Code::denied, "the certificate of node " + owner.name +
                                        " is not valid before " + base::to_iso8601(info.not_before) +
                                        "; the cloud's clock says " + base::to_iso8601(now));
  const base::Duration grace = authority.options().node_grace;
  if (info.not_after + grace <= now)
    return base::fail(Code::denied,
                      "the certificate of node " + owner.name + " ran out at " +
                          base::to_iso8601(info.not_after) + ", longer ago than identity.node-grace (" +
                          base::to_string(grace) + ")" + how_to_come_back(owner.name));
  const std::string signed_text = identity::renewal_proof_text(wish.csr);
  TRY(crypto::check_proof(wish.certificate, base::as_bytes(signed_text), wish.proof));
  return owner;
}

Result<crypto::RoleName> who_renews(const ApiContext& context, const Request& request,
                                    const Wish& wish) {
  if (!wish.certificate.empty()) return check_old(context, wish);
  if (request.peer == nullptr || request.peer->uris.empty())
    return base::fail(Code::denied, "show the present certificate in the TLS handshake");
  auto owner = TRY(crypto::role_of(request.peer->uris));
  if (owner.role == crypto::Role::cloud)
    return base::fail(Code::denied, "the cloud's certificate is not renewed this way");
  return owner;
}

void renew(ApiContext& context, const Request& request, const Respond& respond) {
  const auto wish = read_wish(request);
  if (!wish) return respond(Response::problem(wish.error()));
  // A proof costs a signature to check: whoever was wrong too often lately waits.
  const std::string from = net::api::caller_of(request.peer).from;
  const base::Instant now = context.world.loop().now();
  const bool guessing = context.guesses != nullptr && !wish->certificate.empty();
  if (guessing && !context.guesses->allows(from, now))
    return respond(net::api::refusal(
        {Code::exhausted, "too many wrong proofs from this address; try again later"}));
  const auto owner = who_renews(context, request, *wish);
  if (guessing && owner) context.guesses->proved(from);
  if (guessing && !owner) context.guesses->failed(from, now);
  if (!owner) {
    base::log::warn("identity", "renewal refused",
                    {{"from", request.peer != nullptr ? request.peer->address : ""},
                     {"why", owner.error()}});
    return respond(Response::problem(owner.error()));
  }
  CertificateOrder order{wish->csr, owner->role, owner->name, {},
                         validity_of(context.config, owner->role)};
  if (owner->role == crypto::Role::node) {
    auto hosts = node_hosts(wish->hosts, owner->name, context.authority.options().hosts);
    if (!hosts) return respond(Response::problem(hosts.error()));
    order.hosts = std::move(*hosts);
  }
  enrol(context, std::move(order), [&context, respond](const Result<Issued>& issued) {
    if (!issued) return respond(Response::problem(issued.error()));
    base::JsonWriter json;
    json.begin_object()
        .field("certificate", issued->certificate)
        .field("authority", context.authority.trust())
        .field("mqtt", context.mqtt_address)
        .end_object();
    respond(Response::json(json.take(), 201));
  });
}

void state(ApiContext& context, AuthorityNews& news, const Request& request,
           const Respond& respond) {
  const auto owner = request.peer == nullptr
                         ? Result<crypto::RoleName>(base::fail(Code::denied, "no peer"))
                         : crypto::role_of(request.peer->uris);
  if (!owner)
    return respond(Response::problem({Code::denied, "a certificate of this fleet is needed"}));
  if (owner->role == crypto::Role::node) {
    // One that joined before there was a record of certificates.
    context.authority.adopt({request.peer->serial, owner->role, owner->name, 0,
                             {request.peer->not_after * 1'000'000'000}, {}});
    context.authority.confirm(owner->name, std::string(request.parameter("trust").value_or("")));
  }
  if (request.parameter("have") == news.version()) {
    Response nothing = Response::text("", 304);
    return respond(std::move(nothing));
  }
  respond(Response::json(news.document()));
}

}  // namespace

const std::string& AuthorityNews::version() {
  refresh();
  return version_;
}

const std::string& AuthorityNews::document() {
  refresh();
  return document_;
}

void AuthorityNews::refresh() {
  const Authority& authority = context_.authority;
  const base::Time now = context_.world.loop().wall_now();
  const bool fresh = now >= made_ && now - made_ < news_age;
  if (fresh && trust_ == authority.trust_version() &&
      revocations_ == authority.ledger().revocations() && !document_.empty())
    return;
  made_ = now;
  trust_ = authority.trust_version();
  revocations_ = authority.ledger().revocations();
  base::JsonWriter body;
  body.begin_object()
      .field("trust", authority.trust())
      .field("signing", authority.signing_certificate())
      .field("mqtt", context_.mqtt_address);
  body.key("revoked").begin_array();
  for (const std::string& serial : authority.ledger().revoked(now)) body.value(serial);
  body.end_array();
  version_ = base::to_hex(crypto::sha256(base::as_bytes(body.text()))).substr(0, 16);
  body.field("version", version_).end_object();
  document_ = body.take();
}

void add_renewal_routes(net::http::Server& server, ApiContext& context,
                        std::shared_ptr<AuthorityNews> news) {
  server.route("POST", "/api/v1/renew", [&context](const Request& request, const Respond& respond) {
    renew(context, request, respond);
  });
  server.route("GET", "/api/v1/authority/state",
               [&context, news](const Request& request, const Respond& respond) {
                 state(context, *news, request, respond);
               });
}

}  // namespace selvedge::cloud
