// Node::State: the parts of a node and how they hang together. Private to the node's .cc files:
//   messages.cc   from a device's publish to its acknowledgement
//   logins.cc     who may come in by MQTT
//   access.cc     who asks by HTTP, and the record of what they changed
//   listeners.cc  TLS listeners and the uplink, once the node has an identity
//   wishes.cc     settings that change live, and what the node's own twin wishes
//   status.cc     metrics and state
//   node_models.cc  the models it serves
//   node_cameras.cc  the cameras whose pictures they look at
//   node.cc       assembling, starting, stopping

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "audit/trail.h"
#include "base/metrics.h"
#include "identity/identity.h"
#include "net/http/http.h"
#include "net/mqtt/server.h"
#include "node/aggregates.h"
#include "node/anomalies.h"
#include "node/api.h"
#include "node/artifacts.h"
#include "node/cameras.h"
#include "node/dead_letters.h"
#include "node/devices.h"
#include "node/followers.h"
#include "node/held_models.h"
#include "node/ingest.h"
#include "node/node.h"
#include "node/live_settings.h"
#include "node/pull.h"
#include "node/raw_link.h"
#include "node/reconciler.h"
#include "node/renewal.h"
#include "node/session_log.h"
#include "node/site.h"
#include "node/task_models.h"
#include "node/task_log_link.h"
#include "node/tasks.h"
#include "node/twins.h"
#include "node/uplink.h"
#include "serving/inference_http.h"
#include "things/http_routes.h"

namespace selvedge::node {

class ModelKind;

struct Node::State {
  State(os::World& w, NodeConfig c) : world(w), config(std::move(c)) {}
  ~State();

  std::string name() const;            // of the config, the certificate or the machine

  // ---- messages ----
  void arrived(std::span<const engine::Arrived> messages);
  void plan_commit();
  void commit_group();
  // `done` once readings and broker state are both on disk.
  void commit(std::function<void()> done);
  void commit_sessions(std::function<void()> done);   // may call back at once
  base::Result<void> open_twins();
  void arm_seal();

  // ---- the node's own twin ---- (wishes.cc)
  base::Result<void> restore_settings();
  base::Result<void> apply_settings(const NodeConfig& next);
  base::Result<void> open_reconciler();
  void start_reconciler();
  void enforce_device(const std::string& name);
  void add_wish_routes();

  // ---- models ---- (node_models.cc)
  base::Result<void> open_models();
  void add_model_routes();
  void restore_models();               // those that worked last, where another version is wished for
  void load_by_hand(const std::string& name, const std::function<void(base::Result<void>)>& done);
  void unload_by_hand(const std::string& name, const std::function<void(base::Result<void>)>& done);

  // ---- cameras ---- (node_cameras.cc)
  base::Result<void> open_cameras();
  void add_camera_routes();
  bool is_picture(const engine::Arrived& message);   // and no reading; it is settled then

  // ---- tasks ---- (node_tasks.cc)
  base::Result<void> open_tasks();
  SiteTrust site_trust() const;
  void start_site();                   // if there is one, once the node has an identity
  void add_site_routes();

  // ---- who may come in ----
  void login(net::mqtt::LoginRequest request, std::function<void(engine::Grant)> answer);
  void make_mqtt();

  // ---- access ----
  base::Result<void> open_access();
  audit::Voucher voucher() const;      // for the head of the audit log
  void identify(const net::http::Request& request,
                std::function<void(base::Result<net::api::Caller>)> answer);
  void audit(const net::api::Caller& who, net::api::Change what);
  void audit_first(const net::api::Caller& who, net::api::Change what,
                   std::function<void(base::Result<void>)> then);

  // ---- identity and the cloud ----
  base::Result<os::TlsConfig> listener_config() const;
  os::TlsConfig uplink_config() const;
  base::Result<void> start_with_identity();
  base::Result<void> start_renewal();
  void take_identity(const identity::NodeIdentity& next);      // nothing that is open is dropped
  void take_revoked(const std::vector<std::string>& serials);
  void await_identity();

  // ---- seen from outside ----
  void stop_rest(std::function<void()> done);     // after the tasks
  std::string status_json() const;
  double backlog_seconds(const store::StoreStats& stats) const;
  base::Result<void> ready() const;
  void make_metrics();
  void make_http();
  void add_twin_routes();
  base::Result<void> open_artifacts();
  base::Result<void> open_store();
  store::StoreLimits store_limits(const NodeConfig& of) const;

  os::World& world;
  NodeConfig config;
  base::Registry metrics;
  std::unique_ptr<Aggregates> aggregates;              // these three before the store, which calls them
  std::unique_ptr<Anomalies> anomalies;
  std::unique_ptr<Followers> followers;
  std::unique_ptr<store::ReadingStore> store;
  std::unique_ptr<DeadLetters> dead_letters;
  std::unique_ptr<Devices> devices;
  std::unique_ptr<audit::Trail> trail;
  std::unique_ptr<Artifacts> artifacts;
  std::unique_ptr<serving::Models> models;
  std::unique_ptr<HeldModels> held_models;
  std::unique_ptr<serving::InferenceApi> inference;
  std::unique_ptr<SessionLog> sessions;
  std::unique_ptr<Ingest> ingest;
  std::unique_ptr<net::mqtt::Server> mqtt;
  std::unique_ptr<Twins> twins;
  std::unique_ptr<Cameras> cameras;
  std::unique_ptr<TaskModels> task_models;
  std::unique_ptr<Tasks> tasks;
  std::unique_ptr<Site> site;
  std::string site_trouble;            // why there is none, though the config names one
  std::unique_ptr<TaskLogLink> task_logs;
  std::shared_ptr<things::TwinApi> twin_api;
  std::unique_ptr<ApiContext> api;
  std::unique_ptr<net::http::Server> http;
  std::vector<std::unique_ptr<Pull>> pulls;
  std::unique_ptr<RawLink> raw_link;
  std::unique_ptr<Uplink> uplink;
  std::unique_ptr<LiveSettings> live;
  std::unique_ptr<Reconciler> reconciler;
  ModelKind* model_wishes = nullptr;                   // the reconciler's
  std::optional<identity::NodeIdentity> identity;
  std::shared_ptr<os::Tls> listener_tls, uplink_tls;
  std::unordered_set<std::string> revoked;               // certificate serials
  std::unique_ptr<Renewal> renewal;
  std::uint16_t mqtt_port = 0, mqtt_tls_port = 0, http_port = 0;
  base::Instant started{};

  std::vector<engine::Token> group;    // to be settled with the next commit
  std::vector<engine::ConnId> refused;  // in this turn of the loop
  bool commit_planned = false;
  std::size_t unsettled = 0;
  os::TimerId seal_timer{}, identity_timer{};
  base::Histogram* commit_seconds = nullptr;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

}  // namespace selvedge::node
