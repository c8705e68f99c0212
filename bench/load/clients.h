// Clients: MQTT connections that the server has let in; fan-in and hold are made of them.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "load/connection.h"
#include "load/options.h"
#include "load/packets.h"

namespace selvedge::bench {

class Clients;

struct Client : Receiver {
  Client(Clients& owner, std::uint32_t its_number) : clients(owner), number(its_number) {}

  void received(Connection& connection, std::string_view bytes) override;
  void ended(Connection& connection, std::string_view why) override;

  Clients& clients;
  std::uint32_t number;
  std::unique_ptr<Connection> connection;
  PacketReader reader;
};

class Clients {
 public:
  // `arrived` is told of each packet that is not about connecting or subscribing.
  using Arrived = std::function<void(Client&, const Packet&)>;

  Clients(const Options& options, Arrived arrived);

  // Connects `count` more, a few at a time, and waits until the server has let all of them in.
  // False, with the reason on standard error, if it does not within a minute.
  bool connect(std::uint32_t count);
  // Sends SUBSCRIBE and waits for its answer.
  bool subscribe(Client& client, const std::string& filter);

  void poll(std::uint64_t nanoseconds) { poller_.poll(nanoseconds); }
  Client& at(std::size_t i) { return *clients_[i]; }
  std::uint64_t lost() const { return lost_; }   // connections that ended

 private:
  friend struct Client;
  void handle(Client& client, const Packet& packet);
  void ended(std::string_view why);
  // Serves the connections until `done`, a lost connection, or the end of patience.
  bool wait(const std::function<bool()>& done);

  const Options& options_;
  Arrived arrived_;
  TlsContext tls_;
  Poller poller_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::size_t accepted_ = 0;
  std::uint64_t lost_ = 0;
  bool subscribed_ = false;
};

}  // namespace selvedge::bench
