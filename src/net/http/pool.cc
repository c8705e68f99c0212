#include "net/http/pool.h"

#include <algorithm>

#include "net/http/client_connection.h"
#include "net/http/url.h"

namespace selvedge::net::http {

namespace {

using base::Code;

// New connections of one turn of the loop. Where answers come fast, the first of a thousand
// requests are answered by the next turn and their connections serve the others; where they come
// slowly, all are under way a few turns later.
constexpr std::uint32_t openings_a_turn = 16;

base::Result<Url> check(const Fetch& fetch, bool has_tls) {
  Url url = TRY(parse_url(fetch.url));
  if (url.scheme == "https" && !has_tls) {
    return base::fail(Code::invalid_input, "this client has no TLS for https");
  }
  if (!is_token(fetch.method)) return base::fail(Code::invalid_input, "the method is no token");
  for (const auto& [name, value] : fetch.headers) {
    if (!is_token(name) || !is_header_value(value)) {
      return base::fail(Code::invalid_input, "a header is malformed: " + name);
    }
  }
  return url;
}

}  // namespace

std::shared_ptr<Job> Pool::submit(Fetch fetch, Client::Done done) {
  auto job = std::make_shared<Job>();
  job->fetch = std::move(fetch);
  job->done = std::move(done);
  job->started = world_.loop().now();
  base::Result<Url> url = check(job->fetch, tls_ != nullptr);
  if (url && waiting_ >= limits_.waiting) {
    url = base::fail(Code::exhausted, "too many requests wait already");
  }
  if (!url) {
    base::Error error = std::move(url).error().while_doing("fetch " + job->fetch.url);
    world_.loop().defer([self = shared_from_this(), job, error = std::move(error)] {
      self->finish(job, std::unexpected(error));
    });
    return job;
  }
  job->url = *std::move(url);
  job->heard = job->started;
  arm(job, limits_.timeout);
  Host& host = host_of(job->url);
  job->host = &host;
  job->place = host.waiting.insert(host.waiting.end(), job);
  ++waiting_;
  schedule(host);
  return job;
}

void Pool::arm(const std::shared_ptr<Job>& job, base::Duration delay) {
  job->timer = world_.loop().after(delay, [weak = weak_from_this(), job] {
    if (const auto self = weak.lock()) self->time_out(job);
  });
}

Host& Pool::host_of(const Url& url) {
  std::unique_ptr<Host>& host =
      hosts_[url.scheme + "://" + url.host + ":" + std::to_string(url.port)];
  if (!host) {
    host = std::make_unique<Host>();
    host->url = {url.scheme, url.host, url.port, {}};
  }
  return *host;
}

// Starts what may start, and puts the host in line for room if only that is missing.
void Pool::schedule(Host& host) {
  while (start_one(host)) {
  }
  if (!host.waiting.empty() && !host.wants_room &&
      host.connections < limits_.connections_per_host) {
    host.wants_room = true;
    wanting_.push_back(&host);
  }
}

// Gives the first waiting job a connection, if there may be one.
bool Pool::start_one(Host& host) {
  if (shut_ || host.waiting.empty()) return false;
  const std::shared_ptr<Job> job = host.waiting.front();
  // What made one kept connection stale has likely done so to all: a retry gets a new one.
  if (job->retried && !host.idle.empty()) drop(*host.idle.front());
  const bool fresh = job->retried || host.idle.empty();
  if (fresh) {
    if (host.connections >= limits_.connections_per_host) return false;
    if (openings_ >= openings_a_turn) return false;
    if (connections_.size() >= limits_.connections && !make_room()) return false;
  }
  host.waiting.pop_front();
  --waiting_;
  if (fresh) {
    open(host, job);
    return true;
  }
  ClientConnection* connection = host.idle.back();
  host.idle.pop_back();
  connection->take(job);
  return true;
}

void Pool::open(Host& host, std::shared_ptr<Job> job) {
  const auto connection = std::make_shared<ClientConnection>(shared_from_this(), host);
  connections_.emplace(connection.get(), connection);
  ++host.connections;
  ++stats_.connections;
  if (openings_++ == 0) {
    turn_timer_ = world_.loop().after(base::Duration::zero(), [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->next_turn();
    });
  }
  connection->open(std::move(job));
}

void Pool::next_turn() {
  openings_ = 0;
  while (serve_wanting()) {
  }
}

// Closes the connection that has been idle longest, whichever host's it is.
bool Pool::make_room() {
  ClientConnection* oldest = nullptr;
  for (const auto& [name, host] : hosts_) {
    if (host->idle.empty()) continue;
    ClientConnection* first = host->idle.front();
    if (!oldest || first->idle_since() < oldest->idle_since()) oldest = first;
  }
  if (!oldest) return false;
  Host& host = oldest->host();
  drop(*oldest);
  forget_if_unused(host);
  return true;
}

void Pool::release(ClientConnection& connection) {
  Host& host = connection.host();
  host.idle.push_back(&connection);
  // Others that wait for room come first once in a while, or a busy host would keep it all.
  serve_wanting();
  if (!connections_.contains(&connection)) return;
  schedule(host);
  if (!host.idle.empty()) arm_sweep();
}

// Forgets a connection and ends it; starts nothing.
void Pool::drop(ClientConnection& connection) {
  const auto at = connections_.find(&connection);
  if (at == connections_.end()) return;
  const std::shared_ptr<ClientConnection> last = std::move(at->second);
  connections_.erase(at);
  std::erase(last->host().idle, last.get());
  --last->host().connections;
  last->abandon();
}

void Pool::remove(ClientConnection& connection) {
  if (!connections_.contains(&connection)) return;
  Host& host = connection.host();
  ++host.pins;
  drop(connection);
  serve_wanting();
  schedule(host);
  --host.pins;
  forget_if_unused(host);
}

// Room for one has appeared: the first host in line that can use it gets it.
bool Pool::serve_wanting() {
  for (std::size_t turns = wanting_.size(); turns > 0 && !wanting_.empty(); --turns) {
    Host* host = wanting_.front();
    wanting_.pop_front();
    host->wants_room = false;
    const bool started = start_one(*host);
    if (!host->waiting.empty() && host->connections < limits_.connections_per_host) {
      host->wants_room = true;
      wanting_.push_back(host);
    }
    if (started) return true;
  }
  return false;
}

void Pool::forget_if_unused(Host& host) {
  if (host.pins > 0 || host.connections > 0 || !host.waiting.empty()) return;
  std::erase(wanting_, &host);
  const Url& url = host.url;
  hosts_.erase(url.scheme + "://" + url.host + ":" + std::to_string(url.port));
}

void Pool::again(const std::shared_ptr<Job>& job) {
  job->place = job->host->waiting.insert(job->host->waiting.begin(), job);
  ++waiting_;
}

void Pool::finish(const std::shared_ptr<Job>& job, base::Result<Fetched> result) {
  if (!job->done) return;
  world_.loop().cancel(std::exchange(job->timer, os::TimerId::none));
  const auto self = shared_from_this();
  std::exchange(job->done, nullptr)(std::move(result));
}

// Takes a job from its connection, which ends, or from the queue.
void Pool::withdraw(Job& job) {
  if (job.connection) {
    remove(*job.connection);
  } else if (job.host) {
    job.host->waiting.erase(job.place);
    --waiting_;
    forget_if_unused(*job.host);
  }
}

void Pool::time_out(const std::shared_ptr<Job>& job) {
  if (!job->done) return;
  job->timer = os::TimerId::none;
  if (job->paused) return arm(job, limits_.timeout);
  const base::Duration silence = world_.loop().now() - job->heard;
  if (silence < limits_.timeout) return arm(job, limits_.timeout - silence);
  const auto self = shared_from_this();
  const std::string state = !job->connection ? "no connection was free"
                            : job->streams() ? "nothing came"
                                             : "no complete response";
  withdraw(*job);
  finish(job,
         base::fail(Code::unavailable, job->fetch.method + " " + job->fetch.url + ": " + state +
                                           " within " + base::to_string(limits_.timeout)));
}

// ---- what a Transfer may ask ----

void Pool::pause(Job& job) {
  if (!job.done || job.paused) return;
  job.paused = true;
  if (job.connection) job.connection->pause();
}

void Pool::resume(Job& job) {
  if (!job.done || !job.paused) return;
  job.paused = false;
  job.heard = world_.loop().now();
  if (job.connection) job.connection->resume();
}

void Pool::cancel(const std::shared_ptr<Job>& job) {
  if (!job->done) return;
  const auto self = shared_from_this();
  world_.loop().cancel(std::exchange(job->timer, os::TimerId::none));
  const Client::Done unused = std::exchange(job->done, nullptr);
  withdraw(*job);
}

// ---- idle connections ----

void Pool::arm_sweep() {
  if (sweep_timer_ != os::TimerId::none) return;
  sweep_timer_ = world_.loop().after(limits_.idle_timeout, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->sweep();
  });
}

void Pool::sweep() {
  sweep_timer_ = os::TimerId::none;
  const base::Instant now = world_.loop().now();
  std::vector<ClientConnection*> old;
  bool idle_left = false;
  for (const auto& [name, host] : hosts_) {
    for (ClientConnection* connection : host->idle) {
      if (now - connection->idle_since() >= limits_.idle_timeout) {
        old.push_back(connection);
      } else {
        idle_left = true;
      }
    }
  }
  for (ClientConnection* connection : old) {
    if (connections_.contains(connection)) remove(*connection);
  }
  if (idle_left) arm_sweep();
}

void Pool::shut() {
  shut_ = true;
  world_.loop().cancel(std::exchange(sweep_timer_, os::TimerId::none));
  world_.loop().cancel(std::exchange(turn_timer_, os::TimerId::none));
  std::vector<std::shared_ptr<Job>> jobs;
  for (auto& [at, connection] : std::exchange(connections_, {})) {
    if (connection->job()) jobs.push_back(connection->job());
    connection->abandon();
  }
  for (const auto& [name, host] : hosts_) {
    jobs.insert(jobs.end(), host->waiting.begin(), host->waiting.end());
  }
  wanting_.clear();
  hosts_.clear();
  for (const auto& job : jobs) {
    finish(job, base::fail(Code::unavailable, job->fetch.method + " " + job->fetch.url +
                                                  ": the client was shut down"));
  }
}

}  // namespace selvedge::net::http
