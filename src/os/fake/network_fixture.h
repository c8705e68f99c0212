// FakeNet: two machines, a listener and clients that remember what happened to them. For tests.

#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "os/fake/simulation.h"

namespace selvedge::os::fake {

enum class When : std::uint8_t { never, open, bytes, drained, close };

struct Client : StreamEvents {
  std::unique_ptr<Stream> stream;
  std::string received;
  int opened = 0, drained = 0, closed = 0, ones = 0;
  base::Error why;
  When destroy_at = When::never;

  void at(When when) {
    if (when == destroy_at) stream.reset();
  }
  void on_open(Stream&) override {
    ++opened;
    at(When::open);
  }
  void on_bytes(Stream&, base::BytesView bytes) override {
    received += base::as_text(bytes);
    ones += bytes.size() == 1;
    at(When::bytes);
  }
  void on_drained(Stream&) override {
    ++drained;
    at(When::drained);
  }
  void on_close(Stream&, const base::Error& error) override {
    ++closed;
    why = error;
    at(When::close);
  }
};

class FakeNet : public testing::Test {
 protected:
  void listen(const std::string& host = "", std::shared_ptr<Tls> tls = nullptr) {
    auto made = server.network().listen({host, 1883}, std::move(tls),
                                        [this](std::unique_ptr<Stream> stream) {
                                          accepted.push_back(std::make_unique<Client>());
                                          accepted.back()->stream = std::move(stream);
                                          accepted.back()->stream->set_events(*accepted.back());
                                        });
    ASSERT_TRUE(made) << made.error().message;
    listener = std::move(*made);
  }

  Client& connect(std::shared_ptr<Tls> tls = nullptr) {
    clients.push_back(std::make_unique<Client>());
    clients.back()->stream = node.network().connect({"server", 1883}, std::move(tls),
                                                    std::chrono::seconds(5), *clients.back());
    return *clients.back();
  }

  Simulation sim{7};
  Machine& node = sim.machine("node");
  Machine& server = sim.machine("server");
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<Client>> accepted, clients;
};

}  // namespace selvedge::os::fake
