#include "engine/vision/softmax.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace selvedge::engine {
namespace {

constexpr std::size_t lanes = 8;
constexpr float infinity = std::numeric_limits<float>::infinity();

// 2^n * e^r with |r| <= ln(2) / 2, and a polynomial for e^r: the reduction and the coefficients of Cephes' expf
// (S. Moshier, single precision, exp.c). Without a branch or a conversion that NaN could not go through.
inline float exponential(float value) {
  constexpr float round = 12'582'912;              // 1.5 * 2^23: adding it leaves the nearest whole number in the low bits
  const float shifted = value * 1.44269504F + round;
  const float whole = shifted - round;
  const float rest = (value - whole * 0.693359375F) + whole * 2.12194440e-4F;
  float sum = 1.9875691500e-4F * rest + 1.3981999507e-3F;
  sum = sum * rest + 8.3334519073e-3F;
  sum = sum * rest + 4.1665795894e-2F;
  sum = sum * rest + 1.6666665459e-1F;
  sum = sum * rest + 5.0000001201e-1F;
  sum = sum * rest * rest + rest + 1;
  const std::uint32_t power = (std::bit_cast<std::uint32_t>(shifted) << 23) + 0x3F800000U;
  const std::uint32_t kept = value < -87 ? 0U : ~0U;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(sum * std::bit_cast<float>(power)) & kept);
}

// NaN is passed over: it compares false.
float greatest(std::span<const float> values) {
  std::array<float, lanes> best;
  best.fill(-infinity);
  std::size_t i = 0;
  for (; i + lanes <= values.size(); i += lanes)
    for (std::size_t k = 0; k < lanes; ++k) best[k] = values[i + k] > best[k] ? values[i + k] : best[k];
  for (; i < values.size(); ++i) best[0] = values[i] > best[0] ? values[i] : best[0];
  return std::ranges::max(best);
}

float sum_of(std::span<const float> values) {
  std::array<float, lanes> sums{};
  std::size_t i = 0;
  for (; i + lanes <= values.size(); i += lanes)
    for (std::size_t k = 0; k < lanes; ++k) sums[k] += values[i + k];
  for (; i < values.size(); ++i) sums[0] += values[i];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

}  // namespace

float power_of_e(float value) { return exponential(value); }

void softmax(const SoftmaxRows& rows, std::vector<float>& into) {
  into.resize(rows.scores.size());
  // A share is at most e to the power of its distance to the greatest. The slack is for rounding.
  const float reach = rows.threshold > 0 ? std::log(rows.threshold) - 0.01F : -infinity;
  for (std::size_t at = 0; at + rows.classes <= rows.scores.size(); at += rows.classes) {
    const std::span<const float> row = rows.scores.subspan(at, rows.classes);
    const std::span<float> shares = std::span(into).subspan(at, rows.classes);
    const float ours = greatest(row.subspan(rows.first_class));
    const float all = rows.first_class == 0 ? ours : std::max(ours, greatest(row.first(rows.first_class)));
    if (!(ours - all >= reach)) {
      std::ranges::fill(shares, -1.0F);
      continue;
    }
    for (std::size_t c = 0; c < row.size(); ++c) shares[c] = exponential(row[c] - all);
    const float sum = sum_of(shares);
    for (float& share : shares) share /= sum;
  }
}

}  // namespace selvedge::engine
