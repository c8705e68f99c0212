// Peer: a scripted server on the other end of a Client, for its tests. What the client sends is
// decoded and shown as text; what the server says is encoded with the same codec.

#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/session/client.h"

namespace selvedge::engine::testing_peer {

namespace mqtt = codec::mqtt;
using mqtt::Reason;
using mqtt::Version;
using List = std::vector<std::string>;

inline std::string with_reason(std::string text, Reason reason) {
  return reason == Reason::success ? text : text + " " + std::string(mqtt::name(reason));
}

struct Describe {
  std::string operator()(const mqtt::Connect& p) const {
    std::string text = "CONNECT " + std::string(p.client_id) + (p.clean_start ? " clean" : "") +
                       " " + std::to_string(p.keep_alive);
    if (p.username) text += " user=" + std::string(*p.username);
    if (p.will) text += " will=" + std::string(p.will->topic);
    return text;
  }
  std::string operator()(const mqtt::Publish& p) const {
    std::string text = "PUBLISH ";
    if (p.qos > 0) text += std::to_string(p.packet_id) + " ";
    text += "q" + std::to_string(p.qos) + " " + std::string(p.topic) + "=" +
            std::string(base::as_text(p.payload));
    return text + (p.duplicate ? " dup" : "") + (p.retain ? " retain" : "");
  }
  std::string operator()(const mqtt::PubAck& p) const {
    return with_reason("PUBACK " + std::to_string(p.packet_id), p.reason);
  }
  std::string operator()(const mqtt::PubRec& p) const {
    return with_reason("PUBREC " + std::to_string(p.packet_id), p.reason);
  }
  std::string operator()(const mqtt::PubRel& p) const {
    return with_reason("PUBREL " + std::to_string(p.packet_id), p.reason);
  }
  std::string operator()(const mqtt::PubComp& p) const {
    return with_reason("PUBCOMP " + std::to_string(p.packet_id), p.reason);
  }
  std::string operator()(const mqtt::Subscribe& p) const {
    std::string text = "SUBSCRIBE " + std::to_string(p.packet_id);
    for (const auto& one : p.subscriptions) {
      text += " " + std::string(one.filter) + ":" + std::to_string(one.qos);
    }
    return text;
  }
  std::string operator()(const mqtt::PingReq&) const { return "PINGREQ"; }
  std::string operator()(const mqtt::Disconnect& p) const {
    return with_reason("DISCONNECT", p.reason);
  }
  std::string operator()(const auto&) const { return "UNEXPECTED"; }
};

inline ClientOptions options_of(Version version = Version::v5) {
  ClientOptions options;
  options.version = version;
  options.client_id = "c";
  options.session_expiry = 3'600;
  options.clean_start = version == Version::v5;
  return options;
}

class Peer {
 public:
  explicit Peer(ClientOptions options = options_of())
      : client(options), version_(options.version), decoder_(1 << 30) {}

  // A link comes up, and the server says yes.
  void connect(mqtt::ConnAck answer = {}) {
    open();
    sent();
    say(answer);
  }
  void open() {
    decoder_ = mqtt::Decoder(1 << 30);
    decoder_.set_version(version_);
    client.transport_open(now, events);
  }
  void lose() {
    events.clear();
    client.transport_closed(now, events);
  }

  template <typename Packet>
  void say(const Packet& packet) {
    base::Bytes bytes;
    mqtt::encode(packet, version_, bytes);
    say_bytes(bytes);
  }
  void say(const mqtt::PingResp& packet) {
    base::Bytes bytes;
    mqtt::encode(packet, bytes);
    say_bytes(bytes);
  }
  void say_bytes(base::BytesView bytes) { client.received(bytes, now, events); }

  // What the client sent since the last time, as text.
  List sent() {
    List list;
    const base::Bytes bytes = std::exchange(events.send, {});
    decoder_.feed(bytes);
    for (;;) {
      const auto packet = decoder_.next();
      EXPECT_TRUE(packet) << packet.error().what;
      if (!packet || !*packet) break;
      list.push_back(std::visit(Describe{}, **packet));
    }
    return list;
  }
  // The publishes acknowledged since the last time: "3" or "3 quota_exceeded".
  List acknowledged() {
    List list;
    for (const auto& one : std::exchange(events.acknowledged, {})) {
      list.push_back(with_reason(std::to_string(static_cast<std::uint64_t>(one.id)), one.reason));
    }
    return list;
  }
  List messages() {
    List list;
    for (const auto& one : std::exchange(events.messages, {})) {
      list.push_back(one.topic + "=" + std::string(base::as_text(one.payload)));
    }
    return list;
  }

  std::uint64_t publish(std::string_view topic, std::uint8_t qos, std::string_view payload = "x") {
    const auto id = client.publish(topic, base::as_bytes(payload), qos, retain, now, events);
    EXPECT_TRUE(id) << id.error().message;
    return static_cast<std::uint64_t>(id.value_or(PublishId::none));
  }
  void pass(base::Duration time) {
    now = now + time;
    client.tick(now, events);
  }

  Client client;
  ClientEvents events;
  base::Instant now{1'000'000'000};
  bool retain = false;

 private:
  Version version_;
  mqtt::Decoder decoder_;
};

inline mqtt::ConnAck resumed() {
  return {.session_present = true, .reason = Reason::success, .properties = {}};
}
inline mqtt::PubAck puback(std::uint16_t id, Reason reason = {}) { return {id, reason, {}}; }
inline mqtt::PubRec pubrec(std::uint16_t id, Reason reason = {}) { return {id, reason, {}}; }
inline mqtt::PubRel pubrel(std::uint16_t id) { return {id, {}, {}}; }
inline mqtt::PubComp pubcomp(std::uint16_t id) { return {id, {}, {}}; }
inline mqtt::SubAck suback(std::uint16_t id, std::vector<Reason> reasons) {
  return {.packet_id = id, .reasons = std::move(reasons), .properties = {}};
}
inline mqtt::Publish message(std::string_view topic, std::uint8_t qos = 0, std::uint16_t id = 0) {
  return {.topic = topic, .payload = base::as_bytes("m"), .packet_id = id, .qos = qos,
          .retain = false, .duplicate = false, .properties = {}};
}

}  // namespace selvedge::engine::testing_peer
