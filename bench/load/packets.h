// MQTT 3.1.1 and 5 packets, as far as a load generator needs them (OASIS MQTT 3.1.1 and 5.0).

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "load/options.h"

namespace selvedge::bench {

enum class PacketType : std::uint8_t {
  connect = 1, connack = 2, publish = 3, puback = 4, suback = 9, disconnect = 14,
};

// `version` is the protocol level: 4 or 5.
std::string connect_packet(const Options& options, std::string_view client_id);
std::string subscribe_packet(std::string_view filter, std::uint8_t qos, std::uint8_t version);
void append_publish(std::string& out, std::string_view topic, std::string_view payload,
                    std::uint8_t qos, std::uint16_t packet_id, std::uint8_t version);
void append_puback(std::string& out, std::uint16_t packet_id);

// A packet that arrived. `body` follows the fixed header.
struct Packet {
  std::uint8_t first = 0;
  std::string_view body;

  PacketType type() const { return static_cast<PacketType>(first >> 4); }
  std::uint8_t qos() const { return (first >> 1) & 3; }
  std::uint16_t number_at(std::size_t i) const;
  std::uint16_t packet_id() const { return number_at(0); }         // PUBACK, SUBACK
  std::uint8_t reason() const;                                     // CONNACK, PUBACK, SUBACK
  std::string_view topic() const;                                  // PUBLISH
  std::uint16_t publish_id() const { return number_at(2 + topic().size()); }
};

// Cuts a stream into packets.
class PacketReader {
 public:
  // Calls take(Packet) for each packet that is whole.
  template <typename Take>
  void feed(std::string_view bytes, Take&& take) {
    std::string joined;
    if (!rest_.empty()) {
      joined.swap(rest_);
      joined += bytes;
      bytes = joined;
    }
    Packet packet;
    while (const std::size_t size = split(bytes, packet)) {
      take(packet);
      bytes.remove_prefix(size);
    }
    rest_ = bytes;
  }

 private:
  // Size of the first packet, or 0 if it is not whole yet.
  static std::size_t split(std::string_view bytes, Packet& packet);

  std::string rest_;
};

}  // namespace selvedge::bench
