// Ranges: from what was seen of a value to the scale and zero point it is kept with. Pure.
//
// A number x is kept as q = round(x / scale) + zero_point, held to 8 bits. 0 is always exact: pads and
// Relu depend on it. Scales are rounded to 12 significant bits, since their products with the scales of
// weights (5 bits) are then exact, and pack smaller.

#pragma once

#include "engine/quantise/options.h"
#include "engine/quantise/plan.h"
#include "engine/quantise/statistics.h"

namespace selvedge::engine::quantise {

struct Range {
  float least = 0, greatest = 0;

  void include(const Range& other) {
    least = std::min(least, other.least);
    greatest = std::max(greatest, other.greatest);
  }
};

struct Steps {
  float scale = 1;
  int zero_point = 0;

  friend bool operator==(const Steps&, const Steps&) = default;
};

// Whether activations are u8, not s8.
inline bool is_unsigned(Target target) { return target != Target::arm; }

Range choose_range(const Statistics& statistics, RangeRule rule);
// The bounds of a Relu or Clip that was absorbed hold, whatever was seen.
Range with_bounds(Range range, const Tap& tap);
Steps steps_for(Range range, const Options& options);

// A positive number with that many significant bits, not less than `number`, or the nearest one.
float round_up(float number, int bits);
float round_near(float number, int bits);

}  // namespace selvedge::engine::quantise
