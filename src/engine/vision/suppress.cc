#include "engine/vision/suppress.h"

#include <algorithm>

namespace selvedge::engine {
namespace {

float area_of(const Box& box) { return std::max(0.0F, box[2] - box[0]) * std::max(0.0F, box[3] - box[1]); }

float shared_by(const Box& a, const Box& b) {
  const float height = std::min(a[2], b[2]) - std::max(a[0], b[0]);
  const float width = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  return height > 0 && width > 0 ? height * width : 0;
}

}  // namespace

float overlap_of(const Box& a, const Box& b) {
  const float shared = shared_by(a, b);
  return shared > 0 ? shared / (area_of(a) + area_of(b) - shared) : 0;
}

void suppress(std::vector<Candidate>& candidates, float overlap, std::size_t most) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < candidates.size() && kept < most; ++i) {
    const Candidate& candidate = candidates[i];
    const float area = area_of(candidate.box);
    const auto hides = [&](const Candidate& better) {
      if (better.label != candidate.label) return false;
      const float shared = shared_by(better.box, candidate.box);
      return shared > overlap * (area_of(better.box) + area - shared);   // the quotient, without dividing
    };
    if (std::any_of(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(kept), hides)) continue;
    candidates[kept++] = candidate;
  }
  candidates.resize(kept);
}

}  // namespace selvedge::engine
