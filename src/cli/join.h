// Joining a fleet from the command line.

#pragma once

#include "cli/command.h"

namespace selvedge::cli {

base::Result<int> join_fleet(const Arguments& arguments, Session& session);

}  // namespace selvedge::cli
