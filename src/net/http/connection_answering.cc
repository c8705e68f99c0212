// The way out: requests to handlers, answers to bytes, and upgrades.

#include "net/http/connection.h"
#include "net/http/handshake.h"
#include "net/http/url.h"

namespace selvedge::net::http {

namespace {

// After a refusal the rest of the request is read and dropped for a while: closing a socket with
// unread bytes resets the connection, and the client might never see the answer (RFC 9112, 9.6).
constexpr base::Duration discard_time = std::chrono::seconds(2);

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

}  // namespace

Response invalid(int status, std::string_view detail) {
  return Response::problem(status, "invalid_input", detail);
}

Response busy(std::string_view detail) {
  Response response = Response::problem(503, "unavailable", detail);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

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
  if (framing(response) == HeadWriter::Body::until_close) keep_alive_ = false;
  send(response, !keep_alive_ ? HeadWriter::After::close
                 : http_1_0_  ? HeadWriter::After::keep_1_0
                              : HeadWriter::After::keep);
  if (response.stream && has_body(response)) {
    begin_body(std::move(response));
  } else {
    answered();
  }
}

// The answer is written whole.
void Connection::answered() {
  if (!keep_alive_) {
    end_after_output();
    return;
  }
  phase_ = Phase::reading;
  await(core_->limits.idle_timeout);
  block_if_behind();
  if (!parsing_) proceed();
}

void Connection::send(const Response& response, HeadWriter::After after) {
  const std::string head = core_->heads.response(response, after, framing(response),
                                                 core_->world.loop().wall_now());
  stream_->write(base::as_bytes(head));
  if (!response.stream && has_body(response)) stream_->write(base::as_bytes(response.body));
}

bool Connection::has_body(const Response& response) const {
  return !head_only_ && response.status >= 200 && response.status != 204 && response.status != 304;
}

HeadWriter::Body Connection::framing(const Response& response) const {
  const bool counted = response.length && (response.stream || head_only_);
  if (counted) return HeadWriter::Body::announced;
  if (!response.stream) return HeadWriter::Body::whole;
  return http_1_0_ ? HeadWriter::Body::until_close : HeadWriter::Body::chunked;
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

}  // namespace selvedge::net::http
