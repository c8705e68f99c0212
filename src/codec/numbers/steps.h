// Steps: the lattice that ascending numbers lie on, from the gaps between them.

#pragma once

#include <span>

namespace selvedge::codec {

struct Step {
  double origin = 0, step = 0;
  double error = 0;    // of step, about
  double inliers = 0;  // share of the numbers within `blur` of the lattice
};

// Numbers ascend and differ; each lies within `blur` of its true place. step is 0 if there is none.
Step find_step(std::span<const double> ascending, double blur);

}  // namespace selvedge::codec
