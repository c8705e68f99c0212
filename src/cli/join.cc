#include "cli/join.h"

#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/api_client.h"
#include "crypto/crypto.h"
#include "crypto/est.h"
#include "crypto/private_key.h"
#include "identity/identity.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

std::string machine_name() {
  char buffer[256] = {};
  if (gethostname(buffer, sizeof buffer - 1) != 0) return {};
  const std::string_view name(buffer);
  return std::string(name.substr(0, name.find('.')));
}

// The cloud's CA, fetched without trust and then held against the token's fingerprint: a stranger
// in between can give us another CA, but not one with that fingerprint. During a rotation there are
// several; the token names the one that the cloud shows.
Result<std::string> fetch_authority(const std::string& cloud, const crypto::JoinToken& token,
                                    Session& session) {
  os::TlsConfig blind;
  blind.peer = os::TlsConfig::PeerCertificate::none;
  blind.tls13_only = true;
  net::http::Client client(session.world, {}, TRY(session.world.network().client_tls(blind)));
  const auto fetched = TRY(wait_for<Result<net::http::Fetched>>(session.world, [&](auto done) {
    client.fetch({"GET", cloud + "/api/v1/authority", {}, {}}, done);
  }));
  if (fetched.status != 200)
    return fail(Code::unavailable, cloud + ": answered " + std::to_string(fetched.status));
  for (const std::string& authority :
       TRY(base::while_doing("the cloud's CA", crypto::split_certificates(fetched.body))))
    if (crypto::equal_in_constant_time(TRY(crypto::fingerprint(authority)), token.authority))
      return authority;
  return fail(Code::denied, cloud +
                                ": its CA is not the one in the token; this is another cloud, the "
                                "token is from before the CA was changed, or somebody stands in "
                                "between");
}

}  // namespace

Result<int> join_fleet(const Arguments& arguments, Session& session) {
  if (!arguments.has("cloud") || !arguments.has("token"))
    return fail(Code::invalid_input, "--cloud and --token are needed");
  std::string cloud = arguments.text("cloud");
  while (cloud.ends_with('/')) cloud.pop_back();
  const std::string state = arguments.text("state", "/var/lib/selvedge/node");
  const std::string name = arguments.text("name", machine_name());
  if (!crypto::is_name(name))
    return fail(Code::invalid_input, "name '" + base::printable(name) +
                                         "': expected 1 to 64 of letters, digits, '.', '_', '-'");
  const auto token = TRY(crypto::parse_join_token(arguments.text("token")));
  if (!arguments.has("replace") && TRY(identity::load(session.world, state)))
    return fail(Code::conflict, state + " has joined a fleet already (--replace joins again)");

  identity::NodeIdentity joined;
  joined.name = name;
  joined.cloud_url = cloud;
  joined.authority = TRY(fetch_authority(cloud, token, session));
  joined.key = arguments.text("key");
  if (joined.key.empty()) joined.key = TRY(crypto::make_key());
  else if (!crypto::is_key_uri(joined.key))
    return fail(Code::invalid_input, "--key: expected a URI (pkcs11:..., store:...)");

  os::TlsConfig trusting;
  trusting.trusted = joined.authority;
  trusting.tls13_only = true;
  trusting.admit = identity::admit_cloud;
  net::http::Client client(session.world, {}, TRY(session.world.network().client_tls(trusting)));
  base::JsonWriter body;
  body.begin_object()
      .field("name", name)
      .field("token_id", token.id)
      .field("token_secret", token.secret)
      .field("csr", TRY(crypto::make_csr(joined.key, name)));
  body.key("hosts").begin_array();
  for (const std::string& host : arguments.list("hosts")) body.value(host);
  body.end_array().end_object();
  const auto fetched = TRY(wait_for<Result<net::http::Fetched>>(session.world, [&](auto done) {
    client.fetch({"POST", cloud + "/api/v1/join", {{"content-type", "application/json"}}, body.text()},
                 done);
  }));
  const auto answer = TRY(codec::json::parse(fetched.body));
  if (fetched.status != 201)
    return fail(fetched.status == 403 ? Code::denied : Code::unavailable,
                "join: " + answer["detail"].text("answered " + std::to_string(fetched.status)));
  joined.certificate = answer["certificate"].text();
  joined.authority = answer["authority"].text(joined.authority);
  joined.cloud_mqtt = answer["mqtt"].text();
  TRY(base::while_doing("join", crypto::check_pair(joined.certificate, joined.key)));
  TRY(identity::save(session.world, state, joined));

  base::JsonWriter json;
  json.begin_object().field("name", name).field("mqtt", joined.cloud_mqtt).field("state", state);
  json.end_object();
  if (session.out.json()) session.out.document(json.text());
  else session.out.line("joined as " + name + "; uplink to " + joined.cloud_mqtt);
  return 0;
}

}  // namespace selvedge::cli
