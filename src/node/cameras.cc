#include "node/cameras.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "codec/mqtt/packet.h"
#include "node/camera_report.h"
#include "os/file_at.h"

namespace selvedge::node {

using base::Code;
using base::Result;

namespace {

constexpr std::uint64_t most_password_bytes = 4096;

Result<std::string> basic(os::World& world, const CameraConfig& config) {
  if (config.user.empty()) return std::string();
  std::string password = TRY(base::while_doing("password-file", os::read_text(world, config.password_file, most_password_bytes)));
  password.resize(std::min(password.find_first_of("\r\n"), password.size()));
  return "Basic " + base::to_base64(base::as_bytes(config.user + ":" + password));
}

}  // namespace

struct Cameras::One {
  CameraSetup setup;
  std::string topic;                               // of its events
  base::Counter* full = nullptr;                   // looks whose readings the store refused
  base::Counter* refused = nullptr;                // and those that a series refused
  base::Counter* oversize = nullptr;               // pictures by MQTT
  base::log::Throttle complaints{3, std::chrono::minutes(5)};
  CameraReadings readings;                         // of the last look; its memory is reused
  std::unique_ptr<camera::Camera> camera;
  std::string kind = "sent";
  std::unique_ptr<camera::Source> source;          // until start(); it hands its pictures to the camera
};

Cameras::Cameras(os::World& world, Ingest& ingest, CamerasHost host)
    : world_(world), ingest_(ingest), host_(std::move(host)) {}

Cameras::~Cameras() = default;

Result<std::unique_ptr<Cameras>> Cameras::create(os::World& world, serving::Models& models, Ingest& ingest,
                                                 base::Registry& metrics, std::vector<CameraSetup> setups,
                                                 CamerasHost host) {
  std::unique_ptr<Cameras> made(new Cameras(world, ingest, std::move(host)));
  for (CameraSetup& setup : setups) {
    const std::string where = "camera '" + setup.config.name + "'";
    TRY(base::while_doing(where, made->add(models, metrics, std::move(setup))));
  }
  return made;
}

Result<void> Cameras::add(serving::Models& models, base::Registry& metrics, CameraSetup setup) {
  auto made = std::make_unique<One>();
  One& one = *made;
  one.setup = std::move(setup);
  one.topic = camera_topic(one.setup.config.name);
  const auto lost = [&](const char* reason) {
    return &metrics.counter("selvedge_camera_unstored_total", "Pictures of whose results no readings were stored, by reason.",
                            {{"camera", one.setup.config.name}, {"reason", reason}});
  };
  one.full = lost("full");
  one.refused = lost("refused");
  one.oversize = &metrics.counter("selvedge_camera_oversize_total", "Pictures by MQTT that were too large.",
                                  {{"camera", one.setup.config.name}});
  one.camera = std::make_unique<camera::Camera>(world_, models, metrics, one.setup.options,
                                                [this, &one](const camera::Look& look) { looked(one, look); });
  TRY(connect(one));
  if (!one.setup.config.topic.empty()) by_topic_.push_back(&one);
  cameras_.push_back(std::move(made));
  return {};
}

Result<void> Cameras::connect(One& one) {
  const CameraConfig& config = one.setup.config;
  if (!config.folder.empty()) {
    camera::FolderOptions options{.path = config.folder, .remove = config.remove};
    if (config.every.count() != 0) options.every = config.every;
    one.kind = "folder";
    one.source = camera::folder_source(world_, std::move(options), *one.camera);
  } else if (!config.url.empty()) {
    camera::StreamOptions options;
    options.url = config.url;
    options.authorization = TRY(basic(world_, config));
    if (config.every.count() != 0) options.every = config.every;
    std::shared_ptr<os::Tls> tls;
    if (config.url.starts_with("https:")) tls = TRY(world_.network().client_tls({}));   // trusts the system's CAs
    one.kind = "stream";
    one.source = camera::stream_source(world_, std::move(options), std::move(tls), *one.camera);
  } else if (!config.device.empty()) {
    os::CameraOptions options{.device = config.device};
    if (config.width != 0) options.width = static_cast<int>(config.width);
    if (config.height != 0) options.height = static_cast<int>(config.height);
    options.frames_a_second = config.frames_per_second;
    one.kind = "device";
    one.source = camera::device_source(world_, std::move(options), *one.camera);
  }
  return {};
}

void Cameras::start() {
  for (const auto& one : cameras_)
    if (one->source) one->camera->take_from(one->kind, std::move(one->source));
}

// The cameras themselves stay: somebody may be watching one.
void Cameras::stop() {
  stopped_ = true;
  for (const auto& one : cameras_) one->camera->take_from(one->kind, nullptr);
}

bool Cameras::message(std::string_view topic, base::BytesView payload) {
  bool taken = false;
  for (One* one : by_topic_) {
    if (!codec::mqtt::matches(one->setup.config.topic, topic)) continue;
    taken = true;
    if (stopped_ || payload.empty()) continue;     // an empty one takes a retained picture away
    if (payload.size() > camera::Source::most_picture_bytes) one->oversize->add();
    else one->camera->picture(base::Bytes(payload.begin(), payload.end()), world_.loop().wall_now());
  }
  return taken;
}

void Cameras::looked(One& one, const camera::Look& look) {
  if (stopped_) return;
  write_readings(look, one.setup.series, one.readings);
  if (!one.readings.readings.empty()) {
    const auto stored = ingest_.readings(one.setup.config.name, one.readings.readings);
    if (stored) {
      host_.plan_commit();
    } else {
      (stored.error().code == Code::exhausted ? one.full : one.refused)->add();
      if (one.complaints.pass(world_.loop().now()))
        base::log::warn("camera", "what was found was not stored",
                        {{"camera", one.setup.config.name}, {"why", stored.error()}, {"also", one.complaints.take_suppressed()}});
    }
  }
  const auto event = camera_event(look);
  if (!event) return;
  net::mqtt::Message message;
  message.topic = one.topic;
  message.payload = base::to_bytes(*event);
  message.content_type = "application/json";
  host_.publish(std::move(message));
}

std::vector<camera::Camera*> Cameras::all() {
  std::vector<camera::Camera*> all;
  for (const auto& one : cameras_) all.push_back(one->camera.get());
  return all;
}

camera::Camera* Cameras::find(std::string_view name) {
  const auto is = [name](const auto& one) { return one->setup.config.name == name; };
  const auto at = std::ranges::find_if(cameras_, is);
  return at == cameras_.end() ? nullptr : (*at)->camera.get();
}

std::string Cameras::summary_json() const {
  std::uint64_t failing = 0, waiting = 0, pictures = 0, looked_at = 0;
  for (const auto& one : cameras_) {
    const camera::CameraStatus status = one->camera->status();
    failing += status.source.state == camera::SourceStatus::State::failing ? 1 : 0;
    waiting += status.waiting_for.empty() ? 0 : 1;
    pictures += status.pictures;
    looked_at += status.looked_at;
  }
  base::JsonWriter json;
  json.begin_object()
      .field("configured", static_cast<std::uint64_t>(cameras_.size()))
      .field("failing", failing)
      .field("waiting_for_model", waiting)
      .field("pictures", pictures)
      .field("looked_at", looked_at);
  return json.end_object().take();
}

}  // namespace selvedge::node
