// Client subscriptions: the filters a client wants, remembered for every connection that has to be
// told again. Private to the client.
//
// One SUBSCRIBE is open at a time; what is wanted meanwhile goes out together in the next one.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/session/client_outbox.h"

namespace selvedge::engine {

class ClientSubscriptions {
 public:
  ClientSubscriptions(codec::mqtt::Version version, PacketIds& ids)
      : version_(version), ids_(ids) {}

  // A filter that no server could take is answered here and not kept.
  void add(std::string_view filter, std::uint8_t qos, ClientEvents& out);
  void pump(const ServerLimits& limits, ClientEvents& out);

  void connection_lost();
  void session_lost();

  // False if it answers nothing that was asked: a protocol error.
  bool suback(const codec::mqtt::SubAck& answer, ClientEvents& out);

 private:
  enum class Stage : std::uint8_t { wanted, asked, answered };
  struct Remembered {
    std::string filter;
    std::uint8_t qos = 0;
    Stage stage = Stage::wanted;
  };

  codec::mqtt::Version version_;
  PacketIds& ids_;
  std::vector<Remembered> all_;          // grows only, so that an index names one for good
  std::vector<std::size_t> asked_;       // by the open SUBSCRIBE
  std::uint16_t packet_id_ = 0;          // of the open SUBSCRIBE; 0: none
};

}  // namespace selvedge::engine
