// Mode post: batches of line protocol by HTTP POST, one request under way on each connection.

#pragma once

#include "load/options.h"

namespace selvedge::bench {

int run_post(const Options& options);

}  // namespace selvedge::bench
