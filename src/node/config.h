// NodeConfig: everything a node can be told, with its defaults. docs/reference/node.md lists it.

#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/forward/forward.h"
#include "engine/rules/topic_map.h"
#include "engine/session/broker.h"
#include "node/telemetry_twins.h"
#include "serving/models.h"
#include "settings/settings.h"
#include "store/reading_store.h"

namespace selvedge::node {

struct TopicConfig {
  std::string filter, format = "detect", series, device, time_field, name_field, value_field;
  std::string time_unit = "auto";
  bool ignore = false, text_values = false;
  friend bool operator==(const TopicConfig&, const TopicConfig&) = default;
};

struct PullConfig {
  std::string name, format = "json", series_prefix;
  std::vector<std::string> urls;
  std::vector<std::string> series;   // "name=/json/pointer"; empty: every field
  base::Duration period = std::chrono::seconds(60);
  base::Duration timeout = std::chrono::seconds(10);
  std::uint32_t per_host = 8;
};

struct TwinConfig {
  std::string series, feature, property, deadband = "0";
  base::Duration min_interval = std::chrono::seconds(1);
};

struct AggregateConfig {
  std::string filter, report = "all", dead_band = "0", relative = "0", lateness, raw = "forward",
      series = "{series}/{function}", precision, codec = "auto";
  base::Duration min_interval{}, max_interval{}, period{}, window{}, slide{};
  std::vector<std::string> functions;
  friend bool operator==(const AggregateConfig&, const AggregateConfig&) = default;
};

struct AnomalyConfig {
  std::string filter, detector = "robust", threshold, clear, model, series = "{series}/{output}";
  std::uint32_t confirm = 1, hold = 3, window = 64, phases = 48, every = 1;
  base::Duration period{}, stuck_after{}, silent_after{}, report = std::chrono::seconds(60);
  friend bool operator==(const AnomalyConfig&, const AnomalyConfig&) = default;
};

struct CameraConfig {
  std::string name, model;
  std::string folder, url, device, topic;          // at most one of them; none: pictures are sent by HTTP only
  bool remove = false;                             // of folder
  base::Duration every{};                          // of folder and url; zero: each second
  std::string user, password_file;                 // of url
  std::uint32_t width = 0, height = 0, frames_per_second = 0;   // of device; 0: 640x480, as many as it likes
  base::Duration interval{};
  std::uint32_t queue = 2;
  bool motion = false, crop = false;
  std::string motion_share;
  base::Duration motion_every{};
  std::string region, threshold;
  std::vector<std::string> labels;
  std::uint32_t confirm = 1;
  base::Duration report = std::chrono::seconds(60), list = std::chrono::seconds(1);
  std::string series = "cameras/{name}";
};

struct SiteMemberConfig {
  std::string name, address;
};

struct AggregateRuleSet;
struct AnomalyRuleSet;
struct CameraSetup;

struct NodeConfig {
  std::string name;                  // empty: from the certificate, else the host's name
  std::string state = "/var/lib/selvedge/node";
  std::string log_level = "info", log_format = "text";

  std::vector<std::string> mqtt_listen = {"127.0.0.1:1883"};
  std::vector<std::string> mqtt_tls_listen = {":8883"};
  std::vector<std::string> http_listen = {"127.0.0.1:8080"};
  std::vector<std::string> http_tls_listen;
  std::string websocket_path = "/mqtt";
  bool anonymous_loopback = false;
  std::string device_certificates = "optional";   // on TLS listeners: none, optional, required
  // A device publishes and subscribes below its own topics only; "$twin/" and "$command/" always so.
  bool own_topics_only = false;
  std::vector<std::string> device_topics = {"{device}/#"};
  std::uint32_t twin_requests = 20;  // of one device about its twin, by MQTT, a second; ten times as a burst
  bool local_admin = true;           // callers on this machine
  std::uint32_t wrong_passwords = 10;     // of one source, before it has to wait
  base::Duration wrong_passwords_refill = std::chrono::seconds(6);
  settings::Size audit_bytes{16 << 20};
  std::string device_ca;             // file of CA certificates for devices; empty: the fleet's

  engine::BrokerLimits broker;
  settings::Size broker_packet{1 << 20}, broker_queued{16 << 20}, broker_total_queued{64 << 20};

  store::StoreLimits store;
  settings::Size store_memory{8 << 20}, store_journal{256 << 20}, store_blocks{1 << 30},
      store_segment{16 << 20}, store_keep_free{16 << 20};
  std::string when_full = "refuse-new";
  settings::Size dead_letters{16 << 20};

  std::vector<std::string> hosts;    // names and addresses by which devices reach this node
  base::Duration identity_poll = std::chrono::minutes(5);

  bool uplink_enabled = true;
  std::string cloud;                 // host:port of the cloud's MQTT listener; empty: as joined
  engine::ForwardLimits forward;
  settings::Size uplink_rate{0}, uplink_window{4 << 20};
  bool chacha20_only = false;

  std::vector<std::string> seal_recipients;
  base::Duration seal_key_age = std::chrono::hours(24);
  std::uint32_t seal_key_blocks = 10'000;

  std::string artifacts_root;        // file of the keys document trust begins with; empty: offered
  std::vector<std::string> device_types;
  settings::Size artifacts_budget{4ULL << 30}, artifacts_keep_free{64 << 20}, artifacts_rate{0};
  std::uint32_t artifacts_parallel = 2;

  std::string models_runtime;        // the library of the model runtime; empty: looked for
  settings::Size models_memory{256 << 20};
  std::uint32_t models_queue = 64, models_workers = 2;
  bool models_cache = true;
  serving::ModelLoader model_loader; // none: the runtime's; tests have models that are none

  bool tasks_enabled = true;
  settings::Size tasks_memory{0}, tasks_folder{1 << 30};
  std::uint32_t tasks_user = 65534;  // "nobody"; counts if the node runs as root
  std::string tasks_secrets;         // folder; empty: there are none
  std::string tasks_sandbox = "wanted";             // wanted, needed
  bool tasks_stop_with_node = false;

  std::string site_name, site_listen = ":8885";
  std::deque<SiteMemberConfig> site_members;

  std::deque<TopicConfig> topics;    // deque: bound fields must not move
  std::deque<PullConfig> pulls;
  std::deque<TwinConfig> twins;
  std::deque<AggregateConfig> aggregates;
  settings::Size aggregate_memory{4 << 20};
  std::deque<AnomalyConfig> anomalies;
  settings::Size anomaly_memory{4 << 20};
  std::deque<CameraConfig> cameras;

  // Where values came from, by key ("topic", "aggregate" and "anomaly" are whole lists): what was loaded says so here.
  std::map<std::string, std::string> sources;

  void bind_to(settings::Settings& settings);
  void keep_sources(const std::vector<settings::Settings::Explained>& explained);
  // Copies sizes and words into the limits they stand for, and checks what goes together.
  base::Result<void> finish();
  base::Result<std::vector<engine::TopicRule>> topic_rules() const;
  base::Result<std::vector<TelemetryRule>> telemetry_rules() const;
  base::Result<AggregateRuleSet> aggregate_rules() const;   // config_aggregate.cc
  base::Result<AnomalyRuleSet> anomaly_rules() const;       // config_anomaly.cc
  base::Result<std::vector<CameraSetup>> camera_setups() const;   // config_camera.cc
};

void bind_topic(settings::Settings& settings, TopicConfig& topic);
void bind_aggregate(settings::Settings& settings, AggregateConfig& aggregate);
void bind_anomaly(settings::Settings& settings, AnomalyConfig& anomaly);
void bind_camera(settings::Settings& settings, CameraConfig& camera);

}  // namespace selvedge::node
