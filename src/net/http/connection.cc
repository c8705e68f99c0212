#include "net/http/connection.h"

#include <limits>

namespace selvedge::net::http {

namespace {

using namespace std::chrono_literals;
using base::operator""_KiB;

constexpr std::size_t unsent_bound = 256_KiB;

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
  // What has no length may have no end.
  if (phase_ == Phase::streaming && !body_left_) {
    keep_alive_ = false;
    cut_body();
    if (phase_ == Phase::streaming) end();
  }
}

void Connection::abandon() {
  if (phase_ != Phase::gone) cut_body();
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
  const bool busy = phase_ == Phase::answering || phase_ == Phase::streaming;
  const bool pause = blocked_ || (busy && !input_.empty());
  if (pause == paused_) return;
  paused_ = pause;
  if (pause) {
    stream_->pause();
  } else {
    stream_->resume();
  }
}

void Connection::on_drained(os::Stream&) {
  if (phase_ == Phase::streaming) {
    body_drained();
    return;
  }
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
  if (phase_ == Phase::streaming && body_moves()) return;
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
