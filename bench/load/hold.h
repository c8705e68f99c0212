// Mode hold: what a connection costs that says nothing.

#pragma once

#include "load/options.h"

namespace selvedge::bench {

int run_hold(const Options& options);

}  // namespace selvedge::bench
