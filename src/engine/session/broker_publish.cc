// Publishes from clients: what is admitted, what the host hears of it, and acknowledgements in the
// order of arrival.

#include <utility>

#include "base/text.h"
#include "engine/session/broker_state.h"

namespace selvedge::engine {

using codec::mqtt::Publish;

void Broker::State::on_publish(Conn& conn, const Publish& publish) {
  ++stats_.publishes_received;
  Session& session = *conn.session;
  std::string_view topic = publish.topic;
  if (publish.properties.topic_alias && !resolve_topic(conn, publish, topic)) return;
  if (too_deep(topic)) {
    return protocol_error(conn, Reason::topic_name_invalid, "topic has too many levels");
  }
  if (publish.qos > 0) {
    if (!conn.incoming) conn.incoming = std::make_unique<Incoming>();
    if (!has_window(conn)) return;
    if (publish.qos == 2 && is_resend(conn, publish)) return;
    ++conn.incoming->open;
  }
  if (access_.may_publish && !conn.unrestricted && !access_.may_publish(session.device, topic)) {
    return deny(conn, publish);
  }
  Content content{.topic = topic,
                  .payload = publish.payload,
                  .qos = publish.qos};
  if (publish.retain) content.origin = session.client_id;
  if (const Properties& p = publish.properties; conn.version == Version::v5) {
    if (p.message_expiry) content.expires = now_ + std::chrono::seconds(*p.message_expiry);
    if (p.message_expiry || has_forwarded_properties(p)) content.properties = keep(p);
  }
  Arrived& arrived = out_->arrived.emplace_back();
  arrived.conn = conn.id;
  arrived.client_id = session.client_id;
  arrived.device = session.device;
  arrived.topic = keep(topic);
  arrived.payload = keep(publish.payload);
  arrived.qos = publish.qos;
  arrived.retain = publish.retain;
  arrived.duplicate = publish.duplicate;
  arrived.properties = content.properties;
  if (publish.qos > 0) {
    arrived.token = Token{conn.id, publish.packet_id};
    conn.incoming->add({.packet_id = publish.packet_id, .qos = publish.qos});
    if (publish.qos == 2) {
      if (!session.received) session.received = std::make_unique<ReceivedIds>();
      session.received->add(
          {.packet_id = publish.packet_id, .arrived = conn.id, .counted = conn.id});
    }
  }
  distribute(content, &session, publish.retain);
}

// The topic that an alias stands for, or that it shall stand for from here on (3.3.2.3.4).
bool Broker::State::resolve_topic(Conn& conn, const Publish& publish, std::string_view& topic) {
  const std::uint16_t alias = *publish.properties.topic_alias;
  if (alias == 0 || alias > limits_.topic_alias_maximum) {
    protocol_error(conn, Reason::topic_alias_invalid, "topic alias out of range");
    return false;
  }
  if (!conn.aliases_in) conn.aliases_in = std::make_unique<std::vector<std::string>>();
  if (conn.aliases_in->size() < alias) conn.aliases_in->resize(alias);
  std::string& known = (*conn.aliases_in)[alias - 1u];
  if (!topic.empty()) {
    known = topic;
  } else if (known.empty()) {
    protocol_error(conn, Reason::protocol_error, "topic alias without a topic");
    return false;
  }
  topic = known;
  return true;
}

// May the client have one more publish open? MQTT 5 clients were told how many (4.9).
bool Broker::State::has_window(Conn& conn) {
  const Incoming& incoming = *conn.incoming;
  if (conn.version == Version::v311) {
    const bool held = conn.session->received && conn.session->received->size() >= unsettled_311;
    if (incoming.waiting() < unsettled_311 && !held) return true;
    ++stats_.protocol_errors;
    end(conn, {.why = "too many publishes without acknowledgement", .error = true});
    return false;
  }
  // A resend of an identifier that counts already is let through, but not without end.
  if (incoming.open < limits_.receive_maximum) {
    if (incoming.waiting() < 2u * limits_.receive_maximum) return true;
  }
  protocol_error(conn, Reason::receive_maximum_exceeded, "receive maximum exceeded");
  return false;
}

// QoS 2: an identifier that we have, from this connection or an earlier one, is the same message
// (4.3.3). It is acknowledged when the first one is settled, or at once if it is.
bool Broker::State::is_resend(Conn& conn, const Publish& publish) {
  ReceivedIds* received = conn.session->received.get();
  ReceivedIds::Id* id = received ? received->find(publish.packet_id) : nullptr;
  if (!id) return false;
  const bool counted = id->counted == conn.id;
  if (!counted) {
    id->counted = conn.id;
    ++conn.incoming->open;
  }
  if (id->settled || !counted) {
    conn.incoming->add({.packet_id = publish.packet_id, .qos = 2, .settled = id->settled});
    acknowledge(conn);
  }
  return true;
}

// No publish is dropped in silence: who can be told with an acknowledgement is, in its turn; the
// others are disconnected.
void Broker::State::deny(Conn& conn, const Publish& publish) {
  if (publish.qos == 0 || conn.version == Version::v311) {
    end(conn, {.reason = Reason::not_authorized,
               .why = "may not publish to " + base::printable(publish.topic),
               .tell = true,
               .error = true});
    return;
  }
  conn.incoming->add({.packet_id = publish.packet_id,
                      .qos = publish.qos,
                      .settled = true,
                      .reason = Reason::not_authorized});
  acknowledge(conn);
}

void Broker::State::settle(const Token& token, Reason reason) {
  Conn* conn = find(token.conn);
  if (!conn) return settle_departed(token, reason);
  if (!conn->incoming) return;
  const Incoming::Publish* publish = conn->incoming->settle(token.packet_id, reason);
  if (!publish) return;
  if (publish->qos == 2) settle_id(*conn->session, token.packet_id, reason);
  if (codec::mqtt::is_error(reason) && conn->version == Version::v311) {
    // Now and not in its turn: what comes after it must not be stored before it is sent again.
    return end(*conn, {.why = "a publish was refused: " + std::string(codec::mqtt::name(reason)),
                       .error = true});
  }
  acknowledge(*conn);
}

// The connection is gone, but the client may be back on another and send the publish again.
void Broker::State::settle_departed(const Token& token, Reason reason) {
  const auto key = static_cast<std::uint64_t>(token.conn);
  Session* session = departed_.find(key);
  if (!session || !session->received) return;
  const ReceivedIds::Id* id = session->received->find(token.packet_id);
  if (!id || id->settled || id->arrived != token.conn) return;
  settle_id(*session, token.packet_id, reason);
  bool more = false;
  for (const ReceivedIds::Id& each : *session->received) {
    more |= !each.settled && each.arrived == token.conn;
  }
  if (!more) departed_.erase(key);
  Conn* conn = session->conn;
  if (conn && conn->incoming && conn->incoming->settle(token.packet_id, reason)) {
    acknowledge(*conn);
  }
}

// From here on the log knows the identifier: the message is stored, and a resend is a resend even
// after a crash. Before, it would have been taken for one and lost.
void Broker::State::settle_id(Session& session, std::uint16_t packet_id, Reason reason) {
  ReceivedIds::Id* id = session.received ? session.received->find(packet_id) : nullptr;
  if (!id) return;
  if (codec::mqtt::is_error(reason)) {
    session.received->erase(packet_id);
  } else {
    id->settled = true;
    persist_step(session, packet_id, record::Step::received);
  }
}

void Broker::State::acknowledge(Conn& conn) {
  while (const auto publish = conn.incoming->take_settled()) {
    const bool refused = codec::mqtt::is_error(publish->reason);
    if (publish->qos == 1) {
      --conn.incoming->open;
      send_ack<codec::mqtt::PubAck>(conn, publish->packet_id, publish->reason);
    } else {
      if (refused) --conn.incoming->open;
      send_ack<codec::mqtt::PubRec>(conn, publish->packet_id, publish->reason);
    }
  }
}

void Broker::State::on_pubrel(Conn& conn, std::uint16_t packet_id) {
  Session& session = *conn.session;
  const ReceivedIds::Id* id = session.received ? session.received->find(packet_id) : nullptr;
  if (!id || !id->settled) {
    return send_ack<codec::mqtt::PubComp>(conn, packet_id, Reason::packet_identifier_not_found);
  }
  if (id->counted == conn.id) --conn.incoming->open;
  session.received->erase(packet_id);
  persist_step(session, packet_id, record::Step::forgotten);
  send_ack<codec::mqtt::PubComp>(conn, packet_id, Reason::success);
}

}  // namespace selvedge::engine
