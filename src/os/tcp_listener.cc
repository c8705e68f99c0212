#include "os/tcp_listener.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "base/log.h"
#include "os/socket_options.h"

namespace selvedge::os {
namespace {

constexpr int most_accepted_a_turn = 64;
constexpr std::chrono::seconds handshake_time{10};
constexpr int waiting_in_kernel = 4096;

Fd open_spare() { return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

base::Result<Fd> listen_on(const SocketAddress& address) {
  Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto failed = [&] {
    return std::unexpected(base::system_error("listen on " + address.text(), errno));
  };
  if (!fd) return failed();
  const int on = 1, off = 0;
  ::setsockopt(fd.value(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.family() == AF_INET6)
    ::setsockopt(fd.value(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  set_stream_options(fd.value());
  if (::bind(fd.value(), &address.generic, address.size()) != 0) return failed();
  if (::listen(fd.value(), waiting_in_kernel) != 0) return failed();
  return fd;
}

base::Result<Fd> listen_on(const Endpoint& at) {
  if (!at.host.empty()) {
    if (const auto literal = literal_address(at)) return listen_on(*literal);
    const std::vector<SocketAddress> addresses = TRY(resolve(at));
    return listen_on(addresses.front());
  }
  base::Result<Fd> both = listen_on(any_address(AF_INET6, at.port));
  if (both || both.error().code == base::Code::denied) return both;
  return listen_on(any_address(AF_INET, at.port));  // a machine without IPv6
}

}  // namespace

base::Result<std::unique_ptr<TcpListener>> TcpListener::create(NetworkCore& core,
                                                               const Endpoint& at,
                                                               std::shared_ptr<OpensslTls> tls,
                                                               Accept accept) {
  Fd fd = TRY(listen_on(at));
  std::unique_ptr<TcpListener> listener(
      new TcpListener(core, std::move(fd), std::move(tls), std::move(accept)));
  const int number = listener->fd_.value();
  SocketAddress bound;
  socklen_t size = sizeof bound.v6;
  if (::getsockname(number, &bound.generic, &size) != 0)
    return std::unexpected(base::system_error("listen on " + at.text(), errno));
  listener->port_ = bound.port();
  TRY(core.loop.watch(number, *listener, EPOLLIN));
  return listener;
}

TcpListener::TcpListener(NetworkCore& core, Fd fd, std::shared_ptr<OpensslTls> tls, Accept accept)
    : core_(core),
      fd_(std::move(fd)),
      spare_fd_(open_spare()),
      tls_(std::move(tls)),
      accept_(std::make_shared<Accept>(std::move(accept))) {}

TcpListener::~TcpListener() {
  if (gone_ != nullptr) *gone_ = true;
  core_.loop.cancel(wake_);
  core_.loop.unwatch(fd_.value());
}

void TcpListener::ready(std::uint32_t) {
  bool gone = false;
  gone_ = &gone;
  for (int i = 0; i < most_accepted_a_turn && !full_; ++i) {
    SocketAddress from;
    socklen_t size = sizeof from.v6;
    Fd fd(::accept4(fd_.value(), &from.generic, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      // A connection that died while it waited is not the end of the queue.
      if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO) continue;
      if (errno == EAGAIN || !take_and_drop(errno)) break;
      continue;
    }
    take(std::move(fd), from);
    if (gone) return;
  }
  gone_ = nullptr;
}

void TcpListener::take(Fd fd, const SocketAddress& from) {
  auto stream = std::make_unique<TcpStream>(core_);
  if (auto accepted = stream->accept(std::move(fd), from); !accepted) {
    if (core_.accept_failures.pass(core_.loop.now()))
      base::log::warn("os", "cannot take a connection", {{"error", accepted.error()}});
    ++core_.stats.dropped;
    return;
  }
  ++core_.stats.accepted;
  if (!tls_) return hand_over(std::move(stream));
  const engine::Visitor visitor{++visitors_};
  const bool suspect = core_.suspects.is_over(stream->peer().address, core_.loop.now());
  waiting_streams_.emplace(stream.get(), visitor);
  stream->wait_for_tls(*this);
  waiting_.emplace(visitor, std::move(stream));
  using Standing = engine::HandshakeQueue::Standing;
  queue_.arrived(visitor, suspect ? Standing::suspect : Standing::good, core_.loop.now());
  pump();
}

// Begins the handshakes whose turn it is. One that ends at once asks for the next within.
void TcpListener::pump() {
  if (std::exchange(pumping_, true)) return;
  for (;;) {
    const engine::HandshakeQueue::Next next = queue_.step(core_.loop.now());
    for (const engine::Visitor late : next.dismiss) {
      const auto node = waiting_.extract(late);
      waiting_streams_.erase(node.mapped().get());
      ++core_.stats.failed_handshakes;
    }
    for (const engine::Visitor first : next.begin) {
      auto node = waiting_.extract(first);
      TcpStream& stream = *node.mapped();
      waiting_streams_.erase(&stream);
      handshakes_.emplace(&stream, std::move(node.mapped()));
      stream.accept_tls(tls_->current(), handshake_time, *this);
    }
    if (next.begin.empty()) break;
  }
  pumping_ = false;
  set_accepting();
  const auto at = queue_.wake_at();
  if (!at || wake_ != TimerId::none) return;
  wake_ = core_.loop.after(*at - core_.loop.now(), [this] {
    wake_ = TimerId::none;
    pump();
  });
}

void TcpListener::set_accepting() {
  if (full_ == queue_.full()) return;
  full_ = queue_.full();
  core_.loop.rearm(fd_.value(), full_ ? 0 : std::uint32_t{EPOLLIN});
}

void TcpListener::end_handshake() {
  queue_.finished();
  pump();
}

// Out of descriptors the kernel would report the waiting connection for ever. It also says so
// before it looks whether one waits at all.
bool TcpListener::take_and_drop(int error) {
  bool dropped = false;
  if (error == EMFILE || error == ENFILE) {
    spare_fd_.reset();
    dropped = static_cast<bool>(Fd(::accept4(fd_.value(), nullptr, nullptr, SOCK_CLOEXEC)));
    spare_fd_ = open_spare();
    if (!dropped) return false;
    ++core_.stats.dropped;
  }
  if (core_.accept_failures.pass(core_.loop.now()))
    base::log::warn("os", "cannot take a connection",
                    {{"error", base::system_error("accept", error)},
                     {"port", port_},
                     {"open_streams", core_.stats.open_streams}});
  return dropped;
}

// The caller's function may destroy the listener, and so what it was stored in.
void TcpListener::hand_over(std::unique_ptr<Stream> stream) {
  const std::shared_ptr<Accept> accept = accept_;
  (*accept)(std::move(stream));
}

void TcpListener::on_open(Stream& stream) {
  auto node = handshakes_.extract(&stream);
  // A certificate proves more than what others behind the address got wrong.
  if (!stream.peer().serial.empty()) core_.suspects.proved(stream.peer().address);
  end_handshake();
  hand_over(std::move(node.mapped()));
}

void TcpListener::on_close(Stream& stream, const base::Error& why) {
  if (const auto waited = waiting_streams_.find(&stream); waited != waiting_streams_.end()) {
    // It gave up before its turn came.
    const auto visitor = waited->second;
    waiting_streams_.erase(waited);
    queue_.gone(visitor);
    const auto node = waiting_.extract(visitor);
    ++core_.stats.failed_handshakes;
    return set_accepting();
  }
  const auto node = handshakes_.extract(&stream);
  const TcpStream* const failed = node.mapped().get();
  end_handshake();
  ++core_.stats.failed_handshakes;
  // A peer that says nothing at all is a port check.
  if (failed->refused_subject().empty() && why.message.starts_with("closed by peer")) return;
  core_.suspects.failed(failed->peer().address, core_.loop.now());
  if (!core_.refusals.pass(core_.loop.now())) return;
  base::log::warn("tls", "refused a peer",
                  {{"address", failed->peer().address},
                   {"subject", failed->refused_subject()},
                   {"reason", why},
                   {"not_logged", core_.refusals.take_suppressed()}});
}

}  // namespace selvedge::os
