// Targets: the numbers that this codec is asked for, beside those of the run.

#pragma once

#include <string>
#include <vector>

#include "codec/report.h"

namespace bench {

struct Target {
  std::string what;
  double least = 0, aim = 0, got = 0;
  bool less_is_better = false;
  bool reached(double asked) const { return less_is_better ? got <= asked : got >= asked; }
};

// Only those that the run measured.
std::vector<Target> targets_of(const Results& results);

}  // namespace bench
