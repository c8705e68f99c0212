// Properties of MQTT 5: their identifiers and types, and which packet may carry which (2.2.2.2).
// Private.

#pragma once

#include <cstdint>

#include "codec/mqtt/packet.h"
#include "codec/mqtt/reader.h"

namespace selvedge::codec::mqtt {

enum class PropertyId : std::uint8_t {
  payload_format = 0x01, message_expiry = 0x02, content_type = 0x03, response_topic = 0x08,
  correlation_data = 0x09, subscription_id = 0x0B, session_expiry = 0x11,
  assigned_client_id = 0x12, server_keep_alive = 0x13, authentication_method = 0x15,
  authentication_data = 0x16, request_problem_information = 0x17, will_delay = 0x18,
  request_response_information = 0x19, response_information = 0x1A, server_reference = 0x1C,
  reason_string = 0x1F, receive_maximum = 0x21, topic_alias_maximum = 0x22, topic_alias = 0x23,
  maximum_qos = 0x24, retain_available = 0x25, user = 0x26, maximum_packet_size = 0x27,
  wildcard_available = 0x28, subscription_ids_available = 0x29, shared_available = 0x2A,
};

// A set of identifiers, one bit each.
using PropertySet = std::uint64_t;
template <typename... Ids>
constexpr PropertySet property_set(Ids... ids) {
  return ((PropertySet{1} << static_cast<unsigned>(ids)) | ...);
}

namespace allowed {
using enum PropertyId;
inline constexpr PropertySet publish = property_set(
    payload_format, message_expiry, content_type, response_topic, correlation_data,
    subscription_id, topic_alias, user);
inline constexpr PropertySet will = property_set(
    payload_format, message_expiry, content_type, response_topic, correlation_data, will_delay,
    user);
inline constexpr PropertySet connect = property_set(
    session_expiry, authentication_method, authentication_data, request_problem_information,
    request_response_information, receive_maximum, topic_alias_maximum, user, maximum_packet_size);
inline constexpr PropertySet connack = property_set(
    session_expiry, assigned_client_id, server_keep_alive, authentication_method,
    authentication_data, response_information, server_reference, reason_string, receive_maximum,
    topic_alias_maximum, maximum_qos, retain_available, user, maximum_packet_size,
    wildcard_available, subscription_ids_available, shared_available);
inline constexpr PropertySet acknowledgement = property_set(reason_string, user);
inline constexpr PropertySet subscribe = property_set(subscription_id, user);
inline constexpr PropertySet unsubscribe = property_set(user);
inline constexpr PropertySet disconnect = property_set(
    session_expiry, server_reference, reason_string, user);
inline constexpr PropertySet auth = property_set(
    authentication_method, authentication_data, reason_string, user);
}  // namespace allowed

// Reads the length and the properties. `to` must be empty; it is untouched if there are none.
// Duplicates, values out of range and identifiers that are not in `set` fail the reader.
// Returns whether there were any.
bool read_properties(Reader& reader, PropertySet set, Properties& to);

// Holds a value that is written as a variable byte integer.
struct Varint {
  std::uint32_t value = 0;
};

// Calls visit(id, value) for each property present that `set` allows; the rest is left out.
template <PropertySet set, typename Visit>
void for_each_property(const Properties& from, Visit&& visit) {
  using enum PropertyId;
  const auto one = [&]<PropertyId id>(const auto& field) {
    if constexpr ((set & property_set(id)) != 0) {
      if (field) visit(id, *field);
    }
  };
  one.template operator()<payload_format>(from.payload_format);
  one.template operator()<message_expiry>(from.message_expiry);
  one.template operator()<content_type>(from.content_type);
  one.template operator()<response_topic>(from.response_topic);
  one.template operator()<correlation_data>(from.correlation_data);
  one.template operator()<session_expiry>(from.session_expiry);
  one.template operator()<assigned_client_id>(from.assigned_client_id);
  one.template operator()<server_keep_alive>(from.server_keep_alive);
  one.template operator()<authentication_method>(from.authentication_method);
  one.template operator()<authentication_data>(from.authentication_data);
  one.template operator()<request_problem_information>(from.request_problem_information);
  one.template operator()<will_delay>(from.will_delay);
  one.template operator()<request_response_information>(from.request_response_information);
  one.template operator()<response_information>(from.response_information);
  one.template operator()<server_reference>(from.server_reference);
  one.template operator()<reason_string>(from.reason_string);
  one.template operator()<receive_maximum>(from.receive_maximum);
  one.template operator()<topic_alias_maximum>(from.topic_alias_maximum);
  one.template operator()<topic_alias>(from.topic_alias);
  one.template operator()<maximum_qos>(from.maximum_qos);
  one.template operator()<retain_available>(from.retain_available);
  one.template operator()<maximum_packet_size>(from.maximum_packet_size);
  one.template operator()<wildcard_available>(from.wildcard_available);
  one.template operator()<subscription_ids_available>(from.subscription_ids_available);
  one.template operator()<shared_available>(from.shared_available);
  if constexpr ((set & property_set(subscription_id)) != 0) {
    for (const std::uint32_t id : from.subscription_ids) {
      visit(subscription_id, Varint{id});
      if (set == allowed::subscribe) break;      // one at most
    }
  }
  for (const auto& pair : from.user) visit(user, pair);
}

}  // namespace selvedge::codec::mqtt
