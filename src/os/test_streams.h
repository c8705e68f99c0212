// For the tests of streams: a world that runs until something is so, and ends that write down what
// they hear.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/world.h"

namespace selvedge::os {

class TestWorld {
 public:
  TestWorld() : world_(std::move(RealWorld::create().value())) {}

  RealWorld& operator*() { return *world_; }
  RealWorld* operator->() { return world_.get(); }
  Loop& loop() { return world_->loop(); }
  Network& network() { return world_->network(); }

  // Runs the loop until `is_so`; false if that took longer than any healthy machine needs.
  bool run_until(std::function<bool()> is_so) {
    const auto limit = loop().after(std::chrono::seconds(30), [this] { world_->stop(); });
    std::function<void()> look = [&] {
      if (is_so()) return world_->stop();
      loop().after(std::chrono::microseconds(500), look);
    };
    loop().after(base::Duration::zero(), look);
    world_->run({});
    loop().cancel(limit);
    return is_so();
  }
  // Lets what is under way happen: some turns, not some time.
  void run_turns(int count) {
    std::function<void()> next = [&] {
      if (--count <= 0) return world_->stop();
      loop().after(base::Duration::zero(), next);
    };
    loop().after(base::Duration::zero(), next);
    world_->run({});
  }

 private:
  std::unique_ptr<RealWorld> world_;
};

struct End : StreamEvents {
  std::unique_ptr<Stream> stream;
  bool open = false;
  int drained = 0;
  std::string received;
  std::size_t received_bytes = 0;
  bool keep = true;  // what was received
  std::optional<base::Error> closed;
  int times_closed = 0;
  std::function<void(Stream&, base::BytesView)> then_on_bytes;
  std::function<void()> then_on_open, then_on_close, then_on_drained;

  void on_open(Stream&) override {
    open = true;
    if (then_on_open) then_on_open();
  }
  void on_bytes(Stream& from, base::BytesView bytes) override {
    received_bytes += bytes.size();
    if (keep) received += base::as_text(bytes);
    if (then_on_bytes) then_on_bytes(from, bytes);
  }
  void on_drained(Stream&) override {
    ++drained;
    if (then_on_drained) then_on_drained();
  }
  void on_close(Stream&, const base::Error& why) override {
    ++times_closed;
    closed = why;
    if (then_on_close) then_on_close();
  }
};

// A listener on a free port of 127.0.0.1 that keeps what it accepts.
struct Server {
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<End>> ends;
  std::function<void(End&)> prepare;  // before anything is read

  Server(TestWorld& world, std::shared_ptr<Tls> tls = nullptr, const std::string& host = "127.0.0.1") {
    listener = std::move(world.network()
                             .listen({host, 0}, std::move(tls),
                                     [this](std::unique_ptr<Stream> stream) {
                                       End& end = *ends.emplace_back(std::make_unique<End>());
                                       end.open = true;
                                       end.stream = std::move(stream);
                                       end.stream->set_events(end);
                                       if (prepare) prepare(end);
                                     })
                             .value());
  }
  std::uint16_t port() const { return listener->port(); }
};

inline void connect(TestWorld& world, End& end, const Endpoint& to,
                    std::shared_ptr<Tls> tls = nullptr,
                    base::Duration timeout = std::chrono::seconds(20)) {
  end.stream = world.network().connect(to, std::move(tls), timeout, end);
}

}  // namespace selvedge::os
