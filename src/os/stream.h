// Stream: one connection, plain or TLS, as bytes in and bytes out.
//
// Output is collected and written once at the end of a loop turn, so many small writes in a turn
// cost one system call. Input arrives in a buffer shared by all streams of the loop; what a caller
// does not consume it must copy. An idle stream holds no buffer.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace selvedge::os {

struct Endpoint {
  std::string host;  // a name or a literal address; "" listens on every address
  std::uint16_t port = 0;

  std::string text() const;  // host:port, [v6]:port
};

// "host:port", ":port", "[v6]:port". Code::invalid_input otherwise.
base::Result<Endpoint> parse_endpoint(std::string_view text);

// Who is at the other end, as far as the transport knows.
struct Peer {
  std::string address;               // "127.0.0.1:40112"
  bool loopback = false;
  bool encrypted = false;
  std::string common_name;           // of its certificate; empty if it showed none
  std::vector<std::string> uris;     // subject alternative names of type URI
  std::string serial;                // of its certificate, lower-case hex
  std::int64_t not_after = 0;        // end of its certificate, seconds since 1970; 0 if none
};

class Stream;

class StreamEvents {
 public:
  virtual ~StreamEvents() = default;

  // An outgoing connection is open, its TLS handshake done. Not called for accepted streams, which
  // are handed over open.
  virtual void on_open(Stream&) {}
  // `bytes` is valid during the call only. The stream may be destroyed or closed inside.
  virtual void on_bytes(Stream&, base::BytesView bytes) = 0;
  // Unsent output has fallen to nothing after unsent() had passed 64 KiB.
  virtual void on_drained(Stream&) {}
  // Called once, last: the peer closed (Code::unavailable, "closed by peer"), an error, or close()
  // has finished. Not called after the stream was destroyed. The stream may be destroyed inside.
  virtual void on_close(Stream&, const base::Error& why) = 0;
};

class Stream {
 public:
  virtual ~Stream() = default;  // closes at once, without flushing

  virtual void set_events(StreamEvents& events) = 0;
  virtual void write(base::BytesView bytes) = 0;   // copies; never fails here
  virtual std::size_t unsent() const = 0;          // bytes written and not yet taken by the system
  virtual void close() = 0;                        // flushes what is unsent (at most 5 s), then ends
  virtual void pause() = 0;                        // stop reading: the peer feels back-pressure
  virtual void resume() = 0;
  virtual const Peer& peer() const = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;  // stops accepting; accepted streams live on
  virtual std::uint16_t port() const = 0;
};

// Keys and certificates for one side. PEM text, so that they may come from memory or a file.
struct TlsConfig {
  std::string certificate;   // own chain, leaf first; may be empty on a client
  std::string key;
  std::string trusted;       // CA certificates for the other side; empty on a client: the system's
  enum class PeerCertificate : std::uint8_t { none, optional, required } peer =
      PeerCertificate::required;
  bool tls13_only = false;
  std::string server_name;   // client: the name to verify, if not the endpoint's host
  // Prefer ChaCha20-Poly1305 when this CPU lacks AES instructions; set to force it.
  bool chacha20_only = false;
  // Asked after the chain was verified; an error refuses the peer (revocation) and is logged.
  std::function<base::Result<void>(const Peer&)> admit;
};

// One TLS identity, shared by any number of listeners and connections.
class Tls {
 public:
  virtual ~Tls() = default;
  // Takes new keys and trust for connections from now on; open ones keep running.
  virtual base::Result<void> replace(const TlsConfig& config) = 0;
};

// Sets the events of what it keeps before it returns.
using Accept = std::function<void(std::unique_ptr<Stream>)>;

class Network {
 public:
  virtual ~Network() = default;

  virtual base::Result<std::shared_ptr<Tls>> server_tls(const TlsConfig& config) = 0;
  virtual base::Result<std::shared_ptr<Tls>> client_tls(const TlsConfig& config) = 0;

  // `accept` gets each stream when it is open (TLS handshake done and admitted). Port 0 takes a
  // free port. Failed handshakes are logged (throttled) and counted here.
  virtual base::Result<std::unique_ptr<Listener>> listen(const Endpoint& at,
                                                         std::shared_ptr<Tls> tls,
                                                         Accept accept) = 0;
  // Returns at once; on_open or on_close follows, never within this call. `tls` may be null.
  virtual std::unique_ptr<Stream> connect(const Endpoint& to, std::shared_ptr<Tls> tls,
                                          base::Duration timeout, StreamEvents& events) = 0;
};

}  // namespace selvedge::os
