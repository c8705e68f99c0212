#include "base/json.h"
#include "base/text.h"
#include "cli/api_client.h"
#include "cli/commands.h"
#include "crypto/crypto.h"

namespace selvedge::cli {

using base::Result;

namespace {

Result<int> list(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::node(arguments, session));
  print_rows(session.out, TRY(api.request("GET", "/api/v1/devices")),
             {{"name", "NAME"},
              {"how", "BY"},
              {"connected", "CONNECTED"},
              {"disabled", "DISABLED"},
              {"messages", "MESSAGES"},
              {"readings", "READINGS"},
              {"last_seen", "LAST SEEN"}});
  return 0;
}

Result<int> add(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::node(arguments, session));
  std::string password = arguments.text("password");
  const bool made = password.empty();
  if (made) {
    std::array<std::uint8_t, 15> random;
    crypto::random(random);
    password = base::to_base64(random);
  }
  base::JsonWriter body;
  body.begin_object().field("name", arguments.positional[0]).field("password", password).end_object();
  TRY(api.request("POST", "/api/v1/devices", body.take()));
  base::JsonWriter json;
  json.begin_object().field("name", arguments.positional[0]);
  if (made) json.field("password", password);
  json.end_object();
  if (session.out.json()) session.out.document(json.text());
  else if (made) session.out.line("password: " + password);
  return 0;
}

Result<int> change(const Arguments& arguments, Session& session, const char* method,
                   const std::string& suffix, const char* said) {
  auto api = TRY(ApiClient::node(arguments, session));
  TRY(api.request(method, "/api/v1/devices/" + encode_query(arguments.positional[0]) + suffix,
                  std::string_view(method) == "POST" ? "{}" : ""));
  if (session.out.json()) session.out.document("{}");
  else session.out.line("device " + arguments.positional[0] + " is " + said);
  return 0;
}

}  // namespace

std::vector<Command> device_commands() {
  return {
      {"device", "list", "", 0, 0, "List the devices a node knows.", {}, {"selvedge device list"},
       node_flags(), list},
      {"device", "add", "NAME", 1, 1, "Let a device in by password; prints one if none is given.", {},
       {"selvedge device add boiler-7"},
       node_flags({{"password", "TEXT", "At least 8 characters.", "a random one"}}), add},
      {"device", "remove", "NAME", 1, 1, "Forget a device and its password.", {},
       {"selvedge device remove boiler-7"}, node_flags(),
       [](const Arguments& a, Session& s) { return change(a, s, "DELETE", "", "removed"); }},
      {"device", "disable", "NAME", 1, 1, "Refuse a device, whatever it shows.", {},
       {"selvedge device disable boiler-7"}, node_flags(),
       [](const Arguments& a, Session& s) { return change(a, s, "POST", "/disable", "disabled"); }},
      {"device", "enable", "NAME", 1, 1, "Let a disabled device in again.", {},
       {"selvedge device enable boiler-7"}, node_flags(),
       [](const Arguments& a, Session& s) { return change(a, s, "POST", "/enable", "enabled"); }},
  };
}

}  // namespace selvedge::cli
