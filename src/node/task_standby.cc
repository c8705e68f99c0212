#include "node/task_standby.h"

#include <set>
#include <utility>

#include "base/log.h"

namespace selvedge::node {

namespace {

constexpr base::Duration again = std::chrono::seconds(30);

// No task has such a name, so its own use of an artifact is another.
std::string user(const std::string& task) { return "standby " + task; }

}  // namespace

TaskStandby::TaskStandby(os::World& world, TaskArtifacts& artifacts, std::function<void()> ready)
    : world_(world), artifacts_(artifacts), ready_(std::move(ready)) {}

TaskStandby::~TaskStandby() { world_.loop().cancel(timer_); }

void TaskStandby::want(const std::vector<model::Task>& tasks) {
  std::set<std::string> wanted;
  for (const model::Task& task : tasks) {
    if (task.artifacts.empty()) continue;
    wanted.insert(task.name);
    std::shared_ptr<Entry>& entry = entries_[task.name];
    if (entry && entry->artifacts == task.artifacts) continue;
    if (entry) artifacts_.release(user(task.name), task.artifacts);
    entry = std::make_shared<Entry>();
    entry->artifacts = task.artifacts;
    next(task.name);
  }
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto one = at++;
    if (wanted.contains(one->first)) continue;
    artifacts_.release(user(one->first));
    entries_.erase(one);
  }
}

bool TaskStandby::ready(const model::Task& task) const {
  if (task.artifacts.empty()) return true;
  const auto at = entries_.find(task.name);
  return at != entries_.end() && at->second->artifacts == task.artifacts && at->second->here == task.artifacts.size();
}

void TaskStandby::next(const std::string& task) {
  const std::shared_ptr<Entry> entry = entries_.at(task);
  if (entry->busy) return;
  if (entry->here == entry->artifacts.size()) return ready_();
  entry->busy = true;
  artifacts_.acquire(user(task), entry->artifacts[entry->here],
                     [this, task, entry, living = std::weak_ptr<bool>(alive_)](const base::Result<TaskArtifacts::Reader>& got) {
                       if (living.expired()) return;
                       entry->busy = false;
                       const auto at = entries_.find(task);
                       if (at == entries_.end() || at->second != entry) return;
                       if (got) {
                         ++entry->here;
                         return next(task);
                       }
                       base::log::info("site", "an artifact of a task is not here, so the task cannot be taken over",
                                       {{"task", task}, {"artifact", entry->artifacts[entry->here].name}, {"why", got.error()}});
                       if (timer_ != os::TimerId::none) return;
                       timer_ = world_.loop().after(again, [this] {
                         timer_ = os::TimerId::none;
                         std::vector<std::string> names;
                         for (const auto& [name, one] : entries_)
                           if (one->here < one->artifacts.size()) names.push_back(name);
                         for (const std::string& name : names) next(name);
                       });
                     });
}

}  // namespace selvedge::node
