#include "node/twins.h"

#include <utility>

#include "things/twin_metrics.h"

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

}  // namespace

Result<std::unique_ptr<Twins>> Twins::open(os::World& world, std::string_view state,
                                           std::vector<TelemetryRule> rules, Ingest& ingest,
                                           base::Registry& metrics, TwinsHost host) {
  std::unique_ptr<Twins> made(new Twins);
  Twins& t = *made;
  t.host_ = std::move(host);
  t.store_ = TRY(base::while_doing(
      "twins", store::TwinStore::open(world, std::string(state) + "/twins", t.host_.node(), limits())));
  things::add_twin_metrics(metrics, *t.store_);
  t.commands_ = std::make_unique<Commands>(
      world, metrics, CommandHost{t.host_.node, t.host_.publish, t.host_.settle});
  t.shadow_ = std::make_unique<Shadow>(
      world, *t.store_, metrics,
      ShadowHost{t.host_.node, t.host_.publish, t.host_.settle,
                 [&t](std::function<void()> done) { t.commit(std::move(done)); },
                 t.host_.device_requests});
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
                     if (t.host_.own_command && t.host_.own_command(command, done)) return;
                     t.send(std::move(command), std::move(done));
                   },
                   t.host_.opened, t.host_.contact});
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
