#include "engine/session/client_inbox.h"

namespace selvedge::engine {

namespace mqtt = codec::mqtt;
using mqtt::DecodeError;
using mqtt::Reason;

std::expected<std::string_view, DecodeError> ClientInbox::topic_of(const mqtt::Publish& packet) {
  const auto alias = packet.properties.topic_alias;
  if (!alias) return packet.topic;
  if (*alias > alias_maximum) {
    return std::unexpected(DecodeError{.reason = Reason::topic_alias_invalid,
                                       .what = "topic alias above the maximum we gave"});
  }
  if (aliases_.size() <= *alias) aliases_.resize(*alias + std::size_t{1});
  std::string& known = aliases_[*alias];
  if (!packet.topic.empty()) known = packet.topic;
  if (known.empty()) {
    return std::unexpected(DecodeError{.reason = Reason::protocol_error,
                                       .what = "topic alias that was never set"});
  }
  return known;
}

std::expected<void, DecodeError> ClientInbox::publish(const mqtt::Publish& packet,
                                                      ClientEvents& out) {
  const std::string_view topic = TRY(topic_of(packet));
  const bool repeated = packet.qos == 2 && received_.test(packet.packet_id);
  if (packet.qos > 0 && !repeated && version_ == mqtt::Version::v5 && open_ >= receive_maximum_) {
    return std::unexpected(DecodeError{.reason = Reason::receive_maximum_exceeded,
                                       .what = "more open publishes than our receive maximum"});
  }
  if (!repeated) {
    out.messages.push_back({.topic = std::string(topic),
                            .payload = {packet.payload.begin(), packet.payload.end()},
                            .qos = packet.qos, .retain = packet.retain});
  }
  if (packet.qos == 1) {
    mqtt::encode(mqtt::PubAck{.packet_id = packet.packet_id, .reason = {}, .properties = {}},
                 version_, out.send);
  } else if (packet.qos == 2) {
    if (!repeated) ++open_;
    received_.set(packet.packet_id);
    mqtt::encode(mqtt::PubRec{.packet_id = packet.packet_id, .reason = {}, .properties = {}},
                 version_, out.send);
  }
  return {};
}

void ClientInbox::pubrel(std::uint16_t packet_id, ClientEvents& out) {
  const bool known = received_.test(packet_id);
  if (known) --open_;
  received_.reset(packet_id);
  mqtt::encode(mqtt::PubComp{.packet_id = packet_id,
                             .reason = known ? Reason::success
                                             : Reason::packet_identifier_not_found,
                             .properties = {}},
               version_, out.send);
}

void ClientInbox::session_lost() {
  received_.reset();
  open_ = 0;
}

}  // namespace selvedge::engine
