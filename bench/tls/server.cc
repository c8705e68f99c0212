#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <thread>
#include <unordered_map>

#include "os/world.h"
#include "parts.h"

namespace selvedge::bench {
namespace {

constexpr std::size_t piece_bytes = 256 << 10;

class Serving final : public os::StreamEvents {
 public:
  explicit Serving(std::string what) : what_(std::move(what)), piece_(piece_bytes, 0x5A) {}

  void take(std::unique_ptr<os::Stream> stream) {
    stream->set_events(*this);
    os::Stream& kept = *streams_.emplace(stream.get(), std::move(stream)).first->second;
    if (what_ == "bulk") kept.write(piece_);
  }
  void on_bytes(os::Stream& stream, base::BytesView bytes) override {
    if (what_ == "echo") stream.write(bytes);
  }
  void on_drained(os::Stream& stream) override {
    if (what_ == "bulk") stream.write(piece_);
  }
  void on_close(os::Stream& stream, const base::Error&) override { streams_.erase(&stream); }

 private:
  std::string what_;
  base::Bytes piece_;
  std::unordered_map<os::Stream*, std::unique_ptr<os::Stream>> streams_;
};

}  // namespace

int serve(const std::string& folder, const std::string& what, bool chacha) {
  auto config = read_keys(folder, Side::server);
  auto world = os::RealWorld::create();
  if (!config || !world) return 1;
  config->chacha20_only = chacha;
  const auto tls = (*world)->network().server_tls(*config);
  if (!tls) return 1;
  Serving serving(what);
  const auto listener = (*world)->network().listen(
      {"127.0.0.1", 0}, *tls,
      [&](std::unique_ptr<os::Stream> stream) { serving.take(std::move(stream)); });
  if (!listener) return 1;
  std::printf("%u\n", (*listener)->port());
  std::fflush(stdout);
  // Whoever started this closes its standard input when it is over.
  std::thread watcher([&] {
    std::array<char, 64> ignored{};
    while (::read(STDIN_FILENO, ignored.data(), ignored.size()) > 0) {
    }
    (*world)->loop().post([&] { (*world)->stop(); });
  });
  (*world)->run({});
  watcher.join();
  return 0;
}

}  // namespace selvedge::bench
