#include "codec/numbers/small_codes.h"

#include <algorithm>

namespace selvedge::codec {

namespace {

constexpr unsigned most_raw_bits = 57;

double cost(SmallCode code, std::span<const std::uint64_t> numbers) {
  double sum = 0;
  for (const std::uint64_t number : numbers) {
    const std::uint64_t high = number >> code.raw_bits();
    const unsigned ones = code.exponential() ? static_cast<unsigned>(std::bit_width(high + 1)) - 1
                                             : static_cast<unsigned>(std::min<std::uint64_t>(high, SmallWriter::escape));
    if (ones >= SmallWriter::escape)
      sum += SmallWriter::escape + 64;
    else
      sum += ones + 1 + code.raw_bits() + (code.exponential() ? ones : 0);
  }
  return sum;
}

}  // namespace

CodeChoice best_code(std::span<const std::uint64_t> numbers) {
  if (numbers.empty()) return {};
  double mean = 0;
  for (const std::uint64_t number : numbers) mean += static_cast<double>(number);
  mean /= static_cast<double>(numbers.size());
  // The best Rice parameter is near log2(0.69 * mean), the best Exp-Golomb one is not above it.
  unsigned near = 0;
  for (double limit = 1.0; near < most_raw_bits && mean * 0.69 > limit; limit *= 2) ++near;
  CodeChoice best{{}, 1e300};
  const auto consider = [&](SmallCode code) {
    const double bits = cost(code, numbers);
    if (bits < best.bits) best = {code, bits};
  };
  for (unsigned raw = near > 0 ? near - 1 : 0; raw <= std::min(near + 1, most_raw_bits); ++raw)
    consider({static_cast<std::uint8_t>(raw)});
  for (unsigned raw = near > 6 ? near - 6 : 0; raw <= near; ++raw) consider({static_cast<std::uint8_t>(raw | 64)});
  return best;
}

void SmallWriter::put(SmallCode code, std::uint64_t number) {
  const unsigned raw = code.raw_bits();
  const std::uint64_t high = number >> raw;
  const std::uint64_t ones = code.exponential() ? static_cast<unsigned>(std::bit_width(high + 1)) - 1u : high;
  if (ones >= escape) {
    bits((1u << escape) - 1, escape);
    bits(number & 0xFFFFFFFF, 32);
    bits(number >> 32, 32);
    return;
  }
  bits((1ull << ones) - 1, static_cast<unsigned>(ones) + 1);
  if (code.exponential()) bits(high + 1 - (1ull << ones), static_cast<unsigned>(ones));
  const std::uint64_t rest = number & ((1ull << raw) - 1);
  bits(rest & 0xFFFFFFFF, std::min(raw, 32u));
  if (raw > 32) bits(rest >> 32, raw - 32);
}

void SmallWriter::finish() {
  if (held_ > 0) out_->u8(static_cast<std::uint8_t>(bits_));
  held_ = 0;
  bits_ = 0;
}

void SmallWriter::bits(std::uint64_t value, unsigned count) {
  bits_ |= value << held_;
  held_ += count;
  for (; held_ >= 8; held_ -= 8, bits_ >>= 8) out_->u8(static_cast<std::uint8_t>(bits_));
}

}  // namespace selvedge::codec
