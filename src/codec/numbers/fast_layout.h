// Fast layout: what the encoder, the decoder and the kernels of fast.h share. Internal to the
// module.
//
// Integers go in groups of 256. A group says its order (values, differences, differences of
// differences), whether its arithmetic is modulo 2^32 or 2^64, and a window [low, low + 2^width):
// what lies inside is packed in `width` bits, what does not is an exception and has its high bits
// packed beside. docs/spec/block.md, "Fast integers", has the bits.

#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

// Into functions that are compiled for one kind of processor.
#define SELVEDGE_INLINE [[gnu::always_inline]] inline

namespace selvedge::codec {

inline constexpr std::size_t fast_group = 256;
inline constexpr std::size_t fast_slack = 64;  // bytes that a kernel may read behind its input
// Bytes of an encoded group at most: headers, exceptions, packed numbers.
inline constexpr std::size_t fast_group_bytes =
    42 + fast_group / 8 + 2 * fast_group * 8 + fast_slack;
inline constexpr unsigned fast_narrow_width = 25;  // bits; so that a value lies within four bytes
inline constexpr unsigned fast_wide_width = 57;    // and within eight; beyond it there is only 64
inline constexpr unsigned fast_no_width = 63;      // how 64 is written in six bits

enum class FastOrder : std::uint8_t { values = 0, differences = 1, second_differences = 2 };

inline std::size_t packed_bytes(std::size_t count, unsigned width) {
  return (count * width + 7) / 8;
}

// Positions of exceptions are bytes while that is shorter than a bitmap.
inline bool exceptions_are_a_bitmap(std::size_t exceptions, std::size_t count) {
  return exceptions >= (count + 7) / 8;
}

// Half of the window: a group keeps the middle of its window, which is near zero, not its start.
inline std::uint64_t half_window(unsigned width) {
  return width == 0 ? 0 : std::uint64_t{1} << (width - 1);
}

// High bits of an exception: never zero, therefore one less; zigzag if some lie below the window.
template <typename Word>
inline Word high_bits(Word coded, bool is_signed) {
  const Word high = coded + 1;
  return is_signed ? (high >> 1) ^ (Word{0} - (high & 1)) : high;
}

template <typename Word>
inline Word coded_high(std::make_signed_t<Word> high, bool is_signed) {
  const Word zigzag = (static_cast<Word>(high) << 1) ^ (high < 0 ? ~Word{0} : Word{0});
  return (is_signed ? zigzag : static_cast<Word>(high)) - 1;
}

// For paths that permute within 16 bytes: where the bytes of the numbers from `first` on are, in
// the 16 bytes that begin where that number does, and how many bits lie in front of each.
template <typename Word>
struct SixteenBytes {
  static constexpr unsigned lanes = 16 / sizeof(Word);
  std::uint8_t bytes[16];
  Word shifts[lanes];

  SixteenBytes(unsigned width, unsigned first) {
    for (unsigned lane = 0; lane < lanes; ++lane) {
      const unsigned bit = first * width % 8 + lane * width;
      shifts[lane] = bit % 8;
      for (unsigned k = 0; k < sizeof(Word); ++k)
        bytes[lane * sizeof(Word) + k] = static_cast<std::uint8_t>(bit / 8 + k);
    }
  }
};

}  // namespace selvedge::codec
