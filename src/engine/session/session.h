// Session: what the broker remembers of a client from one connection to the next, and the few
// things it keeps of a connection.
//
// Twenty thousand of each must fit a small machine, so whatever not every client needs is behind a
// pointer that is null until it is needed.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "codec/mqtt/packet.h"
#include "engine/session/broker.h"
#include "engine/session/incoming.h"
#include "engine/session/message.h"
#include "engine/session/outgoing.h"
#include "engine/session/timers.h"
#include "engine/session/topic_tree.h"

namespace selvedge::engine {

struct Conn;

struct SessionWill {
  MessagePtr message;
  bool retain = false;
  std::uint32_t delay = 0;               // seconds
  std::optional<std::uint32_t> expiry;   // seconds from when it is published
};

struct Session : Timer {
  Session() : Timer(Kind::session) {}

  std::string client_id;
  std::string device;
  Conn* conn = nullptr;                  // null: away
  std::vector<std::unique_ptr<Subscribed>> subscriptions;
  std::unique_ptr<Outgoing> outgoing;
  std::unique_ptr<ReceivedIds> received;
  std::unique_ptr<SessionWill> will;
  std::uint64_t number = 0;              // in the session log; 0: ends with its connection
  std::uint32_t expiry = 0;              // seconds
  codec::mqtt::Version version = codec::mqtt::Version::v5;
  // While away:
  base::Time ends = never;
  base::Time will_due = never;
  // Of one publish, to find overlapping subscriptions: which publish, and which of its targets.
  std::uint64_t match = 0;
  std::uint32_t target = 0;

  bool durable() const { return number != 0; }
  Outgoing& queue() {
    if (!outgoing) outgoing = std::make_unique<Outgoing>();
    return *outgoing;
  }
};

// A CONNECT that waits for the host's decision. The packet's views point into `bytes`.
struct Login {
  ConnFacts facts;
  base::Bytes bytes;
  codec::mqtt::Decoder decoder{~std::uint32_t{0}};
  const codec::mqtt::Connect* connect = nullptr;
};

struct OutgoingAliases;                  // in broker_send.cc

struct Conn : Timer {
  enum class Stage : std::uint8_t { opened, login, ready, closed };

  Conn();
  ~Conn();                               // in broker_send.cc, which knows what the aliases are

  ConnId id{};
  Session* session = nullptr;
  std::unique_ptr<codec::mqtt::Decoder> decoder;  // only while it holds part of a packet
  std::unique_ptr<ConnFacts> facts;               // until CONNECT
  std::unique_ptr<Login> login;                   // from CONNECT to CONNACK
  std::unique_ptr<Incoming> incoming;
  std::unique_ptr<std::vector<std::string>> aliases_in;
  std::unique_ptr<OutgoingAliases> aliases_out;
  std::string address;
  base::Time last_heard{};
  std::uint64_t unsent = 0;              // held by the transport, as the host last said
  std::uint64_t emitted = 0;             // in the call `emitted_in`
  std::uint64_t emitted_in = 0;
  std::uint32_t max_packet = ~std::uint32_t{0};
  std::uint16_t keep_alive = 0;          // seconds
  std::uint16_t window = 0;              // QoS 1/2 publishes we may have open
  std::uint16_t alias_maximum = 0;       // aliases we may set
  codec::mqtt::Version version = codec::mqtt::Version::v5;
  Stage stage = Stage::opened;
  bool wants_problems = true;            // request problem information
  bool unrestricted = false;             // Access is not asked
  bool held_back = false;                // in the list of those whose output was cut short
};

}  // namespace selvedge::engine
