// The bounds of the programs of a fleet, looked at while they work: memory, disk, queues.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace selvedge::cloud {
class Cloud;
struct CloudConfig;
}  // namespace selvedge::cloud
namespace selvedge::node {
class Node;
}
namespace selvedge::store {
struct StoreLimits;
}

namespace selvedge::sim {

// The most that was ever seen.
struct Peaks {
  std::uint64_t memory = 0, journal = 0;   // of a node's store
  std::uint64_t waiting = 0;               // in the cloud, to be committed
};

struct Sight {
  base::Duration at;                       // since the simulation began
  Peaks& peaks;
  std::vector<std::string>& breaches;
};

void look_at(const std::string& name, node::Node& node, const store::StoreLimits& limits,
             std::size_t devices, const Sight& sight);
void look_at(cloud::Cloud& cloud, const cloud::CloudConfig& config, const Sight& sight);

}  // namespace selvedge::sim
