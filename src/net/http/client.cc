#include "net/http/pool.h"

namespace selvedge::net::http {

struct Client::State : Pool {
  using Pool::Pool;
};

Client::Client(os::World& world, ClientLimits limits, std::shared_ptr<os::Tls> tls)
    : state_(std::make_shared<State>(world, limits, std::move(tls))) {}

Client::~Client() {
  state_->shut();
}

Transfer Client::fetch(Fetch what, Done done) {
  return {state_, state_->submit(std::move(what), std::move(done))};
}

void Transfer::pause() {
  const auto pool = pool_.lock();
  const auto job = job_.lock();
  if (pool && job) pool->pause(*job);
}

void Transfer::resume() {
  const auto pool = pool_.lock();
  const auto job = job_.lock();
  if (pool && job) pool->resume(*job);
}

void Transfer::cancel() {
  const auto pool = pool_.lock();
  const auto job = job_.lock();
  if (pool && job) pool->cancel(job);
}

const Client::Stats& Client::stats() const {
  return state_->stats();
}

void fetch_all(Client& client, std::vector<Fetch> what,
               std::function<void(std::vector<base::Result<Fetched>>)> done) {
  struct Gathering {
    std::vector<base::Result<Fetched>> results;
    std::size_t missing = 0;
    std::function<void(std::vector<base::Result<Fetched>>)> done;
  };
  if (what.empty()) {
    client.state_->world().loop().defer([done = std::move(done)] { done({}); });
    return;
  }
  const auto gathering = std::make_shared<Gathering>();
  gathering->results.resize(what.size());
  gathering->missing = what.size();
  gathering->done = std::move(done);
  for (std::size_t i = 0; i < what.size(); ++i) {
    client.fetch(std::move(what[i]), [gathering, i](base::Result<Fetched> result) {
      gathering->results[i] = std::move(result);
      if (--gathering->missing == 0) gathering->done(std::move(gathering->results));
    });
  }
}

}  // namespace selvedge::net::http
