// TlsSession: TLS on one connected, non-blocking socket.
//
// OpenSSL reads and writes the socket itself, which costs one copy and a quarter of the memory of
// going through memory buffers. Loop thread.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "os/stream.h"

struct ssl_st;
struct x509_st;
struct x509_store_ctx_st;

namespace selvedge::os {

class TlsContext;

// What came of one operation on a socket.
struct Io {
  enum class Is : std::uint8_t { done, wait_read, wait_write, end, error };
  Is is = Is::done;
  std::size_t count = 0;   // bytes moved; with read() also beside another `is`
  int error_number = 0;    // with Is::error: from the system, or 0 if from TLS: see error()
};

class TlsSession {
 public:
  // `host` is what a client expects the server's certificate to name; empty on a server.
  // `peer` is filled in by the handshake; its address is there before.
  static base::Result<std::unique_ptr<TlsSession>> create(std::shared_ptr<const TlsContext> context,
                                                          int fd, const std::string& host,
                                                          Peer& peer);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  Io handshake();
  // Fills `into` as far as there is input. wait_read if there is no more, done if there may be.
  Io read(std::span<std::uint8_t> into);
  Io write(base::BytesView bytes);
  Io shut_down();          // says that nothing follows
  bool resumed() const;    // the handshake was cut short by a ticket
  bool has_input() const;  // taken from the socket and not yet read

  // Why the last operation failed, if it was not the system.
  const base::Error& error() const { return error_; }
  // The subject of a certificate that was refused, or nothing.
  const std::string& refused_subject() const { return refused_subject_; }

  // For the callbacks of the handshake: whether the peer is let in, and where its ticket goes.
  bool judge(bool trusted, x509_store_ctx_st* store);
  const TlsContext& context() const { return *context_; }
  const std::string& resume_key() const { return resume_key_; }

 private:

  TlsSession(std::shared_ptr<const TlsContext> context, ssl_st* ssl, Peer& peer)
      : context_(std::move(context)), ssl_(ssl), peer_(peer) {}
  Io outcome(int result, std::size_t count);
  base::Result<void> check_resumed();
  void expect(const std::string& host);
  void refuse(x509_st* certificate, std::string why);

  std::shared_ptr<const TlsContext> context_;
  ssl_st* ssl_;
  Peer& peer_;
  std::string resume_key_;  // of a client
  std::string refused_subject_;
  base::Error error_;
};

}  // namespace selvedge::os
