#include "cli/replay.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <unordered_map>
#include <utility>

namespace selvedge::cli {
namespace {

constexpr base::Duration pump_period = std::chrono::milliseconds(2);
constexpr std::size_t messages_a_turn = 5000;

std::vector<double> fine_bounds() {
  std::vector<double> bounds;
  for (double b = 10e-6; b < 60; b *= 1.15) bounds.push_back(b);
  return bounds;
}

// Milliseconds where nothing is lost by it and the receiver can tell them by their size; else text.
std::string stamp(base::Time time) {
  constexpr std::int64_t millisecond = 1'000'000, told_apart = 100'000'000'000;
  const std::int64_t ms = time.ns / millisecond;
  if (time.ns % millisecond == 0 && ms >= told_apart) return std::to_string(ms);
  return '"' + base::to_iso8601(time) + '"';
}

}  // namespace

// One device: its series, how far it is, and what it waits for.
struct Replay::Source {
  struct Sent {
    std::vector<base::Time> times;     // of each reading
    std::size_t first = 0;
    base::Instant at{};
  };

  CsvSeries series;
  std::unique_ptr<client::Device> device;
  std::string topic;
  std::size_t next = 0;
  std::int64_t shift = 0;              // added to times, for files that begin again
  base::Time last_stamp{};
  std::unordered_map<std::uint64_t, Sent> waiting;
  bool ever_connected = false;

  bool exhausted(bool loop_files) const { return next >= series.times.size() && !loop_files; }
};

Replay::Replay(os::World& world, std::vector<CsvSeries> series, ReplayOptions options)
    : world_(world), options_(std::move(options)), ack_seconds_(fine_bounds()) {
  for (CsvSeries& one : series) {
    auto source = std::make_unique<Source>();
    source->topic = options_.topic_prefix + one.topic;
    client::DeviceOptions device = options_.device;
    device.client_id = one.device;
    source->series = std::move(one);
    source->device = std::make_unique<client::Device>(world_, std::move(device));
    Source& s = *source;
    s.device->on_acknowledged([this, &s](engine::PublishId id, codec::mqtt::Reason reason) {
      acknowledged(s, id, reason);
    });
    s.device->on_connected([this, &s](bool) {
      if (std::exchange(s.ever_connected, true)) ++totals_.reconnects;
      else ++totals_.connected;
    });
    sources_.push_back(std::move(source));
  }
  totals_.devices = sources_.size();
}

Replay::~Replay() {
  world_.loop().cancel(timer_);
  world_.loop().cancel(patience_);
}

void Replay::start(std::function<void()> done) {
  done_ = std::move(done);
  began_ = world_.loop().now();
  for (const auto& source : sources_) source->device->start();
  timer_ = world_.loop().after(pump_period, [this] { pump(); });
}

void Replay::stop(base::Duration patience) {
  if (std::exchange(stopping_, true)) return;
  patience_ = world_.loop().after(patience, [this] {
    if (done_) std::exchange(done_, nullptr)();
  });
  finish_if_done();
}

// Readings that should have been published by now.
std::uint64_t Replay::due() const {
  if (options_.pace != ReplayOptions::Pace::rate) return UINT64_MAX;
  const double seconds = std::chrono::duration<double>(world_.loop().now() - began_).count();
  return static_cast<std::uint64_t>(options_.rate * seconds);
}

void Replay::pump() {
  timer_ = world_.loop().after(pump_period, [this] { pump(); });
  const base::Duration elapsed = world_.loop().now() - began_;
  if (options_.time_limit.count() > 0 && elapsed >= options_.time_limit)
    stop(std::chrono::seconds(60));
  if (!stopping_) {
    const std::uint64_t bound = due();
    // Round and round, until a whole round found nobody who could publish. QoS 0 knows no
    // acknowledgement to wait for, so a turn has a bound.
    std::size_t budget = messages_a_turn;
    for (std::size_t idle = 0;
         idle < sources_.size() && totals_.published < bound && budget-- > 0;) {
      Source& source = *sources_[turn_];
      turn_ = (turn_ + 1) % sources_.size();
      if (publish_next(source)) idle = 0;
      else ++idle;
    }
  }
  finish_if_done();
}

bool Replay::publish_next(Source& source) {
  if (!source.device->connected() || source.exhausted(options_.loop_files)) return false;
  if (options_.qos > 0 && source.device->unacknowledged() >= options_.device.inflight) return false;
  if (source.next >= source.series.times.size()) {
    // Begin again, one typical step after the end.
    const auto& times = source.series.times;
    source.shift += times.back().ns - times.front().ns +
                    (times.size() > 1 ? times[1].ns - times[0].ns : 1'000'000'000);
    source.next = 0;
  }
  const std::size_t count =
      std::min<std::size_t>(options_.batch, source.series.times.size() - source.next);
  if (options_.pace == ReplayOptions::Pace::realtime) {
    const auto since = static_cast<double>(source.series.times[source.next + count - 1].ns +
                                           source.shift - source.series.times.front().ns);
    if (static_cast<double>((world_.loop().now() - began_).count()) * options_.speed < since)
      return false;
  }
  Source::Sent sent{{}, source.next, world_.loop().now()};
  std::string payload = count > 1 ? "[" : "";
  for (std::size_t i = 0; i < count; ++i) {
    base::Time time{source.series.times[source.next + i].ns + source.shift};
    if (options_.stamp_now) {
      // Distinct and rising, so that each reading is its own.
      time = std::max(world_.loop().wall_now(), {source.last_stamp.ns + 1000});
      source.last_stamp = time;
    }
    sent.times.push_back(time);
    if (i > 0) payload += ',';
    payload += "{\"ts\":" + stamp(time);
    payload += ",\"" + source.series.field + "\":" + source.series.values[source.next + i] + "}";
  }
  if (count > 1) payload += ']';
  const auto id = source.device->publish(source.topic, base::as_bytes(payload), options_.qos);
  if (!id) return false;
  source.next += count;
  totals_.published += count;
  if (options_.qos > 0) {
    ++outstanding_;
    source.waiting.emplace(static_cast<std::uint64_t>(*id), std::move(sent));
  }
  return true;
}

void Replay::acknowledged(Source& source, engine::PublishId id, codec::mqtt::Reason reason) {
  const auto at = source.waiting.find(static_cast<std::uint64_t>(id));
  if (at == source.waiting.end()) return;
  const Source::Sent sent = std::move(at->second);
  source.waiting.erase(at);
  --outstanding_;
  if (codec::mqtt::is_error(reason)) {
    totals_.refused += sent.times.size();
  } else {
    totals_.acknowledged += sent.times.size();
    ack_seconds_.observe(std::chrono::duration<double>(world_.loop().now() - sent.at).count());
    if (options_.ledger != nullptr)
      for (std::size_t i = 0; i < sent.times.size(); ++i)
        std::fprintf(options_.ledger, "%s/%s,%" PRId64 ",%s\n", source.topic.c_str(),
                     source.series.field.c_str(), sent.times[i].ns,
                     source.series.values[sent.first + i].c_str());
  }
  finish_if_done();
}

void Replay::finish_if_done() {
  if (!done_ || outstanding_ > 0) return;
  const bool ended = std::ranges::all_of(
      sources_, [&](const auto& s) { return s->exhausted(options_.loop_files); });
  if (!stopping_ && !ended) return;
  totals_.seconds = std::chrono::duration<double>(world_.loop().now() - began_).count();
  for (const auto& source : sources_) source->device->stop();
  // Not from within a device's own callback.
  world_.loop().defer(std::exchange(done_, nullptr));
}

ReplayTotals Replay::totals() const {
  ReplayTotals totals = totals_;
  if (totals.seconds == 0)
    totals.seconds = std::chrono::duration<double>(world_.loop().now() - began_).count();
  totals.ack_p50_us = ack_seconds_.quantile(0.5) * 1e6;
  totals.ack_p99_us = ack_seconds_.quantile(0.99) * 1e6;
  return totals;
}

}  // namespace selvedge::cli
