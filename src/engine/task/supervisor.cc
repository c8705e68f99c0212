#include "engine/task/supervisor.h"

#include <algorithm>

#include "base/text.h"
#include "codec/task/task.h"
#include "crypto/crypto.h"
#include "engine/task/supervisor_state.h"

namespace selvedge::engine {

TaskPrint run_print(const model::Task& task) {
  const model::Task otherwise;
  model::Task run = task;
  run.schedule.clear();
  run.retries = otherwise.retries;
  run.time_limit = otherwise.time_limit;
  run.stop_grace = otherwise.stop_grace;
  run.log = otherwise.log;
  run.restart = otherwise.restart;
  run.health = otherwise.health;
  run.disconnect = otherwise.disconnect;
  const crypto::Digest digest = crypto::sha256(base::as_bytes(codec::task::write_task(run)));
  TaskPrint half;
  std::copy_n(digest.begin(), half.size(), half.begin());
  return half;
}

std::string bounded(std::string_view reason) { return base::printable(reason, most_task_reason); }

void TaskOutputs::clear() {
  save = save_first = false;
  abandons.clear();
  signals.clear();
  prepares.clear();
  checks.clear();
  reports.clear();
  starts.clear();
}

TaskSupervisor::TaskSupervisor(TaskSupervisorLimits limits, std::uint32_t seed)
    : state_(std::make_unique<State>(limits, seed)) {}
TaskSupervisor::~TaskSupervisor() = default;

void TaskSupervisor::step(const TaskInput& input, TaskClock clock, TaskOutputs& out) {
  State& s = *state_;
  s.clock = {std::max(clock.now, s.clock.now), clock.wall};
  s.out = &out;
  std::visit([&](const auto& one) { s.take(one); }, input);
  s.out = nullptr;
}

std::optional<base::Instant> TaskSupervisor::wake_at() const {
  if (state_->timers.empty()) return std::nullopt;
  return state_->timers.begin()->first;
}

void TaskSupervisor::each(const std::function<void(const std::string&, const model::TaskStatus&)>& visit) const {
  for (const auto& [name, entry] : state_->entries) visit(name, state_->describe(entry));
}

const TaskSupervisorStats& TaskSupervisor::stats() const { return state_->stats; }

TaskSupervisor::State::Entry* TaskSupervisor::State::find(std::string_view name) {
  const auto at = entries.find(name);
  return at == entries.end() ? nullptr : &at->second;
}

TaskSupervisor::State::Entry* TaskSupervisor::State::find_or_make(const std::string& name) {
  if (Entry* entry = find(name)) return entry;
  if (entries.size() >= limits.tasks) return nullptr;
  Entry& entry = entries[name];
  entry.name = name;
  return &entry;
}

TaskSupervisor::State::Entry* TaskSupervisor::State::running(std::string_view name, std::uint64_t run) {
  Entry* entry = find(name);
  return entry != nullptr && entry->run.active() && entry->run.number == run ? entry : nullptr;
}

void TaskSupervisor::State::consider_all() {
  for (auto at = entries.begin(); at != entries.end();) consider((at++)->second);
}

void TaskSupervisor::State::refuse(const std::string& name, std::string reason) {
  ++stats.refused;
  model::TaskStatus status;
  status.state = model::TaskState::failed;
  status.reason = std::move(reason);
  status.since = clock.wall;
  out->reports.push_back({name, std::move(status)});
}

void TaskSupervisor::State::take(const TaskWished& input) {
  if (!input.value) {
    Entry* entry = find(input.name);
    if (entry == nullptr) return;
    entry->wanted = false;
    entry->wish.reset();
    entry->cron.reset();
    entry->refused.clear();
    return consider(*entry);
  }
  if (!codec::task::is_task_name(input.name)) {
    ++stats.refused;                             // nor can it be reported under such a name
    return;
  }
  Entry* entry = find_or_make(input.name);
  if (entry == nullptr)
    return refuse(input.name, "the node has " + std::to_string(limits.tasks) + " tasks already");
  entry->wanted = true;
  auto task = codec::task::parse_task(input.name, *input.value);
  if (task) {
    entry->refused.clear();
    adopt(*entry, std::make_shared<const model::Task>(std::move(*task)));
  } else {
    ++stats.refused;
    entry->refused = bounded("the wish is refused: " + task.error().message);
    out->save = true;                            // with the value before it, which goes on
  }
  consider(*entry);
}

// Another value was read. The account is kept if the run need not be another one.
void TaskSupervisor::State::adopt(Entry& e, TaskValue task) {
  const Print print = run_print(*task);
  const TaskValue before = std::exchange(e.wish, std::move(task));
  const bool changed = before != nullptr && *before != *e.wish;
  if (e.print != print) {
    if (e.print && e.account.verdict == Account::Verdict::done) note_finished(e.name, *e.print);
    e.print = print;
    e.account = {};
    e.due.reset();
    e.cron_base.reset();
    e.cron_due = false;
    const auto same = [&](const auto& one) { return one.first == e.name && one.second == print; };
    if (std::ranges::any_of(finished, same)) e.account.verdict = Account::Verdict::done;
    out->save = true;
  } else if (changed && e.account.verdict == Account::Verdict::failed) {
    const bool another = e.wish->mode == model::TaskMode::job ? e.account.failures <= e.wish->retries : true;
    if (another && e.account.interruptions < limits.interruptions) {
      e.account.verdict = Account::Verdict::none;
      if (e.wish->mode != model::TaskMode::job) e.account.failures = e.account.interruptions = 0;
      out->save = true;
    }
  }
  e.cron.reset();
  e.cron_next.reset();
  if (e.wish->mode == model::TaskMode::cron) {
    if (auto cron = model::Cron::parse(e.wish->schedule)) e.cron = *cron;
    if (changed && before->schedule != e.wish->schedule) {
      e.cron_base.reset();
      e.cron_due = false;
    }
  }
  if (e.run.active() && e.run.print == print) e.run.terms = terms_of(*e.wish);
}

void TaskSupervisor::State::take(const TaskPrepared& input) {
  Entry* e = find(input.name);
  if (e == nullptr) return;
  Preparation& p = e->preparation;
  if (p.id != input.preparation || p.phase != Preparation::Phase::busy) return;
  p.reason = bounded(input.reason);
  p.phase = Preparation::Phase::waiting;
  switch (input.outcome) {
    case TaskOutcome::done:
      p.phase = Preparation::Phase::ready;
      p.failures = 0;
      p.reason.clear();
      break;
    case TaskOutcome::impossible: p.phase = Preparation::Phase::impossible; break;
    case TaskOutcome::failed:
      if (++p.failures >= most_preparations) p.phase = Preparation::Phase::impossible;
      p.due = clock.now + pause(*e, p.failures);
      break;
    case TaskOutcome::unavailable: p.due = clock.now + pause(*e, ++e->account.pauses); break;
  }
  if (p.phase == Preparation::Phase::ready) e->account.pauses = 0;
  consider(*e);
}

void TaskSupervisor::State::take(const TaskStarted& input) {
  Entry* e = running(input.name, input.run);
  if (e == nullptr) return;
  e->run.limits = bounded(input.limits);
  if (e->run.phase == Run::Phase::starting) {
    e->run.phase = Run::Phase::running;
    e->run.started = clock.now;
    e->run.check_due = clock.now + check_again;
    e->account.pauses = 0;
  }
  consider(*e);
}

void TaskSupervisor::State::take(const TaskNotStarted& input) {
  Entry* e = running(input.name, input.run);
  if (e == nullptr || e->run.phase == Run::Phase::running) return;
  const bool counts = e->run.print == e->print && e->run.cause == Cause::none;
  ended(*e, std::nullopt);
  if (counts) {
    const std::string reason = bounded("it could not be started: " + input.reason);
    switch (input.outcome) {
      case TaskOutcome::done:
      case TaskOutcome::failed: count_failure(*e, reason); break;
      case TaskOutcome::impossible:
        e->account.verdict = Account::Verdict::failed;
        e->account.reason = reason;
        break;
      case TaskOutcome::unavailable:
        e->account.reason = reason;
        e->due = clock.now + pause(*e, ++e->account.pauses);
        if (e->cron) e->cron_due = true;         // its time is not used up
        break;
    }
  }
  consider(*e);
}

void TaskSupervisor::State::take(const TaskExited& input) {
  if (Entry* e = running(input.name, input.run)) {
    ++stats.exits;
    ended(*e, input.status);
    return consider(*e);
  }
  if (Entry* e = find(input.name))
    if (std::erase(e->strays, input.run) > 0) consider(*e);
}

void TaskSupervisor::State::take(const TaskChecked& input) {
  Entry* e = find(input.name);
  if (e == nullptr || input.check == 0 || e->run.check != input.check) return;
  e->run.check = 0;
  if (!e->wish || e->run.phase != Run::Phase::running || e->run.print != e->print) return;
  if (input.is == TaskChecked::Is::well) {
    e->run.healthy = true;
    e->run.unwell = 0;
    e->run.check_due = clock.now + e->wish->health.every;
  } else {
    unwell(*e, input.reason);
  }
  consider(*e);
}

void TaskSupervisor::State::take(const TaskContact& input) {
  if (!begun) return;
  const base::Instant sent = std::min(input.sent, clock.now);
  if (contact && *contact >= sent) return;
  contact = sent;
  contact_wall = clock.wall - (clock.now - sent);
  bool limited = false;
  for (auto at = entries.begin(); at != entries.end();) {
    Entry& e = (at++)->second;
    using Policy = model::TaskDisconnect::Policy;
    if (!e.wish || e.wish->disconnect.policy == Policy::keep || e.wish->disconnect.policy == Policy::site) continue;
    limited = true;
    consider(e);
  }
  if (!limited || sent - contact_saved < contact_steps) return;
  contact_saved = sent;
  out->save = true;
}

void TaskSupervisor::State::take(const TaskLease& input) {
  Entry* e = find(input.name);
  if (e == nullptr) return;
  Account& a = e->account;
  if (input.epoch < a.epoch || (input.epoch == a.epoch && a.lost)) return;
  const bool lost = input.is == TaskLease::Is::lost;
  a.paused.clear();
  if (input.is == TaskLease::Is::paused) a.paused = input.reason.empty() ? "another node may have it" : bounded(input.reason);
  if (input.epoch != a.epoch || lost != a.lost) out->save = true;
  a.epoch = input.epoch;
  a.lost = lost;
  consider(*e);
}

void TaskSupervisor::State::take(const TaskRetry& input) {
  for (auto at = entries.begin(); at != entries.end();) {
    Entry& e = (at++)->second;
    if (!input.name.empty() && e.name != input.name) continue;
    if (e.account.verdict == Account::Verdict::failed) {
      e.account.verdict = Account::Verdict::none;
      e.account.failures = e.account.interruptions = 0;
      out->save = true;
    }
    e.due.reset();
    Preparation& p = e.preparation;
    if (p.phase == Preparation::Phase::impossible || p.phase == Preparation::Phase::waiting) {
      abandon(e);
      p.failures = 0;
    }
    consider(e);
  }
}

void TaskSupervisor::State::take(const TaskFound& input) {
  if (begun || !codec::task::is_task_name(input.name)) return;
  Entry* e = find_or_make(input.name);
  if (e != nullptr && e->run.active() && e->run.number == input.run) {
    e->found = true;
    e->found_exit = input.exit;
    e->run.limits = bounded(input.limits);
  } else if (!input.exit) {
    // Nobody knows it, so it can only be ended; its task waits for that, where there is room to note it.
    if (e != nullptr && e->strays.size() < most_strays) e->strays.push_back(input.run);
    else out->signals.push_back({input.name, input.run, TaskSignal::Signal::kill});
    if (e != nullptr) e->runs = std::max(e->runs, input.run);
  }
}

void TaskSupervisor::State::take(const TaskBegin& input) {
  if (begun) return;
  begun = true;
  began = clock.now;
  const std::string now_boot(std::string_view(input.boot).substr(0, most_boot_bytes));
  const bool same_boot = !boot.empty() && boot == now_boot;
  if (!same_boot && !boot.empty() && contact) {
    // Another start of the machine: what the monotonic clock said then means nothing now.
    const base::Duration gone = clock.wall - contact_wall.value_or(clock.wall);
    if (input.wall == TaskBegin::Wall::trusted && contact_wall && gone >= base::Duration{}) contact = clock.now - gone;
    else contact.reset();
  }
  if (same_boot && contact && *contact > clock.now) contact.reset();
  boot = now_boot;
  contact_saved = contact.value_or(base::Instant{});
  out->save = true;
  for (auto& [name, entry] : entries) {
    if (!same_boot || entry.run.started > clock.now) entry.run.started = clock.now;
    begin(entry);
  }
  consider_all();
}

// What became of the run that was under way when the program ended.
void TaskSupervisor::State::begin(Entry& e) {
  if (e.run.active()) {
    if (!e.found) {
      interrupted(e);
    } else if (e.found_exit) {
      ended(e, *e.found_exit);
    } else {
      ++stats.adopted;
      e.run.phase = Run::Phase::running;
      e.run.cause = Cause::none;                 // whether it is to end is decided anew
      e.run.check_due = clock.now + check_again;
      if (e.run.print == e.print && e.run.preparation != 0)
        e.preparation = {.phase = Preparation::Phase::ready, .print = e.run.print, .id = e.run.preparation, .reason = {}};
    }
  }
  const std::uint32_t troubles = e.account.failures + e.account.interruptions;
  if (!e.run.active() && troubles > 0 && e.account.verdict == Account::Verdict::none && e.wish)
    e.due = clock.now + pause(e, troubles);
}

void TaskSupervisor::State::take(const TaskTick&) {
  while (!timers.empty() && timers.begin()->first <= clock.now) {
    const std::string name = timers.begin()->second;
    Entry* e = find(name);
    CHECK(e != nullptr);
    timers.erase(timers.begin());
    e->wake.reset();
    consider(*e);
  }
}

}  // namespace selvedge::engine
