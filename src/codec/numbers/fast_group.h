// Fast group: one group of the encoder of fast.h as bytes. Internal to the module.
//
// Everything here is inlined into one function for each path of fast_paths.h, so that it is
// compiled for the registers of that path. All of them write the same bytes: docs/spec/block.md,
// "Fast integers".

#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "base/wire.h"
#include "codec/numbers/fast_layout.h"
#include "codec/numbers/fast_plan.h"

namespace selvedge::codec::fast_encoder {

// Writes bits without a branch: whole words are stored, the next store begins in the last byte.
class BitWriter {
 public:
  explicit BitWriter(std::uint8_t* at) : at_(at) {}

  // At most 57 bits.
  SELVEDGE_INLINE void put(std::uint64_t value, unsigned bits) {
    held_ |= value << fill_;
    std::memcpy(at_, &held_, sizeof held_);
    fill_ += bits;
    at_ += fill_ / 8;
    held_ = fill_ / 8 == 8 ? 0 : held_ >> (fill_ / 8 * 8);
    fill_ %= 8;
  }
  std::uint8_t* end() const { return at_ + (fill_ > 0 ? 1 : 0); }

 private:
  std::uint8_t* at_;
  std::uint64_t held_ = 0;
  unsigned fill_ = 0;
};

SELVEDGE_INLINE void store(std::uint8_t* at, std::uint64_t word) {
  std::memcpy(at, &word, sizeof word);
}

// Eight numbers are `width` bytes. A word that does not begin at a byte takes the bits of the word
// before along, so that each store overwrites nothing but zeros.
SELVEDGE_INLINE std::uint8_t* pack_eight(const std::uint64_t* pairs, unsigned width,
                                         std::uint8_t* at) {
  const unsigned two = 2 * width, four = 4 * width, six = 6 * width;
  if (width <= 15) {
    const std::uint64_t first = pairs[0] | pairs[1] << two, second = pairs[2] | pairs[3] << two;
    store(at, first);
    store(at + four / 8, first >> (four / 8 * 8) | second << four % 8);
    return at + width;
  }
  const std::uint64_t second = pairs[0] >> (two / 8 * 8) | pairs[1] << two % 8;
  const std::uint64_t third = second >> ((four / 8 - two / 8) * 8) | pairs[2] << four % 8;
  const std::uint64_t fourth = third >> ((six / 8 - four / 8) * 8) | pairs[3] << six % 8;
  store(at, pairs[0]);
  store(at + two / 8, second);
  store(at + four / 8, third);
  store(at + six / 8, fourth);
  return at + width;
}

// Packs the lowest `width` bits of each number.
template <typename Word>
SELVEDGE_INLINE std::uint8_t* pack(const Word* u, std::size_t count, unsigned width,
                                   std::uint8_t* at) {
  if (width == 0) return at;
  if constexpr (sizeof(Word) == 8) {
    if (width > fast_wide_width) {
      std::memcpy(at, u, count * sizeof(Word));
      return at + count * sizeof(Word);
    }
  }
  const std::uint64_t mask = (std::uint64_t{1} << width) - 1;
  std::size_t i = 0;
  if (sizeof(Word) == 4 && width <= 25) {
    std::uint64_t pairs[fast_group / 2];
    for (std::size_t k = 0; k < count / 2; ++k) {
      std::uint64_t pair;
      std::memcpy(&pair, u + 2 * k, sizeof pair);
      pairs[k] = (pair & mask) | (pair >> 32 & mask) << width;
    }
    for (; i + 8 <= count; i += 8) at = pack_eight(pairs + i / 2, width, at);
  }
  BitWriter out(at);
  for (; i < count; ++i) out.put(u[i] & mask, width);
  return out.end();
}

SELVEDGE_INLINE std::uint8_t* put_varint(std::uint8_t* at, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<std::uint8_t>(value | 0x80);
  *at++ = static_cast<std::uint8_t>(value);
  return at;
}

template <typename Signed>
SELVEDGE_INLINE std::uint8_t* put_signed(std::uint8_t* at, std::make_unsigned_t<Signed> value) {
  return put_varint(at, base::zigzag(static_cast<Signed>(value)));
}

inline std::uint8_t width_code(unsigned width) {
  return static_cast<std::uint8_t>(width == 64 ? fast_no_width : width);
}

// Exceptions of the group: how many, their width, where, and their high bits.
template <typename Scans, typename Signed>
SELVEDGE_INLINE std::uint8_t* put_exceptions(const FastPlan<Signed>& plan,
                                             const std::make_unsigned_t<Signed>* u,
                                             std::size_t count, std::uint8_t* at) {
  using Word = std::make_unsigned_t<Signed>;
  *at++ = static_cast<std::uint8_t>(plan.exceptions);
  *at++ = static_cast<std::uint8_t>(width_code(plan.high_width) | (plan.signed_highs ? 0x40 : 0));
  std::uint8_t bitmap[fast_group / 8];
  Word coded[fast_group + 16];
  const std::size_t bytes = (count + 7) / 8;
  const std::size_t found =
      Scans::exceptions(u, count, plan.width, plan.signed_highs, bitmap, coded);
  if (exceptions_are_a_bitmap(found, count)) {
    std::memcpy(at, bitmap, bytes);
    at += bytes;
  } else {
    for (std::size_t i = 0; i < count; i += 8)
      for (unsigned bits = bitmap[i / 8]; bits != 0; bits &= bits - 1)
        *at++ = static_cast<std::uint8_t>(i + static_cast<unsigned>(std::countr_zero(bits)));
  }
  return pack(coded, found, plan.high_width, at);
}

// One group in one kind of arithmetic. `before` and `slope` are the integer before the group and
// the difference that led to it; in the first group they are for the encoder to choose. Null if its
// numbers are too large for narrow arithmetic.
template <typename Scans, typename Signed>
SELVEDGE_INLINE std::uint8_t* put_group(const std::int64_t* values, std::size_t count,
                                        std::uint64_t before, std::uint64_t slope, bool is_first,
                                        std::uint8_t* at) {
  using Word = std::make_unsigned_t<Signed>;
  constexpr bool is_wide = sizeof(Signed) == 8;
  Signed x[3][fast_group];
  Word u[fast_group];
  for (std::size_t i = 0; i < count; ++i)
    x[0][i] =
        static_cast<Signed>(static_cast<Word>(static_cast<std::uint64_t>(values[i]) - before));
  Scans::differences(x[0], count, Word{0}, x[1]);
  if (is_first) x[1][0] = count > 1 ? x[1][1] : 0;
  Scans::differences(x[1], count, static_cast<Word>(slope), x[2]);
  if (is_first) {
    x[2][0] = count > 2 ? x[2][2] : 0;
    if (count > 1) x[2][1] = x[2][0];
  }
  const FastPlan<Signed> plan = fast_plan::choose<Scans>(x, count);
  if (!is_wide && std::max(plan.width, plan.high_width) > fast_narrow_width) return nullptr;
  const auto order = static_cast<unsigned>(plan.order);
  const auto has_exceptions = static_cast<unsigned>(plan.exceptions > 0);

  if (is_first) {
    // The integer before the first, such that the first number of the order chosen is an ordinary
    // one.
    std::uint64_t start = static_cast<std::uint64_t>(values[0]);
    if (order == 1) start -= static_cast<std::uint64_t>(std::int64_t{x[1][0]});
    if (order == 2) {
      const auto second = static_cast<std::uint64_t>(std::int64_t{x[2][0]});
      const std::uint64_t step =
          count > 1 ? static_cast<std::uint64_t>(values[1]) - static_cast<std::uint64_t>(values[0])
                    : 0;
      const std::uint64_t first_step = step - (count > 1 ? second : 0);
      start -= first_step;
      slope = first_step - second;
    }
    at = put_signed<std::int64_t>(at, start);
  }
  if constexpr (is_wide) {
    *at++ = static_cast<std::uint8_t>(3U << 5 | has_exceptions << 7);
    *at++ = static_cast<std::uint8_t>(width_code(plan.width) | order << 6);
  } else {
    *at++ = static_cast<std::uint8_t>(plan.width | order << 5 | has_exceptions << 7);
  }
  at = put_signed<Signed>(at,
                          static_cast<Word>(plan.low + static_cast<Word>(half_window(plan.width))));
  if (is_first && order == 2) at = put_signed<std::int64_t>(at, slope);

  for (std::size_t i = 0; i < count; ++i)
    u[i] = static_cast<Word>(static_cast<Word>(x[order][i]) - plan.low);
  if (has_exceptions != 0) at = put_exceptions<Scans>(plan, u, count, at);
  return pack(u, count, plan.width, at);
}

// Whether all integers of the group are so near to the one before that 32 bits suffice for any
// order.
SELVEDGE_INLINE bool is_narrow(const std::int64_t* values, std::size_t count,
                               std::uint64_t before) {
  constexpr std::uint64_t reach = std::uint64_t{1} << 27;
  std::uint64_t beyond = 0;
  for (std::size_t i = 0; i < count; ++i)
    beyond |= (static_cast<std::uint64_t>(values[i]) - before + reach) & ~(2 * reach - 1);
  return beyond == 0;
}

template <typename Scans>
SELVEDGE_INLINE std::uint8_t* put_any_group(const std::int64_t* values, std::size_t count,
                                            bool is_first, std::uint8_t* at) {
  const auto before = static_cast<std::uint64_t>(is_first ? values[0] : values[-1]);
  const std::uint64_t slope = is_first ? 0 : before - static_cast<std::uint64_t>(values[-2]);
  if (is_narrow(values, count, before))
    if (auto* end = put_group<Scans, std::int32_t>(values, count, before, slope, is_first, at))
      return end;
  return put_group<Scans, std::int64_t>(values, count, before, slope, is_first, at);
}

// A full group has a length that the compiler knows, and that makes vector code of the loops.
template <typename Scans>
SELVEDGE_INLINE std::uint8_t* put_group_of(const std::int64_t* values, std::size_t count,
                                           bool is_first, std::uint8_t* at) {
  if (count == 0) return at;
  if (count == fast_group) return put_any_group<Scans>(values, fast_group, is_first, at);
  return put_any_group<Scans>(values, count, is_first, at);
}

}  // namespace selvedge::codec::fast_encoder
