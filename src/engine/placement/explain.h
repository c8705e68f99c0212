// Explain: why a task is not on a node, for each node and in sum.
//
// A node's answer names everything that stands in the way: its state, each constraint and taint that is not met, the
// latency, and how much of each resource is missing. The answer for a fleet counts every node once, under the first of
// these in the order of WhyNot, and keeps the answers of the few nodes that come closest. Reads the fleet only; looks at
// every node once (about 10 ms for 100,000).

#pragma once

#include <array>
#include <string>
#include <vector>

#include "engine/placement/fleet.h"
#include "engine/placement/index.h"

namespace selvedge::engine::placement {

enum class WhyNot : std::uint8_t {
  state, held, constraint, taint, latency, accelerator_model, apart, cpu, memory, disk, accelerators, nothing,
};
inline constexpr std::size_t whys = 12;
std::string_view name(WhyNot why);

struct NodeAnswer {
  NodeId node = none;
  WhyNot why = WhyNot::nothing;            // the first
  bool apart = false;                      // a task of a group that it is to be apart from is there
  std::vector<std::uint32_t> constraints;  // of the shape, that the node does not meet
  std::vector<std::string> taints;         // that it does not tolerate
  bool latency = false, model = false;
  model::Resources missing;                // 0: enough
  std::uint32_t accelerators_missing = 0;
  double distance = 0;                     // shares of the request that are missing, added up, and 10 for each other reason
};

struct Explanation {
  std::uint32_t nodes = 0, fit = 0;
  std::array<std::uint32_t, whys> counts{};                // by first reason
  std::vector<std::uint32_t> unmet;                        // for each constraint of the shape: nodes that do not meet it
  model::Resources most_free;                              // on one node that meets all but room, of each resource
  std::vector<NodeAnswer> closest;                         // that do not fit, the closest first
};

NodeAnswer explain_node(const Fleet& fleet, ShapeId shape, NodeId node, const Barred* barred = nullptr);
// With answers for `closest` nodes, at most 1,000.
Explanation explain(const Fleet& fleet, ShapeId shape, std::size_t closest = 10, const Barred* barred = nullptr);

// "node 'a': taint 'reserved' not tolerated; 1500 thousandths of cpu missing; 2147483648 bytes of memory missing"
std::string to_text(const Fleet& fleet, ShapeId shape, const NodeAnswer& answer);
// "0 of 120 nodes: 80 too little memory, 30 constraint not met, 10 not ready"
std::string to_text(const Explanation& explanation);

}  // namespace selvedge::engine::placement
