#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <vector>

#include "parts.h"

namespace selvedge::bench {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

struct Free {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

SSL_SESSION* latest = nullptr;   // the ticket that came last

Owned<SSL_CTX> make_context(const std::string& folder, bool chacha) {
  Owned<SSL_CTX> context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(context.get(),
                           chacha ? "TLS_CHACHA20_POLY1305_SHA256" : "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set1_groups_list(context.get(), "X25519");
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), [](SSL*, SSL_SESSION* session) {
    SSL_SESSION_free(latest);
    latest = session;
    return 1;
  });
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const bool well =
      SSL_CTX_load_verify_locations(context.get(), (folder + "/ca.crt").c_str(), nullptr) == 1 &&
      SSL_CTX_use_certificate_file(context.get(), (folder + "/client.crt").c_str(), SSL_FILETYPE_PEM) == 1 &&
      SSL_CTX_use_PrivateKey_file(context.get(), (folder + "/client.key").c_str(), SSL_FILETYPE_PEM) == 1;
  if (!well) context.reset();
  return context;
}

int dial(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return fd;
  ::close(fd);
  return -1;
}

// Waits for the ticket: the first thing a server of TLS 1.3 says after the handshake.
void take_ticket(SSL* ssl, int fd) {
  pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
  if (::poll(&wait, 1, 1000) != 1) return;
  // Handshake messages are taken in; there is no data to come back with, so it would wait for that.
  SSL_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
  char ignored = 0;
  SSL_read(ssl, &ignored, 1);
}

}  // namespace

int shake_hands(const std::string& folder, std::uint16_t port, bool resumed, int count) {
  const auto context = make_context(folder, false);
  if (!context) return 1;
  int taken_up = 0;
  const auto begin = Clock::now();
  for (int i = 0; i < count; ++i) {
    const int fd = dial(port);
    if (fd < 0) return 1;
    const Owned<SSL> ssl(SSL_new(context.get()));
    SSL_set_fd(ssl.get(), fd);
    if (resumed && latest != nullptr) SSL_set_session(ssl.get(), latest);
    if (SSL_connect(ssl.get()) != 1) return 1;
    taken_up += SSL_session_reused(ssl.get());
    take_ticket(ssl.get(), fd);
    SSL_set_shutdown(ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    ::close(fd);
  }
  std::printf("{\"seconds\":%.6f,\"handshakes\":%d,\"resumed\":%d}\n", since(begin), count, taken_up);
  return 0;
}

int receive(const std::string& folder, std::uint16_t port, bool chacha, std::uint64_t mebibytes) {
  const auto context = make_context(folder, chacha);
  const int fd = dial(port);
  if (!context || fd < 0) return 1;
  const Owned<SSL> ssl(SSL_new(context.get()));
  SSL_set_fd(ssl.get(), fd);
  if (SSL_connect(ssl.get()) != 1) return 1;
  std::vector<char> into(64 << 10);
  const std::uint64_t wanted = mebibytes << 20;
  std::uint64_t got = 0;
  const auto begin = Clock::now();
  while (got < wanted) {
    const int count = SSL_read(ssl.get(), into.data(), static_cast<int>(into.size()));
    if (count <= 0) return 1;
    got += static_cast<std::uint64_t>(count);
  }
  std::printf("{\"seconds\":%.6f,\"bytes\":%llu,\"cipher\":\"%s\"}\n", since(begin),
              static_cast<unsigned long long>(got), SSL_get_cipher_name(ssl.get()));
  ::close(fd);
  return 0;
}

}  // namespace selvedge::bench
