#include "base/json.h"
#include "base/text.h"
#include "cli/api_client.h"
#include "cli/commands.h"
#include "crypto/crypto.h"

namespace selvedge::cli {

using base::Result;

namespace {

Result<int> create_token(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  base::JsonWriter body;
  body.begin_object()
      .field("node", arguments.text("name"))
      .field("device", arguments.text("device"))
      .field("valid", arguments.text("valid", "1h"))
      .end_object();
  const std::string answer = TRY(api.request("POST", "/api/v1/tokens", body.take()));
  if (session.out.json()) session.out.document(answer);
  else session.out.line(TRY(codec::json::parse(answer))["token"].text());
  return 0;
}

// The key is made here and never leaves; the cloud sees a certificate request.
Result<int> create_certificate(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  const std::string name = arguments.positional[0], role = arguments.text("role", "device");
  const std::string key = TRY(crypto::make_key());
  base::JsonWriter body;
  body.begin_object()
      .field("role", role)
      .field("name", name)
      .field("valid", arguments.text("valid", "365d"))
      .field("csr", TRY(crypto::make_csr(key, name)))
      .end_object();
  const auto answer = TRY(api.post("/api/v1/certificates", body.take()));
  auto dir = TRY(session.world.directory(arguments.text("out", "."), true));
  TRY(os::write_file(*dir, name + ".key", base::as_bytes(key), os::Open::create_private));
  TRY(os::write_file(*dir, name + ".crt", base::as_bytes(answer["certificate"].text())));
  TRY(os::write_file(*dir, "ca.crt", base::as_bytes(answer["authority"].text())));
  base::JsonWriter json;
  json.begin_object()
      .field("certificate", dir->path() + "/" + name + ".crt")
      .field("key", dir->path() + "/" + name + ".key")
      .field("authority", dir->path() + "/ca.crt")
      .end_object();
  if (session.out.json()) session.out.document(json.text());
  else session.out.line("wrote " + name + ".crt, " + name + ".key and ca.crt into " + dir->path());
  return 0;
}

}  // namespace

std::vector<Command> identity_commands() {
  return {
      {"token", "create", "", 0, 0, "Make a one-time token with which a node joins or a device enrols.",
       "<id>.<secret>.<CA>: a device's EST client shows id and secret as user and password.",
       {"selvedge token create --valid 1h", "selvedge token create --name gateway-7",
        "selvedge token create --device boiler-7"},
       cloud_flags({{"name", "NODE", "Only a node of this name may use it.", "any"},
                    {"device", "DEVICE", "For the device of this name, to enrol by EST."},
                    {"valid", "DURATION", "How long it can be used.", "1h"}}),
       create_token},
      {"certificate", "create", "NAME", 1, 1, "Make a key and certificate for a device or operator.",
       "Writes NAME.key, NAME.crt and the fleet's ca.crt.",
       {"selvedge certificate create boiler-7 --out /etc/boiler",
        "selvedge certificate create alice --role operator"},
       cloud_flags({{"role", "ROLE", "device or operator.", "device"},
                    {"valid", "DURATION", "How long it is valid.", "365d"},
                    {"out", "DIR", "Where to write.", "."}}),
       create_certificate},
  };
}

}  // namespace selvedge::cli
