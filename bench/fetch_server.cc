// fetch_server DELAY_MS: answers every GET with 71 bytes of JSON after DELAY_MS, by timer.
//
// Prints its port on a line of its own and runs until standard input ends, so that the driver that
// started it need not clean up. A process of its own: its CPU is not the client's.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <unistd.h>

#include "net/http/http.h"

namespace {

using namespace selvedge;
namespace http = net::http;

const std::string reading =
    R"({"device":"pump-0042","resource":"temperature","value":21.25,"ok":true})";  // 71 bytes

int serve(int delay_ms) {
  auto world = os::RealWorld::create();
  if (!world) return 1;
  http::Server server(**world, {});
  server.route("GET", "/reading", [&](http::Request, http::Respond respond) {
    const auto answer = [respond = std::move(respond)] {
      respond(http::Response::json(reading));
    };
    if (delay_ms == 0) {
      answer();
    } else {
      (*world)->loop().after(std::chrono::milliseconds(delay_ms), answer);
    }
  });
  const auto port = server.listen({"127.0.0.1", 0}, nullptr);
  if (!port) {
    std::fprintf(stderr, "fetch_server: %s\n", port.error().message.c_str());
    return 1;
  }
  std::printf("%u\n", static_cast<unsigned>(*port));
  std::fflush(stdout);
  std::thread watch([&] {
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) > 0) {
    }
    (*world)->loop().post([&] { (*world)->stop(); });
  });
  (*world)->run({});
  watch.join();
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return serve(argc > 1 ? std::atoi(argv[1]) : 0); }
