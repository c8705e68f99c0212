// Twins: the twins of a node and of its devices, and everything that speaks about them: devices by MQTT
// (Shadow, Commands), the cloud (TwinLink), readings that update them and readings made of their
// changes. Operators come by HTTP through things::add_twin_routes.
//
// Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "net/mqtt/server.h"
#include "node/commands.h"
#include "node/ingest.h"
#include "node/shadow.h"
#include "node/telemetry_twins.h"
#include "node/twin_history.h"
#include "node/twin_link.h"
#include "os/world.h"
#include "store/twin_store.h"

namespace selvedge::node {

struct TwinsHost {
  std::function<std::string()> node;                        // the node's name
  std::function<void(net::mqtt::Message)> publish;
  std::function<void(engine::Token, codec::mqtt::Reason)> settle;
  // The broker's sessions are on disk; may call back at once.
  std::function<void(std::function<void()>)> commit_sessions;
  std::function<void()> plan_commit;                        // readings were added
  engine::RateLimits device_requests = {};                  // about its twin, by MQTT
  std::function<void()> opened = {};                        // as of TwinLinkHost
  std::function<void(base::Instant sent)> contact = {};
  // Of the cloud, to the node itself: true if `done` was taken.
  std::function<bool(const things::Command&, things::CommandDone& done)> own_command = {};
};

class Twins {
 public:
  // The store in <state>/twins. `ingest` must outlive this.
  static base::Result<std::unique_ptr<Twins>> open(os::World& world, std::string_view state,
                                                   std::vector<TelemetryRule> rules, Ingest& ingest,
                                                   base::Registry& metrics, TwinsHost host);

  store::TwinStore& store() { return *store_; }
  // True if the message was about twins or commands; then it is settled here.
  bool message(const engine::Arrived& message);
  void subscribed(std::span<const engine::Outputs::Subscribed> subscriptions);
  void reading(model::SeriesId id, std::string_view series, std::string_view device, base::Time time,
               const model::ValueView& value) {
    if (telemetry_) telemetry_->reading(id, series, device, time, value);
  }
  // Before the uplink starts.
  void attach(Uplink& uplink, std::string node) { link_->attach(uplink, std::move(node)); }
  // Sends a live command to a device of this node.
  void send(things::Command command, things::CommandDone done);
  // Calls back when all changes so far, and what devices shall hear of them, are on disk.
  void commit(std::function<void()> done);
  // The cloud has everything.
  bool settled() const { return link_->settled(); }
  void close(std::function<void()> done);

 private:
  Twins() = default;

  TwinsHost host_;
  std::unique_ptr<store::TwinStore> store_;
  std::unique_ptr<Commands> commands_;
  std::unique_ptr<Shadow> shadow_;
  std::unique_ptr<TelemetryTwins> telemetry_;
  std::unique_ptr<TwinHistory> history_;
  std::unique_ptr<TwinLink> link_;
};

}  // namespace selvedge::node
