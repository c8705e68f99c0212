// The supervisor's inputs and outputs, and what must be on disk between them.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "node/tasks_state.h"

namespace selvedge::node {

using base::Result;

namespace {

constexpr std::uint32_t save_lane = 0x5400;
constexpr base::Duration save_again = std::chrono::seconds(2);

}  // namespace

void Tasks::State::feed(engine::TaskInput input) {
  if (phase == Phase::stopped) return;
  inputs.push_back(std::move(input));
  drain();
}

void Tasks::State::drain() {
  if (draining) return;
  draining = true;
  const auto self = shared_from_this();
  while (!inputs.empty() && phase != Phase::stopped) {
    const engine::TaskInput input = std::move(inputs.front());
    inputs.pop_front();
    engine::TaskOutputs out;
    supervisor.step(input, {world.loop().now(), world.loop().wall_now()}, out);
    carry_out(out);
  }
  draining = false;
  arm();
}

void Tasks::State::carry_out(engine::TaskOutputs& out) {
  for (engine::TaskStart& start : out.starts)
    if (out.save_first) next_held_back.push_back(std::move(start));
  if (out.save) save();
  for (const engine::TaskAbandon& one : out.abandons) abandon(one);
  for (const engine::TaskSignal& one : out.signals) signal_run(one);
  for (const engine::TaskPrepare& one : out.prepares) prepare(one);
  for (const engine::TaskCheck& one : out.checks) check(one);
  for (const engine::TaskReport& one : out.reports) report(one);
  if (out.save_first) return;
  for (const engine::TaskStart& one : out.starts) start_run(one);
}

void Tasks::State::arm() {
  const auto wake = phase == Phase::stopped ? std::nullopt : supervisor.wake_at();
  if (timer != os::TimerId::none && wake && *wake == timer_at) return;
  world.loop().cancel(std::exchange(timer, os::TimerId::none));
  if (!wake) return;
  timer_at = *wake;
  timer = world.loop().after(std::max(*wake - world.loop().now(), base::Duration(0)), [this] {
    timer = os::TimerId::none;
    feed(engine::TaskTick{});
  });
}

// One write at a time; what comes while one is under way shares the next. A turn's steps share one.
void Tasks::State::save() {
  if (saving) {
    dirty = true;
    return;
  }
  saving = true;
  world.loop().defer([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->dirty = false;
    self->held_back = std::exchange(self->next_held_back, {});
    self->after_saving = std::exchange(self->next_after_saving, {});
    auto bytes = std::make_shared<base::Bytes>();
    self->supervisor.save(*bytes);
    auto outcome = std::make_shared<Result<void>>();
    self->world.loop().work(
        save_lane,
        [dir = self->dir, bytes, outcome] { *outcome = os::write_file(*dir, supervisor_file, *bytes, os::Open::create_private); },
        [weak, outcome] {
          if (const auto still = weak.lock()) still->saved(*outcome);
        });
  });
}

void Tasks::State::after_save(std::function<void()> what) {
  next_after_saving.push_back(std::move(what));
  save();
}

void Tasks::State::saved(const Result<void>& outcome) {
  saving = false;
  if (!outcome) {
    base::log::warn("tasks", "cannot save what runs", {{"why", outcome.error()}});
    // What waits for it goes on waiting, in its order.
    next_held_back.insert(next_held_back.begin(), held_back.begin(), held_back.end());
    next_after_saving.insert(next_after_saving.begin(), after_saving.begin(), after_saving.end());
    held_back.clear();
    after_saving.clear();
    world.loop().after(save_again, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->save();
    });
    return;
  }
  for (const auto& what : std::exchange(after_saving, {})) what();
  for (const engine::TaskStart& start : std::exchange(held_back, {})) start_run(start);
  if (dirty || !next_held_back.empty() || !next_after_saving.empty()) save();
}

}  // namespace selvedge::node
