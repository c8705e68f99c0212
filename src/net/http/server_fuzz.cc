// Arbitrary bytes into a server, cut where the input says: byte 0xFF followed by a length starts a
// new cut. No crash, no second answer to one request, and nothing kept once the connection is gone.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/http/http.h"
#include "net/http/test_world.h"
#include "net/http/websocket_stream.h"

namespace {

namespace http = selvedge::net::http;
using namespace std::chrono_literals;

// Echoes what comes over an upgraded connection.
struct Echo final : selvedge::os::StreamEvents {
  explicit Echo(std::unique_ptr<selvedge::os::Stream> s) : stream(std::move(s)) {
    stream->set_events(*this);
  }
  void on_bytes(selvedge::os::Stream& s, selvedge::base::BytesView bytes) override {
    s.write(bytes);
  }
  void on_close(selvedge::os::Stream&, const selvedge::base::Error&) override { stream.reset(); }
  std::unique_ptr<selvedge::os::Stream> stream;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  http::test::TestWorld world;
  std::unique_ptr<Echo> echo;
  std::vector<http::Respond> late;
  http::ServerLimits limits;
  limits.head_bytes = 1024;
  limits.body_bytes = 4096;
  limits.bodies_in_memory = 8192;
  http::Server server(world, limits);
  server.route("*", "/now/*", [](http::Request request, http::Respond respond) {
    respond(http::Response::text(request.path + request.body));
  });
  server.route("POST", "/later",
               [&](http::Request, http::Respond respond) { late.push_back(std::move(respond)); });
  server.websocket(
      "/ws", "mqtt",
      [&](std::unique_ptr<selvedge::os::Stream> stream, const http::Request&,
          selvedge::base::Bytes early) {
        echo = std::make_unique<Echo>(http::websocket_stream(
            world, std::move(stream), selvedge::codec::websocket::Role::server, std::move(early)));
      });
  if (!server.listen({"", 80}, nullptr)) std::abort();

  const auto wire = world.dial();
  std::size_t at = 0;
  while (at < size && !wire->closing && !wire->gone) {
    std::size_t count = size - at;
    if (data[at] == 0xFF && at + 1 < size) {
      count = std::min<std::size_t>(data[at + 1], size - at - 2);
      at += 2;
    }
    wire->receive({reinterpret_cast<const char*>(data) + at, count});
    at += count;
    if (wire->paused || count == 0) {
      for (auto& respond : std::exchange(late, {})) respond(http::Response::json("{}"));
    }
    world.advance(1ms);
  }
  for (auto& respond : std::exchange(late, {})) respond(http::Response::json("{}"));
  world.advance(1ms);
  wire->close();
  if (!echo && server.stats().open != 0) std::abort();
  return 0;
}
