#include "engine/session/client_subscriptions.h"

#include <algorithm>

namespace selvedge::engine {

namespace mqtt = codec::mqtt;
using mqtt::Reason;

namespace {
constexpr std::size_t most_filters = 64;         // in one SUBSCRIBE
constexpr std::size_t head_bytes = 8;            // of a SUBSCRIBE, at most
constexpr std::size_t filter_bytes = 3;          // around each filter
}  // namespace

void ClientSubscriptions::add(std::string_view filter, std::uint8_t qos, ClientEvents& out) {
  if (!mqtt::is_topic_filter(filter) || !mqtt::split_shared(filter)) {
    out.subscribed.push_back({.filter = std::string(filter),
                              .reason = Reason::topic_filter_invalid});
    return;
  }
  const auto same = [&](const Remembered& one) { return one.filter == filter; };
  const auto known = std::find_if(all_.begin(), all_.end(), same);
  if (known == all_.end()) {
    all_.push_back({.filter = std::string(filter), .qos = qos, .stage = Stage::wanted});
  } else {
    known->qos = qos;
    known->stage = Stage::wanted;
  }
}

void ClientSubscriptions::pump(const ServerLimits& limits, ClientEvents& out) {
  if (packet_id_ != 0) return;
  mqtt::Subscribe packet;
  std::size_t size = head_bytes;
  for (std::size_t i = 0; i < all_.size() && asked_.size() < most_filters; ++i) {
    Remembered& one = all_[i];
    if (one.stage != Stage::wanted) continue;
    const std::size_t more = filter_bytes + one.filter.size();
    const Reason refusal = limits.refusal(one.filter, head_bytes + more);
    if (refusal != Reason::success) {
      one.stage = Stage::answered;
      out.subscribed.push_back({.filter = one.filter, .reason = refusal});
      continue;
    }
    if (size + more > limits.packet_bytes) break;
    size += more;
    one.stage = Stage::asked;
    asked_.push_back(i);
    packet.subscriptions.push_back({.filter = one.filter, .qos = one.qos});
  }
  if (asked_.empty()) return;
  packet_id_ = packet.packet_id = ids_.take();
  mqtt::encode(packet, version_, out.send);
}

void ClientSubscriptions::connection_lost() {
  if (packet_id_ != 0) ids_.give_back(packet_id_);
  packet_id_ = 0;
  for (const std::size_t i : asked_) all_[i].stage = Stage::wanted;
  asked_.clear();
}

void ClientSubscriptions::session_lost() {
  for (Remembered& one : all_) one.stage = Stage::wanted;
}

bool ClientSubscriptions::suback(const mqtt::SubAck& answer, ClientEvents& out) {
  if (packet_id_ == 0 || answer.packet_id != packet_id_ ||
      answer.reasons.size() != asked_.size()) {
    return false;
  }
  for (std::size_t i = 0; i < asked_.size(); ++i) {
    Remembered& one = all_[asked_[i]];
    if (one.stage == Stage::asked) one.stage = Stage::answered;  // else wanted anew meanwhile
    out.subscribed.push_back({.filter = one.filter, .reason = answer.reasons[i]});
  }
  asked_.clear();
  ids_.give_back(packet_id_);
  packet_id_ = 0;
  return true;
}

}  // namespace selvedge::engine
