// PUBLISH and the four packets that acknowledge it.

#include "codec/mqtt/body.h"
#include "codec/mqtt/properties.h"
#include "codec/mqtt/reason.h"

namespace selvedge::codec::mqtt {
namespace {

void read_topic(Reader& in, Publish& to) {
  to.topic = in.unchecked_text();
  const TextScan scan = scan_topic(to.topic);
  if (!scan.valid) {
    in.fail(Reason::malformed_packet, "text that is not valid UTF-8");
  } else if (scan.wildcards == Wildcards::found) {
    in.fail(Reason::topic_name_invalid, "topic of a PUBLISH has a wildcard");
  }
}

std::uint16_t read_packet_id(Reader& in) {
  const std::uint16_t id = in.u16();
  if (id == 0) in.fail(Reason::protocol_error, "packet identifier is 0");
  return id;
}

template <typename Acknowledgement>
bool read_any(Reader& in, Version version, ReasonIn where, Acknowledgement& to) {
  to.packet_id = read_packet_id(in);
  to.reason = Reason::success;
  if (version == Version::v311 || in.at_end()) return false;
  const std::uint8_t reason = in.u8();
  if (!may_carry(where, reason)) {
    in.fail(Reason::protocol_error, "reason code that this packet may not carry");
    return false;
  }
  to.reason = static_cast<Reason>(reason);
  return !in.at_end() && read_properties(in, allowed::acknowledgement, to.properties);
}

}  // namespace

bool read_publish(Reader& in, Version version, std::uint8_t flags, Publish& to) {
  to.qos = flags >> 1 & 3;
  to.retain = (flags & 1) != 0;
  to.duplicate = (flags & 8) != 0;
  read_topic(in, to);
  to.packet_id = to.qos > 0 ? read_packet_id(in) : std::uint16_t{0};
  const bool properties =
      version == Version::v5 && read_properties(in, allowed::publish, to.properties);
  to.payload = in.rest();
  if (!to.topic.empty()) [[likely]] return properties;
  if (version == Version::v311) {
    in.fail(Reason::malformed_packet, "PUBLISH without a topic");
  } else if (!to.properties.topic_alias) {
    in.fail(Reason::protocol_error, "PUBLISH with neither a topic nor an alias");
  }
  return properties;
}

bool read_acknowledgement(Reader& in, Version version, PubAck& to) {
  return read_any(in, version, ReasonIn::puback_or_pubrec, to);
}
bool read_acknowledgement(Reader& in, Version version, PubRec& to) {
  return read_any(in, version, ReasonIn::puback_or_pubrec, to);
}
bool read_acknowledgement(Reader& in, Version version, PubRel& to) {
  return read_any(in, version, ReasonIn::pubrel_or_pubcomp, to);
}
bool read_acknowledgement(Reader& in, Version version, PubComp& to) {
  return read_any(in, version, ReasonIn::pubrel_or_pubcomp, to);
}

}  // namespace selvedge::codec::mqtt
