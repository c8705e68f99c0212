#include "net/mqtt/server.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/log.h"

namespace selvedge::net::mqtt {

using engine::ConnId;

namespace {

// Above this much waiting in the transport the broker is told, so that it can hold back.
constexpr std::size_t unsent_worth_telling = 256 << 10;

}  // namespace

struct Server::State {
  struct Connection final : os::StreamEvents {
    State* server = nullptr;
    std::unique_ptr<os::Stream> stream;
    ConnId id{};
    std::string device;
    bool welcome = false;       // its login was granted
    bool told_unsent = false;
    bool held = false;          // its session is not on disk yet
    base::Bytes held_back;

    void write(base::BytesView bytes) {
      if (held) base::append(held_back, bytes);
      else stream->write(bytes);
    }
    std::size_t unsent() const { return stream->unsent() + held_back.size(); }

    void on_bytes(os::Stream&, base::BytesView bytes) override { server->received(*this, bytes); }
    void on_drained(os::Stream&) override { server->drained(*this); }
    void on_close(os::Stream&, const base::Error& why) override { server->closed(id, why); }
  };

  State(os::World& w, engine::BrokerLimits limits, engine::Access access, Hooks h)
      : world(w), broker(limits, std::move(access)), hooks(std::move(h)) {}

  os::World& world;
  engine::Broker broker;
  Hooks hooks;
  std::vector<std::unique_ptr<os::Listener>> listeners;
  // A ConnId is a slot here (low 32 bits) and a generation, so that a late answer finds nobody.
  std::vector<std::unique_ptr<Connection>> slots;
  std::vector<std::uint32_t> free_slots;
  std::uint32_t generation = 0;
  std::size_t open = 0;
  bool paused = false;

  engine::Outputs outputs;      // reused, so that its buffers stay warm
  bool in_broker = false;
  bool flush_planned = false;
  struct Settle {
    engine::Token token;
    codec::mqtt::Reason reason;
  };
  std::vector<Settle> settles;
  std::vector<engine::Token> batch;
  std::vector<Message> publishes;
  std::unordered_map<std::string, ConnId> beginning;  // clients whose session waits for the log

  os::TimerId timer{};
  base::Instant timer_at{};
  std::function<void()> all_closed;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);

  base::Instant now() const { return world.loop().now(); }
  base::Time wall() const { return world.loop().wall_now(); }

  Connection* find(ConnId id) {
    const auto slot = static_cast<std::uint32_t>(static_cast<std::uint64_t>(id));
    if (slot >= slots.size() || !slots[slot] || slots[slot]->id != id) return nullptr;
    return slots[slot].get();
  }

  void adopt(std::unique_ptr<os::Stream> stream, base::BytesView early) {
    std::uint32_t slot;
    if (free_slots.empty()) {
      slot = static_cast<std::uint32_t>(slots.size());
      slots.emplace_back();
    } else {
      slot = free_slots.back();
      free_slots.pop_back();
    }
    auto made = std::make_unique<Connection>();
    made->server = this;
    made->id = ConnId{static_cast<std::uint64_t>(++generation) << 32 | slot};
    made->stream = std::move(stream);
    Connection& connection = *made;
    slots[slot] = std::move(made);
    ++open;
    const os::Peer& peer = connection.stream->peer();
    broker.open(connection.id,
                {peer.address, peer.loopback, peer.encrypted, peer.common_name, peer.uris}, now());
    connection.stream->set_events(connection);
    if (paused) connection.stream->pause();
    if (!early.empty()) received(connection, early);
    arm();
  }

  void received(Connection& connection, base::BytesView bytes) {
    in_broker = true;
    broker.received(connection.id, bytes, now(), wall(), outputs);
    carry_out();
  }

  void drained(Connection& connection) {
    if (!std::exchange(connection.told_unsent, false)) return;
    in_broker = true;
    broker.unsent(connection.id, 0, now(), outputs);
    carry_out();
  }

  void closed(ConnId id, const base::Error& why) {
    Connection* connection = find(id);
    if (connection == nullptr) return;
    if (hooks.ended) hooks.ended(connection->stream->peer().address, why.message, false);
    release(*connection);
    in_broker = true;
    broker.closed(id, now(), wall(), outputs);
    carry_out();
  }

  void release(Connection& connection) {
    if (hooks.left && connection.welcome) hooks.left(connection.id, connection.device);
    const auto slot = static_cast<std::uint32_t>(static_cast<std::uint64_t>(connection.id));
    slots[slot].reset();
    free_slots.push_back(slot);
    --open;
    if (open == 0 && all_closed) world.loop().defer(std::exchange(all_closed, nullptr));
  }

  // Does what the broker said. Hooks may only ask for more, which plan_flush() brings later.
  void carry_out() {
    if (!outputs.persist.empty() && hooks.persist)
      hooks.persist(outputs.persist, outputs.persist_records);
    for (const engine::Outputs::Send& send : outputs.sends) {
      Connection* connection = find(send.conn);
      if (connection == nullptr) continue;
      connection->write(outputs.range(send));
    }
    if (!outputs.arrived.empty()) hooks.arrived(outputs.arrived);
    if (!outputs.subscribed.empty() && hooks.subscribed) hooks.subscribed(outputs.subscribed);
    for (const engine::Authenticate& login : outputs.logins) ask(login);
    in_broker = false;
    std::vector<std::pair<ConnId, std::size_t>> swamped;
    for (const engine::Outputs::Send& send : outputs.sends) {
      Connection* connection = find(send.conn);
      if (connection == nullptr || connection->unsent() < unsent_worth_telling) continue;
      connection->told_unsent = true;
      swamped.emplace_back(send.conn, connection->unsent());
    }
    for (engine::Outputs::Close& close : std::exchange(outputs.closes, {})) {
      Connection* connection = find(close.conn);
      if (connection == nullptr) continue;
      if (hooks.ended) hooks.ended(connection->stream->peer().address, close.why, close.error);
      connection->stream->close();
    }
    outputs.clear();
    for (const auto& [id, bytes] : swamped) {
      in_broker = true;
      broker.unsent(id, bytes, now(), outputs);
      carry_out();
    }
    arm();
  }

  // One wait for each client, however often it tries meanwhile; the last attempt is answered.
  void await_log(ConnId id, const std::string& client_id) {
    const auto [waiting, fresh] = beginning.insert_or_assign(client_id, id);
    if (!fresh) return;
    hooks.persisted([this, client_id, living = std::weak_ptr<bool>(alive)] {
      if (living.expired()) return;
      const auto wait = beginning.extract(client_id);
      release_held(wait.mapped());
    });
  }

  void release_held(ConnId id) {
    Connection* connection = find(id);
    if (connection == nullptr || !std::exchange(connection->held, false)) return;
    connection->stream->write(std::exchange(connection->held_back, {}));
    // If that is much the stream says when it is drained; else the broker must hear of it here.
    if (connection->stream->unsent() < unsent_worth_telling) drained(*connection);
  }

  // The client's identifier, or one of its own for a client that will be given one.
  static std::string name_of(const engine::Authenticate& login) {
    if (!login.client_id.empty()) return std::string(login.client_id);
    return '\n' + std::to_string(static_cast<std::uint64_t>(login.conn));
  }

  void ask(const engine::Authenticate& login) {
    LoginRequest request;
    request.client_id = login.client_id;
    request.has_username = login.has_username;
    request.has_password = login.has_password;
    request.username = login.username;
    request.password = base::as_text(login.password);
    if (login.facts != nullptr) request.facts = *login.facts;
    hooks.login(std::move(request),
                [this, id = login.conn, client_id = name_of(login),
                 living = std::weak_ptr<bool>(alive)](engine::Grant grant) {
                  if (living.expired()) return;
                  answer(id, client_id, std::move(grant));
                });
  }

  void answer(ConnId id, const std::string& client_id, engine::Grant grant) {
    if (in_broker) {
      world.loop().defer([this, id, client_id, grant = std::move(grant),
                          living = std::weak_ptr<bool>(alive)]() mutable {
        if (!living.expired()) answer(id, client_id, std::move(grant));
      });
      return;
    }
    Connection* connection = find(id);
    if (connection == nullptr) return;
    connection->device = grant.device;
    const bool welcome = !codec::mqtt::is_error(grant.reason);
    connection->welcome = welcome;
    in_broker = true;
    broker.authorise(id, std::move(grant), now(), wall(), outputs);
    // Also if an earlier attempt has ended the old session and that is not on disk yet.
    const bool waits = hooks.persisted && welcome &&
                       (!outputs.begun.empty() || beginning.contains(client_id));
    connection->held = waits;
    carry_out();
    if (waits) await_log(id, client_id);
  }

  void plan_flush() {
    if (std::exchange(flush_planned, true)) return;
    world.loop().defer([this, living = std::weak_ptr<bool>(alive)] {
      if (!living.expired()) flush();
    });
  }

  void flush() {
    flush_planned = false;
    const std::vector<Settle> due = std::exchange(settles, {});
    for (std::size_t i = 0; i < due.size();) {
      batch.clear();
      const codec::mqtt::Reason reason = due[i].reason;
      for (; i < due.size() && due[i].reason == reason; ++i) batch.push_back(due[i].token);
      in_broker = true;
      broker.settle(batch, reason, now(), outputs);
      carry_out();
    }
    for (const Message& message : std::exchange(publishes, {})) publish(message);
  }

  void publish(const Message& m) {
    codec::mqtt::Properties properties;
    if (!m.content_type.empty()) properties.content_type = m.content_type;
    if (!m.response_topic.empty()) properties.response_topic = m.response_topic;
    if (!m.correlation.empty()) properties.correlation_data = m.correlation;
    const bool has = !m.content_type.empty() || !m.response_topic.empty() || !m.correlation.empty();
    in_broker = true;
    const std::size_t reached =
        broker.publish({m.topic, m.payload, m.qos, m.retain, has ? &properties : nullptr, m.only},
                       now(), wall(), outputs);
    carry_out();
    if (m.reached) m.reached(reached);
  }

  void arm() {
    const auto wake = broker.wake_at();
    if (!wake) return;
    if (timer != os::TimerId::none && timer_at <= *wake) return;
    world.loop().cancel(timer);
    timer_at = *wake;
    timer = world.loop().after(std::max(*wake - now(), base::Duration(0)), [this] {
      timer = os::TimerId::none;
      in_broker = true;
      broker.tick(now(), wall(), outputs);
      carry_out();
    });
  }
};

Server::Server(os::World& world, engine::BrokerLimits limits, engine::Access access, Hooks hooks)
    : state_(std::make_unique<State>(world, limits, std::move(access), std::move(hooks))) {}

Server::~Server() { state_->world.loop().cancel(state_->timer); }

base::Result<void> Server::restore(base::BytesView records) {
  return state_->broker.restore(records, state_->wall());
}

void Server::snapshot(base::Bytes& records) const { state_->broker.snapshot(records); }

base::Result<std::uint16_t> Server::listen(const os::Endpoint& at, std::shared_ptr<os::Tls> tls) {
  auto listener = TRY(state_->world.network().listen(
      at, std::move(tls),
      [state = state_.get()](std::unique_ptr<os::Stream> stream) {
        state->adopt(std::move(stream), {});
      }));
  const std::uint16_t port = listener->port();
  state_->listeners.push_back(std::move(listener));
  return port;
}

void Server::adopt(std::unique_ptr<os::Stream> stream, base::BytesView early) {
  state_->adopt(std::move(stream), early);
}

void Server::settle(engine::Token token, codec::mqtt::Reason reason) {
  state_->settles.push_back({token, reason});
  state_->plan_flush();
}

void Server::publish(std::string topic, base::Bytes payload, std::uint8_t qos, bool retain) {
  publish(Message{std::move(topic), std::move(payload), qos, retain});
}

void Server::publish(Message message) {
  state_->publishes.push_back(std::move(message));
  state_->plan_flush();
}

void Server::kick_device(std::string_view device, codec::mqtt::Reason reason) {
  state_->world.loop().defer([state = state_.get(), name = std::string(device), reason,
                              living = std::weak_ptr<bool>(state_->alive)] {
    if (living.expired()) return;
    std::vector<ConnId> of_device;
    for (const auto& connection : state->slots)
      if (connection && connection->device == name) of_device.push_back(connection->id);
    for (const ConnId id : of_device) {
      state->in_broker = true;
      state->broker.kick(id, reason, state->now(), state->wall(), state->outputs);
      state->carry_out();
    }
  });
}

void Server::end_where(std::function<bool(const os::Peer& peer)> which,
                       codec::mqtt::Reason reason) {
  state_->world.loop().defer([state = state_.get(), which = std::move(which), reason,
                              living = std::weak_ptr<bool>(state_->alive)] {
    if (living.expired()) return;
    std::vector<ConnId> ended;
    for (const auto& connection : state->slots)
      if (connection && which(connection->stream->peer())) ended.push_back(connection->id);
    for (const ConnId id : ended) {
      state->in_broker = true;
      state->broker.kick(id, reason, state->now(), state->wall(), state->outputs);
      state->carry_out();
    }
  });
}

void Server::pause() {
  if (std::exchange(state_->paused, true)) return;
  for (const auto& connection : state_->slots)
    if (connection) connection->stream->pause();
}

void Server::resume() {
  if (!std::exchange(state_->paused, false)) return;
  for (const auto& connection : state_->slots)
    if (connection) connection->stream->resume();
}

bool Server::paused() const { return state_->paused; }

void Server::close(std::function<void()> done) {
  State& s = *state_;
  s.listeners.clear();
  s.in_broker = true;
  s.broker.shut_down(s.now(), s.wall(), s.outputs);
  s.carry_out();
  if (s.open == 0) {
    s.world.loop().defer(std::move(done));
    return;
  }
  s.all_closed = std::move(done);
  s.world.loop().after(std::chrono::seconds(2), [state = &s, living = std::weak_ptr<bool>(s.alive)] {
    if (!living.expired() && state->all_closed) std::exchange(state->all_closed, nullptr)();
  });
}

void Server::set_limits(const engine::BrokerLimits& limits) { state_->broker.set_limits(limits); }

const engine::BrokerStats& Server::stats() const { return state_->broker.stats(); }

std::vector<engine::Broker::SessionInfo> Server::sessions(std::size_t limit) const {
  return state_->broker.sessions(limit);
}

}  // namespace selvedge::net::mqtt
