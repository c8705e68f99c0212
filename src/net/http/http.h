// HTTP: a small server and a client that fetches many URLs at once, over os::Stream.
//
// HTTP/1.1 with keep-alive, pipelining answered in order, chunked bodies both ways, limits on head
// and body, time-outs on both. The server hands over whole requests and takes whole responses; a
// handler may answer later, from the loop thread. WebSocket upgrade is passed on as a raw stream.
//
// Parsing is Boost.Beast's, inside the .cc files. Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "os/world.h"

namespace selvedge::net::http {

struct Request {
  std::string method;                    // "GET"
  std::string path;                      // decoded, without the query: "/api/v1/query"
  std::vector<std::pair<std::string, std::string>> query;    // decoded, in order
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  const os::Peer* peer = nullptr;        // valid while the handler runs

  std::string_view header(std::string_view lower_case_name) const;   // "" if absent
  std::optional<std::string_view> parameter(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  static Response json(std::string body, int status = 200);
  static Response text(std::string body, int status = 200);
  // RFC 9457 problem details, from an error of ours.
  static Response problem(const base::Error& error);
};

// Call exactly once; later calls are ignored. Harmless after the connection is gone.
using Respond = std::function<void(Response)>;
using Handler = std::function<void(Request request, Respond respond)>;
// Gets the stream after an accepted WebSocket handshake, with bytes already received.
using Upgrade = std::function<void(std::unique_ptr<os::Stream> stream, const Request& request,
                                   base::Bytes early)>;

struct ServerLimits {
  std::uint32_t head_bytes = 16 << 10;
  std::uint64_t body_bytes = 16 << 20;
  std::uint32_t connections = 4096;
  std::uint64_t bodies_in_memory = 64 << 20;     // of all connections; beyond it 503
  base::Duration idle_timeout = std::chrono::seconds(60);
  base::Duration request_timeout = std::chrono::seconds(30);
};

class Server {
 public:
  Server(os::World& world, ServerLimits limits);
  ~Server();

  // Exact path, or a prefix if it ends in "/*". Method "*" takes any. The most exact wins.
  // Unknown paths get 404, known paths with another method 405 with Allow.
  void route(std::string_view method, std::string_view path, Handler handler);
  // WebSocket (RFC 6455) on `path` for `subprotocol`.
  void websocket(std::string_view path, std::string_view subprotocol, Upgrade upgrade);

  base::Result<std::uint16_t> listen(const os::Endpoint& at, std::shared_ptr<os::Tls> tls);
  // Stops listening, lets running requests finish, closes; `done` when empty.
  void close(std::function<void()> done);

  struct Stats {
    std::uint64_t connections = 0, requests = 0, bad_requests = 0;
  };
  const Stats& stats() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// ---- client ----

struct Url {
  std::string scheme, host;              // http or https
  std::uint16_t port = 0;
  std::string target;                    // path and query, at least "/"
};
base::Result<Url> parse_url(std::string_view text);

struct Fetch {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

struct Fetched {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  base::Duration took{};

  std::string_view header(std::string_view lower_case_name) const;
};

struct ClientLimits {
  std::uint32_t connections = 1024;      // in all
  std::uint32_t connections_per_host = 1024;
  std::uint64_t body_bytes = 16 << 20;
  base::Duration timeout = std::chrono::seconds(10);         // of a whole request
  base::Duration idle_timeout = std::chrono::seconds(15);    // kept-alive connections
};

// Fetches any number of URLs at once, within its limits; more wait their turn.
class Client {
 public:
  // `tls` is used for https; null refuses https.
  Client(os::World& world, ClientLimits limits, std::shared_ptr<os::Tls> tls);
  ~Client();                             // outstanding fetches end with Code::unavailable

  using Done = std::function<void(base::Result<Fetched>)>;
  void fetch(Fetch what, Done done);     // done is never called within this call

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// The results stand in the order of the requests.
void fetch_all(Client& client, std::vector<Fetch> what,
               std::function<void(std::vector<base::Result<Fetched>>)> done);

}  // namespace selvedge::net::http
