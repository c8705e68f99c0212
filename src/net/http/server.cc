#include "net/http/connection.h"

namespace selvedge::net::http {

namespace {

// Connections beyond the limit that may wait for their 503 to be sent; the rest are just dropped.
constexpr std::uint64_t refusals = 64;

void accept(const std::shared_ptr<ServerCore>& core, std::unique_ptr<os::Stream> stream) {
  const std::uint64_t open = core->connections.size();
  const bool full = open >= core->limits.connections;
  if (full) ++core->stats.refused;
  if (core->closing || open >= core->limits.connections + refusals) return;
  const auto connection = std::make_shared<Connection>(core, std::move(stream));
  core->connections.emplace(connection.get(), connection);
  ++core->stats.open;
  if (full) {
    connection->refuse_for_number();
  } else {
    ++core->stats.connections;
    connection->start();
  }
}

}  // namespace

struct Server::State : ServerCore {
  using ServerCore::ServerCore;
};

Server::Server(os::World& world, ServerLimits limits)
    : state_(std::make_shared<State>(world, limits)) {}

Server::~Server() {
  state_->listeners.clear();
  state_->closing = true;
  state_->closed = nullptr;
  // The events of a stream may be running right now: its connection dies when they return.
  auto connections = std::exchange(state_->connections, {});
  for (auto& [at, connection] : connections) connection->abandon();
}

void Server::route(std::string_view method, std::string_view path, Handler handler) {
  state_->router.add(method, path, std::move(handler));
}

void Server::websocket(std::string_view path, std::string_view subprotocol, Upgrade upgrade) {
  state_->router.add_socket(path, subprotocol, std::move(upgrade));
}

base::Result<std::uint16_t> Server::listen(const os::Endpoint& at, std::shared_ptr<os::Tls> tls) {
  auto listener = TRY(state_->world.network().listen(
      at, std::move(tls),
      [weak = std::weak_ptr<ServerCore>(state_)](std::unique_ptr<os::Stream> stream) {
        if (const auto core = weak.lock()) accept(core, std::move(stream));
      }));
  const std::uint16_t port = listener->port();
  state_->listeners.push_back(std::move(listener));
  return port;
}

void Server::end_where(std::function<bool(const os::Peer& peer)> which) {
  state_->world.loop().defer(
      [weak = std::weak_ptr<ServerCore>(state_), which = std::move(which)] {
        const auto core = weak.lock();
        if (!core) return;
        std::vector<std::shared_ptr<Connection>> ended;
        for (const auto& entry : core->connections) {
          const os::Peer* const peer = entry.second->peer();
          if (peer != nullptr && which(*peer)) ended.push_back(entry.second);
        }
        for (const auto& connection : ended) {
          connection->abandon();
          core->remove(*connection);
        }
      });
}

void Server::close(std::function<void()> done) {
  const auto state = state_;
  state->listeners.clear();
  state->closing = true;
  state->closed = std::move(done);
  std::vector<std::shared_ptr<Connection>> connections;
  for (const auto& entry : state->connections) connections.push_back(entry.second);
  for (const auto& connection : connections) connection->shut();
  state->finish_closing();
}

const Server::Stats& Server::stats() const {
  return state_->stats;
}

}  // namespace selvedge::net::http
