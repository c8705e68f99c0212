#include "os/tcp_network.h"

#include <utility>

#include "os/tcp_listener.h"
#include "os/tcp_stream.h"
#include "os/tls_context.h"

namespace selvedge::os {

base::Result<std::shared_ptr<Tls>> TcpNetwork::server_tls(const TlsConfig& config) {
  return OpensslTls::create(TlsSide::server, config);
}

base::Result<std::shared_ptr<Tls>> TcpNetwork::client_tls(const TlsConfig& config) {
  return OpensslTls::create(TlsSide::client, config);
}

// Every Tls that a caller can hold came from the two functions above, so the casts are safe.
base::Result<std::unique_ptr<Listener>> TcpNetwork::listen(const Endpoint& at,
                                                           std::shared_ptr<Tls> tls,
                                                           Accept accept) {
  return TcpListener::create(core_, at, std::static_pointer_cast<OpensslTls>(std::move(tls)),
                             std::move(accept));
}

std::unique_ptr<Stream> TcpNetwork::connect(const Endpoint& to, std::shared_ptr<Tls> tls,
                                            base::Duration timeout, StreamEvents& events) {
  auto stream = std::make_unique<TcpStream>(core_);
  const auto openssl = std::static_pointer_cast<OpensslTls>(std::move(tls));
  stream->dial(to, openssl ? openssl->current() : nullptr, timeout, events);
  return stream;
}

}  // namespace selvedge::os
