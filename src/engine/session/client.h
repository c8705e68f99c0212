// Client: the MQTT 5 (or 3.1.1) client as a state machine: connect, publish with QoS 0 to 2,
// subscribe, keep alive, resend after a reconnect. The node's uplink and libselvedge stand on it.
//
// Publishes that are not acknowledged survive a lost connection inside this object and are sent
// again, in order: with DUP set, or from where QoS 2 had come to, if the server kept the session; as
// new ones if not, so that every publish arrives at least once. The number open at a time is the
// server's receive maximum or `inflight`, whichever is less; more wait here. Open and waiting ones
// together take at most `waiting_bytes`, beyond which publish() says Code::exhausted.
//
// A server that answers nothing is given up: 20 s after CONNECT, or half the keep-alive time after
// a ping, which goes out when either side was silent for that time. Whatever the server sends that
// the standard does not allow ends the connection, with the reason in `close` and in a DISCONNECT.
//
// Sources: OASIS MQTT 3.1.1 (2014), MQTT 5.0 (2019). Belongs to the loop thread.

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

// What the server publishes for us if the connection ends without disconnect().
struct ClientWill {
  std::string topic;
  base::Bytes payload;
  std::uint8_t qos = 0;
  bool retain = false;
  std::uint32_t delay = 0;               // seconds, MQTT 5
};

struct ClientOptions {
  codec::mqtt::Version version = codec::mqtt::Version::v5;
  std::string client_id;
  // With a session_expiry, of the first connection only: a client that begins does not know what
  // an earlier one of its name left open. MQTT 3.1.1 takes a connection of its own for that, which
  // ends with `close` as soon as it is accepted.
  bool clean_start = true;
  std::uint32_t session_expiry = 0;      // seconds; in 3.1.1 0 or for as long as the server keeps it
  std::uint16_t keep_alive = 30;         // seconds; 0: none
  std::optional<std::string> username;
  std::optional<std::string> password;
  std::optional<ClientWill> will;
  std::uint16_t inflight = 64;           // unacknowledged publishes we allow ourselves
  std::uint16_t receive_maximum = 64;
  std::uint32_t packet_bytes = 4 << 20;  // largest packet we accept
  std::uint64_t waiting_bytes = 4 << 20; // of publishes kept here, encoded
};

// Names a publish until it is acknowledged. Zero for QoS 0.
enum class PublishId : std::uint64_t { none = 0 };

struct ClientEvents {
  struct Acknowledged {
    PublishId id{};
    codec::mqtt::Reason reason{};        // an error if the server, or its limits, refuse it
  };
  struct Message {
    std::string topic;
    base::Bytes payload;
    std::uint8_t qos = 0;
    bool retain = false;
  };
  struct Subscribed {
    std::string filter;
    codec::mqtt::Reason reason{};        // the QoS granted, or an error
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

  // Events are added to `out`: the host carries them out and clears it.
  void transport_open(base::Instant now, ClientEvents& out);
  void transport_closed(base::Instant now, ClientEvents& out);
  void received(base::BytesView bytes, base::Instant now, ClientEvents& out);
  void tick(base::Instant now, ClientEvents& out);
  std::optional<base::Instant> wake_at() const;

  // QoS 0 needs a connection (Code::unavailable without); QoS 1 and 2 wait for one.
  // Code::invalid_input if the topic is no topic name or the server's limits forbid the packet.
  base::Result<PublishId> publish(std::string_view topic, base::BytesView payload,
                                  std::uint8_t qos, bool retain, base::Instant now,
                                  ClientEvents& out);
  // Remembered and sent again on every connection that has no session, or where the last one ended
  // before the answer came.
  void subscribe(std::string_view filter, std::uint8_t qos, base::Instant now, ClientEvents& out);
  // Orderly: the server drops the will. The host sends what is in `send`, then closes.
  void disconnect(base::Instant now, ClientEvents& out);

  bool connected() const;
  std::string_view client_id() const;    // ours, or the one the server assigned
  std::size_t inflight() const;          // sent, not acknowledged
  std::size_t waiting() const;           // accepted, not sent

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvedge::engine
