// Tap fit: the taps of a linear predictor, by weighted least squares over a sample of a block.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "codec/numbers/predictor.h"

namespace selvedge::codec {

// The values before that a predictor looks at.
struct Lags {
  unsigned taps;
  std::uint32_t period;
  unsigned season_taps;
  unsigned size() const { return taps + season_taps; }
  std::uint32_t at(unsigned i) const {
    return i < taps ? i + 1 : period - season_taps / 2 + (i - taps);
  }
};

inline constexpr unsigned most_unknowns = Predictor::most_taps + Predictor::most_season_taps;
using Row = std::array<double, most_unknowns>;

// Fits look at a few stretches of the block, each with what lies before it: enough to know taps by.
struct Stretch {
  std::size_t from, to;
};
inline constexpr std::size_t sample_values = 1024, stretch_values = 256;

inline constexpr std::size_t stretches = sample_values / stretch_values;
class Sample {
 public:
  Sample(std::size_t count, std::size_t warm) {
    if (count <= warm) return;
    if (count - warm <= sample_values) {
      at_[size_++] = {warm, count};
      return;
    }
    for (; size_ < stretches; ++size_) {
      const std::size_t from = warm + size_ * (count - warm - stretch_values) / (stretches - 1);
      at_[size_] = {from, from + stretch_values};
    }
  }
  const Stretch* begin() const { return at_.data(); }
  const Stretch* end() const { return at_.data() + size_; }

 private:
  std::array<Stretch, stretches> at_;
  std::size_t size_ = 0;
};

// Two rounds: the second weighs a value by the inverse of its error in the first, so that a few leaps do
// not bend the taps. False if the values do not determine them.
bool fit_taps(std::span<const double> values, const Lags& lags, const Sample& sample, Row& taps);

}  // namespace selvedge::codec
