#include "camera/camera_routes.h"

#include <map>
#include <utility>

#include "base/text.h"
#include "camera/camera_json.h"
#include "camera/picture_stream.h"
#include "codec/image/image.h"
#include "codec/mjpeg/stream_writer.h"
#include "net/http/head_writer.h"
#include "serving/inference_http.h"

namespace selvedge::camera {

using base::Code;
using base::Error;
using base::fail;
using base::Result;
using net::api::Caller;
using net::api::Right;
using net::http::BodyWriter;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

namespace {

constexpr std::string_view root = "/api/v1/cameras/";

struct Path {
  std::string_view camera, part;                   // "", "picture", "stream"
};

Path path_of(const Request& request) {
  const std::string_view rest = std::string_view(request.path).substr(root.size());
  const std::size_t slash = rest.find('/');
  if (slash == rest.npos) return {rest, {}};
  return {rest.substr(0, slash), rest.substr(slash + 1)};
}

Result<bool> truth(const Request& request, std::string_view parameter, bool if_absent) {
  const auto text = request.parameter(parameter);
  if (!text) return if_absent;
  if (*text == "true") return true;
  if (*text == "false") return false;
  return fail(Code::invalid_input, std::string(parameter) + ": expected true or false");
}

void add_date(Response& response, base::Time taken) {
  response.headers.emplace_back("Last-Modified", net::http::http_date(taken.ns / 1'000'000'000));
  response.headers.emplace_back("Picture-Taken", base::to_iso8601(taken));
  response.headers.emplace_back("Cache-Control", "no-store");
}

Response picture_of(base::BytesView file, base::Time taken) {
  Response response;
  response.content_type = content_type_of(file);
  response.body = base::as_text(file);
  add_date(response, taken);
  return response;
}

void get_picture(Camera& camera, const Request& request, const Respond& respond) {
  const auto annotated = truth(request, "annotated", false);
  if (!annotated) return respond(Response::problem(annotated.error()));
  if (*annotated)
    return camera.drawn([respond](const Result<Camera::Drawn>& drawn) {
      respond(drawn ? picture_of(*drawn->jpeg, drawn->taken) : Response::problem(drawn.error()));
    });
  const auto last = camera.last();
  if (!last)
    return respond(Response::problem({Code::not_found, "camera " + camera.name() + ": no picture was looked at yet"}));
  respond(picture_of(*last->file, last->taken));
}

// Held once here and once by each stream of a camera.
using Slots = std::map<std::string, std::shared_ptr<void>, std::less<>>;

void get_stream(Cameras& cameras, Slots& slots, Camera& camera, const Request& request, const Respond& respond) {
  const auto annotated = truth(request, "annotated", true);
  if (!annotated) return respond(Response::problem(annotated.error()));
  std::shared_ptr<void>& slot = slots[camera.name()];
  if (!slot) slot = std::make_shared<int>();
  if (slot.use_count() > static_cast<long>(most_streams)) {
    Response full = Response::problem({Code::exhausted, "camera " + camera.name() + ": " + std::to_string(most_streams) +
                                                            " watch it already"});
    full.headers.emplace_back("Retry-After", "5");
    return respond(std::move(full));
  }
  Response response;
  response.content_type = codec::mjpeg::stream_content_type;
  response.headers.emplace_back("Cache-Control", "no-store");
  response.stream = [&cameras, what = StreamOf{camera.name(), *annotated ? Shown::annotated : Shown::as_it_came, slot}](
                        std::shared_ptr<BodyWriter> writer) { begin_picture_stream(cameras, what, std::move(writer)); };
  respond(std::move(response));
}

// ---- pictures that are sent ----

Result<void> may_send(const Caller& caller) {
  if (caller.may(Right::operate) || caller.kind == Caller::Kind::device) return {};
  return fail(Code::denied, caller.text() + " may not send pictures: a device's certificate, or an operator's with the "
                                            "role operator, is needed");
}

Response answer_of(const std::string& camera, const Outcome& outcome) {
  switch (outcome.what) {
    case Outcome::What::looked_at:
    case Outcome::What::still: return Response::json(outcome_json(camera, outcome));
    case Outcome::What::without_model: return Response::problem({Code::unavailable, outcome.why.message});
    case Outcome::What::dropped:
    case Outcome::What::failed:
    case Outcome::What::gone: break;
  }
  return serving::refusal(outcome.why);
}

Result<void> check_picture(const CameraStatus& status, const std::string& body) {
  if (status.source_kind != "sent")
    return fail(Code::conflict, "camera " + status.name + " takes its pictures from a " + status.source_kind +
                                    "; none can be sent to it");
  if (body.empty()) return fail(Code::invalid_input, "expected a picture (JPEG, PNG or BMP) in the body");
  TRY(codec::format_of(base::as_bytes(body)));
  return {};
}

void send_picture(Camera& camera, Request request, const Respond& respond) {
  if (request.body.size() > Source::most_picture_bytes)
    return respond(Response::problem(413, "exhausted", "a picture has at most " +
                                                           std::to_string(Source::most_picture_bytes >> 20) + " MiB"));
  const auto wait = truth(request, "wait", false);
  if (!wait) return respond(Response::problem(wait.error()));
  const CameraStatus status = camera.status();
  if (const auto good = check_picture(status, request.body); !good) return respond(Response::problem(good.error()));
  if (*wait)
    return camera.sent(base::to_bytes(request.body), [respond, name = status.name](const Outcome& outcome) {
      respond(answer_of(name, outcome));
    });
  camera.sent(base::to_bytes(request.body), nullptr);
  base::JsonWriter json;
  json.begin_object().field("camera", status.name);
  if (!status.waiting_for.empty()) json.field("waiting_for", status.waiting_for);
  respond(Response::json(json.end_object().take(), 202));
}

std::string no_camera(std::string_view name) { return "there is no camera '" + base::printable(name, 64) + "'"; }

Response unknown(std::string_view detail) { return Response::problem({Code::not_found, std::string(detail)}); }

Response one(const Camera& camera) {
  base::JsonWriter json;
  write_status(camera.status(), json);
  return Response::json(json.take());
}

}  // namespace

std::string cameras_json(Cameras& cameras) {
  base::JsonWriter json;
  json.begin_object().key("cameras").begin_array();
  for (const Camera* camera : cameras.all()) write_status(camera->status(), json);
  return json.end_array().end_object().take();
}

void add_camera_routes(net::http::Server& server, Cameras& cameras, const net::api::Identify& identify) {
  using net::api::require;
  server.route("GET", "/api/v1/cameras",
               require(identify, Right::view, [&cameras](const Caller&, const Request&, const Respond& respond) {
                 respond(Response::json(cameras_json(cameras)));
               }));
  server.route("GET", "/api/v1/cameras/*",
               require(identify, Right::view,
                       [&cameras, slots = std::make_shared<Slots>()](const Caller&, const Request& request,
                                                                     const Respond& respond) {
                         const Path path = path_of(request);
                         Camera* camera = cameras.find(path.camera);
                         if (camera == nullptr) return respond(unknown(no_camera(path.camera)));
                         if (path.part.empty()) return respond(one(*camera));
                         if (path.part == "picture") return get_picture(*camera, request, respond);
                         if (path.part == "stream") return get_stream(cameras, *slots, *camera, request, respond);
                         respond(unknown("expected /api/v1/cameras/NAME, .../picture or .../stream"));
                       }));
  server.route("POST", "/api/v1/cameras/*",
               net::api::identified(identify, [&cameras](const Caller& caller, Request request, const Respond& respond) {
                 if (const auto may = may_send(caller); !may) return respond(Response::problem(may.error()));
                 const Path path = path_of(request);
                 if (path.part != "picture") return respond(unknown("expected /api/v1/cameras/NAME/picture"));
                 Camera* camera = cameras.find(path.camera);
                 if (camera == nullptr) return respond(unknown(no_camera(path.camera)));
                 send_picture(*camera, std::move(request), respond);
               }));
}

}  // namespace selvedge::camera
