// Framing. A packet that lies whole in the fed bytes is decoded where it lies. One that comes in
// pieces is gathered in `partial_`: first its fixed header, byte by byte, which says how much more
// belongs to it and is where an oversized packet is refused; then the rest.

#include <algorithm>
#include <type_traits>

#include "codec/mqtt/body.h"

namespace selvedge::codec::mqtt {
namespace {

constexpr std::size_t kept_capacity = 16 << 10;  // of `partial_`, once a large packet is done

std::string_view wrong_flags(Type type, std::uint8_t flags) {
  constexpr std::string_view fine, wrong = "flags of the packet are wrong";
  switch (type) {
    case Type::reserved: return "packet type is 0";
    case Type::publish:
      if ((flags >> 1 & 3) == 3) return "PUBLISH with QoS 3";
      if ((flags & 0x0E) == 0x08) return "PUBLISH with DUP and QoS 0";
      return fine;
    case Type::pubrel:
    case Type::subscribe:
    case Type::unsubscribe: return flags == 2 ? fine : wrong;
    default: return flags == 0 ? fine : wrong;
  }
}

// The packets that come by the million are reused in place. Their body overwrites every field but
// the properties, and clearing those is only worth its time if there were any.
template <typename Kept>
Kept& reuse(Packet& packet, bool had_properties) {
  Kept* const kept = std::get_if<Kept>(&packet);
  if (!kept) return packet.emplace<Kept>();
  if (had_properties) kept->properties = {};
  return *kept;
}

}  // namespace

void Decoder::feed(base::BytesView bytes) {
  CHECK(in_.empty());                            // call next() until it yields nothing, or keep()
  if (!error_) in_ = bytes;
}

void Decoder::keep() {
  base::append(partial_, in_);
  in_ = {};
}

void Decoder::fail(Reason reason, std::string_view what) {
  error_ = DecodeError{.reason = reason, .what = what};
  in_ = {};
}

// False if there are too few bytes, or error_ is set.
bool Decoder::read_header(base::BytesView bytes, Header& header) {
  if (bytes.empty()) return false;
  header.first = bytes[0];
  const auto type = static_cast<Type>(header.first >> 4);
  const std::string_view wrong = wrong_flags(type, header.first & 0x0F);
  if (!wrong.empty()) {
    fail(Reason::malformed_packet, wrong);
    return false;
  }
  std::uint32_t body = 0;
  for (std::uint32_t i = 1; i <= 4; ++i) {
    if (i == bytes.size()) return false;
    const std::uint8_t byte = bytes[i];
    body |= static_cast<std::uint32_t>(byte & 0x7F) << (7 * (i - 1));
    if (byte & 0x80) continue;
    // 3.1.1 does not ask for the shortest form, and small devices pad it to a fixed width.
    const bool padded = byte == 0 && i > 1;
    if (padded && version_ == Version::v5 && type != Type::connect) {
      fail(Reason::malformed_packet, "length in more bytes than needed");
      return false;
    }
    header.size = i + 1;
    header.body = body;
    if (header.size + body > max_) {
      fail(Reason::packet_too_large, "packet is larger than the maximum");
      return false;
    }
    return true;
  }
  fail(Reason::malformed_packet, "length of more than four bytes");
  return false;
}

// Moves bytes from in_ until the first packet in partial_ is whole; false if they do not suffice.
bool Decoder::complete_partial(Header& header) {
  while (!read_header(base::BytesView(partial_).subspan(taken_), header)) {
    if (error_ || in_.empty()) return false;
    partial_.push_back(in_.front());
    in_ = in_.subspan(1);
  }
  const std::size_t wanted = std::size_t{header.size} + header.body;
  const std::size_t have = partial_.size() - taken_;
  if (have < wanted) {
    const std::size_t more = std::min(wanted - have, in_.size());
    base::append(partial_, in_.first(more));
    in_ = in_.subspan(more);
  }
  return partial_.size() - taken_ >= wanted;
}

std::expected<const Packet*, DecodeError> Decoder::next() {
  if (error_) return std::unexpected(*error_);
  if (taken_ > 0 && taken_ == partial_.size()) {
    taken_ = 0;
    partial_.clear();
    if (partial_.capacity() > kept_capacity) partial_.shrink_to_fit();
  } else if (taken_ > kept_capacity) {
    partial_.erase(partial_.begin(), partial_.begin() + static_cast<std::ptrdiff_t>(taken_));
    taken_ = 0;
  }
  Header header;
  if (partial_.empty()) {
    if (read_header(in_, header) && in_.size() - header.size >= header.body) {
      const base::BytesView body = in_.subspan(header.size, header.body);
      in_ = in_.subspan(header.size + header.body);
      return decode(header, body);
    }
    if (!error_) keep();
  } else if (complete_partial(header)) {
    const base::BytesView body =
        base::BytesView(partial_).subspan(taken_ + header.size, header.body);
    taken_ += std::size_t{header.size} + header.body;
    return decode(header, body);
  }
  if (error_) return std::unexpected(*error_);
  return nullptr;
}

std::expected<const Packet*, DecodeError> Decoder::decode(const Header& header,
                                                          base::BytesView body) {
  Reader in(body);
  const auto acknowledgement = [&]<typename Kept>(std::type_identity<Kept>) {
    return read_acknowledgement(in, version_, reuse<Kept>(packet_, has_properties_));
  };
  bool properties = false;                       // only asked of packets that are reused
  const auto type = static_cast<Type>(header.first >> 4);
  switch (type) {
    case Type::publish:
      properties = read_publish(in, version_, header.first & 0x0F,
                                reuse<Publish>(packet_, has_properties_));
      break;
    case Type::puback: properties = acknowledgement(std::type_identity<PubAck>{}); break;
    case Type::pubrec: properties = acknowledgement(std::type_identity<PubRec>{}); break;
    case Type::pubrel: properties = acknowledgement(std::type_identity<PubRel>{}); break;
    case Type::pubcomp: properties = acknowledgement(std::type_identity<PubComp>{}); break;
    default: decode_rare(type, in); break;
  }
  has_properties_ = properties;
  if (!in.at_end()) in.fail(Reason::malformed_packet, "packet is longer than its fields");
  if (in.ok()) [[likely]] return &packet_;
  fail(in.error().reason, in.error().what);
  return std::unexpected(*error_);
}

void Decoder::decode_rare(Type type, Reader& in) {
  switch (type) {
    case Type::connect: {
      Connect& to = packet_.emplace<Connect>();
      read_connect(in, to);
      version_ = to.version;
      break;
    }
    case Type::connack: read_connack(in, version_, packet_.emplace<ConnAck>()); break;
    case Type::subscribe: read_subscribe(in, version_, packet_.emplace<Subscribe>()); break;
    case Type::suback: read_suback(in, version_, packet_.emplace<SubAck>()); break;
    case Type::unsubscribe: read_unsubscribe(in, version_, packet_.emplace<Unsubscribe>()); break;
    case Type::unsuback: read_unsuback(in, version_, packet_.emplace<UnsubAck>()); break;
    case Type::pingreq: packet_.emplace<PingReq>(); break;
    case Type::pingresp: packet_.emplace<PingResp>(); break;
    case Type::disconnect: read_disconnect(in, version_, packet_.emplace<Disconnect>()); break;
    case Type::auth:
      if (version_ == Version::v311) in.fail(Reason::malformed_packet, "AUTH in MQTT 3.1.1");
      read_auth(in, packet_.emplace<Auth>());
      break;
    default: CHECK(false);                       // read_header refuses type 0
  }
}

}  // namespace selvedge::codec::mqtt
