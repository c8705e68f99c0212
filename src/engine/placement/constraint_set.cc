#include "engine/placement/constraint_set.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace selvedge::engine::placement {

const Link* find_link(const Links& links, NameId a, NameId b) {
  const auto at = links.find(std::uint64_t{std::min(a, b)} << 32 | std::max(a, b));
  return at == links.end() ? nullptr : &at->second;
}

const NameId* NodeFacts::label(NameId wanted) const {
  const auto at = std::lower_bound(labels.begin(), labels.end(), std::pair<NameId, NameId>{wanted, 0});
  return at != labels.end() && at->first == wanted ? &at->second : nullptr;
}

bool CompiledConstraint::met(const NodeFacts& node, const Names& names) const {
  using Is = model::Constraint::Is;
  const NameId* value = node.label(label);
  const auto listed = [&] { return value && std::binary_search(values.begin(), values.end(), *value); };
  switch (is) {
    case Is::equal:
    case Is::one_of: return listed();
    case Is::not_equal:
    case Is::none_of: return !listed();
    case Is::exists: return value != nullptr;
    case Is::absent: return value == nullptr;
    case Is::at_least:
    case Is::at_most: {
      if (!value) return false;
      const auto number = base::parse_double(names.text(*value));
      if (!number || !std::isfinite(*number)) return false;
      return is == Is::at_least ? *number >= bound : *number <= bound;
    }
  }
  return false;
}

Unmet ConstraintSet::unmet(const NodeFacts& node, const Names& names, const Links& links, std::size_t& which) const {
  for (which = 0; which < constraints.size(); ++which)
    if (constraints[which].weight == 0 && !constraints[which].met(node, names)) return Unmet::constraint;
  for (which = 0; which < node.taints.size(); ++which)
    if (!std::binary_search(tolerations.begin(), tolerations.end(), node.taints[which])) return Unmet::taint;
  which = 0;
  if (latency_limit_ms > 0 && node.site != near) {
    const Link* link = find_link(links, node.site, near);
    if (!link || link->latency_ms > latency_limit_ms) return Unmet::latency;
  }
  if (devices > 0) {
    if (models != 0 && (models & node.model) == 0) return Unmet::accelerator_model;
    if (node.spec.devices < devices) return Unmet::accelerators;
  }
  return Unmet::nothing;
}

std::size_t ConstraintSet::tier(const NodeFacts& node, const Names& names) const {
  std::int64_t score = 0;
  for (const CompiledConstraint& constraint : constraints)
    if (constraint.weight != 0 && constraint.met(node, names)) score += constraint.weight;
  const std::int64_t behind = most_score - score;
  return static_cast<std::size_t>(range < most_tiers ? behind : behind * most_tiers / (range + 1));
}

void ConstraintSet::look_at(NodeId number, const NodeFacts& node, const Names& names, const Links& links) {
  std::size_t which = 0;
  const bool in = node.known && unmet(node, names, links, which) == Unmet::nothing;
  mask.set(number, in);
  if (tiers.empty()) return;
  const std::size_t wanted = in ? tier(node, names) : tiers.size();
  for (std::size_t i = 0; i < tiers.size(); ++i) tiers[i].set(number, i == wanted);
}

}  // namespace selvedge::engine::placement
