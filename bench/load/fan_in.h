// Modes fanin, paced and batch: N publishers, one subscriber on everything.

#pragma once

#include "load/options.h"

namespace selvedge::bench {

int run_fan_in(const Options& options);

}  // namespace selvedge::bench
