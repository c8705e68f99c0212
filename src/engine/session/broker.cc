// The outside of the Broker, and what begins and ends each call.

#include <utility>

#include "engine/session/broker_state.h"

namespace selvedge::engine {

void Outputs::clear() {
  bytes.clear();
  sends.clear();
  closes.clear();
  logins.clear();
  begun.clear();
  arrived.clear();
  subscribed.clear();
  persist.clear();
  persist_records = 0;
}

Broker::State::State(BrokerLimits limits, Access access)
    : limits_(limits),
      access_(std::move(access)),
      retained_(limits.retained_messages, limits.retained_bytes) {}

Broker::State::~State() {
  conns_.for_each([](Conn& conn) { delete &conn; });
}

// The first Instant says how far the monotonic clock is from `now_`, which restore() set, and
// begin() if there is a wall clock that is later.
void Broker::State::start(base::Instant now) {
  if (!std::exchange(started_, true)) base_ = now_.ns - now.ns;
  now_ = std::max(now_, base::Time{now.ns + base_});
}

void Broker::State::begin(base::Instant now, Outputs& out) {
  start(now);
  ++call_;
  out_ = &out;
  fed_ = {};
  spent_.conns.clear();
  spent_.sessions.clear();
  spent_.logins.clear();
  spent_.wills.clear();
  spent_.properties.clear();
  for (auto& decoder : spent_.decoders) {
    if (idle_decoders_.size() < 4) idle_decoders_.push_back(std::move(decoder));
  }
  spent_.decoders.clear();
  if (arena_used_) {
    arena_.release();
    arena_used_ = false;
  }
}

void Broker::State::begin(base::Instant now, base::Time wall_now, Outputs& out) {
  if (!started_) now_ = std::max(now_, wall_now);
  begin(now, out);
  drift_ = wall_now.ns - now_.ns;
}

void Broker::State::finish() {
  if (!due_wills_.empty()) publish_due_wills();
  stats_.connections = conns_.size();
  stats_.sessions = sessions_.size();
  stats_.subscriptions = tree_.size();
  stats_.retained = retained_.count();
  stats_.queued_messages = totals_.messages;
  stats_.queued_bytes = totals_.bytes;
  out_ = nullptr;
}

std::int64_t Broker::State::wall(base::Time at) const {
  return at == never ? never.ns : at.ns + drift_;
}

base::BytesView Broker::State::keep(base::BytesView bytes) {
  const bool fed = std::less_equal<>()(fed_.data(), bytes.data()) &&
                   std::less_equal<>()(bytes.data() + bytes.size(), fed_.data() + fed_.size());
  if (bytes.empty() || fed) return bytes;
  arena_used_ = true;
  auto* copy = static_cast<std::uint8_t*>(arena_.allocate(bytes.size(), 1));
  std::ranges::copy(bytes, copy);
  return {copy, bytes.size()};
}

std::string_view Broker::State::keep(std::string_view text) {
  return base::as_text(keep(base::as_bytes(text)));
}

const Properties* Broker::State::keep(const Properties& properties) {
  Properties& kept = spent_.properties.emplace_back(properties);
  if (kept.content_type) kept.content_type = keep(*kept.content_type);
  if (kept.response_topic) kept.response_topic = keep(*kept.response_topic);
  if (kept.correlation_data) kept.correlation_data = keep(*kept.correlation_data);
  for (auto& [name, value] : kept.user) {
    name = keep(name);
    value = keep(value);
  }
  return &kept;
}

void Broker::set_limits(const BrokerLimits& limits) {
  BrokerLimits& now = state_->limits_;
  now.connections = limits.connections;
  now.queued_messages = limits.queued_messages;
  now.queued_bytes = limits.queued_bytes;
  now.total_queued_bytes = limits.total_queued_bytes;
  now.server_keep_alive = limits.server_keep_alive;
}

Broker::Broker(BrokerLimits limits, Access access)
    : state_(std::make_unique<State>(limits, std::move(access))) {}
Broker::~Broker() = default;

base::Result<void> Broker::restore(base::BytesView records, base::Time wall_now) {
  return state_->restore(records, wall_now);
}

void Broker::snapshot(base::Bytes& records) const { state_->snapshot(records); }

void Broker::open(ConnId id, ConnFacts facts, base::Instant now) {
  state_->start(now);
  state_->open(id, std::move(facts));
}

void Broker::received(ConnId id, base::BytesView bytes, base::Instant now, base::Time wall_now,
                      Outputs& out) {
  state_->begin(now, wall_now, out);
  if (Conn* conn = state_->find(id)) state_->run(*conn, bytes);
  state_->finish();
}

void Broker::closed(ConnId id, base::Instant now, base::Time wall_now, Outputs& out) {
  state_->begin(now, wall_now, out);
  if (Conn* conn = state_->find(id)) state_->part(*conn, WillFate::publish);
  state_->finish();
}

void Broker::authorise(ConnId id, Grant grant, base::Instant now, base::Time wall_now,
                       Outputs& out) {
  state_->begin(now, wall_now, out);
  if (Conn* conn = state_->find(id)) state_->authorise(*conn, std::move(grant));
  state_->finish();
}

void Broker::settle(std::span<const Token> tokens, Reason reason, base::Instant now,
                    Outputs& out) {
  state_->begin(now, out);
  for (const Token& token : tokens) state_->settle(token, reason);
  state_->finish();
}

void Broker::unsent(ConnId id, std::uint64_t bytes, base::Instant now, Outputs& out) {
  state_->begin(now, out);
  if (Conn* conn = state_->find(id)) state_->unsent(*conn, bytes);
  state_->finish();
}

std::size_t Broker::publish(const OwnMessage& message, base::Instant now, base::Time wall_now,
                            Outputs& out) {
  state_->begin(now, wall_now, out);
  Content content{.topic = message.topic,
                  .payload = message.payload,
                  .properties = message.properties,
                  .qos = message.qos};
  std::size_t reached = 0;
  if (!message.only) {
    reached = state_->distribute(content, nullptr, message.retain);
  } else if (const Conn* conn = state_->find(*message.only); conn && conn->session) {
    reached = state_->forward(content, nullptr, false, conn->session);
  }
  state_->finish();
  return reached;
}

void Broker::kick(ConnId id, Reason reason, base::Instant now, base::Time wall_now, Outputs& out) {
  state_->begin(now, wall_now, out);
  if (Conn* conn = state_->find(id)) {
    state_->end(*conn, {.reason = reason, .why = "ended by the server", .tell = true});
  }
  state_->finish();
}

void Broker::shut_down(base::Instant now, base::Time wall_now, Outputs& out) {
  state_->begin(now, wall_now, out);
  state_->shut_down();
  state_->finish();
}

void Broker::tick(base::Instant now, base::Time wall_now, Outputs& out) {
  state_->begin(now, wall_now, out);
  state_->tick();
  state_->finish();
}

std::optional<base::Instant> Broker::wake_at() const { return state_->wake_at(); }

const BrokerStats& Broker::stats() const { return state_->stats_; }

std::vector<Broker::SessionInfo> Broker::sessions(std::size_t limit) const {
  return state_->sessions(limit);
}

std::vector<Broker::SessionInfo> Broker::State::sessions(std::size_t limit) const {
  std::vector<SessionInfo> list;
  for (const auto& [id, session] : sessions_) {
    if (list.size() >= limit) break;
    SessionInfo& info = list.emplace_back();
    info.client_id = session->client_id;
    info.device = session->device;
    info.connected = session->conn != nullptr;
    if (session->conn) info.address = session->conn->address;
    info.version = static_cast<std::uint8_t>(session->version);
    info.subscriptions = session->subscriptions.size();
    info.queued = session->outgoing ? session->outgoing->count() : 0;
  }
  return list;
}

}  // namespace selvedge::engine
