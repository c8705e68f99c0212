// Choosing a predictor: candidates, their residuals, and what those would cost.

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "codec/numbers/predictor.h"
#include "codec/numbers/season.h"
#include "codec/numbers/tap_fit.h"

namespace selvedge::codec {
namespace {

using U = std::uint64_t;
using Values = std::span<const std::int64_t>;
using Residuals = std::vector<std::int64_t>;

std::int64_t minus(std::int64_t a, std::int64_t b) { return static_cast<std::int64_t>(static_cast<U>(a) - static_cast<U>(b)); }

unsigned length_of(std::int64_t residual) {
  return 64 - static_cast<unsigned>(std::countl_zero(base::zigzag(residual)));
}

// Residuals of these lengths: the lengths by their entropy, and what follows the first bit.
double bits_of(const std::array<std::uint32_t, 65>& lengths, std::size_t total) {
  const double n = static_cast<double>(total);
  double bits = 0;
  for (unsigned length = 0; length < lengths.size(); ++length) {
    if (lengths[length] == 0) continue;
    const double count = lengths[length];
    bits += count * ((length > 1 ? length - 1 : 0) + std::log2(n / count));
  }
  return bits;
}

// What the fits of one block share.
struct Scratch {
  std::vector<double> values;          // as doubles
  Residuals centred, differences, trial;
};
Scratch& scratch() {
  static thread_local Scratch s;
  return s;
}

// Rounds the taps into the predictor. False if they are out of all proportion.
bool round_taps(const Row& taps, const Lags& lags, unsigned shift, Predictor& p) {
  const double scale = static_cast<double>(1u << shift);
  for (unsigned t = 0; t < lags.size(); ++t) {
    if (!(std::abs(taps[t]) < 16)) return false;
    const auto k = static_cast<std::int64_t>(std::nearbyint(taps[t] * scale));
    (t < lags.taps ? p.tap[t] : p.season_tap[t - lags.taps]) = k;
  }
  p.shift = shift;
  p.taps = lags.taps;
  p.period = lags.period;
  p.season_taps = lags.season_taps;
  return true;
}

// The residuals of places from..to, which lie behind the warm-up.
void linear_residuals(const Predictor& p, Values y, Stretch stretch, std::int64_t* e) {
  const auto [from, to] = stretch;
  const U half = p.shift == 0 ? 0 : U{1} << (p.shift - 1);
  for (std::size_t i = from; i < to; ++i) e[i] = static_cast<std::int64_t>(half);
  const auto add = [&](std::int64_t tap, std::size_t lag) {
    const std::int64_t* back = y.data() - lag;
    for (std::size_t i = from; i < to; ++i)
      e[i] = static_cast<std::int64_t>(static_cast<U>(e[i]) + static_cast<U>(tap) * static_cast<U>(back[i]));
  };
  for (unsigned t = 0; t < p.taps; ++t) add(p.tap[t], t + 1);
  for (unsigned t = 0; t < p.season_taps; ++t) add(p.season_tap[t], p.period - p.season_taps / 2 + t);
  for (std::size_t i = from; i < to; ++i) e[i] = minus(y[i], e[i] >> p.shift);
}

void warm_up_residuals(const Predictor& p, Values y, std::int64_t* e) {
  for (std::size_t i = 0; i < std::min(p.warm_up(), y.size()); ++i)
    e[i] = p.kind == PredictorKind::linear_values && i > 0 ? minus(y[i], y[i - 1]) : y[i];
}

double tap_bits(const Predictor& p) {
  const auto bytes = [](std::int64_t k) { return k < -64 || k > 63 ? 2.0 : 1.0; };
  double sum = p.period == 0 ? 2 : 4;
  for (unsigned t = 0; t < p.taps; ++t) sum += bytes(p.tap[t]);
  for (unsigned t = 0; t < p.season_taps; ++t) sum += bytes(p.season_tap[t]);
  return 8 * sum;
}

// What a tap costs in time when values are read, as bits of each value.
constexpr double bits_a_tap = 0.01;

// The best so far by its bits in a sample of the block.
struct Contest {
  Predictor& winner;
  double bits;                         // of a value

  void offer(const Predictor& p, double value_bits) {
    if (value_bits >= bits) return;
    bits = value_bits;
    winner = p;
  }
};

double sample_bits(Values residuals, const Sample& sample) {
  std::array<std::uint32_t, 65> lengths{};
  std::size_t count = 0;
  for (const Stretch& stretch : sample) {
    for (std::size_t i = stretch.from; i < stretch.to; ++i) ++lengths[length_of(residuals[i])];
    count += stretch.to - stretch.from;
  }
  return bits_of(lengths, count) / static_cast<double>(count);
}

void try_linear(Contest& contest, PredictorKind kind, std::int64_t base, Values y, const Lags& lags) {
  Scratch& s = scratch();
  Predictor p;
  p.kind = kind;
  p.base = base;
  p.taps = lags.taps;
  p.period = lags.period;
  p.season_taps = lags.season_taps;
  if (y.size() < 4 * lags.size() + 2 * p.warm_up()) return;
  const Sample sample(y.size(), p.warm_up());
  Row taps;
  if (!fit_taps(s.values, lags, sample, taps)) return;
  // Short blocks pay for fine taps with more than they save.
  const unsigned shift = y.size() < 400 ? 5 : y.size() < 3000 ? 7 : 10;
  if (!round_taps(taps, lags, shift, p)) return;
  s.trial.resize(y.size());
  for (const Stretch& stretch : sample) linear_residuals(p, y, stretch, s.trial.data());
  const double n = static_cast<double>(y.size()), warm = static_cast<double>(p.warm_up());
  // The warm-up costs what the best so far costs and, for what it has not got, a bit more.
  const double bits = (sample_bits(s.trial, sample) * (n - warm) + (contest.bits + 1) * warm + tap_bits(p)) / n;
  contest.offer(p, bits + bits_a_tap * lags.size());
}

// Linear prediction multiplies: beyond this the sums could leave 64 bits.
bool small(Values y) {
  constexpr std::int64_t limit = std::int64_t{1} << 40;
  return std::all_of(y.begin(), y.end(), [](std::int64_t v) { return v > -limit && v < limit; });
}

void try_lags(Contest& contest, PredictorKind kind, std::int64_t base, Values y, std::uint32_t period) {
  if (!small(y)) return;
  scratch().values.assign(y.begin(), y.end());
  for (const unsigned taps : {2u, 6u})
    if (y.size() >= 32 * taps) try_linear(contest, kind, base, y, {taps, 0, 0});
  if (period > 0) try_linear(contest, kind, base, y, {4, period, period > 8 ? 5u : 3u});
}

std::int64_t middle_of(Values values) {
  // The mean of a few that lie evenly; exactly where the centre is matters little.
  const std::size_t step = std::max<std::size_t>(1, values.size() / 64);
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < values.size(); i += step, ++count) sum += static_cast<double>(values[i]);
  return static_cast<std::int64_t>(std::clamp(sum / static_cast<double>(count), -9e18, 9e18));
}

}  // namespace

Chosen choose(std::span<const std::int64_t> values, const Predictor* known, Residuals& residuals) {
  Scratch& s = scratch();
  const std::size_t n = values.size();
  Chosen chosen;
  Predictor& winner = chosen.predictor;
  winner.base = values[0];
  s.differences.resize(n - 1);
  for (std::size_t i = 1; i < n; ++i) s.differences[i - 1] = minus(values[i], values[i - 1]);
  if (n < 4) {
    residuals = s.differences;
    return chosen;
  }
  Contest contest{winner, sample_bits(s.differences, Sample(n - 1, 0))};

  Predictor p;
  p.kind = PredictorKind::centre;
  p.base = middle_of(values);
  s.centred.resize(n);
  for (std::size_t i = 0; i < n; ++i) s.centred[i] = minus(values[i], p.base);
  const std::int64_t centre = p.base;
  contest.offer(p, sample_bits(s.centred, Sample(n, 0)));

  p.kind = PredictorKind::second_difference;
  p.base = values[0];
  p.base_difference = s.differences[0];
  s.trial.resize(n - 1);
  const Sample second(n - 1, 1);
  for (const auto& [from, to] : second)
    for (std::size_t i = from; i < to; ++i) s.trial[i] = minus(s.differences[i], s.differences[i - 1]);
  contest.offer(p, sample_bits(s.trial, second) + 8 / static_cast<double>(n));

  // Nothing is left to gain where residuals are next to nothing.
  if (contest.bits > 0.3) {
    const std::uint32_t period = season_of(s.differences);
    try_lags(contest, PredictorKind::linear_differences, values[0], s.differences, period);
    try_lags(contest, PredictorKind::linear_values, centre, s.centred, 0);
  }
  if (known != nullptr && known->linear()) {
    Predictor candidate = *known;
    const bool of_values = known->kind == PredictorKind::linear_values;
    candidate.base = of_values ? centre : values[0];
    const Values y = of_values ? Values(s.centred) : Values(s.differences);
    if (small(y) && candidate.warm_up() < y.size()) {
      const Sample sample(y.size(), candidate.warm_up());
      s.trial.resize(y.size());
      for (const Stretch& stretch : sample) linear_residuals(candidate, y, stretch, s.trial.data());
      const double warm = static_cast<double>(candidate.warm_up()) / static_cast<double>(n);
      contest.offer(candidate, sample_bits(s.trial, sample) * (1 - warm) + (contest.bits + 1) * warm);
      chosen.is_known = winner.linear() && winner.tap == candidate.tap && winner.period == candidate.period &&
                        winner.kind == candidate.kind && winner.shift == candidate.shift;
    }
  }
  switch (winner.kind) {
    case PredictorKind::centre: residuals.swap(s.centred); return chosen;
    case PredictorKind::difference: residuals.swap(s.differences); return chosen;
    case PredictorKind::second_difference:
      residuals.resize(n - 2);
      for (std::size_t i = 1; i + 1 < n; ++i) residuals[i - 1] = minus(s.differences[i], s.differences[i - 1]);
      return chosen;
    case PredictorKind::linear_values:
    case PredictorKind::linear_differences: break;
  }
  const Values y = winner.kind == PredictorKind::linear_values ? Values(s.centred) : Values(s.differences);
  residuals.resize(y.size());
  warm_up_residuals(winner, y, residuals.data());
  linear_residuals(winner, y, {std::min(winner.warm_up(), y.size()), y.size()}, residuals.data());
  return chosen;
}

}  // namespace selvedge::codec
