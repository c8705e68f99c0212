#include "engine/session/client_outbox.h"

namespace selvedge::engine {

namespace mqtt = codec::mqtt;
using mqtt::Reason;

std::uint16_t PacketIds::take() {
  do {
    ++last_;
  } while (last_ == 0 || taken_.test(last_));
  taken_.set(last_);
  return last_;
}

Reason ServerLimits::refusal(std::uint8_t qos, bool retain, std::size_t packet_size) const {
  if (qos > maximum_qos) return Reason::qos_not_supported;
  if (retain && !retain_available) return Reason::retain_not_supported;
  if (packet_size > packet_bytes) return Reason::packet_too_large;
  return Reason::success;
}

Reason ServerLimits::refusal(std::string_view filter, std::size_t packet_size) const {
  const bool shared = filter.starts_with("$share/");
  const bool wildcard = filter.find_first_of("+#") != filter.npos;
  if (shared && !shared_available) return Reason::shared_subscriptions_not_supported;
  if (wildcard && !wildcard_available) return Reason::wildcard_subscriptions_not_supported;
  if (packet_size > packet_bytes) return Reason::packet_too_large;
  return Reason::success;
}

base::Result<PublishId> ClientOutbox::add(const mqtt::Publish& publish) {
  Kept kept;
  mqtt::encode(publish, version_, kept.packet);
  const std::size_t after_id = publish.payload.size() + (version_ == mqtt::Version::v5 ? 1 : 0);
  kept.packet_id_at = static_cast<std::uint32_t>(kept.packet.size() - after_id - 2);
  if (kept.packet.size() > bytes_bound_) {
    return base::fail(base::Code::invalid_input,
                      "publish: packet of " + std::to_string(kept.packet.size()) +
                          " bytes is larger than all that may wait (" +
                          std::to_string(bytes_bound_) + ")");
  }
  if (bytes_ + kept.packet.size() > bytes_bound_) {
    return base::fail(base::Code::exhausted,
                      "publish: " + std::to_string(kept_.size()) +
                          " publishes wait for the server, which is all that may");
  }
  bytes_ += kept.packet.size();
  kept.id = PublishId{++last_id_};
  kept_.push_back(std::move(kept));
  return PublishId{last_id_};
}

void ClientOutbox::pump(const ServerLimits& limits, ClientEvents& out) {
  const std::size_t window = std::min(inflight_, limits.receive_maximum);
  while (sent_ < window && sent_ < kept_.size()) {
    Kept& next = kept_[sent_];
    const Reason refusal = limits.refusal(next.qos(), next.retain(), next.packet.size());
    if (refusal != Reason::success && next.stage == Stage::publish) {
      finish(next, refusal, out);
    } else {
      send(next, out);
      ++sent_;
    }
  }
}

void ClientOutbox::send(Kept& kept, ClientEvents& out) {
  constexpr std::uint8_t duplicate = 0x08;
  if (kept.stage == Stage::pubrel) {
    mqtt::encode(mqtt::PubRel{.packet_id = kept.packet_id, .reason = {}, .properties = {}},
                 version_, out.send);
    return;
  }
  if (kept.packet_id == 0) {
    kept.packet_id = ids_.take();
    ++numbered_;
    kept.packet[kept.packet_id_at] = static_cast<std::uint8_t>(kept.packet_id >> 8);
    kept.packet[kept.packet_id_at + 1] = static_cast<std::uint8_t>(kept.packet_id);
  } else {
    kept.packet[0] |= duplicate;
  }
  base::append(out.send, kept.packet);
}

// The server knows nothing of what was open: identifiers and progress are void.
void ClientOutbox::session_lost() {
  for (std::size_t i = 0; i < numbered_; ++i) {
    Kept& kept = kept_[i];
    ids_.give_back(kept.packet_id);
    kept.packet_id = 0;
    kept.stage = Stage::publish;
    kept.packet[0] &= 0xF7;              // not a duplicate: this session has not seen it
  }
  numbered_ = 0;
}

// Servers acknowledge in order (4.6), so it is nearly always the first.
ClientOutbox::Kept* ClientOutbox::find(std::uint16_t packet_id) {
  for (std::size_t i = 0; i < sent_; ++i) {
    if (kept_[i].packet_id == packet_id) return &kept_[i];
  }
  return nullptr;
}

void ClientOutbox::finish(Kept& kept, Reason reason, ClientEvents& out) {
  out.acknowledged.push_back({.id = kept.id, .reason = reason});
  bytes_ -= kept.packet.size();
  if (kept.packet_id != 0) {
    ids_.give_back(kept.packet_id);
    --numbered_;
  }
  if (&kept == &kept_.front()) {
    kept_.pop_front();
    return;
  }
  const auto same = [&](const Kept& one) { return &one == &kept; };
  kept_.erase(std::find_if(kept_.begin(), kept_.end(), same));
}

bool ClientOutbox::puback(std::uint16_t packet_id, Reason reason, ClientEvents& out) {
  Kept* const kept = find(packet_id);
  if (!kept) return true;                // settled already; nothing depends on it
  if (kept->qos() != 1) return false;
  --sent_;
  finish(*kept, reason, out);
  return true;
}

bool ClientOutbox::pubrec(std::uint16_t packet_id, Reason reason, ClientEvents& out) {
  Kept* const kept = find(packet_id);
  if (kept && kept->qos() != 2) return false;
  if (kept && mqtt::is_error(reason)) {
    if (kept->stage != Stage::publish) return false;
    --sent_;
    finish(*kept, reason, out);
  } else if (kept) {
    kept->stage = Stage::pubrel;
    kept->received = reason;
    send(*kept, out);
  } else if (!mqtt::is_error(reason)) {  // the server waits for the end of what we do not know
    mqtt::encode(mqtt::PubRel{.packet_id = packet_id,
                              .reason = Reason::packet_identifier_not_found, .properties = {}},
                 version_, out.send);
  }
  return true;
}

bool ClientOutbox::pubcomp(std::uint16_t packet_id, ClientEvents& out) {
  Kept* const kept = find(packet_id);
  if (!kept) return true;
  if (kept->stage != Stage::pubrel) return false;
  --sent_;
  finish(*kept, kept->received, out);
  return true;
}

}  // namespace selvedge::engine
