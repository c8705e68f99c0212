// Fast plan: how the encoder of fast.h codes one group of up to 256 integers. Internal to the module.
//
// The order is the one whose numbers have the fewest bits in sum; the window is then searched for
// exactly: around the middle, from the smallest and to the largest number, for each width. The loops
// are plain and of constant length, so that compilers turn them into vector code; the plan is the
// same on every machine. Patched exceptions are an idea of PFor (Zukowski et al., ICDE 2006).

#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>

#include "codec/numbers/fast_layout.h"

namespace selvedge::codec {

// `Signed` is int32_t in a narrow group and int64_t in a wide one; all arithmetic wraps around.
template <typename Signed>
struct FastPlan {
  using Word = std::make_unsigned_t<Signed>;

  FastOrder order = FastOrder::differences;
  unsigned width = 0;
  Word low = 0;
  unsigned exceptions = 0;
  unsigned high_width = 0;
  bool signed_highs = false;
  std::size_t bits = SIZE_MAX;  // of the window and its exceptions
};

namespace fast_plan {

// Widths that can be written.
template <typename Signed>
inline unsigned allowed_width(unsigned width) {
  if constexpr (sizeof(Signed) == 4) return width;
  return width > fast_wide_width ? 64 : width;
}

template <typename Signed>
SELVEDGE_INLINE unsigned bits_of(std::make_unsigned_t<Signed> x) {
  return static_cast<unsigned>(std::bit_width(x));
}

// About the sum of the sizes in bits, seen from `centre`: of each number the exponent as a float.
template <typename Signed>
SELVEDGE_INLINE std::uint32_t size_in_bits(const Signed* x, std::size_t count, Signed centre) {
  using Word = std::make_unsigned_t<Signed>;
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto distance = static_cast<Signed>(static_cast<Word>(x[i]) - static_cast<Word>(centre));
    const float wide = static_cast<float>(distance) * 2.0F;  // so that 1 is more than 0
    const auto pattern = std::bit_cast<std::uint32_t>(wide) & 0x7FFFFFFFU;
    sum += std::max(pattern >> 23, 127U) - 127U;
  }
  return sum;
}

template <typename Signed>
SELVEDGE_INLINE std::uint32_t count_within(const Signed* x, std::size_t count,
                                           std::make_unsigned_t<Signed> low,
                                           std::make_unsigned_t<Signed> last) {
  using Word = std::make_unsigned_t<Signed>;
  Word inside = 0;
  for (std::size_t i = 0; i < count; ++i)
    inside += static_cast<Word>(static_cast<Word>(x[i]) - low) <= last ? Word{1} : Word{0};
  return static_cast<std::uint32_t>(inside);
}

// The middle of a few of them, without being led astray by outliers. Of differences it is zero as long as
// they go up and down.
template <typename Signed>
SELVEDGE_INLINE Signed middle(const Signed* x, std::size_t count, FastOrder order) {
  Signed sample[9];
  for (std::size_t i = 0; i < 9; ++i) sample[i] = x[(i * 2 + 1) * count / 18];
  for (std::size_t i = 1; i < 9; ++i)
    for (std::size_t j = i; j > 0 && sample[j - 1] > sample[j]; --j)
      std::swap(sample[j - 1], sample[j]);
  if (order != FastOrder::values && sample[1] <= 0 && sample[7] >= 0) return 0;
  return sample[4];
}

template <typename Signed>
struct Extent {
  Signed smallest;
  Signed largest;
};

template <typename Signed>
SELVEDGE_INLINE Extent<Signed> extent(const Signed* x, std::size_t count) {
  Signed smallest = x[0], largest = x[0];
  for (std::size_t i = 0; i < count; ++i) {
    smallest = std::min(smallest, x[i]);
    largest = std::max(largest, x[i]);
  }
  return {smallest, largest};
}

// Tries the window [low, low + 2^width) and keeps it in `best` if it is cheaper.
template <typename Signed>
SELVEDGE_INLINE std::size_t try_window(const Signed* x, std::size_t count, const Extent<Signed>& all,
                                       std::make_unsigned_t<Signed> low, unsigned width,
                                       FastPlan<Signed>& best) {
  using Word = std::make_unsigned_t<Signed>;
  const Word last = static_cast<Word>((Word{1} << width) - 1);
  const std::uint32_t exceptions =
      static_cast<std::uint32_t>(count) - count_within(x, count, low, last);
  if (exceptions == count) return exceptions;
  FastPlan<Signed> plan;
  plan.order = best.order;
  plan.width = width;
  plan.low = low;
  plan.exceptions = exceptions;
  plan.bits = count * width;
  if (exceptions > 0) {
    // Seen from `low`: what is above it, and how far others lie below, as their negative highs.
    const Signed top = static_cast<Signed>(static_cast<Word>(all.largest) - low) >> width;
    const Signed bottom = static_cast<Signed>(static_cast<Word>(all.smallest) - low) >> width;
    plan.signed_highs = bottom < 0;
    Word highest = top > 0 ? static_cast<Word>(top) : 0;
    if (plan.signed_highs) {
      const Word below = static_cast<Word>(~static_cast<Word>(bottom));
      highest = static_cast<Word>(std::max<Word>(static_cast<Word>(highest * 2),
                                                 static_cast<Word>(below * 2 + 1)));
    }
    plan.high_width = allowed_width<Signed>(bits_of<Signed>(static_cast<Word>(highest - 1)));
    const std::size_t positions = std::min<std::size_t>(exceptions, (count + 7) / 8);
    plan.bits += 16 + 8 * positions + 8 * packed_bytes(exceptions, plan.high_width);
  }
  if (plan.bits < best.bits) best = plan;
  return exceptions;
}

// The best window for `count` numbers of one order.
template <typename Signed>
SELVEDGE_INLINE void find_window(const Signed* x, std::size_t count, Signed centre,
                                 FastPlan<Signed>& best) {
  using Word = std::make_unsigned_t<Signed>;
  const Extent<Signed> all = extent(x, count);
  const auto smallest = static_cast<Word>(all.smallest), largest = static_cast<Word>(all.largest);
  const unsigned full = allowed_width<Signed>(bits_of<Signed>(static_cast<Word>(largest - smallest)));
  best.width = full;
  best.low = smallest;
  best.bits = count * full;
  // Numbers further apart would be on the wrong side of a window.
  if (static_cast<Word>(largest - smallest) >> (sizeof(Word) * 8 - 2) != 0) return;
  constexpr unsigned widest = sizeof(Signed) == 4 ? fast_narrow_width : fast_wide_width;
  for (unsigned width = std::min(full, widest + 1); width-- > 0;) {
    const auto half = static_cast<Word>(half_window(width));
    const auto low = static_cast<Word>(static_cast<Word>(centre) - half);
    std::size_t fewest = try_window(x, count, all, low, width, best);
    // A narrow window has a middle of two numbers, and which one matters.
    if (width > 0 && width < 4)
      fewest = std::min(fewest, try_window(x, count, all, static_cast<Word>(low + 1), width, best));
    if (low != smallest) fewest = std::min(fewest, try_window(x, count, all, smallest, width, best));
    if (fewest * 8 > count * 7) break;
  }
}

// Plans `count` numbers given in all three orders, as `x[order]`. Sizes alone are a good guess which order
// is the best, and where they are close, the windows tell.
template <typename Signed>
SELVEDGE_INLINE FastPlan<Signed> choose(const Signed (&x)[3][fast_group], std::size_t count) {
  Signed centres[3];
  std::uint32_t sizes[3];
  for (unsigned k = 0; k < 3; ++k) {
    centres[k] = middle(x[k], count, static_cast<FastOrder>(k));
    sizes[k] = size_in_bits(x[k], count, centres[k]);
  }
  const std::uint32_t least = std::min({sizes[0], sizes[1], sizes[2]});
  FastPlan<Signed> best;
  for (unsigned k = 0; k < 3; ++k) {
    if (sizes[k] > least + count) continue;
    FastPlan<Signed> plan;
    plan.order = static_cast<FastOrder>(k);
    find_window(x[k], count, centres[k], plan);
    if (plan.bits < best.bits) best = plan;
  }
  return best;
}

}  // namespace fast_plan
}  // namespace selvedge::codec
