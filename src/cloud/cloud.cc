#include "cloud/cloud.h"

#include <utility>

#include "base/log.h"
#include "cloud/state.h"

namespace selvedge::cloud {

using base::Result;

Cloud::Cloud(std::unique_ptr<State> state) : state_(std::move(state)) {}
Cloud::~Cloud() = default;

Result<std::unique_ptr<Cloud>> Cloud::create(os::World& world, const CloudConfig& config) {
  return create(world, config, TRY(BlockStore::open_sqlite(world, config.state)));
}

Result<std::unique_ptr<Cloud>> Cloud::create(os::World& world, const CloudConfig& config,
                                             std::unique_ptr<BlockStore> store) {
  auto state = std::make_unique<State>(world, config);
  TRY(state->open_authority());
  TRY(state->open_access());
  state->store = std::move(store);
  state->receiver = std::make_unique<Receiver>(world, *state->store, state->metrics,
                                               config.receive_buffer.bytes,
                                               config.commit_bytes.bytes);
  state->raw_fetch = std::make_unique<RawFetch>(world, state->metrics);
  state->artifacts = TRY(Artifacts::open(
      world, config.state,
      {.budget_bytes = config.artifacts_budget.bytes, .keep_free_bytes = config.artifacts_keep_free.bytes},
      state->metrics));
  TRY(state->open_twins());
  TRY(state->open_jobs());
  state->make_mqtt();
  TRY(state->make_tls());
  return std::unique_ptr<Cloud>(new Cloud(std::move(state)));
}

Result<void> Cloud::start() {
  State& s = *state_;
  s.mqtt_port = TRY(base::while_doing(
      "listen for nodes", s.mqtt->listen(TRY(os::parse_endpoint(s.config.mqtt_listen)), s.mqtt_tls)));
  s.make_http(s.advertised());
  s.load_revoked([&s] { s.on_authority_changed(); });
  s.adopt_nodes();
  s.tick_authority();
  s.http_port = TRY(base::while_doing(
      "listen for operators",
      s.http->listen(TRY(os::parse_endpoint(s.config.http_listen)), s.http_tls)));
  if (!s.config.metrics_listen.empty())
    s.metrics_port = TRY(base::while_doing(
        "listen for scrapers",
        s.plain->listen(TRY(os::parse_endpoint(s.config.metrics_listen)), nullptr)));
  base::log::info("cloud", "ready",
                  {{"mqtt", s.mqtt_port}, {"https", s.http_port}, {"metrics", s.metrics_port}});
  return {};
}

void Cloud::stop(std::function<void()> done) {
  State& s = *state_;
  // What was received is committed and acknowledged first, then the goodbyes.
  s.mqtt->pause();
  s.receiver->drain([&s, done = std::move(done)] {
    s.mqtt->close([&s, done] {
      s.http->close([&s, done] {
        s.twin_api.reset();   // its WebSockets are not the server's
        s.plain->close([&s, done] {
          s.trail->close([&s, done] {
            s.jobs->close([&s, done] { s.twins->close([&s, done] { s.store->close(done); }); });
          });
        });
      });
    });
  });
}

std::uint16_t Cloud::mqtt_port() const { return state_->mqtt_port; }
std::uint16_t Cloud::http_port() const { return state_->http_port; }
std::uint16_t Cloud::metrics_port() const { return state_->metrics_port; }
BlockStore& Cloud::store() { return *state_->store; }
store::TwinStore& Cloud::twins() { return *state_->twins; }
base::Registry& Cloud::metrics() { return state_->metrics; }

}  // namespace selvedge::cloud
