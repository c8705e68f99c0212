// Fast paths: the inner loops of fast.h, once for each kind of vector registers. Internal to the
// module.
//
// All paths give the same bytes and the same numbers, for damaged input too: arithmetic is modulo
// 2^32 or 2^64, and a conversion to doubles is one correctly rounded operation after the other, as
// in forms.h.
//
// The path is chosen once, by what the processor has. A test forces each path in turn.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "codec/numbers/fast_layout.h"
#include "codec/numbers/number_model.h"

namespace selvedge::codec {

// How an integer becomes a double. K = k * multiple + offset, and then K / divisor, or
// (origin + K * step) / divisor; and that may be rounded to a float32 or to decimals.
struct FastScale {
  enum class Kind : std::uint8_t { quotient, line };
  Kind kind = Kind::quotient;
  Rounding rounding = Rounding::none;  // never significant
  double multiple = 1, offset = 0;
  std::int64_t whole_multiple = 1, whole_offset = 0;  // the same
  double divisor = 1;
  double inverse =
      1;  // 1 / divisor. A power of ten can be divided by with it and fused multiply-adds
  double step = 1, origin = 0;
  double decimals = 1;  // power of ten
};

// High bits of exceptions as they are coded, and by how much they are shifted, less than all bits
// of a word. Sixteen more than a group can have can be read.
template <typename Word>
struct FastHighs {
  const Word* coded;
  bool is_signed;
  unsigned shift;

  Word patch(std::size_t i) const {
    return static_cast<Word>(high_bits(coded[i], is_signed) << shift);
  }
};

// The patching of FastPath without vectors.
template <typename Word>
std::size_t patch_one_by_one(const std::uint8_t* bitmap, const FastHighs<Word>& highs,
                             std::size_t count, Word* numbers) {
  std::size_t next = 0;
  for (std::size_t byte = 0; byte < count / 8; ++byte)
    for (unsigned bits = bitmap[byte]; bits != 0; bits &= bits - 1)
      numbers[byte * 8 + static_cast<unsigned>(std::countr_zero(bits))] += highs.patch(next++);
  return next;
}

// Where a group starts: number = base + sum, the sums beginning with `slope` if the order has two.
template <typename Word>
struct FastStart {
  FastOrder order;
  Word low;
  Word slope;
  std::int64_t base;
};

// Where it ends, relative to its base; of full groups only.
template <typename Word>
struct FastEnd {
  Word sum;
  Word slope;
};

// What a kernel of its order has to give back: its last sum and slope, which carry for sums only.
template <FastOrder order, typename Word>
FastEnd<Word> fast_end(const FastStart<Word>& start, const Word* u, std::size_t count, Word sum,
                       Word slope) {
  const Word last = static_cast<Word>(start.low + u[count - 1]);
  if constexpr (order == FastOrder::values)
    return {last, static_cast<Word>(u[count - 1] - u[count - 2])};
  if constexpr (order == FastOrder::differences) return {sum, last};
  return {sum, slope};
}

// Calls Kernel<order>::run for the order that the group has.
template <template <FastOrder> typename Kernel, typename Word>
FastEnd<Word> integers_in_order(const Word* u, const FastStart<Word>& start, std::size_t count,
                                std::int64_t* to) {
  switch (start.order) {
    case FastOrder::values:
      return Kernel<FastOrder::values>::run(u, start, count, to);
    case FastOrder::differences:
      return Kernel<FastOrder::differences>::run(u, start, count, to);
    case FastOrder::second_differences:
      break;
  }
  return Kernel<FastOrder::second_differences>::run(u, start, count, to);
}
template <template <FastOrder> typename Kernel, typename Word>
FastEnd<Word> doubles_in_order(const Word* u, const FastStart<Word>& start, const FastScale& scale,
                               std::size_t count, double* to) {
  switch (start.order) {
    case FastOrder::values:
      return Kernel<FastOrder::values>::run(u, start, scale, count, to);
    case FastOrder::differences:
      return Kernel<FastOrder::differences>::run(u, start, scale, count, to);
    case FastOrder::second_differences:
      break;
  }
  return Kernel<FastOrder::second_differences>::run(u, start, scale, count, to);
}

// But for the encoder, `count` is a multiple of 16, not 0, and arrays are that long. Packed input
// can be read fast_slack bytes beyond the end of `count` numbers.
struct FastPath {
  std::string_view name;
  bool (*is_here)();

  std::size_t (*encode)(const std::int64_t* integers, std::size_t count, bool is_first,
                        std::uint8_t* to);

  void (*unpack_narrow)(const std::uint8_t* in, unsigned width, std::size_t count,
                        std::uint32_t* to);
  void (*unpack_wide)(const std::uint8_t* in, unsigned width, std::size_t count, std::uint64_t* to);

  // Adds the next of the high bits to each number whose bit in `bitmap` is set. Returns how many
  // are set.
  std::size_t (*patch_narrow)(const std::uint8_t* bitmap, const FastHighs<std::uint32_t>& highs,
                              std::size_t count, std::uint32_t* numbers);
  std::size_t (*patch_wide)(const std::uint8_t* bitmap, const FastHighs<std::uint64_t>& highs,
                            std::size_t count, std::uint64_t* numbers);

  FastEnd<std::uint32_t> (*integers_narrow)(const std::uint32_t* u,
                                            const FastStart<std::uint32_t>& start,
                                            std::size_t count, std::int64_t* to);
  FastEnd<std::uint64_t> (*integers_wide)(const std::uint64_t* u,
                                          const FastStart<std::uint64_t>& start, std::size_t count,
                                          std::int64_t* to);
  // Only if all K are below 2^53 in size, so that they are exact as doubles.
  FastEnd<std::uint32_t> (*doubles_narrow)(const std::uint32_t* u,
                                           const FastStart<std::uint32_t>& start,
                                           const FastScale& scale, std::size_t count, double* to);
  // Any integers. Null if the path has nothing better than forms.h.
  FastEnd<std::uint64_t> (*doubles_wide)(const std::uint64_t* u,
                                         const FastStart<std::uint64_t>& start,
                                         const FastScale& scale, std::size_t count, double* to);
};

// Those that this build has, the widest first. The last is plain C++ and always there.
std::span<const FastPath* const> fast_paths();

const FastPath& current_fast_path();

// For tests: uses the path of this name from now on; an empty name is the choice by processor.
// False if it is not here.
bool force_fast_path(std::string_view name);

extern const FastPath fast_path_baseline;
#if defined(__x86_64__)
extern const FastPath fast_path_avx2;
extern const FastPath fast_path_avx512;
#elif defined(__aarch64__)
extern const FastPath fast_path_neon;
#endif

}  // namespace selvedge::codec
