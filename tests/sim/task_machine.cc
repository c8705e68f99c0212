#include "task_machine.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "codec/task/task.h"

namespace selvedge::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t seconds_of_wall = 1'800'000'000;
constexpr std::int32_t terminated = -15, killed = -9;

}  // namespace

void TaskLedger::begins(const std::string& task, const std::string& node) {
  ++starts;
  most_processes = std::max(most_processes, ++processes);
  auto& at = live[task];
  ++at[node];
  if (at.size() == 1 && at.begin()->second == 1) return;
  std::string where;
  for (const auto& [name, count] : at) where += (where.empty() ? "" : ", ") + name + " " + std::to_string(count);
  breaches.push_back(task + " runs twice: " + where);
}

void TaskLedger::ends(const std::string& task, const std::string& node) {
  --processes;
  const auto at = live.find(task);
  if (--at->second[node] == 0) at->second.erase(node);
  if (at->second.empty()) live.erase(at);
}

TaskMachine::TaskMachine(std::string name, std::uint64_t seed, TaskLedger& ledger) : name_(std::move(name)), random_(seed), ledger_(ledger) {}

base::Duration TaskMachine::between(std::int64_t least_ms, std::int64_t most_ms) {
  return std::chrono::milliseconds(least_ms + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most_ms - least_ms + 1)));
}

engine::TaskClock TaskMachine::clock(base::Instant now) const {
  return {now, base::Time{static_cast<std::int64_t>(seconds_of_wall * 1'000'000'000) + now.ns}};
}

void TaskMachine::after(base::Duration time, base::Instant now, std::function<void(base::Instant)> what) {
  planned_.emplace(now + time, std::move(what));
}

void TaskMachine::after_if_program(base::Duration time, base::Instant now, std::function<void(base::Instant)> what) {
  after(time, now, [this, which = programs_, what = std::move(what)](base::Instant at) {
    if (supervisor_ && programs_ == which) what(at);
  });
}

// ---- the program ----

void TaskMachine::start_program(base::Instant now) {
  powered_ = true;
  ++programs_;
  supervisor_ = std::make_unique<engine::TaskSupervisor>(engine::TaskSupervisorLimits{}, static_cast<std::uint32_t>(random_()));
  if (!saved_.empty())
    if (const auto loaded = supervisor_->load(saved_); !loaded) ledger_.breaches.push_back(name_ + ": " + loaded.error().message);
  heard_.clear();
  said_heard_.clear();
  for (const auto& [task, wish] : wishes_) say(engine::TaskWished{task, wish}, now);
  for (auto& [key, process] : std::map<Key, Process>(processes_))
    say(engine::TaskFound{key.first, key.second, process.lives ? std::nullopt : std::optional(process.exit), ""}, now);
  std::erase_if(processes_, [](const auto& one) { return !one.second.lives; });
  say(engine::TaskBegin{"boot-" + std::to_string(boots_), engine::TaskBegin::Wall::doubtful}, now);
  supervisor_->each([this](const std::string& task, const model::TaskStatus& status) { reports_[task] = status; });
  check_heard();
}

void TaskMachine::kill_program(base::Instant) {
  ++ledger_.killed;
  supervisor_.reset();
  reports_.clear();
}

void TaskMachine::cut_power(base::Instant now) {
  kill_program(now);
  powered_ = false;
  ++boots_;
  for (const auto& [key, process] : processes_)
    if (process.lives) ledger_.ends(key.first, name_);
    else ledger_.ended_well.erase(key.first + " " + std::to_string(process.generation) + " on " + name_);   // nobody had taken note
  processes_.clear();
  planned_.clear();
}

void TaskMachine::say(const engine::TaskInput& input, base::Instant now) {
  engine::TaskOutputs out;
  supervisor_->step(input, clock(now), out);
  carry_out(out, now);
}

void TaskMachine::carry_out(const engine::TaskOutputs& out, base::Instant now) {
  if (out.save) {
    saved_.clear();
    supervisor_->save(saved_);
  }
  for (const engine::TaskSignal& one : out.signals) signal(one, now);
  for (const engine::TaskPrepare& one : out.prepares)
    after_if_program(between(20, 500), now, [this, one](base::Instant at) { say(engine::TaskPrepared{one.name, one.preparation, engine::TaskOutcome::done, ""}, at); });
  for (const engine::TaskCheck& one : out.checks)
    after_if_program(between(1, 50), now, [this, one](base::Instant at) { say(engine::TaskChecked{one.name, one.check, engine::TaskChecked::Is::well, ""}, at); });
  for (const engine::TaskReport& one : out.reports) reports_[one.name] = one.status;
  for (const engine::TaskStart& one : out.starts)
    after_if_program(between(2, 40), now, [this, one](base::Instant at) { begin(one, at); });
  if (!out.reports.empty()) check_heard();
}

// A program that is killed just now has begun a process that the next one finds.
void TaskMachine::begin(const engine::TaskStart& start, base::Instant now) {
  const Key key{start.name, start.run};
  const model::Task& task = *start.task;
  processes_[key].generation = task.generation;
  ledger_.begins(key.first, name_);
  const std::string& command = task.command.at(0);
  if (command == "work") end_after(key, between(1'000, 10'000), 0, now);
  if (command == "bad") end_after(key, between(50, 300), 1, now);
  after_if_program(between(0, 20), now, [this, key](base::Instant at) { say(engine::TaskStarted{key.first, key.second, ""}, at); });
}

void TaskMachine::signal(const engine::TaskSignal& signal, base::Instant now) {
  const Key key{signal.name, signal.run};
  const bool kills = signal.signal == engine::TaskSignal::Signal::kill;
  if (!kills && random_() % 8 == 0) return;        // it does not listen
  const base::Duration takes = kills ? between(0, 30) : between(1, 900);
  if (processes_.contains(key)) return end_after(key, takes, kills ? killed : terminated, now);
  // It is about to begin.
  after_if_program(50ms, now, [this, key, takes, kills](base::Instant at) {
    if (processes_.contains(key)) end_after(key, takes, kills ? killed : terminated, at);
  });
}

void TaskMachine::end_after(const Key& key, base::Duration time, std::int32_t status, base::Instant now) {
  const auto at = processes_.find(key);
  if (at == processes_.end() || !at->second.lives) return;
  const std::uint64_t mark = at->second.mark = ++marks_;
  after(time, now, [this, key, mark, status](base::Instant then) {
    const auto process = processes_.find(key);
    if (process != processes_.end() && process->second.mark == mark && process->second.lives) end(key, status, then);
  });
}

void TaskMachine::end(const Key& key, std::int32_t status, base::Instant now) {
  ledger_.ends(key.first, name_);
  Process& process = processes_[key];
  if (status == 0) {
    const std::string what = key.first + " " + std::to_string(process.generation) + " on " + name_;
    if (++ledger_.ended_well[what] > 1) ledger_.breaches.push_back(what + ": ended well twice");
  }
  process.lives = false;
  process.exit = status;
  if (!supervisor_) return;                        // the next program finds how it ended
  processes_.erase(key);
  say(engine::TaskExited{key.first, key.second, status}, now);
}

// ---- the link ----

void TaskMachine::hear(std::map<std::string, std::string> wishes, std::string revision, base::Instant now) {
  const auto before = std::exchange(wishes_, std::move(wishes));
  for (const auto& [task, wish] : before)
    if (!wishes_.contains(task)) say(engine::TaskWished{task, std::nullopt}, now);
  for (const auto& [task, wish] : wishes_)
    if (const auto had = before.find(task); had == before.end() || had->second != wish) say(engine::TaskWished{task, wish}, now);
  revision_ = std::move(revision);
  check_heard();
}

void TaskMachine::contact(base::Instant sent, base::Instant now) { say(engine::TaskContact{sent}, now); }

// As node/tasks does: what was withdrawn has ended.
void TaskMachine::check_heard() {
  if (revision_.empty() || revision_ == heard_) return;
  bool leaving = false;
  supervisor_->each([&](const std::string& task, const model::TaskStatus&) { leaving = leaving || !wishes_.contains(task); });
  if (!leaving) heard_ = revision_;
}

void TaskMachine::say_all(const std::set<std::string>& in_twin) {
  for (const std::string& task : in_twin) reports_.try_emplace(task, std::nullopt);
  supervisor_->each([this](const std::string& task, const model::TaskStatus& status) { reports_[task] = status; });
  said_heard_.clear();
}

std::string TaskMachine::take_reports() {
  const bool heard_is_new = !heard_.empty() && heard_ != said_heard_;
  if (reports_.empty() && !heard_is_new) return {};
  base::JsonWriter json;
  json.begin_object().key("features").begin_object().key("tasks").begin_object().key("properties").begin_object();
  for (const auto& [task, status] : std::exchange(reports_, {})) {
    json.key(task);
    if (!status) {
      json.null();
      continue;
    }
    json.begin_object();
    for (const auto& member : codec::task::status_members(*status)) json.key(member.name).raw(member.json.empty() ? "null" : std::string_view(member.json));
    json.end_object();
  }
  if (heard_is_new) json.key("_heard").raw(said_heard_ = heard_);
  return json.end_object().end_object().end_object().end_object().take();
}

// ---- time ----

base::Instant TaskMachine::wake_at() const {
  base::Instant at = planned_.empty() ? base::Instant{std::numeric_limits<std::int64_t>::max()} : planned_.begin()->first;
  if (supervisor_)
    if (const auto wake = supervisor_->wake_at()) at = std::min(at, *wake);
  return at;
}

void TaskMachine::turn(base::Instant now) {
  while (!planned_.empty() && planned_.begin()->first <= now) {
    const auto what = planned_.extract(planned_.begin());
    what.mapped()(what.key());
  }
  if (supervisor_)
    if (const auto wake = supervisor_->wake_at(); wake && *wake <= now) say(engine::TaskTick{}, now);
}

}  // namespace selvedge::sim
