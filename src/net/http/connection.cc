#include "net/http/connection.h"

#include <algorithm>
#include <limits>

#include "net/http/handshake.h"
#include "net/http/url.h"

namespace selvedge::net::http {

namespace {

using namespace std::chrono_literals;
using base::operator""_KiB;
using base::operator""_MiB;

constexpr std::size_t unsent_bound = 256_KiB;
// After a refusal the rest of the request is read and dropped for a while: closing a socket with
// unread bytes resets the connection, and the client might never see the answer (RFC 9112, 9.6).
constexpr std::uint64_t discard_bound = 4_MiB;
constexpr base::Duration discard_time = 2s;

// Held by the Respond of one request. A handler that drops it unanswered answers 500.
struct Ticket {
  std::weak_ptr<Connection> connection;
  std::uint64_t serial;
  bool used = false;

  Ticket(std::weak_ptr<Connection> c, std::uint64_t s) : connection(std::move(c)), serial(s) {}
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  ~Ticket() { use(Response::problem(500, "internal", "the handler gave no answer")); }

  void use(Response response) {
    if (std::exchange(used, true)) return;
    if (const auto alive = connection.lock()) alive->answer(serial, std::move(response));
  }
};

Response invalid(int status, std::string_view detail) {
  return Response::problem(status, "invalid_input", detail);
}

Response busy(std::string_view detail) {
  Response response = Response::problem(503, "unavailable", detail);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace

void ServerCore::remove(Connection& connection) {
  const auto at = connections.find(&connection);
  if (at == connections.end()) return;
  const std::shared_ptr<Connection> last = std::move(at->second);
  connections.erase(at);
  --stats.open;
  finish_closing();
}

void ServerCore::finish_closing() {
  if (!closing || !connections.empty() || !closed) return;
  world.loop().defer(std::exchange(closed, nullptr));
}

Connection::Connection(std::shared_ptr<ServerCore> core, std::unique_ptr<os::Stream> stream)
    : core_(std::move(core)), stream_(std::move(stream)) {}

Connection::~Connection() {
  abandon();
}

void Connection::start() {
  stream_->set_events(*this);
  await(core_->limits.idle_timeout);
}

void Connection::refuse_for_number() {
  stream_->set_events(*this);
  send(busy("too many connections"), HeadWriter::After::close);
  end();
}

void Connection::shut() {
  shutting_ = true;
  if (phase_ == Phase::reading && !parser_) end();
}

void Connection::abandon() {
  phase_ = Phase::gone;
  core_->bodies -= std::exchange(accounted_, 0);
  core_->world.loop().cancel(std::exchange(timer_, os::TimerId::none));
  parser_.reset();
  input_ = {};
  stream_.reset();
}

void Connection::end() {
  phase_ = Phase::ending;
  parser_.reset();
  input_ = {};
  account();
  await(10s);  // longer than a stream needs to close; a last resort
  stream_->close();
}

// ---- reading ----

void Connection::on_bytes(os::Stream&, base::BytesView bytes) {
  const auto self = shared_from_this();
  switch (phase_) {
    case Phase::reading:
      consume(bytes);
      break;
    case Phase::answering:
      keep(bytes);
      account();
      pace();
      break;
    case Phase::discarding:
      discarded_ += bytes.size();
      if (discarded_ > discard_bound) end();
      break;
    case Phase::flushing:
    case Phase::ending:
    case Phase::gone:
      break;
  }
}

void Connection::keep(base::BytesView rest) {
  base::append(input_, rest);
}

void Connection::consume(base::BytesView bytes) {
  if (input_.empty()) {
    const std::size_t used = parse(bytes);
    if (phase_ <= Phase::answering) keep(bytes.subspan(used));
  } else {
    keep(bytes);
    proceed();
    return;
  }
  if (phase_ == Phase::gone) return;
  account();
  pace();
}

// Parses what is kept. A connection that has nothing left holds no buffer.
void Connection::proceed() {
  base::Bytes input = std::exchange(input_, {});
  const std::size_t used = parse(input);
  if (phase_ == Phase::gone) return;
  if (phase_ <= Phase::answering && used < input.size()) {
    input.erase(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(used));
    input_ = std::move(input);
  }
  account();
  pace();
}

// Requests one after the other, as far as the bytes and the handlers' answers go.
std::size_t Connection::parse(base::BytesView bytes) {
  parsing_ = true;
  std::size_t used = 0;
  while (phase_ == Phase::reading && !blocked_ && used < bytes.size()) {
    if (!parser_) {
      parser_.emplace(Parser::Side::request,
                      Parser::Limits{core_->limits.head_bytes, core_->limits.body_bytes});
    }
    const Parser::State before = parser_->state();
    const std::size_t taken = parser_->put(bytes.subspan(used));
    used += taken;
    const Parser::State after = parser_->state();
    if (before == Parser::State::nothing && after != before) {
      await(core_->limits.request_timeout);
    }
    if (after == Parser::State::failed) {
      parser_failed();
    } else {
      const bool head_done = after == Parser::State::body || after == Parser::State::done;
      if (before < Parser::State::body && head_done) head_read();
      if (phase_ == Phase::reading) account();
      if (phase_ == Phase::reading && core_->bodies > core_->limits.bodies_in_memory) {
        refuse(busy("too many request bodies are in memory"));
      }
      if (phase_ == Phase::reading && after == Parser::State::done) {
        request_read(bytes.subspan(used));
      }
    }
    if (taken == 0 && after == before) break;
  }
  if (phase_ == Phase::reading && parser_ && parser_->state() == Parser::State::nothing) {
    parser_.reset();  // nothing but empty lines
  }
  parsing_ = false;
  return used;
}

// What can be refused before the body is here.
void Connection::head_read() {
  const Message& message = parser_->message();
  http_1_0_ = parser_->http_1_0();
  const auto hosts = std::count_if(message.headers.begin(), message.headers.end(),
                                   [](const auto& header) { return header.first == "host"; });
  if (hosts > 1 || (hosts == 0 && !http_1_0_)) {
    refuse(invalid(400, "a request needs one Host header"));
    return;
  }
  const std::uint64_t length = parser_->content_length().value_or(0);
  if (length > 0 && core_->bodies + length > core_->limits.bodies_in_memory) {
    refuse(busy("too many request bodies are in memory"));
    return;
  }
  const std::string_view expect = find_header(message.headers, "expect");
  if (expect.empty() || http_1_0_ || parser_->state() == Parser::State::done) return;
  if (!has_token(expect, "100-continue")) {
    refuse(invalid(417, "only 100-continue can be expected"));
    return;
  }
  // The client waits to be told: what will not be taken is refused before it is sent.
  const auto target = parse_target(message.target);
  if (target) {
    const Found found = core_->router.find(message.method, target->path);
    if (!found.handler && message.method != "OPTIONS") {
      Response response = found.allow.empty() ? Response::problem(404, "not_found", "no such path")
                                              : invalid(405, "this path knows other methods");
      if (!found.allow.empty()) response.headers.emplace_back("Allow", found.allow);
      refuse(std::move(response));
      return;
    }
  }
  stream_->write(base::as_bytes("HTTP/1.1 100 Continue\r\n\r\n"));
}

void Connection::parser_failed() {
  switch (parser_->failure()) {
    case Parser::Failure::head_too_large:
      refuse(invalid(431, "the request's head is larger than " +
                              std::to_string(core_->limits.head_bytes) + " bytes"));
      break;
    case Parser::Failure::body_too_large:
      refuse(invalid(413, "the request's body is larger than " +
                              std::to_string(core_->limits.body_bytes) + " bytes"));
      break;
    case Parser::Failure::unknown_version:
      refuse(invalid(505, "only HTTP/1.0 and HTTP/1.1 are spoken here"));
      break;
    case Parser::Failure::unknown_coding:
      refuse(invalid(501, "the only transfer coding known here is chunked"));
      break;
    case Parser::Failure::malformed:
    case Parser::Failure::none:
      refuse(invalid(400, "the request is malformed: " + parser_->reason()));
      break;
  }
}

// ---- answering ----

void Connection::request_read(base::BytesView behind) {
  Message& message = parser_->message();
  keep_alive_ = parser_->keep_alive();
  head_only_ = message.method == "HEAD";
  base::Result<Target> target = parse_target(message.target);
  if (!target) {
    refuse(invalid(400, "the request's target is malformed: " + target.error().message));
    return;
  }
  ++core_->stats.requests;
  Request request{std::move(message.method),  std::move(target->path), std::move(target->query),
                  std::move(message.headers), std::move(message.body), &stream_->peer()};
  parser_.reset();
  if (wants_websocket(request) && core_->router.sockets(request.path)) {
    upgrade(std::move(request), behind);
  } else {
    dispatch(std::move(request));
  }
}

void Connection::dispatch(Request request) {
  phase_ = Phase::answering;
  body_bytes_ = request.body.size();
  await(base::Duration::max());
  const std::uint64_t serial = ++serial_;
  const bool asterisk = request.path == "*";
  const Found found = asterisk ? Found{nullptr, core_->router.all_methods()}
                               : core_->router.find(request.method, request.path);
  if (found.handler) {
    const auto ticket = std::make_shared<Ticket>(weak_from_this(), serial);
    (*found.handler)(std::move(request),
                     [ticket](Response response) { ticket->use(std::move(response)); });
    return;
  }
  if (request.method == "OPTIONS" && !found.allow.empty()) {
    answer(serial, Response{204, "", {{"Allow", found.allow}}, ""});
  } else if (!found.allow.empty()) {
    Response response = invalid(405, "this path does not know the method " + request.method);
    response.headers.emplace_back("Allow", found.allow);
    answer(serial, std::move(response));
  } else if (core_->router.sockets(request.path)) {
    Response response = invalid(426, "this path speaks WebSocket only");
    response.headers.emplace_back("Upgrade", "websocket");
    answer(serial, std::move(response));
  } else {
    answer(serial, Response::problem(404, "not_found", "no such path: " + request.path));
  }
}

void Connection::answer(std::uint64_t serial, Response response) {
  if (phase_ != Phase::answering || serial != serial_) return;
  const auto self = shared_from_this();
  body_bytes_ = 0;
  keep_alive_ =
      keep_alive_ && !shutting_ && !has_token(find_header(response.headers, "Connection"), "close");
  send(response, !keep_alive_ ? HeadWriter::After::close
                 : http_1_0_  ? HeadWriter::After::keep_1_0
                              : HeadWriter::After::keep);
  if (!keep_alive_) {
    end_after_output();
    return;
  }
  phase_ = Phase::reading;
  await(core_->limits.idle_timeout);
  block_if_behind();
  if (!parsing_) proceed();
}

void Connection::block_if_behind() {
  unsent_before_ = stream_->unsent();
  blocked_ = unsent_before_ > unsent_bound;
}

void Connection::end_after_output() {
  block_if_behind();
  if (!blocked_) {
    end();
    return;
  }
  phase_ = Phase::flushing;
  input_ = {};
  account();
  pace();
  await(core_->limits.idle_timeout);
}

void Connection::send(const Response& response, HeadWriter::After after) {
  const std::string head = core_->heads.response(response, after, core_->world.loop().wall_now());
  stream_->write(base::as_bytes(head));
  if (!head_only_ && response.status != 204 && response.status != 304) {
    stream_->write(base::as_bytes(response.body));
  }
}

// Answers a request that is not whole, and reads no further one.
void Connection::refuse(Response response) {
  ++core_->stats.bad_requests;
  head_only_ = parser_ && parser_->message().method == "HEAD";
  send(response, HeadWriter::After::close);
  phase_ = Phase::discarding;
  parser_.reset();
  input_ = {};
  account();
  await(discard_time);
}

void Connection::upgrade(Request request, base::BytesView behind) {
  const Handshake handshake = shake_hands(request, *core_->router.sockets(request.path));
  if (!handshake.chosen) {
    phase_ = Phase::answering;
    answer(++serial_, handshake.response);
    return;
  }
  send(handshake.response, HeadWriter::After::keep);
  if (paused_) stream_->resume();
  base::Bytes early(behind.begin(), behind.end());
  std::unique_ptr<os::Stream> stream = std::move(stream_);
  const auto core = core_;
  const Upgrade& take = handshake.chosen->upgrade;
  abandon();
  core->remove(*this);
  take(std::move(stream), request, std::move(early));
}

// ---- bounds ----

void Connection::account() {
  std::uint64_t bytes = input_.size() + body_bytes_;
  if (parser_) bytes += parser_->message().body.size();
  core_->bodies += bytes - accounted_;
  accounted_ = bytes;
}

// Lets bytes in or holds them back, whichever fits the phase.
void Connection::pace() {
  if (!stream_) return;
  const bool pause = blocked_ || (phase_ == Phase::answering && !input_.empty());
  if (pause == paused_) return;
  paused_ = pause;
  if (pause) {
    stream_->pause();
  } else {
    stream_->resume();
  }
}

void Connection::on_drained(os::Stream&) {
  if (!blocked_) return;
  const auto self = shared_from_this();
  blocked_ = false;
  if (phase_ == Phase::reading) {
    await(core_->limits.idle_timeout);
    proceed();
  } else if (phase_ == Phase::flushing) {
    end();
  }
}

void Connection::on_close(os::Stream&, const base::Error&) {
  const auto self = shared_from_this();
  abandon();
  core_->remove(*this);
}

// ---- time ----

// One timer that is moved only when it fires too early, so that a request costs no timer.
void Connection::await(base::Duration time) {
  os::Loop& loop = core_->world.loop();
  if (time == base::Duration::max()) {
    deadline_ = base::Instant{std::numeric_limits<std::int64_t>::max()};
    return;
  }
  deadline_ = loop.now() + time;
  if (timer_ != os::TimerId::none && timer_at_ <= deadline_) return;
  loop.cancel(timer_);
  timer_at_ = deadline_;
  timer_ = loop.after(time, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->on_deadline();
  });
}

void Connection::on_deadline() {
  timer_ = os::TimerId::none;
  os::Loop& loop = core_->world.loop();
  if (deadline_.ns == std::numeric_limits<std::int64_t>::max()) return;
  if (loop.now() < deadline_) {
    await(deadline_ - loop.now());
    return;
  }
  const bool slow_reader_moves = blocked_ && stream_->unsent() < unsent_before_;
  if (slow_reader_moves) {
    unsent_before_ = stream_->unsent();
    await(core_->limits.idle_timeout);
  } else if (phase_ == Phase::reading && parser_ && !blocked_) {
    ++core_->stats.bad_requests;
    head_only_ = false;
    send(invalid(408, "the request took too long to arrive"), HeadWriter::After::close);
    end();
  } else if (phase_ == Phase::reading && !blocked_) {
    end();
  } else if (phase_ == Phase::discarding) {
    end();
  } else {
    const auto core = core_;
    abandon();
    core->remove(*this);
  }
}

}  // namespace selvedge::net::http
