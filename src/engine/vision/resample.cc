#include "engine/vision/resample.h"

#include <algorithm>
#include <cmath>

#include "engine/vision/resample_x86.h"

namespace selvedge::engine {
namespace {

void blend_rows(const BlendRows& blend) {
  const std::size_t width = blend.line.size(), count = blend.weights.size();
  if (count == 1) {
    for (std::size_t i = 0; i < width; ++i) blend.line[i] = static_cast<std::int16_t>(blend.first[i] << 7);
    return;
  }
  // Each row's part is cut to 256ths, which loses half of one on average. Row by row and in 16 bits, so that the
  // compiler does many at a time.
  std::array<std::uint16_t, 256> sum;
  for (std::size_t from = 0; from < width; from += sum.size()) {
    const std::size_t length = std::min(sum.size(), width - from);
    sum.fill(static_cast<std::uint16_t>((count + 1) / 2));
    const std::uint8_t* row = blend.first + from;
    for (std::size_t k = 0; k < count; ++k, row += blend.stride) {
      const unsigned weight = blend.weights[k];
      for (std::size_t i = 0; i < length; ++i) sum[i] = static_cast<std::uint16_t>(sum[i] + (row[i] * weight >> 8));
    }
    for (std::size_t i = 0; i < length; ++i) blend.line[from + i] = static_cast<std::int16_t>(sum[i] >> 1);
  }
}

template <bool planes>
void shrink_line(const ShrinkLine& shrink) {
  const Scaling& scaling = *shrink.scaling;
  const std::vector<Filter::Span>& spans = shrink.filter->spans;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const Filter::Span& span = spans[i];
    const std::uint16_t* weights = shrink.filter->weights_of(i);
    const std::int16_t* pixels = shrink.line.data() + std::size_t(span.first - shrink.filter->first) * 3;
    std::array<std::int32_t, 3> sum{};
    for (std::int32_t k = 0; k < span.count; ++k)
      for (std::size_t c = 0; c < 3; ++c) sum[c] += pixels[k * 3 + static_cast<std::int32_t>(c)] * weights[k];
    for (std::size_t c = 0; c < 3; ++c) {
      const auto from = static_cast<std::size_t>(scaling.order[c]);
      const float value = static_cast<float>(sum[from]) * scaling.factor[c] + scaling.offset[c];
      if constexpr (planes) shrink.to[c][i] = value;
      else shrink.to[0][i * 3 + c] = value;
    }
  }
}

void quantise(const Quantise& quantise) {
  for (std::size_t i = 0; i < quantise.from.size(); ++i) {
    const float held = std::min(std::max(quantise.from[i], quantise.least), quantise.most);
    quantise.to[i] = static_cast<std::uint8_t>(std::lrintf(held));
  }
}

}  // namespace

void blend_many_rows(const BlendRows& blend) {
  for (std::size_t i = 0; i < blend.line.size(); ++i) {
    unsigned sum = 0;
    const std::uint8_t* pixel = blend.first + i;
    for (const std::uint16_t weight : blend.weights) {
      sum += unsigned{*pixel} * weight;
      pixel += blend.stride;
    }
    blend.line[i] = static_cast<std::int16_t>(sum >> 9);
  }
}

const Kernels& plain_kernels() {
  static constexpr Kernels kernels{blend_rows, shrink_line<true>, shrink_line<false>, quantise};
  return kernels;
}

const Kernels& best_kernels() {
  const Kernels* found = x86_kernels();
  return found != nullptr ? *found : plain_kernels();
}

}  // namespace selvedge::engine
