// Broker: the MQTT 3.1.1 and 5 server as a state machine: sessions, subscriptions, retained
// messages, wills, flow control. It reads no clock and owns no socket.
//
// The host gives every connection a ConnId, feeds the bytes that arrive, and carries out what the
// Outputs say: bytes to send, connections to close, logins to decide, messages to store. A publish
// with QoS 1 or 2 is acknowledged only when the host settles its Token, which it does once the
// message is on disk; acknowledgements leave in the order in which the publishes came (MQTT 4.6).
//
// Bounds: Limits. A subscriber that does not keep up loses QoS 0 messages (counted) and has at most
// `queued_messages`/`queued_bytes` waiting for QoS 1 and 2; beyond that new ones for it are dropped
// and counted, never without a trace. What must survive a crash (sessions with an expiry, their
// subscriptions and queues, QoS 2 identifiers, retained messages) leaves as Outputs::persist and
// comes back through restore().
//
// Sources: OASIS MQTT 3.1.1 (2014) and MQTT 5.0 (2019). Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/mqtt/packet.h"

namespace selvedge::engine {

// Given by the host to each connection; never used again.
enum class ConnId : std::uint64_t {};

// What the transport knows of a connection when it opens.
struct ConnFacts {
  std::string address;
  bool loopback = false;
  bool encrypted = false;
  std::string common_name;           // of the client's verified certificate, if any
  std::vector<std::string> uris;
};

struct BrokerLimits {
  std::uint32_t packet_bytes = 1 << 20;          // maximum packet size we accept
  std::uint16_t receive_maximum = 64;            // unacknowledged QoS 1/2 publishes a client may have open
  std::uint16_t topic_alias_maximum = 16;        // aliases a client may set
  std::uint16_t outgoing_alias_maximum = 16;     // aliases we set, if the client allows
  std::uint32_t connections = 20'000;
  std::uint32_t sessions = 100'000;
  std::uint32_t subscriptions_per_session = 1'000;
  std::uint32_t retained_messages = 100'000;
  std::uint64_t retained_bytes = 64 << 20;
  std::uint32_t queued_messages = 10'000;        // for one session
  std::uint64_t queued_bytes = 16 << 20;         // for one session
  std::uint64_t total_queued_bytes = 64 << 20;   // for all
  std::uint64_t unsent_bytes = 1 << 20;          // output waiting in the transport before QoS 0 is dropped
  base::Duration connect_timeout = std::chrono::seconds(10);
  std::uint32_t session_expiry_maximum = 7 * 24 * 3600;  // seconds; 3.1.1 clean_session=0 gets this
  std::uint16_t server_keep_alive = 0;           // 0: the client's; else the most we grant, seconds
};

// Identifies one publish that waits to be settled.
struct Token {
  ConnId conn{};
  std::uint16_t packet_id = 0;
};

// A login to decide; answer with Broker::authorise. Views are valid during the step.
struct Authenticate {
  ConnId conn{};
  std::string_view client_id;      // as sent; may be empty
  bool has_username = false;
  std::string_view username;
  bool has_password = false;
  base::BytesView password;
  const ConnFacts* facts = nullptr;
};

// A message that a client published, or the will of one (no token; `conn` is zero). Views are valid
// until the next call into the broker and as long as the bytes given to received().
struct Arrived {
  ConnId conn{};
  std::string_view client_id;
  std::string_view device;         // who the host said this is
  std::string_view topic;
  base::BytesView payload;
  std::uint8_t qos = 0;
  bool retain = false;
  bool duplicate = false;          // the DUP flag
  std::optional<Token> token;      // QoS 1 and 2: settle it, even if its connection is gone
  const codec::mqtt::Properties* properties = nullptr;  // MQTT 5; null if none
};

struct Outputs {
  // A subscription to a topic that begins with '$': those the host serves itself. Views as in Arrived.
  struct Subscribed {
    ConnId conn{};
    std::string_view device, filter;
    std::uint8_t qos = 0;              // granted
    bool is_new = false;               // the session did not have it
  };
  struct Send {
    ConnId conn{};
    std::uint32_t begin = 0, end = 0;  // a range of `bytes`
  };
  struct Close {
    ConnId conn{};
    std::string why;                 // for the log
    bool error = false;              // not an orderly DISCONNECT
  };

  base::Bytes bytes;
  std::vector<Send> sends;           // in order; ranges of different connections may coincide
  std::vector<Close> closes;         // after the sends; the broker has forgotten these
  std::vector<Authenticate> logins;
  std::vector<Arrived> arrived;
  std::vector<Subscribed> subscribed;
  // Connections that began a session, if the log must know of it. What is sent to them, from their
  // CONNACK on, waits until `persist` is on disk: a crash could bring an older session back, whose
  // QoS 2 identifiers would be taken for theirs.
  std::vector<ConnId> begun;
  base::Bytes persist;               // records for the session log: append, and sync before settling
  std::uint32_t persist_records = 0;

  void clear();
  base::BytesView range(const Send& send) const {
    return base::BytesView(bytes).subspan(send.begin, send.end - send.begin);
  }
};

// The host's decision on a login.
// A session belongs to its device: another one does not get in under the client id while that is
// connected, and does not inherit what it left behind.
struct Grant {
  codec::mqtt::Reason reason = codec::mqtt::Reason::success;  // anything else refuses
  std::string device;                // the name readings are booked under
  std::string assigned_client_id;    // used if the client sent none; empty: made from the ConnId
  bool unrestricted = false;         // Access is not asked: a tool of whoever runs the host
};

struct BrokerStats {
  std::uint64_t connections = 0, sessions = 0, subscriptions = 0, retained = 0;
  std::uint64_t queued_messages = 0, queued_bytes = 0;
  std::uint64_t packets_received = 0, packets_sent = 0;
  std::uint64_t publishes_received = 0, publishes_sent = 0;
  std::uint64_t dropped_slow = 0;      // QoS 0, subscriber too slow
  std::uint64_t dropped_full = 0;      // QoS 1/2, queue of a session full
  std::uint64_t dropped_expired = 0;   // message expiry interval passed
  std::uint64_t dropped_large = 0;     // larger than the subscriber's maximum packet size
  std::uint64_t protocol_errors = 0, refused_logins = 0, keep_alive_timeouts = 0;
};

// May `device` publish to a topic, or subscribe to a filter?
struct Access {
  std::function<bool(std::string_view device, std::string_view topic)> may_publish;
  std::function<bool(std::string_view device, std::string_view filter)> may_subscribe;
};

// A message of the host's own, published to subscribers as any other.
struct OwnMessage {
  std::string_view topic;
  base::BytesView payload;
  std::uint8_t qos = 0;
  bool retain = false;
  const codec::mqtt::Properties* properties = nullptr;   // MQTT 5; null if none
  std::optional<ConnId> only{};      // to no other session than that of this connection
};

class Broker {
 public:
  Broker(BrokerLimits limits, Access access);
  ~Broker();

  // Feeds back the persisted records of an earlier run, in order, before anything else.
  // Code::corrupt if they cannot be read; the broker is of no use then.
  base::Result<void> restore(base::BytesView records, base::Time wall_now);
  // The whole durable state as records, to start a new session log with.
  void snapshot(base::Bytes& records) const;

  // Beyond Limits::connections a client is refused at its CONNECT; the host bounds those that are
  // only open.
  void open(ConnId conn, ConnFacts facts, base::Instant now);
  void received(ConnId conn, base::BytesView bytes, base::Instant now, base::Time wall_now,
                Outputs& out);
  void closed(ConnId conn, base::Instant now, base::Time wall_now, Outputs& out);
  void authorise(ConnId conn, Grant grant, base::Instant now, base::Time wall_now, Outputs& out);
  // The messages are stored (success), refused (quota_exceeded, payload_format_invalid, ...).
  // 3.1.1 has no way to say no: a refusal there closes the connection, so the client tries again.
  void settle(std::span<const Token> tokens, codec::mqtt::Reason reason, base::Instant now,
              Outputs& out);
  // How many bytes the transport still holds for a connection; call when it changes much. What
  // waits in the broker goes on when this falls below Limits::unsent_bytes.
  void unsent(ConnId conn, std::uint64_t bytes, base::Instant now, Outputs& out);
  // Returns how many subscribers that are connected it was meant for.
  std::size_t publish(const OwnMessage& message, base::Instant now, base::Time wall_now,
                      Outputs& out);
  // Ends a connection from our side with a reason the client is told (MQTT 5).
  void kick(ConnId conn, codec::mqtt::Reason reason, base::Instant now, base::Time wall_now,
            Outputs& out);
  // Disconnects everyone politely (server shutting down).
  void shut_down(base::Instant now, base::Time wall_now, Outputs& out);

  // Keep-alive, wills, expiry. Call at or after wake_at().
  void tick(base::Instant now, base::Time wall_now, Outputs& out);
  std::optional<base::Instant> wake_at() const;

  // Connections, queues and keep-alive; what a client was told when it connected stays for it, and
  // the other bounds stay as they were.
  void set_limits(const BrokerLimits& limits);
  const BrokerStats& stats() const;
  // For listings: client id, device, address, connected, subscriptions, queued, for each session.
  struct SessionInfo {
    std::string client_id, device, address;
    bool connected = false;
    std::uint8_t version = 0;
    std::uint64_t subscriptions = 0, queued = 0;
  };
  std::vector<SessionInfo> sessions(std::size_t limit) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvedge::engine
