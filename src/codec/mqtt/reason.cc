#include "codec/mqtt/reason.h"

#include <array>
#include <initializer_list>

namespace selvedge::codec::mqtt {
namespace {

using enum Reason;

// A set of reason codes, one bit each.
struct Set {
  std::array<std::uint64_t, 4> bits{};

  constexpr Set(std::initializer_list<Reason> reasons) {
    for (const Reason reason : reasons) {
      const auto code = static_cast<unsigned>(reason);
      bits[code / 64] |= std::uint64_t{1} << (code % 64);
    }
  }
  constexpr bool has(std::uint8_t code) const { return bits[code / 64] >> (code % 64) & 1; }
};

constexpr Set in_connack{
    success, unspecified_error, malformed_packet, protocol_error, implementation_error,
    unsupported_protocol_version, client_identifier_not_valid, bad_user_name_or_password,
    not_authorized, server_unavailable, server_busy, banned, bad_authentication_method,
    topic_name_invalid, packet_too_large, quota_exceeded, payload_format_invalid,
    retain_not_supported, qos_not_supported, use_another_server, server_moved,
    connection_rate_exceeded};
constexpr Set in_puback{
    success, no_matching_subscribers, unspecified_error, implementation_error, not_authorized,
    topic_name_invalid, packet_identifier_in_use, quota_exceeded, payload_format_invalid};
constexpr Set in_pubrel{success, packet_identifier_not_found};
constexpr Set in_suback{
    success, granted_qos_1, granted_qos_2, unspecified_error, implementation_error, not_authorized,
    topic_filter_invalid, packet_identifier_in_use, quota_exceeded,
    shared_subscriptions_not_supported, subscription_identifiers_not_supported,
    wildcard_subscriptions_not_supported};
constexpr Set in_unsuback{
    success, no_subscription_existed, unspecified_error, implementation_error, not_authorized,
    topic_filter_invalid, packet_identifier_in_use};
constexpr Set in_disconnect{
    success, disconnect_with_will, unspecified_error, malformed_packet, protocol_error,
    implementation_error, not_authorized, server_busy, server_shutting_down,
    bad_authentication_method, keep_alive_timeout, session_taken_over, topic_filter_invalid,
    topic_name_invalid, receive_maximum_exceeded, topic_alias_invalid, packet_too_large,
    message_rate_too_high, quota_exceeded, administrative_action, payload_format_invalid,
    retain_not_supported, qos_not_supported, use_another_server, server_moved,
    shared_subscriptions_not_supported, connection_rate_exceeded, maximum_connect_time,
    subscription_identifiers_not_supported, wildcard_subscriptions_not_supported};
constexpr Set in_auth{success, continue_authentication, re_authenticate};

}  // namespace

bool may_carry(ReasonIn packet, std::uint8_t reason) {
  switch (packet) {
    case ReasonIn::connack: return in_connack.has(reason);
    case ReasonIn::puback_or_pubrec: return in_puback.has(reason);
    case ReasonIn::pubrel_or_pubcomp: return in_pubrel.has(reason);
    case ReasonIn::suback: return in_suback.has(reason);
    case ReasonIn::unsuback: return in_unsuback.has(reason);
    case ReasonIn::disconnect: return in_disconnect.has(reason);
    case ReasonIn::auth: return in_auth.has(reason);
  }
  return false;
}

Reason fit(ReasonIn packet, Reason reason) {
  if (may_carry(packet, static_cast<std::uint8_t>(reason))) return reason;
  switch (packet) {
    case ReasonIn::pubrel_or_pubcomp: return packet_identifier_not_found;
    case ReasonIn::disconnect: return protocol_error;
    case ReasonIn::auth: return continue_authentication;
    default: return unspecified_error;
  }
}

std::uint8_t return_code_311(Reason reason) {
  switch (reason) {
    case success: return 0;
    case unsupported_protocol_version: return 1;
    case client_identifier_not_valid: return 2;
    case bad_user_name_or_password: return 4;
    case not_authorized:
    case banned:
    case bad_authentication_method: return 5;
    default: return is_error(reason) ? 3 : 0;    // server unavailable says "later" to all others
  }
}

std::optional<Reason> from_return_code_311(std::uint8_t code) {
  constexpr std::array reasons{success, unsupported_protocol_version, client_identifier_not_valid,
                               server_unavailable, bad_user_name_or_password, not_authorized};
  if (code >= reasons.size()) return std::nullopt;
  return reasons[code];
}

bool is_error(Reason reason) { return static_cast<std::uint8_t>(reason) >= 0x80; }

std::string_view name(Reason reason) {
  switch (reason) {
    case success: return "success";
    case granted_qos_1: return "granted_qos_1";
    case granted_qos_2: return "granted_qos_2";
    case disconnect_with_will: return "disconnect_with_will";
    case no_matching_subscribers: return "no_matching_subscribers";
    case no_subscription_existed: return "no_subscription_existed";
    case continue_authentication: return "continue_authentication";
    case re_authenticate: return "re_authenticate";
    case unspecified_error: return "unspecified_error";
    case malformed_packet: return "malformed_packet";
    case protocol_error: return "protocol_error";
    case implementation_error: return "implementation_error";
    case unsupported_protocol_version: return "unsupported_protocol_version";
    case client_identifier_not_valid: return "client_identifier_not_valid";
    case bad_user_name_or_password: return "bad_user_name_or_password";
    case not_authorized: return "not_authorized";
    case server_unavailable: return "server_unavailable";
    case server_busy: return "server_busy";
    case banned: return "banned";
    case server_shutting_down: return "server_shutting_down";
    case bad_authentication_method: return "bad_authentication_method";
    case keep_alive_timeout: return "keep_alive_timeout";
    case session_taken_over: return "session_taken_over";
    case topic_filter_invalid: return "topic_filter_invalid";
    case topic_name_invalid: return "topic_name_invalid";
    case packet_identifier_in_use: return "packet_identifier_in_use";
    case packet_identifier_not_found: return "packet_identifier_not_found";
    case receive_maximum_exceeded: return "receive_maximum_exceeded";
    case topic_alias_invalid: return "topic_alias_invalid";
    case packet_too_large: return "packet_too_large";
    case message_rate_too_high: return "message_rate_too_high";
    case quota_exceeded: return "quota_exceeded";
    case administrative_action: return "administrative_action";
    case payload_format_invalid: return "payload_format_invalid";
    case retain_not_supported: return "retain_not_supported";
    case qos_not_supported: return "qos_not_supported";
    case use_another_server: return "use_another_server";
    case server_moved: return "server_moved";
    case shared_subscriptions_not_supported: return "shared_subscriptions_not_supported";
    case connection_rate_exceeded: return "connection_rate_exceeded";
    case maximum_connect_time: return "maximum_connect_time";
    case subscription_identifiers_not_supported: return "subscription_identifiers_not_supported";
    case wildcard_subscriptions_not_supported: return "wildcard_subscriptions_not_supported";
  }
  return "unknown";
}

}  // namespace selvedge::codec::mqtt
