// Bits, lowest first: written into bytes, and read at any place of a padded buffer.

#pragma once

#include <cstdint>
#include <cstring>

#include "base/bytes.h"

namespace selvedge::codec {

class BitWriter {
 public:
  explicit BitWriter(base::Bytes& out) : out_(&out) {}

  // `count` at most 57; `value` below 2^count.
  void put(std::uint64_t value, unsigned count) {
    held_ |= value << filled_;
    filled_ += count;
    while (filled_ >= 8) {
      out_->push_back(static_cast<std::uint8_t>(held_));
      held_ >>= 8;
      filled_ -= 8;
    }
  }
  // `count` at most 64.
  void put_long(std::uint64_t value, unsigned count) {
    if (count > 32) {
      put(value & 0xFFFFFFFF, 32);
      put(value >> 32, count - 32);
    } else {
      put(value, count);
    }
  }
  void finish() {
    if (filled_ > 0) out_->push_back(static_cast<std::uint8_t>(held_));
    held_ = 0;
    filled_ = 0;
  }

 private:
  base::Bytes* out_;
  std::uint64_t held_ = 0;
  unsigned filled_ = 0;
};

// The buffer must go on for 8 bytes behind the place. `count` at most 57.
inline std::uint64_t bits_at(const std::uint8_t* bytes, std::size_t place, unsigned count) {
  std::uint64_t word;
  std::memcpy(&word, bytes + place / 8, sizeof word);
  return (word >> (place % 8)) & ((std::uint64_t{1} << count) - 1);
}

inline std::uint64_t long_bits_at(const std::uint8_t* bytes, std::size_t place, unsigned count) {
  if (count <= 32) return bits_at(bytes, place, count);
  return bits_at(bytes, place, 32) | bits_at(bytes, place + 32, count - 32) << 32;
}

}  // namespace selvedge::codec
