#include "codec/numbers/forms.h"

#include <algorithm>

#include "codec/numbers/form_loops.h"

namespace selvedge::codec {

const double ten_to[most_digits + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                        1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                        1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

namespace {

loops::Scales scales_of(const NumberModel& m) {
  loops::Scales scales;
  scales.scale[0] = ten_to[m.rounded_digits];
  if (m.rounding != Rounding::significant) return scales;
  scales.count = std::min(m.high_decade - m.low_decade + 1, loops::Scales::most);
  for (int i = 1; i < scales.count; ++i) {
    const int decade = m.high_decade - i + 1;
    scales.below[i - 1] = decade >= 0 ? ten_to[decade] : 1.0 / ten_to[-decade];
    scales.scale[i] = ten_to[m.rounded_digits + static_cast<unsigned>(i)];
  }
  return scales;
}

using Integers = std::span<const std::int64_t>;
using Evaluate = void (*)(const NumberModel&, const loops::Scales&, Integers, std::span<double>);
using Decimals = std::size_t (*)(const double*, std::size_t, double, std::int64_t*);

void evaluate_baseline(const NumberModel& m, const loops::Scales& s, Integers integers, std::span<double> values) {
  loops::evaluate(m, s, integers, values);
}
std::size_t decimals_baseline(const double* values, std::size_t count, double scale, std::int64_t* integers) {
  return loops::decimals_of(values, count, scale, integers);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void evaluate_avx2(const NumberModel& m, const loops::Scales& s, Integers integers,
                                           std::span<double> values) {
  loops::evaluate(m, s, integers, values);
}
[[gnu::target("avx2")]] std::size_t decimals_avx2(const double* values, std::size_t count, double scale,
                                                  std::int64_t* integers) {
  return loops::decimals_of(values, count, scale, integers);
}
[[gnu::target("avx512f,avx512dq,avx512vl")]] void evaluate_avx512(const NumberModel& m, const loops::Scales& s,
                                                                  Integers integers, std::span<double> values) {
  loops::evaluate(m, s, integers, values);
}
[[gnu::target("avx512f,avx512dq,avx512vl")]] std::size_t decimals_avx512(const double* values, std::size_t count,
                                                                         double scale, std::int64_t* integers) {
  return loops::decimals_of(values, count, scale, integers);
}
#endif

struct Path {
  Evaluate evaluate;
  Decimals decimals;
};

const Path& path(Processor wanted) {
  static constexpr Path baseline{evaluate_baseline, decimals_baseline};
#if defined(__x86_64__)
  static constexpr Path avx2{evaluate_avx2, decimals_avx2}, avx512{evaluate_avx512, decimals_avx512};
  if (wanted == Processor::avx512) return avx512;
  if (wanted == Processor::avx2) return avx2;
#endif
  (void)wanted;
  return baseline;
}

}  // namespace

double evaluate_fine(const NumberModel& m, std::int64_t k) {
  const loops::Line line{m.origin, m.step, m.denominator};
  switch (m.form) {
    case NumberForm::decimal:
      return loops::to_double(k) / ten_to[m.digits];
    case NumberForm::float32:
      return static_cast<double>(static_cast<float>(loops::to_double(k) / ten_to[m.digits]));
    default:
      break;
  }
  const double value = loops::on_line(line, k);
  switch (m.rounding) {
    case Rounding::none:
      return value;
    case Rounding::float32:
      return static_cast<double>(static_cast<float>(value));
    case Rounding::decimals:
      return loops::nearest(value * ten_to[m.rounded_digits]) / ten_to[m.rounded_digits];
    case Rounding::significant:
      return loops::round_to(scales_of(m), value);
  }
  return value;
}

double evaluate(const NumberModel& m, std::int64_t k) {
  if (m.form == NumberForm::ordered) return loops::from_size(k, m.digits);
  return evaluate_fine(m, static_cast<std::int64_t>(static_cast<std::uint64_t>(m.offset) +
                                                    static_cast<std::uint64_t>(k) * static_cast<std::uint64_t>(m.multiple)));
}

void evaluate(const NumberModel& m, Integers integers, std::span<double> values, Processor wanted) {
  path(wanted).evaluate(m, scales_of(m), integers, values);
}

std::int64_t fine_of(const NumberModel& m, double value) {
  double k = 0;
  if (m.form == NumberForm::decimal || m.form == NumberForm::float32) {
    k = value * ten_to[m.digits];
  } else {
    const double scaled = value * m.denominator;
    k = (scaled - m.origin) / m.step;
  }
  if (!(k > -loops::mantissa_limit && k < loops::mantissa_limit)) return 0;
  return loops::nearest_integer(k);
}

std::size_t decimals_of(std::span<const double> values, unsigned digits, std::span<std::int64_t> integers,
                        std::vector<std::uint32_t>& misses, Processor wanted) {
  misses.clear();
  const double scale = ten_to[digits];
  const Decimals decimals = path(wanted).decimals;
  constexpr std::size_t chunk = 64;
  for (std::size_t from = 0; from < values.size(); from += chunk) {
    const std::size_t count = std::min(chunk, values.size() - from);
    if (decimals(&values[from], count, scale, &integers[from]) == 0) continue;
    for (std::size_t i = from; i < from + count; ++i)
      if (!same_bits(loops::to_double(integers[i]) / scale, values[i])) misses.push_back(static_cast<std::uint32_t>(i));
  }
  return misses.size();
}

}  // namespace selvedge::codec
