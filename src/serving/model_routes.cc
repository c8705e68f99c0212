#include "serving/model_routes.h"

#include <array>
#include <cmath>

#include "base/json.h"
#include "base/text.h"
#include "engine/vision/draw.h"
#include "serving/answer_json.h"
#include "serving/inference_call.h"
#include "serving/inference_http.h"
#include "serving/model_path.h"

namespace selvedge::serving {

using base::Code;
using base::fail;
using base::JsonWriter;
using base::Result;
using net::api::Caller;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

namespace {

constexpr std::string_view root = "/api/v1/models/";

struct Asked {
  ModelPath path;
  infer::RunOptions options;
  std::optional<codec::ImageFormat> annotated;     // the picture is wanted back
};

Result<float> share(std::string_view text, std::string_view name) {
  const auto number = base::parse_double(text);
  if (!number || !(*number >= 0 && *number <= 1))
    return fail(Code::invalid_input, std::string(name) + ": expected a number from 0 to 1");
  return static_cast<float>(*number);
}

// "top,left,bottom,right" as shares of the picture.
Result<infer::Region> region_of(std::string_view text) {
  std::array<float, 4> sides{};
  for (std::size_t i = 0; i < sides.size(); ++i) {
    const std::size_t end = std::min(text.find(','), text.size());
    sides[i] = TRY(share(text.substr(0, end), "region"));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const infer::Region region{sides[0], sides[1], sides[2], sides[3]};
  if (!text.empty() || region.top >= region.bottom || region.left >= region.right)
    return fail(Code::invalid_input, "region: expected top,left,bottom,right, each from 0 to 1");
  return region;
}

Result<Asked> asked_of(const Request& request) {
  Asked asked;
  asked.path = TRY(parse_model_path(std::string_view(request.path).substr(root.size())));
  if (asked.path.verb != "detect")
    return fail(Code::not_found, "expected /api/v1/models/NAME/detect");
  if (const auto version = request.parameter("version")) {
    const auto number = base::parse_int(*version);
    if (!number || *number < 1) return fail(Code::invalid_input, "version: expected a number from 1 on");
    asked.path.version = static_cast<std::uint64_t>(*number);
  }
  if (const auto threshold = request.parameter("threshold")) asked.options.threshold = TRY(share(*threshold, "threshold"));
  if (const auto region = request.parameter("region")) asked.options.region = TRY(region_of(*region));
  if (const auto annotated = request.parameter("annotated")) {
    if (*annotated == "png") asked.annotated = codec::ImageFormat::png;
    else if (*annotated == "jpeg") asked.annotated = codec::ImageFormat::jpeg;
    else return fail(Code::invalid_input, "annotated: expected png or jpeg");
  }
  return asked;
}

// The whole picture with what was found drawn on it.
Result<Response> drawn(base::BytesView file, const infer::Answer& answer, codec::ImageFormat format) {
  codec::Image image = TRY(codec::decode(file)).image;
  if (answer.mask) engine::draw_mask(image, *answer.mask);
  engine::draw_detections(image, answer.detections);
  if (!answer.ranked.empty()) engine::draw_classes(image, answer.ranked);
  const bool png = format == codec::ImageFormat::png;
  const base::Bytes bytes = TRY(png ? codec::encode_png(image) : codec::encode_jpeg(image));
  Response response;
  response.content_type = png ? "image/png" : "image/jpeg";
  response.body = base::as_text(bytes);
  return response;
}

Response described(const ModelKey& key, const infer::Answer& answer) {
  JsonWriter json;
  json.begin_object().field("model", key.name).field("version", key.version);
  write_answer(answer, json);
  return Response::json(json.end_object().take());
}

void detect(Models& models, Request request, const Respond& respond) {
  auto asked = asked_of(request);
  if (!asked) return respond(Response::problem(asked.error()));
  if (request.body.empty())
    return respond(Response::problem({Code::invalid_input, "expected a picture (JPEG, PNG or BMP) in the body"}));
  struct Look {
    std::string body;
    Asked asked;
    Response answer;
  };
  const auto look = std::make_shared<Look>(Look{std::move(request.body), *asked, {}});
  Models::Work work{asked->path.name, asked->path.version, Models::WhenFull::refuse,
                    [look](const infer::Pipeline& pipeline, const ModelKey& key) -> Result<infer::Timings> {
                      const base::BytesView file = base::as_bytes(look->body);
                      const infer::Answer answer = TRY(look_at(pipeline, file, look->asked.options));
                      look->answer = look->asked.annotated ? TRY(drawn(file, answer, *look->asked.annotated))
                                                           : described(key, answer);
                      return answer.timings;
                    }};
  models.run(std::move(work), [look, respond](const Result<Ran>& ran) {
    respond(ran ? std::move(look->answer) : refusal(ran.error()));
  });
}

std::string_view name_of(RuntimeStatus::State state) {
  switch (state) {
    case RuntimeStatus::State::not_needed: return "not-needed";
    case RuntimeStatus::State::available: return "available";
    case RuntimeStatus::State::absent: return "absent";
  }
  return "";
}

}  // namespace

std::string models_json(const Models& models) {
  const RuntimeStatus runtime = models.runtime();
  JsonWriter json;
  json.begin_object().key("runtime").begin_object().field("state", name_of(runtime.state));
  if (!runtime.version.empty()) json.field("version", runtime.version).field("path", runtime.path);
  if (!runtime.reason.empty()) json.field("reason", runtime.reason);
  json.end_object();
  json.key("memory").begin_object().field("used", models.memory()).field("limit", models.config().memory).end_object();
  json.field("workers", static_cast<std::uint64_t>(models.config().workers)).key("models").begin_array();
  for (const ModelStatus& status : models.list()) {
    json.begin_object()
        .field("name", status.key.name)
        .field("version", status.key.version)
        .field("state", engine::name(status.state))
        .field("memory", status.memory)
        .field("requests", status.requests)
        .field("failures", status.failures)
        .field("waiting", static_cast<std::uint64_t>(status.waiting))
        .field("running", static_cast<std::uint64_t>(status.running));
    if (status.load_time > base::Duration::zero())
      json.field("load_ms", std::round(static_cast<double>(status.load_time.count()) / 1e3) / 1e3);
    if (status.secret) json.field("sealed", true);
    if (!status.reason.empty()) json.field("reason", status.reason);
    json.end_object();
  }
  return json.end_array().end_object().take();
}

void add_model_routes(net::http::Server& server, Models& models, const net::api::Identify& identify) {
  server.route("GET", "/api/v1/models",
               net::api::require(identify, net::api::Right::view,
                                 [&models](const Caller&, const Request&, const Respond& respond) {
                                   respond(Response::json(models_json(models)));
                                 }));
  server.route("POST", "/api/v1/models/*",
               net::api::identified(identify, [&models](const Caller& caller, Request request, const Respond& respond) {
                 if (const auto may = may_ask(caller); !may) return respond(Response::problem(may.error()));
                 detect(models, std::move(request), respond);
               }));
}

}  // namespace selvedge::serving
