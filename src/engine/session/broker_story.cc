#include "engine/session/broker_story.h"

#include <gtest/gtest.h>

#include <utility>

namespace selvedge::engine {
namespace {

using namespace codec::mqtt;

std::string hex(Reason reason) {
  constexpr char digits[] = "0123456789ABCDEF";
  const auto value = static_cast<unsigned>(reason);
  return {digits[value >> 4], digits[value & 15]};
}

std::string text(base::BytesView bytes) {
  if (bytes.size() > 60) return "(" + std::to_string(bytes.size()) + " bytes)";
  return "'" + std::string(base::as_text(bytes)) + "'";
}

std::string describe(const Properties& p) {
  std::string line;
  const auto number = [&](std::string_view name, const auto& value) {
    if (value) line += " " + std::string(name) + "=" + std::to_string(*value);
  };
  const auto string = [&](std::string_view name, const auto& value) {
    if (value) line += " " + std::string(name) + "=" + std::string(*value);
  };
  number("format", p.payload_format);
  number("expiry", p.message_expiry);
  string("type", p.content_type);
  string("respond", p.response_topic);
  if (p.correlation_data) line += " correlation=" + std::string(base::as_text(*p.correlation_data));
  for (std::size_t i = 0; i < p.subscription_ids.size(); ++i) {
    line += (i == 0 ? " ids=" : ",") + std::to_string(p.subscription_ids[i]);
  }
  number("session", p.session_expiry);
  string("assigned", p.assigned_client_id);
  number("keep-alive", p.server_keep_alive);
  string("information", p.response_information);
  number("alias", p.topic_alias);
  for (const auto& [name, value] : p.user) {
    line += " " + std::string(name) + ":" + std::string(value);
  }
  return line;
}

std::string numbered(std::string_view name, std::uint16_t id, Reason reason) {
  std::string line = std::string(name) + " #" + std::to_string(id);
  if (reason != Reason::success) line += " " + hex(reason);
  return line;
}

template <typename Packet>
std::string acknowledged(std::string_view name, const Packet& packet) {
  return numbered(name, packet.packet_id, packet.reason) + describe(packet.properties);
}

template <typename Packet>
std::string many(std::string_view name, const Packet& packet) {
  std::string line = numbered(name, packet.packet_id, Reason::success);
  for (const Reason reason : packet.reasons) line += " " + hex(reason);
  return line;
}

struct Describe {
  std::string operator()(const ConnAck& p) const {
    return "CONNACK " + hex(p.reason) + (p.session_present ? " present" : "") +
           describe(p.properties);
  }
  std::string operator()(const Publish& p) const {
    std::string line = "PUBLISH " + std::string(p.topic) + " " + text(p.payload);
    line += " q" + std::to_string(p.qos);
    if (p.qos > 0) line += " #" + std::to_string(p.packet_id);
    if (p.duplicate) line += " dup";
    if (p.retain) line += " retain";
    return line + describe(p.properties);
  }
  std::string operator()(const PubAck& p) const { return acknowledged("PUBACK", p); }
  std::string operator()(const PubRec& p) const { return acknowledged("PUBREC", p); }
  std::string operator()(const PubRel& p) const { return acknowledged("PUBREL", p); }
  std::string operator()(const PubComp& p) const { return acknowledged("PUBCOMP", p); }
  std::string operator()(const SubAck& p) const { return many("SUBACK", p); }
  std::string operator()(const UnsubAck& p) const { return many("UNSUBACK", p); }
  std::string operator()(const PingResp&) const { return "PINGRESP"; }
  std::string operator()(const Disconnect& p) const { return "DISCONNECT " + hex(p.reason); }
  template <typename Other>
  std::string operator()(const Other&) const { return "a packet no server sends"; }
};

}  // namespace

std::string describe(const Packet& packet) { return std::visit(Describe{}, packet); }

Story::Story(BrokerLimits limits, Access access)
    : limits_(limits), access_(std::move(access)), broker_(std::make_unique<Broker>(limits, access_)) {
  decide = [](const Authenticate& login) {
    Grant grant;
    grant.device = login.has_username ? login.username : login.client_id;
    return grant;
  };
}

void Story::call(const std::function<void(Outputs&)>& call) {
  out_.clear();
  call(out_);
  carry_out();
}

void Story::carry_out() {
  for (const Outputs::Send& send : out_.sends) {
    for (Peer& peer : peers_) {
      if (peer.id != send.conn || peer.closed) continue;
      peer.decoder.feed(out_.range(send));
      for (;;) {
        const auto packet = peer.decoder.next();
        ASSERT_TRUE(packet.has_value()) << "the broker sent what cannot be decoded: "
                                        << packet.error().what;
        if (*packet == nullptr) break;
        peer.got.push_back(describe(**packet));
      }
    }
  }
  for (const Outputs::Close& close : out_.closes) {
    for (Peer& peer : peers_) {
      if (peer.id != close.conn) continue;
      peer.closed = true;
      peer.error = close.error;
      peer.why = close.why;
    }
  }
  begun.insert(begun.end(), out_.begun.begin(), out_.begun.end());
  base::append(log, out_.persist);
  std::vector<Token> fresh;
  for (const Arrived& one : out_.arrived) {
    arrived.push_back(std::string(one.device) + " " + std::string(one.topic) + " " +
                      text(one.payload) + " q" + std::to_string(one.qos) +
                      (one.properties ? describe(*one.properties) : ""));
    if (one.token) fresh.push_back(*one.token);
  }
  std::vector<std::pair<ConnId, Grant>> grants;
  for (const Authenticate& login : out_.logins) {
    asked.push_back(login.conn);
    if (auto grant = decide(login)) grants.emplace_back(login.conn, std::move(*grant));
  }
  out_.clear();
  if (settles && !fresh.empty()) {
    settle(fresh);
  } else {
    tokens.insert(tokens.end(), fresh.begin(), fresh.end());
  }
  for (auto& [conn, grant] : grants) {
    call([&](Outputs& out) { broker_->authorise(conn, std::move(grant), now, wall, out); });
  }
}

Peer& Story::open(Version version) {
  Peer& peer = peers_.emplace_back();
  peer.id = ConnId{++last_conn_};
  peer.version = version;
  peer.decoder.set_version(version);
  broker_->open(peer.id, {.address = "10.0.0.7:51000", .common_name = {}, .uris = {}}, now);
  return peer;
}

Peer& Story::connect(const Connect& connect) {
  Peer& peer = open(connect.version);
  send(peer, connect);
  return peer;
}

Peer& Story::join(std::string_view client_id) {
  Connect packet;
  packet.client_id = client_id;
  Peer& peer = connect(packet);
  EXPECT_EQ(peer.take(), Lines{"CONNACK 00"});
  return peer;
}

Peer& Story::join_311(std::string_view client_id, bool clean) {
  Connect packet;
  packet.version = Version::v311;
  packet.client_id = client_id;
  packet.clean_start = clean;
  return connect(packet);
}

Peer& Story::rejoin(std::string_view client_id, std::uint32_t expiry) {
  Connect packet;
  packet.client_id = client_id;
  packet.clean_start = false;
  packet.properties.session_expiry = expiry;
  return connect(packet);
}

void Story::give(Peer& peer, base::BytesView bytes) {
  // A copy that is gone afterwards, so that the sanitizer finds views that outlive the call.
  const base::Bytes copy(bytes.begin(), bytes.end());
  call([&](Outputs& out) { broker_->received(peer.id, copy, now, wall, out); });
}

void Story::publish(Peer& peer, std::string_view topic, std::string_view payload,
                    PublishOptions options) {
  Publish packet;
  packet.topic = topic;
  packet.payload = base::as_bytes(payload);
  packet.qos = options.qos;
  packet.packet_id = options.id;
  packet.retain = options.retain;
  packet.duplicate = options.duplicate;
  packet.properties = options.properties;
  send(peer, packet);
}

void Story::subscribe(Peer& peer, const Subscription& wanted, std::uint32_t id) {
  Subscribe packet;
  packet.packet_id = 1;
  packet.subscriptions.push_back(wanted);
  if (id != 0) packet.properties.subscription_ids.push_back(id);
  send(peer, packet);
}

void Story::subscribe(Peer& peer, std::string_view filter, std::uint8_t qos, std::uint32_t id) {
  subscribe(peer, Subscription{.filter = filter, .qos = qos}, id);
  ASSERT_FALSE(peer.got.empty());
  // The answer is of no interest where this form is used; what follows it is.
  for (auto it = peer.got.begin(); it != peer.got.end(); ++it) {
    if (it->starts_with("SUBACK")) {
      EXPECT_EQ(*it, "SUBACK #1 0" + std::to_string(qos));
      peer.got.erase(it);
      break;
    }
  }
}

void Story::unsubscribe(Peer& peer, std::string_view filter) {
  Unsubscribe packet;
  packet.packet_id = 1;
  packet.filters.push_back(filter);
  send(peer, packet);
}

void Story::disconnect(Peer& peer, Reason reason, std::optional<std::uint32_t> expiry) {
  Disconnect packet;
  packet.reason = reason;
  packet.properties.session_expiry = expiry;
  send(peer, packet);
}

void Story::drop(Peer& peer) {
  peer.closed = true;
  call([&](Outputs& out) { broker_->closed(peer.id, now, wall, out); });
}

void Story::pass(base::Duration time) {
  now = now + time;
  wall = wall + time;
  call([&](Outputs& out) { broker_->tick(now, wall, out); });
}

void Story::settle(const std::vector<Token>& which, Reason reason) {
  call([&](Outputs& out) { broker_->settle(which, reason, now, out); });
}

void Story::restart(bool from_snapshot) {
  for (Peer& peer : peers_) peer.closed = true;
  if (from_snapshot) {
    log.clear();
    broker_->snapshot(log);
  }
  broker_ = std::make_unique<Broker>(limits_, access_);
  // The monotonic clock of a machine that was started anew.
  now = base::Instant{5'000'000'000};
  const auto restored = broker_->restore(log, wall);
  ASSERT_TRUE(restored.has_value()) << restored.error().message;
}

}  // namespace selvedge::engine
