// Certificates that were issued, and the authorities that issue them.

#include "base/json.h"
#include "base/text.h"
#include "cli/api_client.h"
#include "cli/commands.h"
#include "crypto/crypto.h"

namespace selvedge::cli {

using base::Result;

namespace {

void print_status(const std::string& answer, Session& session) {
  if (session.out.json()) return session.out.document(answer);
  const auto status = codec::json::parse(answer);
  if (!status) return session.out.document(answer);
  std::vector<std::vector<std::string>> rows;
  for (const auto& authority : (*status)["authorities"].array())
    rows.push_back({authority["number"].print(), authority["phase"].text(),
                    authority["since"].text(), authority["until"].text(),
                    authority["fingerprint"].text().substr(0, 16), authority["key"].text()});
  session.out.table({"NUMBER", "PHASE", "SINCE", "UNTIL", "FINGERPRINT", "KEY"}, rows);
  session.out.line("");
  session.out.line("the cloud's own certificate: until " + (*status)["cloud_until"].text());
  if (rows.size() < 2) return;
  if ((*status)["authorities"].array().back()["phase"].text() == "announced") {
    session.out.line((*status)["nodes_unaware"].print() + " of " + (*status)["nodes"].print() +
                     " nodes have not heard of the new authority");
    return;
  }
  session.out.line((*status)["not_moved"].print() + " have not moved to the new authority:");
  rows.clear();
  for (const auto& holder : (*status)["holders"].array())
    rows.push_back({holder["role"].text(), holder["name"].text(), holder["until"].text(),
                    holder["serial"].text()});
  session.out.table({"ROLE", "NAME", "UNTIL", "SERIAL"}, rows);
}

Result<int> show(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  print_status(TRY(api.request("GET", "/api/v1/authority/status")), session);
  return 0;
}

Result<int> rotate(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  base::JsonWriter body;
  body.begin_object().field("key", arguments.text("key")).end_object();
  print_status(TRY(api.request("POST", "/api/v1/authority/rotate", body.take())), session);
  return 0;
}

Result<int> advance(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  print_status(TRY(api.request("POST", "/api/v1/authority/advance", "{}")), session);
  return 0;
}

Result<int> set_hosts(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  base::JsonWriter body;
  body.begin_object().key("hosts").begin_array();
  for (const std::string& host : arguments.positional) body.value(host);
  body.end_array().end_object();
  print_status(TRY(api.request("POST", "/api/v1/authority/hosts", body.take())), session);
  return 0;
}

Result<int> list(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  print_rows(session.out,
             TRY(api.request("GET", "/api/v1/certificates?role=" +
                                        encode_query(arguments.text("role")) +
                                        "&name=" + encode_query(arguments.text("name")))),
             {{"serial", "SERIAL"},
              {"role", "ROLE"},
              {"name", "NAME"},
              {"authority", "AUTHORITY"},
              {"until", "UNTIL"},
              {"revoked_at", "REVOKED"}});
  return 0;
}

Result<int> revoke(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  const std::string serial = arguments.positional[0];
  const std::string answer = TRY(
      api.request("POST", "/api/v1/certificates/" + encode_query(serial) + "/revoke", "{}"));
  if (session.out.json()) session.out.document(answer);
  else session.out.line("certificate " + serial + " is revoked");
  return 0;
}

// The operator's own certificate in --identity, and what to trust.
Result<int> renew(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  const std::string where = arguments.text("identity", "/var/lib/selvedge/cloud/identity");
  auto dir = TRY(session.world.directory(where, false));
  const base::Bytes old = TRY(os::read_file(*dir, "operator.key", 64 << 10));
  // For the key that is there: one file changes, and by one rename.
  const std::string key(base::as_text(old));
  base::JsonWriter body;
  body.begin_object().field("csr", TRY(crypto::make_csr(key, "operator"))).end_object();
  const auto answer = TRY(api.post("/api/v1/renew", body.take()));
  const std::string certificate = answer["certificate"].text();
  TRY(base::while_doing("renew", crypto::check_pair(certificate, key)));
  TRY(os::write_file(*dir, "operator.crt", base::as_bytes(certificate)));
  TRY(os::write_file(*dir, "ca.crt", base::as_bytes(answer["authority"].text())));
  const auto info = TRY(crypto::read_certificate(certificate));
  base::JsonWriter json;
  json.begin_object()
      .field("serial", info.serial)
      .field("until", base::to_iso8601(info.not_after))
      .end_object();
  if (session.out.json()) session.out.document(json.text());
  else session.out.line("renewed " + dir->path() + "/operator.crt: until " +
                        base::to_iso8601(info.not_after));
  return 0;
}

}  // namespace

std::vector<Command> authority_commands() {
  return {
      {"authority", "show", "", 0, 0,
       "Show the certificate authorities, and who has not moved to the newest.", {},
       {"selvedge authority show"}, cloud_flags(), show},
      {"authority", "rotate", "", 0, 0, "Announce a new certificate authority.",
       "It signs once every node has heard of it (or identity.announce has passed), and the old one "
       "is trusted until every certificate by it was renewed, revoked or has ended. Nothing is "
       "disconnected. `selvedge authority show` says how far it is.",
       {"selvedge authority rotate"},
       cloud_flags({{"key", "URI", "A key that a provider holds (pkcs11:...).", "a new one in a file"}}),
       rotate},
      {"authority", "advance", "", 0, 0, "Take the next step of a rotation now, ready or not.",
       "After `rotate` the new authority signs at once; after that the old one is trusted no more, "
       "and whoever `selvedge authority show` lists has to enrol anew. For a key that was lost to "
       "somebody else.",
       {"selvedge authority advance"}, cloud_flags(), advance},
      {"authority", "hosts", "HOST...", 1, 16, "Set the names and addresses of the cloud's certificate.",
       "A new certificate is made and shown from then on; open connections stay. Until the cloud "
       "starts again; write them into its hosts setting too.",
       {"selvedge authority hosts cloud.example 192.0.2.7"}, cloud_flags(), set_hosts},
      {"certificate", "list", "", 0, 0, "List certificates that were issued and have not ended.", {},
       {"selvedge certificate list --role device"},
       cloud_flags({{"role", "ROLE", "node, device, operator or cloud.", "any"},
                    {"name", "NAME", "Whose.", "any"}}),
       list},
      {"certificate", "revoke", "SERIAL", 1, 1,
       "Refuse a certificate from now on, and end what uses it.", {},
       {"selvedge certificate revoke 0f8c..."}, cloud_flags(), revoke},
      {"certificate", "renew", "", 0, 0, "Renew the operator's own certificate in --identity.",
       "For the same key; also brings ca.crt up to date.",
       {"selvedge certificate renew --identity ~/.selvedge"}, cloud_flags(), renew},
  };
}

}  // namespace selvedge::cli
