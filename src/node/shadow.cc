#include "node/shadow.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "node/shadow_document.h"

namespace selvedge::node {

using base::Code;
using codec::mqtt::Reason;
using codec::twin::ShadowVerb;
using engine::Twin;

namespace {

constexpr std::size_t most_published = 100'000;

std::string_view word(ShadowVerb verb) {
  switch (verb) {
    case ShadowVerb::get: return "/get";
    case ShadowVerb::update: return "/update";
    case ShadowVerb::remove: break;
  }
  return "/delete";
}

// The status that tells a device what it can do about it.
int status_of(Code code) {
  switch (code) {
    case Code::conflict: return 409;       // the version is another
    case Code::exhausted: return 413;
    case Code::not_found: return 404;
    case Code::denied: return 403;
    case Code::unavailable: return 503;
    case Code::invalid_input:
    case Code::corrupt: return 400;
    case Code::internal: break;
  }
  return 500;
}

bool is_level(std::string_view name) {
  return !name.empty() && std::ranges::none_of(name, [](char c) {
    return c == '/' || c == '+' || c == '#' || static_cast<unsigned char>(c) < 0x20;
  });
}

}  // namespace

Shadow::Shadow(os::World& world, store::TwinStore& twins, base::Registry& metrics, ShadowHost host)
    : world_(world),
      twins_(twins),
      host_(std::move(host)),
      watch_(twins.watch([this](const store::TwinEvent& event) { changed(event); })),
      rate_(host_.requests),
      accepted_(metrics.counter("selvedge_twin_requests_total", "Requests of devices by MQTT.",
                                {{"answer", "accepted"}})),
      rejected_(metrics.counter("selvedge_twin_requests_total", "Requests of devices by MQTT.",
                                {{"answer", "rejected"}})),
      deltas_(metrics.counter("selvedge_twin_deltas_total", "Standing wishes told to devices.")) {}

Shadow::~Shadow() { twins_.unwatch(watch_); }

std::int64_t Shadow::seconds() const { return world_.loop().wall_now().ns / 1'000'000'000; }

std::string Shadow::id_of(const Request& request) const {
  return model::twin_id(host_.node(), request.device);
}

void Shadow::publish(std::string topic, std::string_view payload,
                     std::optional<engine::ConnId> only) {
  net::mqtt::Message message;
  message.topic = std::move(topic);
  message.payload = base::to_bytes(payload);
  message.qos = 1;
  message.content_type = "application/json";
  message.only = only;
  host_.publish(std::move(message));
}

// ---- requests ----

bool Shadow::message(const engine::Arrived& message) {
  const auto topic = codec::twin::parse_shadow_topic(message.topic);
  if (!topic) {
    // Anything else below our root is for subscribers among the tools, and no reading.
    if (!message.topic.starts_with(codec::twin::shadow_root)) return false;
    if (message.token) host_.settle(*message.token, Reason::success);
    return true;
  }
  Request request;
  request.device = topic->device;
  request.feature = topic->feature;
  request.prefix = codec::twin::shadow_prefix(topic->device, topic->feature);
  request.verb = topic->verb;
  request.token = message.token;
  if (!model::is_twin_id(id_of(request))) {
    reject(request, 400, "the device's name cannot be that of a twin");
    return true;
  }
  if (!rate_.take(request.device, world_.loop().now())) {
    reject(request, 429, "the device asks more often than it may");
    return true;
  }
  if (message.payload.size() > most_payload_bytes) {
    reject(request, 413, "the payload is larger than a twin may be");
    return true;
  }
  const auto read = request.verb == ShadowVerb::update
                        ? decode_update(message.payload, request.feature.empty(), request.asked)
                        : decode_request(message.payload, request.asked);
  if (!read) {
    reject(request, read.error());
    return true;
  }
  if (request.verb == ShadowVerb::get) get(request);
  else if (waiting_ >= most_waiting) reject(request, 429, "too many updates wait for the disk");
  else if (request.verb == ShadowVerb::update) update(std::move(request));
  else remove(std::move(request));
  return true;
}

void Shadow::get(const Request& request) {
  const Twin* twin = twins_.find(id_of(request));
  if (twin == nullptr) return reject(request, 404, "there is no such twin");
  if (!request.feature.empty() && !has_feature(*twin, request.feature))
    return reject(request, 404, "the twin has no such feature");
  base::JsonWriter json;
  json.begin_object();
  write_document(json, *twin, request.feature);
  json.field("timestamp", seconds());
  if (!request.asked.client_token.empty()) json.field("clientToken", request.asked.client_token);
  json.end_object();
  accept(request, json.take());
}

void Shadow::update(Request request) {
  const std::string id = id_of(request);
  const Twin* before = twins_.find(id);
  const std::string previous = document(before, request.feature);
  const std::string patch = merge_patch(request.asked, request.feature, before);
  const auto changed = twins_.edit(id, {engine::TwinEdit::Kind::merge, "", patch},
                                   {.revision = request.asked.version, .exists = std::nullopt});
  if (!changed) return reject(request, changed.error());
  std::string accepted = accepted_update(request);
  base::JsonWriter json;
  json.begin_object();
  if (!previous.empty()) json.key("previous").raw(previous);
  json.key("current").raw(document(twins_.find(id), request.feature)).field("timestamp", seconds());
  if (!request.asked.client_token.empty()) json.field("clientToken", request.asked.client_token);
  json.end_object();
  when_durable(std::move(request), std::move(accepted), json.take());
}

std::string Shadow::document(const Twin* twin, std::string_view feature) const {
  if (twin == nullptr) return {};
  base::JsonWriter json;
  json.begin_object();
  write_document(json, *twin, feature);
  json.end_object();
  return json.take();
}

// What was asked for, with when its leaves were written.
std::string Shadow::accepted_update(const Request& request) const {
  const Twin* twin = twins_.find(id_of(request));
  const auto half = [](base::JsonWriter& json, std::string_view name, const codec::twin::ShadowHalf& h) {
    using Says = codec::twin::ShadowHalf::Says;
    if (h.says == Says::nothing) return;
    json.key(name);
    if (h.says == Says::clear) {
      json.null();
      return;
    }
    json.begin_object();
    for (const auto& [key, value] : h.members) json.key(key).raw(value);
    json.end_object();
  };
  const auto named = [&](std::string_view feature) {
    const auto is = [&](const auto& member) { return member.first == feature; };
    return std::ranges::any_of(request.asked.reported.members, is) ||
           std::ranges::any_of(request.asked.desired.members, is);
  };
  base::JsonWriter json;
  json.begin_object().key("state").begin_object();
  half(json, "desired", request.asked.desired);
  half(json, "reported", request.asked.reported);
  json.end_object();
  if (twin != nullptr) {
    json.key("metadata");
    write_metadata(json, *twin, named, request.feature);
    json.field("version", twin->revision());
  }
  json.field("timestamp", seconds());
  if (!request.asked.client_token.empty()) json.field("clientToken", request.asked.client_token);
  json.end_object();
  return json.take();
}

void Shadow::remove(Request request) {
  const std::string id = id_of(request);
  const store::TwinPrecondition if_{.revision = request.asked.version, .exists = std::nullopt};
  const Twin* twin = twins_.find(id);
  const std::uint64_t version = twin ? twin->revision() : 0;
  if (request.feature.empty()) {
    const auto removed = twins_.remove(id, if_);
    if (!removed) return reject(request, removed.error());
  } else {
    if (twin == nullptr || !has_feature(*twin, request.feature))
      return reject(request, 404, "the twin has no such feature");
    base::JsonWriter patch;
    patch.begin_object().key("features").begin_object();
    patch.key(request.feature).null().end_object().end_object();
    const auto edited = twins_.edit(id, {engine::TwinEdit::Kind::merge, "", patch.text()}, if_);
    if (!edited) return reject(request, edited.error());
  }
  base::JsonWriter json;
  json.begin_object().field("version", version).field("timestamp", seconds());
  if (!request.asked.client_token.empty()) json.field("clientToken", request.asked.client_token);
  json.end_object();
  when_durable(std::move(request), json.take(), {});
}

void Shadow::when_durable(Request request, std::string accepted, std::string documents) {
  ++waiting_;
  host_.commit([this, request = std::move(request), accepted = std::move(accepted),
                documents = std::move(documents), living = std::weak_ptr<bool>(alive_)] {
    if (living.expired()) return;
    --waiting_;
    accept(request, accepted);
    if (!documents.empty()) publish(request.prefix + "/update/documents", documents);
  });
}

void Shadow::accept(const Request& request, std::string payload) {
  accepted_.add();
  publish(request.prefix + std::string(word(request.verb)) + "/accepted", payload);
  settle(request, Reason::success);
}

void Shadow::reject(const Request& request, const base::Error& why) {
  reject(request, status_of(why.code), why.message);
}

// The publish itself was received: a client that repeats it would only hear the same again.
void Shadow::reject(const Request& request, int status, std::string_view why) {
  rejected_.add();
  base::JsonWriter json;
  json.begin_object().field("code", status).field("message", why).field("timestamp", seconds());
  if (!request.asked.client_token.empty()) json.field("clientToken", request.asked.client_token);
  json.end_object();
  publish(request.prefix + std::string(word(request.verb)) + "/rejected", json.text());
  settle(request, Reason::success);
}

void Shadow::settle(const Request& request, Reason reason) {
  if (request.token) host_.settle(*request.token, reason);
}

// ---- deltas ----

// A delta goes out when a wish changed, never because of a report: telemetry would bring one a second.
void Shadow::changed(const store::TwinEvent& event) {
  if (event.twin == nullptr || event.change == nullptr) return;
  if (model::twin_node(event.id) != host_.node()) return;
  const std::string_view device = model::twin_device(event.id);
  if (device == model::node_twin_name || !event.twin->has_delta()) return;
  const auto features = features_with_new_wishes(event.change->difference);
  if (!features.empty()) publish_deltas(device, *event.twin, features);
}

void Shadow::publish_deltas(std::string_view device, const Twin& twin,
                            std::span<const std::string> features) {
  const std::int64_t now_ms = world_.loop().wall_now().ns / 1'000'000;
  const std::string whole = delta_message(twin, {}, now_ms);
  if (whole.empty()) return;
  if (published_.size() >= most_published) published_.clear();
  published_.emplace(device);
  deltas_.add();
  publish(codec::twin::shadow_prefix(device, {}) + "/update/delta", whole);
  for (const std::string& feature : features) {
    if (!is_level(feature)) continue;
    const std::string delta = delta_message(twin, feature, now_ms);
    if (!delta.empty()) publish(codec::twin::shadow_prefix(device, feature) + "/update/delta", delta);
  }
}

void Shadow::subscribed(std::span<const engine::Outputs::Subscribed> subscriptions) {
  for (const auto& subscription : subscriptions) {
    // A session that had it has got what there was since, unless its QoS keeps nothing.
    if (subscription.is_new || subscription.qos == 0) give_deltas(subscription);
  }
}

void Shadow::give_deltas(const engine::Outputs::Subscribed& subscription) {
  std::string_view rest = subscription.filter;
  if (!rest.starts_with(codec::twin::shadow_root)) return;
  rest.remove_prefix(codec::twin::shadow_root.size());
  const std::string_view device = rest.substr(0, rest.find('/'));
  const Twin* twin = twins_.find(model::twin_id(host_.node(), device));
  if (twin == nullptr || !twin->has_delta()) return;
  const std::int64_t now_ms = world_.loop().wall_now().ns / 1'000'000;
  const auto give = [&](std::string_view feature) {
    std::string topic = codec::twin::shadow_prefix(device, feature) + "/update/delta";
    if (!codec::mqtt::matches(subscription.filter, topic)) return;
    if (const std::string delta = delta_message(*twin, feature, now_ms); !delta.empty())
      publish(std::move(topic), delta, subscription.conn);
  };
  give({});
  for (const std::string& feature : features_of(twin->delta()))
    if (is_level(feature)) give(feature);
}

void Shadow::repeated(std::string_view id) {
  if (model::twin_node(id) != host_.node()) return;
  const std::string device(model::twin_device(id));
  const Twin* twin = twins_.find(id);
  if (twin == nullptr || device == model::node_twin_name || published_.contains(device)) return;
  if (twin->has_delta()) publish_deltas(device, *twin, features_of(twin->delta()));
}

}  // namespace selvedge::node
