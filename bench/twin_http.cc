// What a durable change of a twin costs over loopback HTTP with kept connections: the store with its
// group commit, the routes and the server as a node and the cloud run them, in a process of its own
// whose CPU time is counted; the load comes from this one.
//
//   twin_http --dir DIR [--twins N] [--seconds S] [--connections N] [--rate N] [--json]
//
// Closed loop: every connection sends its next PATCH when it has the answer to the last; a server's CPU
// time a request is what a core could do. Then an open loop at a fixed rate for latencies: a request's
// time runs from when it was due, so that a stall counts for all it delays.

#include <csignal>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "net/http/http.h"
#include "os/world.h"
#include "store/twin_store.h"
#include "things/http_routes.h"

using namespace selvedge;

namespace {

struct Options {
  std::string dir;
  int twins = 10'000, seconds = 4, connections = 64, rate = 10'000;
  bool json = false;
};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "twin_http: %s\n", why.c_str());
  std::exit(1);
}

template <typename T>
T must(base::Result<T> result) {
  if (!result) give_up(result.error().message);
  return std::move(*result);
}

std::string id_of(int i) { return "edge-1:device-" + std::to_string(i); }

// ---- the server ----

[[noreturn]] void serve(const Options& options, int port_out) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  base::log::set_level(base::log::Level::warn);
  auto world = must(os::RealWorld::create());
  const std::string path = options.dir + "/twin_http_bench";
  std::filesystem::remove_all(path);
  auto twins = must(store::TwinStore::open(*world, path, "edge-1", {}));
  for (int i = 0; i < options.twins; ++i)
    must(twins->edit(id_of(i), {engine::TwinEdit::Kind::put, "",
                                R"({"attributes":{"place":"hall-2","serial":"4711-0815"},"features":{"boiler":)"
                                R"({"properties":{"temp":20.5,"on":true},"desiredProperties":{"temp":21}}}})"},
                     {}));
  net::http::Server server(*world, {});
  const net::api::Caller caller{net::api::Caller::Kind::local, "", net::api::Right::administer, "127.0.0.1"};
  things::TwinRoutes routes{.world = *world,
                            .twins = *twins,
                            .identify = [caller](const net::http::Request&, const auto& told) { told(caller); },
                            .audit = {},
                            .here = [] { return std::string("edge-1"); },
                            .history = {},
                            .send = {}};
  const auto api = things::add_twin_routes(server, std::move(routes));
  const std::uint16_t port = must(server.listen({"127.0.0.1", 0}, nullptr));
  twins->commit([&] { if (write(port_out, &port, sizeof port) != sizeof port) std::_Exit(1); });
  const std::array<int, 1> signals{SIGTERM};
  world->run(signals);
  std::filesystem::remove_all(path);
  std::_Exit(0);
}

// Seconds of user and system time of a process.
double cpu_of(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(in)), {});
  text.erase(0, text.rfind(')') + 2);
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return (std::stod(words.at(11)) + std::stod(words.at(12))) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

// ---- the load ----

struct Row {
  std::string name;
  double per_second = 0, server_cpu_us = 0, p50_ms = 0, p99_ms = 0;
  std::uint64_t requests = 0, failed = 0;
};

class Load {
 public:
  Load(os::RealWorld& world, const Options& options, std::uint16_t port, pid_t server)
      : world_(world), options_(options), server_(server), url_("http://127.0.0.1:" + std::to_string(port)) {
    net::http::ClientLimits limits;
    limits.connections = limits.connections_per_host = static_cast<std::uint32_t>(options.connections);
    limits.waiting = 1'000'000;
    client_ = std::make_unique<net::http::Client>(world, limits, nullptr);
  }

  enum class Method : std::uint8_t { patch, put, get };

  Row closed(const std::string& name, Method method) {
    run_closed(method, 500'000'000);   // warms up: connections, caches, the log's file
    return run_closed(method, options_.seconds * 1'000'000'000LL, name);
  }

  Row open(const std::string& name, Method method) {
    begin();
    const base::Instant start = world_.loop().now();
    const base::Duration length = std::chrono::seconds(options_.seconds);
    std::int64_t due = 0;
    const auto tick = [&](const auto& self) -> void {
      const base::Duration past = world_.loop().now() - start;
      const std::int64_t until = std::min(past, length).count() * options_.rate / 1'000'000'000;
      for (; due < until; ++due)
        send(method, start + base::Duration(due * 1'000'000'000 / options_.rate), [] {});
      if (past >= length) { finish_when_idle(); return; }
      world_.loop().after(std::chrono::microseconds(500), [&] { self(self); });
    };
    tick(tick);
    world_.run({});
    return end(name);
  }

 private:
  Row run_closed(Method method, std::int64_t ns, const std::string& name = "") {
    begin();
    const base::Instant stop = world_.loop().now() + base::Duration(ns);
    std::function<void()> next = [&] {
      if (world_.loop().now() < stop) send(method, world_.loop().now(), next);
      else finish_when_idle();
    };
    for (int i = 0; i < options_.connections; ++i) next();
    world_.run({});
    return end(name);
  }

  void begin() {
    times_.clear();
    failed_ = 0;
    cpu_ = cpu_of(server_);
    began_ = world_.loop().now();
  }

  Row end(const std::string& name) {
    const double seconds = static_cast<double>((world_.loop().now() - began_).count()) * 1e-9;
    std::ranges::sort(times_);
    const auto at = [&](double share) {
      if (times_.empty()) return 0.0;
      return times_[static_cast<std::size_t>(share * static_cast<double>(times_.size() - 1))];
    };
    const auto count = static_cast<double>(times_.size());
    return {name, count / seconds, (cpu_of(server_) - cpu_) / count * 1e6, at(0.5), at(0.99), times_.size(),
            failed_};
  }

  void finish_when_idle() {
    if (under_way_ == 0) world_.stop();
    else stopping_ = true;
  }

  void send(Method method, base::Instant due, std::function<void()> then) {
    net::http::Fetch fetch;
    number_ = number_ * 6364136223846793005ULL + 1442695040888963407ULL;
    const std::string id = id_of(static_cast<int>((number_ >> 33) % static_cast<unsigned>(options_.twins)));
    const std::string value = std::to_string((number_ >> 20) & 0xFFFF) + ".5";
    fetch.url = url_ + "/api/2/things/" + id;
    if (method == Method::patch) {
      fetch.method = "PATCH";
      fetch.headers = {{"content-type", "application/merge-patch+json"}};
      fetch.body = R"({"features":{"boiler":{"properties":{"temp":)" + value + "}}}}";
    } else if (method == Method::put) {
      fetch.method = "PUT";
      fetch.url += "/features/boiler/desiredProperties/temp";
      fetch.body = value;
    }
    ++under_way_;
    client_->fetch(std::move(fetch), [this, due, then = std::move(then)](base::Result<net::http::Fetched> got) {
      --under_way_;
      if (!got || got->status >= 300) ++failed_;
      times_.push_back(static_cast<double>((world_.loop().now() - due).count()) * 1e-6);
      then();
      if (stopping_ && under_way_ == 0) {
        stopping_ = false;
        world_.stop();
      }
    });
  }

  os::RealWorld& world_;
  const Options& options_;
  pid_t server_;
  std::string url_;
  std::unique_ptr<net::http::Client> client_;
  std::uint64_t number_ = 1, failed_ = 0;
  std::size_t under_way_ = 0;
  bool stopping_ = false;
  double cpu_ = 0;
  base::Instant began_{};
  std::vector<double> times_;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    const auto number = [&] {
      const auto value = i + 1 < argc ? base::parse_int(argv[++i]) : std::nullopt;
      if (!value || *value < 1) give_up(std::string(arg) + ": expected a number above 0");
      return static_cast<int>(*value);
    };
    if (arg == "--json") options.json = true;
    else if (arg == "--dir" && i + 1 < argc) options.dir = argv[++i];
    else if (arg == "--twins") options.twins = number();
    else if (arg == "--seconds") options.seconds = number();
    else if (arg == "--connections") options.connections = number();
    else if (arg == "--rate") options.rate = number();
    else give_up("usage: twin_http --dir DIR [--twins N] [--seconds S] [--connections N] [--rate N] [--json]");
  }
  if (options.dir.empty()) give_up("--dir DIR is needed");
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) give_up("pipe failed");
  const pid_t server = fork();
  if (server == 0) serve(options, pipe_ends[1]);
  std::uint16_t port = 0;
  close(pipe_ends[1]);
  if (read(pipe_ends[0], &port, sizeof port) != sizeof port) give_up("the server did not start");
  std::vector<Row> rows;
  {
    auto world = must(os::RealWorld::create());
    Load load(*world, options, port, server);
    rows.push_back(load.closed("PATCH of one property, durable", Load::Method::patch));
    rows.push_back(load.closed("PUT of one wish, durable", Load::Method::put));
    rows.push_back(load.closed("GET of a twin", Load::Method::get));
    rows.push_back(load.open("PATCH at " + std::to_string(options.rate) + " a second", Load::Method::patch));
  }
  kill(server, SIGTERM);
  waitpid(server, nullptr, 0);
  if (options.json) {
    base::JsonWriter json;
    json.begin_object().field("connections", options.connections).field("twins", options.twins);
    json.key("rows").begin_array();
    for (const Row& row : rows)
      json.begin_object()
          .field("name", row.name)
          .field("requests", row.requests)
          .field("failed", row.failed)
          .field("per_second", row.per_second)
          .field("server_cpu_us", row.server_cpu_us)
          .field("per_server_core_second", 1e6 / row.server_cpu_us)
          .field("p50_ms", row.p50_ms)
          .field("p99_ms", row.p99_ms)
          .end_object();
    json.end_array().end_object();
    std::printf("%s\n", json.text().c_str());
  } else {
    std::printf("%-32s %10s %12s %14s %8s %8s %7s\n", "what", "a second", "CPU us each", "a core-second", "p50 ms",
                "p99 ms", "failed");
    for (const Row& row : rows)
      std::printf("%-32s %10.0f %12.1f %14.0f %8.2f %8.2f %7llu\n", row.name.c_str(), row.per_second,
                  row.server_cpu_us, 1e6 / row.server_cpu_us, row.p50_ms, row.p99_ms,
                  static_cast<unsigned long long>(row.failed));
  }
  return std::ranges::any_of(rows, [](const Row& row) { return row.failed > 0; }) ? 1 : 0;
}
