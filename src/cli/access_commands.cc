// Who is an operator, and the record of what was changed.

#include <algorithm>

#include "audit/seal.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/api_client.h"
#include "cli/commands.h"
#include "crypto/crypto.h"
#include "store/audit_record.h"
#include "os/file_at.h"

namespace selvedge::cli {

using base::Code;
using base::Result;

namespace {

constexpr std::string_view records_file = "records.ndjson", head_file = "head.json";
constexpr std::uint64_t most_exported = 1ULL << 30;

// ---- operators ----

Result<int> add_operator(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  base::JsonWriter body;
  body.begin_object()
      .field("name", arguments.positional[0])
      .field("role", arguments.text("role", "viewer"))
      .field("valid", arguments.has("no-token") ? "" : arguments.text("valid", "90d"))
      .end_object();
  const std::string answer = TRY(api.request("POST", "/api/v1/operators", body.take()));
  if (session.out.json()) {
    session.out.document(answer);
    return 0;
  }
  const auto added = TRY(codec::json::parse(answer));
  const std::string token = added["token"].text(), file = arguments.text("out");
  if (token.empty()) {
    session.out.line("operator " + added["name"].text() + " is a " + added["role"].text());
  } else if (file.empty()) {
    session.out.note("operator " + added["name"].text() + " is a " + added["role"].text() +
                     "; this token is shown once and is valid until " + added["expires"].text());
    session.out.line(token);
  } else {
    TRY(os::write_text(session.world, file, token + "\n", os::Open::create_private, os::Folder::made));
    session.out.line("wrote the token of " + added["name"].text() + " to " + file);
  }
  return 0;
}

Result<int> list_operators(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  const std::string answer = TRY(api.request("GET", "/api/v1/operators"));
  if (session.out.json()) {
    session.out.document(answer);
    return 0;
  }
  const auto operators = TRY(codec::json::parse(answer));
  std::vector<std::vector<std::string>> rows;
  for (const auto& of : operators.array()) {
    const std::string role = of["revoked"].boolean() ? "revoked" : of["role"].text();
    if (of["tokens"].array().empty()) rows.push_back({of["name"].text(), role, "", ""});
    for (const auto& token : of["tokens"].array())
      rows.push_back({of["name"].text(), role, token["id"].text(), token["expires"].text()});
  }
  session.out.table({"NAME", "ROLE", "TOKEN", "EXPIRES"}, rows);
  return 0;
}

Result<int> revoke_operator(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  const std::string& name = arguments.positional[0];
  const std::string token = arguments.text("token-id");
  std::string path = "/api/v1/operators/" + encode_query(name);
  if (!token.empty()) path += "/tokens/" + encode_query(token);
  const std::string answer = TRY(api.request("DELETE", path));
  if (session.out.json()) session.out.document(answer);
  else session.out.line(token.empty() ? "operator " + name + " is revoked"
                                      : "token " + token + " of " + name + " is revoked");
  return 0;
}

Result<int> who_am_i(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  const std::string answer = TRY(api.request("GET", "/api/v1/whoami"));
  if (session.out.json()) {
    session.out.document(answer);
    return 0;
  }
  const auto who = TRY(codec::json::parse(answer));
  session.out.line(who["who"].text() + ", " + who["role"].text("no operator") + ", from " +
                   who["from"].text());
  return 0;
}

// ---- the record ----

Result<int> list_audit(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::either(arguments, session));
  std::string target = "/api/v1/audit?limit=" +
                       std::to_string(TRY(arguments.integer("limit", 50, 1, 10'000)));
  for (const char* name : {"who", "action", "target", "from", "to"})
    if (arguments.has(name))
      target += "&" + std::string(name) + "=" + encode_query(arguments.text(name));
  const std::string answer = TRY(api.request("GET", target));
  if (session.out.json()) {
    session.out.document(answer);
    return 0;
  }
  const auto records = TRY(codec::json::parse(answer));
  std::vector<std::vector<std::string>> rows;
  for (const auto& record : records.array())
    rows.push_back({record["seq"].print(), record["at"].text(), record["who"].text(),
                    record["from"].text(), record["action"].text(), record["target"].text(),
                    base::printable(record["before"].text(), 40),
                    base::printable(record["after"].text(), 40)});
  session.out.table({"SEQ", "AT", "WHO", "FROM", "ACTION", "TARGET", "BEFORE", "AFTER"}, rows);
  return 0;
}

Result<int> export_audit(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::either(arguments, session));
  // The head first: what it vouches for must be in the records that follow.
  const std::string head = TRY(api.request("GET", "/api/v1/audit/head"));
  const std::string records = TRY(api.request("GET", "/api/v1/audit/export"));
  if (!arguments.has("out")) {
    std::string_view rest = records;
    if (session.out.json()) {
      base::JsonWriter json;
      json.begin_object().key("head").raw(head).key("records").begin_array();
      for (; !rest.empty(); rest.remove_prefix(std::min(rest.find('\n') + 1, rest.size())))
        json.raw(rest.substr(0, rest.find('\n')));
      session.out.document(json.end_array().end_object().take());
    } else {
      while (rest.ends_with('\n')) rest.remove_suffix(1);
      session.out.line(rest);
    }
    return 0;
  }
  auto dir = TRY(session.world.directory(arguments.text("out"), true));
  TRY(os::write_file(*dir, records_file, base::as_bytes(records), os::Open::create_private));
  TRY(os::write_file(*dir, head_file, base::as_bytes(head), os::Open::create_private));
  if (session.out.json()) session.out.document(head);
  else session.out.line("wrote " + std::string(records_file) + " and " + std::string(head_file) +
                        " into " + arguments.text("out"));
  return 0;
}

// An export, without asking anybody.
Result<store::AuditVerdict> verify_export(const Arguments& arguments, Session& session) {
  auto dir = TRY(session.world.directory(arguments.text("from-dir"), false));
  const auto records = TRY(os::read_file(*dir, records_file, most_exported));
  const auto head_text = TRY(os::read_file(*dir, head_file, store::most_audit_line));
  const store::AuditHead head = TRY(store::read_audit_head(base::as_text(head_text)));
  store::AuditChain chain(head);
  if (arguments.has("ca")) {
    const std::string trusted = TRY(os::read_text(session.world, arguments.text("ca"), 1 << 20));
    const std::string signer = arguments.text("signer", crypto::role_uri(crypto::Role::cloud, "cloud"));
    if (const auto checked = audit::check_voucher(head.signed_text(), head.signature,
                                                  trusted, signer);
        !checked)
      chain.fault(head.seq, "head: " + checked.error().message);
  }
  std::string_view rest = base::as_text(records);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    chain.line(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return chain.finish();
}

Result<int> verify_audit(const Arguments& arguments, Session& session) {
  std::string answer;
  if (arguments.has("from-dir")) {
    answer = store::write_audit_verdict(TRY(verify_export(arguments, session)));
  } else {
    auto api = TRY(ApiClient::either(arguments, session));
    answer = TRY(api.request("GET", "/api/v1/audit/verify"));
  }
  const auto verdict = TRY(codec::json::parse(answer));
  const bool whole = verdict["whole"].boolean();
  if (session.out.json()) {
    session.out.document(answer);
  } else if (whole) {
    session.out.line("whole: records " + verdict["first"].print() + " to " + verdict["last"].print() +
                     ", the last vouched for is " + verdict["covered"].print());
  } else {
    for (const auto& fault : verdict["faults"].array())
      session.out.line("record " + fault["seq"].print() + ": " + fault["what"].text());
  }
  if (whole) return 0;
  if (!session.out.json()) session.out.note("the record is not as it was written");
  return base::exit_status(Code::corrupt);
}

}  // namespace

std::vector<Command> access_commands() {
  return {
      {"operator", "add", "NAME", 1, 1, "Make an operator, or give one another role, and a token.",
       "A viewer reads; an operator also changes what runs (twins, artifacts); an admin also changes "
       "who may (operators, certificates, keys, nodes). The role counts for certificates with this "
       "name too. The token is shown once; use it with --token-file or SELVEDGE_TOKEN.",
       {"selvedge operator add alice --role operator --out alice.token",
        "selvedge operator add dashboard --valid 365d", "selvedge operator add bob --role admin --no-token"},
       cloud_flags({{"role", "ROLE", "viewer, operator or admin.", "viewer"},
                    {"valid", "DURATION", "How long the token is valid.", "90d"},
                    {"no-token", "", "No token: a certificate will do."},
                    {"out", "FILE", "Write the token there instead of printing it."}}),
       add_operator},
      {"operator", "list", "", 0, 0, "List operators and their tokens.", {}, {"selvedge operator list"},
       cloud_flags(), list_operators},
      {"operator", "revoke", "NAME", 1, 1, "Refuse an operator's tokens and certificates from now on.",
       {}, {"selvedge operator revoke alice", "selvedge operator revoke alice --token-id 1f0c2b3a4d5e"},
       cloud_flags({{"token-id", "ID", "Only this token.", "all"}}), revoke_operator},
      {"operator", "whoami", "", 0, 0, "Say who the cloud takes you for.", {}, {"selvedge operator whoami"},
       cloud_flags(), who_am_i},
      {"audit", "list", "", 0, 0, "List what was changed, the newest first.", {},
       {"selvedge audit list --cloud https://cloud:8443 --limit 20",
        "selvedge audit list --node http://127.0.0.1:8080 --who local"},
       either_flags({{"who", "WHO", "operator:alice, node:edge-1, local.", "anybody"},
                     {"action", "TEXT", "What its action begins with.", "any"},
                     {"target", "TEXT", "What its target begins with.", "any"},
                     {"from", "TIME", "Not before."},
                     {"to", "TIME", "Before."},
                     {"limit", "N", "How many.", "50"}}),
       list_audit},
      {"audit", "verify", "", 0, 0, "Say whether the record is as it was written.",
       "Finds a record that was changed, removed, put in or moved, and an end that was cut off. Exits "
       "with the status for damage if so. With --from-dir an export is checked here, and with --ca "
       "who vouched for it.",
       {"selvedge audit verify --cloud https://cloud:8443",
        "selvedge audit verify --from-dir audit --ca ca.crt"},
       either_flags({{"from-dir", "DIR", "An export."},
                     {"ca", "FILE", "Authorities whose certificates may vouch for it."},
                     {"signer", "URI", "Who must have vouched.", "urn:selvedge:cloud:cloud"}}),
       verify_audit},
      {"audit", "export", "", 0, 0, "Print or save the whole record.",
       "A line of JSON a record, as it stands: the SHA-256 of each line is \"previous\" in the next.",
       {"selvedge audit export --cloud https://cloud:8443 --out audit"},
       either_flags({{"out", "DIR", "Write records.ndjson and head.json there."}}), export_audit},
  };
}

}  // namespace selvedge::cli
