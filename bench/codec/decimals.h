// Decimals: values as k / 10^digits with exceptions as they are: the front of the simple schemes.

#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/wire.h"
#include "codec/codec.h"

namespace bench {

inline constexpr double powers_of_ten[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};

template <typename Value>
bool same_bits(Value a, Value b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

// The count of digits that serves all of a sample, or else most of it; -1 if none does.
template <typename Value>
int find_digits(const Value* values, std::size_t count) {
  const std::size_t stride = count / 512 > 0 ? count / 512 : 1;
  std::size_t fewest = SIZE_MAX;
  int best = -1;
  for (int digits = 0; digits <= 14; ++digits) {
    std::size_t bad = 0, seen = 0;
    for (std::size_t i = 0; i < count; i += stride, ++seen) {
      const double scaled = static_cast<double>(values[i]) * powers_of_ten[digits];
      if (!(std::fabs(scaled) < 4e15) ||
          !same_bits(static_cast<Value>(static_cast<double>(std::llround(scaled)) / powers_of_ten[digits]), values[i]))
        ++bad;
    }
    if (bad == 0) return digits;
    if (bad < fewest && bad * 8 < seen) fewest = bad, best = digits;
  }
  return best;
}

// Integers of one block, and the head that has the digits and the exceptions. False if no decimals.
template <typename Value>
bool to_decimals(const std::uint8_t* in, std::size_t count, std::vector<std::int64_t>& integers, Bytes& head) {
  static thread_local std::vector<Value> values;
  values.resize(count);
  std::memcpy(values.data(), in, count * sizeof(Value));
  const int digits = find_digits(values.data(), count);
  if (digits < 0) return false;
  static thread_local Bytes places, exceptions;
  places.clear(), exceptions.clear();
  selvedge::base::Writer out(places);
  std::size_t found = 0, last_place = 0;
  std::int64_t last = 0;
  integers.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double scaled = static_cast<double>(values[i]) * powers_of_ten[digits];
    if (std::fabs(scaled) < 4e15) last = std::llround(scaled);
    integers[i] = last;
    if (same_bits(static_cast<Value>(static_cast<double>(last) / powers_of_ten[digits]), values[i])) continue;
    ++found;
    out.varint(i - last_place);
    last_place = i;
    const auto* const raw = reinterpret_cast<const std::uint8_t*>(&values[i]);
    exceptions.insert(exceptions.end(), raw, raw + sizeof(Value));
  }
  head.clear();
  selvedge::base::Writer start(head);
  start.u8(static_cast<std::uint8_t>(digits));
  start.varint(found);
  start.raw(places);
  start.raw(exceptions);
  return true;
}

// Places of exceptions and their values, read in front of the integers.
template <typename Value>
struct DecimalHead {
  int digits = 0;
  std::vector<std::size_t> places;
  selvedge::base::BytesView exceptions;

  bool take(selvedge::base::Reader& in) {
    digits = in.u8();
    places.resize(in.varint());
    std::size_t place = 0;
    for (std::size_t& one : places) one = place += in.varint();
    exceptions = in.raw(places.size() * sizeof(Value));
    return in.ok() && digits <= 14;
  }
  void write(const std::vector<std::int64_t>& integers, std::uint8_t* out) const {
    auto* const values = reinterpret_cast<Value*>(out);
    const double divisor = powers_of_ten[digits];
    for (std::size_t i = 0; i < integers.size(); ++i)
      values[i] = static_cast<Value>(static_cast<double>(integers[i]) / divisor);
    for (std::size_t i = 0; i < places.size(); ++i)
      std::memcpy(values + places[i], exceptions.data() + i * sizeof(Value), sizeof(Value));
  }
};

}  // namespace bench
