// TestWorld: a world in which the test is the network and the clock. For tests and the fuzzer.
//
// Connections are Wires: the test hands bytes to the code as it likes to cut them, and reads what
// the code sent. Nothing moves by itself: advance() lets time pass and runs what is due.

#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "os/world.h"

namespace selvedge::net::http::test {

// The test's end of a connection. Outlives the stream.
struct Wire {
  std::string sent;      // by the code under test
  std::size_t held = 0;  // bytes that seem unsent
  bool paused = false;
  bool closing = false;  // the code has called close()
  bool gone = false;     // the code has destroyed its stream
  os::StreamEvents* events = nullptr;
  os::Stream* stream = nullptr;
  os::Endpoint to;  // of an outgoing one

  void open() {
    if (!gone) events->on_open(*stream);
  }
  void receive(std::string_view bytes) {
    if (gone || bytes.empty()) return;
    const base::Bytes copy = base::to_bytes(bytes);  // exactly as long, so that overruns show
    events->on_bytes(*stream, copy);
  }
  void close(base::Error why = {base::Code::unavailable, "closed by peer"}) {
    if (!gone) events->on_close(*stream, why);
  }
  void drain() {
    held = 0;
    if (!gone) events->on_drained(*stream);
  }
  std::string take() { return std::exchange(sent, {}); }
};

class WireStream final : public os::Stream {
 public:
  explicit WireStream(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {
    wire_->stream = this;
    peer_.address = "192.0.2.1:4711";
  }
  ~WireStream() override {
    wire_->gone = true;
    wire_->stream = nullptr;
  }
  void set_events(os::StreamEvents& events) override { wire_->events = &events; }
  void write(base::BytesView bytes) override {
    if (!wire_->closing) wire_->sent += base::as_text(bytes);
  }
  std::size_t unsent() const override { return wire_->held; }
  void close() override { wire_->closing = true; }
  void pause() override { wire_->paused = true; }
  void resume() override { wire_->paused = false; }
  const os::Peer& peer() const override { return peer_; }

 private:
  std::shared_ptr<Wire> wire_;
  os::Peer peer_;
};

class TestWorld final : public os::World, public os::Loop, public os::Network {
 public:
  std::vector<std::shared_ptr<Wire>> dialed;  // by connect(), in order

  // A connection to whatever listens, open.
  std::shared_ptr<Wire> dial() {
    auto wire = std::make_shared<Wire>();
    if (accept_) {
      accept_(std::make_unique<WireStream>(wire));
    } else {
      wire->gone = true;
    }
    return wire;
  }

  // Ends the streams whose close() was called, as a flush would, and runs what was deferred.
  void settle(std::initializer_list<std::shared_ptr<Wire>> wires = {}) {
    run_deferred();
    for (const auto& wire : wires) {
      if (wire->closing) wire->close();
    }
    run_deferred();
  }

  void advance(base::Duration by) {
    const base::Instant end = now_ + by;
    run_deferred();
    while (!timers_.empty() && timers_.begin()->first.first <= end) {
      auto timer = timers_.extract(timers_.begin());
      now_ = std::max(now_, timer.key().first);
      timer.mapped()();
      run_deferred();
    }
    now_ = end;
  }

  std::size_t timers() const { return timers_.size(); }
  bool listening() const { return static_cast<bool>(accept_); }

  // World
  os::Loop& loop() override { return *this; }
  os::Network& network() override { return *this; }
  base::Result<std::unique_ptr<os::Dir>> directory(std::string_view, bool) override {
    return base::fail(base::Code::not_found, "no disk in this world");
  }
  void entropy(std::span<std::uint8_t> into) override {
    for (std::uint8_t& byte : into) byte = static_cast<std::uint8_t>(seed_ += 41);
  }

  // Loop
  base::Instant now() const override { return now_; }
  base::Time wall_now() const override { return {1'700'000'000'000'000'000 + now_.ns}; }
  os::TimerId after(base::Duration delay, std::function<void()> what) override {
    timers_.emplace(std::pair(now_ + delay, ++last_timer_), std::move(what));
    return static_cast<os::TimerId>(last_timer_);
  }
  void cancel(os::TimerId timer) override {
    std::erase_if(timers_, [&](const auto& entry) {
      return entry.first.second == static_cast<std::uint64_t>(timer);
    });
  }
  void defer(std::function<void()> what) override { deferred_.push_back(std::move(what)); }
  void work(std::uint32_t, std::function<void()> job, std::function<void()> done) override {
    job();
    defer(std::move(done));
  }
  void post(std::function<void()> what) override { defer(std::move(what)); }

  // Network
  base::Result<std::shared_ptr<os::Tls>> server_tls(const os::TlsConfig&) override {
    return std::make_shared<NoTls>();
  }
  base::Result<std::shared_ptr<os::Tls>> client_tls(const os::TlsConfig&) override {
    return std::make_shared<NoTls>();
  }
  base::Result<std::unique_ptr<os::Listener>> listen(const os::Endpoint&, std::shared_ptr<os::Tls>,
                                                     os::Accept accept) override {
    accept_ = std::move(accept);
    return std::make_unique<Ear>(*this);
  }
  std::unique_ptr<os::Stream> connect(const os::Endpoint& to, std::shared_ptr<os::Tls>,
                                      base::Duration, os::StreamEvents& events) override {
    auto wire = std::make_shared<Wire>();
    wire->to = to;
    wire->events = &events;
    dialed.push_back(wire);
    return std::make_unique<WireStream>(wire);
  }

 private:
  struct NoTls : os::Tls {
    base::Result<void> replace(const os::TlsConfig&) override { return {}; }
  };
  struct Ear : os::Listener {
    explicit Ear(TestWorld& w) : world(w) {}
    ~Ear() override { world.accept_ = nullptr; }
    std::uint16_t port() const override { return 80; }
    TestWorld& world;
  };

  void run_deferred() {
    while (!deferred_.empty()) {
      for (auto& what : std::exchange(deferred_, {})) what();
    }
  }

  base::Instant now_{1'000'000'000};
  std::map<std::pair<base::Instant, std::uint64_t>, std::function<void()>> timers_;
  std::vector<std::function<void()>> deferred_;
  os::Accept accept_;
  std::uint64_t last_timer_ = 0;
  unsigned seed_ = 1;
};

}  // namespace selvedge::net::http::test
