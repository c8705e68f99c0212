// The os::Network of one life of a machine: the programs' side of the fabric.

#include <cerrno>

#include "os/fake/fabric.h"
#include "os/fake/machine.h"

namespace selvedge::os::fake {
namespace {

class FakeListener final : public Listener {
 public:
  explicit FakeListener(std::shared_ptr<Listening> listening, Fabric& fabric)
      : listening_(std::move(listening)), fabric_(fabric) {}
  ~FakeListener() override {
    if (listening_->life->alive()) fabric_.stop_listening(*listening_);
  }
  std::uint16_t port() const override { return listening_->port; }

 private:
  std::shared_ptr<Listening> listening_;
  Fabric& fabric_;
};

}  // namespace

class FakeNetwork final : public Network {
 public:
  FakeNetwork(Fabric& fabric, Life& life) : fabric_(fabric), life_(life) {}

  base::Result<std::shared_ptr<Tls>> server_tls(const TlsConfig& config) override {
    auto identity = TRY(Identity::parse(config));
    if (!identity->own)
      return base::fail(base::Code::invalid_input, "set up TLS: a server needs a certificate");
    return std::make_shared<FakeTls>(std::move(identity));
  }

  base::Result<std::shared_ptr<Tls>> client_tls(const TlsConfig& config) override {
    return std::make_shared<FakeTls>(TRY(Identity::parse(config)));
  }

  base::Result<std::unique_ptr<Listener>> listen(const Endpoint& at, std::shared_ptr<Tls> tls,
                                                 Accept accept) override {
    if (!life_.alive()) return life_.down("listen on port " + std::to_string(at.port));
    auto listening = TRY(fabric_.listen(life_, at));
    listening->tls = std::static_pointer_cast<FakeTls>(std::move(tls));
    listening->accept = std::move(accept);
    return std::make_unique<FakeListener>(std::move(listening), fabric_);
  }

  std::unique_ptr<Stream> connect(const Endpoint& to, std::shared_ptr<Tls> tls,
                                  base::Duration timeout, StreamEvents& events) override {
    Machine& here = life_.machine();
    Machine* const there = fabric_.find_machine(to.host, here);
    const auto socket = fabric_.make_socket(life_, there != nullptr ? *there : here);
    auto handle = std::make_unique<StreamHandle>(socket);
    socket->events_ = &events;
    socket->purpose_ = "connect to " + to.host + ":" + std::to_string(to.port);
    if (!life_.alive()) {
      fabric_.forget(*socket);
      return handle;
    }
    start(*socket, to, there, std::move(tls), timeout);
    return handle;
  }

 private:
  void start(Socket& socket, const Endpoint& to, Machine* there, std::shared_ptr<Tls> tls,
             base::Duration timeout) {
    if (there == nullptr)
      return socket.fail(base::Error{base::Code::unavailable, socket.purpose_ + ": no such host"});
    if (fabric_.unreachable(life_.machine(), *there))
      return socket.fail(base::system_error(socket.purpose_, ENETUNREACH));
    socket.remote_identity_.loopback = there == &life_.machine();
    socket.remote_identity_.address =
        (socket.remote_identity_.loopback ? "127.0.0.1" : there->address()) + ":" +
        std::to_string(to.port);
    if (tls) {
      socket.identity_ = std::static_pointer_cast<FakeTls>(std::move(tls))->identity();
      const std::string& wanted = socket.identity_->config.server_name;
      socket.server_name_ = wanted.empty() ? to.host : wanted;
    }
    life_.in(timeout, [self = socket.shared_from_this()] {
      if (self->connecting())
        self->fail(base::Error{base::Code::unavailable, self->purpose_ + ": timed out"});
    });
    Segment syn;
    syn.kind = Segment::Kind::syn;
    syn.port = to.port;
    fabric_.send(socket, std::move(syn));
  }

  Fabric& fabric_;
  Life& life_;
};

std::unique_ptr<Network> Fabric::network_of(Life& life) {
  return std::make_unique<FakeNetwork>(*this, life);
}

}  // namespace selvedge::os::fake
