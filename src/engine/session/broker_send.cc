// Packets to one client.
//
// A publish to many is encoded as few times as can be: QoS 0 packets that would be equal are one
// range of the output for all, and a payload of some size is in the output once, however many
// headers point to it.

#include <algorithm>
#include <string>
#include <utility>

#include "engine/session/broker_state.h"

namespace selvedge::engine {

// Topics for which the client knows an alias. First come, first served: replacing them would only
// pay off for topics that come in turns.
struct OutgoingAliases {
  std::unordered_map<std::string, std::uint16_t> topics;
  std::string key;                         // to look up without making a string each time
};

Conn::Conn() : Timer(Kind::connection) {}
Conn::~Conn() = default;

void Broker::State::prepare(const Content& content) {
  scratch_topic_ = content.topic;
  scratch_expires_ = content.expires;
  scratch_.payload = content.payload;
  Properties& to = scratch_.properties;
  if (content.properties) {
    const Properties& from = *content.properties;
    to.payload_format = from.payload_format;
    to.content_type = from.content_type;
    to.response_topic = from.response_topic;
    to.correlation_data = from.correlation_data;
    to.user = from.user;
  } else if (scratch_has_properties_) {
    to.payload_format.reset();
    to.content_type.reset();
    to.response_topic.reset();
    to.correlation_data.reset();
    to.user.clear();
  }
  scratch_has_properties_ = content.properties != nullptr;
  same_ = {};
  payload_ = {};
}

// Sends the prepared content. False if it is larger than the client takes.
bool Broker::State::send_publish(Conn& conn, const Delivery& delivery) {
  const bool v5 = conn.version == Version::v5;
  const bool plain = delivery.qos == 0 && delivery.ids.empty() && conn.alias_maximum == 0;
  Range* same = plain ? &same_[(v5 ? 2u : 0u) + (delivery.retain ? 1u : 0u)] : nullptr;
  if (same && same->end > same->begin) {
    if (same->end - same->begin > conn.max_packet) return false;
    ++stats_.publishes_sent;
    ++stats_.packets_sent;
    emit(conn, *same);
    return true;
  }
  scratch_.topic = scratch_topic_;
  scratch_.qos = delivery.qos;
  scratch_.packet_id = delivery.packet_id;
  scratch_.retain = delivery.retain;
  scratch_.duplicate = delivery.duplicate;
  bool fresh_alias = false;
  if (v5) {
    Properties& p = scratch_.properties;
    p.message_expiry = seconds_left(scratch_expires_);
    p.subscription_ids.assign(delivery.ids.begin(), delivery.ids.end());
    p.topic_alias.reset();
    if (conn.alias_maximum > 0) fresh_alias = place_alias(conn);
  }
  base::Bytes& bytes = out_->bytes;
  const std::size_t begin = bytes.size();
  codec::mqtt::encode(scratch_, conn.version, bytes);
  if (bytes.size() - begin > conn.max_packet) {
    bytes.resize(begin);
    if (fresh_alias) conn.aliases_out->topics.erase(conn.aliases_out->key);
    return false;
  }
  ++stats_.publishes_sent;
  ++stats_.packets_sent;
  const std::size_t payload = scratch_.payload.size();
  if (payload >= shared_payload_bytes && payload_.end > payload_.begin) {
    bytes.resize(bytes.size() - payload);
    emit(conn, range_from(begin));
    emit(conn, payload_);
    return true;
  }
  payload_ = range_from(bytes.size() - payload);
  if (same) *same = range_from(begin);
  emit(conn, range_from(begin));
  return true;
}

std::optional<std::uint32_t> Broker::State::seconds_left(base::Time expires) const {
  if (expires == never) return std::nullopt;
  const std::int64_t left = std::max<std::int64_t>(0, expires.ns - now_.ns);
  return static_cast<std::uint32_t>((left + 999'999'999) / 1'000'000'000);
}

// Lets an alias stand for the topic in scratch_, or gives it one. True if it was given now.
bool Broker::State::place_alias(Conn& conn) {
  if (!conn.aliases_out) conn.aliases_out = std::make_unique<OutgoingAliases>();
  OutgoingAliases& aliases = *conn.aliases_out;
  aliases.key = scratch_topic_;
  const auto known = aliases.topics.find(aliases.key);
  if (known != aliases.topics.end()) {
    scratch_.topic = {};
    scratch_.properties.topic_alias = known->second;
    return false;
  }
  if (aliases.topics.size() >= conn.alias_maximum) return false;
  const auto alias = static_cast<std::uint16_t>(aliases.topics.size() + 1);
  aliases.topics.emplace(aliases.key, alias);
  scratch_.properties.topic_alias = alias;
  return true;
}

Broker::State::Range Broker::State::range_from(std::size_t begin) const {
  return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(out_->bytes.size())};
}

void Broker::State::emit(Conn& conn, Range range) {
  if (conn.emitted_in != call_) {
    conn.emitted_in = call_;
    conn.emitted = 0;
  }
  conn.emitted += range.end - range.begin;
  auto& sends = out_->sends;
  if (!sends.empty() && sends.back().conn == conn.id && sends.back().end == range.begin) {
    sends.back().end = range.end;
  } else {
    sends.push_back({conn.id, range.begin, range.end});
  }
}

// True if more output for this client would only pile up.
bool Broker::State::congested(const Conn& conn) const {
  const std::uint64_t now = conn.emitted_in == call_ ? conn.emitted : 0;
  return conn.unsent + now > limits_.unsent_bytes || out_->bytes.size() > burst_bytes;
}

// Something waits for this client. If that is only because this call put out a lot already, the
// next tick goes on; else the host's unsent() does.
void Broker::State::hold_back(Conn& conn) {
  if (conn.held_back || conn.unsent > limits_.unsent_bytes || !congested(conn)) return;
  conn.held_back = true;
  held_back_.push_back(conn.id);
}

void Broker::State::drain(Session& session) {
  Conn* conn = session.conn;
  if (!conn || !session.outgoing) return;
  Outgoing& queue = *session.outgoing;
  while (queue.waiting() > 0) {
    const std::size_t at = queue.sent();
    Outgoing::Entry& entry = queue[at];
    if (entry.qos > 0 && at >= conn->window) return;
    if (congested(*conn)) return hold_back(*conn);
    if (!entry.was_sent && entry.message->expires() <= now_) {
      ++stats_.dropped_expired;
      drop_entry(session, at);
    } else if (!send_entry(*conn, entry)) {
      ++stats_.dropped_large;
      drop_entry(session, at);
    } else if (entry.qos == 0) {
      drop_entry(session, at);
    } else {
      if (!entry.was_sent) persist_step(session, entry.packet_id, record::Step::sent);
      queue.mark_sent();
    }
  }
}

bool Broker::State::send_entry(Conn& conn, const Outgoing::Entry& entry) {
  if (entry.released) {
    send_ack<codec::mqtt::PubRel>(conn, entry.packet_id, Reason::success);
    return true;
  }
  Properties properties;
  const Content content = content_of(entry.message, properties);
  prepare(content);
  return send_publish(conn, {.qos = entry.qos,
                             .retain = entry.retain,
                             .duplicate = entry.was_sent,
                             .packet_id = entry.packet_id,
                             .ids = entry.ids()});
}

void Broker::State::drop_entry(Session& session, std::size_t at) {
  const std::uint16_t packet_id = (*session.outgoing)[at].packet_id;
  session.outgoing->remove(at, totals_);
  if (packet_id != 0) persist_step(session, packet_id, record::Step::done);
}

void Broker::State::unsent(Conn& conn, std::uint64_t bytes) {
  conn.unsent = bytes;
  if (conn.session && bytes <= limits_.unsent_bytes) drain(*conn.session);
}

void Broker::State::send_pong(Conn& conn) {
  const std::size_t begin = out_->bytes.size();
  codec::mqtt::encode(codec::mqtt::PingResp{}, out_->bytes);
  ++stats_.packets_sent;
  emit(conn, range_from(begin));
}

void Broker::State::on_puback(Conn& conn, std::uint16_t packet_id) {
  Session& session = *conn.session;
  if (!session.outgoing) return;
  const std::size_t at = session.outgoing->find_sent(packet_id);
  if (at == Outgoing::none || (*session.outgoing)[at].qos != 1) return;
  drop_entry(session, at);
  drain(session);
}

void Broker::State::on_pubrec(Conn& conn, std::uint16_t packet_id, Reason reason) {
  Session& session = *conn.session;
  const std::size_t at =
      session.outgoing ? session.outgoing->find_sent(packet_id) : Outgoing::none;
  if (at == Outgoing::none || (*session.outgoing)[at].qos != 2) {
    if (codec::mqtt::is_error(reason)) return;
    return send_ack<codec::mqtt::PubRel>(conn, packet_id, Reason::packet_identifier_not_found);
  }
  if (codec::mqtt::is_error(reason)) {
    drop_entry(session, at);
    return drain(session);
  }
  if (!(*session.outgoing)[at].released) {
    session.outgoing->release(at, totals_);
    persist_step(session, packet_id, record::Step::released);
  }
  send_ack<codec::mqtt::PubRel>(conn, packet_id, Reason::success);
}

void Broker::State::on_pubcomp(Conn& conn, std::uint16_t packet_id) {
  Session& session = *conn.session;
  if (!session.outgoing) return;
  const std::size_t at = session.outgoing->find_sent(packet_id);
  if (at == Outgoing::none || !(*session.outgoing)[at].released) return;
  drop_entry(session, at);
  drain(session);
}

}  // namespace selvedge::engine
