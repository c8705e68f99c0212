// HTTP: a small server and a client that fetches many URLs at once, over os::Stream.
//
// HTTP/1.1 with keep-alive, pipelining answered in order, chunked bodies both ways, limits on head
// and body, time-outs on both. The server hands over whole requests and takes whole responses, or
// sends a body while it is made; a handler may answer later, from the loop thread. WebSocket upgrade
// is passed on as a raw stream.
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

// A body that is sent while it is made: events, or more bytes than should lie in memory. The
// handler keeps it; dropping it before finish() ends the connection, so that the client sees that
// the body is not whole. So does writing less than the announced length; what is beyond it is left
// out. How much is unsent is the handler's to bound: it looks at unsent() and waits for on_drained.
// A client that takes nothing of what is unsent for ServerLimits::idle_timeout is dropped. When the
// server closes, bodies of a known length are sent to their end, others are cut (on_closed).
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  virtual void write(base::BytesView bytes) = 0;     // copies; nothing happens once closed
  virtual std::size_t unsent() const = 0;            // written and not yet taken by the system
  virtual void on_drained(std::function<void()> told) = 0;   // unsent() fell to nothing; each time
  virtual void on_closed(std::function<void()> told) = 0;    // the client is gone; once
  virtual void finish() = 0;                                 // neither is called after it
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // If set it is called once, after the head was written, and makes the body: of `length` bytes, or
  // chunked if that is not said. Not called for HEAD.
  std::function<void(std::shared_ptr<BodyWriter>)> stream = {};
  std::optional<std::uint64_t> length = {};

  static Response json(std::string body, int status = 200);
  static Response text(std::string body, int status = 200);
  // RFC 9457 problem details, from an error of ours.
  static Response problem(const base::Error& error);
  static Response problem(int status, std::string_view code, std::string_view detail);
};

// Call exactly once; later calls are ignored. Harmless after the connection is gone. Dropping it
// without a call answers 500.
using Respond = std::function<void(Response)>;
using Handler = std::function<void(Request request, Respond respond)>;
// Gets the stream after an accepted WebSocket handshake, with bytes already received. Must give the
// stream its own events before it returns (see websocket_stream.h).
using Upgrade = std::function<void(std::unique_ptr<os::Stream> stream, const Request& request,
                                   base::Bytes early)>;

struct ServerLimits {
  std::uint32_t head_bytes = 16 << 10;
  std::uint64_t body_bytes = 16 << 20;
  std::uint32_t connections = 4096;
  std::uint64_t bodies_in_memory = 64 << 20;     // of all connections; beyond it 503
  // Between requests, and for a client that does not take its answer.
  base::Duration idle_timeout = std::chrono::seconds(60);
  // From the first byte of a request to its last; 408 after that. Handlers have no limit.
  base::Duration request_timeout = std::chrono::seconds(30);
};

class Server {
 public:
  Server(os::World& world, ServerLimits limits);
  ~Server();

  // Exact path, or a prefix if it ends in "/*". Method "*" takes any. The most exact wins.
  // Unknown paths get 404, known paths with another method 405 with Allow. A GET handler serves
  // HEAD too (its body is left out), and OPTIONS is answered from the table unless it has a handler.
  void route(std::string_view method, std::string_view path, Handler handler);
  // WebSocket (RFC 6455) on `path` for `subprotocol` (lower case), which the client must offer.
  void websocket(std::string_view path, std::string_view subprotocol, Upgrade upgrade);

  base::Result<std::uint16_t> listen(const os::Endpoint& at, std::shared_ptr<os::Tls> tls);
  // Ends, once this turn's events are handled, the connections of peers for whom `which` says so:
  // at once, whatever they are in the middle of. For certificates that count no more.
  void end_where(std::function<bool(const os::Peer& peer)> which);
  // Stops listening, lets running requests finish, closes; `done` when empty.
  void close(std::function<void()> done);

  struct Stats {
    std::uint64_t connections = 0, requests = 0, bad_requests = 0;  // in total
    std::uint64_t refused = 0;                                      // beyond limits.connections
    std::uint64_t open = 0;                                         // connections at the moment
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

struct Fetched;

struct Fetch {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // Set on_body to take an answer of any size piece by piece: Fetched::body stays empty then, and
  // ClientLimits::body_bytes does not count. on_head is told status and headers first, once. A piece
  // is valid during the call only. Both may call anything of their Transfer, or destroy the client.
  std::function<void(const Fetched& head)> on_head = nullptr;
  std::function<void(base::BytesView piece)> on_body = nullptr;
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
  std::uint32_t waiting = 65536;         // for a connection; beyond it Code::exhausted
  std::uint64_t body_bytes = 16 << 20;
  // Of a whole request; of one with on_body, from one sign of life to the next.
  base::Duration timeout = std::chrono::seconds(10);
  base::Duration idle_timeout = std::chrono::seconds(15);    // kept-alive connections
};

struct Job;
class Pool;

// A fetch under way. Harmless when the fetch is over or the client is gone; dropping it does not
// end the fetch.
class Transfer {
 public:
  Transfer() = default;
  Transfer(std::weak_ptr<Pool> pool, std::weak_ptr<Job> job)
      : pool_(std::move(pool)), job_(std::move(job)) {}

  // Stops reading, so that the server feels back-pressure; what was read already (at most 256 KiB)
  // is still delivered. No time-out runs while a fetch is paused.
  void pause();
  void resume();
  // Ends it at once. None of its callbacks is called again, `done` neither.
  void cancel();

 private:
  std::weak_ptr<Pool> pool_;
  std::weak_ptr<Job> job_;
};

// Fetches any number of URLs at once, within its limits; more wait their turn. Connections are kept
// and used again. A request that finds its kept connection closed before any byte of an answer is
// sent once more on a new one, if its method is idempotent. Redirects are not followed: a 3xx is an
// answer like any other. Any status is a success; errors are for answers that did not come:
// unavailable (refused, closed, too late), corrupt (not HTTP), exhausted (body_bytes, waiting).
class Client {
 public:
  // `tls` is used for https; null refuses https.
  Client(os::World& world, ClientLimits limits, std::shared_ptr<os::Tls> tls);
  ~Client();                             // outstanding fetches end with Code::unavailable

  using Done = std::function<void(base::Result<Fetched>)>;
  Transfer fetch(Fetch what, Done done); // done is never called within this call

  struct Stats {
    std::uint64_t connections = 0;       // opened, in total
    std::uint64_t reused = 0;            // requests that took a kept connection
    std::uint64_t retried = 0;           // requests sent again
  };
  const Stats& stats() const;

 private:
  friend void fetch_all(Client&, std::vector<Fetch>,
                        std::function<void(std::vector<base::Result<Fetched>>)>);
  struct State;
  std::shared_ptr<State> state_;
};

// The results stand in the order of the requests. `done` is never called within this call.
void fetch_all(Client& client, std::vector<Fetch> what,
               std::function<void(std::vector<base::Result<Fetched>>)> done);

}  // namespace selvedge::net::http
