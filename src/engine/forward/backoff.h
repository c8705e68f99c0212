// Backoff: how long to wait before the next attempt to connect. Pure.
//
// The bound doubles with each attempt; the wait is drawn evenly from zero to the bound ("full
// jitter", Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), so that a fleet
// that lost its cloud at one moment does not come back at one moment.

#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace selvedge::engine {

class Backoff {
 public:
  Backoff(base::Duration first, base::Duration most) : first_(first), most_(most) {}

  // `jitter` in [0, 1); what is outside is brought inside.
  base::Duration next(double jitter);
  void reset() { bound_ = {}; }
  void set_bounds(base::Duration first, base::Duration most) {
    first_ = first;
    most_ = most;
    bound_ = std::min(bound_, most);
  }

 private:
  base::Duration first_, most_;
  base::Duration bound_{};  // of the last wait; zero: none yet
};

}  // namespace selvedge::engine
