// What happens because time passes. Each connection and each session that is away has one timer,
// set to no later than its earliest deadline; when it fires, it is set anew if nothing is due.

#include <algorithm>

#include "engine/session/broker_state.h"

namespace selvedge::engine {
namespace {

// One and a half times the keep-alive (3.1.2.10).
base::Duration patience(const Conn& conn) {
  return std::chrono::milliseconds(1'500) * conn.keep_alive;
}

}  // namespace

void Broker::State::arm(Conn& conn) {
  if (conn.keep_alive == 0) {
    timers_.disarm(conn);
  } else {
    timers_.arm(conn, conn.last_heard + patience(conn));
  }
}

void Broker::State::arm(Session& session) {
  timers_.arm(session, std::min(session.ends, session.will_due));
}

void Broker::State::tick() {
  while (Timer* timer = timers_.take_due(now_)) {
    if (timer->kind == Timer::Kind::connection) {
      fire(static_cast<Conn&>(*timer));
    } else {
      fire(static_cast<Session&>(*timer));
    }
  }
  resume_held_back();
}

void Broker::State::fire(Conn& conn) {
  if (conn.stage != Conn::Stage::ready) {
    return end(conn, {.why = "no login within the connect timeout", .error = true});
  }
  if (conn.last_heard + patience(conn) > now_) return arm(conn);
  ++stats_.keep_alive_timeouts;
  end(conn, {.reason = Reason::keep_alive_timeout,
             .why = "nothing heard for one and a half times the keep-alive",
             .tell = true,
             .error = true});
}

void Broker::State::fire(Session& session) {
  if (session.ends <= now_) return end_session(session);
  if (session.will_due <= now_) {
    session.will_due = never;
    if (session.will) due_wills_.push_back({std::move(session.will), &session});
    persist(record::WillSent{.session = session.number});
  }
  arm(session);
}

void Broker::State::resume_held_back() {
  std::vector<ConnId> ids;
  ids.swap(held_back_);
  for (const ConnId id : ids) {
    Conn* conn = find(id);
    if (!conn) continue;
    conn->held_back = false;
    if (conn->session) drain(*conn->session);
  }
}

std::optional<base::Instant> Broker::State::wake_at() const {
  const auto instant = [&](base::Time at) { return base::Instant{at.ns - base_}; };
  if (!held_back_.empty()) return instant(now_);
  const auto next = timers_.next();
  if (!next) return std::nullopt;
  return started_ ? instant(*next) : base::Instant{};
}

}  // namespace selvedge::engine
