#include "os/tcp_stream.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "os/socket_options.h"

namespace selvedge::os {
namespace {

constexpr std::size_t drain_mark = 64 << 10;
constexpr std::size_t most_sent_a_turn = 1 << 20;
constexpr std::size_t worth_moving = 256 << 10;
// A read so small that the rest of the packet may be waiting in the peer for our acknowledgement.
constexpr std::size_t fragment_bytes = 16;
constexpr std::chrono::seconds close_time{5};
constexpr std::chrono::seconds refusal_time{1};

Io receive(int fd, std::span<std::uint8_t> into) {
  const ssize_t count = ::recv(fd, into.data(), into.size(), 0);
  if (count > 0) return {.count = static_cast<std::size_t>(count)};
  if (count == 0) return {.is = Io::Is::end};
  if (errno == EAGAIN || errno == EINTR) return {.is = Io::Is::wait_read};
  return {.is = Io::Is::error, .error_number = errno};
}

Io send(int fd, base::BytesView bytes) {
  const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (count >= 0) return {.count = static_cast<std::size_t>(count)};
  if (errno == EAGAIN || errno == EINTR) return {.is = Io::Is::wait_write};
  return {.is = Io::Is::error, .error_number = errno};
}

base::Error closed(const char* how) { return {base::Code::unavailable, how}; }

}  // namespace

struct TcpStream::Outgoing {
  Endpoint to;
  std::shared_ptr<const TlsContext> tls;
  std::unique_ptr<Dial> dial;
};

// Tells, after a callback, whether the stream still exists.
class TcpStream::Guard {
 public:
  explicit Guard(TcpStream& stream) : stream_(stream) { stream_.gone_ = &gone_; }
  ~Guard() {
    if (!gone_) stream_.gone_ = nullptr;
  }
  bool gone() const { return gone_; }

 private:
  TcpStream& stream_;
  bool gone_ = false;
};

// An idle plain connection is this object and nothing else.
static_assert(sizeof(TcpStream) <= 272);

TcpStream::TcpStream(NetworkCore& core) : core_(core) {}

TcpStream::~TcpStream() {
  if (gone_ != nullptr) *gone_ = true;
  release();
}

base::Result<void> TcpStream::accept(Fd fd, const SocketAddress& from) {
  accepted_ = true;
  ++core_.stats.open_streams;
  state_ = State::open;
  return adopt(std::move(fd), from);
}

void TcpStream::wait_for_tls(StreamEvents& events) {
  events_ = &events;
  state_ = State::waiting;
  want(EPOLLRDHUP);
}

void TcpStream::accept_tls(std::shared_ptr<const TlsContext> tls, base::Duration timeout,
                           StreamEvents& events) {
  events_ = &events;
  set_deadline(timeout);
  begin_handshake(std::move(tls), "");
}

void TcpStream::dial(const Endpoint& to, std::shared_ptr<const TlsContext> tls,
                     base::Duration timeout, StreamEvents& events) {
  events_ = &events;
  ++core_.stats.open_streams;
  outgoing_ = std::make_unique<Outgoing>(Outgoing{to, std::move(tls), nullptr});
  set_deadline(timeout);
  outgoing_->dial = std::make_unique<Dial>(
      core_.loop, to, timeout,
      [this](base::Result<Connected> outcome) { dialled(std::move(outcome)); });
}

base::Result<void> TcpStream::adopt(Fd fd, const SocketAddress& address) {
  fd_ = std::move(fd);
  peer_.address = address.text();
  peer_.loopback = address.loopback();
  wanted_ = EPOLLIN;
  TRY(core_.loop.watch(fd_.value(), *this, EPOLLIN));
  watched_ = true;
  return {};
}

void TcpStream::dialled(base::Result<Connected> outcome) {
  outgoing_->dial.reset();
  if (!outcome) return fail_opening(std::move(outcome).error());
  if (auto adopted = adopt(std::move(outcome->fd), outcome->address); !adopted)
    return fail_opening(std::move(adopted).error());
  if (!outgoing_->tls) return opened();
  const std::string host = outgoing_->to.host;
  begin_handshake(outgoing_->tls, host);
}

void TcpStream::begin_handshake(std::shared_ptr<const TlsContext> tls, const std::string& host) {
  state_ = State::handshaking;
  auto session = TlsSession::create(std::move(tls), fd_.value(), host, peer_);
  if (!session) return fail_opening(std::move(session).error());
  tls_ = std::move(*session);
  want(accepted_ ? std::uint32_t{EPOLLIN} : std::uint32_t{EPOLLOUT});  // a client speaks first
}

void TcpStream::step_handshake() {
  if (!core_.take_handshake_step()) return;  // the next turn reports the same event
  const Io io = tls_->handshake();
  switch (io.is) {
    case Io::Is::done: return opened();
    case Io::Is::wait_write: return want(EPOLLOUT);
    case Io::Is::wait_read: return want(EPOLLIN);
    case Io::Is::end:
      return fail_opening(closed("closed by peer in the TLS handshake"));
    case Io::Is::error: return fail_opening(failure(io, "TLS handshake"));
  }
}

void TcpStream::opened() {
  core_.loop.cancel(std::exchange(deadline_, TimerId::none));
  state_ = State::open;
  want(EPOLLIN);
  if (!accepted_) ++core_.stats.connected;
  if (tls_ && tls_->resumed()) ++core_.stats.resumed_handshakes;
  outgoing_.reset();
  if (unsent() > 0) end_turn_later();
  if (tls_ && tls_->has_input()) core_.loop.call_again(fd_.value());
  // Who accepts it sets its own events; the listener was only to bring it this far.
  StreamEvents* const events = accepted_ ? std::exchange(events_, nullptr) : events_;
  events->on_open(*this);  // may be the end of us
}

void TcpStream::fail_opening(base::Error why) {
  if (outgoing_) why = std::move(why).while_doing("connect to " + outgoing_->to.text());
  // TLS has told the peer why; let it read that before the socket goes.
  if (accepted_ && tls_) {
    ending_ = std::make_unique<Ending>(Ending{std::move(why), tls_->refused_subject()});
    set_deadline(refusal_time);
    return shut_our_side();
  }
  finish(std::move(why));
}

void TcpStream::set_deadline(base::Duration delay) {
  core_.loop.cancel(deadline_);
  deadline_ = core_.loop.after(delay, [this] {
    deadline_ = TimerId::none;
    if (ending_) return finish(ending_->why);
    base::Error late{base::Code::unavailable, "timed out"};
    if (outgoing_) late = std::move(late).while_doing("connect to " + outgoing_->to.text());
    finish(std::move(late));
  });
}

void TcpStream::ready(std::uint32_t events) {
  switch (state_) {
    case State::waiting: return finish(closed("closed by peer"));
    case State::handshaking: return step_handshake();
    case State::open:
      if ((events & ~std::uint32_t{EPOLLOUT}) != 0 && paused_) return rest(events);
      if ((events & EPOLLOUT) != 0 && blocked_) {
        blocked_ = false;
        want(reading());
        end_turn_later();
        if (tls_ && tls_->has_input()) core_.loop.call_again(fd_.value());
      }
      if ((events & ~std::uint32_t{EPOLLOUT}) != 0) read_some();
      return;
    case State::flushing:
      if ((events & EPOLLIN) != 0 && !peer_ended_) throw_away_input();
      if (state_ == State::flushing) {
        blocked_ = false;
        end_turn_later();
      }
      return;
    case State::lingering: return throw_away_input();
    case State::dialling:
    case State::closed: return;
  }
}

void TcpStream::read_some() {
  const std::span<std::uint8_t> room = core_.input();
  const Io io = tls_ ? tls_->read(room) : receive(fd_.value(), room);
  if (io.count > 0) {
    // What is in the hands of TLS, or ended it, makes no event of its own.
    if (tls_ && io.is != Io::Is::wait_read) core_.loop.call_again(fd_.value());
    return deliver(room.first(io.count));
  }
  switch (io.is) {
    case Io::Is::done: return;
    case Io::Is::wait_read:
      if (broken_ != 0) finish(base::system_error("write", broken_));
      return;
    case Io::Is::wait_write:
      blocked_ = true;
      return want(EPOLLIN | EPOLLOUT);
    case Io::Is::end: return peer_ended();
    case Io::Is::error: return finish(failure(io, "read"));
  }
}

void TcpStream::deliver(base::BytesView bytes) {
  core_.stats.bytes_in += bytes.size();
  CHECK(events_ != nullptr);  // whoever accepted the stream forgot to set them
  const Guard guard(*this);
  events_->on_bytes(*this, bytes);
  if (guard.gone() || state_ != State::open) return;
  // Small clients send a packet in pieces without TCP_NODELAY: the second piece waits for the
  // acknowledgement of the first, which a kernel that has seen us answer would delay by 40 ms.
  if (bytes.size() < fragment_bytes && answered_ && accepted_ && unsent() == 0) {
    acknowledge_quickly(fd_.value());
    answered_ = false;
  }
}

void TcpStream::throw_away_input() {
  const Io io = receive(fd_.value(), core_.input());
  if (io.is == Io::Is::done || io.is == Io::Is::wait_read) return;
  if (state_ == State::lingering) return finish(ending_->why);
  if (io.is == Io::Is::error) return finish(failure(io, "read"));
  peer_ended_ = true;
  want(EPOLLOUT);
}

void TcpStream::peer_ended() {
  peer_ended_ = true;
  base::Error why = broken_ != 0 ? base::system_error("write", broken_) : closed("closed by peer");
  if (unsent() == 0 || broken_ != 0) return finish(std::move(why));
  end_with(std::move(why), close_time);
  want(EPOLLOUT);
}

void TcpStream::write(base::BytesView bytes) {
  if (bytes.empty() || broken_ != 0 || state_ > State::open) return;
  if (output_.capacity() == 0) output_ = core_.take_spare();
  base::append(output_, bytes);
  if (unsent() > drain_mark) drain_due_ = true;
  if (state_ == State::open && !blocked_) end_turn_later();
}

void TcpStream::end_turn_later() {
  if (watched_) core_.loop.end_turn_of(fd_.value());
}

void TcpStream::end_turn() {
  if (!blocked_ && (state_ == State::open || state_ == State::flushing)) flush();
}

Io TcpStream::send_some() {
  const base::BytesView left = base::BytesView(output_).subspan(sent_);
  const Io io = tls_ ? tls_->write(left) : send(fd_.value(), left);
  sent_ += io.count;
  core_.stats.bytes_out += io.count;
  return io;
}

void TcpStream::flush() {
  std::size_t sent = 0;
  while (unsent() > 0 && sent < most_sent_a_turn) {
    const Io io = send_some();
    sent += io.count;
    if (io.is == Io::Is::done) continue;
    if (io.is == Io::Is::wait_write || io.is == Io::Is::wait_read) {
      blocked_ = true;
      if (sent_ > worth_moving && sent_ > output_.size() / 2) {
        output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(sent_));
        sent_ = 0;
      }
      return want(reading() | EPOLLOUT);
    }
    if (state_ == State::flushing || io.error_number == 0) return finish(failure(io, "write"));
    // What the peer said before it went is still to be read; the end shows up there.
    broken_ = io.error_number;
    output_ = {};
    sent_ = 0;
    return core_.loop.call_again(fd_.value());
  }
  if (unsent() > 0) return end_turn_later();
  answered_ = true;
  output_empty();
}

void TcpStream::output_empty() {
  core_.give_spare(std::exchange(output_, {}));
  sent_ = 0;
  if (state_ == State::flushing) return shut_our_side();
  if (std::exchange(drain_due_, false)) events_->on_drained(*this);  // may be the end of us
}

void TcpStream::resume() {
  paused_ = false;
  if (state_ != State::open) return;
  want(blocked_ ? EPOLLIN | EPOLLOUT : EPOLLIN);
  if (unsent() > 0 && !blocked_) end_turn_later();
  if (broken_ != 0 || (tls_ && tls_->has_input())) core_.loop.call_again(fd_.value());
}

// A paused stream has something to read: stop listening. Hang-ups cannot be masked, so after one
// the descriptor is not watched at all until resume().
void TcpStream::rest(std::uint32_t events) {
  if ((events & (EPOLLHUP | EPOLLERR)) == 0) return want(blocked_ ? std::uint32_t{EPOLLOUT} : 0);
  core_.loop.unwatch(fd_.value());
  watched_ = false;
}

std::uint32_t TcpStream::reading() const { return paused_ || peer_ended_ ? 0 : std::uint32_t{EPOLLIN}; }

void TcpStream::want(std::uint32_t events) {
  if (!watched_)
    watched_ = core_.loop.watch(fd_.value(), *this, events).has_value();
  else if (events != wanted_)
    core_.loop.rearm(fd_.value(), events);
  wanted_ = events;
}

void TcpStream::close() {
  switch (state_) {
    case State::dialling:
    case State::waiting:
    case State::handshaking:
      release();
      ending_ = std::make_unique<Ending>(Ending{closed("closed"), {}});
      return set_deadline(base::Duration::zero());
    case State::open:
      paused_ = false;
      end_with(closed("closed"), close_time);
      want(blocked_ ? EPOLLIN | EPOLLOUT : EPOLLIN);
      return end_turn_later();
    case State::flushing:
    case State::lingering:
    case State::closed: return;
  }
}

void TcpStream::end_with(base::Error why, base::Duration within) {
  state_ = State::flushing;
  ending_ = std::make_unique<Ending>(Ending{std::move(why), {}});
  set_deadline(within);
}

void TcpStream::shut_our_side() {
  if (tls_ && state_ != State::handshaking && tls_->shut_down().is == Io::Is::wait_write) {
    blocked_ = true;
    return want(EPOLLOUT);
  }
  if (peer_ended_ || ::shutdown(fd_.value(), SHUT_WR) != 0) return finish(ending_->why);
  state_ = State::lingering;
  want(EPOLLIN);
}

void TcpStream::finish(base::Error why) {
  release();
  if (events_ != nullptr) events_->on_close(*this, why);  // may be the end of us
}

void TcpStream::release() {
  if (state_ == State::closed) return core_.loop.cancel(deadline_);
  state_ = State::closed;
  --core_.stats.open_streams;
  core_.loop.cancel(std::exchange(deadline_, TimerId::none));
  outgoing_.reset();
  tls_.reset();
  if (watched_) core_.loop.unwatch(fd_.value());
  watched_ = false;
  fd_.reset();
  output_ = {};
  sent_ = 0;
}

base::Error TcpStream::failure(const Io& io, std::string_view step) const {
  if (io.error_number != 0) return base::system_error(step, io.error_number);
  base::Error why = tls_->error();
  return std::move(why).while_doing(step);
}

}  // namespace selvedge::os
