// Fast group: one group of the encoder of fast.h as bytes. Internal to the module.
//
// Everything here is inlined into one function for each path of fast_paths.h, so that it is compiled for
// the registers of that path. All of them write the same bytes: docs/spec/block.md, "Fast integers".

#pragma once

#include <algorithm>
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

// Packs the lowest `width` bits of each number.
template <typename Word>
SELVEDGE_INLINE std::uint8_t* pack(const Word* u, std::size_t count, unsigned width, std::uint8_t* at) {
  if (width == 0) return at;
  BitWriter out(at);
  if (width > fast_wide_width) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t word = u[i];
      out.put(word & 0xFFFFFFFF, 32);
      out.put(word >> 32, 32);
    }
    return out.end();
  }
  const std::uint64_t mask = (std::uint64_t{1} << width) - 1;
  std::size_t i = 0;
  if (width <= 14) {
    for (; i + 4 <= count; i += 4)
      out.put((u[i] & mask) | (u[i + 1] & mask) << width | (u[i + 2] & mask) << (2 * width) |
                  (u[i + 3] & mask) << (3 * width),
              4 * width);
  } else if (width <= 28) {
    for (; i + 2 <= count; i += 2) out.put((u[i] & mask) | (u[i + 1] & mask) << width, 2 * width);
  }
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
template <typename Signed>
SELVEDGE_INLINE std::uint8_t* put_exceptions(const FastPlan<Signed>& plan,
                                             const std::make_unsigned_t<Signed>* u,
                                             std::size_t count, std::uint8_t* at) {
  using Word = std::make_unsigned_t<Signed>;
  *at++ = static_cast<std::uint8_t>(plan.exceptions);
  *at++ = static_cast<std::uint8_t>(width_code(plan.high_width) | (plan.signed_highs ? 0x40 : 0));
  Word highs[fast_group + 1];
  std::uint8_t places[fast_group + 1];
  std::size_t found = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto high = static_cast<Signed>(static_cast<Signed>(u[i]) >> plan.width);
    const Word coded = plan.signed_highs ? static_cast<Word>((static_cast<Word>(high) << 1) ^
                                                             static_cast<Word>(high < 0 ? ~Word{0} : Word{0}))
                                         : static_cast<Word>(high);
    places[found] = static_cast<std::uint8_t>(i);
    highs[found] = static_cast<Word>(coded - 1);
    found += high != 0 ? 1 : 0;
  }
  if (exceptions_are_a_bitmap(found, count)) {
    std::memset(at, 0, (count + 7) / 8);
    for (std::size_t i = 0; i < found; ++i)
      at[places[i] / 8] = static_cast<std::uint8_t>(at[places[i] / 8] | 1 << places[i] % 8);
    at += (count + 7) / 8;
  } else {
    std::memcpy(at, places, found);
    at += found;
  }
  return pack(highs, found, plan.high_width, at);
}

// One group in one kind of arithmetic. `before` and `slope` are the integer before the group and the
// difference that led to it; in the first group they are for the encoder to choose. Null if its numbers
// are too large for narrow arithmetic.
template <typename Signed>
SELVEDGE_INLINE std::uint8_t* put_group(const std::int64_t* values, std::size_t count,
                                        std::uint64_t before, std::uint64_t slope, bool is_first,
                                        std::uint8_t* at) {
  using Word = std::make_unsigned_t<Signed>;
  constexpr bool is_wide = sizeof(Signed) == 8;
  Signed x[3][fast_group];
  Word u[fast_group];
  for (std::size_t i = 0; i < count; ++i)
    x[0][i] = static_cast<Signed>(static_cast<Word>(static_cast<std::uint64_t>(values[i]) - before));
  x[1][0] = x[0][0];
  for (std::size_t i = 1; i < count; ++i)
    x[1][i] = static_cast<Signed>(static_cast<Word>(x[0][i]) - static_cast<Word>(x[0][i - 1]));
  if (is_first) x[1][0] = count > 1 ? x[1][1] : 0;
  x[2][0] = static_cast<Signed>(static_cast<Word>(x[1][0]) - static_cast<Word>(slope));
  for (std::size_t i = 1; i < count; ++i)
    x[2][i] = static_cast<Signed>(static_cast<Word>(x[1][i]) - static_cast<Word>(x[1][i - 1]));
  if (is_first) {
    x[2][0] = count > 2 ? x[2][2] : 0;
    if (count > 1) x[2][1] = x[2][0];
  }
  const FastPlan<Signed> plan = fast_plan::choose(x, count);
  if (!is_wide && std::max(plan.width, plan.high_width) > fast_narrow_width) return nullptr;
  const auto order = static_cast<unsigned>(plan.order);
  const auto has_exceptions = static_cast<unsigned>(plan.exceptions > 0);

  if (is_first) {
    // The integer before the first, such that the first number of the order chosen is an ordinary one.
    std::uint64_t start = static_cast<std::uint64_t>(values[0]);
    if (order == 1) start -= static_cast<std::uint64_t>(std::int64_t{x[1][0]});
    if (order == 2) {
      const auto second = static_cast<std::uint64_t>(std::int64_t{x[2][0]});
      const std::uint64_t step =
          count > 1 ? static_cast<std::uint64_t>(values[1]) - static_cast<std::uint64_t>(values[0]) : 0;
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
  at = put_signed<Signed>(at, static_cast<Word>(plan.low + static_cast<Word>(half_window(plan.width))));
  if (is_first && order == 2) at = put_signed<std::int64_t>(at, slope);

  for (std::size_t i = 0; i < count; ++i) u[i] = static_cast<Word>(static_cast<Word>(x[order][i]) - plan.low);
  if (has_exceptions != 0) at = put_exceptions(plan, u, count, at);
  return pack(u, count, plan.width, at);
}

// Whether all integers of the group are so near to the one before that 32 bits suffice for any order.
SELVEDGE_INLINE bool is_narrow(const std::int64_t* values, std::size_t count, std::uint64_t before) {
  constexpr std::uint64_t reach = std::uint64_t{1} << 27;
  std::uint64_t beyond = 0;
  for (std::size_t i = 0; i < count; ++i)
    beyond |= (static_cast<std::uint64_t>(values[i]) - before + reach) & ~(2 * reach - 1);
  return beyond == 0;
}

SELVEDGE_INLINE std::uint8_t* put_any_group(const std::int64_t* values, std::size_t count,
                                            bool is_first, std::uint8_t* at) {
  const auto before = static_cast<std::uint64_t>(is_first ? values[0] : values[-1]);
  const std::uint64_t slope = is_first ? 0 : before - static_cast<std::uint64_t>(values[-2]);
  if (is_narrow(values, count, before))
    if (auto* end = put_group<std::int32_t>(values, count, before, slope, is_first, at)) return end;
  return put_group<std::int64_t>(values, count, before, slope, is_first, at);
}

// A full group has a length that the compiler knows, and that makes vector code of the loops.
SELVEDGE_INLINE std::uint8_t* put_group_of(const std::int64_t* values, std::size_t count, bool is_first,
                                      std::uint8_t* at) {
  if (count == 0) return at;
  if (count == fast_group) return put_any_group(values, fast_group, is_first, at);
  return put_any_group(values, count, is_first, at);
}

}  // namespace selvedge::codec::fast_encoder
