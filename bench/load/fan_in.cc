// A closed loop: each publisher has at most `window` messages without PUBACK, and all together at most
// `in_flight` that have not come out at the other end. One PUBLISH is one write, as devices do it.
// Paced, a message is sent when its time has come, unless its publisher's window is full.
//
// Latencies are taken from the moment of sending. Messages of one publisher leave a broker in their
// order, so the n-th that the subscriber sees of a topic is the n-th sent; if one is lost that no
// longer holds, and latencies of delivery are not reported.

#include "load/fan_in.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <deque>
#include <utility>
#include <vector>

#include "load/clients.h"
#include "load/payload.h"
#include "load/report.h"

namespace selvedge::bench {
namespace {

constexpr std::uint64_t stalled_ns = 5'000'000'000;   // nothing moves: the rest is lost
constexpr std::uint64_t rest_ns = 200'000'000;        // after connecting, before measuring
constexpr std::uint64_t most_wait_ns = 5'000'000;
constexpr int turn_messages = 4096;

struct Publisher {
  Client* client = nullptr;
  std::string topic;
  Source source;
  std::uint16_t packet_id = 0;
  std::deque<std::uint64_t> unacknowledged, undelivered;   // when sent
};

class FanIn {
 public:
  explicit FanIn(const Options& options)
      : options_(options),
        clients_(options, [this](Client& c, const Packet& p) { arrived(c, p); }),
        payloads_(options) {}

  int run();

 private:
  bool connect();
  void arrived(Client& client, const Packet& packet);
  void delivered(const Packet& packet);
  bool may_send(const Publisher& publisher) const;
  // Sends what is due and allowed; how long there is nothing to do but to listen.
  std::uint64_t publish(double elapsed);
  void send(Publisher& publisher);
  // Messages that are through: delivered and acknowledged, as far as that applies.
  std::uint64_t done() const;
  void print(const Stopwatch& watch) const;

  const Options& options_;
  Clients clients_;
  PayloadMaker payloads_;
  std::vector<Publisher> publishers_;
  std::size_t next_ = 0;
  std::uint64_t sent_ = 0, delivered_ = 0, acknowledged_ = 0, refused_ = 0;
  Latency delivery_, acknowledgement_;
};

bool FanIn::connect() {
  if (options_.subscriber &&
      (!clients_.connect(1) || !clients_.subscribe(clients_.at(0), options_.topic + "#")))
    return false;
  if (!clients_.connect(options_.publishers)) return false;
  publishers_.resize(options_.publishers);
  for (std::uint32_t i = 0; i < options_.publishers; ++i) {
    publishers_[i].client = &clients_.at(i + (options_.subscriber ? 1 : 0));
    publishers_[i].topic = options_.topic + std::to_string(i);
    publishers_[i].source = payloads_.source(i);
  }
  for (const std::uint64_t began = now_ns(); now_ns() - began < rest_ns;) clients_.poll(rest_ns);
  return true;
}

void FanIn::arrived(Client& client, const Packet& packet) {
  if (packet.type() == PacketType::publish) {
    if (packet.qos() > 0) append_puback(client.connection->queue(), packet.publish_id());
    return delivered(packet);
  }
  if (packet.type() != PacketType::puback) return;
  const std::uint32_t first = options_.subscriber ? 1 : 0;
  Publisher& publisher = publishers_[client.number - first];
  if (publisher.unacknowledged.empty()) return;
  acknowledgement_.add(now_ns() - publisher.unacknowledged.front());
  publisher.unacknowledged.pop_front();
  ++acknowledged_;
  if (packet.reason() >= 0x80) ++refused_;
}

void FanIn::delivered(const Packet& packet) {
  const std::string_view topic = packet.topic();
  std::size_t number = publishers_.size();
  if (topic.size() > options_.topic.size())
    std::from_chars(topic.data() + options_.topic.size(), topic.data() + topic.size(), number);
  if (number >= publishers_.size() || publishers_[number].undelivered.empty()) return;
  delivery_.add(now_ns() - publishers_[number].undelivered.front());
  publishers_[number].undelivered.pop_front();
  ++delivered_;
}

std::uint64_t FanIn::done() const {
  std::uint64_t done = sent_;
  if (options_.subscriber) done = std::min(done, delivered_);
  if (options_.qos > 0) done = std::min(done, acknowledged_);
  return done;
}

bool FanIn::may_send(const Publisher& publisher) const {
  const Connection& connection = *publisher.client->connection;
  return !connection.closed() && !connection.blocked() &&
         (options_.qos == 0 || publisher.unacknowledged.size() < options_.window);
}

void FanIn::send(Publisher& publisher) {
  if (options_.qos > 0 && ++publisher.packet_id == 0) publisher.packet_id = 1;
  Connection& connection = *publisher.client->connection;
  append_publish(connection.queue(), publisher.topic, payloads_.next(publisher.source), options_.qos,
                 publisher.packet_id, options_.version);
  const std::uint64_t now = now_ns();
  if (options_.qos > 0) publisher.unacknowledged.push_back(now);
  if (options_.subscriber) publisher.undelivered.push_back(now);
  ++sent_;
  connection.flush();
}

std::uint64_t FanIn::publish(double elapsed) {
  std::uint64_t due = options_.messages;
  if (options_.rate > 0)
    due = std::min(due, static_cast<std::uint64_t>(options_.rate * elapsed));
  std::size_t held_up = 0;   // publishers in a row that may not send
  for (int quota = turn_messages; sent_ < due; --quota) {
    if (quota == 0) return 0;
    if (options_.rate == 0 && sent_ - done() >= options_.in_flight) return most_wait_ns;
    Publisher& publisher = publishers_[next_];
    next_ = (next_ + 1) % publishers_.size();
    if (!may_send(publisher)) {
      if (++held_up == publishers_.size()) return most_wait_ns;
      continue;
    }
    held_up = 0;
    send(publisher);
  }
  if (sent_ == options_.messages) return most_wait_ns;
  const double next_due = (static_cast<double>(sent_) + 1) / options_.rate - elapsed;
  return std::min(most_wait_ns, static_cast<std::uint64_t>(std::max(0.0, next_due) * 1e9));
}

int FanIn::run() {
  if (!connect()) return 1;
  Stopwatch watch(options_);
  std::uint64_t moved_at = watch.start(), moved = 0;
  while (done() < options_.messages) {
    const double elapsed = watch.elapsed();
    if (elapsed > options_.most_seconds) break;
    const std::uint64_t moving = sent_ + delivered_ + acknowledged_;
    const std::uint64_t now = now_ns();
    if (std::exchange(moved, moving) != moving) moved_at = now;
    else if (now - moved_at > stalled_ns) break;
    clients_.poll(publish(elapsed));
  }
  watch.stop();
  print(watch);
  return clients_.lost() == 0 ? 0 : 1;
}

void FanIn::print(const Stopwatch& watch) const {
  Report report(options_);
  report.field("publishers", options_.publishers);
  report.field("qos", options_.qos);
  report.field("subscriber", options_.subscriber ? 1 : 0);
  report.field("tls", publishers_[0].client->connection->cipher());
  report.field("rate", options_.rate);
  report.field("sent", static_cast<double>(sent_));
  report.field("acknowledged", static_cast<double>(acknowledged_));
  report.field("refused", static_cast<double>(refused_));
  report.field("delivered", static_cast<double>(delivered_));
  const std::uint64_t lost = options_.subscriber ? sent_ - delivered_ : 0;
  report.field("lost", static_cast<double>(lost));
  watch.report(report, done());
  if (options_.mode == "batch") {
    const double readings = static_cast<double>(done()) * payloads_.readings();
    report.field("readings", readings);
    report.field("readings_per_cpu_second", readings / watch.server_cpu());
  }
  report.field("ack", acknowledgement_);
  report.field("delivery", lost == 0 ? delivery_ : Latency());
  if (!options_.server.empty()) report.memory(memory(options_.server));
  report.field("connections_lost", static_cast<double>(clients_.lost()));
  report.print();
}

}  // namespace

int run_fan_in(const Options& options) { return FanIn(options).run(); }

}  // namespace selvedge::bench
