// The way in: bytes to requests, and what can be refused before a request is whole.

#include <algorithm>

#include "net/http/connection.h"
#include "net/http/url.h"

namespace selvedge::net::http {

namespace {

constexpr std::uint64_t discard_bound = 4 << 20;

}  // namespace

void Connection::on_bytes(os::Stream&, base::BytesView bytes) {
  const auto self = shared_from_this();
  switch (phase_) {
    case Phase::reading:
      consume(bytes);
      break;
    case Phase::answering:
    case Phase::streaming:
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
    if (phase_ <= Phase::streaming) keep(bytes.subspan(used));
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
  if (phase_ <= Phase::streaming && used < input.size()) {
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

}  // namespace selvedge::net::http
