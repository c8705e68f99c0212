// The HTTP paths that devices use (posting readings), and those that manage devices.

#include "audit/trail.h"
#include "base/json.h"
#include "base/text.h"
#include "codec/json/value.h"
#include "net/api/query_request.h"
#include "node/api.h"

namespace selvedge::node {

using base::Code;
using base::JsonWriter;
using base::Result;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

Credentials credentials_of(const Request& request) {
  Credentials c;
  if (request.peer != nullptr) {
    c.loopback = request.peer->loopback;
    c.encrypted = request.peer->encrypted;
    c.common_name = request.peer->common_name;
    c.uris = request.peer->uris;
    c.address = request.peer->address;
  }
  const std::string_view header = request.header("authorization");
  if (header.starts_with("Basic ")) {
    if (const auto decoded = base::from_base64(header.substr(6))) {
      const std::string_view pair = base::as_text(*decoded);
      const std::size_t colon = pair.find(':');
      if (colon != std::string_view::npos) {
        c.has_name = c.has_password = true;
        c.name = pair.substr(0, colon);
        c.password = pair.substr(colon + 1);
      }
    }
  }
  c.fallback = request.parameter("device").value_or("http");
  return c;
}

namespace {

void store_readings(ApiContext& context, const Request& request, const std::string& device,
                    const Respond& respond) {
  codec::payload::Options options;
  const std::string_view format = net::api::payload_format(request);
  if (!format.empty()) {
    const auto parsed = codec::payload::parse_format(format);
    if (!parsed) return respond(Response::problem(parsed.error()));
    options.format = *parsed;
  }
  // Readings that carry a name next to their value: {"name":"temp","ts":...,"value":21.5}.
  options.name_field = request.parameter("name_field").value_or("name");
  options.text_values = true;
  IncomingMessage message;
  message.source = "POST /api/v1/readings";
  message.client = message.device = device;
  message.payload = base::as_bytes(request.body);
  const auto count = context.ingest.payload(message, request.parameter("prefix").value_or(""), options);
  if (!count) {
    Response refused = Response::problem(count.error());
    if (count.error().code == Code::exhausted) refused.headers.emplace_back("Retry-After", "5");
    return respond(std::move(refused));
  }
  context.commit([respond, count = *count] {
    JsonWriter json;
    json.begin_object().field("readings", static_cast<std::uint64_t>(count)).end_object();
    respond(Response::json(json.take()));
  });
}

void list_devices(ApiContext& context, const Respond& respond) {
  const auto sessions = context.mqtt.sessions(100'000);
  JsonWriter json;
  json.begin_array();
  for (const DeviceInfo& device : context.devices.list()) {
    bool connected = false;
    for (const auto& session : sessions)
      connected = connected || (session.connected && session.device == device.name);
    json.begin_object()
        .field("name", device.name)
        .field("how", device.how)
        .field("connected", connected)
        .field("disabled", device.disabled)
        .field("messages", device.messages)
        .field("readings", device.readings)
        .field("first_seen", base::to_iso8601(device.first_seen))
        .field("last_seen", base::to_iso8601(device.last_seen))
        .end_object();
  }
  respond(Response::json(json.end_array().take()));
}

void add_device(ApiContext& context, const Request& request, const Respond& respond) {
  const auto body = codec::json::parse(request.body, 64 << 10);
  if (!body) return respond(Response::problem(body.error()));
  context.devices.set_password((*body)["name"].text(), (*body)["password"].text(),
                               [respond](const Result<void>& added) {
                                 if (!added) return respond(Response::problem(added.error()));
                                 respond(Response::json("{}", 201));
                               });
}

net::api::Change describe_new_device(const Request& request) {
  const auto body = codec::json::parse(request.body, 64 << 10);
  return {"device.set-password", body ? base::printable((*body)["name"].text()) : "", "", ""};
}

// "device.disable" for POST /api/v1/devices/NAME/disable, "device.remove" for a DELETE.
net::api::Change describe_device_change(const Request& request) {
  const std::string rest = request.path.substr(std::string_view("/api/v1/devices/").size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string verb = slash < rest.size() ? rest.substr(slash + 1) : "remove";
  return {"device." + base::printable(verb), base::printable(rest.substr(0, slash)), "", ""};
}

void change_device(ApiContext& context, const Request& request, const Respond& respond) {
  std::string_view rest = request.path;
  rest.remove_prefix(std::string_view("/api/v1/devices/").size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string name(rest.substr(0, slash));
  const std::string_view verb = rest.substr(slash);
  Result<void> outcome;
  if (request.method == "DELETE" && verb.empty()) outcome = context.devices.remove(name);
  else if (request.method == "POST" && verb == "/disable")
    outcome = context.devices.set_disabled(name, true);
  else if (request.method == "POST" && verb == "/enable")
    outcome = context.devices.set_disabled(name, false);
  else
    outcome = base::fail(Code::not_found, "DELETE /api/v1/devices/NAME, POST .../disable, .../enable");
  if (!outcome) return respond(Response::problem(outcome.error()));
  if (verb != "/enable") context.mqtt.kick_device(name, codec::mqtt::Reason::administrative_action);
  respond(Response::json("{}"));
}

}  // namespace

void add_ingest_routes(net::http::Server& server, ApiContext& context) {
  server.route("POST", "/api/v1/readings", [&context](Request request, Respond respond) {
    Credentials credentials = credentials_of(request);
    request.peer = nullptr;   // the answer may come after the connection is gone
    context.devices.admit(
        std::move(credentials),
        [&context, request = std::move(request), respond](const Result<std::string>& device) {
          if (!device) {
            if (device.error().code == Code::exhausted) return respond(net::api::refusal(device.error()));
            Response refused = Response::problem(device.error());
            refused.status = 401;
            refused.headers.emplace_back("WWW-Authenticate", "Basic realm=\"selvedge\"");
            return respond(std::move(refused));
          }
          store_readings(context, request, *device, respond);
        });
  });
}

void add_device_routes(net::http::Server& server, ApiContext& context) {
  using net::api::Caller;
  using net::api::Right;
  server.route("GET", "/api/v1/devices",
               net::api::require(context.identify, Right::view,
                                 [&context](const Caller&, const Request&, const Respond& respond) {
                                   list_devices(context, respond);
                                 }));
  // Who may come in is changed only once that is on record.
  const auto changing = [&](const char* method, const char* path, auto describe, auto change) {
    server.route(method, path,
                 net::api::require(context.identify, Right::administer,
                                   audit::recorded(context.audit_first, describe,
                                                   [&context, change](const Caller&, const Request& request,
                                                                      const Respond& respond) {
                                                     change(context, request, respond);
                                                   })));
  };
  changing("POST", "/api/v1/devices", describe_new_device, add_device);
  for (const char* method : {"POST", "DELETE"})
    changing(method, "/api/v1/devices/*", describe_device_change, change_device);
}

}  // namespace selvedge::node
