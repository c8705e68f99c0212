// Pool: the client's connections by host, and the requests that wait for one.
//
// A host has kept-alive connections that are idle, and a queue of jobs. A job takes the idle
// connection used last, or a new one while the limits allow, or waits its turn; hosts that wait
// for room are served round. Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/http/http.h"
#include "net/http/parser.h"
#include "os/world.h"

namespace selvedge::net::http {

class ClientConnection;
struct Host;

// One fetch, from the call to its answer.
struct Job {
  Fetch fetch;
  Url url;
  Client::Done done;  // empty once it was called
  base::Instant started{};
  os::TimerId timer = os::TimerId::none;
  Host* host = nullptr;
  ClientConnection* connection = nullptr;           // null while it waits
  std::list<std::shared_ptr<Job>>::iterator place;  // in host->waiting, while it waits
  bool retried = false;                             // a stale connection failed it once
  bool paused = false;
  base::Instant heard{};                            // the last sign of life, of one with on_body

  bool streams() const { return fetch.on_body != nullptr; }
};

struct Host {
  Url url;                              // scheme, host, port
  std::vector<ClientConnection*> idle;  // the one used last stands last
  std::list<std::shared_ptr<Job>> waiting;
  std::uint32_t connections = 0;
  std::uint32_t pins = 0;   // while set, it is not forgotten even if unused
  bool wants_room = false;  // stands in Pool::wanting_
};

class Pool : public std::enable_shared_from_this<Pool> {
 public:
  Pool(os::World& world, ClientLimits limits, std::shared_ptr<os::Tls> tls)
      : world_(world), limits_(limits), tls_(std::move(tls)) {}

  std::shared_ptr<Job> submit(Fetch fetch, Client::Done done);
  void pause(Job& job);
  void resume(Job& job);
  void cancel(const std::shared_ptr<Job>& job);
  // Ends everything; every outstanding job fails with Code::unavailable.
  void shut();

  os::World& world() { return world_; }
  const ClientLimits& limits() const { return limits_; }
  const std::shared_ptr<os::Tls>& tls() const { return tls_; }
  Client::Stats& stats() { return stats_; }

  // From a connection: it is free for another job, or it is gone (and destroyed when the caller
  // lets go of it). Either may start jobs.
  void release(ClientConnection& connection);
  void remove(ClientConnection& connection);
  // Ends a job. The user's callback runs inside, so callers touch nothing of theirs afterwards.
  void finish(const std::shared_ptr<Job>& job, base::Result<Fetched> result);
  // Puts a job that a stale connection failed in front of the queue, for a new connection.
  void again(const std::shared_ptr<Job>& job);

 private:
  Host& host_of(const Url& url);
  void schedule(Host& host);
  bool start_one(Host& host);
  void open(Host& host, std::shared_ptr<Job> job);
  bool make_room();
  void drop(ClientConnection& connection);
  bool serve_wanting();
  void next_turn();
  void forget_if_unused(Host& host);
  void arm(const std::shared_ptr<Job>& job, base::Duration delay);
  void withdraw(Job& job);
  void time_out(const std::shared_ptr<Job>& job);
  void arm_sweep();
  void sweep();

  os::World& world_;
  ClientLimits limits_;
  std::shared_ptr<os::Tls> tls_;
  Client::Stats stats_;
  std::unordered_map<std::string, std::unique_ptr<Host>> hosts_;
  std::unordered_map<ClientConnection*, std::shared_ptr<ClientConnection>> connections_;
  std::deque<Host*> wanting_;
  std::uint32_t waiting_ = 0;   // jobs in all queues
  std::uint32_t openings_ = 0;  // connections opened in this turn
  os::TimerId sweep_timer_ = os::TimerId::none, turn_timer_ = os::TimerId::none;
  bool shut_ = false;
};

}  // namespace selvedge::net::http
