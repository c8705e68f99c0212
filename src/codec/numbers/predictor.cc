#include "codec/numbers/predictor.h"

#include <algorithm>

namespace selvedge::codec {
namespace {

constexpr unsigned most_shift = 14;
constexpr std::uint8_t has_season = 0x80;

using U = std::uint64_t;

// Sums of a stretch's season taps, which depend on values long decoded, so that only the short taps
// wait for each other.
constexpr std::size_t stretch = 64;

std::size_t season_sums(const Predictor& p, const std::int64_t* values, std::size_t from, std::size_t to, U* sums) {
  const std::size_t reach = p.period - p.season_taps / 2;  // the nearest season value
  const std::size_t count = std::min({to - from, stretch, reach});
  for (std::size_t i = 0; i < count; ++i) sums[i] = 0;
  for (unsigned t = 0; t < p.season_taps; ++t) {
    const U tap = static_cast<U>(p.season_tap[t]);
    const std::int64_t* back = values + from - (reach + t);
    for (std::size_t i = 0; i < count; ++i) sums[i] += tap * static_cast<U>(back[i]);
  }
  return count;
}

template <unsigned taps>
void predict_stretch(const Predictor& p, std::int64_t* values, std::size_t count, const U* sums) {
  const U half = p.shift == 0 ? 0 : U{1} << (p.shift - 1);
  // The values before are kept in registers: through memory each step would wait for the store before it.
  U tap[taps], before[taps];
#pragma GCC unroll 16
  for (unsigned t = 0; t < taps; ++t) {
    tap[t] = static_cast<U>(p.tap[t]);
    before[t] = static_cast<U>(*(values - t - 1));
  }
  for (std::size_t i = 0; i < count; ++i) {
    U sum = sums[i] + half;
#pragma GCC unroll 16
    for (unsigned t = 1; t <= taps; ++t) sum += tap[taps - t] * before[taps - t];
    const U value = static_cast<U>(values[i]) + static_cast<U>(static_cast<std::int64_t>(sum) >> p.shift);
#pragma GCC unroll 16
    for (unsigned t = 1; t < taps; ++t) before[taps - t] = before[taps - t - 1];
    before[0] = value;
    values[i] = static_cast<std::int64_t>(value);
  }
}

using PredictStretch = void (*)(const Predictor&, std::int64_t*, std::size_t, const U*);
template <unsigned... taps>
constexpr auto stretches(std::integer_sequence<unsigned, taps...>) {
  return std::array<PredictStretch, sizeof...(taps)>{predict_stretch<taps + 1>...};
}
constexpr auto predict_stretches = stretches(std::make_integer_sequence<unsigned, Predictor::most_taps>());

void restore_linear(const Predictor& p, std::span<std::int64_t> values) {
  const std::size_t warm = std::min(p.warm_up(), values.size());
  if (p.kind == PredictorKind::linear_values)
    for (std::size_t i = 1; i < warm; ++i)
      values[i] = static_cast<std::int64_t>(static_cast<U>(values[i]) + static_cast<U>(values[i - 1]));
  std::array<U, stretch> sums{};
  for (std::size_t at = warm; at < values.size();) {
    const std::size_t count = p.period == 0 ? std::min(values.size() - at, stretch)
                                            : season_sums(p, values.data(), at, values.size(), sums.data());
    predict_stretches[p.taps - 1](p, values.data() + at, count, sums.data());
    at += count;
  }
}

void add_up(U sum, std::span<std::int64_t> values) {
  for (std::int64_t& v : values) v = static_cast<std::int64_t>(sum += static_cast<U>(v));
}

}  // namespace

void restore(const Predictor& p, std::span<std::int64_t> values) {
  if (values.empty()) return;
  const std::size_t given = std::min(p.given(), values.size());
  const std::span<std::int64_t> rest = values.subspan(given);
  if (p.linear()) restore_linear(p, rest);
  switch (p.kind) {
    case PredictorKind::centre:
    case PredictorKind::linear_values:
      for (std::int64_t& v : values) v = static_cast<std::int64_t>(static_cast<U>(v) + static_cast<U>(p.base));
      return;
    case PredictorKind::second_difference: {
      U difference = static_cast<U>(p.base_difference);
      U sum = static_cast<U>(p.base);
      values[0] = p.base;
      if (values.size() > 1) values[1] = static_cast<std::int64_t>(sum += difference);
      for (std::int64_t& v : rest) v = static_cast<std::int64_t>(sum += difference += static_cast<U>(v));
      return;
    }
    case PredictorKind::difference:
    case PredictorKind::linear_differences: break;
  }
  values[0] = p.base;
  add_up(static_cast<U>(p.base), rest);
}

void put_predictor(base::Writer& out, const Predictor& p) {
  out.svarint(p.base);
  if (p.kind == PredictorKind::second_difference) out.svarint(p.base_difference);
  if (!p.linear()) return;
  const bool season = p.period != 0;
  out.u8(static_cast<std::uint8_t>((p.taps - 1) | p.season_taps / 2 << 4 | (season ? has_season : 0)));
  out.u8(static_cast<std::uint8_t>(p.shift));
  for (unsigned t = 0; t < p.taps; ++t) out.svarint(p.tap[t]);
  if (!season) return;
  out.varint(p.period);
  for (unsigned t = 0; t < p.season_taps; ++t) out.svarint(p.season_tap[t]);
}

bool take_predictor(base::Reader& in, std::size_t count, Predictor& p) {
  p.base = in.svarint();
  if (p.kind == PredictorKind::second_difference) p.base_difference = in.svarint();
  if (p.kind > PredictorKind::linear_differences) return false;
  if (!p.linear()) return in.ok();
  const std::uint8_t form = in.u8();
  p.taps = (form & 15u) + 1;
  p.shift = in.u8();
  p.season_taps = 0;
  p.period = 0;
  if (p.shift > most_shift || (form & 0x40)) return false;
  for (unsigned t = 0; t < p.taps; ++t) p.tap[t] = in.svarint();
  if (!(form & has_season)) return in.ok() && (form & 0x30) == 0;
  const std::uint64_t period = in.varint();
  p.season_taps = 2 * (form >> 4 & 3u) + 1;
  // The nearest season value must lie behind the one being predicted.
  if (!in.ok() || p.season_taps > Predictor::most_season_taps || period > count || period <= p.season_taps / 2)
    return false;
  p.period = static_cast<std::uint32_t>(period);
  for (unsigned t = 0; t < p.season_taps; ++t) p.season_tap[t] = in.svarint();
  return in.ok();
}

}  // namespace selvedge::codec
