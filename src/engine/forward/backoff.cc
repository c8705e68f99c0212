#include "engine/forward/backoff.h"

#include <algorithm>

namespace selvedge::engine {

base::Duration Backoff::next(double jitter) {
  if (bound_.count() <= 0) bound_ = std::min(first_, most_);
  else bound_ = bound_ > most_ / 2 ? most_ : bound_ * 2;
  if (!(jitter >= 0)) jitter = 0;
  jitter = std::min(jitter, 1.0);
  return base::Duration(static_cast<std::int64_t>(static_cast<double>(bound_.count()) * jitter));
}

}  // namespace selvedge::engine
