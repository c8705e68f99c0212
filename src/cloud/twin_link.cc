#include "cloud/twin_link.h"

#include <cmath>
#include <utility>
#include <vector>

#include "base/log.h"
#include "codec/twin/twin.h"

namespace selvedge::cloud {

using things::CommandAnswer;

TwinLink::TwinLink(os::World& world, store::TwinStore& twins, base::Registry& metrics)
    : world_(world),
      twins_(twins),
      // From a random start, so that an answer to an earlier process finds nobody.
      last_request_(world.random_u64()),
      watch_(twins.watch([this](const store::TwinEvent& event) { changed(event); })),
      unreadable_(metrics.counter("selvedge_twin_sync_unreadable_total",
                                  "Messages about twins that could not be read.")),
      sent_(metrics.counter("selvedge_commands_sent_total", "Commands sent to nodes.")),
      answered_(metrics.counter("selvedge_commands_answered_total", "Commands that were answered.")),
      late_(metrics.counter("selvedge_commands_late_total", "Commands without an answer in time.")) {
  things::count(metrics, stats_);
  metrics.gauge_from("selvedge_twin_nodes_linked", "Nodes whose twins are being kept the same.",
                     [this] { return static_cast<double>(nodes_.size()); });
  metrics.gauge_from("selvedge_twin_clock_skew_seconds",
                     "The largest difference of a connected node's clock from ours.",
                     [this] { return worst_skew(); });
  metrics.gauge_from("selvedge_commands_waiting", "Commands that wait for an answer.",
                     [this] { return static_cast<double>(commands_.size()); });
}

TwinLink::~TwinLink() {
  twins_.unwatch(watch_);
  for (const auto& [request, pending] : commands_) world_.loop().cancel(pending.timer);
}

double TwinLink::worst_skew() const {
  double worst = 0;
  for (const auto& [name, node] : nodes_) {
    const double skew = std::chrono::duration<double>(node.link->sync().skew()).count();
    if (std::abs(skew) > std::abs(worst)) worst = skew;
  }
  return worst;
}

bool TwinLink::message(const engine::Arrived& message) {
  const std::string_view name = message.device;
  if (message.topic != codec::twin::up_topic(name)) return false;
  const auto decoded = codec::twin::decode(message.payload);
  if (!decoded) {
    unreadable_.add();
    base::log::warn("twins", "unreadable message", {{"node", name}, {"why", decoded.error()}});
    server_->kick_device(name, codec::mqtt::Reason::payload_format_invalid);
    return true;
  }
  if (const auto* answer = std::get_if<codec::twin::Answer>(&*decoded)) {
    answered(name, *answer);
    return true;
  }
  auto at = nodes_.find(name);
  if (at == nodes_.end()) {
    at = nodes_.emplace(std::string(name), Node{}).first;
    at->second.link = std::make_unique<things::SyncLink>(
        world_, twins_, std::string(name), stats_, static_cast<things::SyncHost&>(*this));
  }
  Node& node = at->second;
  if (node.conn != message.conn || !node.link->sync().is_connected()) {
    node.conn = message.conn;
    node.link->connected();
  }
  node.link->received(*decoded);
  return true;
}

// Commands on their way may have been carried out or not; who sent them is told that nobody knows.
bool TwinLink::left(engine::ConnId conn, std::string_view name) {
  const auto at = nodes_.find(name);
  if (at == nodes_.end() || at->second.conn != conn) return false;
  const std::size_t commands = at->second.commands;
  if (commands > 0) {
    std::vector<std::uint64_t> lost;
    for (const auto& [request, pending] : commands_)
      if (pending.node == name) lost.push_back(request);
    for (const std::uint64_t request : lost)
      end(request, things::refusal(408, "the node's connection was lost before an answer came"));
  }
  nodes_.erase(nodes_.find(name));
  return true;
}

void TwinLink::send_to_peer(std::string_view node, base::BytesView message) {
  server_->publish(codec::twin::down_topic(node), {message.begin(), message.end()}, 0, false);
}

void TwinLink::make_durable(std::function<void()> done) { twins_.commit(std::move(done)); }

void TwinLink::changed(const store::TwinEvent& event) {
  if (event.from_peer) return;
  const auto at = nodes_.find(model::twin_node(event.id));
  if (at != nodes_.end()) at->second.link->changed();
}

bool TwinLink::settled(std::string_view node) const {
  const auto at = nodes_.find(node);
  return at != nodes_.end() && at->second.link->sync().settled();
}

// ---- commands ----

void TwinLink::send(things::Command command, things::CommandDone done) {
  if (auto refused = refusal_of(command)) return done(std::move(*refused));
  const std::string name(model::twin_node(command.id));
  const auto at = nodes_.find(name);
  if (at == nodes_.end()) return done(things::refusal(404, "the node is not connected"));
  if (commands_.size() >= most_commands || at->second.commands >= most_per_node)
    return done(things::refusal(429, "too many commands wait for an answer"));
  const std::uint64_t request = ++last_request_;
  ++at->second.commands;
  Pending& pending = commands_[request];
  pending.node = name;
  pending.done = std::move(done);
  pending.timer = world_.loop().after(command.deadline, [this, request] {
    late_.add();
    end(request, things::refusal(408, "no answer came in time"));
  });
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(command.deadline).count();
  base::Bytes bytes;
  codec::twin::encode(
      codec::twin::Command{request, static_cast<std::uint32_t>(left), model::twin_device(command.id),
                           command.feature, command.subject, command.content_type, command.payload},
      bytes);
  sent_.add();
  send_to_peer(name, bytes);
}

void TwinLink::answered(std::string_view node, const codec::twin::Answer& answer) {
  const auto at = commands_.find(answer.request);
  if (at == commands_.end() || at->second.node != node) return;   // too late, or not its own
  answered_.add();
  CommandAnswer result{answer.status, std::string(answer.content_type),
                       {answer.payload.begin(), answer.payload.end()}, answer.from_device};
  end(answer.request, std::move(result));
}

void TwinLink::end(std::uint64_t request, CommandAnswer answer) {
  const auto at = commands_.find(request);
  if (at == commands_.end()) return;
  Pending pending = std::move(at->second);
  commands_.erase(at);
  world_.loop().cancel(pending.timer);
  if (const auto node = nodes_.find(pending.node); node != nodes_.end()) --node->second.commands;
  pending.done(std::move(answer));
}

}  // namespace selvedge::cloud
