// Bit coder: adaptive binary arithmetic coding of short streams whose symbols repeat themselves.
//
// Each decision has a model: the chance of a one in 65,536ths and how often it was asked; the n-th
// answer moves it by about 1/n, so that short streams learn quickly, and later by 1/128. The range
// is kept as two 32-bit ends whose equal top bytes are sent (Mahoney, "Data Compression Explained",
// 3.2.3). Zero bytes at the end are left out: a decoder reads zeros beyond it and so never fails;
// whoever uses it bounds what is asked. Layout: docs/spec/block.md.

#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace selvedge::codec {

struct BitRates {
  static constexpr unsigned slowest = 127;
  std::array<std::uint16_t, slowest + 1> of{};
  constexpr BitRates() {
    for (unsigned i = 0; i <= slowest; ++i) of[i] = static_cast<std::uint16_t>(65536u / (2 * i + 3));
  }
};
inline constexpr BitRates bit_rates;

struct BitModel {
  std::uint16_t one = 1 << 15;
  std::uint16_t seen = 0;

  void learn(bool bit) {
    const std::int32_t target = bit ? 65535 - 24 : 24;
    const std::int32_t by = (target - one) * bit_rates.of[seen];
    one = static_cast<std::uint16_t>(one + (by >> 15));
    seen = static_cast<std::uint16_t>(seen + (seen < BitRates::slowest));
  }
};

class BitEncoder {
 public:
  explicit BitEncoder(base::Bytes& out) : out_(&out), start_(out.size()) {}

  bool bit(BitModel& model, bool value) {
    split(model.one, value);
    model.learn(value);
    return value;
  }
  std::uint64_t bits(unsigned count, std::uint64_t value) {
    for (unsigned i = count; i > 0; --i) split(1 << 15, (value >> (i - 1) & 1) != 0);
    return value;
  }
  // The fewest bytes that lie inside of the range, zeros at the end left out.
  void finish() {
    for (unsigned kept = 0; kept <= 4; ++kept) {
      const std::uint32_t rest = kept == 4 ? 0 : 0xFFFFFFFFu >> (8 * kept);
      const std::uint64_t value = (std::uint64_t{low_} + rest) & ~std::uint64_t{rest};
      if (value > high_) continue;
      for (unsigned i = 0; i < kept; ++i) out_->push_back(static_cast<std::uint8_t>(value >> (24 - 8 * i)));
      break;
    }
    while (out_->size() > start_ && out_->back() == 0) out_->pop_back();
  }

 private:
  void split(std::uint32_t one, bool value) {
    const std::uint32_t middle = low_ + static_cast<std::uint32_t>(std::uint64_t{high_ - low_} * one >> 16);
    if (value) high_ = middle;
    else low_ = middle + 1;
    while (((low_ ^ high_) >> 24) == 0) {
      out_->push_back(static_cast<std::uint8_t>(high_ >> 24));
      low_ <<= 8;
      high_ = high_ << 8 | 255;
    }
  }

  base::Bytes* out_;
  std::size_t start_;
  std::uint32_t low_ = 0, high_ = 0xFFFFFFFF;
};

class BitDecoder {
 public:
  explicit BitDecoder(base::BytesView in) : at_(in.data()), end_(in.data() + in.size()) {
    for (int i = 0; i < 4; ++i) place_ = place_ << 8 | next();
  }

  // The value is for symmetry with the encoder; what was coded comes back.
  bool bit(BitModel& model, bool /*value*/ = false) {
    const bool value = split(model.one);
    model.learn(value);
    return value;
  }
  std::uint64_t bits(unsigned count, std::uint64_t /*value*/ = 0) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < count; ++i) value = value << 1 | static_cast<std::uint64_t>(split(1 << 15));
    return value;
  }

 private:
  bool split(std::uint32_t one) {
    const std::uint32_t middle = low_ + static_cast<std::uint32_t>(std::uint64_t{high_ - low_} * one >> 16);
    const bool value = place_ <= middle;
    if (value) high_ = middle;
    else low_ = middle + 1;
    while (((low_ ^ high_) >> 24) == 0) {
      low_ <<= 8;
      high_ = high_ << 8 | 255;
      place_ = place_ << 8 | next();
    }
    return value;
  }
  std::uint8_t next() { return at_ == end_ ? std::uint8_t{0} : *at_++; }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  std::uint32_t low_ = 0, high_ = 0xFFFFFFFF, place_ = 0;
};

// Integers of which small ones are frequent: how many bits they have, one decision each; the three
// bits below the highest with models of their own; the rest as they are.
struct IntegerModel {
  std::array<BitModel, 65> widths;
  std::array<std::array<BitModel, 8>, 65> tops;

  // Encodes `value`, or decodes and ignores it, as `coder` is the one or the other.
  template <typename Coder>
  std::uint64_t code(Coder& coder, std::uint64_t value = 0) {
    const unsigned given = static_cast<unsigned>(std::bit_width(value));
    unsigned width = 0;
    while (width < 64 && coder.bit(widths[width], given > width)) ++width;
    if (width < 2) return width;
    std::uint64_t found = 1;
    unsigned left = width - 1;
    for (unsigned node = 1; left > 0 && node < 8; --left) {
      const bool bit = coder.bit(tops[width][node], (value >> (left - 1) & 1) != 0);
      node = 2 * node + bit;
      found = found << 1 | bit;
    }
    return left == 0 ? found : found << left | coder.bits(left, value & ((std::uint64_t{1} << left) - 1));
  }
};

}  // namespace selvedge::codec
