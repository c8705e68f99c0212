// Fast plan: how the encoder of fast.h codes one group of up to 256 integers. Internal to the
// module.
//
// The order is the one whose numbers have the fewest bits in sum; the window is then searched for
// exactly: around the middle, from the smallest and to the largest number, for each width. The
// loops are plain and of constant length, so that compilers turn them into vector code; the plan is
// the same on every machine. Patched exceptions are an idea of PFor (Zukowski et al., ICDE 2006).

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

template <typename Signed>
struct Extent {
  Signed smallest;
  Signed largest;
};

// How a window lies around a number.
enum class Anchor : std::uint8_t {
  middle,        // [number - 2^(width - 1), number + 2^(width - 1)), or the number alone
  lower_middle,  // one further up
  start,         // [number, number + 2^width)
};

// The narrowest window of its kind that holds x.
template <Anchor anchor, typename Signed>
SELVEDGE_INLINE unsigned needed_width(Signed x, Signed number) {
  using Word = std::make_unsigned_t<Signed>;
  auto distance = static_cast<Word>(static_cast<Word>(x) - static_cast<Word>(number));
  if (anchor == Anchor::start) return bits_of<Signed>(distance);
  if (anchor == Anchor::lower_middle) distance = static_cast<Word>(Word{0} - distance);
  const bool is_below = static_cast<Signed>(distance) < 0;
  const unsigned bits = bits_of<Signed>(static_cast<Word>(is_below ? ~distance : distance));
  return distance == 0 ? 0 : bits + 1;
}

// The loops over a group, in plain C++. A path can have its own, with the same results.
struct PlainScans {
  // How many numbers need which width.
  class Widths {
   public:
    template <Anchor anchor, typename Signed>
    SELVEDGE_INLINE void measure(const Signed* x, std::size_t count, Signed number) {
      std::uint16_t needing[66] = {};
      for (std::size_t i = 0; i < count; ++i) ++needing[needed_width<anchor>(x[i], number)];
      std::uint32_t inside = 0;
      sum_ = 0;
      for (unsigned width = 0; width <= 64; ++width) {
        sum_ += needing[width] * width;
        inside += needing[width];
        within_[width] = static_cast<std::uint16_t>(inside);
      }
    }
    SELVEDGE_INLINE std::uint32_t within(unsigned width) const { return within_[width]; }
    SELVEDGE_INLINE std::uint32_t sum() const { return sum_; }

   private:
    std::uint16_t within_[65];
    std::uint32_t sum_;
  };

  // x[i] - x[i - 1]; `before` stands in front of the first.
  template <typename Signed>
  SELVEDGE_INLINE static void differences(const Signed* x, std::size_t count,
                                          std::make_unsigned_t<Signed> before, Signed* to) {
    using Word = std::make_unsigned_t<Signed>;
    to[0] = static_cast<Signed>(static_cast<Word>(x[0]) - before);
    for (std::size_t i = 1; i < count; ++i)
      to[i] = static_cast<Signed>(static_cast<Word>(x[i]) - static_cast<Word>(x[i - 1]));
  }

  template <typename Signed>
  SELVEDGE_INLINE static Extent<Signed> extent(const Signed* x, std::size_t count) {
    Signed smallest = x[0], largest = x[0];
    for (std::size_t i = 0; i < count; ++i) {
      smallest = x[i] < smallest ? x[i] : smallest;
      largest = x[i] > largest ? x[i] : largest;
    }
    return {smallest, largest};
  }

  // Marks in `bitmap` which numbers do not fit in `width` bits, and puts their high bits into
  // `coded`, in the form of fast_layout.h. Both are long enough for a group and a register. Returns
  // how many.
  template <typename Word>
  SELVEDGE_INLINE static std::size_t exceptions(const Word* u, std::size_t count, unsigned width,
                                                bool is_signed, std::uint8_t* bitmap, Word* coded) {
    using Signed = std::make_signed_t<Word>;
    for (std::size_t i = 0; i < count; i += 8) {
      unsigned bits = 0;
      for (std::size_t k = i; k < std::min(i + 8, count); ++k)
        bits |= (static_cast<Signed>(u[k]) >> width != 0 ? 1U : 0U) << (k - i);
      bitmap[i / 8] = static_cast<std::uint8_t>(bits);
    }
    return code_marked(u, count, width, is_signed, bitmap, coded);
  }

  template <typename Word>
  SELVEDGE_INLINE static std::size_t code_marked(const Word* u, std::size_t count, unsigned width,
                                                 bool is_signed, const std::uint8_t* bitmap,
                                                 Word* coded) {
    using Signed = std::make_signed_t<Word>;
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; i += 8)
      for (unsigned bits = bitmap[i / 8]; bits != 0; bits &= bits - 1) {
        const Signed high =
            static_cast<Signed>(u[i + static_cast<unsigned>(std::countr_zero(bits))]) >> width;
        coded[found++] = coded_high<Word>(high, is_signed);
      }
    return found;
  }
};

template <typename Signed>
SELVEDGE_INLINE void sort_two(Signed& a, Signed& b) {
  const Signed smaller = a < b ? a : b;
  b = a < b ? b : a;
  a = smaller;
}

// The middle of nine of them, without being led astray by outliers. Of differences it is zero as
// long as they go up and down. The median of medians of three is near enough, and has no branches.
template <typename Signed>
SELVEDGE_INLINE Signed middle(const Signed* x, std::size_t count, FastOrder order) {
  Signed sample[9];
  unsigned up = 0, down = 0;
  for (std::size_t i = 0; i < 9; ++i) {
    sample[i] = x[(i * 2 + 1) * count / 18];
    up += sample[i] >= 0 ? 1 : 0;
    down += sample[i] <= 0 ? 1 : 0;
  }
  if (order != FastOrder::values && up > 1 && down > 1) return 0;
  for (std::size_t i = 0; i < 9; i += 3) {
    sort_two(sample[i], sample[i + 1]);
    sort_two(sample[i + 1], sample[i + 2]);
    sort_two(sample[i], sample[i + 1]);
  }
  sort_two(sample[1], sample[4]);
  sort_two(sample[4], sample[7]);
  sort_two(sample[1], sample[4]);
  return sample[4];
}

// Tries the window [low, low + 2^width), which holds `inside` of the numbers, and keeps it in
// `best` if it is cheaper. Returns its bits.
template <typename Signed>
SELVEDGE_INLINE std::size_t try_window(std::size_t count, const Extent<Signed>& all,
                                       std::make_unsigned_t<Signed> low, unsigned width,
                                       std::uint32_t inside, FastPlan<Signed>& best) {
  using Word = std::make_unsigned_t<Signed>;
  if (inside == 0) return SIZE_MAX;
  const std::uint32_t exceptions = static_cast<std::uint32_t>(count) - inside;
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
      highest = static_cast<Word>(
          std::max<Word>(static_cast<Word>(highest * 2), static_cast<Word>(below * 2 + 1)));
    }
    plan.high_width = allowed_width<Signed>(bits_of<Signed>(static_cast<Word>(highest - 1)));
    const std::size_t positions = std::min<std::size_t>(exceptions, (count + 7) / 8);
    plan.bits += 16 + 8 * positions + 8 * packed_bytes(exceptions, plan.high_width);
  }
  if (plan.bits < best.bits) best = plan;
  return plan.bits;
}

// The best window for `count` numbers of one order, whose widths around `centre` are known: from
// about the mean width upwards and downwards for as long as it can become better.
template <typename Scans, typename Signed>
SELVEDGE_INLINE void find_window(const Signed* x, std::size_t count, Signed centre,
                                 const typename Scans::Widths& around, FastPlan<Signed>& best) {
  using Word = std::make_unsigned_t<Signed>;
  const Extent<Signed> all = Scans::extent(x, count);
  const auto smallest = static_cast<Word>(all.smallest);
  const auto range = static_cast<Word>(static_cast<Word>(all.largest) - smallest);
  const unsigned full = allowed_width<Signed>(bits_of<Signed>(range));
  best.width = full;
  best.low = smallest;
  best.bits = count * full;
  // Numbers further apart would be on the wrong side of a window.
  if (full == 0 || range >> (sizeof(Word) * 8 - 2) != 0) return;
  typename Scans::Widths above, shifted;
  // A window from the smallest number on is for numbers that lie to one side.
  const bool is_lopsided = static_cast<Word>(static_cast<Word>(centre) - smallest) <= range / 4;
  if (is_lopsided) above.template measure<Anchor::start>(x, count, all.smallest);
  bool has_shifted = false;
  const auto try_width = [&](unsigned width) {
    const auto low =
        static_cast<Word>(static_cast<Word>(centre) - static_cast<Word>(half_window(width)));
    const std::uint32_t inside = around.within(width),
                        inside_above = is_lopsided ? above.within(width) : 0;
    std::size_t bits = try_window(count, all, low, width, inside, best);
    if (is_lopsided && inside_above >= inside)
      bits = std::min(bits, try_window(count, all, smallest, width, inside_above, best));
    // A narrow window has a middle of two numbers, and which one matters.
    if (width == 0 || width >= 4) return bits;
    if (!has_shifted) shifted.template measure<Anchor::lower_middle>(x, count, centre);
    has_shifted = true;
    const std::uint32_t inside_shifted = shifted.within(width);
    if (inside_shifted <= std::max(inside, inside_above)) return bits;
    return std::min(
        bits, try_window(count, all, static_cast<Word>(low + 1), width, inside_shifted, best));
  };
  constexpr unsigned widest = sizeof(Signed) == 4 ? fast_narrow_width : fast_wide_width;
  const unsigned end = std::min(full, widest + 1);
  const unsigned guess = std::min(end, around.sum() / static_cast<std::uint32_t>(count) + 1);
  for (unsigned width = guess; width < end && count * width < best.bits; ++width) try_width(width);
  for (unsigned width = guess; width-- > 0;)
    if (try_width(width) > best.bits + best.bits / 4) break;
}

// Plans `count` numbers given in all three orders, as `x[order]`. The sum of their widths is a good
// guess which order is the best, and where sums are close, the windows tell.
template <typename Scans, typename Signed>
SELVEDGE_INLINE FastPlan<Signed> choose(const Signed (&x)[3][fast_group], std::size_t count) {
  Signed centres[3];
  typename Scans::Widths around[3];
  for (unsigned k = 0; k < 3; ++k) {
    centres[k] = middle(x[k], count, static_cast<FastOrder>(k));
    around[k].template measure<Anchor::middle>(x[k], count, centres[k]);
  }
  const std::uint32_t least = std::min({around[0].sum(), around[1].sum(), around[2].sum()});
  FastPlan<Signed> best;
  for (unsigned k = 0; k < 3; ++k) {
    if (around[k].sum() > least + count / 2) continue;
    FastPlan<Signed> plan;
    plan.order = static_cast<FastOrder>(k);
    find_window<Scans>(x[k], count, centres[k], around[k], plan);
    if (plan.bits < best.bits) best = plan;
  }
  return best;
}

}  // namespace fast_plan
}  // namespace selvedge::codec
