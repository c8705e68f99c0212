// Incoming: the QoS 1 and 2 publishes of a client that are not finished.
//
// Incoming belongs to a connection and puts acknowledgements back into the order in which the
// publishes came (MQTT 4.6), however the host settles them. ReceivedIds belongs to a session: the
// identifiers of QoS 2 publishes between PUBLISH and PUBREL, by which a resend is recognised.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "codec/mqtt/packet.h"
#include "engine/session/broker.h"
#include "engine/session/ring.h"

namespace selvedge::engine {

class Incoming {
 public:
  struct Publish {
    std::uint16_t packet_id = 0;
    std::uint8_t qos = 0;
    bool settled = false;
    codec::mqtt::Reason reason{};
  };

  void add(Publish publish) { waiting_.push_back(publish); }
  // Settles the oldest unsettled publish with that identifier and yields it; null if none has it.
  const Publish* settle(std::uint16_t packet_id, codec::mqtt::Reason reason);
  // The next publish to acknowledge, if its turn has come.
  std::optional<Publish> take_settled();

  std::size_t waiting() const { return waiting_.size(); }
  const Publish& operator[](std::size_t i) const { return waiting_[i]; }

  // Publishes that count against the receive maximum: not acknowledged, or QoS 2 without PUBCOMP.
  std::uint32_t open = 0;

 private:
  Ring<Publish> waiting_;
};

// Sorted by identifier; clients count upwards, so that additions fall at the end.
class ReceivedIds {
 public:
  struct Id {
    std::uint16_t packet_id = 0;
    bool settled = false;
    ConnId arrived{};                    // the connection its token names
    ConnId counted{};                    // the one whose receive maximum it takes from
  };

  Id* find(std::uint16_t packet_id);
  void add(Id id);                       // must not be there
  bool erase(std::uint16_t packet_id);
  std::size_t size() const { return ids_.size(); }
  auto begin() const { return ids_.begin(); }
  auto end() const { return ids_.end(); }

 private:
  std::vector<Id> ids_;
};

}  // namespace selvedge::engine
