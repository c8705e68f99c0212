// Story: a broker, scripted clients and a clock, for the tests of the broker.
//
// Clients speak through the codec. What they receive is kept as one line of text for each packet,
// such as "PUBLISH a/b 'hello' q1 #7 retain ids=1,2", so that a test can say what it expects. The
// host's part is played too: logins are granted, publishes settled, records kept, unless a test
// wants to do that itself.

#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/session/broker.h"

namespace selvedge::engine {

using Lines = std::vector<std::string>;

std::string describe(const codec::mqtt::Packet& packet);

struct Peer {
  ConnId id{};
  codec::mqtt::Version version{};
  codec::mqtt::Decoder decoder{1 << 28};
  Lines got;
  bool closed = false;
  bool error = false;
  std::string why;

  // What came since the last time.
  Lines take() { return std::exchange(got, {}); }
};

struct PublishOptions {
  std::uint8_t qos = 0;
  std::uint16_t id = 0;
  bool retain = false, duplicate = false;
  codec::mqtt::Properties properties{};
};

class Story {
 public:
  explicit Story(BrokerLimits limits = {}, Access access = {});

  // The host's decision on logins; by default all may, and the device is the user name or else the
  // client id. Nothing: decide later.
  std::function<std::optional<Grant>(const Authenticate&)> decide;
  bool settles = true;

  Peer& open(codec::mqtt::Version version = codec::mqtt::Version::v5);
  Peer& connect(const codec::mqtt::Connect& connect);       // the CONNACK is in `got`
  Peer& join(std::string_view client_id);                   // MQTT 5, clean start; CONNACK taken
  Peer& join_311(std::string_view client_id, bool clean = true);
  // MQTT 5 with a session that outlives the connection.
  Peer& rejoin(std::string_view client_id, std::uint32_t expiry = 3'600);

  void give(Peer& peer, base::BytesView bytes);
  template <typename Packet>
  void send(Peer& peer, const Packet& packet) {
    base::Bytes bytes;
    if constexpr (requires { codec::mqtt::encode(packet, peer.version, bytes); }) {
      codec::mqtt::encode(packet, peer.version, bytes);
    } else {
      codec::mqtt::encode(packet, bytes);
    }
    give(peer, bytes);
  }
  void publish(Peer& peer, std::string_view topic, std::string_view payload,
               PublishOptions options = {});
  void subscribe(Peer& peer, std::string_view filter, std::uint8_t qos = 0, std::uint32_t id = 0);
  void subscribe(Peer& peer, const codec::mqtt::Subscription& wanted, std::uint32_t id = 0);
  void unsubscribe(Peer& peer, std::string_view filter);
  template <typename Ack>
  void ack(Peer& peer, std::uint16_t id,
           codec::mqtt::Reason reason = codec::mqtt::Reason::success) {
    Ack packet;
    packet.packet_id = id;
    packet.reason = reason;
    send(peer, packet);
  }
  void disconnect(Peer& peer, codec::mqtt::Reason reason = codec::mqtt::Reason::success,
                  std::optional<std::uint32_t> expiry = std::nullopt);
  void drop(Peer& peer);                                    // the connection is lost
  void pass(base::Duration time);                           // and tick
  void settle(const std::vector<Token>& which,
              codec::mqtt::Reason reason = codec::mqtt::Reason::success);
  // Any other call: story.call([&](Outputs& out) { broker.kick(..., out); }).
  void call(const std::function<void(Outputs&)>& call);

  // A crash: a new broker from what was persisted, or from a snapshot.
  void restart(bool from_snapshot = false);

  Broker& broker() { return *broker_; }
  const BrokerStats& stats() const { return broker_->stats(); }

  base::Instant now{1'000'000'000'000};
  base::Time wall{1'700'000'000'000'000'000};
  base::Bytes log;                                          // all records persisted so far
  std::vector<Token> tokens;                                // to settle, if not `settles`
  Lines arrived;                                            // "device topic 'payload' q1"
  std::vector<ConnId> asked;                                // logins to decide
  std::vector<ConnId> begun;                                // to be answered once the log is on disk

 private:
  void carry_out();

  BrokerLimits limits_;
  Access access_;
  std::unique_ptr<Broker> broker_;
  Outputs out_;
  std::deque<Peer> peers_;
  std::uint64_t last_conn_ = 0;
};

}  // namespace selvedge::engine
