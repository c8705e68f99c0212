#include "os/dial.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "os/socket_options.h"

namespace selvedge::os {
namespace {

// One lane, so that a resolver that hangs takes one thread of the pool and no more.
constexpr std::uint32_t look_up_lane = 0xffff'ffff;

}  // namespace

Dial::Dial(EpollLoop& loop, const Endpoint& to, base::Duration timeout, Done done)
    : loop_(loop),
      until_(loop.now() + timeout),
      done_(std::move(done)),
      self_(std::make_shared<Dial*>(this)) {
  if (const auto literal = literal_address(to)) {
    left_.push_back(*literal);
    timer_ = loop_.after(base::Duration::zero(), [this] { try_next(); });
  } else {
    look_up(to);
  }
}

Dial::~Dial() {
  *self_ = nullptr;
  loop_.cancel(timer_);
  if (fd_) loop_.unwatch(fd_.value());
}

void Dial::look_up(const Endpoint& to) {
  using Found = base::Result<std::vector<SocketAddress>>;
  auto found = std::make_shared<Found>();
  loop_.work(
      look_up_lane, [to, found] { *found = resolve(to); },
      [self = self_, found] {
        Dial* const dial = *self;
        if (dial == nullptr) return;
        if (!*found) return dial->finish(std::unexpected(found->error()));
        dial->left_ = std::move(**found);
        std::reverse(dial->left_.begin(), dial->left_.end());
        dial->try_next();
      });
}

void Dial::try_next() {
  while (!left_.empty()) {
    current_ = left_.back();
    left_.pop_back();
    if (begin(current_)) return;
  }
  finish(std::unexpected(std::move(last_)));
}

bool Dial::begin(const SocketAddress& address) {
  fd_.reset(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_) {
    last_ = base::system_error(address.text(), errno);
    return false;
  }
  set_stream_options(fd_.value());
  if (::connect(fd_.value(), &address.generic, address.size()) != 0 && errno != EINPROGRESS) {
    last_ = base::system_error(address.text(), errno);
    fd_.reset();
    return false;
  }
  if (auto watched = loop_.watch(fd_.value(), *this, EPOLLOUT); !watched) {
    last_ = std::move(watched).error();
    fd_.reset();
    return false;
  }
  if (!left_.empty()) {
    const auto share = (until_ - loop_.now()) / static_cast<std::int64_t>(left_.size() + 1);
    timer_ = loop_.after(share, [this] { fail_attempt(ETIMEDOUT); });
  }
  return true;
}

void Dial::fail_attempt(int error) {
  loop_.cancel(timer_);
  loop_.unwatch(fd_.value());
  fd_.reset();
  last_ = base::system_error(current_.text(), error);
  try_next();
}

void Dial::ready(std::uint32_t) {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd_.value(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return fail_attempt(error);
  loop_.unwatch(fd_.value());
  finish(Connected{std::move(fd_), current_});
}

void Dial::finish(base::Result<Connected> outcome) {
  const Done done = std::move(done_);
  done(std::move(outcome));
}

}  // namespace selvedge::os
