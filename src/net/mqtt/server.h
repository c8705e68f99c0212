// Server: an engine::Broker on real connections: listeners, streams, timers.
//
// It feeds the broker and carries out its outputs; what a message means is the hooks' business.
// Within a hook the broker may not be called; settle(), publish() and kick() from there take effect
// at the end of the loop's turn, which also makes one group of them. Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/session/broker.h"
#include "os/world.h"

namespace selvedge::net::mqtt {

// A login as the hook may keep it: owned copies.
struct LoginRequest {
  std::string client_id;
  bool has_username = false, has_password = false;
  std::string username, password;
  engine::ConnFacts facts;
};

struct Hooks {
  // Decide now or later, once; an answer for a connection that is gone is ignored.
  std::function<void(LoginRequest request, std::function<void(engine::Grant)> answer)> login;
  // Messages of one read, in order. Views are valid during the call.
  std::function<void(std::span<const engine::Arrived> messages)> arrived;
  // Subscriptions to topics that begin with '$', after the messages of the same read.
  std::function<void(std::span<const engine::Outputs::Subscribed>)> subscribed;
  // A connection whose login was granted is gone, or that of an earlier one of the same name.
  std::function<void(engine::ConnId, std::string_view device)> left;
  // Records of the broker's durable state, to be on disk before what arrived with them is settled.
  std::function<void(base::BytesView records, std::uint32_t count)> persist;
  // Calls back when everything given to `persist` so far is on disk; never from within the call. A
  // session that begins is not answered before. Not needed without `persist`.
  std::function<void(std::function<void()> then)> persisted;
  // A connection ended, for the log and the device table.
  std::function<void(std::string_view address, std::string_view why, bool error)> ended;
};

// A message of the host's own.
struct Message {
  std::string topic;
  base::Bytes payload;
  std::uint8_t qos = 0;
  bool retain = false;
  std::string content_type = {}, response_topic = {};    // MQTT 5; empty: none
  base::Bytes correlation = {};
  std::optional<engine::ConnId> only = {};   // to the session of this connection and no other
  // Called at the end of the turn with how many connected subscribers it was meant for.
  std::function<void(std::size_t)> reached = {};
};

class Server {
 public:
  Server(os::World& world, engine::BrokerLimits limits, engine::Access access, Hooks hooks);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The broker's state of an earlier run; before listen().
  base::Result<void> restore(base::BytesView records);
  void snapshot(base::Bytes& records) const;

  base::Result<std::uint16_t> listen(const os::Endpoint& at, std::shared_ptr<os::Tls> tls);
  // Takes a connection that was opened elsewhere (WebSocket), with bytes already received.
  void adopt(std::unique_ptr<os::Stream> stream, base::BytesView early);

  void settle(engine::Token token, codec::mqtt::Reason reason);
  void publish(std::string topic, base::Bytes payload, std::uint8_t qos, bool retain);
  void publish(Message message);
  // Ends every connection of a device.
  void kick_device(std::string_view device, codec::mqtt::Reason reason);
  // Ends, at the end of the loop's turn, the connections of peers for whom `which` says so.
  void end_where(std::function<bool(const os::Peer& peer)> which, codec::mqtt::Reason reason);

  // Stops reading from all connections (the store cannot keep up), and goes on.
  void pause();
  void resume();
  bool paused() const;

  // Says goodbye to everyone; `done` when the last connection is closed or 2 s have passed.
  void close(std::function<void()> done);

  void set_limits(const engine::BrokerLimits& limits);   // as Broker::set_limits
  const engine::BrokerStats& stats() const;
  std::vector<engine::Broker::SessionInfo> sessions(std::size_t limit) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvedge::net::mqtt
