#include "codec/numbers/values.h"

#include <numeric>
#include <vector>

#include "base/result.h"
#include "codec/numbers/dense.h"
#include "codec/numbers/fast.h"

namespace selvedge::codec {
namespace {

using U = std::uint64_t;

struct Scratch {
  Numbers numbers;
  NumberModel model;
  Patches patches;
  std::vector<std::int64_t> integers;
};
Scratch& scratch() {
  static thread_local Scratch s;
  return s;
}

// The greatest number that divides all differences from the first value; 1 if they are beyond 63 bits.
std::int64_t divisor_of(std::span<const std::int64_t> values) {
  std::int64_t divisor = 0;
  for (const std::int64_t v : values) {
    std::int64_t difference;
    if (__builtin_sub_overflow(v, values[0], &difference) || difference == INT64_MIN) return 1;
    divisor = std::gcd(divisor, difference);
    if (divisor == 1) return 1;
  }
  return std::max<std::int64_t>(divisor, 1);
}

}  // namespace

void put_doubles(base::Writer& out, const Numbers& numbers, Effort effort) {
  put_numbers(out, numbers);
  if (effort == Effort::fast)
    put_fast(out, numbers.integers);
  else
    put_dense(out, numbers.integers);
}

void put_doubles(base::Writer& out, std::span<const double> values, Effort effort, const ErrorBound& bound) {
  Numbers& numbers = scratch().numbers;
  fit(values, effort, bound, numbers);
  put_doubles(out, numbers, effort);
}

bool take_doubles(base::Reader& in, Effort effort, std::span<double> values) {
  Scratch& s = scratch();
  if (!take_numbers(in, values.size(), s.model, s.patches)) return false;
  if (effort == Effort::fast) return take_fast(in, s.model, values) && apply(s.model, s.patches, values);
  s.integers.resize(values.size());
  return take_dense(in, s.integers) && to_doubles(s.model, s.integers, values) && apply(s.model, s.patches, values);
}

void values_of(const Numbers& numbers, std::span<double> values) {
  CHECK(to_doubles(numbers.model, numbers.integers, values));
  CHECK(apply(numbers.model, numbers.patches, values));
}

void put_int64s(base::Writer& out, std::span<const std::int64_t> values, Effort effort) {
  const std::int64_t divisor = divisor_of(values);
  out.varint(static_cast<U>(divisor));
  std::span<const std::int64_t> integers = values;
  if (divisor > 1) {
    std::vector<std::int64_t>& scaled = scratch().integers;
    scaled.resize(values.size());
    out.svarint(values[0]);
    for (std::size_t i = 0; i < values.size(); ++i) scaled[i] = (values[i] - values[0]) / divisor;
    integers = scaled;
  }
  if (effort == Effort::fast)
    put_fast(out, integers);
  else
    put_dense(out, integers);
}

bool take_int64s(base::Reader& in, Effort effort, std::span<std::int64_t> values) {
  const std::uint64_t divisor = in.varint();
  if (!in.ok() || divisor == 0) return false;
  const std::int64_t first = divisor > 1 ? in.svarint() : 0;
  if (!(effort == Effort::fast ? take_fast(in, values) : take_dense(in, values))) return false;
  if (divisor > 1)
    for (std::int64_t& v : values) v = static_cast<std::int64_t>(static_cast<U>(first) + static_cast<U>(v) * divisor);
  return true;
}

}  // namespace selvedge::codec
