#include "engine/session/client.h"

#include <algorithm>

#include "engine/session/client_state.h"

namespace selvedge::engine {

namespace mqtt = codec::mqtt;
using Link = ClientLink;

namespace {

constexpr base::Duration connack_timeout = std::chrono::seconds(20);
constexpr std::size_t longest_publish = 268'000'000;   // leaves room for topic and properties

base::Error silent(std::string message) {
  return {.code = base::Code::unavailable, .message = std::move(message)};
}

std::size_t publish_size(mqtt::Version version, std::string_view topic, base::BytesView payload,
                         std::uint8_t qos) {
  const std::size_t body = 2 + topic.size() + (qos > 0 ? 2 : 0) +
                           (version == mqtt::Version::v5 ? 1 : 0) + payload.size();
  return body + (body < 128 ? 2 : body < 16'384 ? 3 : body < 2'097'152 ? 4 : 5);
}

}  // namespace

Client::Client(ClientOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Client::~Client() = default;

void Client::transport_open(base::Instant now, ClientEvents& out) {
  State& s = *state_;
  if (s.link != Link::down) transport_closed(now, out);
  s.decoder = mqtt::Decoder(s.options.packet_bytes);
  s.decoder.set_version(s.options.version);
  s.link = Link::connecting;
  s.opened = s.last_sent = s.last_received = now;
  s.send_connect(out);
}

void Client::transport_closed(base::Instant, ClientEvents&) {
  State& s = *state_;
  s.link = Link::down;
  s.pinged.reset();
  s.outbox.connection_lost();
  s.subscriptions.connection_lost();
  s.inbox.connection_lost();
}

void Client::received(base::BytesView bytes, base::Instant now, ClientEvents& out) {
  State& s = *state_;
  if (s.link == Link::down || s.link == Link::closing) return;
  s.last_received = now;
  s.pinged.reset();
  const std::size_t before = out.send.size();
  s.decoder.feed(bytes);
  while (s.link != Link::closing) {
    const auto packet = s.decoder.next();
    if (!packet) {
      s.refuse(packet.error(), out);
    } else if (*packet) {
      s.take(**packet, out);
    } else {
      break;
    }
  }
  s.pump(out);
  s.note_sent(before, now, out);
}

void Client::tick(base::Instant now, ClientEvents& out) {
  State& s = *state_;
  const auto due = wake_at();
  if (!due || now < *due) return;
  if (s.link == Link::connecting) {
    s.close(silent("connect: no CONNACK within 20 s"), out);
  } else if (s.pinged) {
    s.close(silent("keep alive: no answer to a ping within " +
                   base::to_string(now - *s.pinged)), out);
  } else {
    mqtt::encode(mqtt::PingReq{}, out.send);
    s.last_sent = now;
    s.pinged = now;
  }
}

std::optional<base::Instant> Client::wake_at() const {
  const State& s = *state_;
  if (s.link == Link::connecting) return s.opened + connack_timeout;
  if (s.link != Link::up || s.keep_alive == 0) return std::nullopt;
  if (s.pinged) return *s.pinged + s.keep_alive_time() / 2;
  return std::min(s.last_sent, s.last_received) + s.keep_alive_time();
}

base::Result<PublishId> Client::publish(std::string_view topic, base::BytesView payload,
                                        std::uint8_t qos, bool retain, base::Instant now,
                                        ClientEvents& out) {
  State& s = *state_;
  if (!mqtt::is_topic_name(topic) || qos > 2 || payload.size() > longest_publish) {
    return base::fail(base::Code::invalid_input,
                      "publish: topic, QoS or size is not one that MQTT allows");
  }
  const bool up = s.link == Link::up;
  if (qos == 0 && !up) return base::fail(base::Code::unavailable, "publish: not connected");
  const std::size_t size = publish_size(s.options.version, topic, payload, qos);
  const auto refusal = up ? s.limits.refusal(qos, retain, size) : mqtt::Reason::success;
  if (refusal != mqtt::Reason::success) {
    return base::fail(base::Code::invalid_input, "publish: the server does not take it: " +
                                                     std::string(mqtt::name(refusal)));
  }
  mqtt::Publish& packet = s.scratch;
  packet.topic = topic;
  packet.payload = payload;
  packet.qos = qos;
  packet.retain = retain;
  const std::size_t before = out.send.size();
  PublishId id = PublishId::none;
  if (qos == 0) {
    mqtt::encode(packet, s.options.version, out.send);
  } else {
    id = TRY(s.outbox.add(packet));
    if (up) s.outbox.pump(s.limits, out);
  }
  s.note_sent(before, now, out);
  return id;
}

void Client::subscribe(std::string_view filter, std::uint8_t qos, base::Instant now,
                       ClientEvents& out) {
  CHECK(qos <= 2);
  State& s = *state_;
  const std::size_t before = out.send.size();
  s.subscriptions.add(filter, qos, out);
  s.pump(out);
  s.note_sent(before, now, out);
}

void Client::disconnect(base::Instant, ClientEvents& out) {
  State& s = *state_;
  if (s.link == Link::up) mqtt::encode(mqtt::Disconnect{}, s.options.version, out.send);
  if (s.link == Link::up || s.link == Link::connecting) {
    s.close(silent("disconnect: asked for"), out);
  }
}

bool Client::connected() const { return state_->link == Link::up; }
std::string_view Client::client_id() const { return state_->client_id; }
std::size_t Client::inflight() const { return state_->outbox.inflight(); }
std::size_t Client::waiting() const { return state_->outbox.waiting(); }

}  // namespace selvedge::engine
