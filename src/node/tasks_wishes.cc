// What the node's twin wishes for, and how long ago the cloud could still say otherwise.

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/log.h"
#include "codec/json/value.h"
#include "codec/task/task.h"
#include "node/reconcile_kind.h"
#include "node/tasks_state.h"

namespace selvedge::node {

namespace {

constexpr std::string_view revision_leaf = "/tasks/_revision";
constexpr base::Duration least_beat = std::chrono::seconds(5), most_beat = std::chrono::minutes(1);

}  // namespace

std::string Tasks::State::id() const { return model::twin_id(host.node(), model::node_twin_name); }

void Tasks::State::read_wishes_soon() {
  if (std::exchange(read_planned, true)) return;
  world.loop().defer([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->read_planned = false;
    self->read_wishes();
  });
}

void Tasks::State::read_wishes() {
  if (phase != Phase::running) return;
  std::map<std::string, std::string> now;
  std::string asked;
  if (const engine::Twin* twin = twins.find(id())) {
    each_wished_object(*twin, tasks_feature, [&](std::string name, std::string value) {
      if (!name.starts_with('_')) now.emplace(std::move(name), std::move(value));
    });
    asked = twin->leaf(model::TwinPart::desired, revision_leaf);
  }
  if (!config.enabled) {
    for (const auto& [name, value] : now) {
      if (!refused.insert(name).second) continue;
      model::TaskStatus status;
      status.state = model::TaskState::failed;
      status.reason = "tasks are not enabled on this node (tasks.enabled)";
      status.since = world.loop().wall_now();
      report({name, status});
    }
    for (const std::string& name : refused)
      if (!now.contains(name)) report({name, std::nullopt});
    std::erase_if(refused, [&](const std::string& name) { return !now.contains(name); });
    now.clear();
  }
  add_lent(now);
  for (const auto& [name, value] : wished)
    if (!now.contains(name)) feed(engine::TaskWished{name, std::nullopt});
  for (const auto& [name, value] : now) {
    const auto before = wished.find(name);
    if (before != wished.end() && before->second == value) continue;
    feed(engine::TaskWished{name, value});
    pause_for_site(name, value);
    // What does not concern its run changes under it.
    if (const auto log = logs.find(name); log != logs.end())
      if (const auto task = codec::task::parse_task(name, value)) log->second->set_bytes(static_cast<std::uint64_t>(task->log));
  }
  wished = std::move(now);
  revision = std::move(asked);
  tell_site();
  check_heard();
  if (beat_timer == os::TimerId::none) beat();
}

// ---- contact ----

void Tasks::contact(base::Instant sent) {
  State& s = *state_;
  s.read_wishes();                                 // before the contact counts
  s.feed(engine::TaskContact{sent});
  if (s.site != nullptr) s.site->contact(sent);
}

void Tasks::connected() {
  if (state_->site != nullptr) state_->site->connected();
  state_->beat();
}

bool Tasks::State::has_leases() const {
  return std::ranges::any_of(wished, [](const auto& one) { return one.second.find("\"disconnect\"") != std::string::npos; });
}

// A task that may not go on without the cloud needs something that the cloud acknowledges, a few times in its lease.
void Tasks::State::beat() {
  world.loop().cancel(std::exchange(beat_timer, os::TimerId::none));
  if (phase != Phase::running || !has_leases()) return;
  base::Duration every = most_beat;
  using Policy = model::TaskDisconnect::Policy;
  for (const auto& [name, value] : wished) {
    const auto task = codec::task::parse_task(name, value);
    if (!task || task->disconnect.policy == Policy::keep) continue;
    // Of what was taken over the node must learn soon whether the cloud wants it here.
    const bool counts = task->disconnect.policy != Policy::site || lent.contains(name);
    if (counts) every = std::clamp(task->disconnect.policy == Policy::site ? least_beat : task->disconnect.after / 4, least_beat, every);
  }
  base::JsonWriter json;
  json.value(static_cast<std::int64_t>(world.loop().wall_now().ns / 1'000'000'000));
  const auto edited = twins.edit(id(), {engine::TwinEdit::Kind::put, "/features/tasks/properties/_beat", json.text()});
  if (edited) twins.commit([] {});
  beat_timer = world.loop().after(every, [this] {
    beat_timer = os::TimerId::none;
    beat();
  });
}

}  // namespace selvedge::node
