#include "load/packets.h"

namespace selvedge::bench {
namespace {

void append_byte(std::string& out, unsigned value) { out.push_back(static_cast<char>(value & 255)); }

void append_number(std::string& out, std::size_t value) {
  append_byte(out, static_cast<unsigned>(value >> 8));
  append_byte(out, static_cast<unsigned>(value));
}

void append_text(std::string& out, std::string_view text) {
  append_number(out, text.size());
  out += text;
}

void append_length(std::string& out, std::size_t length) {
  do {
    unsigned digit = length % 128;
    length /= 128;
    if (length > 0) digit |= 128;
    append_byte(out, digit);
  } while (length > 0);
}

std::string with_header(unsigned first, const std::string& body) {
  std::string out;
  append_byte(out, first);
  append_length(out, body.size());
  return out + body;
}

}  // namespace

std::string connect_packet(const Options& options, std::string_view client_id) {
  constexpr unsigned clean = 2, has_password = 0x40, has_user = 0x80;
  constexpr std::size_t keep_alive_seconds = 600;
  std::string body;
  append_text(body, "MQTT");
  append_byte(body, options.version);
  append_byte(body, clean | (options.user.empty() ? 0 : has_user) |
                        (options.password.empty() ? 0 : has_password));
  append_number(body, keep_alive_seconds);
  if (options.version == 5) append_byte(body, 0);
  append_text(body, client_id);
  if (!options.user.empty()) append_text(body, options.user);
  if (!options.password.empty()) append_text(body, options.password);
  return with_header(0x10, body);
}

std::string subscribe_packet(std::string_view filter, std::uint8_t qos, std::uint8_t version) {
  std::string body;
  append_number(body, 1);
  if (version == 5) append_byte(body, 0);
  append_text(body, filter);
  append_byte(body, qos);
  return with_header(0x82, body);
}

void append_publish(std::string& out, std::string_view topic, std::string_view payload,
                    std::uint8_t qos, std::uint16_t packet_id, std::uint8_t version) {
  append_byte(out, 0x30u | static_cast<unsigned>(qos) << 1);
  append_length(out, 2 + topic.size() + (qos > 0 ? 2 : 0) + (version == 5 ? 1 : 0) + payload.size());
  append_text(out, topic);
  if (qos > 0) append_number(out, packet_id);
  if (version == 5) append_byte(out, 0);
  out += payload;
}

void append_puback(std::string& out, std::uint16_t packet_id) {
  append_byte(out, 0x40);
  append_byte(out, 2);
  append_number(out, packet_id);
}

std::uint16_t Packet::number_at(std::size_t i) const {
  if (body.size() < i + 2) return 0;
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(body[i]) << 8 |
                                    static_cast<std::uint8_t>(body[i + 1]));
}

std::uint8_t Packet::reason() const {
  const bool last = type() == PacketType::suback;
  const std::size_t at = last ? body.size() - 1 : type() == PacketType::puback ? 2 : 1;
  return at < body.size() ? static_cast<std::uint8_t>(body[at]) : 0;
}

std::string_view Packet::topic() const {
  return body.size() < 2 ? std::string_view() : body.substr(2, number_at(0));
}

std::size_t PacketReader::split(std::string_view bytes, Packet& packet) {
  std::size_t length = 0, at = 1;
  for (unsigned shift = 0;; shift += 7) {
    if (at >= bytes.size() || shift > 21) return 0;
    const auto digit = static_cast<std::uint8_t>(bytes[at++]);
    length |= static_cast<std::size_t>(digit & 127) << shift;
    if ((digit & 128) == 0) break;
  }
  if (bytes.size() - at < length) return 0;
  packet.first = static_cast<std::uint8_t>(bytes[0]);
  packet.body = bytes.substr(at, length);
  return at + length;
}

}  // namespace selvedge::bench
