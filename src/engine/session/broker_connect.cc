// From CONNECT to CONNACK: what is refused outright, what the host decides, and which session the
// client gets.

#include <algorithm>
#include <utility>

#include "engine/session/broker_state.h"

namespace selvedge::engine {

using codec::mqtt::Connect;

void Broker::State::open(ConnId id, ConnFacts facts) {
  CHECK(!find(id));
  auto conn = std::make_unique<Conn>();
  conn->id = id;
  conn->facts = std::make_unique<ConnFacts>(std::move(facts));
  conn->last_heard = now_;
  timers_.arm(*conn, now_ + limits_.connect_timeout);
  conns_.insert(static_cast<std::uint64_t>(id), conn.release());
  stats_.connections = conns_.size();
}

void Broker::State::on_connect(Conn& conn, const Connect& connect) {
  if (conn.stage != Conn::Stage::opened) {
    return protocol_error(conn, Reason::protocol_error, "a second CONNECT");
  }
  conn.version = connect.version;
  const Properties& p = connect.properties;
  conn.wants_problems = p.request_problem_information.value_or(1) != 0;
  conn.max_packet = p.maximum_packet_size.value_or(conn.max_packet);
  if (conns_.size() > limits_.connections) {
    return refuse(conn, Reason::server_busy, "too many connections");
  }
  if (p.authentication_method) {
    return refuse(conn, Reason::bad_authentication_method, "no such authentication method");
  }
  if (connect.client_id.empty() && conn.version == Version::v311 && !connect.clean_start) {
    return refuse(conn, Reason::client_identifier_not_valid,
                  "an empty client id asks for a clean session");
  }
  conn.stage = Conn::Stage::login;
  conn.login = std::make_unique<Login>();
  Login& login = *conn.login;
  login.facts = std::move(*conn.facts);
  conn.facts.reset();
  // Through the codec once more, so that the packet stands on bytes of its own.
  codec::mqtt::encode(connect, login.bytes);
  login.decoder.feed(login.bytes);
  const auto packet = login.decoder.next();
  CHECK(packet && *packet);
  login.connect = &std::get<Connect>(**packet);
  const Connect& own = *login.connect;
  out_->logins.push_back({.conn = conn.id,
                          .client_id = own.client_id,
                          .has_username = own.username.has_value(),
                          .username = own.username.value_or(std::string_view()),
                          .has_password = own.password.has_value(),
                          .password = own.password.value_or(base::BytesView()),
                          .facts = &login.facts});
}

void Broker::State::refuse(Conn& conn, Reason reason, std::string why) {
  ++stats_.refused_logins;
  codec::mqtt::ConnAck answer;
  answer.reason = reason;
  answer.properties.reason_string = why;
  send(conn, answer);
  end(conn, {.why = "refused: " + why, .error = true});
}

void Broker::State::authorise(Conn& conn, Grant grant) {
  if (conn.stage != Conn::Stage::login) return;
  const Connect& connect = *conn.login->connect;
  if (codec::mqtt::is_error(grant.reason)) {
    return refuse(conn, grant.reason, std::string(codec::mqtt::name(grant.reason)));
  }
  conn.unrestricted = grant.unrestricted;
  if (connect.will && access_.may_publish && !conn.unrestricted &&
      !access_.may_publish(grant.device, connect.will->topic)) {
    return refuse(conn, Reason::not_authorized, "may not publish to the topic of its will");
  }
  const bool assigned = connect.client_id.empty();
  const std::string client_id =
      assigned ? assigned_id(conn, grant) : std::string(connect.client_id);
  const auto known = sessions_.find(client_id);
  if (known != sessions_.end() && known->second->conn && known->second->device != grant.device) {
    return refuse(conn, Reason::client_identifier_not_valid,
                  "another device is connected under this client id");
  }
  const std::uint32_t records = out_->persist_records;
  Session* session = previous_session(client_id, grant.device, connect.clean_start);
  const bool present = session != nullptr;
  if (!present) {
    if (sessions_.size() >= limits_.sessions) {
      return refuse(conn, Reason::quota_exceeded, "too many sessions");
    }
    session = &make_session(client_id);
  }
  session->device = std::move(grant.device);
  open_session(conn, connect, *session);
  if (!present && out_->persist_records != records) out_->begun.push_back(conn.id);
  accept(conn, connect, present, assigned);
  spent_.logins.push_back(std::move(conn.login));
  if (session->outgoing) {
    session->outgoing->rewind();
    drain(*session);
  }
  run(conn, {});
}

std::string Broker::State::assigned_id(const Conn& conn, Grant& grant) const {
  if (!grant.assigned_client_id.empty()) return std::move(grant.assigned_client_id);
  const std::string stem = "selvedge-" + std::to_string(static_cast<std::uint64_t>(conn.id));
  std::string id = stem;
  // Sessions of an earlier run may have had the same connection number.
  for (int again = 2; sessions_.contains(id); ++again) id = stem + "-" + std::to_string(again);
  return id;
}

// The session to resume, if there is one. Whoever was connected to it is sent away. A session
// belongs to its device: another one under the same client id does not inherit its messages.
Session* Broker::State::previous_session(const std::string& client_id, std::string_view device,
                                         bool clean_start) {
  auto it = sessions_.find(client_id);
  if (it == sessions_.end()) return nullptr;
  if (Conn* other = it->second->conn) {
    end(*other, {.reason = Reason::session_taken_over,
                 .why = "taken over by another connection of the same client id",
                 .tell = true});
    it = sessions_.find(client_id);
    if (it == sessions_.end()) return nullptr;
  }
  Session& session = *it->second;
  if (clean_start || session.device != device) {
    end_session(session);
    return nullptr;
  }
  timers_.disarm(session);
  session.ends = session.will_due = never;
  session.will.reset();  // the client is back in time
  return &session;
}

Session& Broker::State::make_session(std::string_view client_id) {
  auto session = std::make_unique<Session>();
  session->client_id = client_id;
  Session& made = *session;
  sessions_.emplace(made.client_id, std::move(session));
  return made;
}

std::uint32_t Broker::State::granted_expiry(std::uint32_t wanted) const {
  return std::min(wanted, limits_.session_expiry_maximum);
}

void Broker::State::open_session(Conn& conn, const Connect& connect, Session& session) {
  conn.session = &session;
  session.conn = &conn;
  session.version = conn.version;
  if (conn.version == Version::v5) {
    session.expiry = granted_expiry(connect.properties.session_expiry.value_or(0));
  } else {
    session.expiry = connect.clean_start ? 0 : limits_.session_expiry_maximum;
  }
  if (connect.will) set_will(session, *connect.will);
  if (session.expiry > 0) {
    if (session.number == 0) session.number = ++last_number_;
    persist_opened(session);
  } else if (session.number != 0) {
    persist(record::SessionEnded{.session = session.number});  // it will not outlive a crash
    session.number = 0;
  }
}

void Broker::State::set_will(Session& session, const codec::mqtt::Will& will) {
  session.will = std::make_unique<SessionWill>();
  Content content{.topic = will.topic,
                  .payload = will.payload,
                  .properties = &will.properties,
                  .origin = session.client_id,
                  .qos = will.qos};
  store(content);
  session.will->message = std::move(content.message);
  session.will->retain = will.retain;
  session.will->delay = will.properties.will_delay.value_or(0);
  session.will->expiry = will.properties.message_expiry;
}

void Broker::State::accept(Conn& conn, const Connect& connect, bool present, bool assigned) {
  const Session& session = *conn.session;
  const Properties& asked = connect.properties;
  conn.stage = Conn::Stage::ready;
  conn.last_heard = now_;
  conn.address = std::move(conn.login->facts.address);
  conn.keep_alive = connect.keep_alive;
  conn.window = inflight_311;
  codec::mqtt::ConnAck answer;
  answer.session_present = present;
  std::string response_information;
  if (conn.version == Version::v5) {
    conn.window = std::min(asked.receive_maximum.value_or(most_inflight), most_inflight);
    conn.alias_maximum =
        std::min(asked.topic_alias_maximum.value_or(0), limits_.outgoing_alias_maximum);
    Properties& p = answer.properties;
    if (session.expiry != asked.session_expiry.value_or(0)) p.session_expiry = session.expiry;
    if (limits_.receive_maximum != 65'535) p.receive_maximum = limits_.receive_maximum;
    p.maximum_packet_size = limits_.packet_bytes;
    if (limits_.topic_alias_maximum > 0) p.topic_alias_maximum = limits_.topic_alias_maximum;
    if (assigned) p.assigned_client_id = session.client_id;
    const std::uint16_t most = limits_.server_keep_alive;
    if (most != 0 && (conn.keep_alive == 0 || conn.keep_alive > most)) {
      conn.keep_alive = most;
      p.server_keep_alive = most;
    }
    response_information = "response/" + session.client_id;
    if (asked.request_response_information.value_or(0) == 1 &&
        codec::mqtt::is_topic_name(response_information)) {
      p.response_information = response_information;
    }
  }
  send(conn, answer);
  arm(conn);
}

}  // namespace selvedge::engine
