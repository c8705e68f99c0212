// Encoding. The body of each packet is described once, by a function that talks to a sink, and runs
// twice: through a Sizer, because the length comes first on the wire, and through a Writer into
// room made at once. Both compile to straight code.

#include <algorithm>
#include <cstring>

#include "codec/mqtt/body.h"
#include "codec/mqtt/properties.h"
#include "codec/mqtt/reason.h"

namespace selvedge::codec::mqtt {
namespace {

constexpr std::size_t longest_field = 65'535;
constexpr std::size_t longest_body = 268'435'455;

std::size_t varint_size(std::size_t value) {
  return value < 128 ? 1 : value < 16'384 ? 2 : value < 2'097'152 ? 3 : 4;
}

class Sizer {
 public:
  void u8(std::uint8_t) { size_ += 1; }
  void u16(std::uint16_t) { size_ += 2; }
  void u32(std::uint32_t) { size_ += 4; }
  void varint(std::size_t value) { size_ += varint_size(value); }
  void binary(base::BytesView bytes) {
    CHECK(bytes.size() <= longest_field);
    size_ += 2 + bytes.size();
  }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_ = 0;
};

class Writer {
 public:
  explicit Writer(std::uint8_t* at) : at_(at) {}

  void u8(std::uint8_t value) { *at_++ = value; }
  void u16(std::uint16_t value) {
    u8(static_cast<std::uint8_t>(value >> 8));
    u8(static_cast<std::uint8_t>(value));
  }
  void u32(std::uint32_t value) {
    u16(static_cast<std::uint16_t>(value >> 16));
    u16(static_cast<std::uint16_t>(value));
  }
  void varint(std::size_t value) {
    for (; value >= 128; value >>= 7) u8(static_cast<std::uint8_t>(value | 0x80));
    u8(static_cast<std::uint8_t>(value));
  }
  void binary(base::BytesView bytes) {
    u16(static_cast<std::uint16_t>(bytes.size()));
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  const std::uint8_t* at() const { return at_; }

 private:
  std::uint8_t* at_;
};

template <typename Sink>
void put(Sink& sink, std::string_view text) { sink.binary(base::as_bytes(text)); }
template <typename Sink>
void put(Sink& sink, base::BytesView bytes) { sink.binary(bytes); }
template <typename Sink>
void put(Sink& sink, std::uint8_t value) { sink.u8(value); }
template <typename Sink>
void put(Sink& sink, std::uint16_t value) { sink.u16(value); }
template <typename Sink>
void put(Sink& sink, std::uint32_t value) { sink.u32(value); }
template <typename Sink>
void put(Sink& sink, Varint value) { sink.varint(value.value); }
template <typename Sink>
void put(Sink& sink, const std::pair<std::string_view, std::string_view>& pair) {
  put(sink, pair.first);
  put(sink, pair.second);
}

template <PropertySet set, typename Sink>
void put_each_property(Sink& sink, const Properties& properties) {
  for_each_property<set>(properties, [&](PropertyId id, const auto& value) {
    sink.u8(static_cast<std::uint8_t>(id));
    put(sink, value);
  });
}

template <PropertySet set>
std::size_t properties_size(const Properties& properties) {
  Sizer sizer;
  put_each_property<set>(sizer, properties);
  return sizer.size();
}

template <PropertySet set, typename Sink>
void put_properties(Sink& sink, const Properties& properties) {
  const std::size_t size = properties_size<set>(properties);
  sink.varint(size);
  if (size > 0) put_each_property<set>(sink, properties);
}

// Appends a packet: fixed header, the body that `describe` tells a sink, and the payload.
template <typename Describe>
void append_packet(base::Bytes& out, Type type, std::uint8_t flags, base::BytesView payload,
                   const Describe& describe) {
  Sizer sizer;
  describe(sizer);
  const std::size_t body = sizer.size() + payload.size();
  CHECK(body <= longest_body);
  const std::size_t begin = out.size();
  const std::size_t head = 1 + varint_size(body) + sizer.size();
  if (out.capacity() - begin < head + payload.size()) {
    out.reserve(std::max(2 * out.capacity(), begin + head + payload.size()));
  }
  out.resize(begin + head);
  Writer writer(out.data() + begin);
  writer.u8(static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags));
  writer.varint(body);
  describe(writer);
  CHECK(writer.at() == out.data() + out.size());
  base::append(out, payload);
}

template <typename Describe>
void append_packet(base::Bytes& out, Type type, std::uint8_t flags, const Describe& describe) {
  append_packet(out, type, flags, base::BytesView{}, describe);
}

template <typename Sink>
void put_reason(Sink& sink, ReasonIn where, Reason reason) {
  sink.u8(static_cast<std::uint8_t>(fit(where, reason)));
}

// Reason and properties, of which the end is left out if it says nothing (3.4.2.1 and others).
template <PropertySet set, typename Sink>
void put_outcome(Sink& sink, ReasonIn where, Reason reason, const Properties& properties) {
  const bool any = properties_size<set>(properties) > 0;
  if (reason == Reason::success && !any) return;
  put_reason(sink, where, reason);
  if (any) put_properties<set>(sink, properties);
}

template <typename Packet>
void append_acknowledgement(base::Bytes& out, Type type, std::uint8_t flags, ReasonIn where,
                            const Packet& packet, Version version) {
  append_packet(out, type, flags, [&](auto& sink) {
    sink.u16(packet.packet_id);
    if (version == Version::v5) {
      put_outcome<allowed::acknowledgement>(sink, where, packet.reason, packet.properties);
    }
  });
}

std::uint8_t bits(std::uint8_t value, unsigned shift) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(value) << shift);
}
std::uint8_t bit(bool set, unsigned shift) { return bits(set ? 1 : 0, shift); }

std::uint8_t connect_flags(const Connect& packet) {
  unsigned flags = bit(packet.clean_start, 1);
  if (packet.will) {
    flags |= 0x04u | bits(packet.will->qos, 3) | bit(packet.will->retain, 5);
  }
  flags |= bit(packet.password.has_value(), 6) | bit(packet.username.has_value(), 7);
  return static_cast<std::uint8_t>(flags);
}

std::uint8_t subscription_options(const Subscription& one, Version version) {
  if (version == Version::v311) return one.qos;
  return static_cast<std::uint8_t>(one.qos | bit(one.no_local, 2) |
                                   bit(one.retain_as_published, 3) | bits(one.retain_handling, 4));
}

}  // namespace

void encode(const Connect& packet, base::Bytes& out) {
  append_packet(out, Type::connect, 0, [&](auto& sink) {
    put(sink, std::string_view("MQTT"));
    sink.u8(static_cast<std::uint8_t>(packet.version));
    sink.u8(connect_flags(packet));
    sink.u16(packet.keep_alive);
    const bool v5 = packet.version == Version::v5;
    if (v5) put_properties<allowed::connect>(sink, packet.properties);
    put(sink, packet.client_id);
    if (packet.will) {
      if (v5) put_properties<allowed::will>(sink, packet.will->properties);
      put(sink, packet.will->topic);
      put(sink, packet.will->payload);
    }
    if (packet.username) put(sink, *packet.username);
    if (packet.password) put(sink, *packet.password);
  });
}

void encode(const ConnAck& packet, Version version, base::Bytes& out) {
  append_packet(out, Type::connack, 0, [&](auto& sink) {
    sink.u8(packet.session_present ? 1 : 0);
    if (version == Version::v311) {
      sink.u8(return_code_311(packet.reason));
    } else {
      put_reason(sink, ReasonIn::connack, packet.reason);
      put_properties<allowed::connack>(sink, packet.properties);
    }
  });
}

void encode(const Publish& packet, Version version, base::Bytes& out) {
  const unsigned flags = bit(packet.duplicate, 3) | bits(packet.qos, 1) | bit(packet.retain, 0);
  append_packet(out, Type::publish, static_cast<std::uint8_t>(flags), packet.payload,
                [&](auto& sink) {
    put(sink, packet.topic);
    if (packet.qos > 0) sink.u16(packet.packet_id);
    if (version == Version::v5) put_properties<allowed::publish>(sink, packet.properties);
  });
}

void encode(const PubAck& packet, Version version, base::Bytes& out) {
  append_acknowledgement(out, Type::puback, 0, ReasonIn::puback_or_pubrec, packet, version);
}
void encode(const PubRec& packet, Version version, base::Bytes& out) {
  append_acknowledgement(out, Type::pubrec, 0, ReasonIn::puback_or_pubrec, packet, version);
}
void encode(const PubRel& packet, Version version, base::Bytes& out) {
  append_acknowledgement(out, Type::pubrel, 2, ReasonIn::pubrel_or_pubcomp, packet, version);
}
void encode(const PubComp& packet, Version version, base::Bytes& out) {
  append_acknowledgement(out, Type::pubcomp, 0, ReasonIn::pubrel_or_pubcomp, packet, version);
}

void encode(const Subscribe& packet, Version version, base::Bytes& out) {
  append_packet(out, Type::subscribe, 2, [&](auto& sink) {
    sink.u16(packet.packet_id);
    if (version == Version::v5) put_properties<allowed::subscribe>(sink, packet.properties);
    for (const Subscription& one : packet.subscriptions) {
      put(sink, one.filter);
      sink.u8(subscription_options(one, version));
    }
  });
}

void encode(const SubAck& packet, Version version, base::Bytes& out) {
  append_packet(out, Type::suback, 0, [&](auto& sink) {
    sink.u16(packet.packet_id);
    if (version == Version::v5) put_properties<allowed::acknowledgement>(sink, packet.properties);
    for (const Reason reason : packet.reasons) {
      const bool refused_311 = version == Version::v311 && is_error(reason);
      put_reason(sink, ReasonIn::suback, refused_311 ? Reason::unspecified_error : reason);
    }
  });
}

void encode(const Unsubscribe& packet, Version version, base::Bytes& out) {
  append_packet(out, Type::unsubscribe, 2, [&](auto& sink) {
    sink.u16(packet.packet_id);
    if (version == Version::v5) put_properties<allowed::unsubscribe>(sink, packet.properties);
    for (const std::string_view filter : packet.filters) put(sink, filter);
  });
}

void encode(const UnsubAck& packet, Version version, base::Bytes& out) {
  append_packet(out, Type::unsuback, 0, [&](auto& sink) {
    sink.u16(packet.packet_id);
    if (version == Version::v311) return;
    put_properties<allowed::acknowledgement>(sink, packet.properties);
    for (const Reason reason : packet.reasons) put_reason(sink, ReasonIn::unsuback, reason);
  });
}

void encode(const PingReq&, base::Bytes& out) {
  append_packet(out, Type::pingreq, 0, [](auto&) {});
}
void encode(const PingResp&, base::Bytes& out) {
  append_packet(out, Type::pingresp, 0, [](auto&) {});
}

void encode(const Disconnect& packet, Version version, base::Bytes& out) {
  append_packet(out, Type::disconnect, 0, [&](auto& sink) {
    if (version == Version::v5) {
      put_outcome<allowed::disconnect>(sink, ReasonIn::disconnect, packet.reason, packet.properties);
    }
  });
}

void encode(const Auth& packet, base::Bytes& out) {
  append_packet(out, Type::auth, 0, [&](auto& sink) {
    const bool any = properties_size<allowed::auth>(packet.properties) > 0;
    if (packet.reason == Reason::success && !any) return;
    put_reason(sink, ReasonIn::auth, packet.reason);
    put_properties<allowed::auth>(sink, packet.properties);
  });
}

}  // namespace selvedge::codec::mqtt
