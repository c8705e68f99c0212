// Tasks that the site decides about: they run while it says so, and what it has this node run is as good as a wish.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "codec/task/task.h"
#include "node/tasks_state.h"

namespace selvedge::node {

namespace {

constexpr std::uint32_t load_of_a_run = 20, most_load = 1'000'000;
constexpr std::string_view not_asked = "the nodes of the site have not given it to this one yet";

bool is_of_site(const std::string& name, const std::string& value) {
  if (value.find("\"site\"") == std::string::npos) return false;
  const auto task = codec::task::parse_task(name, value);
  return task && task->disconnect.policy == model::TaskDisconnect::Policy::site;
}

}  // namespace

SiteTasks& Tasks::site_tasks() { return *state_; }

void Tasks::join_site(Site& site) {
  State& s = *state_;
  s.site = &site;
  if (s.phase != State::Phase::running) return;
  for (const auto& [name, value] : s.wished) s.pause_for_site(name, value);
  s.read_wishes();
  s.check_site();
}

// ---- what the site is told ----

void Tasks::State::add_lent(std::map<std::string, std::string>& wishes) {
  of_site.clear();
  if (site == nullptr) return;
  for (const auto& [name, value] : wishes)
    if (is_of_site(name, value)) of_site.emplace(name, value);
  std::erase_if(lent, [&](const auto& one) {
    const bool is_wished = wishes.contains(one.first);
    if (is_wished) base::log::info("site", "the cloud wishes for what was taken over", {{"task", one.first}});
    return is_wished;
  });
  wishes.insert(lent.begin(), lent.end());
}

void Tasks::State::tell_site() {
  if (site != nullptr) site->wishes(of_site);
}

// A value that the supervisor has just taken does not start before the site says so.
void Tasks::State::pause_for_site(const std::string& name, const std::string& value) {
  if (site == nullptr || allowed.contains(name) || !is_of_site(name, value)) return;
  feed(engine::TaskLease{name, 0, engine::TaskLease::Is::paused, std::string(not_asked)});
}

bool Tasks::State::has_run(const std::string& name) const {
  const auto is_it = [&](const engine::TaskStart& one) { return one.name == name; };
  return std::ranges::any_of(runs, [&](const auto& one) { return one.first.first == name; }) ||
         std::ranges::any_of(held_back, is_it) || std::ranges::any_of(next_held_back, is_it);
}

void Tasks::State::check_site_soon() {
  if (site == nullptr || std::exchange(site_planned, true)) return;
  world.loop().defer([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->site_planned = false;
    self->check_site();
  });
}

void Tasks::State::check_site() {
  if (site == nullptr || phase != Phase::running) return;
  for (const std::string& name : std::set(ending)) {
    if (disowned.erase(name) == 0 && has_run(name)) continue;
    ending.erase(name);
    site->ended(name);
  }
  const bool runs_some = std::ranges::any_of(runs, [](const auto& one) {
    return one.second->file().task.disconnect.policy == model::TaskDisconnect::Policy::site;
  });
  if (runs_some || std::exchange(site_begun, true)) return;
  site->begin();
}

// ---- what the site says ----

void Tasks::State::site_run(const std::string& task, const std::string& document) {
  allowed.insert(task);
  ending.erase(task);
  if (!document.empty()) lent[task] = document;
  read_wishes();
  if (!document.empty()) beat();
  feed(engine::TaskLease{task, 0, engine::TaskLease::Is::held});
}

void Tasks::State::site_end(const std::string& task, Ends ends, const std::string& why) {
  allowed.erase(task);
  ending.insert(task);
  if (ends == Ends::for_good && lent.erase(task) > 0) read_wishes();
  // One that was the site's and is wished for otherwise now is left to its wish: the site knows it no more.
  const auto wish = wished.find(task);
  const bool is_left = wish != wished.end() && !is_of_site(task, wish->second);
  if (is_left) disowned.insert(task);
  else if (wish != wished.end()) feed(engine::TaskLease{task, 0, engine::TaskLease::Is::paused, why});
  check_site_soon();
}

void Tasks::State::site_says(const std::string& task, const std::string& why) {
  if (!allowed.contains(task)) feed(engine::TaskLease{task, 0, engine::TaskLease::Is::paused, why});
}

bool Tasks::State::site_can_run(const model::Task& task) {
  return config.enabled && task.kind == model::TaskKind::process && task.accelerators.devices == 0 &&
         leaves_room(task.resources.memory) && standby->ready(task);
}

void Tasks::State::site_stand_by(std::vector<model::Task> tasks) { standby->want(tasks); }

std::uint32_t Tasks::State::site_load() {
  std::uint64_t load = 0;
  for (const auto& [key, run] : runs) load += load_of_a_run + static_cast<std::uint64_t>(std::max<std::int64_t>(run->file().task.resources.cpu, 0));
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(load, most_load));
}

}  // namespace selvedge::node
