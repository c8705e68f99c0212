// Bits, most significant first, for the simple schemes.

#pragma once

#include <cstdint>
#include <span>

#include "codec/codec.h"

namespace bench {

class BitWriter {
 public:
  explicit BitWriter(Bytes& out) : out_(out) {}
  void put(std::uint64_t value, unsigned bits) {
    if (bits > 32) {
      put(value >> 32, bits - 32);
      bits = 32;
    }
    held_ = (held_ << bits) | (value & ((1ULL << bits) - 1));
    for (count_ += bits; count_ >= 8;) {
      count_ -= 8;
      out_.push_back(static_cast<std::uint8_t>(held_ >> count_));
    }
  }
  void finish() {
    if (count_ > 0) out_.push_back(static_cast<std::uint8_t>(held_ << (8 - count_)));
    count_ = 0;
  }

 private:
  Bytes& out_;
  std::uint64_t held_ = 0;
  unsigned count_ = 0;
};

class BitReader {
 public:
  explicit BitReader(std::span<const std::uint8_t> in) : at_(in.data()), end_(in.data() + in.size()) {}
  std::uint64_t get(unsigned bits) {
    if (bits == 0) return 0;
    if (bits > 32) {
      const std::uint64_t high = get(bits - 32);
      return (high << 32) | get(32);
    }
    for (; count_ < bits; count_ += 8) held_ = (held_ << 8) | (at_ < end_ ? *at_++ : 0);
    count_ -= bits;
    return (held_ >> count_) & ((1ULL << bits) - 1);
  }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  std::uint64_t held_ = 0;
  unsigned count_ = 0;
};

}  // namespace bench
