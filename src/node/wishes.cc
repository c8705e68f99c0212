// The node's own twin: its settings as they stand, and the reconciler that makes its wishes come true.

#include "base/json.h"
#include "base/log.h"
#include "base/version.h"
#include "node/reconcile_artifacts.h"
#include "node/reconcile_devices.h"
#include "node/reconcile_models.h"
#include "node/reconcile_settings.h"
#include "node/state.h"
#include "os/process.h"

namespace selvedge::node {

using base::Result;

namespace {

Result<void> set_log(const NodeConfig& config) {
  base::log::set_level(TRY(base::log::parse_level(config.log_level)));
  base::log::set_format(TRY(base::log::parse_format(config.log_format)));
  return {};
}

}  // namespace

std::vector<settings::Settings::Explained> Node::explain(os::World& world, const NodeConfig& config) {
  LiveSettings live(config);
  if (const auto saved = read_reconcile_file(world, config.state)) live.restore(good_settings(*saved));
  return live.explained();
}

// Before anything is opened: what was wished and worked goes above the file.
Result<void> Node::State::restore_settings() {
  live = std::make_unique<LiveSettings>(config);
  const auto saved = read_reconcile_file(world, config.state);
  if (!saved) return {};           // none, or Reconciler::open says why
  const auto keys = live->restore(good_settings(*saved));
  if (keys.empty()) return {};
  const NodeConfig before = std::move(config);
  config = live->current();
  if (config.log_level != before.log_level || config.log_format != before.log_format)
    TRY(set_log(config));
  base::log::info("settings", "wishes of the node's twin are in force", {{"settings", keys.size()}});
  return {};
}

Result<void> Node::State::apply_settings(const NodeConfig& next) {
  if (next.topics != config.topics)
    ingest->set_topics(TRY(engine::TopicMap::create(TRY(next.topic_rules()))));
  if (next.log_level != config.log_level || next.log_format != config.log_format) TRY(set_log(next));
  const bool aggregates_change = next.aggregates != config.aggregates;
  if (aggregates_change) {
    auto set = TRY(next.aggregate_rules());
    ingest->forget_plans();
    if (const auto saved = aggregates->set_rules(std::move(set)); !saved)
      base::log::warn("aggregate", "new rules are in force, but not noted yet", {{"why", saved.error()}});
  }
  if (next.anomalies != config.anomalies) {
    auto set = TRY(next.anomaly_rules());
    ingest->forget_plans();
    if (const auto saved = anomalies->set_rules(std::move(set)); !saved)
      base::log::warn("anomaly", "new rules are in force, but not noted yet", {{"why", saved.error()}});
  }
  store->set_limits(store_limits(next));
  dead_letters->set_bytes(next.dead_letters.bytes);
  mqtt->set_limits(next.broker);
  if (uplink) uplink->set_limits(next.forward);
  config = next;
  arm_seal();
  return {};
}

// Ends what a device may no longer have: all of it if it is disabled, else what its certificate
// no longer opens.
void Node::State::enforce_device(const std::string& name) {
  if (devices->is_disabled(name)) mqtt->kick_device(name, codec::mqtt::Reason::administrative_action);
  const auto is_over = [this, name](const os::Peer& peer) {
    const auto role = crypto::role_of(peer.uris);
    return role && role->role == crypto::Role::device && role->name == name &&
           (devices->is_disabled(name) || !devices->check_certificate(name, peer.serial));
  };
  mqtt->end_where(is_over, codec::mqtt::Reason::not_authorized);
  http->end_where(is_over);
}

Result<void> Node::State::open_reconciler() {
  std::vector<std::unique_ptr<ReconcileKind>> kinds;
  kinds.push_back(std::make_unique<SettingKind>(*live));
  kinds.push_back(std::make_unique<DeviceKind>(
      *devices, [this](const std::string& device) { enforce_device(device); }));
  kinds.push_back(std::make_unique<ArtifactKind>(world.loop(), artifacts->fetcher()));
  auto wished_models = std::make_unique<ModelKind>(world.loop(), artifacts->fetcher(), artifacts->store(), *held_models);
  model_wishes = wished_models.get();
  kinds.push_back(std::move(wished_models));
  reconciler = TRY(base::while_doing(
      "reconcile",
      Reconciler::open(world, config.state, twins->store(), std::move(kinds), metrics)));
  live->on_change([this](const NodeConfig& next) { return apply_settings(next); });
  return {};
}

void Node::State::start_reconciler() {
  restore_models();
  reconciler->start(name());
  const os::Machine machine = os::machine();
  // What tasks may ask for of this node: rounded, so that a restart does not look like another machine.
  const auto folder = world.directory(config.state, true);
  const std::int64_t disk = folder ? static_cast<std::int64_t>((*folder)->free_bytes().value_or(0)) & ~((std::int64_t{1} << 30) - 1) : 0;
  base::JsonWriter json;
  json.begin_object()
      .field("name", name())
      .field("version", base::version)
      .field("started_at", base::to_iso8601(world.loop().wall_now()))
      .field("arch", machine.arch)
      .field("os", machine.os)
      .field("kernel", machine.kernel)
      .key("resources")
      .begin_object();
  if (machine.cpu > 0) json.field("cpu", machine.cpu);
  if (machine.memory > 0) json.field("memory", machine.memory);
  json.field("disk", disk)
      .end_object()
      .key("store")
      .begin_object()
      .field("blocks_bytes", config.store.block_bytes)
      .field("journal_bytes", config.store.journal_bytes)
      .field("retention", base::to_string(config.store.retention))
      .end_object()
      .end_object();
  reconciler->report_facts(json.text());
}

void Node::State::add_wish_routes() {
  using net::api::Right;
  http->route("GET", "/api/v1/settings",
              net::api::require(api->identify, Right::view,
                                [this](const net::api::Caller&, const net::http::Request&,
                                       const net::http::Respond& respond) {
                                  respond(net::http::Response::json(settings::to_json(live->explained())));
                                }));
  http->route("GET", "/api/v1/wishes",
              net::api::require(api->identify, Right::view,
                                [this](const net::api::Caller&, const net::http::Request&,
                                       const net::http::Respond& respond) {
                                  respond(net::http::Response::json(reconciler->items_json()));
                                }));
  http->route("POST", "/api/v1/wishes/retry",
              net::api::require(api->identify, Right::operate,
                                [this](const net::api::Caller& caller, const net::http::Request&,
                                       const net::http::Respond& respond) {
                                  if (api->audit) api->audit(caller, {"wishes.retry", name(), "", ""});
                                  reconciler->retry();
                                  respond(net::http::Response::json("{}"));
                                }));
}

}  // namespace selvedge::node
