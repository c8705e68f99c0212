#include <algorithm>

#include "base/log.h"
#include "cloud/jobs_state.h"

namespace selvedge::cloud {

using base::Result;

namespace {

constexpr std::size_t page = 10'000;

const model::TaskGroup* group_of(const engine::JobRecord& record, const std::string& name) {
  const auto at = std::ranges::find(record.now.job.groups, name, &model::TaskGroup::name);
  return at == record.now.job.groups.end() ? nullptr : &*at;
}

}  // namespace

// A wish that was withdrawn, and whether that has come as far as the twin.
struct Jobs::State::Claim {
  LeftTask left;
  std::optional<model::Task> standing;
};

// In the order that the book asks for: records, wishes that stand in twins, those that were withdrawn with the newest
// first, what nodes say. Where a member stands or leaves elsewhere too, it was given up there.
Result<void> Jobs::State::restore(const std::string& path) {
  file = TRY(JobsFile::open(world, path));
  for (engine::JobRecord& record : TRY(file->records()))
    TRY(step(engine::JobRestored{std::move(record)}));
  std::map<std::string, std::vector<LeftTask>> left;
  for (LeftTask& one : TRY(file->left())) left[one.node].push_back(std::move(one));
  std::vector<std::string> names;
  std::vector<Claim> claims;
  std::string after;
  for (;;) {
    const auto ids = twins.list("", after, page);
    for (const model::TwinId& id : ids) {
      if (model::twin_device(id) != model::node_twin_name) continue;
      const std::string& name = names.emplace_back(model::twin_node(id));
      find_wishes(name, *twins.find(id), left[name], claims);
      left.erase(name);
    }
    if (ids.size() < page) break;
    after = ids.back();
  }
  for (const auto& [name, tasks] : left) {         // the twins of these were removed
    nodes[name].told = NodeNow::silent;
    TRY(step(engine::NodeChanged{name, NodeNow::silent}));
    for (const LeftTask& task : tasks) claims.push_back({task, std::nullopt});
  }
  std::ranges::stable_sort(claims, std::greater{}, [](const Claim& claim) { return claim.left.number; });
  for (Claim& claim : claims) {
    if (claim.standing) stands(claim.left.node, std::move(*claim.standing));
    else leaves(claim.left);
  }
  for (const std::string& name : names) {
    const engine::Twin& twin = *twins.find(model::twin_id(name, model::node_twin_name));
    for (const std::string& task : reported_tasks(twin)) {
      auto report = read_report(twin, task);
      const auto member = engine::member_of(task);
      if (!report || !*report || !member) continue;
      base::ignore(step(engine::TaskReported{name, task, std::move(**report)}), "it is always taken");
      // What nobody knows of is waited for, and holds room: somebody removed its wish.
      if (book.holds(*member, name) && !places.room(*member, name)) hold(*member, name, {}, {});
      Node& node = nodes[name];
      if (!twin.json("", "/features/tasks/desiredProperties/" + task)) node.withdrawn.emplace(task, node.revision);
    }
    heard_nodes.insert(name);
  }
  TRY(step(engine::JobsBegin{}));
  return {};
}

void Jobs::State::find_wishes(const std::string& name, const engine::Twin& twin, const std::vector<LeftTask>& left,
                              std::vector<Claim>& claims) {
  const std::uint64_t revision = nodes[name].revision = read_revision(twin);
  refresh(name);
  FoundWishes wishes = read_wishes(twin);
  for (const std::string& task : wishes.unreadable)
    base::log::warn("jobs", "a wish that cannot be read is left alone", {{"node", name}, {"task", task}});
  std::set<std::string> standing;
  for (model::Task& task : wishes.tasks) {
    standing.insert(task.name);
    const auto known = std::ranges::find(left, task.name, &LeftTask::task);
    if (known == left.end()) {
      stands(name, std::move(task));
    } else if (known->revision > revision) {
      claims.push_back({*known, std::move(task)});
    } else {                                       // wished for here again since
      base::ignore(file->forget_left(name, task.name), "it is looked at again after a start");
      stands(name, std::move(task));
    }
  }
  for (const LeftTask& one : left)
    if (!standing.contains(one.task)) claims.push_back({one, std::nullopt});
}

void Jobs::State::stands(const std::string& name, model::Task task) {
  const auto member = engine::member_of(task.name);
  const model::Resources resources = task.resources;
  const model::AcceleratorAsk accelerators = task.accelerators;
  base::ignore(step(engine::WishFound{name, std::move(task)}), "it is always taken");
  if (member && book.holds(*member, name)) hold(*member, name, resources, accelerators);
}

void Jobs::State::leaves(const LeftTask& left) {
  Node& node = nodes[left.node];
  const auto member = engine::member_of(left.task);
  if (!member || node.told == NodeNow::gone) {
    base::ignore(file->forget_left(left.node, left.task), "it is looked at again after a start");
    return;
  }
  std::uint64_t revision = left.revision;
  if (revision > node.revision) {                  // the twin from which it was withdrawn was removed: once more
    node.revision = revision;
    revision = ++node.revision;
    unwritten.push_back({left.node, left.task, std::nullopt, revision});
  }
  node.withdrawn[left.task] = revision;
  base::ignore(step(engine::LeavingFound{left.node, *member, left.disconnect}), "it is always taken");
  if (book.holds(*member, left.node)) hold(*member, left.node, left.resources, left.accelerators);
}

void Jobs::State::hold(const engine::MemberKey& member, const std::string& node, const model::Resources& resources,
                       const model::AcceleratorAsk& accelerators) {
  const engine::JobRecord* const record = book.record(member.job);
  const model::TaskGroup* const group = record != nullptr ? group_of(*record, member.group) : nullptr;
  JobPlaces::Held held{member, node, record != nullptr ? record->now.job.tenant : "default", group != nullptr ? *group : model::TaskGroup{}};
  held.group.name = member.group;
  held.group.task.resources = resources;
  held.group.task.accelerators = accelerators;
  places.hold(held);
}

}  // namespace selvedge::cloud
