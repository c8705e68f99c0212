#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "os/fake/network_fixture.h"

namespace selvedge::os::fake {
namespace {

using namespace std::chrono_literals;

TEST_F(FakeNet, CarriesBytesBothWays) {
  listen();
  Client& client = connect();
  client.stream->write(base::as_bytes("ping"));
  sim.run_for(1s);
  ASSERT_EQ(accepted.size(), 1u);
  EXPECT_EQ(client.opened, 1);
  EXPECT_EQ(accepted[0]->received, "ping");
  EXPECT_EQ(accepted[0]->stream->peer().address.substr(0, 7), "10.0.0.");
  EXPECT_FALSE(accepted[0]->stream->peer().loopback);
  accepted[0]->stream->write(base::as_bytes("pong"));
  sim.run_for(1s);
  EXPECT_EQ(client.received, "pong");
}

TEST_F(FakeNet, ClosesAfterTheLastByte) {
  listen();
  Client& client = connect();
  sim.run_for(1s);
  client.stream->write(base::as_bytes("last words"));
  client.stream->close();
  sim.run_for(1s);
  EXPECT_EQ(client.closed, 1);
  EXPECT_EQ(accepted[0]->received, "last words");
  EXPECT_EQ(accepted[0]->closed, 1);
  EXPECT_EQ(accepted[0]->why.message, "closed by peer");
  EXPECT_EQ(accepted[0]->why.code, base::Code::unavailable);
}

TEST_F(FakeNet, RefusesWhereNobodyListens) {
  Client& client = connect();
  EXPECT_EQ(client.closed, 0) << "never within connect";
  sim.run_for(1s);
  EXPECT_EQ(client.opened, 0);
  EXPECT_EQ(client.closed, 1);
  EXPECT_EQ(client.why.code, base::Code::unavailable);
  EXPECT_EQ(client.why.message, "connect to server:1883: connection refused");
}

TEST_F(FakeNet, ListensOnLoopbackForItselfOnly) {
  listen("127.0.0.1");
  Client& from_far = connect();
  sim.run_for(1s);
  EXPECT_EQ(from_far.opened, 0);
  Client near;
  near.stream = server.network().connect({"localhost", 1883}, nullptr, 5s, near);
  sim.run_for(1s);
  EXPECT_EQ(near.opened, 1);
  EXPECT_TRUE(near.stream->peer().loopback);
}

TEST_F(FakeNet, FlushesOnceATurnAndDrains) {
  listen();
  Client& client = connect();
  sim.run_for(1s);
  client.stream->write(base::Bytes(1 << 20, 'x'));
  EXPECT_EQ(client.stream->unsent(), 1u << 20);
  sim.run_for(5s);
  EXPECT_EQ(client.stream->unsent(), 0u);
  EXPECT_EQ(client.drained, 1);
  EXPECT_EQ(accepted[0]->received, std::string(1 << 20, 'x'));
  client.stream->write(base::Bytes(1 << 10, 'x'));
  sim.run_for(5s);
  EXPECT_EQ(client.drained, 1) << "never had much to send";
}

TEST_F(FakeNet, FeelsBackPressureFromAPausedReader) {
  listen();
  Client& client = connect();
  sim.run_for(1s);
  accepted[0]->stream->pause();
  client.stream->write(base::Bytes(1 << 20, 'x'));
  sim.run_for(60s);
  EXPECT_EQ(accepted[0]->received.size(), 0u);
  EXPECT_GT(client.stream->unsent(), 500'000u);
  accepted[0]->stream->resume();
  sim.run_for(5s);
  EXPECT_EQ(accepted[0]->received.size(), 1u << 20);
}

TEST_F(FakeNet, CutsDeliveriesAtRandomPlacesButKeepsTheirOrder) {
  listen();
  Client& client = connect();
  std::string sent;
  for (int i = 0; i < 2000; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    sent += line;
    client.stream->write(base::as_bytes(line));
    sim.run_for(100us);
  }
  sim.run_for(5s);
  EXPECT_EQ(accepted[0]->received, sent);
  EXPECT_GT(accepted[0]->ones, 0) << "pieces of one byte";
}

TEST_F(FakeNet, MayBeDestroyedInsideEachCallback) {
  listen();
  for (const When when : {When::open, When::bytes, When::drained, When::close}) {
    auto client = std::make_unique<Client>();
    client->destroy_at = when;
    client->stream = node.network().connect({"server", 1883}, nullptr, 5s, *client);
    client->stream->write(base::Bytes(200'000, 'x'));
    sim.run_for(1s);
    if (when != When::open) {
      accepted.back()->stream->write(base::as_bytes("hello"));
      sim.run_for(1s);
    }
    accepted.back()->stream.reset();
    sim.run_for(10s);
    EXPECT_EQ(client->stream, nullptr) << static_cast<int>(when);
  }
}

TEST_F(FakeNet, TellsThePeerWhenAStreamIsDestroyed) {
  listen();
  Client& client = connect();
  sim.run_for(1s);
  client.stream.reset();
  sim.run_for(1s);
  EXPECT_EQ(accepted[0]->closed, 1);
  EXPECT_EQ(client.closed, 0) << "not called after destruction";
}

TEST_F(FakeNet, TakesAFreePortAndRefusesOneInUse) {
  auto first = server.network().listen({"", 0}, nullptr, [](std::unique_ptr<Stream>) {}).value();
  EXPECT_NE(first->port(), 0);
  const auto accept = [](std::unique_ptr<Stream>) {};
  EXPECT_EQ(server.network().listen({"", first->port()}, nullptr, accept).error().code,
            base::Code::unavailable);
  const std::uint16_t port = first->port();
  first.reset();
  EXPECT_TRUE(server.network().listen({"", port}, nullptr, accept));
}

TEST_F(FakeNet, KeepsAcceptedStreamsWhenTheListenerGoes) {
  listen();
  Client& client = connect();
  sim.run_for(1s);
  listener.reset();
  client.stream->write(base::as_bytes("still here"));
  sim.run_for(1s);
  EXPECT_EQ(accepted[0]->received, "still here");
}

TEST_F(FakeNet, TakesTheTimeOfLatencyAndBandwidth) {
  sim.link("node", "server").model = {.latency = 50ms, .jitter = 0ms, .bytes_per_second = 100'000};
  listen();
  Client& client = connect();
  const base::Instant start = sim.now();
  ASSERT_TRUE(sim.run_until([&] { return client.opened == 1; }, 1s));
  EXPECT_GE(sim.now() - start, 100ms);
  EXPECT_LT(sim.now() - start, 105ms);
  client.stream->write(base::Bytes(500'000, 'x'));
  sim.run_for(4s);
  EXPECT_LT(accepted[0]->received.size(), 400'000u);
  EXPECT_GT(accepted[0]->received.size(), 350'000u);
  sim.run_for(2s);
  EXPECT_EQ(accepted[0]->received.size(), 500'000u);
}

}  // namespace
}  // namespace selvedge::os::fake
