// Bodies that are sent while they are made.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "net/http/http.h"
#include "net/http/test_world.h"

namespace selvedge::net::http {
namespace {

using namespace std::chrono_literals;
using test::TestWorld;
using test::Wire;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string get = "GET /s HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string get_1_0 = "GET /s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
const std::string head = "HEAD /s HTTP/1.1\r\nHost: h\r\n\r\n";

std::string body_of(const std::string& answer) {
  const std::size_t at = answer.find("\r\n\r\n");
  return at == std::string::npos ? "" : answer.substr(at + 4);
}

class StreamedBody : public testing::Test {
 protected:
  void SetUp() override {
    ServerLimits limits;
    limits.idle_timeout = 5s;
    server = std::make_unique<Server>(world, limits);
    server->route("GET", "/s", [this](Request, Respond respond) {
      Response response = Response::text("");
      response.length = length;
      response.stream = [this](std::shared_ptr<BodyWriter> w) {
        writer = std::move(w);
        writer->on_closed([this] { ++closed; });
        if (begin) begin();
      };
      respond(std::move(response));
    });
    server->route("GET", "/hello",
                  [](Request, Respond respond) { respond(Response::text("hi")); });
    ASSERT_TRUE(server->listen({"", 80}, nullptr));
    wire = world.dial();
  }
  void TearDown() override { begin = nullptr; }
  void write(std::string_view text) { writer->write(base::as_bytes(text)); }
  void finish() {
    writer->finish();
    writer.reset();
  }

  TestWorld world;
  std::optional<std::uint64_t> length;
  std::function<void()> begin;
  int closed = 0;
  std::shared_ptr<BodyWriter> writer;
  std::unique_ptr<Server> server;
  std::shared_ptr<Wire> wire;
};

TEST_F(StreamedBody, GoesOutInChunksAndTheConnectionLivesOn) {
  wire->receive(get);
  EXPECT_THAT(wire->sent, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(wire->sent, Not(HasSubstr("Content-Length")));
  write("hello");
  write("");
  write(std::string(26, 'x'));
  finish();
  EXPECT_EQ(body_of(wire->take()),
            "5\r\nhello\r\n1a\r\n" + std::string(26, 'x') + "\r\n0\r\n\r\n");
  wire->receive("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(wire->take()), "hi");
  EXPECT_EQ(closed, 0);
}

TEST_F(StreamedBody, OfAnAnnouncedLengthGoesOutAsItIs) {
  length = 8;
  wire->receive(get);
  write("hello");
  write("you and more");
  finish();
  EXPECT_THAT(wire->sent, HasSubstr("Content-Length: 8\r\n"));
  EXPECT_EQ(body_of(wire->take()), "helloyou");
  wire->receive("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(wire->take()), "hi");
}

TEST_F(StreamedBody, IsNotMadeForHead) {
  length = 1'000'000;
  wire->receive(head);
  EXPECT_THAT(wire->take(), HasSubstr("Content-Length: 1000000\r\n"));
  length.reset();
  wire->receive(head);
  EXPECT_THAT(wire->sent, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(body_of(wire->take()), "");
  EXPECT_EQ(writer, nullptr);
  EXPECT_FALSE(wire->closing);
}

TEST_F(StreamedBody, EndsWithTheConnectionForAnOldClient) {
  wire->receive(get_1_0);
  write("old");
  EXPECT_THAT(wire->sent, HasSubstr("Connection: close\r\n"));
  finish();
  EXPECT_EQ(body_of(wire->sent), "old");
  EXPECT_TRUE(wire->closing);
}

TEST_F(StreamedBody, MayBeFinishedAtOnce) {
  begin = [this] {
    write("quick");
    finish();
  };
  wire->receive(get + get);
  EXPECT_EQ(wire->sent.find("quick"), wire->sent.find("5\r\nquick") + 3);
  EXPECT_NE(wire->sent.find("quick"), wire->sent.rfind("quick"));
  EXPECT_THAT(wire->sent, EndsWith("0\r\n\r\n"));
}

TEST_F(StreamedBody, KeepsWhatIsPipelinedBehindIt) {
  wire->receive(get + "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(wire->paused);
  write("x");
  EXPECT_THAT(wire->sent, Not(HasSubstr("hi")));
  finish();
  EXPECT_THAT(wire->sent, EndsWith("hi"));
  EXPECT_FALSE(wire->paused);
}

TEST_F(StreamedBody, DroppedUnfinishedEndsTheConnection) {
  wire->receive(get);
  write("half");
  writer.reset();
  EXPECT_TRUE(wire->gone);
  EXPECT_EQ(server->stats().open, 0U);
  EXPECT_EQ(closed, 0);

  const auto within = world.dial();
  begin = [this] { writer.reset(); };
  within->receive(get + get);
  EXPECT_TRUE(within->gone);
  EXPECT_EQ(server->stats().open, 0U);
}

TEST_F(StreamedBody, ShorterThanAnnouncedEndsTheConnection) {
  length = 10;
  wire->receive(get);
  write("short");
  finish();
  EXPECT_TRUE(wire->gone);
}

TEST_F(StreamedBody, TellsWhenItsClientIsGone) {
  wire->receive(get);
  write("x");
  wire->close();
  EXPECT_EQ(closed, 1);
  write("nobody hears");
  EXPECT_EQ(writer->unsent(), 0U);
  finish();
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(server->stats().open, 0U);
}

TEST_F(StreamedBody, TellsEachTimeAllIsTaken) {
  int drained = 0;
  wire->receive(get);
  writer->on_drained([&] { ++drained; });
  world.advance(1ms);
  EXPECT_EQ(drained, 1);  // nothing is unsent
  wire->held = 10;        // too little for the stream to tell
  write("0123456789");
  EXPECT_EQ(writer->unsent(), 10U);
  world.advance(100ms);
  EXPECT_EQ(drained, 1);
  wire->held = 0;
  world.advance(100ms);
  EXPECT_EQ(drained, 2);
  wire->held = 100'000;  // enough
  write("x");
  world.advance(100ms);
  EXPECT_EQ(drained, 2);
  wire->drain();
  EXPECT_EQ(drained, 3);
  world.advance(1s);
  EXPECT_EQ(drained, 3);
}

TEST_F(StreamedBody, MayBeWrittenAndDroppedFromItsOwnCallbacks) {
  int turns = 0;
  wire->receive(get);
  writer->on_drained([&] {
    if (++turns < 4) {
      write("x");
    } else {
      writer.reset();
    }
  });
  world.advance(10ms);
  EXPECT_EQ(turns, 4);
  EXPECT_TRUE(wire->gone);
}

TEST_F(StreamedBody, WaitsForItsMakerAndDropsAClientThatTakesNothing) {
  wire->receive(get);
  world.advance(10min);
  EXPECT_FALSE(wire->gone);  // nothing is unsent: nobody is late
  wire->held = 1000;
  write(std::string(1000, 'x'));
  world.advance(4s);
  wire->held = 900;  // slow, but it moves
  world.advance(4s);
  EXPECT_FALSE(wire->gone);
  EXPECT_EQ(closed, 0);
  world.advance(12s);
  EXPECT_TRUE(wire->gone);
  EXPECT_EQ(closed, 1);
}

TEST_F(StreamedBody, WithoutALengthIsCutWhenTheServerCloses) {
  wire->receive(get);
  write("x");
  const auto counted = world.dial();
  const auto endless = std::exchange(writer, nullptr);
  length = 3;
  counted->receive(get);
  bool done = false;
  server->close([&] { done = true; });
  EXPECT_EQ(closed, 1);
  EXPECT_TRUE(wire->closing);
  EXPECT_FALSE(counted->closing);
  world.settle({wire});
  EXPECT_FALSE(done);
  write("abc");
  finish();
  EXPECT_THAT(counted->sent, EndsWith("\r\n\r\nabc"));
  EXPECT_TRUE(counted->closing);
  world.settle({counted});
  EXPECT_TRUE(done);
}

TEST_F(StreamedBody, OutlivesItsServerWithoutHarm) {
  wire->receive(get);
  server.reset();
  EXPECT_EQ(closed, 1);
  write("x");
  finish();
  EXPECT_EQ(world.timers(), 0U);
}

}  // namespace
}  // namespace selvedge::net::http
