#include "engine/vision/match.h"

#include <algorithm>

#include "engine/vision/suppress.h"

namespace selvedge::engine {

Matching match(std::span<const Detection> reference, std::span<const Detection> other, float least_overlap) {
  std::vector<Match> pairs;
  for (std::size_t i = 0; i < reference.size(); ++i)
    for (std::size_t k = 0; k < other.size(); ++k) {
      if (reference[i].label != other[k].label) continue;
      const float overlap = overlap_of(reference[i].box, other[k].box);
      if (overlap > 0 && overlap >= least_overlap) pairs.push_back({i, k, overlap, other[k].score - reference[i].score});
    }
  std::ranges::stable_sort(pairs, [](const Match& a, const Match& b) { return a.overlap > b.overlap; });

  Matching matching;
  std::vector<bool> reference_taken(reference.size()), other_taken(other.size());
  for (const Match& pair : pairs) {
    if (reference_taken[pair.reference] || other_taken[pair.other]) continue;
    reference_taken[pair.reference] = other_taken[pair.other] = true;
    matching.matched.push_back(pair);
  }
  std::ranges::sort(matching.matched, {}, &Match::reference);
  for (std::size_t i = 0; i < reference.size(); ++i)
    if (!reference_taken[i]) matching.missing.push_back(i);
  for (std::size_t k = 0; k < other.size(); ++k)
    if (!other_taken[k]) matching.extra.push_back(k);
  return matching;
}

}  // namespace selvedge::engine
