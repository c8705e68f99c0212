// os_echo: what a message and an idle connection cost in os/, against a bare epoll loop.
//
//   os_echo echo CONNECTIONS SECONDS [ours|raw|tls|chacha]   64-byte messages, one in flight each
//   os_echo sink CONNECTIONS SECONDS [ours|raw|tls|chacha]   64-byte messages, nothing comes back
//   os_echo idle CONNECTIONS [ours|tls]                      memory of connections at rest
//   os_echo storm CONNECTIONS                                full TLS handshakes, all at once
//
// The server is a process of its own, whose CPU time is what is reported; the client is ours.

#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "crypto/crypto.h"
#include "os/address.h"
#include "os/process.h"
#include "os/world.h"

namespace selvedge::os {
namespace {

using namespace std::chrono_literals;

struct Plan {
  std::string mode, kind = "ours";
  int connections = 1;
  int seconds = 1;
  bool echo() const { return mode == "echo"; }
  bool encrypted() const { return kind == "tls" || kind == "chacha" || mode == "storm"; }
};

// What the server says of itself when it ends.
struct Report {
  double cpu_seconds = 0;
  std::uint64_t messages = 0, turns = 0;
  std::uint64_t heap_bytes = 0, resident_bytes = 0;  // more than before the connections came
};

double cpu_now() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Keys {
  TlsConfig server, client;
};

Keys make_keys(bool chacha) {
  const base::Time now{std::chrono::system_clock::now().time_since_epoch() / 1ns};
  const crypto::Authority authority = crypto::make_authority("bench", now, 24h).value();
  const auto config = [&](crypto::Role role, std::string name, std::vector<std::string> hosts) {
    TlsConfig made;
    made.key = crypto::make_key().value();
    const std::string csr = crypto::make_csr(made.key, name).value();
    made.certificate = crypto::issue(authority, csr,
                                     {.role = role,
                                      .name = name,
                                      .hosts = std::move(hosts),
                                      .not_before = now,
                                      .valid = 1h})
                           .value();
    made.trusted = authority.certificate;
    made.chacha20_only = chacha;
    return made;
  };
  return {config(crypto::Role::cloud, "cloud", {"127.0.0.1"}),
          config(crypto::Role::device, "device", {})};
}

class Serving : public StreamEvents {
 public:
  Serving(const Plan& plan, Report& report) : plan_(plan), report_(report) {}

  void take(std::unique_ptr<Stream> stream) {
    stream->set_events(*this);
    Stream* const key = stream.get();
    streams_.emplace(key, std::move(stream));
  }
  void on_bytes(Stream& stream, base::BytesView bytes) override {
    report_.messages += bytes.size() / 64;
    if (plan_.echo()) stream.write(bytes);
  }
  void on_close(Stream& stream, const base::Error&) override { streams_.erase(&stream); }

 private:
  const Plan& plan_;
  Report& report_;
  std::unordered_map<Stream*, std::unique_ptr<Stream>> streams_;
};

void measure_memory(std::uint64_t& heap, std::uint64_t& resident) {
  const struct mallinfo2 info = mallinfo2();
  heap = info.uordblks;
  resident = process_memory().value().resident_bytes;
}

void serve_ours(const Plan& plan, const Keys& keys, int tell, Report& report) {
  const auto world = RealWorld::create().value();
  Serving serving(plan, report);
  std::shared_ptr<Tls> tls;
  if (plan.encrypted()) tls = world->network().server_tls(keys.server).value();
  const auto listener = world->network()
                            .listen({"127.0.0.1", 0}, tls,
                                    [&](std::unique_ptr<Stream> s) { serving.take(std::move(s)); })
                            .value();
  std::uint64_t heap = 0, resident = 0;
  measure_memory(heap, resident);
  double before = cpu_now();
  const std::uint16_t port = listener->port();
  const std::array signals = {SIGTERM, SIGUSR1};
  std::uint64_t turns = 0;
  world->loop().after(0ms, [&] {
    [[maybe_unused]] const auto told = ::write(tell, &port, sizeof port);
  });
  while (world->run(signals) == SIGUSR1) {  // all are connected: messages count from here
    before = cpu_now();
    report.messages = 0;
    turns = world->stats().turns;
  }
  report.cpu_seconds = cpu_now() - before;
  std::uint64_t heap_after = 0, resident_after = 0;
  measure_memory(heap_after, resident_after);
  report.heap_bytes = heap_after - heap;
  report.resident_bytes = resident_after - resident;
  report.turns = world->stats().turns - turns;
  [[maybe_unused]] const auto told = ::write(tell, &report, sizeof report);
  _exit(0);
}

volatile sig_atomic_t ended = 0, started = 0;

// The floor: one recv and one send a message, nothing else.
void serve_raw(const Plan& plan, int tell, Report& report) {
  struct sigaction action {};
  action.sa_handler = [](int) { ended = 1; };
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = [](int) { started = 1; };
  sigaction(SIGUSR1, &action, nullptr);
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  SocketAddress at = *literal_address({"127.0.0.1", 0});
  socklen_t size = at.size();
  ::bind(listener, &at.generic, size);
  ::listen(listener, 4096);
  ::getsockname(listener, &at.generic, &size);
  const int poll = ::epoll_create1(0);
  epoll_event event{.events = EPOLLIN, .data = {.fd = listener}};
  ::epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  const std::uint16_t port = at.port();
  [[maybe_unused]] auto told = ::write(tell, &port, sizeof port);
  double before = cpu_now();
  std::array<epoll_event, 256> events;
  std::vector<char> buffer(128 << 10);
  while (ended == 0) {
    const int count = ::epoll_wait(poll, events.data(), 256, -1);
    ++report.turns;
    if (started != 0) {
      started = 0;
      before = cpu_now();
      report = {};
    }
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        epoll_event added{.events = EPOLLIN, .data = {.fd = accepted}};
        ::epoll_ctl(poll, EPOLL_CTL_ADD, accepted, &added);
        continue;
      }
      const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (got <= 0) {
        ::close(fd);
        continue;
      }
      report.messages += static_cast<std::uint64_t>(got) / 64;
      if (plan.echo())
        [[maybe_unused]] const ssize_t sent =
            ::send(fd, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
    }
  }
  report.cpu_seconds = cpu_now() - before;
  told = ::write(tell, &report, sizeof report);
  _exit(0);
}

class Client : public StreamEvents {
 public:
  Client(const Plan& plan, RealWorld& world, std::shared_ptr<Tls> tls, std::uint16_t port,
         std::function<void()> all_open)
      : plan_(plan),
        world_(world),
        tls_(std::move(tls)),
        port_(port),
        all_open_(std::move(all_open)) {
    message_.fill('m');
  }

  void begin() {
    for (int i = 0; i < plan_.connections; ++i)
      streams_.push_back(world_.network().connect({"127.0.0.1", port_}, tls_, 120s, *this));
  }
  void on_open(Stream&) override {
    if (++open_ < plan_.connections) return;
    all_open_();
    if (plan_.mode == "sink") pump();
    if (plan_.mode != "echo") return;
    for (const auto& stream : streams_) stream->write(message_);
  }
  void on_bytes(Stream& stream, base::BytesView bytes) override {
    answered_ += bytes.size() / 64;
    stream.write(bytes);
  }
  void on_close(Stream&, const base::Error& why) override {
    std::fprintf(stderr, "closed: %s\n", why.message.c_str());
  }
  std::uint64_t answered() const { return answered_; }

 private:
  // One message on each connection a turn, as devices do that do not wait.
  void pump() {
    for (const auto& stream : streams_)
      if (stream->unsent() < 4096) stream->write(message_);
    world_.loop().after(0ms, [this] { pump(); });
  }

  const Plan& plan_;
  RealWorld& world_;
  std::shared_ptr<Tls> tls_;
  std::uint16_t port_;
  std::function<void()> all_open_;
  std::array<std::uint8_t, 64> message_{};
  std::vector<std::unique_ptr<Stream>> streams_;
  int open_ = 0;
  std::uint64_t answered_ = 0;
};

int run(const Plan& plan) {
  [[maybe_unused]] const auto raised = raise_open_files_limit();
  const Keys keys = plan.encrypted() ? make_keys(plan.kind == "chacha") : Keys{};
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) return 1;
  Report report;
  const pid_t server = ::fork();
  if (server == 0) {
    if (plan.kind == "raw")
      serve_raw(plan, pipe[1], report);
    else
      serve_ours(plan, keys, pipe[1], report);
  }
  std::uint16_t port = 0;
  [[maybe_unused]] auto got = ::read(pipe[0], &port, sizeof port);
  const auto world = RealWorld::create().value();
  std::shared_ptr<Tls> tls;
  if (plan.encrypted()) tls = world->network().client_tls(keys.client).value();
  base::Instant start{};
  const bool timed = plan.echo() || plan.mode == "sink";
  Client client(plan, *world, tls, port, [&] {
    start = world->loop().now();
    if (timed) ::kill(server, SIGUSR1);
    // Without messages: time for the server to come to rest.
    world->loop().after(timed ? base::Duration(std::chrono::seconds(plan.seconds)) : 2s,
                        [&] { world->stop(); });
  });
  client.begin();
  world->run({});
  const double elapsed = static_cast<double>((world->loop().now() - start).count()) * 1e-9;
  ::kill(server, SIGTERM);
  got = ::read(pipe[0], &report, sizeof report);
  ::waitpid(server, nullptr, 0);
  const double connections = plan.connections;
  std::printf("%s %s %d:", plan.mode.c_str(), plan.kind.c_str(), plan.connections);
  if (report.messages > 0)
    std::printf(" %.2f us CPU a message, %.0f messages/s, %.1f a turn",
                report.cpu_seconds * 1e6 / static_cast<double>(report.messages),
                static_cast<double>(report.messages) / elapsed,
                static_cast<double>(report.messages) / static_cast<double>(report.turns));
  else
    std::printf(" %.0f bytes of heap, %.0f of RSS, %.0f us CPU a connection",
                static_cast<double>(report.heap_bytes) / connections,
                static_cast<double>(report.resident_bytes) / connections,
                report.cpu_seconds * 1e6 / connections);
  std::printf("\n");
  return 0;
}

}  // namespace
}  // namespace selvedge::os

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: os_echo echo|sink|idle|storm CONNECTIONS [SECONDS] [KIND]\n");
    return 2;
  }
  selvedge::os::Plan plan;
  plan.mode = argv[1];
  plan.connections = std::atoi(argv[2]);
  const bool timed = plan.mode == "echo" || plan.mode == "sink";
  if (timed && argc > 3) plan.seconds = std::atoi(argv[3]);
  const int kind = timed ? 4 : 3;
  if (argc > kind) plan.kind = argv[kind];
  return selvedge::os::run(plan);
}
