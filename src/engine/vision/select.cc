#include "engine/vision/select.h"

#include <algorithm>
#include <limits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace selvedge::engine {
namespace {

// NaN is passed over: it compares false.
float greatest(std::span<const float> values) {
  float best = -std::numeric_limits<float>::infinity();
  for (const float value : values) best = value > best ? value : best;
  return best;
}

// Keeps the `most` best, in no order.
void keep_best(std::vector<Scored>& scored, std::size_t most) {
  if (scored.size() <= most) return;
  std::ranges::nth_element(scored, scored.begin() + static_cast<std::ptrdiff_t>(most), std::less<>());
  scored.resize(most);
}

void anchors_of(const SelectBest& select, std::vector<Scored>& anchors) {
  const std::size_t count = select.scores.size() / select.classes;
  for (std::size_t i = 0; i < count; ++i) {
    const float best = greatest(select.scores.subspan(i * select.classes + select.first_class,
                                                      select.classes - select.first_class));
    if (best >= select.least) anchors.push_back({best, static_cast<std::uint32_t>(i), 0});
  }
}

#if defined(__x86_64__)
// Eight classes at a time; _mm256_max_ps(value, best) gives `best` where the value is NaN.
[[gnu::target("avx2")]] void anchors_of_avx2(const SelectBest& select, std::vector<Scored>& anchors) {
  const std::size_t count = select.scores.size() / select.classes, width = select.classes - select.first_class;
  const float* row = select.scores.data() + select.first_class;
  for (std::size_t i = 0; i < count; ++i, row += select.classes) {
    __m256 eight = _mm256_max_ps(_mm256_loadu_ps(row), _mm256_set1_ps(-std::numeric_limits<float>::infinity()));
    // The last eight may have been seen before, which does not matter.
    for (std::size_t k = 8; k < width; k += 8)
      eight = _mm256_max_ps(_mm256_loadu_ps(row + std::min(k, width - 8)), eight);
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    four = _mm_max_ss(four, _mm_shuffle_ps(four, four, 1));
    const float best = _mm_cvtss_f32(four);
    if (best >= select.least) anchors.push_back({best, static_cast<std::uint32_t>(i), 0});
  }
}
#endif

void find_anchors(const SelectBest& select, std::vector<Scored>& anchors) {
  anchors.clear();
#if defined(__x86_64__)
  if (select.classes - select.first_class >= 8 && __builtin_cpu_supports("avx2"))
    return anchors_of_avx2(select, anchors);
#endif
  anchors_of(select, anchors);
}

}  // namespace

void select_best(const SelectBest& select, std::vector<Scored>& anchors, std::vector<Scored>& best) {
  best.clear();
  if (select.classes <= select.first_class || select.most == 0) return;
  find_anchors(select, anchors);
  float least = select.least;
  if (anchors.size() >= select.most) {
    keep_best(anchors, select.most);
    least = std::ranges::max(anchors, std::less<>()).value;   // "less" is better
  }
  for (const Scored& anchor : anchors) {
    const float* row = select.scores.data() + anchor.anchor * select.classes;
    for (std::size_t c = select.first_class; c < select.classes; ++c)
      if (row[c] >= least) best.push_back({row[c], anchor.anchor, static_cast<std::uint32_t>(c)});
  }
  keep_best(best, select.most);
  std::ranges::sort(best, std::less<>());
}

}  // namespace selvedge::engine
