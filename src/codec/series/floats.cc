// float64 columns.
//
// Decimal: the smallest number of digits at which the sample is exact is taken; values that are not
// exact there (a NaN, a last place that arithmetic left behind, an infinity) are exceptions, kept as
// raw bits, and their place in the differences repeats the value before. When one value in eight
// would be an exception the column is kept raw, in the better of two layouts: value after value, where
// zstd finds values that come again, or eight byte planes, where it finds signs and exponents.
//
//   decimal:    u8 digits, varint number of exceptions, integers (integers.h),
//               section: for each exception varint places since the one before, u64 bits
//   raw:        section: the values
//   raw planes: section: the lowest byte of each value, then the next lowest, ...

#include <cmath>

#include "codec/series/compress.h"
#include "codec/series/decimal.h"
#include "codec/series/integers.h"
#include "codec/series/value_columns.h"

namespace selvedge::codec {
namespace {

constexpr std::size_t sample_size = 64;
constexpr std::size_t exceptions_share = 8;

struct Scratch {
  std::vector<std::int64_t> integers;
  base::Bytes exceptions;
  base::Bytes planes;
  base::Bytes plain_section, planes_section;
};

Scratch& scratch() {
  static thread_local Scratch s;
  return s;
}

// Digits at which the most of a sample is exact, the fewest of them if several are as good.
// Returns max_digits + 1 if no number of digits serves.
unsigned choose_digits(std::span<const double> values) {
  const std::size_t n = std::min(sample_size, values.size());
  const double step = static_cast<double>(values.size()) / static_cast<double>(n);
  unsigned best = max_digits + 1;
  std::size_t best_exact = n - n / exceptions_share - 1;  // to be beaten
  for (unsigned digits = 0; digits <= max_digits; ++digits) {
    std::size_t exact = 0;
    std::int64_t k;
    for (std::size_t i = 0; i < n; ++i) {
      exact += to_decimal(values[static_cast<std::size_t>(static_cast<double>(i) * step)], digits, k);
      if (i == 7 && exact == 0) break;  // far too few digits
    }
    // A further digit must save more exceptions than it costs.
    if (exact > best_exact + (best <= max_digits ? n / 20 : 0)) {
      best_exact = exact;
      best = digits;
      if (exact == n) break;
    }
  }
  return best;
}

ValueCodec put_raw(base::Writer& out, std::span<const double> values) {
  Scratch& s = scratch();
  const std::size_t n = values.size();
  s.planes.resize(n * 8);
  for (std::size_t plane = 0; plane < 8; ++plane)
    for (std::size_t i = 0; i < n; ++i)
      s.planes[plane * n + i] =
          static_cast<std::uint8_t>(std::bit_cast<std::uint64_t>(values[i]) >> (8 * plane));
  s.plain_section.clear();
  s.planes_section.clear();
  base::Writer plain(s.plain_section), planes(s.planes_section);
  put_section(plain, {reinterpret_cast<const std::uint8_t*>(values.data()), n * sizeof(double)});
  put_section(planes, s.planes);
  const bool as_planes = s.planes_section.size() <= s.plain_section.size();
  out.raw(as_planes ? s.planes_section : s.plain_section);
  return as_planes ? ValueCodec::raw_planes : ValueCodec::raw;
}

}  // namespace

ValueCodec put_floats(base::Writer& out, std::span<const double> values) {
  const unsigned digits = choose_digits(values);
  if (digits > max_digits) return put_raw(out, values);
  base::Bytes& exceptions = scratch().exceptions;
  std::vector<std::int64_t>& integers = scratch().integers;
  integers.resize(values.size());
  exceptions.clear();
  base::Writer exception(exceptions);
  std::uint64_t exception_count = 0;
  std::size_t since = 0;
  std::int64_t before = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::int64_t k;
    if (to_decimal(values[i], digits, k)) [[likely]] {
      integers[i] = before = k;
      continue;
    }
    integers[i] = before;
    exception.varint(i - since);
    exception.f64(values[i]);
    since = i;
    ++exception_count;
  }
  if (exception_count * 4 > values.size() + 8) return put_raw(out, values);  // a misleading sample
  out.u8(static_cast<std::uint8_t>(digits));
  out.varint(exception_count);
  put_integers(out, integers);
  if (exception_count > 0) put_section(out, exceptions);
  return ValueCodec::decimal;
}

bool take_raw_floats(base::Reader& in, std::size_t count, std::vector<double>& into) {
  base::Bytes& bytes = scratch().planes;
  if (!take_section(in, count * 8, bytes) || bytes.size() != count * 8) return false;
  into.resize(count);
  std::memcpy(into.data(), bytes.data(), bytes.size());
  return true;
}

bool take_plane_floats(base::Reader& in, std::size_t count, std::vector<double>& into) {
  base::Bytes& planes = scratch().planes;
  if (!take_section(in, count * 8, planes) || planes.size() != count * 8) return false;
  into.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t bits = 0;
    for (std::size_t plane = 0; plane < 8; ++plane)
      bits |= static_cast<std::uint64_t>(planes[plane * count + i]) << (8 * plane);
    into[i] = std::bit_cast<double>(bits);
  }
  return true;
}

bool take_decimals(base::Reader& in, std::size_t count, std::vector<double>& into) {
  base::Bytes& exceptions = scratch().exceptions;
  std::vector<std::int64_t>& integers = scratch().integers;
  const unsigned digits = in.u8();
  const std::uint64_t exception_count = in.varint();
  if (!in.ok() || digits > max_digits || exception_count > count) return false;
  if (!take_integers(in, count, integers)) return false;
  into.resize(count);
  for (std::size_t i = 0; i < count; ++i) into[i] = from_decimal(integers[i], digits);
  if (exception_count == 0) return true;
  if (!take_section(in, static_cast<std::size_t>(exception_count) * 18, exceptions)) return false;
  base::Reader exception(exceptions);
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < exception_count; ++i) {
    const std::uint64_t step = exception.varint();
    const double value = exception.f64();
    if (!exception.ok() || step >= count - at) return false;
    at += static_cast<std::size_t>(step);
    into[at] = value;
  }
  return exception.at_end();
}

}  // namespace selvedge::codec
