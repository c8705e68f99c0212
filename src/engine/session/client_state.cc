#include "engine/session/client_state.h"

#include <algorithm>
#include <type_traits>

namespace selvedge::engine {

namespace mqtt = codec::mqtt;
using base::Code;
using mqtt::Reason;

namespace {

// What the caller can do about a server's reason.
Code code_of(Reason reason) {
  switch (reason) {
    case Reason::bad_user_name_or_password:
    case Reason::not_authorized:
    case Reason::banned:
    case Reason::bad_authentication_method: return Code::denied;
    case Reason::unsupported_protocol_version:
    case Reason::client_identifier_not_valid:
    case Reason::topic_name_invalid:
    case Reason::topic_filter_invalid:
    case Reason::payload_format_invalid:
    case Reason::retain_not_supported:
    case Reason::qos_not_supported:
    case Reason::packet_too_large: return Code::invalid_input;
    case Reason::session_taken_over: return Code::conflict;
    case Reason::quota_exceeded:
    case Reason::message_rate_too_high:
    case Reason::connection_rate_exceeded:
    case Reason::receive_maximum_exceeded: return Code::exhausted;
    case Reason::malformed_packet:
    case Reason::protocol_error:
    case Reason::topic_alias_invalid: return Code::corrupt;
    default: return Code::unavailable;
  }
}

// "connect: server says not_authorized (no such device)".
base::Error told(std::string_view step, Reason reason, const mqtt::Properties& properties) {
  std::string message = std::string(step) + ": server says " + std::string(mqtt::name(reason));
  if (properties.reason_string) message += " (" + std::string(*properties.reason_string) + ")";
  if (properties.server_reference) {
    message += ", use " + std::string(*properties.server_reference);
  }
  return {.code = code_of(reason), .message = std::move(message)};
}

constexpr mqtt::DecodeError unasked{.reason = Reason::protocol_error,
                                    .what = "packet that a server may not send here"};

}  // namespace

Client::State::State(ClientOptions given)
    : options(std::move(given)),
      client_id(options.client_id),
      outbox(options.version, std::max<std::uint16_t>(options.inflight, 1), options.waiting_bytes,
             ids),
      subscriptions(options.version, ids),
      inbox(options.version, std::max<std::uint16_t>(options.receive_maximum, 1)),
      decoder(options.packet_bytes) {}

// A session that outlives its connection is begun anew only the first time.
bool Client::State::wants_clean_start() const {
  return options.clean_start && !(options.session_expiry > 0 && had_session);
}

bool Client::State::only_ends_old_session() const {
  return options.version == mqtt::Version::v311 && options.session_expiry > 0 &&
         wants_clean_start();
}

void Client::State::send_connect(ClientEvents& out) {
  mqtt::Connect packet;
  packet.version = options.version;
  packet.client_id = client_id;
  packet.clean_start = wants_clean_start();
  packet.keep_alive = options.keep_alive;
  if (options.username) packet.username = *options.username;
  if (options.password) {
    packet.password = base::as_bytes(*options.password);
    // 3.1.1 has no password without a user name, but an empty one will do.
    if (options.version == mqtt::Version::v311 && !packet.username) packet.username = "";
  }
  if (options.will && !only_ends_old_session()) {
    mqtt::Will& will = packet.will.emplace();
    will.topic = options.will->topic;
    will.payload = options.will->payload;
    will.qos = options.will->qos;
    will.retain = options.will->retain;
    if (options.will->delay > 0) will.properties.will_delay = options.will->delay;
  }
  if (options.session_expiry > 0) packet.properties.session_expiry = options.session_expiry;
  packet.properties.receive_maximum = std::max<std::uint16_t>(options.receive_maximum, 1);
  packet.properties.maximum_packet_size = std::max(options.packet_bytes, 1u);
  packet.properties.topic_alias_maximum = ClientInbox::alias_maximum;
  mqtt::encode(packet, out.send);
}

void Client::State::pump(ClientEvents& out) {
  if (link != Link::up) return;
  subscriptions.pump(limits, out);
  outbox.pump(limits, out);
}

void Client::State::close(base::Error why, ClientEvents& out) {
  link = Link::closing;
  out.close = std::move(why);
}

void Client::State::refuse(const mqtt::DecodeError& error, ClientEvents& out) {
  if (link == Link::up && options.version == mqtt::Version::v5) {
    mqtt::encode(mqtt::Disconnect{.reason = error.reason, .properties = {}}, options.version,
                 out.send);
  }
  close({.code = code_of(error.reason), .message = "read from server: " + std::string(error.what)},
        out);
}

void Client::State::take(const mqtt::Packet& packet, ClientEvents& out) {
  const bool in_turn = std::holds_alternative<mqtt::ConnAck>(packet) == (link == Link::connecting);
  if (!in_turn) return refuse(unasked, out);
  std::visit([&]<typename Kind>(const Kind& one) {
    if constexpr (requires { on(one, out); }) {
      on(one, out);
    } else if constexpr (std::is_same_v<Kind, mqtt::UnsubAck>) {
      refuse({.reason = Reason::protocol_error, .what = "UNSUBACK to no UNSUBSCRIBE"}, out);
    } else {
      refuse(unasked, out);
    }
  }, packet);
}

void Client::State::on(const mqtt::ConnAck& packet, ClientEvents& out) {
  if (mqtt::is_error(packet.reason)) {
    return close(told("connect", packet.reason, packet.properties), out);
  }
  if (packet.session_present && wants_clean_start()) {
    return refuse({.reason = Reason::protocol_error,
                   .what = "CONNACK has a session after a clean start"}, out);
  }
  const mqtt::Properties& p = packet.properties;
  limits = ServerLimits{
      .receive_maximum = p.receive_maximum.value_or(65'535),
      .packet_bytes = p.maximum_packet_size.value_or(UINT32_MAX),
      .maximum_qos = p.maximum_qos.value_or(2),
      .retain_available = p.retain_available.value_or(1) != 0,
      .wildcard_available = p.wildcard_available.value_or(1) != 0,
      .shared_available = p.shared_available.value_or(1) != 0,
  };
  keep_alive = p.server_keep_alive.value_or(options.keep_alive);
  if (p.assigned_client_id) client_id = *p.assigned_client_id;
  if (!packet.session_present) {
    outbox.session_lost();
    subscriptions.session_lost();
    inbox.session_lost();
  }
  const bool connects_again = only_ends_old_session();
  had_session = true;
  if (connects_again) {
    // A clean session of 3.1.1 ends with its connection; the next one begins a session that stays.
    mqtt::encode(mqtt::Disconnect{}, options.version, out.send);
    return close({.code = Code::unavailable,
                  .message = "connect: the old session is gone; connect again for a new one"},
                 out);
  }
  link = Link::up;
  out.connected = true;
  out.session_present = packet.session_present;
}

void Client::State::on(const mqtt::Publish& packet, ClientEvents& out) {
  const auto taken = inbox.publish(packet, out);
  if (!taken) refuse(taken.error(), out);
}

void Client::State::on(const mqtt::PubAck& packet, ClientEvents& out) {
  if (outbox.puback(packet.packet_id, packet.reason, out)) return;
  refuse({.reason = Reason::protocol_error, .what = "PUBACK to a publish of QoS 2"}, out);
}

void Client::State::on(const mqtt::PubRec& packet, ClientEvents& out) {
  if (outbox.pubrec(packet.packet_id, packet.reason, out)) return;
  refuse({.reason = Reason::protocol_error, .what = "PUBREC out of place"}, out);
}

void Client::State::on(const mqtt::PubRel& packet, ClientEvents& out) {
  inbox.pubrel(packet.packet_id, out);
}

void Client::State::on(const mqtt::PubComp& packet, ClientEvents& out) {
  if (outbox.pubcomp(packet.packet_id, out)) return;
  refuse({.reason = Reason::protocol_error, .what = "PUBCOMP before PUBREC"}, out);
}

void Client::State::on(const mqtt::SubAck& packet, ClientEvents& out) {
  if (subscriptions.suback(packet, out)) return;
  refuse({.reason = Reason::protocol_error, .what = "SUBACK to no SUBSCRIBE of ours"}, out);
}

void Client::State::on(const mqtt::PingResp&, ClientEvents&) {}

void Client::State::on(const mqtt::Disconnect& packet, ClientEvents& out) {
  if (options.version == mqtt::Version::v311) return refuse(unasked, out);
  close(told("connection ended", packet.reason, packet.properties), out);
}

}  // namespace selvedge::engine
