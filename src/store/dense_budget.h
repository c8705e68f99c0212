// DenseBudget: how many readings a second are coded densely; what comes beyond is coded fast.
//
// Dense coding costs several times the time of fast coding. A node that has time takes the smaller blocks; one
// in a flood keeps up first. The generic cell rate algorithm (ITU-T I.371, 1993) with a burst of one second.
// Pure; belongs to one thread.

#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace selvedge::store {

class DenseBudget {
 public:
  // Takes what so many readings cost; false if there is not enough, and then nothing is taken.
  bool take(std::uint32_t readings, std::uint32_t per_second, base::Instant now) {
    if (per_second == 0) return false;
    const base::Duration cost(std::int64_t{readings} * 1'000'000'000 / per_second);
    const base::Instant begin = std::max(whole_at_, now);
    // A block that is larger than a burst may go when the burst is whole.
    if (begin > now && begin + cost > now + std::chrono::seconds(1)) return false;
    whole_at_ = begin + cost;
    return true;
  }

 private:
  base::Instant whole_at_{};           // when the burst is whole again
};

}  // namespace selvedge::store
