// Difference: what changed between two states of a twin, as a merge patch from the root.
//
// Private to engine/twin.

#pragma once

#include <string>

#include "engine/twin/entries.h"
#include "engine/twin/leaf_text.h"

namespace selvedge::engine::twin {

// "" if what is visible is the same. A desired leaf with a newer stamp counts as changed: a wish was
// made again.
std::string difference(const Entries& before, const Entries& after);
// From leaves alone, each visible before and after.
std::string difference(ShownLeaves changed);

}  // namespace selvedge::engine::twin
