// From the handshake to bytes and back: a server's upgrade, read as a plain stream.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "codec/websocket/frame.h"
#include "net/http/handshake.h"
#include "net/http/http.h"
#include "net/http/test_world.h"
#include "net/http/websocket_stream.h"

namespace selvedge::net::http {
namespace {

using namespace std::chrono_literals;
using codec::websocket::append_close;
using codec::websocket::append_frame;
using codec::websocket::CloseCode;
using codec::websocket::Fin;
using codec::websocket::Opcode;
using codec::websocket::Role;
using test::TestWorld;
using test::Wire;
using testing::HasSubstr;
using testing::StartsWith;

constexpr codec::websocket::Mask mask{1, 2, 3, 4};

// Keeps what a stream says.
struct Listener final : os::StreamEvents {
  void take(std::unique_ptr<os::Stream> s) {
    stream = std::move(s);
    stream->set_events(*this);
  }
  void on_bytes(os::Stream&, base::BytesView bytes) override {
    got += base::as_text(bytes);
    if (pause_after > 0 && got.size() >= pause_after) stream->pause();
    if (destroy_after > 0 && got.size() >= destroy_after) stream.reset();
  }
  void on_close(os::Stream&, const base::Error& why) override { closed = why.message; }

  std::unique_ptr<os::Stream> stream;
  std::string got;
  std::string closed;
  std::size_t pause_after = 0, destroy_after = 0;
};

std::string frame(Opcode opcode, Fin fin, std::string_view payload) {
  base::Bytes bytes;
  append_frame(bytes, opcode, fin, base::as_bytes(payload), mask);
  return std::string(base::as_text(bytes));
}

std::string plain_frame(Opcode opcode, std::string_view payload) {
  base::Bytes bytes;
  append_frame(bytes, opcode, Fin::last, base::as_bytes(payload));
  return std::string(base::as_text(bytes));
}

std::string close_frame(CloseCode code, std::string_view reason = "") {
  base::Bytes bytes;
  append_close(bytes, code, reason, mask);
  return std::string(base::as_text(bytes));
}

// The code of the close frame that stands last in what a server sent.
int close_code(const std::string& sent) {
  const std::size_t at = sent.rfind('\x88');
  if (at == std::string::npos || at + 4 > sent.size()) return 0;
  return static_cast<unsigned char>(sent[at + 2]) << 8 | static_cast<unsigned char>(sent[at + 3]);
}

const std::string handshake =
    "GET /mqtt HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n\r\n";

class WebSocketServer : public testing::Test {
 protected:
  void SetUp() override {
    server.websocket(
        "/mqtt", "mqtt",
        [this](std::unique_ptr<os::Stream> stream, const Request& request, base::Bytes early) {
          EXPECT_EQ(request.path, "/mqtt");
          listener.take(websocket_stream(world, std::move(stream), Role::server, std::move(early)));
        });
    ASSERT_TRUE(server.listen({"", 80}, nullptr));
    wire = world.dial();
  }

  void shake_hands(std::string_view behind = "") {
    wire->receive(handshake + std::string(behind));
    EXPECT_THAT(wire->take(), StartsWith("HTTP/1.1 101 "));
    world.advance(0ms);
  }

  TestWorld world;
  Server server{world, {}};
  Listener listener;
  std::shared_ptr<Wire> wire;
};

TEST(WebSocketHandshake, ComputesTheKeyOfTheStandard) {
  EXPECT_EQ(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_F(WebSocketServer, ShakesHands) {
  wire->receive(handshake);
  EXPECT_THAT(wire->sent, StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  for (const char* part :
       {"Upgrade: websocket\r\n", "Connection: Upgrade\r\n", "Sec-WebSocket-Protocol: mqtt\r\n",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"}) {
    EXPECT_THAT(wire->sent, HasSubstr(part));
  }
  EXPECT_THAT(wire->sent, testing::Not(HasSubstr("Content-Length")));
  EXPECT_EQ(server.stats().open, 0U);  // no longer the server's
}

TEST_F(WebSocketServer, RefusesHandsThatDoNotFit) {
  const auto without = [](const std::string& what, const std::string& instead) {
    std::string request = handshake;
    request.replace(request.find(what), what.size(), instead);
    return request;
  };
  const std::vector<std::pair<std::string, const char*>> cases{
      {without("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"), "HTTP/1.1 426 "},
      {without("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), "HTTP/1.1 400 "},
      {without("mqttv3.1, mqtt", "chat"), "HTTP/1.1 400 "},
      {without("GET /mqtt", "POST /mqtt"), "HTTP/1.1 400 "},
      {without("Upgrade: WebSocket\r\n", ""), "HTTP/1.1 426 "},
      {without("/mqtt ", "/other "), "HTTP/1.1 404 "},
  };
  for (const auto& [request, begins] : cases) {
    const auto other = world.dial();
    other->receive(request);
    EXPECT_THAT(other->sent, StartsWith(begins)) << request;
  }
  EXPECT_EQ(listener.stream, nullptr);
}

TEST_F(WebSocketServer, CarriesBytesWhateverTheCuts) {
  const std::string bytes =
      frame(Opcode::binary, Fin::more, "one") + frame(Opcode::ping, Fin::last, "p") +
      frame(Opcode::continuation, Fin::more, "") + frame(Opcode::continuation, Fin::last, "two") +
      frame(Opcode::binary, Fin::last, std::string(70'000, 'x'));
  shake_hands();
  wire->receive(bytes);
  EXPECT_EQ(listener.got, "onetwo" + std::string(70'000, 'x'));
  EXPECT_EQ(wire->take(), plain_frame(Opcode::pong, "p"));
  for (const char byte : bytes.substr(0, 40)) wire->receive({&byte, 1});
  EXPECT_EQ(listener.got.size(), 70'006U + 6U);
}

TEST_F(WebSocketServer, FramesWhatIsWritten) {
  shake_hands();
  listener.stream->write(base::as_bytes("hello"));
  EXPECT_EQ(wire->take(), plain_frame(Opcode::binary, "hello"));
  EXPECT_EQ(listener.stream->peer().address, "192.0.2.1:4711");
  wire->held = 100;
  EXPECT_EQ(listener.stream->unsent(), 100U);
}

TEST_F(WebSocketServer, DeliversWhatCameRightBehindTheHandshake) {
  shake_hands(frame(Opcode::binary, Fin::last, "early") + frame(Opcode::binary, Fin::more, "bi"));
  EXPECT_EQ(listener.got, "earlybi");
  wire->receive(frame(Opcode::continuation, Fin::last, "rds"));
  EXPECT_EQ(listener.got, "earlybirds");
}

TEST_F(WebSocketServer, KeepsEarlyBytesBeforeLaterOnes) {
  wire->receive(handshake + frame(Opcode::binary, Fin::last, "first"));
  wire->receive(frame(Opcode::binary, Fin::last, "second"));  // within the same turn
  EXPECT_EQ(listener.got, "");
  world.advance(0ms);
  EXPECT_EQ(listener.got, "firstsecond");
  EXPECT_FALSE(wire->paused);
}

TEST_F(WebSocketServer, HoldsBytesWhilePaused) {
  shake_hands();
  listener.pause_after = 3;
  wire->receive(frame(Opcode::binary, Fin::last, "abc") + frame(Opcode::binary, Fin::last, "def"));
  EXPECT_EQ(listener.got, "abc");
  EXPECT_TRUE(wire->paused);
  listener.pause_after = 0;
  listener.stream->resume();
  world.advance(0ms);
  EXPECT_EQ(listener.got, "abcdef");
  EXPECT_FALSE(wire->paused);
}

TEST_F(WebSocketServer, MayBeDestroyedWithinItsEvents) {
  shake_hands();
  listener.destroy_after = 1;
  wire->receive(frame(Opcode::binary, Fin::last, "a") + frame(Opcode::binary, Fin::last, "b"));
  EXPECT_EQ(listener.got, "a");
  EXPECT_TRUE(wire->gone);
}

TEST_F(WebSocketServer, MayBeDestroyedBeforeEarlyBytesWereDelivered) {
  wire->receive(handshake + frame(Opcode::binary, Fin::last, "early"));
  listener.stream.reset();
  world.advance(0ms);
  EXPECT_EQ(listener.got, "");
}

TEST_F(WebSocketServer, ClosesWithTheCodeThatFits) {
  const std::vector<std::pair<std::string, int>> cases{
      {close_frame(CloseCode::going_away, "bye"), 1001},
      {close_frame(CloseCode::none_given), 1000},
      {frame(Opcode::text, Fin::last, "text"), 1003},
      {plain_frame(Opcode::binary, "unmasked"), 1002},
  };
  for (const auto& [bytes, code] : cases) {
    wire = world.dial();
    shake_hands();
    wire->receive(bytes + frame(Opcode::binary, Fin::last, "late"));
    EXPECT_EQ(close_code(wire->sent), code);
    EXPECT_TRUE(wire->closing);
    EXPECT_EQ(listener.got, "");
    wire->receive(frame(Opcode::binary, Fin::last, "later"));
    wire->close();
    EXPECT_NE(listener.closed, "");
    listener.stream.reset();
  }
}

TEST_F(WebSocketServer, SendsACloseFrameOfItsOwn) {
  shake_hands();
  listener.stream->close();
  EXPECT_EQ(close_code(wire->sent), 1000);
  EXPECT_TRUE(wire->closing);
  listener.stream->write(base::as_bytes("late"));
  EXPECT_EQ(wire->sent.size(), 4U);
}

TEST_F(WebSocketServer, StopsAnsweringPingsNobodyReads) {
  shake_hands();
  wire->held = 100'000;
  wire->receive(frame(Opcode::ping, Fin::last, "p"));
  EXPECT_EQ(wire->sent, "");
}

TEST(WebSocketStream, SpeaksToItsOwnKind) {
  TestWorld world;
  const auto left_wire = std::make_shared<Wire>(), right_wire = std::make_shared<Wire>();
  Listener left, right;
  left.take(websocket_stream(world, std::make_unique<test::WireStream>(left_wire), Role::client));
  right.take(websocket_stream(world, std::make_unique<test::WireStream>(right_wire), Role::server));
  std::string all;
  for (std::size_t size : {1U, 125U, 126U, 65535U, 65536U, 100'000U}) {
    const std::string text(size, static_cast<char>('a' + size % 26));
    all += text;
    left.stream->write(base::as_bytes(text));
    const std::string sent = left_wire->take();
    for (std::size_t at = 0; at < sent.size(); at += 1009)
      right_wire->receive(sent.substr(at, 1009));
    right.stream->write(base::as_bytes(text));
    left_wire->receive(right_wire->take());
  }
  EXPECT_TRUE(right.got == all);
  EXPECT_TRUE(left.got == all);
}

}  // namespace
}  // namespace selvedge::net::http
