// InOrder: readings of blocks that overlap in time, put in order before they are used; and what is made
// of them then: how long a value was held, and by how much a counter grew.
//
// Readings wait until nothing earlier can come. Of equal times those fed first come first. Bound: the
// range's `held_readings`, beyond it Code::exhausted. Private to engine/query.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/query/window_set.h"

namespace selvedge::engine {

class InOrder {
 public:
  InOrder(const QueryRange& range, WindowSet& windows) : range_(range), windows_(windows) {}

  // In time order among themselves; those that can have no part are left out.
  base::Result<void> add(std::span<const std::int64_t> times, std::span<const double> values);
  // Nothing before `time` comes any more.
  base::Result<void> pass(std::int64_t time);
  base::Result<void> finish();

 private:
  struct Waiting {
    std::int64_t time;
    double value;
  };
  base::Result<void> take(const Waiting& reading);
  base::Result<void> hold_until(std::int64_t time);

  const QueryRange& range_;
  WindowSet& windows_;
  std::vector<Waiting> waiting_;         // in order
  std::optional<Waiting> held_;          // the last reading
  std::optional<double> counted_;        // the last that is a number
};

}  // namespace selvedge::engine
