// Bodies: what follows the fixed header of each packet, to values. Private; see decoder.cc for the
// framing around them.

#pragma once

#include "codec/mqtt/packet.h"
#include "codec/mqtt/reader.h"

namespace selvedge::codec::mqtt {

// The first byte of a packet, without flags (2.1.2).
enum class Type : std::uint8_t {
  reserved, connect, connack, publish, puback, pubrec, pubrel, pubcomp, subscribe, suback,
  unsubscribe, unsuback, pingreq, pingresp, disconnect, auth
};

// Each fills a packet whose fields are at their defaults, and fails the reader if it may not be.
// `version` of CONNECT is an output. The kinds that are reused overwrite all but the properties,
// which must be empty, and return whether there were any.
void read_connect(Reader& in, Connect& to);
void read_connack(Reader& in, Version version, ConnAck& to);
bool read_publish(Reader& in, Version version, std::uint8_t flags, Publish& to);
bool read_acknowledgement(Reader& in, Version version, PubAck& to);
bool read_acknowledgement(Reader& in, Version version, PubRec& to);
bool read_acknowledgement(Reader& in, Version version, PubRel& to);
bool read_acknowledgement(Reader& in, Version version, PubComp& to);
void read_subscribe(Reader& in, Version version, Subscribe& to);
void read_suback(Reader& in, Version version, SubAck& to);
void read_unsubscribe(Reader& in, Version version, Unsubscribe& to);
void read_unsuback(Reader& in, Version version, UnsubAck& to);
void read_disconnect(Reader& in, Version version, Disconnect& to);
void read_auth(Reader& in, Auth& to);

}  // namespace selvedge::codec::mqtt
