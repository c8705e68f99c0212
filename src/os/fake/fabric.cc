#include "os/fake/fabric.h"

#include <algorithm>
#include <cerrno>

#include "base/crc32c.h"
#include "os/fake/handshake.h"
#include "os/fake/kernel.h"
#include "os/fake/machine.h"

namespace selvedge::os::fake {
namespace {

constexpr std::size_t receive_window = 128 << 10;
constexpr std::size_t largest_segment = 16 << 10;
constexpr std::size_t segment_overhead = 60;
constexpr base::Duration loopback_latency = std::chrono::microseconds(20);

using Kind = Segment::Kind;

}  // namespace

// ---- sockets

std::shared_ptr<Socket> Fabric::make_socket(Life& life, Machine& remote) {
  const std::uint64_t id = next_socket_++;
  auto socket = std::make_shared<Socket>(*this, life, id, remote);
  sockets_.emplace(id, socket);
  return socket;
}

std::shared_ptr<Socket> Fabric::find(std::uint64_t id) const {
  const auto found = sockets_.find(id);
  return found == sockets_.end() ? nullptr : found->second;
}

void Fabric::pump(Socket& socket) {
  const Link& way = link(socket.life_.machine(), socket.remote_);
  // Small enough that a slow link is shared by the connections on it.
  const std::size_t rate = way.model.bytes_per_second;
  const std::size_t most =
      rate == 0 ? largest_segment : std::clamp<std::size_t>(rate / 20, 1448, largest_segment);
  while (!socket.queue_.empty()) {
    const auto peer = find(socket.peer_);
    const std::size_t used = socket.in_flight_ + (peer ? peer->unread_.size() : 0);
    if (used >= receive_window) return;
    const std::size_t n = std::min({most, receive_window - used, socket.queue_.size()});
    socket.in_flight_ += n;
    Segment segment;
    segment.bytes = socket.queue_.take(n);
    send(socket, std::move(segment));
  }
  if (!socket.fin_due_ || socket.fin_sent_) return;
  socket.fin_sent_ = true;
  Segment fin;
  fin.kind = Kind::fin;
  send(socket, std::move(fin));
}

void Fabric::has_read(Socket& socket) {
  if (const auto peer = find(socket.peer_)) peer->made_progress();
}

std::size_t Fabric::piece_of(std::size_t size) {
  if (size < 2 || !random_.chance(fragmentation)) return size;
  const std::size_t bound = random_.chance(0.3) ? std::min<std::size_t>(size, 8) : size;
  return 1 + random_.below(bound);
}

// ---- how segments travel

base::Duration Fabric::latency(const Link& way) {
  return way.model.latency + random_.between(base::Duration{0}, way.model.jitter);
}

void Fabric::send(Socket& from, Segment segment) {
  segment.from = from.id_;
  segment.to = from.peer_;
  segment.source = &from.life_.machine();
  segment.target = &from.remote_;
  segment.number = ++from.sent_;
  const Link& way = link(*segment.source, *segment.target);
  if (from.forgotten_ || !from.stuck_.empty() || way.silent()) stick(from, std::move(segment));
  else transmit(from, std::move(segment));
}

// The segment is lost; its sender has it still, and gives up after a while.
void Fabric::stick(Socket& from, Segment segment) {
  const bool first = from.stuck_.empty();
  from.stuck_.emplace(segment.number, std::move(segment));
  const Link& way = link(from.life_.machine(), from.remote_);
  if (!first || !way.model.user_timeout) return;
  const std::uint64_t since = ++from.stuck_since_;
  kernel_.schedule(kernel_.now() + *way.model.user_timeout, [this, id = from.id_, since] {
    const auto socket = find(id);
    if (!socket || socket->stuck_.empty() || socket->stuck_since_ != since) return;
    socket->fail(base::system_error("send", ETIMEDOUT));
  });
}

void Fabric::transmit(Socket& from, Segment segment) {
  Link& way = link(*segment.source, *segment.target);
  const std::size_t size = segment.bytes.size() + segment_overhead;
  way.bytes_carried_ += size;
  base::Instant leaves = kernel_.now();
  if (way.model.bytes_per_second > 0) {
    base::Instant& busy = way.busy_until_[segment.source->number() < segment.target->number()];
    leaves = std::max(leaves, busy) +
             base::Duration(static_cast<std::int64_t>(static_cast<double>(size) * 1e9 /
                                                      static_cast<double>(way.model.bytes_per_second)));
    busy = leaves;
  }
  base::Instant arrives = leaves + latency(way);
  arrives = std::max({arrives, from.last_arrival_, way.held_until_});
  from.last_arrival_ = arrives;
  kernel_.schedule(arrives, [this, moved = std::make_shared<Segment>(std::move(segment))] {
    arrive(std::move(*moved));
  });
}

void Fabric::arrive(Segment segment) {
  const Link& way = link(*segment.source, *segment.target);
  const auto sender = find(segment.from);
  if (way.silent() || !segment.target->alive() || (sender && sender->forgotten_)) {
    if (sender && segment.kind != Kind::rst) stick(*sender, std::move(segment));
    return;
  }
  kernel_.note("segment", static_cast<std::uint64_t>(segment.kind), base::crc32c(segment.bytes));
  if (segment.kind == Kind::syn) return Handshake(*this).syn(segment);
  if (sender && segment.kind == Kind::data) sender->in_flight_ -= segment.bytes.size();
  const auto to = find(segment.to);
  if (to && segment.kind == Kind::rst) return to->fail(segment.error);
  if (to) return deliver_in_order(std::move(segment), to);
  if (segment.kind == Kind::fin && sender) forget(*sender);
  else if (segment.kind != Kind::rst) answer_reset(segment, "connection reset by peer");
}

// What was lost and sent again may have been overtaken by what was sent later.
void Fabric::deliver_in_order(Segment segment, const std::shared_ptr<Socket>& to) {
  const std::uint64_t from = segment.from;
  auto& ahead = to->ahead_;
  ahead.emplace(segment.number, std::move(segment));
  while (!ahead.empty() && ahead.begin()->first == to->expected_) {
    const Segment next = std::move(ahead.begin()->second);
    ahead.erase(ahead.begin());
    ++to->expected_;
    deliver(next, to);
    const auto sender = find(from);
    if (!sender) continue;
    if (next.kind == Kind::data) sender->made_progress();
    if (next.kind == Kind::fin) forget(*sender);
  }
}

void Fabric::deliver(const Segment& segment, const std::shared_ptr<Socket>& to) {
  switch (segment.kind) {
    case Kind::data: return to->receive(segment.bytes);
    case Kind::fin: return to->receive_end();
    case Kind::rst:
    case Kind::syn: return;
    case Kind::syn_ack: return Handshake(*this).syn_ack(segment, to);
    case Kind::hello: return Handshake(*this).hello(to);
    case Kind::server_hello: return Handshake(*this).server_hello(segment, to);
    case Kind::finished: return Handshake(*this).finished(segment, to);
  }
}

void Fabric::answer_reset(const Segment& segment, std::string_view why) {
  send_reset(*segment.target, *segment.source, segment.from,
             base::Error{base::Code::unavailable, std::string(why)}, kernel_.now());
}

void Fabric::reset_peer(Socket& socket, std::string_view why) {
  reset_peer(socket, base::Error{base::Code::unavailable, std::string(why)});
}

void Fabric::reset_peer(Socket& socket, base::Error why) {
  if (socket.peer_ == 0 || socket.forgotten_ || !socket.stuck_.empty()) return;
  send_reset(socket.life_.machine(), socket.remote_, socket.peer_, std::move(why),
             socket.last_arrival_);
}

void Fabric::send_reset(Machine& from, Machine& to, std::uint64_t socket, base::Error why,
                        base::Instant not_before) {
  const Link& way = link(from, to);
  if (way.silent()) return;
  Segment segment;
  segment.kind = Kind::rst;
  segment.to = socket;
  segment.source = &from;
  segment.target = &to;
  segment.error = std::move(why);
  const base::Instant arrives =
      std::max({kernel_.now() + latency(way), not_before, way.held_until_});
  kernel_.schedule(arrives, [this, moved = std::move(segment)] { arrive(moved); });
}

// ---- what befalls many connections at once

bool Fabric::uses(const Socket& socket, const Link& way) {
  return &link(socket.life_.machine(), socket.remote_) == &way;
}

void Fabric::reset_connections(const Link& way, std::string_view why) {
  const auto all = sockets_;
  for (const auto& [id, socket] : all)
    if (uses(*socket, way)) socket->fail(base::Error{base::Code::unavailable, std::string(why)});
}

void Fabric::forget_connections(const Link& way) {
  for (const auto& [id, socket] : sockets_)
    if (uses(*socket, way)) socket->forgotten_ = true;
}

void Fabric::send_again(const Link& way) {
  for (const auto& [id, socket] : sockets_) {
    if (!uses(*socket, way) || socket->stuck_.empty() || socket->forgotten_) continue;
    // TCP tries again after a time that has grown with each loss.
    const base::Duration pause =
        random_.between(std::chrono::milliseconds(10), std::chrono::milliseconds(1500));
    kernel_.schedule(kernel_.now() + pause, [this, one = socket->id_] {
      const auto found = find(one);
      if (!found || found->forgotten_) return;
      auto again = std::move(found->stuck_);
      found->stuck_.clear();
      const Link& at = link(found->life_.machine(), found->remote_);
      for (auto& [number, segment] : again) {
        if (at.silent()) stick(*found, std::move(segment));
        else transmit(*found, std::move(segment));
      }
    });
  }
}

void Fabric::reset_if_still_cut(Link& way) {
  if (!way.model.user_timeout) return;
  kernel_.schedule(kernel_.now() + *way.model.user_timeout, [this, &way, which = way.cuts_] {
    if (way.cut_ == Cut::timeout && way.cuts_ == which)
      reset_connections(way, "connection timed out");
  });
}

void Fabric::hold(Link& way, base::Duration time) {
  way.held_until_ = std::max(way.held_until_, kernel_.now() + time);
}

void Fabric::life_ended(Life& life, bool tell_peers) {
  const auto all = sockets_;
  for (const auto& [id, socket] : all) {
    if (&socket->life_ != &life) continue;
    if (tell_peers) reset_peer(*socket, "connection reset by peer");
    socket->life_ended();
    forget(*socket);
  }
  std::erase_if(listening_, [&life](const auto& entry) { return entry.second->life == &life; });
}

void Fabric::machine_started(Machine& machine) {
  // Peers that were left in silence try again, and are told that nobody knows them.
  for (const auto& [pair, way] : links_)
    if ((pair.first == machine.number() || pair.second == machine.number()) && !way->silent())
      send_again(*way);
}

// ---- names, links, listeners

void Fabric::add(Machine& machine) { machines_.emplace(machine.name(), &machine); }

Machine* Fabric::find_machine(std::string_view host, Machine& from) {
  if (host.empty() || host == "localhost" || host == "127.0.0.1" || host == "::1") return &from;
  const auto found = machines_.find(host);
  if (found != machines_.end()) return found->second;
  for (const auto& [name, machine] : machines_)
    if (machine->address() == host) return machine;
  return nullptr;
}

Link& Fabric::link(const Machine& a, const Machine& b) {
  const std::uint32_t low = std::min(a.number(), b.number());
  const std::uint32_t high = std::max(a.number(), b.number());
  auto& found = links_[{low, high}];
  if (!found) {
    found = std::make_unique<Link>(*this);
    found->model = default_model;
    if (&a == &b) {
      found->model.latency = loopback_latency;
      found->model.jitter = loopback_latency;
    }
  }
  return *found;
}

base::Result<std::shared_ptr<Listening>> Fabric::listen(Life& life, const Endpoint& at) {
  const std::string step = "listen on " + at.host + ":" + std::to_string(at.port);
  Machine& machine = life.machine();
  const bool every = at.host.empty() || at.host == "0.0.0.0" || at.host == "::";
  if (!every && find_machine(at.host, machine) != &machine)
    return std::unexpected(base::system_error(step, EADDRNOTAVAIL));
  std::uint16_t port = at.port;
  while (port == 0 || (at.port == 0 && listening_.contains({machine.number(), port})))
    port = ephemeral_port();
  if (listening_.contains({machine.number(), port}))
    return std::unexpected(base::system_error(step, EADDRINUSE));
  auto listening = std::make_shared<Listening>();
  listening->life = &life;
  listening->port = port;
  listening->loopback_only =
      !every && (at.host == "localhost" || at.host == "127.0.0.1" || at.host == "::1");
  listening_.emplace(std::pair(machine.number(), port), listening);
  return listening;
}

void Fabric::stop_listening(Listening& listening) {
  listening.open = false;
  listening_.erase({listening.life->machine().number(), listening.port});
}

bool Fabric::unreachable(const Machine& from, const Machine& to) {
  return link(from, to).cut_ == Cut::reset;
}

std::shared_ptr<Listening> Fabric::listening(const Machine& machine, std::uint16_t port) const {
  const auto found = listening_.find({machine.number(), port});
  if (found == listening_.end() || !found->second->open) return nullptr;
  return found->second;
}

// ---- Link

void Link::cut(Cut how) {
  cut_ = how;
  ++cuts_;
  if (how == Cut::reset) fabric_.reset_connections(*this, "network is unreachable");
  if (how == Cut::timeout) fabric_.reset_if_still_cut(*this);
}

void Link::mend() {
  if (!cut_) return;
  cut_.reset();
  fabric_.send_again(*this);
}

void Link::pause_for(base::Duration time) { fabric_.hold(*this, time); }

void Link::forget_connections() { fabric_.forget_connections(*this); }

}  // namespace selvedge::os::fake
