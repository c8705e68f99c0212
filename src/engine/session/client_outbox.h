// Client outbox: the client's QoS 1 and 2 publishes, from publish() until the server has them.
// Private to the client.
//
// A publish is kept as the bytes of its packet, so that sending it again is a copy with the DUP bit
// set. All are in one queue, in the order of publish(): first those sent on this connection, then
// those numbered on an earlier one and to be sent again, then the new ones. At most `bytes_bound`
// bytes are kept; add() refuses beyond that.

#pragma once

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <deque>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/mqtt/packet.h"
#include "engine/session/client.h"

namespace selvedge::engine {

// The packet identifiers in use, of publishes and subscriptions alike (2.2.1).
class PacketIds {
 public:
  std::uint16_t take();                  // at most `most_open` publishes and one SUBSCRIBE are open
  void give_back(std::uint16_t id) { taken_.reset(id); }

  static constexpr std::uint16_t most_open = 65'000;

 private:
  std::bitset<65'536> taken_;
  std::uint16_t last_ = 0;
};

// What the CONNACK allows us.
struct ServerLimits {
  std::uint16_t receive_maximum = 65'535;
  std::uint32_t packet_bytes = UINT32_MAX;
  std::uint8_t maximum_qos = 2;
  bool retain_available = true;
  bool wildcard_available = true;
  bool shared_available = true;

  // Success, or why the server would not take a PUBLISH.
  codec::mqtt::Reason refusal(std::uint8_t qos, bool retain, std::size_t packet_size) const;
  // The same for a SUBSCRIBE to one filter.
  codec::mqtt::Reason refusal(std::string_view filter, std::size_t packet_size) const;
};

class ClientOutbox {
 public:
  ClientOutbox(codec::mqtt::Version version, std::uint16_t inflight, std::uint64_t bytes_bound,
               PacketIds& ids)
      : version_(version),
        inflight_(std::min(inflight, PacketIds::most_open)),
        bytes_bound_(bytes_bound),
        ids_(ids) {}

  base::Result<PublishId> add(const codec::mqtt::Publish& publish);
  // Sends as many as the windows allow.
  void pump(const ServerLimits& limits, ClientEvents& out);

  void connection_lost() { sent_ = 0; }
  void session_lost();

  // The server's answers. False if the answer is none to what was sent: a protocol error.
  bool puback(std::uint16_t packet_id, codec::mqtt::Reason reason, ClientEvents& out);
  bool pubrec(std::uint16_t packet_id, codec::mqtt::Reason reason, ClientEvents& out);
  bool pubcomp(std::uint16_t packet_id, ClientEvents& out);

  std::size_t inflight() const { return numbered_; }
  std::size_t waiting() const { return kept_.size() - numbered_; }

 private:
  enum class Stage : std::uint8_t { publish, pubrel };
  struct Kept {
    base::Bytes packet;
    PublishId id{};
    std::uint32_t packet_id_at = 0;      // offset in `packet`
    std::uint16_t packet_id = 0;         // 0: not sent in this session
    Stage stage = Stage::publish;
    codec::mqtt::Reason received = codec::mqtt::Reason::success;  // of the PUBREC

    std::uint8_t qos() const { return packet[0] >> 1 & 3; }
    bool retain() const { return (packet[0] & 1) != 0; }
  };

  Kept* find(std::uint16_t packet_id);
  void send(Kept& kept, ClientEvents& out);
  void finish(Kept& kept, codec::mqtt::Reason reason, ClientEvents& out);

  codec::mqtt::Version version_;
  std::uint16_t inflight_;
  std::uint64_t bytes_bound_;
  PacketIds& ids_;
  std::deque<Kept> kept_;
  std::size_t sent_ = 0;                 // the first so many were sent on this connection
  std::size_t numbered_ = 0;             // the first so many have a packet identifier; >= sent_
  std::uint64_t bytes_ = 0;
  std::uint64_t last_id_ = 0;
};

}  // namespace selvedge::engine
