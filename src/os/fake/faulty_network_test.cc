// What befalls connections: cuts, silence, half-open ends, pauses, crashes.

#include <gtest/gtest.h>

#include <string>

#include "os/fake/network_fixture.h"

namespace selvedge::os::fake {
namespace {

using namespace std::chrono_literals;

class FaultyNet : public FakeNet {
 protected:
  void SetUp() override {
    listen();
    client = &connect();
    sim.run_for(1s);
    ASSERT_EQ(accepted.size(), 1u);
  }
  Client& peer() { return *accepted[0]; }

  Client* client = nullptr;
  Link& link = sim.link("node", "server");
};

TEST_F(FaultyNet, ShowsACutToBothEndsAtOnce) {
  link.cut(Cut::reset);
  sim.run_for(0s);
  EXPECT_EQ(client->closed, 1);
  EXPECT_EQ(peer().closed, 1);
  Client& late = connect();
  sim.run_for(1s);
  EXPECT_EQ(late.closed, 1);
  EXPECT_EQ(late.why.code, base::Code::unavailable);
  link.mend();
  Client& later = connect();
  sim.run_for(1s);
  EXPECT_EQ(later.opened, 1);
}

TEST_F(FaultyNet, ShowsACutToBothEndsAfterATimeOut) {
  link.model.user_timeout = 60s;
  link.cut(Cut::timeout);
  sim.run_for(59s);
  EXPECT_EQ(client->closed + peer().closed, 0);
  sim.run_for(1s);
  EXPECT_EQ(client->closed, 1);
  EXPECT_EQ(peer().closed, 1);
}

TEST_F(FaultyNet, ForgivesASilenceThatEndsInTime) {
  link.cut(Cut::silent);
  std::string sent;
  for (int i = 0; i < 100; ++i) {
    const std::string part = std::to_string(i) + ";";
    sent += part;
    client->stream->write(base::as_bytes(part));
    sim.run_for(100ms);
    // A mend that does not last, with segments on their way.
    if (i % 10 == 3) link.mend();
    if (i % 10 == 4) link.cut(Cut::silent);
  }
  EXPECT_EQ(peer().closed, 0);
  link.mend();
  sim.run_for(5s);
  EXPECT_EQ(peer().received, sent);
}

TEST_F(FaultyNet, KeepsTheOrderWhenACutCatchesSegmentsOnTheirWay) {
  link.model.latency = 200ms;
  link.model.jitter = 100ms;
  std::string sent;
  for (int i = 0; i < 3000; ++i) {
    const std::string part = std::to_string(i) + ";";
    sent += part;
    client->stream->write(base::as_bytes(part));
    sim.run_for(sim.random().between(0s, 30ms));
    if (sim.random().chance(0.02)) link.cut(Cut::silent);
    if (sim.random().chance(0.05)) link.mend();
  }
  link.mend();
  sim.run_for(60s);
  EXPECT_EQ(client->closed, 0);
  EXPECT_TRUE(peer().received == sent);
}

TEST_F(FaultyNet, LeavesTheSilentEndHalfOpen) {
  link.model.user_timeout = 30s;
  link.cut(Cut::silent);
  client->stream->write(base::as_bytes("hello?"));
  sim.run_for(29s);
  EXPECT_EQ(client->closed, 0);
  sim.run_for(2s);
  EXPECT_EQ(client->closed, 1) << "what it sent was not taken";
  sim.run_for(24h);
  EXPECT_EQ(peer().closed, 0) << "it has sent nothing";
  link.mend();
  peer().stream->write(base::as_bytes("anybody?"));
  sim.run_for(5s);
  EXPECT_EQ(peer().closed, 1) << "nobody knows this connection";
}

TEST_F(FaultyNet, WaitsForEverWithoutAUserTimeOut) {
  link.model.user_timeout.reset();
  link.cut(Cut::silent);
  client->stream->write(base::Bytes(1 << 20, 'x'));
  sim.run_for(1000h);
  EXPECT_EQ(client->closed, 0);
  EXPECT_GT(client->stream->unsent(), 0u);
}

TEST_F(FaultyNet, SwallowsWhatIsSentIntoAForgottenConnection) {
  link.forget_connections();
  client->stream->write(base::as_bytes("lost"));
  peer().stream->write(base::as_bytes("lost too"));
  sim.run_for(10min);
  EXPECT_EQ(client->closed + peer().closed, 0);
  EXPECT_EQ(client->received + peer().received, "");
  Client& second = connect();
  sim.run_for(1s);
  EXPECT_EQ(second.opened, 1) << "new connections work";
  sim.run_for(10min);
  EXPECT_EQ(client->closed, 1);
  EXPECT_EQ(peer().closed, 1);
}

TEST_F(FaultyNet, TimesOutWhenConnectingIntoSilence) {
  link.cut(Cut::silent);
  Client& late = connect();
  sim.run_for(4900ms);
  EXPECT_EQ(late.closed, 0);
  sim.run_for(100ms);
  EXPECT_EQ(late.closed, 1);
  EXPECT_EQ(late.why.message, "connect to server:1883: timed out");
}

TEST_F(FaultyNet, HoldsBackWhatIsSentDuringAPause) {
  link.pause_for(10s);
  client->stream->write(base::as_bytes("late"));
  sim.run_for(9s);
  EXPECT_EQ(peer().received, "");
  sim.run_for(2s);
  EXPECT_EQ(peer().received, "late");
}

TEST_F(FaultyNet, GivesUpAClosingStreamAfterFiveSeconds) {
  peer().stream->pause();
  client->stream->write(base::Bytes(1 << 20, 'x'));
  client->stream->close();
  sim.run_for(4s);
  EXPECT_EQ(client->closed, 0);
  sim.run_for(2s);
  EXPECT_EQ(client->closed, 1);
}

TEST_F(FaultyNet, ResetsThePeersOfAKilledProcess) {
  server.crash(Crash{Crash::Disk::keeps_written, Crash::Peers::reset});
  sim.run_for(1s);
  EXPECT_EQ(client->closed, 1);
  EXPECT_EQ(peer().closed, 0) << "nothing of it runs";
  Client& late = connect();
  sim.run_for(10s);
  EXPECT_EQ(late.closed, 1);
  server.restart();
  Client& refused = connect();
  sim.run_for(1s);
  EXPECT_EQ(refused.why.message, "connect to server:1883: connection refused");
}

TEST_F(FaultyNet, LeavesThePeersOfAPowerCutInTheDarkUntilItIsBack) {
  server.crash(Crash{Crash::Disk::power_cut, Crash::Peers::silence});
  client->stream->write(base::as_bytes("hello?"));
  sim.run_for(60s);
  EXPECT_EQ(client->closed, 0);
  server.restart();
  sim.run_for(5s);
  EXPECT_EQ(client->closed, 1) << "the new life does not know the connection";
}

TEST_F(FaultyNet, LetsOldHandlesDoNothingAfterACrash) {
  node.crash();
  node.restart();
  client->stream->write(base::as_bytes("ghost"));
  EXPECT_EQ(client->stream->unsent(), 0u);
  client->stream->close();
  client->stream->resume();
  sim.run_for(10s);
  EXPECT_EQ(client->closed, 0);
  client->stream.reset();
  EXPECT_EQ(peer().received, "");
}

}  // namespace
}  // namespace selvedge::os::fake
