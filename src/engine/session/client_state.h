// The client's connection: what holds its parts together. Private to the client.

#pragma once

#include <string>

#include "engine/session/client.h"
#include "engine/session/client_inbox.h"
#include "engine/session/client_outbox.h"
#include "engine/session/client_subscriptions.h"

namespace selvedge::engine {

enum class ClientLink : std::uint8_t {
  down,
  connecting,                            // CONNECT sent
  up,                                    // CONNACK said yes
  closing,                               // the host was told to close; nothing more is read
};

struct Client::State {
  using Link = ClientLink;

  explicit State(ClientOptions given);

  void send_connect(ClientEvents& out);
  void take(const codec::mqtt::Packet& packet, ClientEvents& out);
  void pump(ClientEvents& out);
  // Ends the connection, telling an MQTT 5 server why if it is up.
  void refuse(const codec::mqtt::DecodeError& error, ClientEvents& out);
  void close(base::Error why, ClientEvents& out);
  // The time of the last packet sent is what keep-alive goes by.
  void note_sent(std::size_t bytes_before, base::Instant now, const ClientEvents& out) {
    if (out.send.size() != bytes_before) last_sent = now;
  }

  bool wants_clean_start() const;
  bool only_ends_old_session() const;    // of this connection
  base::Duration keep_alive_time() const { return std::chrono::seconds(keep_alive); }

  // One for each packet a server may send; the rest are protocol errors.
  void on(const codec::mqtt::ConnAck& packet, ClientEvents& out);
  void on(const codec::mqtt::Publish& packet, ClientEvents& out);
  void on(const codec::mqtt::PubAck& packet, ClientEvents& out);
  void on(const codec::mqtt::PubRec& packet, ClientEvents& out);
  void on(const codec::mqtt::PubRel& packet, ClientEvents& out);
  void on(const codec::mqtt::PubComp& packet, ClientEvents& out);
  void on(const codec::mqtt::SubAck& packet, ClientEvents& out);
  void on(const codec::mqtt::PingResp& packet, ClientEvents& out);
  void on(const codec::mqtt::Disconnect& packet, ClientEvents& out);

  ClientOptions options;
  std::string client_id;
  PacketIds ids;
  ClientOutbox outbox;
  ClientSubscriptions subscriptions;
  ClientInbox inbox;
  codec::mqtt::Decoder decoder;
  codec::mqtt::Publish scratch;          // reused: making one costs more than sending it
  ServerLimits limits;                   // of the connection that is up
  Link link = Link::down;
  bool had_session = false;              // a server has said yes to us before
  std::uint16_t keep_alive = 0;          // seconds, of this connection
  base::Instant opened, last_sent, last_received;
  std::optional<base::Instant> pinged;   // and no byte received since
};

}  // namespace selvedge::engine
