#include "node/twins.h"

#include <utility>

namespace selvedge::node {

using base::Result;

namespace {

// What a small machine can spare; a million twins are the cloud's business.
store::TwinStoreLimits limits() {
  store::TwinStoreLimits limits;
  limits.twins = 100'000;
  limits.memory_bytes = 64 << 20;
  limits.log_bytes = 256 << 20;
  limits.segment_bytes = 4 << 20;
  return limits;
}

void gauges(base::Registry& metrics, const store::TwinStore& store) {
  const auto gauge = [&](const char* name, const char* help, std::uint64_t store::TwinStore::Stats::* which) {
    metrics.gauge_from(name, help, [&store, which] { return static_cast<double>(store.stats().*which); });
  };
  using Stats = store::TwinStore::Stats;
  gauge("selvedge_twins", "Twins.", &Stats::twins);
  gauge("selvedge_twin_memory_bytes", "Memory of all twins.", &Stats::memory_bytes);
  gauge("selvedge_twin_log_bytes", "Log of changes on disk.", &Stats::log_bytes);
  gauge("selvedge_twins_unsent", "Twins with changes the other side has not acknowledged.",
        &Stats::unsent);
}

}  // namespace

Result<std::unique_ptr<Twins>> Twins::open(os::World& world, std::string_view state,
                                           std::vector<TelemetryRule> rules, Ingest& ingest,
                                           base::Registry& metrics, TwinsHost host) {
  std::unique_ptr<Twins> made(new Twins);
  Twins& t = *made;
  t.host_ = std::move(host);
  t.store_ = TRY(base::while_doing(
      "twins", store::TwinStore::open(world, std::string(state) + "/twins", t.host_.node(), limits())));
  gauges(metrics, *t.store_);
  t.commands_ = std::make_unique<Commands>(
      world, metrics, CommandHost{t.host_.node, t.host_.publish, t.host_.settle});
  t.shadow_ = std::make_unique<Shadow>(
      world, *t.store_, metrics,
      ShadowHost{t.host_.node, t.host_.publish, t.host_.settle,
                 [&t](std::function<void()> done) { t.commit(std::move(done)); }});
  if (!rules.empty())
    t.telemetry_ = std::make_unique<TelemetryTwins>(world, *t.store_, metrics, std::move(rules),
                                                    t.host_.node);
  t.history_ = std::make_unique<TwinHistory>(
      world, *t.store_, ingest, metrics,
      TwinHistory::Host{t.host_.node, [&t] { return t.telemetry_ && t.telemetry_->is_editing(); },
                        t.host_.plan_commit});
  t.link_ = std::make_unique<TwinLink>(
      world, *t.store_, metrics,
      TwinLinkHost{[&t](std::function<void()> done) { t.commit(std::move(done)); },
                   [&t](std::string_view id) { t.shadow_->repeated(id); },
                   [&t](things::Command command, things::CommandDone done) {
                     t.send(std::move(command), std::move(done));
                   }});
  return made;
}

bool Twins::message(const engine::Arrived& message) {
  if (!message.topic.starts_with('$')) return false;
  return shadow_->message(message) || commands_->message(message);
}

void Twins::subscribed(std::span<const engine::Outputs::Subscribed> subscriptions) {
  shadow_->subscribed(subscriptions);
}

void Twins::send(things::Command command, things::CommandDone done) {
  commands_->send(std::move(command), std::move(done));
}

// The sessions first: a twin that is known to be changed whose delta was lost would never be told.
void Twins::commit(std::function<void()> done) {
  host_.commit_sessions([this, done = std::move(done)]() mutable { store_->commit(std::move(done)); });
}

void Twins::close(std::function<void()> done) { store_->close(std::move(done)); }

}  // namespace selvedge::node
