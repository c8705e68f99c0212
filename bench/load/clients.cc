#include "load/clients.h"

#include <unistd.h>

#include <cstdio>

#include "load/server_process.h"

namespace selvedge::bench {
namespace {

constexpr std::size_t most_connecting = 50;   // fewer than a small listen backlog
constexpr std::uint64_t patience_ns = 60'000'000'000;
constexpr std::uint64_t turn_ns = 10'000'000;

}  // namespace

void Client::received(Connection&, std::string_view bytes) {
  reader.feed(bytes, [this](const Packet& packet) { clients.handle(*this, packet); });
}

void Client::ended(Connection&, std::string_view why) { clients.ended(why); }

Clients::Clients(const Options& options, Arrived arrived)
    : options_(options), arrived_(std::move(arrived)), tls_(make_tls(options)) {}

bool Clients::wait(const std::function<bool()>& done) {
  const std::uint64_t began = now_ns();
  while (!done()) {
    if (lost_ > 0) return false;
    if (now_ns() - began > patience_ns) {
      std::fprintf(stderr, "mqtt_load: the server has let in %zu of %zu connections, and stopped\n",
                   accepted_, clients_.size());
      return false;
    }
    poller_.poll(turn_ns);
  }
  return true;
}

bool Clients::connect(std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto number = static_cast<std::uint32_t>(clients_.size());
    Client& client = *clients_.emplace_back(std::make_unique<Client>(*this, number));
    client.connection =
        std::make_unique<Connection>(poller_, options_.port, tls_.get(), client);
    client.connection->queue() = connect_packet(
        options_, "load-" + std::to_string(getpid()) + "-" + std::to_string(number));
    if (!wait([this] { return clients_.size() - accepted_ < most_connecting; })) return false;
  }
  return wait([this] { return accepted_ == clients_.size(); });
}

bool Clients::subscribe(Client& client, const std::string& filter) {
  subscribed_ = false;
  client.connection->queue() += subscribe_packet(filter, options_.qos, options_.version);
  client.connection->flush();
  return wait([this] { return subscribed_; });
}

void Clients::handle(Client& client, const Packet& packet) {
  switch (packet.type()) {
    case PacketType::connack:
      if (packet.reason() == 0) ++accepted_;
      else ended("CONNACK with code " + std::to_string(packet.reason()));
      break;
    case PacketType::suback:
      if (packet.reason() < 0x80) subscribed_ = true;
      else ended("SUBACK with code " + std::to_string(packet.reason()));
      break;
    case PacketType::disconnect:
      ended("DISCONNECT from the server");
      break;
    default: arrived_(client, packet);
  }
}

void Clients::ended(std::string_view why) {
  if (lost_++ == 0)
    std::fprintf(stderr, "mqtt_load: a connection ended: %.*s\n", static_cast<int>(why.size()),
                 why.data());
}

}  // namespace selvedge::bench
