// CloudConfig: everything the cloud can be told, with its defaults. docs/reference/cloud.md lists it.

#pragma once

#include <deque>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/session/broker.h"
#include "settings/settings.h"

namespace selvedge::cloud {

struct JobsSettings;

// [[tenant]]
struct TenantConfig {
  std::string name, cpu;
  settings::Size memory{};
  std::uint32_t tasks = 0, weight = 1;
};

struct CloudConfig {
  std::string state = "/var/lib/selvedge/cloud";
  std::string log_level = "info", log_format = "text";

  std::string mqtt_listen = ":8884";      // nodes; mutual TLS 1.3 only
  std::string http_listen = ":8443";      // operators and joins; TLS
  std::string metrics_listen = "127.0.0.1:9464";   // plain, for a scraper; empty: off
  // Names and addresses by which nodes and operators reach this cloud; they go into its certificate.
  std::vector<std::string> hosts = {"localhost", "127.0.0.1", "::1"};
  std::string advertise_mqtt;             // host:port told to nodes that join; empty: first host

  base::Duration node_certificate = std::chrono::hours(24 * 90);
  base::Duration operator_certificate = std::chrono::hours(24 * 365);
  base::Duration device_certificate = std::chrono::hours(24 * 365);
  base::Duration cloud_certificate = std::chrono::hours(24 * 365);
  base::Duration authority_valid = std::chrono::hours(24 * 3650);
  base::Duration node_grace = std::chrono::hours(24 * 30);
  base::Duration announce = std::chrono::hours(24);
  std::string authority_key;              // URI of the CA's key; empty: a file
  std::uint32_t nodes = 20'000;           // connections
  settings::Size receive_buffer{64 << 20};    // batches received and not yet committed
  settings::Size commit_bytes{8 << 20};       // of one transaction
  settings::Size audit_bytes{64 << 20};
  std::uint32_t wrong_tokens = 10;        // of one source, before it has to wait
  base::Duration wrong_tokens_refill = std::chrono::seconds(6);
  settings::Size artifacts_budget{100ULL << 30}, artifacts_keep_free{1 << 30};
  bool chacha20_only = false;
  std::deque<TenantConfig> tenants;
  std::string placement_rule;             // empty: the default one
  std::string default_cpu = "1";          // of a node that does not say what it has
  settings::Size default_memory{256 << 20}, default_disk{1 << 30};
  base::Duration silence_margin = std::chrono::seconds(30);

  void bind_to(settings::Settings& settings);
  base::Result<void> finish();
  JobsSettings jobs_settings() const;    // after finish()
};

}  // namespace selvedge::cloud
