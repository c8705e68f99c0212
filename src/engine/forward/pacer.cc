#include "engine/forward/pacer.h"

#include <cmath>

namespace selvedge::engine {

void Pacer::sent(std::uint64_t bytes, base::Instant now) {
  if (!limits()) return;
  const double ns = std::ceil(static_cast<double>(bytes) * 1e9 / static_cast<double>(rate_));
  // An hour at most, so that nonsense cannot stop the uplink for good.
  free_at_ = std::max(free_at_, now) + base::Duration(static_cast<std::int64_t>(std::min(ns, 3600e9)));
}

}  // namespace selvedge::engine
