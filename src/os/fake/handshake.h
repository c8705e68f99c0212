// Handshake: how a fake connection opens: three TCP segments, then TLS 1.3 if asked for. Private to
// os/fake.
//
//   client  syn ->                hello ->                  finished (client certificate) ->
//   server        <- syn_ack            <- server_hello (certificate)
//
// The client is open once it likes the server's certificate; the server hands the stream over once
// it likes the client's. Without TLS `finished` is the plain acknowledgement.

#pragma once

#include <memory>

#include "os/fake/fabric.h"

namespace selvedge::os::fake {

class Handshake {
 public:
  explicit Handshake(Fabric& fabric) : fabric_(fabric) {}

  void syn(const Segment& segment);
  void syn_ack(const Segment& segment, const std::shared_ptr<Socket>& client);
  void hello(const std::shared_ptr<Socket>& server);
  void server_hello(const Segment& segment, const std::shared_ptr<Socket>& client);
  void finished(const Segment& segment, const std::shared_ptr<Socket>& server);

 private:
  void refuse(Socket& socket, base::Error why);
  void accept(const std::shared_ptr<Socket>& server);

  Fabric& fabric_;
};

}  // namespace selvedge::os::fake
