// Fabric: the network of a simulation: links, sockets, listeners, and how segments travel. Private
// to os/fake.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "os/fake/link.h"
#include "os/fake/random.h"
#include "os/fake/socket.h"
#include "os/stream.h"

namespace selvedge::os::fake {

class Kernel;

// What a Listener stands for.
struct Listening {
  Life* life = nullptr;
  std::uint16_t port = 0;
  bool loopback_only = false;
  bool open = true;
  std::shared_ptr<FakeTls> tls;
  Accept accept;
};

class Fabric {
 public:
  Fabric(Kernel& kernel, Random random) : kernel_(kernel), random_(random) {}

  LinkModel default_model;
  // How often a delivery is cut at a random place.
  double fragmentation = 0.2;

  std::unique_ptr<Network> network_of(Life& life);
  void add(Machine& machine);
  // By name or address; "localhost" and its like are `from` itself.
  Machine* find_machine(std::string_view host, Machine& from);
  Link& link(const Machine& a, const Machine& b);

  // ---- for machines
  void life_ended(Life& life, bool tell_peers);
  void machine_started(Machine& machine);

  // ---- for links
  void reset_connections(const Link& link, std::string_view why);
  void forget_connections(const Link& link);
  void send_again(const Link& link);
  void reset_if_still_cut(Link& link);
  void hold(Link& link, base::Duration time);

  // ---- for sockets
  std::shared_ptr<Socket> make_socket(Life& life, Machine& remote);
  std::shared_ptr<Socket> find(std::uint64_t id) const;
  void forget(Socket& socket) { sockets_.erase(socket.id_); }
  void pump(Socket& socket);                   // sends what the windows let through
  void send(Socket& from, Segment segment);
  void reset_peer(Socket& socket, std::string_view why);
  void reset_peer(Socket& socket, base::Error why);
  void has_read(Socket& socket);
  std::size_t piece_of(std::size_t size);      // size, or less

  base::Result<std::shared_ptr<Listening>> listen(Life& life, const Endpoint& at);
  void stop_listening(Listening& listening);
  bool unreachable(const Machine& from, const Machine& to);
  std::shared_ptr<Listening> listening(const Machine& machine, std::uint16_t port) const;
  std::uint16_t ephemeral_port() { return static_cast<std::uint16_t>(40'000 + ports_++ % 20'000); }

 private:
  friend class Handshake;
  void stick(Socket& from, Segment segment);
  void transmit(Socket& from, Segment segment);
  void arrive(Segment segment);
  void deliver_in_order(Segment segment, const std::shared_ptr<Socket>& to);
  void deliver(const Segment& segment, const std::shared_ptr<Socket>& to);
  void answer_reset(const Segment& segment, std::string_view why);
  void send_reset(Machine& from, Machine& to, std::uint64_t socket, base::Error why,
                  base::Instant not_before);
  base::Duration latency(const Link& link);
  bool uses(const Socket& socket, const Link& link);

  Kernel& kernel_;
  Random random_;
  std::map<std::string, Machine*, std::less<>> machines_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::unique_ptr<Link>> links_;
  std::map<std::uint64_t, std::shared_ptr<Socket>> sockets_;
  std::map<std::pair<std::uint32_t, std::uint16_t>, std::shared_ptr<Listening>> listening_;
  std::uint64_t next_socket_ = 1;
  std::uint64_t ports_ = 0;
};

}  // namespace selvedge::os::fake
