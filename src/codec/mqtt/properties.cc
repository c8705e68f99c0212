#include "codec/mqtt/properties.h"

namespace selvedge::codec::mqtt {
namespace {

std::uint8_t read_flag(Reader& in) {
  const std::uint8_t value = in.u8();
  if (value > 1) in.fail(Reason::protocol_error, "property that must be 0 or 1 is neither");
  return value;
}

template <typename Unsigned>
Unsigned not_zero(Reader& in, Unsigned value, Reason reason = Reason::protocol_error) {
  if (value == 0) in.fail(reason, "property that must not be 0 is 0");
  return value;
}

std::string_view read_response_topic(Reader& in) {
  const std::string_view topic = in.text();
  if (in.ok() && !is_topic_name(topic)) {
    in.fail(Reason::protocol_error, "response topic is empty or has a wildcard");
  }
  return topic;
}

void read_one(Reader& in, PropertyId id, Properties& to) {
  using enum PropertyId;
  switch (id) {
    case payload_format: to.payload_format = read_flag(in); break;
    case message_expiry: to.message_expiry = in.u32(); break;
    case content_type: to.content_type = in.text(); break;
    case response_topic: to.response_topic = read_response_topic(in); break;
    case correlation_data: to.correlation_data = in.binary(); break;
    case subscription_id: to.subscription_ids.push_back(not_zero(in, in.varint())); break;
    case session_expiry: to.session_expiry = in.u32(); break;
    case assigned_client_id: to.assigned_client_id = in.text(); break;
    case server_keep_alive: to.server_keep_alive = in.u16(); break;
    case authentication_method: to.authentication_method = in.text(); break;
    case authentication_data: to.authentication_data = in.binary(); break;
    case request_problem_information: to.request_problem_information = read_flag(in); break;
    case will_delay: to.will_delay = in.u32(); break;
    case request_response_information: to.request_response_information = read_flag(in); break;
    case response_information: to.response_information = in.text(); break;
    case server_reference: to.server_reference = in.text(); break;
    case reason_string: to.reason_string = in.text(); break;
    case receive_maximum: to.receive_maximum = not_zero(in, in.u16()); break;
    case topic_alias_maximum: to.topic_alias_maximum = in.u16(); break;
    case topic_alias:
      to.topic_alias = not_zero(in, in.u16(), Reason::topic_alias_invalid);
      break;
    case maximum_qos: to.maximum_qos = read_flag(in); break;
    case retain_available: to.retain_available = read_flag(in); break;
    case user: {
      const std::string_view key = in.text();
      to.user.emplace_back(key, in.text());
      break;
    }
    case maximum_packet_size: to.maximum_packet_size = not_zero(in, in.u32()); break;
    case wildcard_available: to.wildcard_available = read_flag(in); break;
    case subscription_ids_available: to.subscription_ids_available = read_flag(in); break;
    case shared_available: to.shared_available = read_flag(in); break;
  }
}

}  // namespace

bool read_properties(Reader& reader, PropertySet set, Properties& to) {
  const std::uint32_t length = reader.varint();
  if (length == 0) [[likely]] return false;
  // SUBSCRIBE may carry one subscription identifier, PUBLISH several (3.3.2.3.8).
  const PropertySet repeatable =
      property_set(PropertyId::user) |
      (set == allowed::publish ? property_set(PropertyId::subscription_id) : 0);
  PropertySet seen = 0;
  Reader in(reader.raw(length));
  while (!in.at_end()) {
    const std::uint32_t id = in.varint();
    if (!in.ok()) break;
    const PropertySet bit = id < 64 ? PropertySet{1} << id : 0;
    if ((bit & set) == 0) {
      in.fail(Reason::malformed_packet, "property that this packet may not carry");
    } else if ((bit & seen & ~repeatable) != 0) {
      in.fail(Reason::protocol_error, "property given twice");
    } else {
      seen |= bit;
      read_one(in, static_cast<PropertyId>(id), to);
    }
  }
  if (!in.ok()) reader.fail(in.error());
  return true;
}

}  // namespace selvedge::codec::mqtt
