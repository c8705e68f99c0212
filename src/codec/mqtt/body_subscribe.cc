// SUBSCRIBE, UNSUBSCRIBE and their acknowledgements.

#include "codec/mqtt/body.h"
#include "codec/mqtt/properties.h"
#include "codec/mqtt/reason.h"

namespace selvedge::codec::mqtt {
namespace {

template <typename Packet>
void read_head(Reader& in, Version version, PropertySet set, Packet& to) {
  to.packet_id = in.u16();
  if (to.packet_id == 0) in.fail(Reason::protocol_error, "packet identifier is 0");
  if (version == Version::v5) read_properties(in, set, to.properties);
}

std::string_view read_filter(Reader& in, Version version) {
  const std::string_view filter = in.text();
  if (!in.ok()) return filter;
  if (!is_topic_filter(filter)) {
    in.fail(Reason::topic_filter_invalid, "topic filter is empty or has a wildcard out of place");
  } else if (version == Version::v5 && !split_shared(filter)) {
    in.fail(Reason::topic_filter_invalid, "shared subscription without a group or a filter");
  }
  return filter;
}

void read_options(Reader& in, Version version, Subscription& to) {
  const std::uint8_t options = in.u8();
  to.qos = options & 3;
  to.no_local = (options & 4) != 0;
  to.retain_as_published = (options & 8) != 0;
  to.retain_handling = options >> 4 & 3;
  const unsigned reserved = version == Version::v5 ? 0xC0 : 0xFC;
  const Reason wrong_value =
      version == Version::v5 ? Reason::protocol_error : Reason::malformed_packet;
  if (options & reserved) {
    in.fail(Reason::malformed_packet, "reserved bit of the subscription options is set");
  } else if (to.qos == 3) {
    in.fail(wrong_value, "subscription asks for QoS 3");
  } else if (to.retain_handling == 3) {
    in.fail(wrong_value, "retain handling of a subscription is 3");
  }
}

}  // namespace

void read_subscribe(Reader& in, Version version, Subscribe& to) {
  read_head(in, version, allowed::subscribe, to);
  if (in.at_end()) in.fail(Reason::protocol_error, "SUBSCRIBE without a topic filter");
  while (!in.at_end()) {
    Subscription& one = to.subscriptions.emplace_back();
    one.filter = read_filter(in, version);
    read_options(in, version, one);
  }
}

void read_unsubscribe(Reader& in, Version version, Unsubscribe& to) {
  read_head(in, version, allowed::unsubscribe, to);
  if (in.at_end()) in.fail(Reason::protocol_error, "UNSUBSCRIBE without a topic filter");
  while (!in.at_end()) to.filters.push_back(read_filter(in, version));
}

void read_suback(Reader& in, Version version, SubAck& to) {
  read_head(in, version, allowed::acknowledgement, to);
  if (in.at_end()) in.fail(Reason::protocol_error, "SUBACK without a reason code");
  while (!in.at_end()) {
    const std::uint8_t code = in.u8();
    const bool known = version == Version::v5 ? may_carry(ReasonIn::suback, code)
                                              : code <= 2 || code == 0x80;
    if (!known) in.fail(Reason::protocol_error, "reason code that this packet may not carry");
    to.reasons.push_back(static_cast<Reason>(code));
  }
}

void read_unsuback(Reader& in, Version version, UnsubAck& to) {
  read_head(in, version, allowed::acknowledgement, to);
  if (version == Version::v311) return;          // says nothing of each filter
  if (in.at_end()) in.fail(Reason::protocol_error, "UNSUBACK without a reason code");
  while (!in.at_end()) {
    const std::uint8_t code = in.u8();
    if (!may_carry(ReasonIn::unsuback, code)) {
      in.fail(Reason::protocol_error, "reason code that this packet may not carry");
    }
    to.reasons.push_back(static_cast<Reason>(code));
  }
}

}  // namespace selvedge::codec::mqtt
