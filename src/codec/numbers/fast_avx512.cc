// The path of processors with AVX-512 and its byte permutation (Ice Lake, Zen 4 and later).
//
// A row is 16 numbers of 32 bits. Their packed bits begin at a byte; a permutation brings the four
// bytes around each number into its lane, a shift by lane and a mask leave the number. Sums are
// made in the register, by adding it to itself shifted by 1, 2, 4 and 8 lanes (Hillis and Steele,
// CACM 1986).

#include "codec/numbers/fast_paths.h"

#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__)
// The headers of g++ 12 take registers from undefined ones, on purpose.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <bit>
#include <cstring>

#include "codec/numbers/fast_avx512_scans.h"
#include "codec/numbers/fast_group.h"

namespace selvedge::codec {

namespace {

bool is_here() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512vbmi") &&
         __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
}

SELVEDGE_AVX512 std::size_t encode(const std::int64_t* integers, std::size_t count, bool is_first,
                                   std::uint8_t* to) {
  return static_cast<std::size_t>(
      fast_encoder::put_group_of<Avx512Scans>(integers, count, is_first, to) - to);
}

SELVEDGE_AVX512 void unpack_narrow(const std::uint8_t* in, unsigned width, std::size_t count,
                                   std::uint32_t* to) {
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i bit = _mm512_mullo_epi32(lane, _mm512_set1_epi32(static_cast<int>(width)));
  const __m512i bytes =
      _mm512_add_epi32(_mm512_mullo_epi32(_mm512_srli_epi32(bit, 3), _mm512_set1_epi32(0x01010101)),
                       _mm512_set1_epi32(0x03020100));
  const __m512i shift = _mm512_and_si512(bit, _mm512_set1_epi32(7));
  const __m512i mask = _mm512_set1_epi32(static_cast<int>((1U << width) - 1));
  for (std::size_t i = 0; i < count; i += 16, in += 2 * width) {
    const __m512i row = _mm512_permutexvar_epi8(bytes, _mm512_loadu_si512(in));
    _mm512_storeu_si512(to + i, _mm512_and_si512(_mm512_srlv_epi32(row, shift), mask));
  }
}

SELVEDGE_AVX512 void unpack_wide(const std::uint8_t* in, unsigned width, std::size_t count,
                                 std::uint64_t* to) {
  const __m512i lane = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
  const __m512i bit = _mm512_mullo_epi64(lane, _mm512_set1_epi64(width));
  const __m512i bytes = _mm512_add_epi64(
      _mm512_mullo_epi64(_mm512_srli_epi64(bit, 3), _mm512_set1_epi64(0x0101010101010101)),
      _mm512_set1_epi64(0x0706050403020100));
  const __m512i shift = _mm512_and_si512(bit, _mm512_set1_epi64(7));
  const std::uint64_t ones = width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
  const __m512i mask = _mm512_set1_epi64(static_cast<std::int64_t>(ones));
  for (std::size_t i = 0; i < count; i += 8, in += width) {
    const __m512i row = _mm512_permutexvar_epi8(bytes, _mm512_loadu_si512(in));
    _mm512_storeu_si512(to + i, _mm512_and_si512(_mm512_srlv_epi64(row, shift), mask));
  }
}

// A row's share of the high bits goes to the lanes that are marked. (Reading the whole register
// first is faster than an expanding load.)
SELVEDGE_AVX512 std::size_t patch_narrow(const std::uint8_t* bitmap,
                                         const FastHighs<std::uint32_t>& highs, std::size_t count,
                                         std::uint32_t* numbers) {
  const __m512i one = _mm512_set1_epi32(1);
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(highs.shift));
  std::size_t next = 0;
  for (std::size_t i = 0; i < count; i += 16) {
    std::uint16_t bits;
    std::memcpy(&bits, bitmap + i / 8, sizeof bits);
    __m512i high = _mm512_add_epi32(_mm512_loadu_si512(highs.coded + next), one);
    if (highs.is_signed)
      high =
          _mm512_xor_si512(_mm512_srli_epi32(high, 1),
                           _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_and_si512(high, one)));
    const __m512i added = _mm512_maskz_expand_epi32(bits, _mm512_sll_epi32(high, shift));
    next += static_cast<unsigned>(std::popcount(bits));
    _mm512_storeu_si512(numbers + i, _mm512_add_epi32(_mm512_loadu_si512(numbers + i), added));
  }
  return next;
}

SELVEDGE_AVX512 std::size_t patch_wide(const std::uint8_t* bitmap,
                                       const FastHighs<std::uint64_t>& highs, std::size_t count,
                                       std::uint64_t* numbers) {
  const __m512i one = _mm512_set1_epi64(1);
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(highs.shift));
  std::size_t next = 0;
  for (std::size_t i = 0; i < count; i += 8) {
    const std::uint8_t bits = bitmap[i / 8];
    __m512i high = _mm512_add_epi64(_mm512_loadu_si512(highs.coded + next), one);
    if (highs.is_signed)
      high =
          _mm512_xor_si512(_mm512_srli_epi64(high, 1),
                           _mm512_sub_epi64(_mm512_setzero_si512(), _mm512_and_si512(high, one)));
    const __m512i added = _mm512_maskz_expand_epi64(bits, _mm512_sll_epi64(high, shift));
    next += static_cast<unsigned>(std::popcount(bits));
    _mm512_storeu_si512(numbers + i, _mm512_add_epi64(_mm512_loadu_si512(numbers + i), added));
  }
  return next;
}

// Each lane becomes the sum of the lanes up to it.
SELVEDGE_AVX512 SELVEDGE_INLINE __m512i sums(__m512i x, std::uint32_t) {
  const __m512i zero = _mm512_setzero_si512();
  x = _mm512_add_epi32(x, _mm512_alignr_epi32(x, zero, 15));
  x = _mm512_add_epi32(x, _mm512_alignr_epi32(x, zero, 14));
  x = _mm512_add_epi32(x, _mm512_alignr_epi32(x, zero, 12));
  return _mm512_add_epi32(x, _mm512_alignr_epi32(x, zero, 8));
}
SELVEDGE_AVX512 SELVEDGE_INLINE __m512i sums(__m512i x, std::uint64_t) {
  const __m512i zero = _mm512_setzero_si512();
  x = _mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 7));
  x = _mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 6));
  return _mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 4));
}
SELVEDGE_AVX512 SELVEDGE_INLINE __m512i last_lane(__m512i x, std::uint32_t) {
  return _mm512_permutexvar_epi32(_mm512_set1_epi32(15), x);
}
SELVEDGE_AVX512 SELVEDGE_INLINE __m512i last_lane(__m512i x, std::uint64_t) {
  return _mm512_permutexvar_epi64(_mm512_set1_epi64(7), x);
}
SELVEDGE_AVX512 SELVEDGE_INLINE __m512i add(__m512i a, __m512i b, std::uint32_t) {
  return _mm512_add_epi32(a, b);
}
SELVEDGE_AVX512 SELVEDGE_INLINE __m512i add(__m512i a, __m512i b, std::uint64_t) {
  return _mm512_add_epi64(a, b);
}
SELVEDGE_AVX512 SELVEDGE_INLINE __m512i all_lanes(std::uint32_t x) {
  return _mm512_set1_epi32(static_cast<int>(x));
}
SELVEDGE_AVX512 SELVEDGE_INLINE __m512i all_lanes(std::uint64_t x) {
  return _mm512_set1_epi64(static_cast<std::int64_t>(x));
}

// One register of numbers after the other, as sums in their order.
template <typename Word, FastOrder order>
struct Summer {
  __m512i low, sum, slope;

  SELVEDGE_AVX512 SELVEDGE_INLINE explicit Summer(const FastStart<Word>& start)
      : low(all_lanes(start.low)), sum(_mm512_setzero_si512()), slope(all_lanes(start.slope)) {}

  SELVEDGE_AVX512 SELVEDGE_INLINE __m512i next(const Word* u) {
    __m512i x = add(_mm512_loadu_si512(u), low, Word{});
    if constexpr (order == FastOrder::values) return x;
    if constexpr (order == FastOrder::second_differences) {
      const __m512i inner = sums(x, Word{});
      x = add(inner, slope, Word{});
      slope = add(slope, last_lane(inner, Word{}), Word{});
    }
    // What follows waits for the carried sum alone, and for nothing of this register.
    const __m512i inner = sums(x, Word{});
    const __m512i result = add(inner, sum, Word{});
    sum = add(sum, last_lane(inner, Word{}), Word{});
    return result;
  }

  SELVEDGE_AVX512 SELVEDGE_INLINE FastEnd<Word> end(const FastStart<Word>& start, const Word* u,
                                                    std::size_t count) const {
    Word totals[64 / sizeof(Word)], slopes[64 / sizeof(Word)];
    _mm512_storeu_si512(totals, sum);
    _mm512_storeu_si512(slopes, slope);
    return fast_end<order>(start, u, count, totals[0], slopes[0]);
  }
};

template <FastOrder order>
struct Integers {
  SELVEDGE_AVX512 static FastEnd<std::uint32_t> run(const std::uint32_t* u,
                                                    const FastStart<std::uint32_t>& start,
                                                    std::size_t count, std::int64_t* to) {
    Summer<std::uint32_t, order> summer(start);
    const __m512i base = _mm512_set1_epi64(start.base);
    for (std::size_t i = 0; i < count; i += 16) {
      const __m512i x = summer.next(u + i);
      const __m512i first = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(x));
      const __m512i second = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(x, 1));
      _mm512_storeu_si512(to + i, _mm512_add_epi64(base, first));
      _mm512_storeu_si512(to + i + 8, _mm512_add_epi64(base, second));
    }
    return summer.end(start, u, count);
  }
  SELVEDGE_AVX512 static FastEnd<std::uint64_t> run(const std::uint64_t* u,
                                                    const FastStart<std::uint64_t>& start,
                                                    std::size_t count, std::int64_t* to) {
    Summer<std::uint64_t, order> summer(start);
    const __m512i base = _mm512_set1_epi64(start.base);
    for (std::size_t i = 0; i < count; i += 8)
      _mm512_storeu_si512(to + i, _mm512_add_epi64(base, summer.next(u + i)));
    return summer.end(start, u, count);
  }
};

// The scale in registers.
template <FastScale::Kind kind>
struct Scaler {
  __m512d base, multiple, offset, divisor, inverse, step, origin, decimals;
  __m512i whole_multiple, whole_offset;
  Rounding rounding;

  SELVEDGE_AVX512 SELVEDGE_INLINE Scaler(const FastScale& scale, std::int64_t from)
      : base(_mm512_set1_pd(static_cast<double>(from))),
        multiple(_mm512_set1_pd(scale.multiple)),
        offset(_mm512_set1_pd(scale.offset)),
        divisor(_mm512_set1_pd(scale.divisor)),
        inverse(_mm512_set1_pd(scale.inverse)),
        step(_mm512_set1_pd(scale.step)),
        origin(_mm512_set1_pd(scale.origin)),
        decimals(_mm512_set1_pd(scale.decimals)),
        whole_multiple(_mm512_set1_epi64(scale.whole_multiple)),
        whole_offset(_mm512_set1_epi64(scale.whole_offset)),
        rounding(scale.rounding) {}

  SELVEDGE_AVX512 SELVEDGE_INLINE __m512d narrow(__m256i sums_of_eight) const {
    // Exact up to here, so that a fused multiply-add is the same.
    const __m512d k = _mm512_add_pd(base, _mm512_cvtepi32_pd(sums_of_eight));
    return scaled(_mm512_fmadd_pd(k, multiple, offset));
  }
  SELVEDGE_AVX512 SELVEDGE_INLINE __m512d wide(__m512i k) const {
    return scaled(
        _mm512_cvtepi64_pd(_mm512_add_epi64(_mm512_mullo_epi64(k, whole_multiple), whole_offset)));
  }

 private:
  SELVEDGE_AVX512 SELVEDGE_INLINE __m512d scaled(__m512d whole) const {
    __m512d value;
    if constexpr (kind == FastScale::Kind::quotient) {
      // A quotient by a power of ten up to 10^22: the product with the rounded inverse is off by
      // less than 1.5 last places, its remainder is exact, and no quotient of a double that is an
      // integer lies so near to the middle of two doubles that the second step could round it
      // wrongly (Markstein, 1990).
      const __m512d guess = _mm512_mul_pd(whole, inverse);
      value = _mm512_fmadd_pd(_mm512_fnmadd_pd(guess, divisor, whole), inverse, guess);
    } else {
      // The variants with a rounding mode are not contracted to a fused operation.
      const __m512d product = _mm512_mul_round_pd(whole, step, _MM_FROUND_CUR_DIRECTION);
      value =
          _mm512_div_pd(_mm512_add_round_pd(origin, product, _MM_FROUND_CUR_DIRECTION), divisor);
    }
    if (rounding == Rounding::none) return value;
    if (rounding == Rounding::float32) return _mm512_cvtps_pd(_mm512_cvtpd_ps(value));
    const __m512d shift =
        _mm512_set1_pd(6755399441055744.0);  // 1.5 * 2^52 leaves no bits for a fraction
    const __m512d tall = _mm512_mul_round_pd(value, decimals, _MM_FROUND_CUR_DIRECTION);
    return _mm512_div_pd(
        _mm512_sub_round_pd(_mm512_add_round_pd(tall, shift, _MM_FROUND_CUR_DIRECTION), shift,
                            _MM_FROUND_CUR_DIRECTION),
        decimals);
  }
};

template <FastOrder order, FastScale::Kind kind>
struct DoublesOf {
  SELVEDGE_AVX512 static FastEnd<std::uint32_t> run(const std::uint32_t* u,
                                                    const FastStart<std::uint32_t>& start,
                                                    const FastScale& scale, std::size_t count,
                                                    double* to) {
    Summer<std::uint32_t, order> summer(start);
    const Scaler<kind> scaler(scale, start.base);
    for (std::size_t i = 0; i < count; i += 16) {
      const __m512i x = summer.next(u + i);
      _mm512_storeu_pd(to + i, scaler.narrow(_mm512_castsi512_si256(x)));
      _mm512_storeu_pd(to + i + 8, scaler.narrow(_mm512_extracti64x4_epi64(x, 1)));
    }
    return summer.end(start, u, count);
  }
  SELVEDGE_AVX512 static FastEnd<std::uint64_t> run(const std::uint64_t* u,
                                                    const FastStart<std::uint64_t>& start,
                                                    const FastScale& scale, std::size_t count,
                                                    double* to) {
    Summer<std::uint64_t, order> summer(start);
    const Scaler<kind> scaler(scale, start.base);
    const __m512i base = _mm512_set1_epi64(start.base);
    for (std::size_t i = 0; i < count; i += 8)
      _mm512_storeu_pd(to + i, scaler.wide(_mm512_add_epi64(base, summer.next(u + i))));
    return summer.end(start, u, count);
  }
};

template <FastOrder order>
struct Doubles {
  template <typename Word>
  static FastEnd<Word> run(const Word* u, const FastStart<Word>& start, const FastScale& scale,
                           std::size_t count, double* to) {
    return scale.kind == FastScale::Kind::quotient
               ? DoublesOf<order, FastScale::Kind::quotient>::run(u, start, scale, count, to)
               : DoublesOf<order, FastScale::Kind::line>::run(u, start, scale, count, to);
  }
};

}  // namespace

const FastPath fast_path_avx512 = {"avx512",
                                   is_here,
                                   encode,
                                   unpack_narrow,
                                   unpack_wide,
                                   patch_narrow,
                                   patch_wide,
                                   integers_in_order<Integers, std::uint32_t>,
                                   integers_in_order<Integers, std::uint64_t>,
                                   doubles_in_order<Doubles, std::uint32_t>,
                                   doubles_in_order<Doubles, std::uint64_t>};

}  // namespace selvedge::codec
#endif
