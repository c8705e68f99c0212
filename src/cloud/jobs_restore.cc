#include <algorithm>

#include "base/log.h"
#include "cloud/jobs_state.h"

namespace selvedge::cloud {

using base::Result;

namespace {

constexpr std::size_t page = 10'000;

// Of a task that was leaving and of which nothing more is known.
model::TaskStatus leaving() {
  model::TaskStatus status;
  status.state = model::TaskState::stopping;
  return status;
}

const model::TaskGroup* group_of(const engine::JobRecord& record, const std::string& name) {
  const auto at = std::ranges::find(record.now.job.groups, name, &model::TaskGroup::name);
  return at == record.now.job.groups.end() ? nullptr : &*at;
}

}  // namespace

// In the order that the book asks for: records, nodes with the wishes that stand in their twins, what they say.
Result<void> Jobs::State::restore(const std::string& path) {
  file = TRY(JobsFile::open(world, path));
  for (engine::JobRecord& record : TRY(file->records()))
    TRY(step(engine::JobRestored{std::move(record)}));
  std::map<std::string, std::vector<LeftTask>> left;
  for (LeftTask& one : TRY(file->left())) left[one.node].push_back(std::move(one));
  std::string after;
  for (;;) {
    const auto ids = twins.list("", after, page);
    for (const model::TwinId& id : ids) {
      if (model::twin_device(id) != model::node_twin_name) continue;
      const std::string name(model::twin_node(id));
      restore_node(name, *twins.find(id), left[name]);
      left.erase(name);
    }
    if (ids.size() < page) break;
    after = ids.back();
  }
  // The twins of these were removed: nothing says that their tasks run.
  for (const auto& [name, tasks] : left)
    for (const LeftTask& task : tasks) TRY(file->forget_left(name, task.task));
  TRY(step(engine::JobsBegin{}));
  return {};
}

void Jobs::State::restore_node(const std::string& name, const engine::Twin& twin, const std::vector<LeftTask>& left) {
  Node& node = nodes[name];
  node.revision = read_revision(twin);
  refresh(name);
  const auto hold = [&](const engine::MemberKey& member, const model::Resources& resources, const model::AcceleratorAsk& accelerators) {
    const engine::JobRecord* const record = book.record(member.job);
    const model::TaskGroup* const group = record != nullptr ? group_of(*record, member.group) : nullptr;
    JobPlaces::Held held{member, name, record != nullptr ? record->now.job.tenant : "default", group != nullptr ? *group : model::TaskGroup{}};
    held.group.name = member.group;
    held.group.task.resources = resources;
    held.group.task.accelerators = accelerators;
    places.hold(held);
  };
  FoundWishes wishes = read_wishes(twin);
  for (const std::string& task : wishes.unreadable)
    base::log::warn("jobs", "a wish that cannot be read is left alone", {{"node", name}, {"task", task}});
  std::set<std::string> standing;
  for (model::Task& task : wishes.tasks) {
    const auto member = engine::member_of(task.name);
    const std::size_t before = out.wishes.size();
    standing.insert(task.name);
    const model::Resources resources = task.resources;
    const model::AcceleratorAsk accelerators = task.accelerators;
    base::ignore(step(engine::WishFound{name, std::move(task)}), "it is always taken");
    if (member && out.wishes.size() == before) hold(*member, resources, accelerators);
  }
  const auto tell_left = [&](const LeftTask& one, std::optional<model::TaskStatus> status) {
    const auto member = engine::member_of(one.task);
    if (!member || node.told == NodeNow::gone) return;
    node.withdrawn[one.task] = std::min(one.revision, node.revision);
    if (book.record(member->job) != nullptr) hold(*member, one.resources, one.accelerators);
    base::ignore(step(engine::TaskReported{name, one.task, status ? std::move(*status) : leaving()}), "it is always taken");
  };
  std::set<std::string> known;
  for (const LeftTask& one : left) {
    if (standing.contains(one.task)) continue;     // it was wished again, or the withdrawal did not come so far
    known.insert(one.task);
    auto report = read_report(twin, one.task);
    tell_left(one, report && *report ? std::optional(std::move(**report)) : std::nullopt);
  }
  for (const std::string& task : reported_tasks(twin)) {
    auto report = read_report(twin, task);
    if (known.contains(task) || !report || !*report) continue;
    if (standing.contains(task)) base::ignore(step(engine::TaskReported{name, task, std::move(**report)}), "it is always taken");
    else tell_left({name, task, node.revision, {}, {}}, std::move(**report));
  }
  heard_nodes.insert(name);
}

}  // namespace selvedge::cloud
