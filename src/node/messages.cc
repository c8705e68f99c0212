#include <algorithm>
#include <utility>

#include "base/crc32c.h"
#include "node/state.h"

namespace selvedge::node {

using base::Result;
using codec::mqtt::Reason;

namespace {

// More messages than this waiting for the disk, and reading stops until half are settled.
constexpr std::size_t most_unsettled = 50'000;

std::uint64_t message_key(const engine::Arrived& message) {
  if (!message.token) return 0;
  const std::uint32_t who = base::crc32c(base::as_bytes(message.client_id), message.token->packet_id);
  return static_cast<std::uint64_t>(who) << 32 |
         base::crc32c(message.payload, base::crc32c(base::as_bytes(message.topic)));
}

}  // namespace

void Node::State::arrived(std::span<const engine::Arrived> messages) {
  for (const engine::Arrived& message : messages) {
    if (!message.topic.starts_with('$')) tasks->message(message.topic, message.payload);
    if (twins->message(message) || is_picture(message)) continue;
    IncomingMessage incoming;
    incoming.source = message.topic;
    incoming.client = message.client_id;
    incoming.device = message.device;
    incoming.payload = message.payload;
    incoming.key = message_key(message);
    incoming.repeated = message.duplicate;
    // What follows a refused message is refused with it, or it would be stored before the other
    // comes again.
    const bool after_refused =
        message.token && std::ranges::find(refused, message.conn) != refused.end();
    const Taken taken = after_refused ? Taken::full : ingest->message(incoming);
    if (!message.token) continue;
    // A message in the dead letters is kept too: refusing it would only bring it back.
    if (taken == Taken::full) {
      if (!after_refused) refused.push_back(message.conn);
      mqtt->settle(*message.token, Reason::quota_exceeded);
    } else {
      group.push_back(*message.token);
      ++unsettled;
    }
  }
  if (unsettled > most_unsettled) mqtt->pause();
  plan_commit();
}

void Node::State::plan_commit() {
  if (std::exchange(commit_planned, true)) return;
  world.loop().defer([this, living = std::weak_ptr<bool>(alive)] {
    if (!living.expired()) commit_group();
  });
}

void Node::State::commit_group() {
  commit_planned = false;
  refused.clear();
  if (group.empty()) {
    commit([] {});
    return;
  }
  commit([this, tokens = std::exchange(group, {}), began = world.loop().now()] {
    commit_seconds->observe(std::chrono::duration<double>(world.loop().now() - began).count());
    for (const engine::Token& token : tokens) mqtt->settle(token, Reason::success);
    unsettled -= tokens.size();
    if (mqtt->paused() && unsettled < most_unsettled / 2) mqtt->resume();
  });
}

void Node::State::commit(std::function<void()> done) {
  aggregates->flush();
  anomalies->flush();
  arm_seal();
  auto guarded = [done = std::move(done), living = std::weak_ptr<bool>(alive)] {
    if (!living.expired()) done();
  };
  if (!sessions->pending()) {
    store->commit(std::move(guarded));
    return;
  }
  sessions->commit([this, guarded = std::move(guarded), living = std::weak_ptr<bool>(alive)] {
    if (!living.expired()) store->commit(guarded);
  });
}

void Node::State::commit_sessions(std::function<void()> done) {
  if (!sessions->pending()) return done();
  sessions->commit([done = std::move(done), living = std::weak_ptr<bool>(alive)] {
    if (!living.expired()) done();
  });
}

Result<void> Node::State::open_twins() {
  TwinsHost host;
  // Twins lie in the namespace the cloud knows, whatever the config calls this node.
  host.node = [this] { return identity ? identity->name : name(); };
  host.publish = [this](net::mqtt::Message message) { mqtt->publish(std::move(message)); };
  host.settle = [this](engine::Token token, Reason reason) { mqtt->settle(token, reason); };
  host.commit_sessions = [this](std::function<void()> done) { commit_sessions(std::move(done)); };
  host.plan_commit = [this] { plan_commit(); };
  host.opened = [this] {
    if (tasks) tasks->connected();
  };
  host.contact = [this](base::Instant sent) {
    if (tasks) tasks->contact(sent);
  };
  host.own_command = [this](const things::Command& command, things::CommandDone& done) {
    if (!task_logs || !TaskLogLink::is_for_logs(command)) return false;
    task_logs->answer(command, std::move(done));
    return true;
  };
  host.device_requests.per_second = config.twin_requests;
  host.device_requests.burst = config.twin_requests * 10;
  twins = TRY(Twins::open(world, config.state, TRY(config.telemetry_rules()), *ingest, metrics,
                          std::move(host)));
  ingest->on_reading([this](model::SeriesId id, std::string_view series, std::string_view device,
                            base::Time time, const model::ValueView& value) {
    twins->reading(id, series, device, time, value);
    if (tasks) tasks->reading(id, series, time, value);
  });
  return {};
}

void Node::State::arm_seal() {
  const auto due = store->next_due();
  if (!due || seal_timer != os::TimerId::none) return;
  seal_timer = world.loop().after(
      std::max(*due - world.loop().now(), base::Duration(std::chrono::milliseconds(1))), [this] {
        seal_timer = os::TimerId::none;
        store->seal_due();
        arm_seal();
      });
}

}  // namespace selvedge::node
