// Connection and Poller: non-blocking sockets on one epoll, with or without TLS. One thread.

#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "load/options.h"

namespace selvedge::bench {

class Connection;

class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual void received(Connection& connection, std::string_view bytes) = 0;
  virtual void ended(Connection& connection, std::string_view why) = 0;
};

class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Serves what is ready, waiting for it at most so long.
  void poll(std::uint64_t nanoseconds);
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

// Client TLS: the server's certificate is checked against the CA, not its name.
struct FreeContext {
  void operator()(SSL_CTX* context) const;
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeContext>;
TlsContext make_tls(const Options& options);   // null without TLS; ends the program on a bad file

class Connection {
 public:
  // Connects to a port of this machine; what is sent meanwhile waits. `tls` may be null.
  Connection(Poller& poller, std::uint16_t port, SSL_CTX* tls, Receiver& receiver);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Queues bytes; flush() hands the queue to the kernel, as far as it goes.
  std::string& queue() { return out_; }
  void flush();
  bool blocked() const { return sent_ < out_.size(); }
  bool closed() const { return socket_ < 0; }
  std::string_view cipher() const;   // of TLS; empty without
  void close();

 private:
  friend class Poller;
  void ready(std::uint32_t events);
  bool shake_hands();
  void read();
  void end(std::string_view why);
  void await(std::uint32_t events);

  Poller& poller_;
  Receiver& receiver_;
  int socket_;
  SSL* tls_ = nullptr;
  bool connected_ = false, secure_ = false;
  std::uint32_t awaited_ = 0;
  std::string out_;
  std::size_t sent_ = 0;
};

}  // namespace selvedge::bench
