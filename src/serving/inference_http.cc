#include "serving/inference_http.h"

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "base/text.h"
#include "base/version.h"
#include "codec/json/value.h"
#include "serving/inference_call.h"
#include "serving/model_path.h"

namespace selvedge::serving {

using base::Code;
using base::Error;
using base::JsonWriter;
using base::Result;
using net::api::Caller;
using net::api::Right;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

namespace {

constexpr std::string_view models_root = "/v2/models/", repository_root = "/v2/repository/models/";

// The protocol's form of an error.
Response in_form(Response response) {
  if (response.content_type != "application/problem+json") return response;
  const auto problem = codec::json::parse(response.body, 64 << 10);
  response.body = codec::inference::encode_error(problem ? (*problem)["detail"].text() : "");
  response.content_type = "application/json";
  return response;
}

Respond in_form(Respond respond) {
  return [respond = std::move(respond)](Response response) { respond(in_form(std::move(response))); };
}

using Inner = std::function<void(const Caller&, Request, Respond)>;

net::http::Handler guarded(const InferenceApi& api, Inner inner) {
  return [handler = net::api::identified(api.identify, std::move(inner))](Request request, Respond respond) {
    handler(std::move(request), in_form(std::move(respond)));
  };
}

net::http::Handler for_askers(const InferenceApi& api, Inner inner) {
  return guarded(api, [inner = std::move(inner)](const Caller& caller, Request request, Respond respond) {
    if (const auto may = may_ask(caller); !may) return respond(Response::problem(may.error()));
    inner(caller, std::move(request), std::move(respond));
  });
}

// ---- metadata ----

void write_values(JsonWriter& json, std::string_view key, const std::vector<infer::ValueInfo>& values) {
  json.key(key).begin_array();
  for (const infer::ValueInfo& value : values) {
    json.begin_object().field("name", value.name).field("datatype", codec::inference::datatype_of(value.type));
    json.key("shape").begin_array();
    for (const std::int64_t dimension : value.shape) json.value(dimension);
    json.end_array().end_object();
  }
  json.end_array();
}

Response server_metadata(const InferenceApi& api) {
  JsonWriter json;
  json.begin_object().field("name", api.server).field("version", api.version.empty() ? std::string(base::version) : api.version);
  json.key("extensions").begin_array();
  for (const char* extension : {"binary_tensor_data", "classification", "model_repository", "statistics", "picture_bytes"})
    json.value(extension);
  return Response::json(json.end_array().end_object().take());
}

Response model_metadata(const InferenceApi& api, const ModelPath& path) {
  const auto pipeline = api.models.find(path.name, path.version);
  if (!pipeline) return Response::problem(pipeline.error());
  const infer::Task task = (*pipeline)->description().task;
  JsonWriter json;
  json.begin_object().field("name", path.name).key("versions").begin_array();
  for (const ModelStatus& status : api.models.list())
    if (status.key.name == path.name && status.state == ModelState::serving) json.value(std::to_string(status.key.version));
  json.end_array().field("platform", "onnxruntime_onnx");
  write_values(json, "inputs", (*pipeline)->session().inputs());
  write_values(json, "outputs", (*pipeline)->session().outputs());
  json.key("parameters").begin_object().field("task", infer::name_of(task)).end_object();
  if (takes_pictures(task)) {
    json.key("picture").begin_object();
    write_values(json, "inputs", {{"picture", infer::ElementType::text, {1}}});
    write_values(json, "outputs", picture_outputs(task));
    json.end_object();
  }
  return Response::json(json.end_object().take());
}

Response model_ready(const InferenceApi& api, const ModelPath& path) {
  const auto key = api.models.resolve(path.name, path.version);
  if (!key && key.error().code == Code::not_found) return Response::problem(key.error());
  JsonWriter json;
  json.begin_object().field("name", path.name).field("ready", key.has_value());
  if (!key) json.field("error", key.error().message);
  return Response::json(json.end_object().take(), key ? 200 : 503);
}

Response server_ready(const InferenceApi& api) {
  Result<void> ready = api.ready ? api.ready() : Result<void>();
  // A version that failed waits for nothing; one that loads will soon answer.
  if (ready)
    for (const ModelStatus& status : api.models.list())
      if (status.state == ModelState::loading)
        ready = base::fail(Code::unavailable, "model " + status.key.name + " version " +
                                                  std::to_string(status.key.version) + " is loading");
  if (!ready) return in_form(Response::problem(503, "unavailable", ready.error().message));
  return Response::json("{\"live\":true,\"ready\":true}");
}

void write_statistics(JsonWriter& json, const ModelStatus& status) {
  json.begin_object()
      .field("name", status.key.name)
      .field("version", std::to_string(status.key.version))
      .field("inference_count", status.requests - std::min(status.requests, status.failures))
      .field("execution_count", status.requests)
      .field("failure_count", status.failures)
      .field("waiting", static_cast<std::uint64_t>(status.waiting))
      .field("running", static_cast<std::uint64_t>(status.running))
      .end_object();
}

Response statistics(const InferenceApi& api, const std::string& name, std::uint64_t version) {
  JsonWriter json;
  json.begin_object().key("model_stats").begin_array();
  bool any = name.empty();
  for (const ModelStatus& status : api.models.list()) {
    if (!name.empty() && (status.key.name != name || (version != 0 && status.key.version != version))) continue;
    write_statistics(json, status);
    any = true;
  }
  if (!any) return Response::problem({Code::not_found, "there is no model " + base::printable(name, 64)});
  return Response::json(json.end_array().end_object().take());
}

void get_model(const InferenceApi& api, const Request& request, const Respond& respond) {
  const std::string_view rest = std::string_view(request.path).substr(models_root.size());
  if (rest == "stats") return respond(statistics(api, "", 0));
  const auto path = parse_model_path(rest);
  if (!path) return respond(Response::problem(path.error()));
  if (path->verb.empty()) return respond(model_metadata(api, *path));
  if (path->verb == "ready") return respond(model_ready(api, *path));
  if (path->verb == "stats") return respond(statistics(api, path->name, path->version));
  if (path->verb == "infer") return respond(Response::problem(405, "invalid-input", "inference is asked for with POST"));
  respond(Response::problem({Code::not_found, "there is nothing at " + base::printable(request.path)}));
}

// ---- inference ----

Result<std::optional<std::size_t>> header_bytes(const Request& request) {
  const std::string_view text = request.header("inference-header-content-length");
  if (text.empty()) return std::optional<std::size_t>();
  std::size_t bytes = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (error != std::errc() || end != text.data() + text.size())
    return base::fail(Code::invalid_input, "Inference-Header-Content-Length: expected a number of bytes");
  return std::optional<std::size_t>(bytes);
}

void infer_model(InferenceApi& api, Request request, const Respond& respond) {
  const auto path = parse_model_path(std::string_view(request.path).substr(models_root.size()));
  if (!path) return respond(Response::problem(path.error()));
  if (path->verb != "infer")
    return respond(Response::problem({Code::not_found, "there is nothing at " + base::printable(request.path)}));
  const std::string_view encoding = request.header("content-encoding");
  if (!encoding.empty() && encoding != "identity")
    return respond(Response::problem(415, "invalid-input", "Content-Encoding " + base::printable(encoding, 32) +
                                                               ": requests are taken as they are only"));
  const auto header = header_bytes(request);
  if (!header) return respond(Response::problem(header.error()));
  const auto call = std::make_shared<InferenceCall>(InferenceCall{std::move(request.body), *header, {}});
  Models::Work work{path->name, path->version, Models::WhenFull::refuse,
                    [call](const infer::Pipeline& pipeline, const ModelKey& key) {
                      return answer_call(pipeline, key.name, key.version, *call);
                    }};
  api.models.run(std::move(work), [call, respond](const Result<Ran>& ran) {
    if (!ran) return respond(refusal(ran.error()));
    Response answer = Response::json(std::move(call->answer.body));
    if (call->answer.header_bytes) {
      answer.content_type = "application/octet-stream";
      answer.headers.emplace_back("Inference-Header-Content-Length", std::to_string(*call->answer.header_bytes));
    }
    respond(std::move(answer));
  });
}

// ---- repository ----

std::string_view repository_state(ModelState state) {
  switch (state) {
    case ModelState::loading: return "LOADING";
    case ModelState::serving: return "READY";
    case ModelState::failed: return "UNAVAILABLE";
    case ModelState::leaving: return "UNLOADING";
  }
  return "UNKNOWN";
}

void list_repository(const InferenceApi& api, const Request& request, const Respond& respond) {
  bool ready_only = false;
  if (!request.body.empty()) {
    const auto asked = codec::json::parse(request.body, 64 << 10);
    if (!asked || !asked->is_object())
      return respond(Response::problem({Code::invalid_input, "expected an object: {\"ready\": true} or {}"}));
    ready_only = (*asked)["ready"].boolean();
  }
  JsonWriter json;
  json.begin_array();
  for (const ModelStatus& status : api.models.list()) {
    if (ready_only && status.state != ModelState::serving) continue;
    json.begin_object()
        .field("name", status.key.name)
        .field("version", std::to_string(status.key.version))
        .field("state", repository_state(status.state))
        .field("reason", status.reason)
        .end_object();
  }
  respond(Response::json(json.end_array().take()));
}

void change_repository(const InferenceApi& api, const Caller& caller, const Request& request, const Respond& respond) {
  if (!caller.may(Right::operate))
    return respond(Response::problem({Code::denied, caller.text() + " may not: this needs the role operator"}));
  const auto path = parse_model_path(std::string_view(request.path).substr(repository_root.size()));
  if (!path) return respond(Response::problem(path.error()));
  const auto& change = path->verb == "load" ? api.load : api.unload;
  if ((path->verb != "load" && path->verb != "unload") || path->version != 0)
    return respond(Response::problem({Code::not_found, "expected /v2/repository/models/NAME/load or /unload"}));
  if (!change)
    return respond(Response::problem({Code::conflict, "models come and go by signed artifacts and wishes only"}));
  if (api.audit) api.audit(caller, {"model." + path->verb, path->name, "", ""});
  change(path->name, [respond](const Result<void>& done) {
    respond(done ? Response::json("{}") : Response::problem(done.error()));
  });
}

}  // namespace

Result<void> may_ask(const Caller& caller) {
  if (caller.may(Right::view) || caller.kind == Caller::Kind::device) return {};
  return base::fail(Code::denied, caller.text() + " may not ask models: an operator's certificate or token, or a "
                                                  "device's certificate, is needed");
}

Response refusal(const Error& why) {
  Response response = Response::problem(why);
  if (why.code == Code::exhausted) response.headers.emplace_back("Retry-After", "1");
  return response;
}

void add_inference_routes(net::http::Server& server, InferenceApi& api) {
  const auto plain = [](std::function<Response()> answer) {
    return [answer = std::move(answer)](const Request&, const Respond& respond) { respond(answer()); };
  };
  server.route("GET", "/v2", for_askers(api, [&api](const Caller&, const Request&, const Respond& respond) {
                 respond(server_metadata(api));
               }));
  server.route("GET", "/v2/health/live", plain([] { return Response::json("{\"live\":true}"); }));
  server.route("GET", "/v2/health/ready", plain([&api] { return server_ready(api); }));
  server.route("GET", "/v2/models/*", for_askers(api, [&api](const Caller&, const Request& request, const Respond& respond) {
                 get_model(api, request, respond);
               }));
  server.route("POST", "/v2/models/*", for_askers(api, [&api](const Caller&, Request request, const Respond& respond) {
                 infer_model(api, std::move(request), respond);
               }));
  server.route("POST", "/v2/repository/index",
               for_askers(api, [&api](const Caller&, const Request& request, const Respond& respond) {
                 list_repository(api, request, respond);
               }));
  server.route("POST", "/v2/repository/models/*",
               guarded(api, [&api](const Caller& caller, const Request& request, const Respond& respond) {
                 change_repository(api, caller, request, respond);
               }));
  server.route("*", "/v2/*", [](const Request& request, const Respond& respond) {
    respond(in_form(Response::problem({Code::not_found, "there is nothing at " + request.method + " " +
                                                            base::printable(request.path)})));
  });
}

}  // namespace selvedge::serving
