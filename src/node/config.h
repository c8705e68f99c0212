// NodeConfig: everything a node can be told, with its defaults. docs/reference/node.md lists it.

#pragma once

#include <deque>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/forward/forward.h"
#include "engine/rules/topic_map.h"
#include "engine/session/broker.h"
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

  std::string artifacts_root;        // file of the keys document trust begins with; empty: offered
  std::vector<std::string> device_types;

  std::deque<TopicConfig> topics;    // deque: bound fields must not move
  std::deque<PullConfig> pulls;

  void bind_to(settings::Settings& settings);
  // Copies sizes and words into the limits they stand for, and checks what goes together.
  base::Result<void> finish();
  base::Result<std::vector<engine::TopicRule>> topic_rules() const;
};

}  // namespace selvedge::node
