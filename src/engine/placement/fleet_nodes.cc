// Nodes and links between sites.

#include <algorithm>
#include <cmath>

#include "engine/placement/fleet.h"
#include "engine/placement/record.h"

namespace selvedge::engine::placement {

using base::Code;
using base::fail;

Fleet::Fleet() { base::ignore(names_.hold(""), "the first name is 0 and always fits"); }

base::Result<std::uint64_t> Fleet::model_bit(const std::string& model) {
  if (const auto known = this->model(model)) return *known;
  if (models_.size() == 64) return fail(Code::exhausted, "accelerator model '" + model + "': there are 64 already");
  models_.push_back(model);
  return std::uint64_t{1} << (models_.size() - 1);
}

std::optional<std::uint64_t> Fleet::model(std::string_view model) const {
  const auto at = std::find(models_.begin(), models_.end(), model);
  if (at == models_.end()) return std::nullopt;
  return std::uint64_t{1} << (at - models_.begin());
}

base::Result<NodeFacts> Fleet::facts_of(const NodeSpec& spec) {
  TRY(check(spec));
  NodeFacts facts;
  facts.spec = spec;
  facts.known = true;
  base::Result<void> held;
  const auto hold = [&](std::string_view text) {
    const auto name = names_.hold(text);
    if (!name && held) held = std::unexpected(name.error());
    return name ? *name : none;
  };
  facts.name = hold(spec.name);
  facts.site = hold(spec.site);
  const auto label = [&](std::string_view key, std::string_view value) {
    const NameId first = hold(key);
    facts.labels.emplace_back(first, hold(value));
  };
  label("node", spec.name);
  label("site", spec.site);
  for (const auto& [key, value] : spec.labels) label(key, value);
  for (const std::string& taint : spec.taints) facts.taints.push_back(hold(taint));
  std::sort(facts.labels.begin(), facts.labels.end());
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  if (held && std::adjacent_find(facts.labels.begin(), facts.labels.end(), same) != facts.labels.end())
    held = fail(Code::invalid_input, "node '" + spec.name + "': a label is given twice");
  if (held && spec.devices > 0) {          // last, for models are never forgotten
    const auto bit = model_bit(spec.model);
    if (bit) facts.model = *bit;
    else held = std::unexpected(bit.error());
  }
  if (!held) {
    forget_names(facts);
    return std::unexpected(held.error());
  }
  return facts;
}

void Fleet::forget_names(const NodeFacts& facts) {
  const auto drop = [&](NameId name) {
    if (name != none) names_.drop(name);
  };
  drop(facts.name);
  drop(facts.site);
  for (const auto& [key, value] : facts.labels) {
    drop(key);
    drop(value);
  }
  for (const NameId taint : facts.taints) drop(taint);
}

base::Result<NodeId> Fleet::add_node(const NodeSpec& spec) {
  CHECK(!trying_);
  if (node_names_.contains(spec.name)) return fail(Code::conflict, "add node '" + spec.name + "': it is there already");
  if (known_ >= Limits::nodes)
    return fail(Code::exhausted, "add node '" + spec.name + "': there are " + std::to_string(known_) + " already");
  NodeFacts facts = TRY(facts_of(spec));
  NodeId node = static_cast<NodeId>(facts_.size());
  if (free_nodes_.empty()) {
    facts_.emplace_back();
    grid_.grow();
  } else {
    node = free_nodes_.back();
    free_nodes_.pop_back();
  }
  facts.devices.fill(1000);
  facts_[node] = std::move(facts);
  ++known_;
  node_names_.emplace(spec.name, node);
  widen(spec.capacity);
  count(spec, 1);
  Room& room = grid_.room(node);
  room = {.memory = spec.capacity.memory, .disk = spec.capacity.disk, .memory_capacity = spec.capacity.memory,
          .disk_capacity = spec.capacity.disk, .cpu = static_cast<std::int32_t>(spec.capacity.cpu),
          .cpu_capacity = static_cast<std::int32_t>(spec.capacity.cpu), .first_task = none,
          .devices = static_cast<std::uint16_t>(spec.devices), .known = true, .takes = true, .place = {}};
  look_again(node);
  if (journal_) {
    base::Writer out(*journal_);
    out.u8(static_cast<std::uint8_t>(Record::node_added));
    write(out, spec);
  }
  return node;
}

base::Result<void> Fleet::change_node(NodeId node, const NodeSpec& spec) {
  CHECK(!trying_);
  if (!knows(node)) return fail(Code::not_found, "change node: there is no node " + std::to_string(node));
  NodeFacts& old = facts_[node];
  Room& room = grid_.room(node);
  if (spec.name != old.spec.name) return fail(Code::invalid_input, "change node '" + old.spec.name + "': its name stays");
  const bool other_devices = spec.devices != old.spec.devices || (spec.devices > 0 && spec.model != old.spec.model);
  if (other_devices && room.first_task != none)
    return fail(Code::conflict, "change node '" + spec.name + "': its accelerators may change only when it has no tasks");
  NodeFacts facts = TRY(facts_of(spec));
  facts.state = old.state;
  facts.held = old.held;
  facts.devices = old.devices;
  forget_names(old);
  widen(spec.capacity);
  count(old.spec, -1);
  count(spec, 1);
  room.cpu = static_cast<std::int32_t>(room.cpu + spec.capacity.cpu - room.cpu_capacity);      // what is in use is below Limits::cpu
  room.memory += spec.capacity.memory - room.memory_capacity;
  room.disk += spec.capacity.disk - room.disk_capacity;
  room.cpu_capacity = static_cast<std::int32_t>(spec.capacity.cpu);
  room.memory_capacity = spec.capacity.memory;
  room.disk_capacity = spec.capacity.disk;
  room.devices = static_cast<std::uint16_t>(spec.devices);
  old = std::move(facts);
  look_again(node);
  if (journal_) {
    base::Writer out(*journal_);
    out.u8(static_cast<std::uint8_t>(Record::node_changed));
    out.varint(node);
    write(out, spec);
  }
  return {};
}

base::Result<void> Fleet::set_state(NodeId node, NodeState state) {
  CHECK(!trying_);
  if (!knows(node)) return fail(Code::not_found, "set state: there is no node " + std::to_string(node));
  if (facts_[node].state == state) return {};
  facts_[node].state = state;
  grid_.room(node).takes = state == NodeState::ready && !facts_[node].held;
  settle(node);
  if (journal_) {
    base::Writer out(*journal_);
    out.u8(static_cast<std::uint8_t>(Record::node_state));
    out.varint(node);
    out.u8(static_cast<std::uint8_t>(state));
  }
  return {};
}

base::Result<void> Fleet::hold_node(NodeId node, bool held) {
  CHECK(!trying_);
  if (!knows(node)) return fail(Code::not_found, "hold node: there is no node " + std::to_string(node));
  if (facts_[node].held == held) return {};
  facts_[node].held = held;
  grid_.room(node).takes = facts_[node].state == NodeState::ready && !held;
  settle(node);
  if (journal_) {
    base::Writer out(*journal_);
    out.u8(static_cast<std::uint8_t>(Record::node_held));
    out.varint(node);
    out.u8(held);
  }
  return {};
}

base::Result<void> Fleet::remove_node(NodeId node) {
  CHECK(!trying_);
  if (!knows(node)) return fail(Code::not_found, "remove node: there is no node " + std::to_string(node));
  Room& room = grid_.room(node);
  if (room.first_task != none) return fail(Code::conflict, "remove node '" + facts_[node].spec.name + "': it has tasks");
  if (facts_[node].held) return fail(Code::conflict, "remove node '" + facts_[node].spec.name + "': it is held");
  room.takes = room.known = false;
  settle(node);
  node_names_.erase(facts_[node].spec.name);
  forget_names(facts_[node]);
  count(facts_[node].spec, -1);
  facts_[node] = {};
  look_again(node);
  --known_;
  free_nodes_.push_back(node);
  if (journal_) {
    base::Writer out(*journal_);
    out.u8(static_cast<std::uint8_t>(Record::node_removed));
    out.varint(node);
  }
  return {};
}

base::Result<void> Fleet::set_link(std::string_view site, std::string_view other, Link link) {
  CHECK(!trying_);
  const std::string of = "link of sites '" + std::string(site.substr(0, 64)) + "' and '" + std::string(other.substr(0, 64)) + "'";
  if (!(link.latency_ms >= 0) || !(link.bytes_per_second > 0) || !std::isfinite(link.latency_ms) ||
      !std::isfinite(link.bytes_per_second) || site == other)
    return fail(Code::invalid_input, of + ": bad latency, speed or sites");
  const NameId a = TRY(names_.hold(site));
  const auto b = names_.hold(other);
  if (!b) {
    names_.drop(a);
    return std::unexpected(b.error());
  }
  const std::uint64_t key = std::uint64_t{std::min(a, *b)} << 32 | std::max(a, *b);
  const auto at = links_.find(key);
  if (at != links_.end()) {                // its names are held already
    names_.drop(a);
    names_.drop(*b);
    at->second = link;
  } else if (links_.size() >= Limits::links) {
    names_.drop(a);
    names_.drop(*b);
    return fail(Code::exhausted, of + ": there are too many links");
  } else {
    links_.emplace(key, link);
  }
  for (const auto& set : sets_)
    if (set && set->latency_limit_ms > 0 && (set->near == a || set->near == *b))
      for (NodeId node = 0; node < facts_.size(); ++node) set->look_at(node, facts_[node], names_, links_);
  if (journal_) {
    base::Writer out(*journal_);
    out.u8(static_cast<std::uint8_t>(Record::link_set));
    out.text(site);
    out.text(other);
    out.f64(link.latency_ms);
    out.f64(link.bytes_per_second);
  }
  return {};
}

void Fleet::look_again(NodeId node) {
  for (const auto& set : sets_)
    if (set) set->look_at(node, facts_[node], names_, links_);
  settle(node);
}

void Fleet::count(const NodeSpec& spec, int sign) {
  ++layout_;
  if (sign > 0) demand_.add_node(spec.capacity, spec.devices);
  else demand_.remove_node(spec.capacity, spec.devices);
  capacity_.cpu += sign * spec.capacity.cpu;
  capacity_.memory += sign * spec.capacity.memory;
  capacity_.disk += sign * spec.capacity.disk;
  accelerators_ += static_cast<std::uint32_t>(sign) * spec.devices;
  accelerated_ |= accelerators_ > 0;
}

void Fleet::widen(const model::Resources& capacity) {
  least_.cpu = std::min(least_.cpu, capacity.cpu);
  least_.memory = std::min(least_.memory, capacity.memory);
  least_.disk = std::min(least_.disk, capacity.disk);
  const bool cpu = cpu_levels_.widen(static_cast<std::uint64_t>(capacity.cpu));
  const bool memory = memory_levels_.widen(static_cast<std::uint64_t>(capacity.memory));
  if (!cpu && !memory) return;
  for (NodeId node = 0; node < facts_.size(); ++node)
    if (grid_.room(node).place.cell != nowhere) settle(node);
}

const Link* Fleet::link(const std::string& site, NameId other) const {
  const NameId name = names_.find(site);
  return name == none ? nullptr : find_link(links_, name, other);
}

}  // namespace selvedge::engine::placement
