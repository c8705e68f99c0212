#include <algorithm>

#include "base/json.h"
#include "base/log.h"
#include "cloud/jobs_state.h"
#include "codec/json/value.h"
#include "codec/task/task.h"

namespace selvedge::cloud {

using base::Result;
using engine::TwinEdit;
using engine::placement::NodeState;

namespace {

constexpr std::string_view wishes_at = "/features/tasks/desiredProperties";
constexpr std::string_view own_twin = ":_node";
constexpr std::size_t report_bytes = 700;          // of one task, in a twin, at most but for long reasons
constexpr std::size_t room_again = 4 << 10;        // a full twin with so much room is full no more

// What a node's twin takes, as its limits count it, when all that is wished there has been reported.
std::size_t bytes_to_come(const engine::Twin& twin) {
  std::vector<model::TwinLeaf> leaves;             // those that were removed, too
  twin.changed_after(0, leaves);
  std::size_t bytes = 0, wished = 0, reported = 0;
  for (const model::TwinLeaf& leaf : leaves) {
    bytes += leaf.path.size() + leaf.value.size();
    if (leaf.value.empty() || !leaf.path.starts_with("/tasks/")) continue;
    wished += leaf.part == model::TwinPart::desired && leaf.path.ends_with("/generation") ? 1 : 0;
    reported += leaf.part == model::TwinPart::reported && leaf.path.ends_with("/state") ? 1 : 0;
  }
  return bytes + (wished > reported ? wished - reported : 0) * report_bytes;
}

NodeState state_of(bool connected, Scheduling scheduling) {
  if (scheduling == Scheduling::gone) return NodeState::gone;
  if (!connected) return NodeState::silent;
  if (scheduling == Scheduling::draining) return NodeState::draining;
  return scheduling == Scheduling::cordoned ? NodeState::cordoned : NodeState::ready;
}

engine::NodeChanged::Now told_of(NodeState state) {
  using Now = engine::NodeChanged::Now;
  switch (state) {
    case NodeState::gone: return Now::gone;
    case NodeState::silent: return Now::silent;
    case NodeState::draining: return Now::draining;
    case NodeState::ready:
    case NodeState::cordoned: return Now::connected;
  }
  return Now::connected;
}

}  // namespace

// Called within edits of the store: only notes what the next turn is to look at.
void Jobs::State::changed(const store::TwinEvent& event) {
  if (own_edit || !event.id.ends_with(own_twin)) return;
  const std::string node(model::twin_node(event.id));
  if (event.kind == store::TwinEvent::Kind::removed) {
    removed_nodes.insert(node);
    return plan_turn();
  }
  const std::string_view difference = event.change != nullptr ? std::string_view(event.change->difference) : std::string_view();
  const bool facts = event.kind == store::TwinEvent::Kind::created || difference.contains("\"attributes\"") ||
                     difference.contains("\"node\"");
  const bool tasks = difference.contains("\"tasks\"");
  if (!facts && !tasks) return;
  if (facts) changed_nodes.insert(node);
  if (tasks) {
    heard_nodes.insert(node);
    const auto parsed = codec::json::parse(difference);
    if (parsed)
      for (const auto& [task, report] : parsed->at_pointer("/features/tasks/properties").object())
        if (!task.starts_with('_')) changed_tasks.emplace(node, task);
  }
  plan_turn();
}

void Jobs::State::take_nodes() {
  // Whoever removes a node's twin removes its wishes: what ran there is placed anew once it is known to have gone.
  for (const std::string& name : std::exchange(removed_nodes, {})) {
    if (twins.find(model::twin_id(name, model::node_twin_name)) != nullptr) continue;   // made anew since
    places.set_state(name, NodeState::cordoned);
    // So that the node, when its twin is there again, says that what was to go before has gone.
    if (const auto node = nodes.find(name); node != nodes.end())
      for (auto& [task, revision] : node->second.withdrawn) {
        revision = ++node->second.revision;
        unwritten.push_back({name, task, std::nullopt, revision});
      }
    for (const std::string& job : book.jobs())
      for (const engine::MemberStatus& member : book.members(job))
        if (member.node == name)
          base::ignore(step(engine::MemberDisplaced{member.member, "the twin of node " + name + " was removed"}),
                       "it is always taken");
  }
  for (const std::string& name : std::exchange(changed_nodes, {})) refresh(name);
}

void Jobs::State::refresh(const std::string& name) {
  const engine::Twin* const twin = twins.find(model::twin_id(name, model::node_twin_name));
  if (twin == nullptr) return;                     // it comes when the node first speaks
  Node& node = nodes[name];
  node.scheduling = read_scheduling(*twin);
  const auto set = places.set_node(read_node_spec(name, *twin, settings.nodes));
  if (!set) base::log::warn("jobs", "a node gets no tasks", {{"node", name}, {"why", set.error()}});
  const NodeState state = state_of(node.connected, node.scheduling);
  const bool other = places.set_state(name, state);
  const NodeNow now = told_of(state);
  if (node.told != now) {
    node.told = now;
    base::ignore(step(engine::NodeChanged{name, now}), "it is always taken");
  }
  if (now == NodeNow::gone) {
    for (const auto& [task, revision] : std::exchange(node.withdrawn, {}))
      base::ignore(file->forget_left(name, task), "it is looked at again after a start");
  }
  if (state != NodeState::ready || (!other && !set.value_or(false))) return;
  refused.clear();
  base::ignore(step(engine::RoomAppeared{}), "it is always taken");
}

void Jobs::State::take_reports() {
  for (const auto& [name, task] : std::exchange(changed_tasks, {})) {
    const engine::Twin* const twin = twins.find(model::twin_id(name, model::node_twin_name));
    if (twin == nullptr) continue;
    auto report = read_report(*twin, task);
    if (!report) continue;                         // gone, perhaps: told_gone says
    if (!*report) {
      base::log::warn("jobs", "unreadable report", {{"node", name}, {"task", task}, {"why", report->error()}});
      continue;
    }
    base::ignore(step(engine::TaskReported{name, task, std::move(**report)}), "it is always taken");
  }
  for (const std::string& name : std::exchange(heard_nodes, {})) {
    told_gone(name);
    const auto node = nodes.find(name);
    const engine::Twin* const twin = node != nodes.end() && node->second.full ? twins.find(model::twin_id(name, model::node_twin_name)) : nullptr;
    if (twin != nullptr && bytes_to_come(*twin) + room_again <= settings.twin_bytes) set_full(name, false);
  }
}

void Jobs::State::set_full(const std::string& node, bool full) {
  if (std::exchange(nodes[node].full, full) == full) return;
  places.set_full(node, full);
  if (full) return;
  refused.clear();
  base::ignore(step(engine::RoomAppeared{}), "it is always taken");
}

void Jobs::State::told_gone(const std::string& name) {
  const auto node = nodes.find(name);
  const engine::Twin* const twin = twins.find(model::twin_id(name, model::node_twin_name));
  if (node == nodes.end() || twin == nullptr || node->second.withdrawn.empty()) return;
  const std::uint64_t heard = read_heard(*twin);
  std::erase_if(node->second.withdrawn, [&](const auto& one) {
    const auto& [task, revision] = one;
    if (revision > heard || read_report(*twin, task)) return false;
    base::ignore(file->forget_left(name, task), "it is looked at again after a start");
    base::ignore(step(engine::TaskReported{name, task, std::nullopt}), "it is always taken");
    return true;
  });
}

// One edit a node. What a twin did not take goes before what comes later, so that no older wish follows a newer one.
void Jobs::State::apply(std::vector<Change> more) {
  std::vector<Change> changes = std::exchange(stuck, {});
  std::ranges::move(more, std::back_inserter(changes));
  if (changes.empty()) return;
  std::map<std::string, std::vector<const Change*>> of_nodes;
  for (const Change& change : changes) of_nodes[change.node].push_back(&change);
  for (const auto& [name, some] : of_nodes) {
    const auto written = write(name, some);
    if (written) continue;
    edits_failed->add();
    base::log::warn("jobs", "cannot write wishes; tried again", {{"node", name}, {"why", written.error()}});
    for (const Change* change : some) stuck.push_back(*change);
  }
  twins.commit([] {});
  if (!stuck.empty()) try_again();
}

Result<void> Jobs::State::write(const std::string& name, const std::vector<const Change*>& changes) {
  const std::string id = model::twin_id(name, model::node_twin_name);
  const auto edit = [&](TwinEdit::Kind kind, std::string_view pointer, const std::string& json) -> Result<void> {
    own_edit = true;
    const auto edited = twins.edit(id, {kind, pointer, json});
    own_edit = false;
    if (!edited) return std::unexpected(edited.error());
    return {};
  };
  const auto has = [&](std::string_view task) {
    const engine::Twin* const twin = twins.find(id);
    return twin != nullptr && twin->json("", std::string(wishes_at) + "/" + std::string(task)).has_value();
  };
  const std::string revision = std::to_string(changes.back()->revision);
  if (!has("_revision"))
    TRY(edit(TwinEdit::Kind::merge, "", R"({"features":{"tasks":{"desiredProperties":{"_revision":)" + revision + "}}}}"));

  std::map<std::string, const Change*> newest, without_room;
  for (const Change* change : changes) newest[change->task] = change;
  std::size_t used = bytes_to_come(*twins.find(id));
  bool left = false;
  base::JsonWriter patch;
  patch.begin_array();
  for (const auto& [task, change] : newest) {
    if (!change->wish) {
      const bool there = has(task);
      if (there) patch.begin_object().field("op", "remove").field("path", "/" + task).end_object();
      left = left || there;
      continue;
    }
    const std::string wish = codec::task::write_task(*change->wish);
    const bool there = !twins.find(id)->leaf(model::TwinPart::desired, "/tasks/" + task + "/generation").empty();
    // The node has to find room for what it says of it, too.
    const std::size_t cost = there ? 0 : 2 * wish.size() + report_bytes;
    if (used + cost > settings.twin_bytes) {
      without_room[task] = change;
      continue;
    }
    used += cost;
    patch.begin_object().field("op", "add").field("path", "/" + task).key("value").raw(wish).end_object();
  }
  patch.begin_object().field("op", "add").field("path", "/_revision").key("value").raw(revision).end_object().end_array();
  TRY(edit(TwinEdit::Kind::patch, wishes_at, patch.text()));

  if (left && nodes[name].full) {
    set_full(name, false);
    plan_turn();
  }
  for (const auto& [task, change] : without_room) {
    set_full(name, true);
    if (const auto member = engine::member_of(task)) displaced.push_back({*member, "the twin of node " + name + " has no room for it"});
    plan_turn();
  }
  return {};
}

}  // namespace selvedge::cloud
