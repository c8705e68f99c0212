// ConstraintSet: what tasks of some shapes ask of a node beside room, compiled once, and the nodes that meet it.
//
// Hard constraints, taints, latency and the accelerators a node has at all decide the mask. Wishes (constraints with a
// weight) sort the nodes of the mask into at most eight tiers by the sum of the weights they meet: exact when the
// weights allow no more than eight sums, else to an eighth of the range. Tasks with wishes fill better tiers first.
// The mask holds all nodes that are known, whatever their state; the grid holds those that take tasks.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/placement/names.h"
#include "engine/placement/node_mask.h"
#include "engine/placement/spec.h"

namespace selvedge::engine::placement {

// Links by the two sites, the smaller number first.
using Links = std::unordered_map<std::uint64_t, Link>;
const Link* find_link(const Links& links, NameId a, NameId b);

// What is known of a node, by numbers.
struct NodeFacts {
  NodeSpec spec;
  NameId name = none, site = none;
  std::vector<std::pair<NameId, NameId>> labels;       // sorted; with "node" and "site"
  std::vector<NameId> taints;
  std::uint64_t model = 0;                             // one bit; 0 without accelerators
  std::array<std::uint16_t, Limits::devices> devices{};   // free thousandths
  NodeState state = NodeState::ready;
  bool known = false;                                  // false: the number is free
  bool held = false;                                   // for a reservation

  const NameId* label(NameId wanted) const;
};

struct CompiledConstraint {
  NameId label = none;
  model::Constraint::Is is{};
  std::vector<NameId> values;                          // sorted
  double bound = 0;                                    // of at_least, at_most
  std::int32_t weight = 0;

  bool met(const NodeFacts& node, const Names& names) const;
};

// Why a node is not in a mask; the first that fails.
enum class Unmet : std::uint8_t { nothing, constraint, taint, latency, accelerator_model, accelerators };

struct ConstraintSet {
  static constexpr int most_tiers = 8;

  std::vector<CompiledConstraint> constraints;
  std::vector<NameId> tolerations;                     // sorted
  NameId near = none;
  double latency_limit_ms = 0;
  std::uint32_t devices = 0;
  std::uint64_t models = 0;
  std::int64_t most_score = 0, range = 0;              // of wishes
  NodeMask mask;
  std::vector<NodeMask> tiers;                         // none without wishes
  std::uint32_t shapes = 0;                            // that use it
  std::string key;

  // `which` tells the constraint, or the taint of the node.
  Unmet unmet(const NodeFacts& node, const Names& names, const Links& links, std::size_t& which) const;
  std::size_t tier(const NodeFacts& node, const Names& names) const;
  void look_at(NodeId number, const NodeFacts& node, const Names& names, const Links& links);
};

}  // namespace selvedge::engine::placement
