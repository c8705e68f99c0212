// Match: whether two sets of detections say the same, such as those of a model and of its quantised
// form, or an example's and what was expected of it.

#pragma once

#include <span>
#include <vector>

#include "engine/vision/found.h"

namespace selvedge::engine {

struct Match {
  std::size_t reference = 0, other = 0;            // indices
  float overlap = 0;                               // intersection over union
  float score_difference = 0;                      // other - reference
};

struct Matching {
  std::vector<Match> matched;                      // in the order of the reference
  std::vector<std::size_t> missing;                // of the reference, without a partner
  std::vector<std::size_t> extra;                  // of the other
};

// Pairs of one label that overlap by `least_overlap` or more, each detection in at most one: the pair
// that overlaps most first.
Matching match(std::span<const Detection> reference, std::span<const Detection> other, float least_overlap = 0.5F);

}  // namespace selvedge::engine
