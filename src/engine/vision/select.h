// Select: the best scores of a grid of anchors and classes, without looking at more than those.
//
// The work does not depend on how many scores pass the threshold, so that a picture which makes every
// anchor answer (noise, a hostile print) costs no more than a few times an ordinary one. The best K
// pairs of anchor and class belong to the K anchors whose best class is best, and none of them is
// below the last of those; so anchors are chosen first, and pairs only among them.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace selvedge::engine {

struct Scored {
  float value = 0;                                 // as the model gave it
  std::uint32_t anchor = 0, label = 0;

  // Better first; equal ones in the order of the model, so that the outcome is always the same.
  bool operator<(const Scored& other) const {
    if (value != other.value) return value > other.value;
    return anchor != other.anchor ? anchor < other.anchor : label < other.label;
  }
};

struct SelectBest {
  std::span<const float> scores;                   // anchors x classes
  std::size_t classes = 1;
  std::size_t first_class = 0;                     // 1 where class 0 is the background
  float least = 0;                                 // NaN and what is below never comes
  std::size_t most = 0;
};

// Into `best`, best first. `anchors` is scratch memory.
void select_best(const SelectBest& select, std::vector<Scored>& anchors, std::vector<Scored>& best);

}  // namespace selvedge::engine
