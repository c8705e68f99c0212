// Rice: small non-negative integers as a unary quotient and some raw bits, packed lowest bit first.
//
// After Rice and Plaunt (IEEE Trans. Comm., 1971). A quotient of `rice_escape` or more is written as
// that many ones and the number itself in 64 bits, so that a foreign number costs no long run.

#pragma once

#include <bit>
#include <cstdint>

#include "base/wire.h"

namespace selvedge::codec {

inline constexpr unsigned rice_escape = 20;

class RiceWriter {
 public:
  explicit RiceWriter(base::Writer& out) : out_(&out) {}

  void put(std::uint64_t number, unsigned raw_bits) {
    const std::uint64_t quotient = number >> raw_bits;
    if (quotient >= rice_escape) {
      bits((1u << rice_escape) - 1, rice_escape);
      bits(number & 0xFFFFFFFF, 32);
      bits(number >> 32, 32);
      return;
    }
    bits((1u << quotient) - 1, static_cast<unsigned>(quotient) + 1);
    if (raw_bits > 32) {
      bits(number & 0xFFFFFFFF, 32);
      bits((number >> 32) & ((1ull << (raw_bits - 32)) - 1), raw_bits - 32);
    } else {
      bits(number & ((1ull << raw_bits) - 1), raw_bits);
    }
  }
  // The last byte, filled with zeros.
  void finish() {
    if (held_ > 0) out_->u8(static_cast<std::uint8_t>(bits_));
    held_ = 0;
    bits_ = 0;
  }

 private:
  void bits(std::uint64_t value, unsigned count) {  // count <= 32
    bits_ |= value << held_;
    held_ += count;
    for (; held_ >= 8; held_ -= 8, bits_ >>= 8) out_->u8(static_cast<std::uint8_t>(bits_));
  }

  base::Writer* out_;
  std::uint64_t bits_ = 0;
  unsigned held_ = 0;
};

// Takes whole bytes from the reader, as many as the numbers need.
class RiceReader {
 public:
  explicit RiceReader(base::Reader& in) : in_(&in) {}

  std::uint64_t take(unsigned raw_bits) {
    unsigned quotient = 0;
    while (quotient < rice_escape && bits(1) == 1) ++quotient;
    if (quotient == rice_escape) {
      const std::uint64_t low = bits(32);
      return low | bits(32) << 32;
    }
    std::uint64_t rest = 0;
    if (raw_bits > 32) {
      rest = bits(32);
      rest |= bits(raw_bits - 32) << 32;
    } else {
      rest = bits(raw_bits);
    }
    return (static_cast<std::uint64_t>(quotient) << raw_bits) | rest;
  }

 private:
  std::uint64_t bits(unsigned count) {  // count <= 32
    for (; held_ < count; held_ += 8) bits_ |= static_cast<std::uint64_t>(in_->u8()) << held_;
    const std::uint64_t value = bits_ & ((1ull << count) - 1);
    bits_ >>= count;
    held_ -= count;
    return value;
  }

  base::Reader* in_;
  std::uint64_t bits_ = 0;
  unsigned held_ = 0;
};

// The raw bits that suit numbers of this mean. 0 to 57.
inline unsigned rice_bits(double mean) {
  unsigned bits = 0;
  // The best parameter is near log2(0.69 * mean): a quotient of about 0.7 on average.
  for (double limit = 1.0; bits < 57 && mean * 0.69 > limit; limit *= 2) ++bits;
  return bits;
}

// What numbers of this mean cost each, if they fall off geometrically.
inline double rice_cost(double mean) {
  const unsigned bits = rice_bits(mean);
  return 1.5 + bits + mean / static_cast<double>(1ull << bits) * 0.75;
}

}  // namespace selvedge::codec
