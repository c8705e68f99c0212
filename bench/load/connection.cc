#include "load/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace selvedge::bench {
namespace {

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "mqtt_load: %s: %s\n", what, std::strerror(errno));
  std::exit(2);
}

std::string tls_problem() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

bool must_wait(int error) { return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE; }

}  // namespace

Poller::Poller() : descriptor_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (descriptor_ < 0) give_up("epoll");
}
Poller::~Poller() { ::close(descriptor_); }

void Poller::poll(std::uint64_t nanoseconds) {
  std::array<epoll_event, 512> events;
  timespec time{};
  time.tv_sec = static_cast<time_t>(nanoseconds / 1'000'000'000);
  time.tv_nsec = static_cast<long>(nanoseconds % 1'000'000'000);
  const int count = ::epoll_pwait2(descriptor_, events.data(), events.size(), &time, nullptr);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    static_cast<Connection*>(event.data.ptr)->ready(event.events);
  }
}

void FreeContext::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

TlsContext make_tls(const Options& options) {
  if (!options.tls()) return nullptr;
  TlsContext made(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const tls = made.get();
  SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
  SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  // One suite, so that servers with different tastes do the same work.
  bool good = SSL_CTX_set_ciphersuites(tls, options.suites.c_str()) == 1;
  if (good && !options.authority.empty()) {
    good = SSL_CTX_load_verify_locations(tls, options.authority.c_str(), nullptr) == 1;
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, nullptr);
  }
  if (good && !options.certificate.empty())
    good = SSL_CTX_use_certificate_chain_file(tls, options.certificate.c_str()) == 1 &&
           SSL_CTX_use_PrivateKey_file(tls, options.key.c_str(), SSL_FILETYPE_PEM) == 1;
  if (!good) {
    std::fprintf(stderr, "mqtt_load: TLS files: %s\n", tls_problem().c_str());
    std::exit(2);
  }
  return made;
}

Connection::Connection(Poller& poller, std::uint16_t port, SSL_CTX* tls, Receiver& receiver)
    : poller_(poller), receiver_(receiver), socket_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  if (socket_ < 0) give_up("socket");
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0 && errno != EINPROGRESS)
    give_up("connect");
  if (tls != nullptr) {
    tls_ = SSL_new(tls);
    SSL_set_fd(tls_, socket_);
    SSL_set_connect_state(tls_);
  }
  await(EPOLLIN | EPOLLOUT);
}

Connection::~Connection() { close(); }

void Connection::close() {
  SSL_free(tls_);
  tls_ = nullptr;
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

void Connection::end(std::string_view why) {
  close();
  receiver_.ended(*this, why);
}

std::string_view Connection::cipher() const {
  return tls_ == nullptr ? std::string_view() : SSL_get_cipher_name(tls_);
}

void Connection::await(std::uint32_t events) {
  if (events == awaited_) return;
  epoll_event event{};
  event.events = events;
  event.data.ptr = this;
  ::epoll_ctl(poller_.descriptor(), awaited_ == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket_, &event);
  awaited_ = events;
}

void Connection::ready(std::uint32_t events) {
  if (closed()) return;
  if (!connected_ && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return end(std::strerror(error));
    connected_ = true;
  }
  if (!connected_ || (tls_ != nullptr && !secure_ && !shake_hands())) return;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read();
  if (!closed() && (blocked() || awaited_ != EPOLLIN)) flush();
}

bool Connection::shake_hands() {
  const int result = SSL_do_handshake(tls_);
  if (result == 1) return secure_ = true;
  const int error = SSL_get_error(tls_, result);
  if (!must_wait(error)) {
    end("TLS handshake: " + tls_problem());
    return false;
  }
  await(error == SSL_ERROR_WANT_WRITE ? EPOLLIN | EPOLLOUT : EPOLLIN);
  return false;
}

void Connection::flush() {
  if (closed() || !connected_ || (tls_ != nullptr && !secure_)) return;
  while (blocked()) {
    const char* const from = out_.data() + sent_;
    const std::size_t left = out_.size() - sent_;
    ssize_t n = 0;
    if (tls_ != nullptr) {
      n = SSL_write(tls_, from, static_cast<int>(std::min<std::size_t>(left, 16384)));
      if (n <= 0) {
        if (!must_wait(SSL_get_error(tls_, static_cast<int>(n)))) return end("TLS write: " + tls_problem());
        return await(EPOLLIN | EPOLLOUT);
      }
    } else {
      n = ::send(socket_, from, left, MSG_NOSIGNAL);
      if (n < 0) {
        if (errno != EAGAIN) return end(std::strerror(errno));
        return await(EPOLLIN | EPOLLOUT);
      }
    }
    sent_ += static_cast<std::size_t>(n);
  }
  out_.clear();
  sent_ = 0;
  await(EPOLLIN);
}

void Connection::read() {
  static std::vector<char> buffer(256 << 10);
  for (;;) {
    ssize_t n = 0;
    if (tls_ != nullptr) {
      n = SSL_read(tls_, buffer.data(), static_cast<int>(buffer.size()));
      if (n <= 0) {
        const int error = SSL_get_error(tls_, static_cast<int>(n));
        if (must_wait(error)) return;
        return end(error == SSL_ERROR_ZERO_RETURN ? "closed by the server" : "TLS read: " + tls_problem());
      }
    } else {
      n = ::recv(socket_, buffer.data(), buffer.size(), 0);
      if (n < 0 && errno == EAGAIN) return;
      if (n <= 0) return end(n == 0 ? "closed by the server" : std::strerror(errno));
    }
    receiver_.received(*this, {buffer.data(), static_cast<std::size_t>(n)});
    if (closed()) return;
    // A short read of a plain socket has emptied it.
    if (tls_ == nullptr && static_cast<std::size_t>(n) < buffer.size()) return;
  }
}

}  // namespace selvedge::bench
