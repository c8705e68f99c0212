#include <algorithm>
#include <utility>

#include "base/log.h"
#include "codec/twin/twin.h"
#include "cloud/state.h"
#include "things/twin_metrics.h"

namespace selvedge::cloud {

using base::Result;
using codec::mqtt::Reason;

namespace {

engine::BrokerLimits broker_limits(const CloudConfig& config) {
  engine::BrokerLimits limits;
  limits.packet_bytes = codec::uplink::max_batch_bytes + 1024;
  limits.connections = config.nodes;
  limits.sessions = config.nodes;
  limits.unsent_bytes = 4 << 20;
  return limits;
}

// A node speaks on its own topics and no others.
engine::Access access() {
  return {[](std::string_view node, std::string_view topic) {
            return topic == codec::uplink::blocks_topic(node) ||
                   topic == codec::uplink::raw_answer_topic(node) ||
                   topic == codec::twin::up_topic(node);
          },
          [](std::string_view node, std::string_view filter) {
            return filter == codec::uplink::ack_topic(node) ||
                   filter == codec::twin::down_topic(node) ||
                   filter == codec::uplink::raw_request_topic(node) ||
                   filter == codec::uplink::identity_topic(node);
          }};
}

}  // namespace

Result<void> Cloud::State::admit(const os::Peer& peer) const {
  if (authority->ledger().is_revoked(peer.serial))
    return base::fail(base::Code::denied, "certificate " + peer.serial + " is revoked");
  return {};
}

void Cloud::State::login(net::mqtt::LoginRequest request, const std::function<void(engine::Grant)>& answer) {
  const auto role = crypto::role_of(request.facts.uris);
  if (!role || role->role != crypto::Role::node || role->name != request.client_id) {
    base::log::warn("mqtt", "login refused",
                    {{"from", request.facts.address},
                     {"certificate", request.facts.common_name},
                     {"client_id", request.client_id}});
    return answer({Reason::not_authorized, {}, {}});
  }
  base::log::info("mqtt", "node connected", {{"node", role->name}, {"from", request.facts.address}});
  store->seen(role->name, world.loop().wall_now());
  answer({Reason::success, role->name, {}});
}

void Cloud::State::make_mqtt() {
  net::mqtt::Hooks hooks;
  hooks.login = [this](net::mqtt::LoginRequest request,
                       std::function<void(engine::Grant)> answer) {
    login(std::move(request), answer);
  };
  hooks.arrived = [this](std::span<const engine::Arrived> messages) {
    for (const engine::Arrived& message : messages) {
      if (twin_link->message(message)) jobs->node_connected(message.device);
      else if (!raw_fetch->message(message)) receiver->take(message.device, message.payload);
      if (message.token) mqtt->settle(*message.token, Reason::success);
    }
  };
  hooks.left = [this](engine::ConnId conn, std::string_view node) {
    if (twin_link->left(conn, node)) jobs->node_left(node);
    raw_fetch->left(node);
  };
  mqtt = std::make_unique<net::mqtt::Server>(world, broker_limits(config), access(),
                                             std::move(hooks));
  receiver->attach(*mqtt);
  twin_link->attach(*mqtt);
  raw_fetch->attach(*mqtt);
  metrics.gauge_from("selvedge_cloud_nodes_connected", "Nodes connected now.",
                     [this] { return static_cast<double>(mqtt->stats().connections); });
  metrics.counter_from("selvedge_mqtt_protocol_errors_total", "Connections ended for an error.",
                       [this] { return static_cast<double>(mqtt->stats().protocol_errors); });
}

Result<void> Cloud::State::open_twins() {
  twins = TRY(base::while_doing(
      "twins", store::TwinStore::open(world, config.state + "/twins", "cloud", {})));
  twin_link = std::make_unique<TwinLink>(world, *twins, metrics);
  things::add_twin_metrics(metrics, *twins);
  return {};
}

Result<void> Cloud::State::open_jobs() {
  jobs = TRY(Jobs::open(world, config.state + "/jobs", *twins, config.jobs_settings(), metrics));
  return {};
}

std::unordered_set<std::string> Cloud::State::connected_nodes() const {
  std::unordered_set<std::string> connected;
  for (auto& session : mqtt->sessions(config.nodes))
    if (session.connected) connected.insert(std::move(session.device));
  return connected;
}

}  // namespace selvedge::cloud
