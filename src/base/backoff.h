// Backoff: how long to wait before trying again.
//
// The bound doubles with each failure from `first` to `most`; the pause is a random part of it (full
// jitter), so that a thousand peers that lost the same server do not come back together. It starts
// over only after a connection has lasted `stable_after`: one that dies at once counts as a failure.
// Source: Brooker, "Exponential Backoff and Jitter" (2015).

#pragma once

#include <algorithm>

#include "base/time.h"

namespace selvedge::base {

class Backoff {
 public:
  Backoff(Duration first, Duration most, Duration stable_after)
      : first_(first), most_(most), stable_after_(stable_after), bound_(first) {}

  void connected(Instant now) {
    connected_ = true;
    since_ = now;
  }

  // The pause before the next try. `jitter` in [0, 1).
  Duration failed(double jitter, Instant now) {
    if (connected_ && now - since_ >= stable_after_) bound_ = first_;
    connected_ = false;
    // Never nothing: a tenth of the bound keeps a refused peer from spinning.
    const Duration pause = bound_ / 10 + Duration(static_cast<std::int64_t>(
                                             jitter * 0.9 * static_cast<double>(bound_.count())));
    bound_ = std::min(bound_ * 2, most_);
    return pause;
  }

 private:
  Duration first_, most_, stable_after_, bound_;
  Instant since_{};
  bool connected_ = false;
};

}  // namespace selvedge::base
