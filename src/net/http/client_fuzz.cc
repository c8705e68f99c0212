// Arbitrary bytes as a server's answers, cut where the input says: byte 0xFF followed by a length
// starts a new cut. Each request is answered exactly once, and its body keeps to the limit; of two
// that take their answers piece by piece, one cancels itself and is never answered.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "net/http/http.h"
#include "net/http/test_world.h"

namespace http = selvedge::net::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  http::test::TestWorld world;
  http::ClientLimits limits;
  limits.body_bytes = 1000;
  limits.connections = 2;
  std::vector<int> answered(4);
  {
    http::Client client(world, limits, nullptr);
    for (std::size_t i = 0; i < answered.size(); ++i) {
      client.fetch({i == 1   ? "HEAD"
                    : i == 2 ? "POST"
                             : "GET",
                    "http://server/a",
                    {},
                    ""},
                   [&answered, i](selvedge::base::Result<http::Fetched> result) {
                     ++answered[i];
                     if (result && result->body.size() > 1000) std::abort();
                   });
    }
    bool cancelled = false;
    http::Transfer transfer;
    http::Fetch streamed{"GET", "http://server/b", {}, ""};
    streamed.on_head = [](const http::Fetched& head) {
      if (head.status < 200) std::abort();
    };
    streamed.on_body = [&](selvedge::base::BytesView piece) {
      if (piece.empty()) std::abort();
    };
    client.fetch(streamed, [](const selvedge::base::Result<http::Fetched>& result) {
      if (result && !result->body.empty()) std::abort();
    });
    streamed.on_body = [&](selvedge::base::BytesView) {
      if (cancelled) std::abort();
      cancelled = true;
      transfer.cancel();
    };
    transfer = client.fetch(streamed, [&](const selvedge::base::Result<http::Fetched>&) {
      if (cancelled) std::abort();
    });
    std::size_t next = 0;
    for (std::size_t at = 0; at < size;) {
      std::size_t count = size - at;
      if (data[at] == 0xFF && at + 1 < size) {
        count = std::min<std::size_t>(data[at + 1], size - at - 2);
        at += 2;
      }
      if (next == world.dialed.size()) break;
      const auto wire = world.dialed[next];
      if (wire->sent.empty()) wire->open();
      wire->receive({reinterpret_cast<const char*>(data) + at, count});
      at += count;
      if (count == 0) wire->close();
      if (wire->gone) ++next;
      world.advance(std::chrono::milliseconds(1));
    }
    if (next < world.dialed.size()) world.dialed[next]->close();
  }
  for (const int times : answered) {
    if (times != 1) std::abort();
  }
  return 0;
}
