// [[camera]]: what the config says, and the cameras it comes to.

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "codec/artifact/documents.h"
#include "codec/mqtt/packet.h"
#include "engine/camera/crop.h"
#include "net/http/http.h"
#include "node/cameras.h"
#include "node/config.h"

namespace selvedge::node {

using base::Code;
using base::fail;
using base::Result;

void bind_camera(settings::Settings& s, CameraConfig& c) {
  s.bind("name", c.name, "Name of the camera: the device of its readings, and one level of its topic and of its series.");
  s.bind("model", c.model, "Model that looks at the pictures: its name, with \":\" and a version or without: the newest.");
  s.bind("folder", c.folder, "Folder into which pictures are written; each is looked at once, in the order of names.");
  s.bind("url", c.url, "Address of a camera in the network, http or https: a stream of JPEGs, or one picture each time.");
  s.bind("device", c.device, "Camera that is plugged in, as \"/dev/video0\".");
  s.bind("topic", c.topic, "MQTT filter of the topics on which pictures are published; they are no readings then.");
  s.bind("remove", c.remove, "Of folder: pictures are deleted when they have been taken.");
  s.bind("every", c.every,
         "Of folder: it is looked into so often; of url with one picture: it is asked so often; 0s: each second.");
  s.bind("user", c.user, "Of url: name for a camera that asks for a password (Basic).");
  s.bind("password-file", c.password_file, "Of url: file with the password, its first line.");
  s.bind("width", c.width, "Of device: width of the pictures, to which the camera comes as near as it can; 0: 640.", 0, 8192);
  s.bind("height", c.height, "Of device: height of the pictures; 0: 480.", 0, 8192);
  s.bind("frames-per-second", c.frames_per_second, "Of device: pictures a second; 0: as many as it likes.", 0, 1000);
  s.bind("interval", c.interval, "Between two pictures that are looked at lies at least so long.");
  s.bind("queue", c.queue, "Pictures that wait; when one more comes the oldest is dropped.", 1, 16);
  s.bind("motion", c.motion, "Only pictures in which something moved are looked at.");
  s.bind("motion-share", c.motion_share, "Of motion: share of the picture that has to move; empty: 0.003.");
  s.bind("motion-every", c.motion_every, "Of motion: one is looked at so often though nothing moved; 0s: none is.");
  s.bind("crop", c.crop, "Of motion: the model sees the part that moved, and a border around it.");
  s.bind("region", c.region, "Part of the picture that counts: \"top,left,bottom,right\" as shares; empty: all of it.");
  s.bind("threshold", c.threshold, "Score from which something is found, 0 to 1; empty: as the model says.");
  s.bind("labels", c.labels, "Labels that count; empty: all.");
  s.bind("confirm", c.confirm, "A count is believed when so many pictures in a row said it.", 1, 1000);
  s.bind("report", c.report, "Counts are stored so often though nothing changes; 0s: on change only.");
  s.bind("list", c.list, "What was found, with its boxes, is stored and published at most so often, beside each change.");
  s.bind("series", c.series, "What the names of the camera's series begin with; {name} is that of the camera.");
}

namespace {

constexpr std::size_t most_name_bytes = 64, most_prefix_bytes = 256, most_labels = 256;
constexpr base::Duration longest = std::chrono::hours(24 * 366);   // so that no sum with a time overflows
constexpr std::string_view name_word = "{name}";

base::Result<void> wrong(std::string why) { return fail(Code::invalid_input, std::move(why)); }

// `key` was set, and belongs to something that was not.
Result<void> belongs(bool set, const char* key, bool given, const char* to) {
  return set && !given ? wrong(std::string(key) + ": has no meaning without " + to) : Result<void>();
}

Result<float> parse_share(const char* key, const std::string& text) {
  const auto number = base::parse_double(text);
  if (!number || !(*number >= 0 && *number <= 1))
    return fail(Code::invalid_input, std::string(key) + ": '" + base::printable(text, 32) + "' is no number from 0 to 1");
  return static_cast<float>(*number);
}

Result<void> check_name(const std::string& name) {
  if (name.empty() || name.size() > most_name_bytes || name.front() == '$' || name == "." || name == ".." ||
      name.find('/') != std::string::npos || !codec::mqtt::is_topic_name(name) || base::printable(name) != name)
    return wrong("name: expected one level of a topic, at most 64 bytes, without '/', '+', '#' and '$' in front");
  return {};
}

Result<void> set_model(const std::string& text, camera::CameraOptions& options) {
  options.model = text.substr(0, text.find(':'));
  if (!codec::artifact::is_artifact_name(options.model))
    return wrong("model: expected a name, or name:version, not '" + base::printable(text, 80) + "'");
  if (options.model.size() == text.size()) return {};
  const auto version = base::parse_int(std::string_view(text).substr(options.model.size() + 1));
  if (!version || *version < 1) return wrong("model: expected a name, or name:version, not '" + base::printable(text, 80) + "'");
  options.version = static_cast<std::uint64_t>(*version);
  return {};
}

Result<void> check_source(const CameraConfig& c) {
  int sources = 0;
  for (const std::string* source : {&c.folder, &c.url, &c.device, &c.topic}) sources += source->empty() ? 0 : 1;
  if (sources > 1) return wrong("folder, url, device and topic: at most one of them");
  const bool folder = !c.folder.empty(), url = !c.url.empty(), device = !c.device.empty();
  TRY(belongs(c.remove, "remove", folder, "folder"));
  TRY(belongs(c.every.count() != 0, "every", folder || url, "folder or url"));
  TRY(belongs(!c.user.empty(), "user", url, "url"));
  TRY(belongs(!c.password_file.empty(), "password-file", url, "url"));
  TRY(belongs(c.width != 0, "width", device, "device"));
  TRY(belongs(c.height != 0, "height", device, "device"));
  TRY(belongs(c.frames_per_second != 0, "frames-per-second", device, "device"));
  if (c.every.count() != 0 && c.every < std::chrono::milliseconds(100)) return wrong("every: at least 100ms");
  if (c.user.empty() != c.password_file.empty()) return wrong("user and password-file: both or none");
  if (c.user.find(':') != std::string::npos || base::printable(c.user) != c.user)
    return wrong("user: without ':' and control characters");
  if ((c.width == 0) != (c.height == 0)) return wrong("width and height: both or none");
  if (device && !c.device.starts_with('/')) return wrong("device: expected a path such as /dev/video0");
  if (!c.topic.empty() && (!codec::mqtt::is_topic_filter(c.topic) || c.topic.starts_with('$')))
    return wrong("topic: '" + base::printable(c.topic) + "' is no topic filter, or one that begins with '$'");
  if (!url) return {};
  // What is in front of the '@' is not shown: it may be a password.
  const std::size_t host = c.url.find("//");
  if (host != std::string::npos && c.url.substr(host + 2, c.url.find('/', host + 2) - host - 2).find('@') != std::string::npos)
    return wrong("url: name and password stand in user and password-file");
  TRY(base::while_doing("url", net::http::parse_url(c.url)));
  return {};
}

Result<void> set_looking(const CameraConfig& c, camera::CameraOptions& options) {
  for (const auto& [key, value] : {std::pair{"every", c.every}, {"interval", c.interval}, {"motion-every", c.motion_every},
                                   {"report", c.report}, {"list", c.list}})
    if (value > longest) return wrong(std::string(key) + ": at most 366d");
  TRY(belongs(!c.motion_share.empty(), "motion-share", c.motion, "motion = true"));
  TRY(belongs(c.motion_every.count() != 0, "motion-every", c.motion, "motion = true"));
  TRY(belongs(c.crop, "crop", c.motion, "motion = true"));
  options.queue = c.queue;
  options.interval = c.interval;
  options.crop_to_motion = c.crop;
  if (c.motion) {
    engine::MotionRule& rule = options.motion.emplace();
    if (!c.motion_share.empty()) rule.share = TRY(parse_share("motion-share", c.motion_share));
    rule.longest = std::chrono::duration_cast<std::chrono::milliseconds>(c.motion_every);
  }
  if (!c.region.empty()) options.region = TRY(base::while_doing("region", engine::parse_region(c.region)));
  if (!c.threshold.empty()) options.threshold = TRY(parse_share("threshold", c.threshold));
  return {};
}

Result<void> set_counts(const CameraConfig& c, engine::CountRule& counts) {
  if (c.labels.size() > most_labels) return wrong("labels: at most " + std::to_string(most_labels));
  for (const std::string& label : c.labels)
    if (label.empty()) return wrong("labels: one is empty");
  counts.labels = c.labels;
  if (!c.threshold.empty()) counts.least_score = static_cast<double>(TRY(parse_share("threshold", c.threshold)));
  counts.confirm = c.confirm;
  counts.report = c.report;
  counts.list = c.list;
  return {};
}

Result<std::string> series_prefix(const CameraConfig& c) {
  std::string series = c.series;
  const std::size_t at = series.find(name_word);
  if (at != std::string::npos) series.replace(at, name_word.size(), c.name);
  if (series.empty() || series.size() > most_prefix_bytes || series.find_first_of("{}") != std::string::npos ||
      series.starts_with('$') || series.ends_with('/') || !codec::mqtt::is_topic_name(series) ||
      base::printable(series, series.size()) != series)
    return fail(Code::invalid_input, "series: expected a name of at most 256 bytes without wildcards, '$' in front and '/' at its "
                                     "end; {name} may stand in it once");
  return series;
}

Result<CameraSetup> setup_of(const CameraConfig& c) {
  CameraSetup setup;
  setup.config = c;
  setup.options.name = c.name;
  TRY(check_name(c.name));
  TRY(set_model(c.model, setup.options));
  TRY(check_source(c));
  TRY(set_looking(c, setup.options));
  TRY(set_counts(c, setup.options.counts));
  setup.series = TRY(series_prefix(c));
  return setup;
}

}  // namespace

Result<std::vector<CameraSetup>> NodeConfig::camera_setups() const {
  if (cameras.size() > Cameras::most)
    return fail(Code::invalid_input, "camera: at most " + std::to_string(Cameras::most));
  std::vector<CameraSetup> setups;
  for (const CameraConfig& one : cameras) {
    const std::string where = one.name.empty() ? "camera " + std::to_string(setups.size() + 1)
                                               : "camera '" + base::printable(one.name, 80) + "'";
    CameraSetup setup = TRY(base::while_doing(where, setup_of(one)));
    for (const CameraSetup& other : setups) {
      if (other.config.name == one.name) return fail(Code::invalid_input, where + ": name: another camera has it");
      if (other.series == setup.series)
        return fail(Code::invalid_input, where + ": series: camera '" + other.config.name + "' has the same");
    }
    setups.push_back(std::move(setup));
  }
  return setups;
}

}  // namespace selvedge::node
