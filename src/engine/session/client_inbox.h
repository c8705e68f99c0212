// Client inbox: what the server publishes to a client: topic aliases, QoS 2 identifiers, and the
// acknowledgements they ask for. Private to the client.
//
// A QoS 2 message is handed on when its PUBLISH comes, and its identifier remembered until the
// PUBREL, so that a repetition is not handed on again (4.3.3, method B).

#pragma once

#include <bitset>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "codec/mqtt/packet.h"
#include "engine/session/client.h"

namespace selvedge::engine {

class ClientInbox {
 public:
  static constexpr std::uint16_t alias_maximum = 16;

  ClientInbox(codec::mqtt::Version version, std::uint16_t receive_maximum)
      : version_(version), receive_maximum_(receive_maximum) {}

  std::expected<void, codec::mqtt::DecodeError> publish(const codec::mqtt::Publish& packet,
                                                        ClientEvents& out);
  void pubrel(std::uint16_t packet_id, ClientEvents& out);

  void connection_lost() { aliases_.clear(); }
  void session_lost();

 private:
  std::expected<std::string_view, codec::mqtt::DecodeError> topic_of(
      const codec::mqtt::Publish& packet);

  codec::mqtt::Version version_;
  std::uint16_t receive_maximum_;
  std::vector<std::string> aliases_;     // by alias; empty ones are not set
  std::bitset<65'536> received_;         // QoS 2 identifiers handed on and not released
  std::size_t open_ = 0;                 // how many
};

}  // namespace selvedge::engine
