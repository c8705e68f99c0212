#include "cloud/est.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "cloud/join.h"
#include "crypto/est.h"

namespace selvedge::cloud {

using base::Code;
using base::Result;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

namespace {

constexpr std::string_view certificates_type = "application/pkcs7-mime; smime-type=certs-only";

// RFC 4648 base64 in lines, as `openssl base64` reads and writes it.
std::string in_lines(base::BytesView bytes) {
  const std::string text = base::to_base64(bytes);
  std::string lines;
  for (std::size_t at = 0; at < text.size(); at += 64) lines += text.substr(at, 64) + '\n';
  return lines;
}

Response encoded(std::string_view type, base::BytesView bytes) {
  Response response = Response::text(in_lines(bytes));
  response.content_type = type;
  response.headers.emplace_back("content-transfer-encoding", "base64");
  return response;
}

Response certificates(const std::string& pem) {
  const auto der = crypto::certificates_only(pem);
  return der ? encoded(certificates_type, *der) : Response::problem(der.error());
}

// EST clients show a plain sentence to their users, so errors are text.
Response refusal(const base::Error& why) {
  Response response = Response::text(why.message + "\n", base::http_status(why.code));
  if (why.code == Code::denied) {
    response.status = 401;
    response.headers.emplace_back("www-authenticate", "Basic realm=\"selvedge est\", charset=\"UTF-8\"");
  }
  return response;
}

struct Basic {
  std::string user, password;
};

Result<Basic> read_basic(std::string_view header) {
  constexpr std::string_view scheme = "basic ";
  const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
  if (header.size() < scheme.size() ||
      !std::ranges::equal(header.substr(0, scheme.size()), scheme, same))
    return base::fail(Code::denied,
                      "show a token (HTTP Basic: its id and secret) or a certificate");
  const auto decoded = base::from_base64(header.substr(scheme.size()));
  const std::string text = decoded ? std::string(base::as_text(*decoded)) : "";
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos)
    return base::fail(Code::denied, "the Authorization header is not <token id>:<secret>");
  return Basic{text.substr(0, colon), text.substr(colon + 1)};
}

struct Posted {
  std::string csr;
  crypto::RequestInfo info;
};

Result<Posted> read_posted(const Request& request) {
  const std::string_view type = request.header("content-type");
  if (!type.empty() && !type.starts_with("application/pkcs10"))
    return base::fail(Code::invalid_input, "content-type: expected application/pkcs10");
  Posted posted;
  posted.csr = TRY(crypto::read_posted_request(request.body));
  posted.info = TRY(crypto::read_request(posted.csr));
  return posted;
}

void issue(ApiContext& context, const Posted& posted, crypto::Role role, const std::string& name,
           const Respond& respond) {
  CertificateOrder order{posted.csr, role, name, {}, validity_of(context.config, role)};
  if (role == crypto::Role::node) {
    std::vector<std::string> asked = posted.info.dns_names;
    asked.insert(asked.end(), posted.info.addresses.begin(), posted.info.addresses.end());
    auto hosts = node_hosts(asked, name, context.authority.options().hosts);
    if (!hosts) return respond(refusal(hosts.error()));
    order.hosts = std::move(*hosts);
  }
  enrol(context, std::move(order), [respond](Result<Issued> issued) {
    respond(issued ? certificates(issued->certificate) : refusal(issued.error()));
  });
}

void enrol_by_token(ApiContext& context, const Request& request, const Posted& posted,
                    const Respond& respond) {
  const auto basic = read_basic(request.header("authorization"));
  if (!basic) return respond(refusal(basic.error()));
  const std::string name = posted.info.common_name;
  use_token(context, net::api::caller_of(request.peer).from, basic->user, basic->password, name,
            [&context, posted, name, respond](Result<crypto::Role> role) {
              if (!role) {
                base::log::warn("identity", "enrolment refused",
                                {{"name", name}, {"why", role.error()}});
                return respond(refusal(role.error()));
              }
              issue(context, posted, *role, name, respond);
            });
}

void simple_enrol(ApiContext& context, const Request& request, const Respond& respond) {
  const auto posted = read_posted(request);
  if (!posted) return respond(refusal(posted.error()));
  const std::string& name = posted->info.common_name;
  if (!crypto::is_name(name))
    return respond(refusal({Code::invalid_input,
                            "the request's common name is no name here: expected 1 to 64 of "
                            "letters, digits, '.', '_', '-'"}));
  if (!request.header("authorization").empty())
    return enrol_by_token(context, request, *posted, respond);
  const net::api::Caller caller = context.caller(request).value_or(net::api::Caller{});
  using Kind = net::api::Caller::Kind;
  if (caller.kind == Kind::operator_ && caller.may(net::api::Right::administer)) {
    if (context.audit)
      context.audit(caller, {"certificate.issue", "device:" + name, "", ""});
    return issue(context, *posted, crypto::Role::device, name, respond);
  }
  if (caller.is(Kind::device, name)) return issue(context, *posted, crypto::Role::device, name, respond);
  if (caller.is(Kind::node, name)) return issue(context, *posted, crypto::Role::node, name, respond);
  respond(refusal({Code::denied, "show a token for this name (HTTP Basic: its id and secret), an "
                                 "operator's certificate, or the present certificate of this name"}));
}

void simple_reenrol(ApiContext& context, const Request& request, const Respond& respond) {
  const auto posted = read_posted(request);
  if (!posted) return respond(refusal(posted.error()));
  const bool shown = request.peer != nullptr && !request.peer->uris.empty();
  if (!shown)
    return respond(refusal({Code::denied, "show the present certificate in the TLS handshake"}));
  const auto present = crypto::role_of(request.peer->uris);
  if (!present || present->role == crypto::Role::cloud)
    return respond(refusal({Code::denied, "the certificate is not one that is renewed here"}));
  if (posted->info.common_name != present->name)
    return respond(refusal({Code::invalid_input,
                            "the request's subject must be that of the present certificate: CN=" +
                                present->name}));
  const std::string uri = crypto::role_uri(present->role, present->name);
  if (std::ranges::any_of(posted->info.uris, [&](const std::string& u) { return u != uri; }))
    return respond(refusal({Code::invalid_input,
                            "the request's alternative names must be those of the present "
                            "certificate"}));
  issue(context, *posted, present->role, present->name, respond);
}

}  // namespace

void add_est_routes(net::http::Server& server, ApiContext& context) {
  server.route("GET", "/.well-known/est/cacerts",
               [&context](const Request&, const Respond& respond) {
                 respond(certificates(context.authority.trust()));
               });
  server.route("GET", "/.well-known/est/csrattrs", [](const Request&, const Respond& respond) {
    respond(encoded("application/csrattrs", crypto::request_attributes()));
  });
  server.route("POST", "/.well-known/est/simpleenroll",
               [&context](const Request& request, const Respond& respond) {
                 simple_enrol(context, request, respond);
               });
  server.route("POST", "/.well-known/est/simplereenroll",
               [&context](const Request& request, const Respond& respond) {
                 simple_reenrol(context, request, respond);
               });
}

}  // namespace selvedge::cloud
