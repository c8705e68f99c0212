// What must hold once everything has arrived: each acknowledged reading is in the cloud's store
// once, nothing is there twice or was never published, and a series whose clock never goes back is
// in order.
//
// A node with a full disk keeps less of that. It may refuse a reading and take the next; when the
// first comes again it is later. So there a reading must come after all that were acknowledged
// before it was published. And it gives up what it has delivered, by which it would know a repetition
// that comes long after; such a reading may be there twice, if it has a time of its own.

#pragma once

#include <deque>
#include <string>
#include <vector>

#include "account.h"
#include "memory_blocks.h"

namespace selvedge::sim {

struct Findings {
  std::vector<std::string> breaches;   // a sentence for each
  std::uint64_t repeated = 0;          // readings there twice, of nodes that had a full disk
};

Findings verify(const MemoryBlocks& stored, const std::deque<Account>& accounts);

}  // namespace selvedge::sim
