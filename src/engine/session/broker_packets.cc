// From bytes to packets, and from packets to the functions that take them.
//
// A decoder is large, and most connections have no half packet most of the time; so one decoder
// goes around, and a connection keeps one only as long as it holds bytes.

#include <utility>

#include "engine/session/broker_state.h"

namespace selvedge::engine {

using namespace std::string_literals;

void Broker::State::run(Conn& conn, base::BytesView bytes) {
  fed_ = bytes;
  if (conn.stage == Conn::Stage::ready) conn.last_heard = now_;
  if (!conn.decoder) {
    if (idle_decoders_.empty()) {
      conn.decoder = std::make_unique<codec::mqtt::Decoder>(limits_.packet_bytes);
    } else {
      conn.decoder = std::move(idle_decoders_.back());
      idle_decoders_.pop_back();
    }
    conn.decoder->set_version(conn.version);
  }
  conn.decoder->feed(bytes);
  while (conn.stage != Conn::Stage::closed) {
    if (conn.stage == Conn::Stage::login) return wait_for_login(conn);
    const auto packet = conn.decoder->next();
    if (!packet) return undecodable(conn, packet.error());
    if (*packet == nullptr) break;
    ++stats_.packets_received;
    take(conn, **packet);
  }
  if (conn.stage != Conn::Stage::closed && conn.decoder->buffered() == 0) {
    spent_.decoders.push_back(std::move(conn.decoder));
  }
}

// A client may send on without waiting for its CONNACK.
void Broker::State::wait_for_login(Conn& conn) {
  conn.decoder->keep();
  if (conn.decoder->buffered() > limits_.packet_bytes) {
    ++stats_.protocol_errors;
    end(conn, {.why = "sent more than a packet before its login was decided", .error = true});
  }
}

void Broker::State::undecodable(Conn& conn, const codec::mqtt::DecodeError& error) {
  if (conn.stage == Conn::Stage::opened) {
    if (error.reason == Reason::unsupported_protocol_version) {
      conn.version = conn.decoder->version();
      ++stats_.protocol_errors;
      return refuse(conn, error.reason, std::string(error.what));
    }
    // Who does not begin with a proper CONNECT may not speak MQTT at all.
    ++stats_.protocol_errors;
    return end(conn, {.why = "no CONNECT: "s + std::string(error.what), .error = true});
  }
  protocol_error(conn, error.reason, std::string(error.what));
}

void Broker::State::take(Conn& conn, const codec::mqtt::Packet& packet) {
  using namespace codec::mqtt;
  if (const auto* publish = std::get_if<Publish>(&packet)) [[likely]] {
    if (conn.stage == Conn::Stage::ready) return on_publish(conn, *publish);
  }
  if (const auto* connect = std::get_if<Connect>(&packet)) return on_connect(conn, *connect);
  if (conn.stage == Conn::Stage::opened) {
    ++stats_.protocol_errors;
    return end(conn, {.why = "the first packet is not CONNECT", .error = true});
  }
  if (const auto* p = std::get_if<PubAck>(&packet)) return on_puback(conn, p->packet_id);
  if (const auto* p = std::get_if<PubRec>(&packet)) return on_pubrec(conn, p->packet_id, p->reason);
  if (const auto* p = std::get_if<PubRel>(&packet)) return on_pubrel(conn, p->packet_id);
  if (const auto* p = std::get_if<PubComp>(&packet)) return on_pubcomp(conn, p->packet_id);
  if (const auto* p = std::get_if<Subscribe>(&packet)) return on_subscribe(conn, *p);
  if (const auto* p = std::get_if<Unsubscribe>(&packet)) return on_unsubscribe(conn, *p);
  if (const auto* p = std::get_if<Disconnect>(&packet)) return on_disconnect(conn, *p);
  if (std::get_if<PingReq>(&packet)) return send_pong(conn);
  if (std::get_if<Auth>(&packet)) {
    return protocol_error(conn, Reason::protocol_error, "AUTH without an authentication method");
  }
  protocol_error(conn, Reason::protocol_error, "a packet that only a server sends");
}

}  // namespace selvedge::engine
