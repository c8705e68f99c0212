// CONNECT, CONNACK, DISCONNECT and AUTH: how a connection begins and ends.

#include "codec/mqtt/body.h"
#include "codec/mqtt/properties.h"
#include "codec/mqtt/reason.h"

namespace selvedge::codec::mqtt {
namespace {

constexpr std::uint8_t flag_reserved = 0x01, flag_clean = 0x02, flag_will = 0x04,
                       flag_will_retain = 0x20, flag_password = 0x40, flag_username = 0x80;

// Name and level; the level decides how a refusal is written, so it is kept even if refused.
void read_protocol(Reader& in, Connect& to) {
  const std::string_view protocol = in.text();
  const std::uint8_t level = in.u8();
  if (!in.ok()) return;
  // The top bit is a mark that some bridges set.
  to.version = protocol == "MQTT" && (level & 0x7F) >= 5 ? Version::v5 : Version::v311;
  if (protocol != "MQTT" && protocol != "MQIsdp") {
    in.fail(Reason::unsupported_protocol_version, "protocol name is not MQTT");
  } else if (protocol != "MQTT" || (level != 4 && level != 5)) {
    in.fail(Reason::unsupported_protocol_version, "protocol level is neither 4 nor 5");
  }
}

void check_flags(Reader& in, std::uint8_t flags, Version version) {
  const unsigned will_qos = flags >> 3 & 3;
  const bool will = (flags & flag_will) != 0;
  if (flags & flag_reserved) {
    in.fail(Reason::malformed_packet, "reserved flag of CONNECT is set");
  } else if (!will && (will_qos != 0 || (flags & flag_will_retain) != 0)) {
    in.fail(Reason::malformed_packet, "will flags without a will");
  } else if (will_qos == 3) {
    in.fail(Reason::malformed_packet, "will QoS is 3");
  } else if (version == Version::v311 && (flags & flag_password) && !(flags & flag_username)) {
    in.fail(Reason::malformed_packet, "password without a user name");
  }
}

void read_will(Reader& in, Version version, std::uint8_t flags, Will& will) {
  will.qos = flags >> 3 & 3;
  will.retain = (flags & flag_will_retain) != 0;
  if (version == Version::v5) read_properties(in, allowed::will, will.properties);
  will.topic = in.text();
  will.payload = in.binary();
  if (in.ok() && !is_topic_name(will.topic)) {
    in.fail(Reason::topic_name_invalid, "will topic is empty or has a wildcard");
  }
}

// A reason, and properties unless the packet ends there.
template <typename Packet>
void read_reason(Reader& in, ReasonIn where, PropertySet set, Packet& to) {
  const std::uint8_t reason = in.u8();
  if (in.ok() && !may_carry(where, reason)) {
    in.fail(Reason::protocol_error, "reason code that this packet may not carry");
    return;
  }
  to.reason = static_cast<Reason>(reason);
  if (!in.at_end()) read_properties(in, set, to.properties);
}

}  // namespace

void read_connect(Reader& in, Connect& to) {
  read_protocol(in, to);
  const std::uint8_t flags = in.u8();
  to.keep_alive = in.u16();
  if (!in.ok()) return;
  check_flags(in, flags, to.version);
  to.clean_start = (flags & flag_clean) != 0;
  if (to.version == Version::v5) {
    read_properties(in, allowed::connect, to.properties);
    if (to.properties.authentication_data && !to.properties.authentication_method) {
      in.fail(Reason::protocol_error, "authentication data without a method");
    }
  }
  to.client_id = in.text();
  if (flags & flag_will) read_will(in, to.version, flags, to.will.emplace());
  if (flags & flag_username) to.username = in.text();
  if (flags & flag_password) to.password = in.binary();
}

void read_connack(Reader& in, Version version, ConnAck& to) {
  const std::uint8_t flags = in.u8();
  const std::uint8_t reason = in.u8();
  if (!in.ok()) return;
  if (flags > 1) in.fail(Reason::malformed_packet, "reserved flag of CONNACK is set");
  to.session_present = (flags & 1) != 0;
  if (version == Version::v311) {
    const auto known = from_return_code_311(reason);
    if (!known) in.fail(Reason::malformed_packet, "unknown return code in CONNACK");
    to.reason = known.value_or(Reason::success);
  } else if (in.at_end() && reason == 1) {       // a server that knows 3.1.1 only answers so
    in.fail(Reason::unsupported_protocol_version, "server does not speak MQTT 5");
  } else if (!may_carry(ReasonIn::connack, reason)) {
    in.fail(Reason::protocol_error, "reason code that this packet may not carry");
  } else {
    to.reason = static_cast<Reason>(reason);
    read_properties(in, allowed::connack, to.properties);
  }
  if (to.session_present && to.reason != Reason::success) {
    in.fail(Reason::protocol_error, "CONNACK refuses, yet has a session");
  }
}

void read_disconnect(Reader& in, Version version, Disconnect& to) {
  if (version == Version::v311 || in.at_end()) return;
  read_reason(in, ReasonIn::disconnect, allowed::disconnect, to);
}

void read_auth(Reader& in, Auth& to) {
  if (in.at_end()) return;
  read_reason(in, ReasonIn::auth, allowed::auth, to);
  if (!to.properties.authentication_method) {
    in.fail(Reason::protocol_error, "AUTH without an authentication method");
  }
}

}  // namespace selvedge::codec::mqtt
