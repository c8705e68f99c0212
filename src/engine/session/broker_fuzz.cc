// Takes bytes for a schedule: connections open, send bytes, close; time passes; publishes are
// settled, out of order; the broker is restored. Whatever it is, acknowledgements leave in the
// order of arrival, the broker sends only what can be decoded, and bounds hold.

#include <array>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/wire.h"
#include "engine/session/broker.h"

namespace {

using namespace selvedge;
using namespace selvedge::engine;
using namespace selvedge::codec::mqtt;

constexpr BrokerLimits limits{.packet_bytes = 2'000,
                              .receive_maximum = 4,
                              .topic_alias_maximum = 2,
                              .outgoing_alias_maximum = 2,
                              .connections = 6,
                              .sessions = 8,
                              .subscriptions_per_session = 5,
                              .retained_messages = 5,
                              .retained_bytes = 5'000,
                              .queued_messages = 6,
                              .queued_bytes = 5'000,
                              .total_queued_bytes = 12'000,
                              .unsent_bytes = 3'000,
                              .session_expiry_maximum = 1'000};

struct Line {
  ConnId id{};
  bool open = false, greeted = false;
  Decoder decoder{1 << 28};
  std::deque<std::pair<std::uint16_t, std::uint8_t>> unacknowledged;  // id and QoS, as they came
};

class Schedule {
 public:
  explicit Schedule(base::BytesView bytes) : in_(bytes) {}

  void run() {
    while (!in_.at_end()) step();
    base::Bytes snapshot;
    broker_->snapshot(snapshot);
    for (const base::Bytes* records : {&snapshot, &log_}) {
      Broker again(limits, access_);
      CHECK(restored(again.restore(*records, wall_)));
    }
  }

 private:
  static bool restored(const base::Result<void>& result) {
    if (!result) std::fprintf(stderr, "%s\n", result.error().message.c_str());
    return result.has_value();
  }

  void step() {
    const std::uint8_t what = in_.u8();
    Line& line = lines_[what & 3];
    out_.clear();
    switch (what >> 2 & 15) {
      case 0: open(line); break;
      case 1:
      case 2:
      case 3: {
        const base::BytesView bytes = in_.raw(std::min<std::size_t>(in_.u8(), in_.remaining()));
        input_ = base::Bytes(bytes.begin(), bytes.end());
        if (line.open) broker_->received(line.id, input_, now_, wall_, out_);
        break;
      }
      case 4: greet(line, what); break;
      case 5: send(line, PingReq{}); break;
      case 6: publish(line); break;
      case 7: subscribe(line); break;
      case 8: acknowledge(line); break;
      case 9: settle(in_.u8()); break;
      case 10:
        now_ = now_ + std::chrono::seconds(in_.u8());
        wall_ = wall_ + std::chrono::seconds(in_.u8());
        broker_->tick(now_, wall_, out_);
        break;
      case 11:
        if (line.open) broker_->closed(line.id, now_, wall_, out_);
        line.open = false;
        break;
      case 12:
        if (line.open) broker_->unsent(line.id, in_.u16(), now_, out_);
        break;
      case 13: {
        const std::string_view topic = in_.text();
        if (!is_topic_name(topic)) break;
        const std::uint8_t qos = in_.u8();
        broker_->publish({.topic = topic, .payload = in_.bytes(),
                          .qos = static_cast<std::uint8_t>(qos % 3), .retain = qos > 100},
                         now_, wall_, out_);
        break;
      }
      case 14: restart(what & 1); return;
      default:
        if (what & 1) broker_->shut_down(now_, wall_, out_);
        else broker_->kick(line.id, Reason::administrative_action, now_, wall_, out_);
    }
    look();
  }

  void open(Line& line) {
    if (line.open) return;
    line.id = ConnId{++last_};
    line.open = true;
    line.greeted = false;
    line.decoder = Decoder(1 << 28);
    line.unacknowledged.clear();
    broker_->open(line.id, {}, now_);
  }

  template <typename Packet>
  void send(Line& line, const Packet& packet) {
    if (!line.open) return;
    base::Bytes bytes;
    if constexpr (requires { encode(packet, Version::v5, bytes); }) {
      encode(packet, line.decoder.version(), bytes);
    } else {
      encode(packet, bytes);
    }
    input_ = std::move(bytes);
    broker_->received(line.id, input_, now_, wall_, out_);
  }

  void greet(Line& line, std::uint8_t what) {
    open(line);
    static constexpr std::string_view names[] = {"a", "b", "c", ""};
    const std::uint8_t how = in_.u8();
    Connect packet;
    packet.version = how & 1 ? Version::v5 : Version::v311;
    packet.client_id = names[how >> 1 & 3];
    packet.clean_start = how & 8;
    packet.keep_alive = what & 64 ? 30 : 0;
    if (how & 16) packet.properties.session_expiry = 100;
    if (how & 32) packet.properties.receive_maximum = 1;
    if (how & 64) packet.properties.topic_alias_maximum = 3;
    if (how & 128) {
      packet.will.emplace();
      packet.will->topic = "a";
      packet.will->payload = base::as_bytes("will");
      packet.will->qos = 1;
      packet.will->properties.will_delay = 10;
    }
    send(line, packet);
  }

  void publish(Line& line) {
    const std::uint8_t how = in_.u8();
    Publish packet;
    packet.topic = topic(how);
    packet.qos = static_cast<std::uint8_t>((how >> 2 & 3) % 3);
    packet.retain = how & 16;
    if (packet.qos > 0) packet.packet_id = static_cast<std::uint16_t>(1 + (how >> 5));
    if (how & 32) packet.properties.message_expiry = 20;
    const base::Bytes payload(in_.u8() * 4u, 'x');
    packet.payload = payload;
    send(line, packet);
  }

  void subscribe(Line& line) {
    const std::uint8_t how = in_.u8();
    static constexpr std::string_view filters[] = {"a", "#", "a/+", "$share/g/#", "+/b",
                                                   "$share/g/a", "a/#", "$x/#"};
    const std::string_view filter = filters[how & 7];
    if (how & 128) {
      Unsubscribe packet;
      packet.packet_id = 1;
      packet.filters.push_back(filter);
      return send(line, packet);
    }
    Subscribe packet;
    packet.packet_id = 1;
    packet.subscriptions.push_back({.filter = filter,
                                    .qos = static_cast<std::uint8_t>((how >> 3 & 3) % 3)});
    if (how & 32) packet.properties.subscription_ids.push_back(1 + how);
    send(line, packet);
  }

  void acknowledge(Line& line) {
    const std::uint8_t how = in_.u8();
    const auto id = static_cast<std::uint16_t>(how >> 2 & 15);
    if (id == 0) return;
    const Reason reason = how & 128 ? Reason::unspecified_error : Reason::success;
    switch (how & 3) {
      case 0: return send(line, PubAck{id, reason, {}});
      case 1: return send(line, PubRec{id, reason, {}});
      case 2: return send(line, PubRel{id, Reason::success, {}});
      default: return send(line, PubComp{id, Reason::success, {}});
    }
  }

  void settle(std::uint8_t how) {
    if (tokens_.empty()) return;
    const std::size_t at = how % tokens_.size();
    const Token token = tokens_[at];
    tokens_.erase(tokens_.begin() + static_cast<std::ptrdiff_t>(at));
    broker_->settle({&token, 1}, how & 128 ? Reason::quota_exceeded : Reason::success, now_, out_);
  }

  void restart(bool from_snapshot) {
    if (from_snapshot) {
      log_.clear();
      broker_->snapshot(log_);
    }
    broker_ = std::make_unique<Broker>(limits, access_);
    CHECK(restored(broker_->restore(log_, wall_)));
    for (Line& line : lines_) line.open = false;
    tokens_.clear();
  }

  static std::string_view topic(std::uint8_t how) {
    static constexpr std::string_view topics[] = {"a", "a/b", "$x/b", "forbidden"};
    return topics[how & 3];
  }

  // Carries out what the broker says, and judges it.
  void look() {
    for (const Arrived& arrived : out_.arrived) {
      sum_ += arrived.topic.size() + arrived.client_id.size() + arrived.device.size();
      for (const std::uint8_t byte : arrived.payload) sum_ += byte;
      if (arrived.properties && arrived.properties->content_type) {
        sum_ += arrived.properties->content_type->size();
      }
      if (!arrived.token) continue;
      tokens_.push_back(*arrived.token);
      for (Line& line : lines_) {
        if (line.id == arrived.conn) line.unacknowledged.emplace_back(arrived.token->packet_id, arrived.qos);
      }
    }
    for (const Outputs::Send& send : out_.sends) {
      for (Line& line : lines_) {
        if (line.open && line.id == send.conn) hear(line, out_.range(send));
      }
    }
    for (const Outputs::Close& close : out_.closes) {
      for (Line& line : lines_) {
        if (line.id == close.conn) line.open = false;
      }
    }
    base::append(log_, out_.persist);
    const BrokerStats& stats = broker_->stats();
    CHECK(stats.sessions <= limits.sessions && stats.connections <= lines_.size());
    CHECK(stats.queued_bytes <= limits.total_queued_bytes + 60'000);
    CHECK(stats.retained <= limits.retained_messages);
    std::vector<ConnId> logins;
    for (const Authenticate& login : out_.logins) logins.push_back(login.conn);
    for (const ConnId conn : logins) {
      out_.clear();
      broker_->authorise(conn, {}, now_, wall_, out_);
      look();
    }
    sum_ += broker_->wake_at() ? 1 : 0;
  }

  void hear(Line& line, base::BytesView bytes) {
    // Only a CONNACK of 3.1.1 has a body of two bytes.
    if (!line.greeted) line.decoder.set_version(bytes[1] == 2 ? Version::v311 : Version::v5);
    line.greeted = true;
    line.decoder.feed(bytes);
    for (;;) {
      const auto packet = line.decoder.next();
      CHECK(packet);
      if (!*packet) return;
      if (const auto* ack = std::get_if<PubAck>(*packet)) {
        // Who may not publish is told so, without an arrival.
        if (ack->reason == Reason::not_authorized) continue;
        CHECK(!line.unacknowledged.empty());
        CHECK(line.unacknowledged.front() == std::pair(ack->packet_id, std::uint8_t{1}));
        line.unacknowledged.pop_front();
      } else if (const auto* rec = std::get_if<PubRec>(*packet)) {
        // May also be for a resend, of which the host hears nothing.
        if (line.unacknowledged.empty()) continue;
        if (line.unacknowledged.front() != std::pair(rec->packet_id, std::uint8_t{2})) continue;
        line.unacknowledged.pop_front();
      }
    }
  }

  base::Reader in_;
  Access access_{.may_publish = [](auto, auto topic) { return topic != "forbidden"; },
                 .may_subscribe = [](auto, auto filter) { return filter != "forbidden"; }};
  std::unique_ptr<Broker> broker_ = std::make_unique<Broker>(limits, access_);
  Outputs out_;
  base::Bytes input_;                        // of this step; views into it are in the outputs
  base::Bytes log_;
  std::array<Line, 4> lines_;
  std::vector<Token> tokens_;
  std::uint64_t last_ = 0;
  std::uint64_t sum_ = 0;
  base::Instant now_{1'000'000'000};
  base::Time wall_{1'000'000'000'000};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Schedule({data, size}).run();
  return 0;
}
