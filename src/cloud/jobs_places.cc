#include "cloud/jobs_places.h"

#include <algorithm>

namespace selvedge::cloud {

using base::Code;
using base::fail;
using base::Result;
using engine::AskPlace;
using engine::MemberKey;
using namespace engine::placement;

namespace {

ShapeSpec shape_of(const model::TaskGroup& group, const std::string& tenant) {
  ShapeSpec shape;
  shape.resources = group.task.resources;
  shape.accelerators = group.task.accelerators;
  shape.constraints = group.constraints;
  shape.tolerations = group.tolerations;
  shape.near = group.near;
  shape.latency_limit_ms = group.latency_limit_ms;
  shape.energy_weight = group.energy_weight;
  shape.priority = group.priority;
  shape.tenant = tenant;
  shape.disconnect = group.task.disconnect;
  return shape;
}

// A shape while it is looked for; tasks that are placed keep it.
class ShapeHold {
 public:
  static Result<ShapeHold> of(Fleet& fleet, const ShapeSpec& spec) { return ShapeHold(fleet, TRY(fleet.add_shape(spec))); }
  ShapeHold(ShapeHold&& other) noexcept : fleet_(std::exchange(other.fleet_, nullptr)), id_(other.id_) {}
  ShapeHold& operator=(ShapeHold&&) = delete;
  ~ShapeHold() {
    if (fleet_ != nullptr) base::ignore(fleet_->drop_shape(id_), "it was added");
  }
  ShapeId id() const { return id_; }

 private:
  ShapeHold(Fleet& fleet, ShapeId id) : fleet_(&fleet), id_(id) {}
  Fleet* fleet_;
  ShapeId id_;
};

constexpr std::size_t most_victims = 1'000;

// The one in force comes first.
PickerSettings rules_from(engine::PlacementRule first) {
  PickerSettings settings;
  std::erase(settings.rules, first);
  settings.rules.insert(settings.rules.begin(), first);
  return settings;
}

std::int64_t thousandths_of(const model::AcceleratorAsk& ask) { return std::int64_t{ask.devices} * ask.thousandths; }

std::string cores(std::int64_t thousandths) {
  std::string text = std::to_string(thousandths / 1000);
  if (const std::int64_t rest = thousandths % 1000; rest > 0) text += "." + std::to_string(1000 + rest).substr(1);
  return text;
}

}  // namespace

JobPlaces::JobPlaces(PlaceSettings settings)
    : settings_(std::move(settings)), placer_(fleet_, settings_.rule), picker_(rules_from(settings_.rule)) {}

Result<bool> JobPlaces::set_node(const NodeSpec& spec) {
  const auto known = nodes_.find(spec.name);
  if (known == nodes_.end()) {
    const NodeId added = TRY(fleet_.add_node(spec));
    nodes_[spec.name] = added;
    return true;
  }
  if (fleet_.facts(known->second).spec == spec) return false;
  TRY(fleet_.change_node(known->second, spec));
  return true;
}

bool JobPlaces::set_state(const std::string& node, NodeState state) {
  const auto known = nodes_.find(node);
  if (known == nodes_.end() || fleet_.facts(known->second).state == state) return false;
  base::ignore(fleet_.set_state(known->second, state), "the node is known");
  return true;
}

void JobPlaces::set_full(const std::string& node, bool full) {
  const auto known = nodes_.find(node);
  if (known != nodes_.end()) base::ignore(fleet_.hold_node(known->second, full), "the node is known");
}

std::optional<std::string> JobPlaces::over_quota(const std::string& tenant, const model::Resources& each,
                                                 std::uint32_t count) const {
  const auto quota = settings_.tenants.find(tenant);
  if (quota == settings_.tenants.end()) return std::nullopt;
  const auto used = usage_.find(tenant);
  const Usage now = used == usage_.end() ? Usage{} : used->second;
  const TenantQuota& most = quota->second;
  const std::string who = "tenant '" + tenant + "' would be over its quota: ";
  const auto over = [&](std::int64_t have, std::int64_t asked, std::int64_t bound) {
    return bound > 0 && asked > 0 && have + asked * std::int64_t{count} > bound;
  };
  if (most.tasks > 0 && now.tasks + count > most.tasks)
    return who + "it has " + std::to_string(now.tasks) + " of " + std::to_string(most.tasks) + " tasks";
  if (over(now.resources.cpu, each.cpu, most.most.cpu))
    return who + "it has " + cores(now.resources.cpu) + " of " + cores(most.most.cpu) + " cores, and asks for " +
           cores(each.cpu * count);
  if (over(now.resources.memory, each.memory, most.most.memory))
    return who + "it has " + std::to_string(now.resources.memory) + " of " + std::to_string(most.most.memory) +
           " bytes of memory, and asks for " + std::to_string(each.memory * count);
  return std::nullopt;
}

// Members that run with another way to spread are another group of the fleet until they go.
Result<GroupId> JobPlaces::group_of(const std::string& job, const model::TaskGroup& group) {
  const GroupSpec spec{.gang = group.gang, .spread = group.spread, .apart = {}};
  const auto known = current_groups_.find({job, group.name});
  if (known != current_groups_.end()) {
    if (groups_.at(known->second).spec == spec) return known->second;
    const GroupId old = known->second;
    current_groups_.erase(known);
    drop_if_empty(old);
  }
  const GroupId id = TRY(fleet_.add_group(spec));
  groups_[id] = {id, spec, 0};
  current_groups_[{job, group.name}] = id;
  return id;
}

void JobPlaces::drop_if_empty(GroupId group) {
  const auto known = groups_.find(group);
  if (known == groups_.end() || known->second.rooms > 0) return;
  std::erase_if(current_groups_, [&](const auto& one) { return one.second == group; });
  base::ignore(fleet_.drop_group(group), "it has no members");
  groups_.erase(known);
}

void JobPlaces::keep(RoomKey key, Room room) {
  Usage& used = usage_[room.tenant];
  used.resources.cpu += room.resources.cpu;
  used.resources.memory += room.resources.memory;
  used.resources.disk += room.resources.disk;
  used.accelerators += thousandths_of(room.accelerators);
  ++used.tasks;
  if (const auto group = groups_.find(room.group); group != groups_.end()) ++group->second.rooms;
  rooms_[std::move(key)] = std::move(room);
}

std::optional<JobPlaces::RoomSize> JobPlaces::room(const MemberKey& member, const std::string& node) const {
  const auto at = rooms_.find({node, member});
  if (at == rooms_.end()) return std::nullopt;
  return RoomSize{at->second.resources, at->second.accelerators};
}

bool JobPlaces::release(const MemberKey& member, const std::string& node) {
  const auto at = rooms_.find({node, member});
  if (at == rooms_.end()) return false;
  const Room room = std::move(at->second);
  rooms_.erase(at);
  if (room.task != none) {
    tags_.erase(fleet_.note(room.task).tag);
    base::ignore(fleet_.release(room.task), "it was placed");
  }
  Usage& used = usage_[room.tenant];
  used.resources.cpu -= room.resources.cpu;
  used.resources.memory -= room.resources.memory;
  used.resources.disk -= room.resources.disk;
  used.accelerators -= thousandths_of(room.accelerators);
  if (--used.tasks == 0) usage_.erase(room.tenant);
  if (const auto group = groups_.find(room.group); group != groups_.end()) {
    --group->second.rooms;
    drop_if_empty(room.group);
  }
  return true;
}

void JobPlaces::hold(const Held& held) {
  const RoomKey key{held.node, held.member};
  if (rooms_.contains(key)) return;
  Room room{.task = none, .group = none, .tenant = held.tenant, .resources = held.group.task.resources,
            .accelerators = held.group.task.accelerators};
  const auto node = nodes_.find(held.node);
  const auto group = group_of(held.member.job, held.group);
  const auto shape = ShapeHold::of(fleet_, shape_of(held.group, held.tenant));
  if (group) room.group = *group;
  if (node != nodes_.end() && group && shape && fleet_.has_room(shape->id(), node->second)) {
    if (const auto task = fleet_.commit(shape->id(), node->second, {.tag = ++last_tag_, .group = *group})) {
      room.task = *task;
      tags_[last_tag_] = key;
    }
  }
  keep(key, std::move(room));
}

Result<std::vector<std::string>> JobPlaces::place(const AskPlace& ask) {
  const auto count = static_cast<std::uint32_t>(ask.members.size());
  if (const auto over = over_quota(ask.tenant, ask.group.task.resources, count)) return fail(Code::exhausted, *over);
  const ShapeHold shape = TRY(ShapeHold::of(fleet_, shape_of(ask.group, ask.tenant)));
  const GroupId group = TRY(group_of(ask.members.front().job, ask.group));
  // Where it comes from is free again for others, and may even be ready, but not for this one.
  const auto shunned = nodes_.find(ask.not_on);
  const bool held = shunned != nodes_.end() && !fleet_.facts(shunned->second).held;
  if (held) base::ignore(fleet_.hold_node(shunned->second, true), "the node is known");
  std::vector<Want> wants;
  for (std::uint32_t i = 0; i < count; ++i) wants.push_back({shape.id(), {.tag = ++last_tag_, .group = group}});
  Result<std::vector<Placed>> placed = placer_.place_gang(wants);
  if (held) base::ignore(fleet_.hold_node(shunned->second, false), "the node is known");
  if (!placed) {
    const std::string why = to_text(placer_.explain(wants.front(), 0));
    drop_if_empty(group);
    return fail(placed.error().code, (count > 1 ? "not all " + std::to_string(count) + " find a place together: " : "no node fits: ") + why);
  }
  std::vector<std::string> nodes;
  for (std::uint32_t i = 0; i < count; ++i) {
    const Placed& one = (*placed)[i];
    const std::string& node = fleet_.facts(one.node).spec.name;
    const RoomKey key{node, ask.members[i]};
    tags_[wants[i].note.tag] = key;
    keep(key, {.task = one.task, .group = group, .tenant = ask.tenant, .resources = ask.group.task.resources,
               .accelerators = ask.group.task.accelerators});
    nodes.push_back(node);
  }
  return nodes;
}

std::vector<MemberKey> JobPlaces::to_displace(const AskPlace& ask) {
  std::vector<MemberKey> members;
  if (over_quota(ask.tenant, ask.group.task.resources, static_cast<std::uint32_t>(ask.members.size()))) return members;
  const auto shape = ShapeHold::of(fleet_, shape_of(ask.group, ask.tenant));
  if (!shape) return members;
  const auto group = group_of(ask.members.front().job, ask.group);
  std::vector<TaskId> victims;
  const bool found = group && find_victims(ask, shape->id(), *group, victims);
  if (group) drop_if_empty(*group);
  if (!found) return members;
  for (const TaskId task : victims)
    if (const auto tag = tags_.find(fleet_.note(task).tag); tag != tags_.end()) members.push_back(tag->second.second);
  return members;
}

// Tried out on the fleet, member by member, and taken back: where there is room it is taken, else it is made.
bool JobPlaces::find_victims(const AskPlace& ask, ShapeId shape, GroupId group, std::vector<TaskId>& victims) {
  Barred barred;
  const auto shunned = nodes_.find(ask.not_on);
  const bool held = shunned != nodes_.end() && !fleet_.facts(shunned->second).held;
  if (shunned != nodes_.end()) barred.add(shunned->second);
  if (held) base::ignore(fleet_.hold_node(shunned->second, true), "the node is known");
  fleet_.begin();
  bool all = true;
  for (std::size_t i = 0; all && i < ask.members.size(); ++i) {
    const Want want{shape, {.tag = 0, .group = group}};
    const Found room = placer_.look(want);
    if (room.node != none) {
      all = fleet_.commit(shape, room.node, want.note, room.offer.device).has_value();
      continue;
    }
    const auto plan = plan_preemption(fleet_, shape, {}, &barred);
    all = plan && victims.size() + plan->victims.size() <= most_victims;
    if (!all) break;
    for (const TaskId victim : plan->victims) {
      victims.push_back(victim);
      base::ignore(fleet_.release(victim), "it was found there");
    }
    all = fleet_.commit(shape, plan->node, want.note).has_value();
  }
  fleet_.undo();
  if (held) base::ignore(fleet_.hold_node(shunned->second, false), "the node is known");
  return all && !victims.empty();
}

double JobPlaces::share(const std::string& tenant) const {
  const auto used = usage_.find(tenant);
  if (used == usage_.end()) return 0;
  const auto of = [](std::int64_t has, std::int64_t all) { return all > 0 ? static_cast<double>(has) / static_cast<double>(all) : 0.0; };
  const Usage& has = used->second;
  const model::Resources& all = fleet_.capacity();
  const double largest = std::max({of(has.resources.cpu, all.cpu), of(has.resources.memory, all.memory), of(has.resources.disk, all.disk),
                                   of(has.accelerators, std::int64_t{1000} * fleet_.accelerators())});
  const auto quota = settings_.tenants.find(tenant);
  return quota == settings_.tenants.end() ? largest : largest / quota->second.weight;
}

void JobPlaces::saw(const AskPlace& ask) {
  if (!settings_.pick_rule) return;
  const model::Task& task = ask.group.task;
  engine::Ask like;
  like.amounts = task.resources;
  like.devices = task.accelerators.devices;
  like.thousandths = task.accelerators.thousandths;
  for (std::size_t i = 0; i < ask.members.size(); ++i) picker_.saw(like);
  asks_since_ += ask.members.size();
}

bool JobPlaces::learn(std::uint32_t placements) {
  const bool over = picker_.step(fleet_, placements);
  // While no node takes tasks there is nothing to replay on, and no round comes to its end.
  if (over || ++steps_ >= steps_a_round) asks_since_ = steps_ = 0;
  if (!over) return false;
  if (picker_.rule() == placer_.rule()) return false;
  placer_.use(picker_.rule());
  return true;
}

Result<JobPlaces::Why> JobPlaces::explain(const std::string& job, const model::TaskGroup& group,
                                          const std::string& tenant, std::size_t closest) {
  const ShapeHold shape = TRY(ShapeHold::of(fleet_, shape_of(group, tenant)));
  const auto known = current_groups_.find({job, group.name});
  const Want want{shape.id(), {.tag = 0, .group = known == current_groups_.end() ? none : known->second}};
  const Explanation all = placer_.explain(want, closest);
  Why why{.nodes = all.nodes, .fit = all.fit, .summary = to_text(all), .quota = {}, .reasons = {}, .closest = {}};
  why.quota = over_quota(tenant, group.task.resources, 1).value_or("");
  for (std::size_t i = 0; i + 1 < whys; ++i)
    if (all.counts[i] > 0) why.reasons.emplace_back(name(static_cast<WhyNot>(i)), all.counts[i]);
  for (const NodeAnswer& answer : all.closest) {
    std::string text = to_text(fleet_, shape.id(), answer);
    const std::string node = fleet_.facts(answer.node).spec.name, begin = "node '" + node + "': ";
    if (text.starts_with(begin)) text.erase(0, begin.size());
    why.closest.push_back({node, std::move(text), answer.why == WhyNot::nothing});
  }
  return why;
}

Result<std::uint32_t> JobPlaces::would_fit(const model::TaskGroup& group, const std::string& tenant,
                                           std::uint32_t count) {
  const ShapeHold shape = TRY(ShapeHold::of(fleet_, shape_of(group, tenant)));
  std::uint32_t most = count;
  while (most > 0 && over_quota(tenant, group.task.resources, most)) --most;
  std::uint32_t fit = 0;
  fleet_.begin();
  while (fit < most) {
    const Found found = placer_.look({shape.id(), {.tag = 0, .group = none}});
    if (found.node == none) break;
    if (!fleet_.commit(shape.id(), found.node, {}, found.offer.device)) break;
    ++fit;
  }
  fleet_.undo();
  return fit;
}

}  // namespace selvedge::cloud
