// Shapes of tasks, the sets of constraints behind them, and groups.

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "engine/placement/fleet.h"
#include "engine/placement/record.h"

namespace selvedge::engine::placement {

using base::Code;
using base::fail;

namespace {

std::string key_of(const ShapeSpec& spec) {
  base::Bytes bytes;
  base::Writer out(bytes);
  write(out, spec);
  return std::string(base::as_text(bytes));
}

// What of a shape decides its set, as a shape that differs in nothing else.
ShapeSpec bare(const ShapeSpec& spec) {
  ShapeSpec bare;
  bare.constraints = spec.constraints;
  bare.tolerations = spec.tolerations;
  std::sort(bare.tolerations.begin(), bare.tolerations.end());
  bare.near = spec.near;
  bare.latency_limit_ms = spec.latency_limit_ms;
  bare.accelerators.devices = spec.accelerators.devices;
  bare.accelerators.model = spec.accelerators.model;
  return bare;
}

void drop_names(Names& names, const ConstraintSet& set) {
  const auto drop = [&](NameId name) {
    if (name != none) names.drop(name);
  };
  for (const CompiledConstraint& constraint : set.constraints) {
    drop(constraint.label);
    for (const NameId value : constraint.values) drop(value);
  }
  for (const NameId taint : set.tolerations) drop(taint);
  drop(set.near);
}

}  // namespace

base::Result<SetId> Fleet::add_set(const ShapeSpec& spec) {
  std::string key = key_of(bare(spec));
  if (const auto at = set_keys_.find(key); at != set_keys_.end()) {
    ++sets_[at->second]->shapes;
    return at->second;
  }
  if (free_sets_.empty() && sets_.size() >= Limits::sets)
    return fail(Code::exhausted, "constraints: there are " + std::to_string(sets_.size()) + " different sets already");
  auto set = std::make_unique<ConstraintSet>();
  base::Result<void> held;
  const auto hold = [&](std::string_view text) {
    const auto name = names_.hold(text);
    if (!name && held) held = std::unexpected(name.error());
    return name ? *name : none;
  };
  std::int64_t least = 0;
  for (const model::Constraint& constraint : spec.constraints) {
    CompiledConstraint compiled{hold(constraint.label), constraint.is, {}, 0, constraint.weight};
    if (constraint.is == model::Constraint::Is::at_least || constraint.is == model::Constraint::Is::at_most) {
      const auto number = base::parse_double(constraint.values[0]);
      if (number && std::isfinite(*number)) compiled.bound = *number;
      else if (held)
        held = fail(Code::invalid_input, "constraint on '" + constraint.label + "': '" + constraint.values[0] + "' is not a number");
    } else {
      for (const std::string& value : constraint.values) compiled.values.push_back(hold(value));
      std::sort(compiled.values.begin(), compiled.values.end());
    }
    set->most_score += std::max(constraint.weight, 0);
    least += std::min(constraint.weight, 0);
    set->constraints.push_back(std::move(compiled));
  }
  for (const std::string& taint : spec.tolerations) set->tolerations.push_back(hold(taint));
  std::sort(set->tolerations.begin(), set->tolerations.end());
  if (spec.latency_limit_ms > 0) set->near = hold(spec.near);
  set->latency_limit_ms = spec.latency_limit_ms;
  set->devices = spec.accelerators.devices;
  if (held && set->devices > 0 && !spec.accelerators.model.empty()) {
    const auto bit = model_bit(spec.accelerators.model);
    if (bit) set->models = *bit;
    else held = std::unexpected(bit.error());
  }
  if (!held) {
    drop_names(names_, *set);
    return std::unexpected(held.error());
  }
  set->range = set->most_score - least;
  if (set->range > 0) set->tiers.resize(static_cast<std::size_t>(std::min<std::int64_t>(set->range + 1, ConstraintSet::most_tiers)));
  set->shapes = 1;
  set->key = key;
  for (NodeId node = 0; node < facts_.size(); ++node) set->look_at(node, facts_[node], names_, links_);
  SetId id = static_cast<SetId>(sets_.size());
  if (free_sets_.empty()) {
    sets_.emplace_back();
  } else {
    id = free_sets_.back();
    free_sets_.pop_back();
  }
  sets_[id] = std::move(set);
  set_keys_.emplace(std::move(key), id);
  return id;
}

void Fleet::drop_set(SetId id) {
  if (--sets_[id]->shapes > 0) return;
  drop_names(names_, *sets_[id]);
  set_keys_.erase(sets_[id]->key);
  sets_[id].reset();
  free_sets_.push_back(id);
}

base::Result<ShapeId> Fleet::add_shape(const ShapeSpec& spec) {
  CHECK(!trying_);
  TRY(check(spec));
  std::string key = key_of(spec);
  const auto note = [&] {
    if (!journal_) return;
    base::Writer out(*journal_);
    out.u8(static_cast<std::uint8_t>(Record::shape_added));
    write(out, spec);
  };
  if (const auto at = shape_keys_.find(key); at != shape_keys_.end()) {
    if (words_[at->second].holders == UINT32_MAX) return fail(Code::exhausted, "shape: it is held too often");
    ++words_[at->second].holders;
    note();
    return at->second;
  }
  if (free_shapes_.empty() && shapes_.size() >= Limits::shapes)
    return fail(Code::exhausted, "shape: there are " + std::to_string(shapes_.size()) + " different ones already");
  const NameId tenant = TRY(names_.hold(spec.tenant));
  const auto set = add_set(spec);
  if (!set) {
    names_.drop(tenant);
    return std::unexpected(set.error());
  }
  Shape shape;
  shape.priority = spec.priority;
  shape.set = *set;
  shape.ask = {spec.resources, spec.accelerators.devices, spec.accelerators.thousandths, sets_[*set]->models, 0};
  shape.weighs = (!spec.sources.empty() && spec.move_weight > 0) || spec.energy_weight > 0;
  shape.known = true;
  ShapeId id = static_cast<ShapeId>(shapes_.size());
  if (free_shapes_.empty()) {
    shapes_.emplace_back();
    words_.emplace_back();
  } else {
    id = free_shapes_.back();
    free_shapes_.pop_back();
  }
  shapes_[id] = shape;
  words_[id] = {spec, key, tenant, 1};
  shape_keys_.emplace(std::move(key), id);
  note();
  return id;
}

void Fleet::forget_shape(ShapeId id) {
  drop_set(shapes_[id].set);
  names_.drop(words_[id].tenant);
  shape_keys_.erase(words_[id].key);
  shapes_[id] = {};
  words_[id] = {};
  free_shapes_.push_back(id);
}

base::Result<void> Fleet::drop_shape(ShapeId id) {
  CHECK(!trying_);
  if (!has_shape(id) || words_[id].holders == 0) return fail(Code::not_found, "drop shape: nobody holds " + std::to_string(id));
  --words_[id].holders;
  drop_shape_if_unused(id);
  if (journal_) {
    base::Writer out(*journal_);
    out.u8(static_cast<std::uint8_t>(Record::shape_dropped));
    out.varint(id);
  }
  return {};
}

base::Result<GroupId> Fleet::add_group(const GroupSpec& spec) {
  CHECK(!trying_);
  TRY(check(spec));
  for (const GroupId other : spec.apart)
    if (!has_group(other)) return fail(Code::not_found, "group: it is to be apart from group " + std::to_string(other) + ", which is not there");
  if (free_groups_.empty() && groups_.size() >= Limits::groups) return fail(Code::exhausted, "group: there are too many");
  Group group;
  group.spec = spec;
  group.known = true;
  if (!spec.spread.empty()) group.spread = TRY(names_.hold(spec.spread));
  GroupId id = static_cast<GroupId>(groups_.size());
  if (free_groups_.empty()) {
    groups_.emplace_back();
  } else {
    id = free_groups_.back();
    free_groups_.pop_back();
  }
  groups_[id] = std::move(group);
  if (journal_) {
    base::Writer out(*journal_);
    out.u8(static_cast<std::uint8_t>(Record::group_added));
    write(out, spec);
  }
  return id;
}

base::Result<void> Fleet::drop_group(GroupId id) {
  CHECK(!trying_);
  if (!has_group(id)) return fail(Code::not_found, "drop group: there is no group " + std::to_string(id));
  if (!groups_[id].members.empty()) return fail(Code::conflict, "drop group " + std::to_string(id) + ": it has members");
  if (groups_[id].spread != none) names_.drop(groups_[id].spread);
  groups_[id] = {};
  for (Group& other : groups_) std::erase(other.spec.apart, id);
  free_groups_.push_back(id);
  if (journal_) {
    base::Writer out(*journal_);
    out.u8(static_cast<std::uint8_t>(Record::group_dropped));
    out.varint(id);
  }
  return {};
}

void Fleet::asked(ShapeId shape) {
  CHECK(!trying_ && has_shape(shape));
  // Counting every ask would cost a good part of placing it; of a long stream a quarter tells as much. Which ones is
  // mixed, for streams repeat themselves.
  constexpr std::uint64_t all_of = 65'536;
  const bool counts = asks_ < all_of || (asks_ * 0x9E3779B97F4A7C15U >> 62) == 0;
  ++asks_;
  if (counts) demand_.add(shapes_[shape].ask);
  if (journal_) {
    base::Writer out(*journal_);
    out.u8(static_cast<std::uint8_t>(Record::asked));
    out.varint(shape);
  }
}

}  // namespace selvedge::engine::placement
