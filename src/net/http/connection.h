// Connection: one accepted stream of the server, from its first byte to its end.
//
// It is in one phase at a time: reading a request, waiting for the handler's answer, or ending.
// One request is with a handler at a time; what a client pipelines behind it waits here, and the
// stream is paused, so that answers keep their order without a queue. Reading also stops while
// more than 256 KiB of answers are unsent. A timer follows the phase (see deadline_). An answer
// whose body is made while it is sent holds the connection until its writer is finished.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/bytes.h"
#include "net/http/head_writer.h"
#include "net/http/http.h"
#include "net/http/parser.h"
#include "net/http/router.h"
#include "os/world.h"

namespace selvedge::net::http {

class Connection;
class StreamWriter;

// What all connections of a server share.
struct ServerCore {
  ServerCore(os::World& w, ServerLimits l) : world(w), limits(l) {}

  os::World& world;
  ServerLimits limits;
  Router router;
  HeadWriter heads;
  Server::Stats stats;
  std::uint64_t bodies = 0;  // bytes of requests in memory, of all connections
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections;
  std::vector<std::unique_ptr<os::Listener>> listeners;
  bool closing = false;
  std::function<void()> closed;

  void remove(Connection& connection);  // may destroy it
  void finish_closing();                // calls `closed` once nothing is left
};

// Problems a connection answers with by itself.
Response invalid(int status, std::string_view detail);
Response busy(std::string_view detail);

class Connection final : public os::StreamEvents, public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<ServerCore> core, std::unique_ptr<os::Stream> stream);
  ~Connection() override;

  void start();
  void refuse_for_number();  // answers 503 and closes, when there are too many connections
  void shut();               // ends now if no request is under way, else behind its answer
  // The server is going away: no more events, no more stream.
  void abandon();
  void answer(std::uint64_t serial, Response response);
  const os::Peer* peer() const { return stream_ ? &stream_->peer() : nullptr; }

  // For the writer of a body that is sent while it is made (connection_streaming.cc).
  void write_body(std::uint64_t serial, base::BytesView bytes);
  void finish_body(std::uint64_t serial);
  void drop_body(std::uint64_t serial);
  void watch_body(std::uint64_t serial);  // its writer wants to hear when all is taken
  std::size_t unsent_body(std::uint64_t serial) const;

  void on_bytes(os::Stream&, base::BytesView bytes) override;
  void on_drained(os::Stream&) override;
  void on_close(os::Stream&, const base::Error& why) override;

 private:
  enum class Phase : std::uint8_t {
    reading,
    answering,   // a handler has the request
    streaming,   // a writer makes the answer's body
    flushing,    // the last answer is longer than close() would wait for
    discarding,  // what follows a refusal
    ending,      // close() was called
    gone,
  };

  void consume(base::BytesView bytes);
  std::size_t parse(base::BytesView bytes);
  void head_read();
  void request_read(base::BytesView behind);
  void dispatch(Request request);
  void upgrade(Request request, base::BytesView behind);
  void parser_failed();
  void refuse(Response response);
  void send(const Response& response, HeadWriter::After after);
  bool has_body(const Response& response) const;
  HeadWriter::Body framing(const Response& response) const;
  void begin_body(Response response);
  void put_body(base::BytesView bytes);
  bool body_moves();
  void body_drained();
  void look_at_body();
  void cut_body();
  void answered();
  void proceed();
  void keep(base::BytesView rest);
  void account();
  void pace();
  void await(base::Duration time);
  void on_deadline();
  void end();
  void end_after_output();
  void block_if_behind();

  std::shared_ptr<ServerCore> core_;
  std::unique_ptr<os::Stream> stream_;
  Phase phase_ = Phase::reading;
  std::optional<Parser> parser_;  // of the request being read
  base::Bytes input_;             // received and not parsed yet
  std::uint64_t accounted_ = 0;   // of core_->bodies
  std::uint64_t body_bytes_ = 0;  // of the request that is with its handler
  std::uint64_t serial_ = 0;      // of the request that is with its handler
  std::uint64_t discarded_ = 0;
  std::weak_ptr<StreamWriter> writer_;       // of the body being made
  std::optional<std::uint64_t> body_left_;   // of its announced length
  HeadWriter::Body body_framing_{};
  std::uint64_t body_written_ = 0;           // bytes of it handed to the stream
  std::uint64_t body_taken_ = 0;             // of those, gone when its client was last looked at
  base::Duration body_look_{};               // until the next look whether it is drained; 0: none
  bool head_only_ = false;  // the request is a HEAD
  bool http_1_0_ = false;
  bool keep_alive_ = true;
  bool shutting_ = false;
  bool parsing_ = false;
  bool paused_ = false;
  bool blocked_ = false;           // too much is unsent
  std::size_t unsent_before_ = 0;  // when the present wait for a slow reader began
  base::Instant deadline_{};
  os::TimerId timer_ = os::TimerId::none;
  base::Instant timer_at_{};
};

}  // namespace selvedge::net::http
