#include "node/commands.h"

#include <array>
#include <utility>

#include "base/text.h"
#include "codec/twin/shadow.h"
#include "codec/twin/twin.h"

namespace selvedge::node {

using codec::mqtt::Reason;
using things::CommandAnswer;

Commands::Commands(os::World& world, base::Registry& metrics, CommandHost host)
    : world_(world),
      host_(std::move(host)),
      sent_(metrics.counter("selvedge_commands_sent_total", "Commands published to devices.")),
      answered_(metrics.counter("selvedge_commands_answered_total", "Commands that devices answered.")),
      late_(metrics.counter("selvedge_commands_late_total", "Commands without an answer in time.")),
      unasked_(metrics.counter("selvedge_commands_unasked_total",
                               "Answers that nobody waited for (any more).")) {
  metrics.gauge_from("selvedge_commands_waiting", "Commands that wait for an answer.",
                     [this] { return static_cast<double>(pending_.size()); });
}

Commands::~Commands() {
  for (const auto& [correlation, pending] : pending_) world_.loop().cancel(pending.timer);
}

std::string Commands::new_correlation() const {
  std::array<std::uint8_t, 8> bytes{};
  world_.entropy(bytes);
  return base::to_hex(bytes);
}

void Commands::send(things::Command command, things::CommandDone done) {
  if (auto refused = refusal_of(command)) return done(std::move(*refused));
  const std::string device(model::twin_device(command.id));
  if (model::twin_node(command.id) != host_.node())
    return done(things::refusal(404, "the device is not on this node"));
  std::size_t& waiting = per_device_[device];
  if (pending_.size() >= most || waiting >= most_per_device) {
    if (waiting == 0) per_device_.erase(device);
    return done(things::refusal(429, "too many commands wait for an answer"));
  }
  ++waiting;
  const std::string correlation = new_correlation();
  net::mqtt::Message message;
  message.topic = codec::twin::command_topic(device, command.feature, command.subject, correlation);
  message.payload = std::move(command.payload);
  message.content_type = std::move(command.content_type);
  message.response_topic = message.topic + "/reply";
  message.correlation = base::to_bytes(correlation);
  message.reached = [this, correlation, living = std::weak_ptr<bool>(alive_)](std::size_t reached) {
    if (living.expired() || reached > 0) return;
    end(correlation, things::refusal(404, "the device is not connected, or listens to no commands"));
  };
  Pending& pending = pending_[correlation];
  pending.device = device;
  pending.done = std::move(done);
  pending.timer = world_.loop().after(command.deadline, [this, correlation] {
    late_.add();
    end(correlation, things::refusal(408, "the device did not answer in time"));
  });
  sent_.add();
  host_.publish(std::move(message));
}

void Commands::end(const std::string& correlation, CommandAnswer answer) {
  const auto at = pending_.find(correlation);
  if (at == pending_.end()) return;
  Pending pending = std::move(at->second);
  pending_.erase(at);
  world_.loop().cancel(pending.timer);
  if (const auto count = per_device_.find(pending.device); --count->second == 0)
    per_device_.erase(count);
  pending.done(std::move(answer));
}

bool Commands::message(const engine::Arrived& message) {
  if (!message.topic.starts_with(codec::twin::command_root)) return false;
  if (message.token) host_.settle(*message.token, Reason::success);
  const auto reply = codec::twin::parse_reply_topic(message.topic);
  if (!reply) return true;
  const std::string correlation(reply->correlation);
  const auto at = pending_.find(correlation);
  if (at == pending_.end() || at->second.device != reply->device) {
    unasked_.add();
    return true;
  }
  CommandAnswer answer{reply->status, {}, {}, true};
  if (message.properties != nullptr && message.properties->content_type &&
      message.properties->content_type->size() <= 128)
    answer.content_type = *message.properties->content_type;
  if (message.payload.size() > codec::twin::max_payload_bytes)
    answer = things::refusal(413, "the answer is larger than 128 KiB");
  else answer.payload.assign(message.payload.begin(), message.payload.end());
  answered_.add();
  end(correlation, std::move(answer));
  return true;
}

}  // namespace selvedge::node
