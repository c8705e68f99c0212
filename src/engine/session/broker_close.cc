// The end of connections and of sessions, and what has to be seen to then: the will, publishes
// that are not settled, messages that another member of a share group can have.

#include <algorithm>
#include <utility>

#include "engine/session/broker_state.h"

namespace selvedge::engine {

void Broker::State::on_disconnect(Conn& conn, const codec::mqtt::Disconnect& disconnect) {
  Session& session = *conn.session;
  if (disconnect.properties.session_expiry) {
    const std::uint32_t expiry = granted_expiry(*disconnect.properties.session_expiry);
    if (session.expiry == 0 && expiry > 0) {
      return protocol_error(conn, Reason::protocol_error,
                            "DISCONNECT gives an expiry to a session that had none");
    }
    session.expiry = expiry;
  }
  const bool orderly = disconnect.reason == Reason::success;
  Ending ending;
  ending.why = orderly ? "disconnected by the client"
                       : "disconnected by the client: " +
                             std::string(codec::mqtt::name(disconnect.reason));
  ending.error = codec::mqtt::is_error(disconnect.reason);
  end(conn, std::move(ending), orderly ? WillFate::discard : WillFate::publish);
}

void Broker::State::protocol_error(Conn& conn, Reason reason, std::string why) {
  ++stats_.protocol_errors;
  end(conn, {.reason = reason, .why = std::move(why), .tell = true, .error = true});
}

// Our decision: tells the client, if it can understand, and the host.
void Broker::State::end(Conn& conn, Ending ending, WillFate fate) {
  if (conn.stage == Conn::Stage::closed) return;
  if (ending.tell && conn.stage == Conn::Stage::ready && conn.version == Version::v5) {
    codec::mqtt::Disconnect packet;
    packet.reason = ending.reason;
    packet.properties.reason_string = ending.why;
    send(conn, packet);
  }
  out_->closes.push_back({conn.id, std::move(ending.why), ending.error});
  part(conn, fate);
}

void Broker::State::part(Conn& conn, WillFate fate) {
  conn.stage = Conn::Stage::closed;
  timers_.disarm(conn);
  conns_.erase(static_cast<std::uint64_t>(conn.id));
  spent_.conns.emplace_back(&conn);
  Session* session = std::exchange(conn.session, nullptr);
  if (!session) return;
  session->conn = nullptr;
  if (fate == WillFate::discard) session->will.reset();
  leave(*session, conn.id);
}

void Broker::State::leave(Session& session, ConnId conn) {
  if (session.expiry == 0) return end_session(session);
  if (session.received) {
    const bool unsettled = std::ranges::any_of(*session.received, [&](const auto& id) {
      return !id.settled && id.arrived == conn;
    });
    if (unsettled) departed_.insert(static_cast<std::uint64_t>(conn), &session);
  }
  session.ends = now_ + std::chrono::seconds(session.expiry);
  if (session.will && session.will->delay > 0) {
    session.will_due = now_ + std::chrono::seconds(session.will->delay);
  } else if (session.will) {
    due_wills_.push_back({std::move(session.will), &session});
  }
  if (session.outgoing) {
    session.outgoing->rewind();
    session.outgoing->drop_without_id(totals_);
    redistribute(session, Leaving::away);
  }
  persist(record::SessionLeft{.session = session.number,
                              .ends = wall(session.ends),
                              .will_due = wall(session.will_due)});
  arm(session);
}

void Broker::State::end_session(Session& session) {
  if (session.will) due_wills_.push_back({std::move(session.will), &session});
  while (!session.subscriptions.empty()) tree_.remove(*session.subscriptions.back());
  if (session.outgoing) {
    redistribute(session, Leaving::for_good);
    Outgoing& queue = *session.outgoing;
    while (queue.count() > 0) queue.remove(0, totals_);
  }
  forget_departed(session);
  if (session.number != 0) persist(record::SessionEnded{.session = session.number});
  session.number = 0;
  timers_.disarm(session);
  const auto it = sessions_.find(session.client_id);
  CHECK(it != sessions_.end());
  spent_.sessions.push_back(std::move(it->second));
  sessions_.erase(it);
}

void Broker::State::forget_departed(Session& session) {
  if (!session.received) return;
  for (const ReceivedIds::Id& id : *session.received) {
    if (id.settled) continue;
    const auto key = static_cast<std::uint64_t>(id.arrived);
    if (departed_.find(key) == &session) departed_.erase(key);
  }
}

void Broker::State::shut_down() {
  std::vector<Conn*> all;
  all.reserve(conns_.size());
  conns_.for_each([&](Conn& conn) { all.push_back(&conn); });
  for (Conn* conn : all) {
    end(*conn, {.reason = Reason::server_shutting_down,
                .why = "the server is shutting down",
                .tell = true});
  }
}

}  // namespace selvedge::engine
