// Runs: their start, their signals, their ends, what they say and are fed.

#include <algorithm>
#include <utility>

#include "base/crc32c.h"
#include "base/log.h"
#include "codec/mqtt/packet.h"
#include "node/tasks_state.h"

namespace selvedge::node {

namespace {

constexpr std::uint32_t first_lane = 0x5410, lanes = 8;
constexpr base::Duration most_stop = std::chrono::seconds(10);
constexpr std::size_t most_known_series = 100'000;
constexpr std::int32_t unknown_status = 255;       // of a run whose end nobody kept: no success

}  // namespace

// What concerns one task happens in order.
std::uint32_t Tasks::State::lane(std::string_view name) const { return first_lane + base::crc32c(base::as_bytes(name)) % lanes; }

std::shared_ptr<TaskLog> Tasks::State::log_of(const std::string& name, std::int64_t bytes) {
  std::shared_ptr<TaskLog>& log = logs[name];
  if (!log) log = std::make_shared<TaskLog>(world, task_folder(place.root, name), lane(name), static_cast<std::uint64_t>(bytes));
  else log->set_bytes(static_cast<std::uint64_t>(bytes));
  return log;
}

bool Tasks::State::leaves_room(std::int64_t memory) const {
  if (config.memory == 0 || memory <= 0) return true;
  auto used = static_cast<std::uint64_t>(memory);
  for (const auto& [key, run] : runs) used += static_cast<std::uint64_t>(run->file().task.resources.memory);
  return used <= config.memory;
}

void Tasks::State::start_run(const engine::TaskStart& start) {
  if (phase != Phase::running) return;
  const RunKey key{start.name, start.run};
  if (!leaves_room(start.task->resources.memory)) {
    engine::TaskNotStarted answer{start.name, start.run, engine::TaskOutcome::unavailable, "tasks.memory leaves no room for it"};
    return feed(std::move(answer));
  }
  whys.erase(start.name);
  TaskRunFile file{start.name, start.run, start.preparation, *start.task};
  auto run = std::make_shared<TaskRun>(world, place, std::move(file), log_of(start.name, start.task->log), lane(start.name), *this);
  runs.emplace(key, run);
  feeds_changed();
  run->start();
}

void Tasks::State::signal_run(const engine::TaskSignal& signal) {
  const auto is_it = [&](const engine::TaskStart& s) { return s.name == signal.name && s.run == signal.run; };
  if (std::erase_if(held_back, is_it) + std::erase_if(next_held_back, is_it) > 0) {
    engine::TaskNotStarted answer{signal.name, signal.run, engine::TaskOutcome::failed, "it was withdrawn"};
    return feed(std::move(answer));
  }
  const auto at = runs.find({signal.name, signal.run});
  if (at == runs.end()) return;
  if (signal.signal == engine::TaskSignal::Signal::term) at->second->term();
  else at->second->kill("killed: it did not end when it was asked to");
}

// It may be in the middle of a call of its own.
std::shared_ptr<TaskRun> Tasks::State::take_out(const RunKey& key) {
  const auto at = runs.find(key);
  if (at == runs.end()) return nullptr;
  std::shared_ptr<TaskRun> run = std::move(at->second);
  runs.erase(at);
  unread_before += run->unread();
  feeds_changed();
  world.loop().defer([run] {});
  check_site_soon();
  return run;
}

TaskRun* Tasks::State::running(std::string_view name) {
  for (const auto& [key, run] : runs)
    if (key.first == name && run->is_running()) return run.get();
  return nullptr;
}

void Tasks::State::run_started(TaskRun& run, const std::string& limits) {
  const RunKey key{run.name(), run.number()};
  if (phase == Phase::adopting) {
    found[key] = {run.name(), run.number(), std::nullopt, limits};
    feeds_changed();
    return adopted_one();
  }
  feed(engine::TaskStarted{run.name(), run.number(), limits});
}

void Tasks::State::run_failed(TaskRun& run, Again again, const std::string& why) {
  const RunKey key{run.name(), run.number()};
  take_out(key);
  if (phase == Phase::stopped) {
    forget_run(key);
    if (runs.empty() && stopped) std::exchange(stopped, nullptr)();
    return;
  }
  // Of one that was to be taken over: it never began, and its start is made up for.
  forget_run(key);
  if (run.was_adopted()) {
    if (phase == Phase::adopting) adopted_one();
    return;
  }
  const auto outcome = again == Again::yes     ? engine::TaskOutcome::failed
                       : again == Again::later ? engine::TaskOutcome::unavailable
                                               : engine::TaskOutcome::impossible;
  feed(engine::TaskNotStarted{run.name(), run.number(), outcome, why});
}

void Tasks::State::run_ended(TaskRun& run, std::optional<std::int32_t> status, const std::string& why) {
  const RunKey key{run.name(), run.number()};
  take_out(key);
  if (phase == Phase::stopped) {
    forget_run(key);                               // to the next start it is as if the machine had been off
    if (runs.empty() && stopped) std::exchange(stopped, nullptr)();
    return;
  }
  if (!why.empty()) whys[key.first] = why;
  if (phase == Phase::adopting) {
    const bool was_there = found.contains(key);
    // How it ended is not known: it counts as cut off, and that is no failure.
    if (status) found[key] = {run.name(), run.number(), status, {}};
    else found.erase(key);
    after_save([this, key] { forget_run(key); });
    if (!was_there) adopted_one();
    return;
  }
  feed(engine::TaskExited{run.name(), run.number(), status.value_or(unknown_status)});
  if (restarting.erase(run.name()) > 0) feed(engine::TaskRetry{run.name()});
  // What is on disk of it says how it ended until that is noted.
  after_save([this, key] { forget_run(key); });
}

void Tasks::State::forget_run(const RunKey& key) {
  world.forget_child(task_run_folder(place.absolute, key.first, key.second), [weak = weak_from_this(), key] {
    const auto self = weak.lock();
    if (!self) return;
    self->world.loop().work(
        self->lane(key.first),
        [&w = self->world, root = self->place.root, key] {
          base::ignore(remove_run_file(w, root, key.first, key.second), "the next start looks at it again");
        },
        [] {});
  });
}

void Tasks::State::leave_runs() {
  // Others of the site take its tasks over.
  std::erase_if(runs, [&](const auto& one) {
    return site == nullptr || one.second->file().task.disconnect.policy != model::TaskDisconnect::Policy::site;
  });
}

void Tasks::State::stop_runs(std::function<void()> done) {
  if (runs.empty()) return world.loop().defer(std::move(done));
  stopped = std::move(done);
  base::Duration grace{};
  for (const auto& [key, run] : std::map(runs)) {
    grace = std::max(grace, run->file().task.stop_grace);
    run->term();
  }
  stop_timer = world.loop().after(std::min(grace, most_stop), [this] {
    for (const auto& [key, run] : std::map(runs)) run->kill("killed: the node stops");
  });
}

// ---- feeds ----

void Tasks::State::feeds_changed() {
  feeds.clear();
  fed_by_series.clear();
  fed_by_topic.clear();
  for (const auto& [key, run] : runs) {
    const auto& its = run->file().task.feeds;
    if (std::ranges::any_of(its, [](const model::TaskFeed& f) { return !f.series.empty(); })) fed_by_series.push_back(run.get());
    if (std::ranges::any_of(its, [](const model::TaskFeed& f) { return !f.topic.empty(); })) fed_by_topic.push_back(run.get());
  }
}

void Tasks::reading(model::SeriesId id, std::string_view series, base::Time time, const model::ValueView& value) {
  State& s = *state_;
  if (s.fed_by_series.empty()) return;
  auto at = s.feeds.find(id);
  if (at == s.feeds.end()) {
    if (s.feeds.size() >= most_known_series) s.feeds.clear();
    at = s.feeds.try_emplace(id).first;
    for (TaskRun* run : s.fed_by_series) {
      const model::Task& task = run->file().task;
      // What it wrote itself is not said to it, or it would never end.
      const std::string& own = task.output;
      if (!own.empty() && series.starts_with(own) && (series.size() == own.size() || series[own.size()] == '/')) continue;
      const auto takes = [&](const model::TaskFeed& feed) { return !feed.series.empty() && codec::mqtt::matches(feed.series, series); };
      if (std::ranges::any_of(task.feeds, takes)) at->second.push_back(run);
    }
  }
  if (at->second.empty()) return;
  const std::string line = reading_line(series, time, value);
  for (TaskRun* run : at->second) run->feed(line);
}

void Tasks::message(std::string_view topic, base::BytesView payload) {
  State& s = *state_;
  std::string line;
  for (TaskRun* run : s.fed_by_topic) {
    const auto takes = [&](const model::TaskFeed& feed) { return !feed.topic.empty() && codec::mqtt::matches(feed.topic, topic); };
    if (std::ranges::none_of(run->file().task.feeds, takes)) continue;
    if (line.empty()) line = message_line(topic, s.world.loop().wall_now(), payload);
    run->feed(line);
  }
}

void Tasks::State::run_found_readings(TaskRun& run, const LineReadings& readings) {
  const auto stored = ingest.readings(run.name(), readings.readings);
  if (stored) {
    readings_stored->add(readings.readings.size());
    return host.plan_commit();
  }
  readings_refused->add();
  run.log().line("node", "a reading was not stored: " + stored.error().message);
}

}  // namespace selvedge::node
