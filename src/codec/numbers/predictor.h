// Predictor: what a value is expected to be from those before it, so that only the residual is coded.
//
// Orders: the values about a centre, their differences, or differences of differences; and, on the
// values about a centre or the differences, a linear predictor with up to 16 taps on the values just
// before and up to 5 around one season before (a day of hours, a turn of a shaft). Taps are integers over 2^shift; all
// arithmetic is modulo 2^64, so any bytes decode to something, the same everywhere.
//
// choose() fits by weighted least squares (twice reweighted, so that a few leaps do not bend it) and
// compares estimated costs. The period of a season is found from the signs of the differences: sign
// sequences correlate like their sources (Van Vleck's arcsine law) and cost one popcount per 64.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/wire.h"

namespace selvedge::codec {

enum class PredictorKind : std::uint8_t {
  centre = 0, difference = 1, second_difference = 2, linear_values = 3, linear_differences = 4,
};

inline constexpr std::size_t longest_block = 1 << 20;

struct Predictor {
  static constexpr unsigned most_taps = 16, most_season_taps = 5;

  PredictorKind kind = PredictorKind::difference;
  std::int64_t base = 0;               // the centre, or the first value
  std::int64_t base_difference = 0;    // with second differences: the first difference
  unsigned shift = 0;
  unsigned taps = 0;
  std::array<std::int64_t, most_taps> tap{};     // for the value 1, 2, ... before
  std::uint32_t period = 0;            // 0: no season
  unsigned season_taps = 0;            // 1, 3 or 5: period - 2 ... period + 2
  std::array<std::int64_t, most_season_taps> season_tap{};

  bool linear() const { return kind == PredictorKind::linear_values || kind == PredictorKind::linear_differences; }
  // How many values are not among the residuals, because they are in `base`.
  std::size_t given() const {
    return kind == PredictorKind::second_difference ? 2
           : kind == PredictorKind::difference || kind == PredictorKind::linear_differences ? 1 : 0;
  }
  // The values before which a linear predictor does without: they are predicted by the one before
  // (values) or not at all (differences).
  std::size_t warm_up() const {
    return period == 0 ? taps : std::max<std::size_t>(taps, period + season_taps / 2);
  }
};

// 2^20 values at most. `residuals` (replaced) has values.size() - given().
// `known`, if not null, are taps that cost nothing to send; `is_known` tells whether they have won.
struct Chosen {
  Predictor predictor;
  bool is_known = false;
};
Chosen choose(std::span<const std::int64_t> values, const Predictor* known, std::vector<std::int64_t>& residuals);

// The other way: residuals stand in the last places of `values`, which become the values.
void restore(const Predictor& predictor, std::span<std::int64_t> values);

// Everything but the kind. False if damaged: a period or taps that do not fit the count.
void put_predictor(base::Writer& out, const Predictor& predictor);
bool take_predictor(base::Reader& in, std::size_t count, Predictor& predictor);

}  // namespace selvedge::codec
