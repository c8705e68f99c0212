// Small codes: a list of non-negative numbers, mostly small, in few bits each and with next to no
// header: Rice codes (Rice and Plaunt, IEEE Trans. Comm., 1971) or Exp-Golomb codes (Teuhola, Inf.
// Proc. Letters, 1978), whichever is shorter; Exp-Golomb bears a few that are not small.

#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "base/wire.h"

namespace selvedge::codec {

// How a list is coded: bits 0-5 raw bits (0 to 57), bit 6 Exp-Golomb.
struct SmallCode {
  std::uint8_t byte = 0;
  unsigned raw_bits() const { return byte & 63; }
  bool exponential() const { return (byte & 64) != 0; }
  bool valid() const { return raw_bits() <= 57 && byte < 128; }
};

// The shortest code for the numbers, and how many bits they take in it.
struct CodeChoice {
  SmallCode code;
  double bits = 0;
};
CodeChoice best_code(std::span<const std::uint64_t> numbers);

// Packs lowest bit first. A quotient of `escape` or more is written as that many ones and the
// number itself in 64 bits, so that a strange number costs no long run.
class SmallWriter {
 public:
  static constexpr unsigned escape = 20;

  explicit SmallWriter(base::Writer& out) : out_(&out) {}
  void put(SmallCode code, std::uint64_t number);
  // The last byte, filled with zeros.
  void finish();

 private:
  void bits(std::uint64_t value, unsigned count);  // count <= 32

  base::Writer* out_;
  std::uint64_t bits_ = 0;
  unsigned held_ = 0;
};

// Takes whole bytes from the reader, as many as the numbers need. After a failure of the reader
// numbers are whatever they are: the caller asks the reader.
class SmallReader {
 public:
  explicit SmallReader(base::Reader& in) : in_(&in) {}

  std::uint64_t take(SmallCode code) {
    // No byte is taken before it is needed: what follows the list is not ours.
    unsigned ones = static_cast<unsigned>(std::countr_one(bits_));
    while (ones >= held_ && held_ < SmallWriter::escape && !in_->at_end()) {
      fill(held_ + 1);
      ones = static_cast<unsigned>(std::countr_one(bits_));
    }
    if (ones >= SmallWriter::escape) {
      drop(SmallWriter::escape);
      const std::uint64_t low = bits(32);
      return low | bits(32) << 32;
    }
    drop(ones + 1);
    if (!code.exponential()) return (static_cast<std::uint64_t>(ones) << code.raw_bits()) | bits64(code.raw_bits());
    const std::uint64_t high = (1ull << ones) - 1 + bits(ones);
    return (high << code.raw_bits()) + bits64(code.raw_bits());
  }

 private:
  void fill(unsigned count) {
    for (; held_ < count && !in_->at_end(); held_ += 8) bits_ |= static_cast<std::uint64_t>(in_->u8()) << held_;
  }
  void drop(unsigned count) {
    if (held_ < count) in_->raw(in_->remaining() + 1);  // past the end: the reader is broken
    bits_ >>= count;
    held_ = held_ < count ? 0 : held_ - count;
  }
  std::uint64_t bits(unsigned count) {  // count <= 32
    fill(count);
    const std::uint64_t value = bits_ & ((1ull << count) - 1);
    drop(count);
    return value;
  }
  std::uint64_t bits64(unsigned count) {
    if (count <= 32) return bits(count);
    const std::uint64_t low = bits(32);
    return low | bits(count - 32) << 32;
  }

  base::Reader* in_;
  std::uint64_t bits_ = 0;
  unsigned held_ = 0;
};

}  // namespace selvedge::codec
