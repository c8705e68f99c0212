// float64 columns.
//
// Numbers by the number model and the dense or fast coder (codec/numbers). Where those leave more than
// three bytes of each value, the raw doubles are tried as well, in the better of two layouts: value after
// value, where zstd finds sequences that come again, or eight byte planes, where it finds signs and
// exponents.
//
//   raw:        section: the values
//   raw planes: section: the lowest byte of each value, then the next lowest, ...
//   decimal:    (once) u8 digits, varint number of exceptions, integers (integers.h),
//               section: for each exception varint places since the one before, u64 bits

#include "codec/numbers/values.h"
#include "codec/series/compress.h"
#include "codec/series/decimal.h"
#include "codec/series/integers.h"
#include "codec/series/value_columns.h"

namespace selvedge::codec {
namespace {

constexpr std::size_t worth_trying_raw = 3;   // bytes of each value
constexpr std::size_t most_tried_fast = 256;  // readings

struct Scratch {
  std::vector<std::int64_t> integers;
  base::Bytes exceptions;
  base::Bytes planes;
  base::Bytes dense, fast, plain_section, planes_section;
};

Scratch& scratch() {
  static thread_local Scratch s;
  return s;
}

// The raw column if it is shorter than `most`.
std::optional<ValueCodec> put_raw(base::Writer& out, std::span<const double> values, std::size_t most) {
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
  const base::Bytes& better = as_planes ? s.planes_section : s.plain_section;
  if (better.size() >= most) return std::nullopt;
  out.raw(better);
  return as_planes ? ValueCodec::raw_planes : ValueCodec::raw;
}

}  // namespace

ValueCodec put_floats(base::Writer& out, const Numbers& numbers, std::span<const double> values, Effort effort) {
  if (effort == Effort::fast) {
    put_doubles(out, numbers, effort);
    return ValueCodec::fast;
  }
  base::Bytes& dense = scratch().dense;
  dense.clear();
  base::Writer writer(dense);
  put_doubles(writer, numbers, effort);
  if (values.size() <= most_tried_fast) {
    // Where tables have little to learn from, packed groups may be as small.
    base::Bytes& fast = scratch().fast;
    fast.clear();
    base::Writer fast_writer(fast);
    put_doubles(fast_writer, numbers, Effort::fast);
    if (fast.size() <= dense.size()) {
      out.raw(fast);
      return ValueCodec::fast;
    }
  }
  if (dense.size() > worth_trying_raw * values.size())
    if (const std::optional<ValueCodec> raw = put_raw(out, values, dense.size())) return *raw;
  out.raw(dense);
  return ValueCodec::dense;
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
