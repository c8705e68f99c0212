#include "net/http/client_connection.h"

#include <algorithm>
#include <array>
#include <limits>

#include "net/http/head_writer.h"

namespace selvedge::net::http {

namespace {

constexpr std::uint32_t head_bytes = 64 << 10;

// Doing it twice is doing it once (RFC 9110, 9.2.2), so a lost request may be sent again.
bool is_idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 6> methods{"GET",    "HEAD",    "PUT",
                                                    "DELETE", "OPTIONS", "TRACE"};
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

}  // namespace

void ClientConnection::open(std::shared_ptr<Job> job) {
  job_ = std::move(job);
  job_->connection = this;
  const bool secure = host_->url.scheme == "https";
  stream_ = pool_->world().network().connect({host_->url.host, host_->url.port},
                                             secure ? pool_->tls() : nullptr,
                                             pool_->limits().timeout, *this);
}

void ClientConnection::take(std::shared_ptr<Job> job) {
  job_ = std::move(job);
  job_->connection = this;
  ++pool_->stats().reused;
  send();
}

void ClientConnection::abandon() {
  if (job_) job_->connection = nullptr;
  job_.reset();
  parser_.reset();
  stream_.reset();
}

void ClientConnection::pause() {
  if (stream_) stream_->pause();
}

void ClientConnection::resume() {
  if (stream_) stream_->resume();
}

void ClientConnection::on_open(os::Stream&) {
  opened_ = true;
  if (job_) send();
}

void ClientConnection::send() {
  any_bytes_ = false;
  head_told_ = false;
  if (job_->paused) stream_->pause();
  begin_response();
  const std::string head = request_head(job_->fetch, job_->url);
  stream_->write(base::as_bytes(head));
  if (!job_->fetch.body.empty()) stream_->write(base::as_bytes(job_->fetch.body));
}

void ClientConnection::begin_response() {
  const std::uint64_t body_bytes = job_->streams() ? std::numeric_limits<std::uint64_t>::max()
                                                   : pool_->limits().body_bytes;
  parser_.emplace(Parser::Side::response, Parser::Limits{head_bytes, body_bytes},
                  job_->fetch.method == "HEAD" ? Parser::Body::none : Parser::Body::as_announced);
}

std::string ClientConnection::step() const {
  return job_->fetch.method + " " + job_->fetch.url;
}

void ClientConnection::on_bytes(os::Stream&, base::BytesView bytes) {
  const auto self = shared_from_this();
  if (!job_) {
    pool_->remove(*this);  // an idle server has nothing to say
    return;
  }
  any_bytes_ = true;
  job_->heard = job_->streams() ? pool_->world().loop().now() : job_->heard;
  if (input_.empty()) {
    if (parse(bytes)) {
      complete(bytes.empty());
    } else if (job_) {
      base::append(input_, bytes);
    }
    return;
  }
  base::append(input_, bytes);
  base::Bytes input = std::exchange(input_, {});
  base::BytesView rest(input);
  if (parse(rest)) {
    complete(rest.empty());
  } else if (job_) {
    input.erase(input.begin(), input.end() - static_cast<std::ptrdiff_t>(rest.size()));
    input_ = std::move(input);
  }
}

// True when the response is whole. After a failure the job is gone.
bool ClientConnection::parse(base::BytesView& bytes) {
  for (;;) {
    const Parser::State before = parser_->state();
    const std::size_t taken = parser_->put(bytes);
    bytes = bytes.subspan(taken);
    const Parser::State after = parser_->state();
    if (job_->streams() && !hand_over()) return false;
    if (after == Parser::State::failed) {
      const bool large = parser_->failure() == Parser::Failure::body_too_large;
      fail(large ? base::Error{base::Code::exhausted,
                               "the response's body is larger than " +
                                   std::to_string(pool_->limits().body_bytes) + " bytes"}
                 : base::Error{base::Code::corrupt,
                               "the response is malformed: " + parser_->reason()});
      return false;
    }
    if (after == Parser::State::done) {
      const int status = parser_->message().status;
      if (status >= 200) return true;
      if (status == 101) {
        fail({base::Code::corrupt, "the server changed to a protocol nobody asked for"});
        return false;
      }
      begin_response();  // an interim response; the real one follows
      continue;
    }
    if (bytes.empty() || (taken == 0 && after == before)) return false;
  }
}

// Gives a job that streams what has been parsed since the last time. False if the job is gone.
bool ClientConnection::hand_over() {
  const Parser::State state = parser_->state();
  if (state != Parser::State::body && state != Parser::State::done &&
      parser_->message().body.empty()) {
    return true;
  }
  Message& message = parser_->message();
  if (message.status < 200) return true;
  const std::shared_ptr<Job> job = job_;
  if (!head_told_) {
    head_told_ = true;
    if (job->fetch.on_head) {
      const Fetched head{message.status, message.headers, {},
                         pool_->world().loop().now() - job->started};
      job->fetch.on_head(head);
      if (job_ != job) return false;
    }
  }
  if (message.body.empty()) return true;
  job->fetch.on_body(base::as_bytes(message.body));
  if (job_ != job) return false;
  message.body.clear();
  return true;
}

void ClientConnection::complete(bool clean) {
  const auto pool = pool_;
  const auto job = std::exchange(job_, nullptr);
  Message& message = parser_->message();
  Fetched fetched{message.status, std::move(message.headers), std::move(message.body),
                  pool->world().loop().now() - job->started};
  const bool reusable = clean && stream_ && stream_->unsent() == 0 && parser_->keep_alive();
  parser_.reset();
  input_ = {};
  job->connection = nullptr;
  ++served_;
  if (reusable) {
    if (job->paused) stream_->resume();
    idle_since_ = pool->world().loop().now();
    pool->release(*this);
  } else {
    pool->remove(*this);
  }
  pool->finish(job, std::move(fetched));
}

void ClientConnection::fail(base::Error error) {
  const auto pool = pool_;
  error = std::move(error).while_doing(step());
  const auto job = std::exchange(job_, nullptr);
  job->connection = nullptr;
  pool->remove(*this);
  pool->finish(job, std::unexpected(std::move(error)));
}

void ClientConnection::on_close(os::Stream&, const base::Error& why) {
  const auto self = shared_from_this();
  const auto pool = pool_;
  stream_.reset();
  if (!job_) {
    pool->remove(*this);
    return;
  }
  const bool stale = served_ > 0 && !any_bytes_;
  if (stale && !job_->retried && is_idempotent(job_->fetch.method)) {
    const auto job = std::exchange(job_, nullptr);
    job->connection = nullptr;
    job->retried = true;
    ++pool->stats().retried;
    pool->again(job);
    pool->remove(*this);
    return;
  }
  if (parser_ && any_bytes_ && parser_->end_of_input()) {
    complete(false);
    return;
  }
  if (!opened_) {
    fail(base::Error(why).while_doing("connect"));
  } else {
    fail(base::Error(why).while_doing(any_bytes_ ? "the response is cut short" : "no response"));
  }
}

}  // namespace selvedge::net::http
