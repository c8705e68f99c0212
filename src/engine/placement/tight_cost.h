// TightCost: what best_fit or opportunity says of many nodes for one request, with all that does not depend on the node
// worked out once. To the last bit what `cost` says (rule.h), for nodes without accelerators and requests without disk.
//
// Valid until the Demand changes. Any thread.

#pragma once

#include "engine/placement/demand.h"

namespace selvedge::engine {

class TightCost {
 public:
  // Whether it can speak for the rule, the request and what is known of the fleet.
  static bool knows(PlacementRule rule, const Ask& ask, const Demand& demand) {
    return (rule == PlacementRule::best_fit || rule == PlacementRule::opportunity) && ask.amounts.disk == 0 && ask.devices == 0 &&
           demand.per_cpu() > 0;
  }

  TightCost(PlacementRule rule, const Ask& ask, const Demand& demand)
      : demand_(&demand),
        per_cpu_(demand.per_cpu()),
        per_memory_(demand.per_memory()),
        ask_cpu_(static_cast<double>(ask.amounts.cpu)),
        ask_memory_(static_cast<double>(ask.amounts.memory)),
        values_(rule == PlacementRule::opportunity && demand.knows_values()),
        tightness_(values_ ? demand.tightness() : 1) {}

  double of(std::int32_t cpu_capacity, float memory_capacity, std::int64_t free_cpu, std::int64_t free_memory) const {
    const double cpu = static_cast<double>(free_cpu), memory = static_cast<double>(free_memory);
    const double left = cpu * per_cpu_ - ask_cpu_ * per_cpu_ + memory * per_memory_ - ask_memory_ * per_memory_;
    if (!values_) return left;
    return demand_->opportunity(ask_cpu_, ask_memory_, cpu_capacity, static_cast<double>(memory_capacity), cpu, memory) + tightness_ * left;
  }

 private:
  const Demand* demand_;
  double per_cpu_, per_memory_, ask_cpu_, ask_memory_;
  bool values_;
  double tightness_;
};

}  // namespace selvedge::engine
