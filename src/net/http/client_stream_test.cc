// Answers that come piece by piece: order, memory, pausing, cancelling, time.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "net/http/http.h"
#include "net/http/test_world.h"

namespace selvedge::net::http {
namespace {

using namespace std::chrono_literals;
using test::TestWorld;
using test::Wire;
using testing::HasSubstr;
using testing::StartsWith;

class HttpClientStream : public testing::Test {
 protected:
  void start(ClientLimits limits = {}) {
    limits.body_bytes = 10;  // counts for answers that are gathered, not for these
    client = std::make_unique<Client>(world, limits, nullptr);
  }
  void get(std::string method = "GET") {
    Fetch what;
    what.method = std::move(method);
    what.url = "http://server/a";
    what.on_head = [this](const Fetched& head) {
      story += "head " + std::to_string(head.status) + " " +
               std::string(head.header("content-length")) + ";";
      if (at_head) at_head();
    };
    what.on_body = [this](base::BytesView piece) {
      story += "body " + std::string(base::as_text(piece)) + ";";
      if (at_body) at_body();
    };
    transfer = client->fetch(std::move(what), [this](base::Result<Fetched> result) {
      story += "done ";
      story += result ? std::to_string(result->status) + result->body : result.error().message;
    });
  }
  std::shared_ptr<Wire> wire(std::size_t i = 0) { return world.dialed.at(i); }
  std::string take() { return std::exchange(story, {}); }

  TestWorld world;
  std::unique_ptr<Client> client;
  Transfer transfer;
  std::string story;
  std::function<void()> at_head, at_body;
};

TEST_F(HttpClientStream, HandsOverHeadThenPiecesThenTheEnd) {
  start();
  get();
  wire()->open();
  wire()->receive("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 206 Partial Content\r\nContent-Le");
  EXPECT_EQ(take(), "");
  wire()->receive("ngth: 14\r\n\r\n");
  EXPECT_EQ(take(), "head 206 14;");
  wire()->receive("0123456");
  EXPECT_EQ(take(), "body 0123456;");
  wire()->receive("789abcd");
  EXPECT_EQ(take(), "body 789abcd;done 206");
  EXPECT_FALSE(wire()->gone);
}

TEST_F(HttpClientStream, TakesEveryKindOfFraming) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
       "head 200 ;body abc;done 200"},
      {"HTTP/1.1 200 OK\r\n\r\nabc", "head 200 ;body abc;done 200"},
      {"HTTP/1.1 204 No\r\n\r\n", "head 204 ;done 204"},
      {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "head 404 0;done 404"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
       "head 200 5;body abc;done GET http://server/a: the response is cut short: closed by peer"},
  };
  for (const auto& [bytes, told] : cases) {
    world.dialed.clear();
    start();
    get();
    wire()->open();
    wire()->receive(bytes);
    wire()->close();
    EXPECT_EQ(take(), told) << bytes;
  }
  world.dialed.clear();
  start();
  get("HEAD");
  wire()->open();
  wire()->receive("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(take(), "head 200 5;done 200");
}

TEST_F(HttpClientStream, PausesTheStreamAndNoTimeRunsMeanwhile) {
  ClientLimits limits;
  limits.timeout = 2s;
  start(limits);
  get();
  transfer.pause();
  world.advance(5s);
  EXPECT_EQ(take(), "");
  transfer.resume();
  wire()->open();
  EXPECT_FALSE(wire()->paused);
  at_body = [this] { transfer.pause(); };
  wire()->receive("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
  EXPECT_TRUE(wire()->paused);
  world.advance(1min);
  EXPECT_EQ(take(), "head 200 4;body ab;");
  transfer.resume();
  EXPECT_FALSE(wire()->paused);
  wire()->receive("cd");
  EXPECT_EQ(take(), "body cd;done 200");
  EXPECT_FALSE(wire()->paused);  // for the next request on it
  transfer.pause();
  EXPECT_FALSE(wire()->paused);
}

TEST_F(HttpClientStream, TakesAnyTimeAsLongAsSomethingComes) {
  ClientLimits limits;
  limits.timeout = 2s;
  start(limits);
  get();
  wire()->open();
  wire()->receive("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
  for (int i = 0; i < 50; ++i) {
    world.advance(1900ms);
    wire()->receive("x");
  }
  EXPECT_THAT(take(), testing::Not(HasSubstr("done")));
  world.advance(2100ms);
  EXPECT_THAT(take(), StartsWith("done GET http://server/a: nothing came within 2s"));
  EXPECT_TRUE(wire()->gone);
}

TEST_F(HttpClientStream, EndsWithoutAWordWhenCancelled) {
  start();
  get();
  transfer.cancel();  // while it connects
  EXPECT_TRUE(wire()->gone);
  world.dialed.clear();

  get();
  wire()->open();
  at_head = [this] { transfer.cancel(); };
  wire()->receive("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
  EXPECT_EQ(take(), "head 200 4;");
  EXPECT_TRUE(wire()->gone);
  world.dialed.clear();

  at_head = nullptr;
  get();
  wire()->open();
  at_body = [this] { transfer.cancel(); };
  wire()->receive("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
  EXPECT_EQ(take(), "head 200 2;body ab;");
  world.advance(1h);
  EXPECT_EQ(take(), "");
  transfer.cancel();
  EXPECT_EQ(world.timers(), 0U);
}

TEST_F(HttpClientStream, LeavesTheQueueWhenCancelled) {
  ClientLimits limits;
  limits.connections = 1;
  start(limits);
  get();
  const Transfer first = transfer;
  get();
  transfer.cancel();
  wire()->open();
  wire()->receive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(take(), "head 200 0;done 200");
  EXPECT_EQ(world.dialed.size(), 1U);
}

TEST_F(HttpClientStream, MayDestroyTheClientInACallback) {
  for (const bool in_head : {true, false}) {
    start();
    world.dialed.clear();
    (in_head ? at_head : at_body) = [this] { client.reset(); };
    get();
    wire()->open();
    wire()->receive("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
    EXPECT_EQ(client, nullptr);
    EXPECT_THAT(take(), HasSubstr("done GET http://server/a: the client was shut down"));
    transfer.resume();
    transfer.cancel();
    at_head = at_body = nullptr;
  }
}

}  // namespace
}  // namespace selvedge::net::http
