// Suppress: non-maximum suppression, so that one thing is found once.

#pragma once

#include <vector>

#include "engine/vision/boxes.h"

namespace selvedge::engine {

// The shared area of two boxes as a share of what both cover: 0 to 1.
float overlap_of(const Box& a, const Box& b);

// Of `candidates`, best first, keeps those that no better one of the same label overlaps by more than
// `overlap`; at most `most`.
void suppress(std::vector<Candidate>& candidates, float overlap, std::size_t most);

}  // namespace selvedge::engine
