// What must hold once everything has arrived: each acknowledged reading is in the cloud's store
// once, nothing is there twice or was never published, and a series whose clock never goes back is
// in order. (A node with a full disk may refuse a reading and take the next; when the first comes
// again it is later. There, a reading must come after all that were acknowledged before it was
// published.)

#pragma once

#include <deque>
#include <string>
#include <vector>

#include "account.h"
#include "memory_blocks.h"

namespace selvedge::sim {

// A sentence for each breach.
std::vector<std::string> verify(const MemoryBlocks& stored, const std::deque<Account>& accounts);

}  // namespace selvedge::sim
