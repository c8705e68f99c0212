// TcpListener: takes connections and, with TLS, brings their handshakes to an end.
//
// Connections wait for their handshake in an engine::HandshakeQueue, which says who is next, so that a
// storm of reconnecting nodes neither starves those that are connected nor is worked off for peers
// that have given up; beyond its bound they wait in the kernel. A handshake has 10 s. Sources whose
// handshakes fail often are slowed down, and locked out never. Without descriptors left a connection is taken and dropped, so that the peer knows and the loop can rest.

#pragma once

#include <memory>
#include <unordered_map>

#include "engine/admission/handshake_queue.h"
#include "os/network_core.h"
#include "os/tcp_stream.h"
#include "os/tls_context.h"

namespace selvedge::os {

class TcpListener final : public Listener, public Watch, private StreamEvents {
 public:
  static base::Result<std::unique_ptr<TcpListener>> create(NetworkCore& core, const Endpoint& at,
                                                           std::shared_ptr<OpensslTls> tls,
                                                           Accept accept);
  ~TcpListener() override;
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;

  std::uint16_t port() const override { return port_; }
  void ready(std::uint32_t events) override;

 private:
  TcpListener(NetworkCore& core, Fd fd, std::shared_ptr<OpensslTls> tls, Accept accept);

  void take(Fd fd, const SocketAddress& from);
  bool take_and_drop(int error);
  void hand_over(std::unique_ptr<Stream> stream);
  void pump();
  void set_accepting();
  void end_handshake();

  void on_open(Stream& stream) override;
  void on_bytes(Stream&, base::BytesView) override {}
  void on_close(Stream& stream, const base::Error& why) override;

  NetworkCore& core_;
  Fd fd_, spare_fd_;
  std::uint16_t port_ = 0;
  bool full_ = false;      // too many wait: not accepting
  bool pumping_ = false;
  TimerId wake_ = TimerId::none;
  bool* gone_ = nullptr;   // set while accept_ runs, for the destructor to say so
  std::shared_ptr<OpensslTls> tls_;
  std::shared_ptr<Accept> accept_;
  engine::HandshakeQueue queue_{engine::HandshakeLimits{}};
  std::uint64_t visitors_ = 0;
  std::unordered_map<engine::Visitor, std::unique_ptr<TcpStream>> waiting_;
  std::unordered_map<const Stream*, engine::Visitor> waiting_streams_;
  std::unordered_map<Stream*, std::unique_ptr<TcpStream>> handshakes_;
};

}  // namespace selvedge::os
