#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "os/address.h"
#include "os/fd.h"
#include "os/test_streams.h"

namespace selvedge::os {
namespace {

using namespace std::chrono_literals;
using base::as_bytes;

// A server end that sends back what it hears.
void echo(End& end) {
  end.then_on_bytes = [](Stream& stream, base::BytesView bytes) { stream.write(bytes); };
}

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i * 7 + i / 1000) % 251);
  return text;
}

struct Pair {
  TestWorld world;
  Server server{world};
  End client;

  explicit Pair(std::function<void(End&)> prepare = {}) {
    server.prepare = std::move(prepare);
    connect(world, client, {"127.0.0.1", server.port()});
    EXPECT_TRUE(world.run_until([&] { return client.open && server.ends.size() == 1; }));
  }
  End& accepted() { return *server.ends.front(); }
};

TEST(Stream, CarriesBytesBothWays) {
  TestWorld world;
  Server server(world);
  server.prepare = echo;
  End client;
  connect(world, client, {"127.0.0.1", server.port()});
  client.stream->write(as_bytes("hello"));

  ASSERT_TRUE(world.run_until([&] { return client.received == "hello"; }));

  EXPECT_TRUE(client.open);
  EXPECT_TRUE(client.stream->peer().loopback);
  EXPECT_EQ(client.stream->peer().address, "127.0.0.1:" + std::to_string(server.port()));
  EXPECT_FALSE(client.stream->peer().encrypted);
  EXPECT_EQ(world->stats().open_streams, 2u);
  EXPECT_EQ(world->stats().accepted, 1u);
  EXPECT_EQ(world->stats().connected, 1u);
  EXPECT_EQ(world->stats().bytes_in, 10u);
  EXPECT_EQ(world->stats().bytes_out, 10u);
}

TEST(Stream, SendsTheWritesOfOneTurnTogether) {
  Pair pair;
  int reads = 0;
  pair.accepted().then_on_bytes = [&](Stream&, base::BytesView) { ++reads; };
  for (int i = 0; i < 100; ++i) pair.client.stream->write(as_bytes("x"));
  EXPECT_EQ(pair.client.stream->unsent(), 100u);

  ASSERT_TRUE(pair.world.run_until([&] { return pair.accepted().received_bytes == 100; }));

  EXPECT_EQ(reads, 1);
  EXPECT_EQ(pair.client.stream->unsent(), 0u);
}

TEST(Stream, ReachesAnIPv6ListenerAndOneThatListensOnEveryAddress) {
  struct Case {
    const char* listen_at;
    const char* connect_to;
    const char* seen_from;
  };
  for (const Case& each : {Case{"::1", "::1", "[::1]:"}, Case{"", "127.0.0.1", "127.0.0.1:"},
                           Case{"", "::1", "[::1]:"}, Case{"localhost", "localhost", ""}}) {
    SCOPED_TRACE(each.listen_at);
    TestWorld world;
    const auto listening = world.network().listen({each.listen_at, 0}, nullptr, [](auto) {});
    if (!listening) GTEST_SKIP() << "no IPv6 here: " << listening.error().message;
    Server server(world, nullptr, each.listen_at);
    End client;
    connect(world, client, {each.connect_to, server.port()});

    ASSERT_TRUE(world.run_until([&] { return client.open && server.ends.size() == 1; }));

    EXPECT_TRUE(server.ends[0]->stream->peer().address.starts_with(each.seen_from));
    EXPECT_TRUE(server.ends[0]->stream->peer().loopback);
  }
}

TEST(Stream, SaysWhyItCannotConnect) {
  TestWorld world;
  std::uint16_t unused = 0;
  unused = Server(world).port();
  struct Case {
    Endpoint to;
    const char* says;
  };
  const Case cases[] = {
      {{"127.0.0.1", unused}, "Connection refused"},
      {{"no-such-host.invalid", 1}, "look up no-such-host.invalid"},
      {{"localhost", unused}, "Connection refused"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.says);
    End client;
    connect(world, client, each.to);
    EXPECT_FALSE(client.closed);  // never within the call

    ASSERT_TRUE(world.run_until([&] { return client.closed.has_value(); }));

    EXPECT_EQ(client.closed->code, base::Code::unavailable);
    EXPECT_TRUE(client.closed->message.starts_with("connect to " + each.to.text()));
    EXPECT_NE(client.closed->message.find(each.says), std::string::npos) << client.closed->message;
    EXPECT_FALSE(client.open);
  }
  EXPECT_EQ(world->stats().open_streams, 0u);
}

// A listener that never accepts: once its queue is full the kernel drops what knocks, as if the
// machine were not there.
class DeafListener {
 public:
  DeafListener() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    address_ = *literal_address({"127.0.0.1", 0});
    socklen_t size = sizeof address_.v4;
    EXPECT_EQ(::bind(fd_.value(), &address_.generic, size), 0);
    EXPECT_EQ(::listen(fd_.value(), 0), 0);
    EXPECT_EQ(::getsockname(fd_.value(), &address_.generic, &size), 0);
    for (int i = 0; i < 3; ++i) {
      waiting_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
      [[maybe_unused]] const int begun =
          ::connect(waiting_.back().value(), &address_.generic, size);
    }
  }
  std::uint16_t port() const { return address_.port(); }

 private:
  Fd fd_;
  SocketAddress address_;
  std::vector<Fd> waiting_;
};

TEST(Stream, GivesUpConnectingAfterTheTimeOut) {
  const DeafListener deaf;
  TestWorld world;
  End client;
  const Endpoint to{"127.0.0.1", deaf.port()};
  connect(world, client, to, nullptr, 20ms);

  ASSERT_TRUE(world.run_until([&] { return client.closed.has_value(); }));

  EXPECT_EQ(client.closed->code, base::Code::unavailable);
  EXPECT_EQ(client.closed->message, "connect to " + to.text() + ": timed out");
  EXPECT_FALSE(client.open);
}

TEST(Stream, CanBeDestroyedOrClosedWhileItConnects) {
  TestWorld world;
  Server server(world);
  End destroyed, closed, looking_up;
  connect(world, destroyed, {"127.0.0.1", server.port()});
  connect(world, closed, {"127.0.0.1", server.port()});
  connect(world, looking_up, {"localhost", server.port()});
  destroyed.stream.reset();
  looking_up.stream.reset();
  closed.stream->close();
  EXPECT_FALSE(closed.closed);

  ASSERT_TRUE(world.run_until([&] { return closed.closed.has_value(); }));

  EXPECT_EQ(closed.closed->message, "closed");
  EXPECT_EQ(destroyed.times_closed + looking_up.times_closed, 0);
  EXPECT_EQ(world->stats().open_streams, 0u);
}

TEST(Stream, FlushesBeforeItCloses) {
  Pair pair;
  const std::string sent = pattern(3 << 20);
  pair.client.stream->write(as_bytes(sent));
  pair.client.stream->close();
  pair.client.stream->write(as_bytes("too late"));
  End& accepted = pair.accepted();
  accepted.then_on_close = [&] { accepted.stream.reset(); };

  ASSERT_TRUE(pair.world.run_until(
      [&] { return pair.client.closed.has_value() && accepted.closed.has_value(); }));

  EXPECT_EQ(accepted.received, sent);
  EXPECT_EQ(accepted.closed->code, base::Code::unavailable);
  EXPECT_EQ(accepted.closed->message, "closed by peer");
  EXPECT_EQ(pair.client.closed->message, "closed");
  EXPECT_EQ(pair.client.times_closed, 1);
}

TEST(Stream, CloseReachesAPeerThatIsStillSending) {
  Pair pair;
  End& accepted = pair.accepted();
  accepted.then_on_bytes = [&](Stream& stream, base::BytesView) {
    stream.write(as_bytes("goodbye"));
    stream.close();
  };
  pair.client.stream->write(as_bytes(pattern(4 << 20)));

  ASSERT_TRUE(pair.world.run_until([&] { return pair.client.closed.has_value(); }));

  EXPECT_EQ(pair.client.received, "goodbye");
  EXPECT_EQ(pair.client.closed->message, "closed by peer");
}

TEST(Stream, HandsOutAnAnswerToAPeerThatHasShutItsSide) {
  Pair pair;
  End& accepted = pair.accepted();
  const std::string answer = pattern(2 << 20);
  accepted.then_on_bytes = [&](Stream& stream, base::BytesView) { stream.write(as_bytes(answer)); };
  pair.client.stream->write(as_bytes("ask"));
  // close() shuts our side and throws away what comes; the peer's answer must not fail for it.
  pair.client.stream->close();

  ASSERT_TRUE(pair.world.run_until([&] { return accepted.closed.has_value(); }));

  EXPECT_EQ(accepted.closed->message, "closed by peer");
  EXPECT_EQ(pair.world->stats().bytes_out, 3 + answer.size());
}

TEST(Stream, MovesManyMegabytesBothWaysAtOnce) {
  Pair pair;
  const std::string one = pattern(8 << 20), other = pattern(5 << 20);
  pair.client.stream->write(as_bytes(one));
  pair.accepted().stream->write(as_bytes(other));

  ASSERT_TRUE(pair.world.run_until([&] {
    return pair.accepted().received_bytes >= one.size() &&
           pair.client.received_bytes >= other.size();
  }));

  EXPECT_EQ(pair.accepted().received, one);
  EXPECT_EQ(pair.client.received, other);
  EXPECT_EQ(pair.client.drained, 1);
  EXPECT_EQ(pair.accepted().drained, 1);
}

TEST(Stream, PausedLetsThePeerFeelBackPressureAndLosesNothing) {
  Pair pair;
  End& accepted = pair.accepted();
  accepted.stream->pause();
  const std::string sent = pattern(16 << 20);
  pair.client.stream->write(as_bytes(sent));
  pair.world.run_turns(200);
  EXPECT_EQ(accepted.received_bytes, 0u);
  EXPECT_GT(pair.client.stream->unsent(), 0u);
  EXPECT_EQ(pair.client.drained, 0);

  // Every read pauses; a timer resumes.
  accepted.then_on_bytes = [&](Stream& stream, base::BytesView) {
    stream.pause();
    pair.world.loop().after(0ms, [&] { accepted.stream->resume(); });
  };
  accepted.stream->resume();

  ASSERT_TRUE(pair.world.run_until([&] { return accepted.received_bytes == sent.size(); }));
  EXPECT_EQ(accepted.received, sent);
  ASSERT_TRUE(pair.world.run_until([&] { return pair.client.drained == 1; }));
}

TEST(Stream, HandsOutWhatCameBeforeTheEndEvenIfItWasPaused) {
  Pair pair;
  End& accepted = pair.accepted();
  accepted.stream->pause();
  pair.client.stream->write(as_bytes("last words"));
  pair.world.run_turns(3);
  pair.client.stream.reset();
  const std::uint64_t turns = pair.world->stats().turns;
  pair.world.run_turns(20);
  EXPECT_LT(pair.world->stats().turns, turns + 60);  // a hang-up does not make the loop spin
  EXPECT_FALSE(accepted.closed);

  accepted.stream->resume();

  ASSERT_TRUE(pair.world.run_until([&] { return accepted.closed.has_value(); }));
  EXPECT_EQ(accepted.received, "last words");
}

TEST(Stream, ReportsADrainOnlyAfterMuchWasUnsent) {
  Pair pair;
  pair.client.stream->write(as_bytes(std::string(64 << 10, 'x')));
  ASSERT_TRUE(pair.world.run_until([&] { return pair.accepted().received_bytes == 64 << 10; }));
  EXPECT_EQ(pair.client.drained, 0);

  // Refilled each time it drains, it never runs away with the loop.
  int refills = 0;
  pair.client.then_on_drained = [&] {
    if (++refills < 5) pair.client.stream->write(as_bytes(std::string(70'000, 'x')));
  };
  pair.client.stream->write(as_bytes(std::string(70'000, 'x')));
  ASSERT_TRUE(pair.world.run_until([&] { return refills == 5; }));
}

TEST(Stream, MayBeDestroyedInAnyOfItsCallbacks) {
  for (const char* where : {"bytes", "close", "open", "drained"}) {
    SCOPED_TRACE(where);
    TestWorld world;
    Server server(world);
    server.prepare = echo;
    End client;
    bool destroyed = false;
    const auto destroy = [&] {
      client.stream.reset();
      destroyed = true;
    };
    const std::string_view callback = where;
    if (callback == "open") client.then_on_open = destroy;
    if (callback == "bytes") client.then_on_bytes = [&](Stream&, base::BytesView) { destroy(); };
    if (callback == "close") client.then_on_close = destroy;
    if (callback == "drained") client.then_on_drained = destroy;
    connect(world, client, {"127.0.0.1", server.port()});
    client.stream->write(as_bytes(std::string(100'000, 'x')));
    if (callback == "close") client.stream->close();

    ASSERT_TRUE(world.run_until([&] { return destroyed; }));

    EXPECT_EQ(client.times_closed, callback == "close" ? 1 : 0);
    ASSERT_TRUE(world.run_until([&] {
      return world->stats().open_streams <= 1 && (server.ends.empty() || server.ends[0]->closed ||
                                                  callback == "open");
    }));
  }
}

TEST(Stream, MayBeClosedInsideItsCallbacksAndSaysSoOnce) {
  Pair pair;
  End& accepted = pair.accepted();
  accepted.then_on_bytes = [](Stream& stream, base::BytesView) {
    stream.close();
    stream.close();
  };
  pair.client.stream->write(as_bytes("x"));

  ASSERT_TRUE(pair.world.run_until(
      [&] { return accepted.closed.has_value() && pair.client.closed.has_value(); }));
  pair.world.run_turns(5);

  EXPECT_EQ(accepted.times_closed, 1);
  EXPECT_EQ(pair.client.times_closed, 1);
}

TEST(Stream, EndsWhenThePeerVanishesWithOutputUnsent) {
  Pair pair;
  pair.accepted().stream->pause();
  pair.client.stream->write(as_bytes(pattern(16 << 20)));
  pair.world.run_turns(50);

  pair.accepted().stream.reset();  // with unread input: a reset

  ASSERT_TRUE(pair.world.run_until([&] { return pair.client.closed.has_value(); }));
  EXPECT_EQ(pair.client.closed->code, base::Code::unavailable);
  EXPECT_EQ(pair.client.times_closed, 1);
}

TEST(Listener, StopsWhenItIsDestroyedAndItsStreamsLiveOn) {
  Pair pair(echo);
  const std::uint16_t port = pair.server.port();
  pair.server.listener.reset();
  End late;
  connect(pair.world, late, {"127.0.0.1", port});
  pair.client.stream->write(as_bytes("still here"));

  ASSERT_TRUE(pair.world.run_until(
      [&] { return late.closed.has_value() && pair.client.received == "still here"; }));
}

TEST(Listener, MayBeDestroyedWhileItHandsAStreamOver) {
  TestWorld world;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Stream> accepted;
  listener = std::move(world.network()
                           .listen({"127.0.0.1", 0}, nullptr,
                                   [&](std::unique_ptr<Stream> stream) {
                                     listener.reset();
                                     accepted = std::move(stream);
                                   })
                           .value());
  End client;
  connect(world, client, {"127.0.0.1", listener->port()});

  ASSERT_TRUE(world.run_until([&] { return accepted != nullptr; }));
}

TEST(Listener, SaysWhyItCannotListen) {
  TestWorld world;
  const Server taken(world);
  const auto again = world.network().listen({"127.0.0.1", taken.port()}, nullptr, [](auto) {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, base::Code::unavailable);
  EXPECT_EQ(again.error().message, "listen on 127.0.0.1:" + std::to_string(taken.port()) +
                                       ": Address already in use");
  EXPECT_FALSE(world.network().listen({"198.51.100.7", 0}, nullptr, [](auto) {}));
}

TEST(Listener, DropsConnectionsWhenDescriptorsRunOutAndRecovers) {
  TestWorld world, elsewhere;
  Server server(world);
  // One that goes well comes first: the sanitizer's type check opens a pipe for each type it has not
  // seen yet, which it could not do below.
  End first, early, late;
  connect(world, first, {"127.0.0.1", server.port()});
  ASSERT_TRUE(world.run_until([&] { return server.ends.size() == 1 && world->stats().dropped == 0; }));
  connect(elsewhere, early, {"127.0.0.1", server.port()});
  ASSERT_TRUE(elsewhere.run_until([&] { return early.open; }));  // the kernel's half is enough
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  Fd highest(::dup(0));
  rlimit low = before;
  low.rlim_cur = static_cast<rlim_t>(highest.value()) + 1;
  setrlimit(RLIMIT_NOFILE, &low);

  const bool dropped = world.run_until([&] { return world->stats().dropped == 1; });

  setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_TRUE(dropped);
  ASSERT_TRUE(elsewhere.run_until([&] { return early.closed.has_value(); }));
  connect(world, late, {"127.0.0.1", server.port()});
  ASSERT_TRUE(world.run_until([&] { return server.ends.size() == 2; }));
}

}  // namespace
}  // namespace selvedge::os
