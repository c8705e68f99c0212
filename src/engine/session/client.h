// Client: the MQTT 5 (or 3.1.1) client as a state machine: connect, publish with QoS 0 to 2,
// subscribe, keep alive, resend after a reconnect. The node's uplink and libselvedge stand on it.
//
// Publishes that are not acknowledged survive a lost connection inside this object and are sent
// again, in order, with DUP set if the server kept the session. The number open at a time is the
// server's receive maximum or `inflight`, whichever is less; more wait here up to `waiting_bytes`,
// beyond which publish() says Code::exhausted. Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/mqtt/packet.h"

namespace selvedge::engine {

struct ClientOptions {
  codec::mqtt::Version version = codec::mqtt::Version::v5;
  std::string client_id;
  bool clean_start = true;
  std::uint32_t session_expiry = 0;      // seconds, MQTT 5
  std::uint16_t keep_alive = 30;         // seconds; 0: none
  std::optional<std::string> username;
  std::optional<std::string> password;
  std::uint16_t inflight = 64;           // unacknowledged publishes we allow ourselves
  std::uint16_t receive_maximum = 64;
  std::uint32_t packet_bytes = 4 << 20;  // largest packet we accept
  std::uint64_t waiting_bytes = 4 << 20;
};

// Names a publish until it is acknowledged. Zero for QoS 0.
enum class PublishId : std::uint64_t { none = 0 };

struct ClientEvents {
  struct Acknowledged {
    PublishId id{};
    codec::mqtt::Reason reason{};
  };
  struct Message {
    std::string topic;
    base::Bytes payload;
    std::uint8_t qos = 0;
    bool retain = false;
  };
  struct Subscribed {
    std::string filter;
    codec::mqtt::Reason reason{};
  };

  base::Bytes send;                      // bytes for the transport
  bool connected = false;                // CONNACK said yes just now
  bool session_present = false;
  std::vector<Acknowledged> acknowledged;
  std::vector<Message> messages;
  std::vector<Subscribed> subscribed;
  std::optional<base::Error> close;      // close the transport, for this reason

  void clear();
};

class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();

  void transport_open(base::Instant now, ClientEvents& out);
  void transport_closed(base::Instant now, ClientEvents& out);
  void received(base::BytesView bytes, base::Instant now, ClientEvents& out);
  void tick(base::Instant now, ClientEvents& out);
  std::optional<base::Instant> wake_at() const;

  base::Result<PublishId> publish(std::string_view topic, base::BytesView payload,
                                  std::uint8_t qos, bool retain, base::Instant now,
                                  ClientEvents& out);
  // Remembered and sent again on every connection that has no session.
  void subscribe(std::string_view filter, std::uint8_t qos, base::Instant now, ClientEvents& out);
  void disconnect(base::Instant now, ClientEvents& out);  // orderly; the server drops the will

  bool connected() const;
  std::size_t inflight() const;          // sent, not acknowledged
  std::size_t waiting() const;           // accepted, not sent

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvedge::engine
