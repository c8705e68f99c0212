// TcpNetwork: listening and connecting on the real machine.

#pragma once

#include "os/network_core.h"
#include "os/stream.h"

namespace selvedge::os {

class TcpNetwork final : public Network {
 public:
  explicit TcpNetwork(EpollLoop& loop) : core_(loop) {}

  base::Result<std::shared_ptr<Tls>> server_tls(const TlsConfig& config) override;
  base::Result<std::shared_ptr<Tls>> client_tls(const TlsConfig& config) override;
  base::Result<std::unique_ptr<Listener>> listen(const Endpoint& at, std::shared_ptr<Tls> tls,
                                                 Accept accept) override;
  std::unique_ptr<Stream> connect(const Endpoint& to, std::shared_ptr<Tls> tls,
                                  base::Duration timeout, StreamEvents& events) override;

  const Stats& stats() const { return core_.stats; }

 private:
  NetworkCore core_;
};

}  // namespace selvedge::os
