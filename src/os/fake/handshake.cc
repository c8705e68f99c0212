#include "os/fake/handshake.h"

#include "os/fake/machine.h"

namespace selvedge::os::fake {
namespace {

constexpr std::chrono::seconds server_patience{10};

using Kind = Segment::Kind;

Segment segment_of(Kind kind) {
  Segment segment;
  segment.kind = kind;
  return segment;
}

std::string address_of(const Machine& machine, const Machine& seen_from, std::uint16_t port) {
  return (&machine == &seen_from ? "127.0.0.1" : machine.address()) + ":" + std::to_string(port);
}

}  // namespace

void Handshake::syn(const Segment& segment) {
  Machine& machine = *segment.target;
  const auto client = fabric_.find(segment.from);
  if (!client) return;
  const auto listening = fabric_.listening(machine, segment.port);
  const bool local = segment.source == &machine;
  if (!listening || (listening->loopback_only && !local)) {
    fabric_.answer_reset(segment, client->purpose_ + ": connection refused");
    return;
  }
  const auto server = fabric_.make_socket(*listening->life, *segment.source);
  server->peer_ = client->id_;
  server->expected_ = segment.number + 1;
  server->listening_ = listening;
  server->remote_identity_.address =
      address_of(*segment.source, machine, fabric_.ephemeral_port());
  server->remote_identity_.loopback = local;
  if (listening->tls) server->identity_ = listening->tls->identity();
  listening->life->in(server_patience, [fabric = &fabric_, server] {
    if (!server->connecting()) return;
    fabric->reset_peer(*server, "handshake timed out");
    server->fail(base::Error{base::Code::unavailable, "handshake timed out"});
  });
  fabric_.send(*server, segment_of(Kind::syn_ack));
}

void Handshake::syn_ack(const Segment& segment, const std::shared_ptr<Socket>& client) {
  client->peer_ = segment.from;
  if (client->identity_) return fabric_.send(*client, segment_of(Kind::hello));
  fabric_.send(*client, segment_of(Kind::finished));
  client->opened();
}

void Handshake::hello(const std::shared_ptr<Socket>& server) {
  if (!server->identity_)
    return refuse(*server, base::Error{base::Code::unavailable,
                                       "TLS handshake: the peer does not speak TLS"});
  Segment answer = segment_of(Kind::server_hello);
  answer.identity = server->identity_;
  fabric_.send(*server, std::move(answer));
}

// Runs in a turn of the client: `admit` belongs to its program.
void Handshake::server_hello(const Segment& segment, const std::shared_ptr<Socket>& client) {
  client->life_.soon([this_fabric = &fabric_, client, shown = segment.identity] {
    Handshake self(*this_fabric);
    if (!client->connecting()) return;
    auto checked = verify(*client->identity_, shown->own, client->life_.wall_now(),
                          client->remote_identity_);
    if (checked && client->identity_->config.peer != TlsConfig::PeerCertificate::none &&
        shown->own && !has_name(*shown->own, client->server_name_))
      checked = base::fail(base::Code::denied, "TLS handshake: certificate of " +
                                                   shown->own->common_name + " is not for " +
                                                   client->server_name_);
    if (!client->connecting()) return;
    if (!checked) {
      self.fabric_.reset_peer(*client, "TLS handshake: the peer refused our certificate");
      client->fail(std::move(checked).error().while_doing(client->purpose_));
      return;
    }
    Segment answer = segment_of(Kind::finished);
    answer.identity = client->identity_;
    self.fabric_.send(*client, std::move(answer));
    client->opened();
  });
}

void Handshake::finished(const Segment& segment, const std::shared_ptr<Socket>& server) {
  server->life_.soon([this_fabric = &fabric_, server, shown = segment.identity] {
    Handshake self(*this_fabric);
    if (!server->connecting()) return;
    if (server->identity_) {
      if (!shown)
        return self.refuse(*server, base::Error{base::Code::unavailable, "closed by peer"});
      const auto checked = verify(*server->identity_, shown->own, server->life_.wall_now(),
                                  server->remote_identity_);
      if (!server->connecting()) return;
      if (!checked)
        return self.refuse(*server,
                           base::Error{base::Code::denied,
                                       "TLS handshake: the peer refused our certificate"});
    }
    self.accept(server);
  });
}

void Handshake::refuse(Socket& socket, base::Error why) {
  ++socket.life_.machine().failed_handshakes_;
  fabric_.reset_peer(socket, std::move(why));
  socket.fail(base::Error{base::Code::denied, "handshake refused"});
}

void Handshake::accept(const std::shared_ptr<Socket>& server) {
  const auto listening = std::move(server->listening_);
  server->listening_ = nullptr;
  if (!listening->open) {
    fabric_.reset_peer(*server, "connection reset by peer");
    return server->fail(base::Error{base::Code::unavailable, "the listener is gone"});
  }
  server->connected_ = true;
  listening->accept(std::make_unique<StreamHandle>(server));
}

}  // namespace selvedge::os::fake
