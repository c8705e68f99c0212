// The path of processors with AVX2 and fused multiply-add (Haswell, Zen and later).
//
// As in fast_avx512.cc, with half the lanes, and a permutation of bytes that does not leave its 16:
// the halves of a register are loaded from where their numbers begin.

#include "codec/numbers/fast_paths.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "codec/numbers/fast_avx2_scans.h"
#include "codec/numbers/fast_group.h"

namespace selvedge::codec {

namespace {

bool is_here() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi2");
}

SELVEDGE_AVX2 std::size_t encode(const std::int64_t* integers, std::size_t count, bool is_first,
                                 std::uint8_t* to) {
  return static_cast<std::size_t>(
      fast_encoder::put_group_of<Avx2Scans>(integers, count, is_first, to) - to);
}

SELVEDGE_AVX2 SELVEDGE_INLINE __m256i load(const void* at) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(at));
}
SELVEDGE_AVX2 SELVEDGE_INLINE void store(void* at, __m256i x) {
  _mm256_storeu_si256(static_cast<__m256i*>(at), x);
}

// Two runs of 16 bytes as one register.
SELVEDGE_AVX2 SELVEDGE_INLINE __m256i load_halves(const std::uint8_t* low,
                                                  const std::uint8_t* high) {
  return _mm256_inserti128_si256(
      _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(low))),
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(high)), 1);
}

// The layout of both halves, whose numbers begin at the `first` and at the one behind its 16 bytes.
template <typename Word>
struct Layout {
  __m256i bytes, shifts;

  SELVEDGE_AVX2 Layout(unsigned width, unsigned first) {
    const SixteenBytes<Word> low(width, first), high(width, first + SixteenBytes<Word>::lanes);
    bytes = load_halves(low.bytes, high.bytes);
    shifts = load_halves(reinterpret_cast<const std::uint8_t*>(low.shifts),
                         reinterpret_cast<const std::uint8_t*>(high.shifts));
  }
};

SELVEDGE_AVX2 void unpack_narrow(const std::uint8_t* in, unsigned width, std::size_t count,
                                 std::uint32_t* to) {
  const Layout<std::uint32_t> layout(width, 0);
  const __m256i mask = _mm256_set1_epi32(static_cast<int>((1U << width) - 1));
  const std::size_t half = 4 * width / 8;
  for (std::size_t i = 0; i < count; i += 8, in += width) {
    const __m256i row = _mm256_shuffle_epi8(load_halves(in, in + half), layout.bytes);
    store(to + i, _mm256_and_si256(_mm256_srlv_epi32(row, layout.shifts), mask));
  }
}

SELVEDGE_AVX2 void unpack_wide(const std::uint8_t* in, unsigned width, std::size_t count,
                               std::uint64_t* to) {
  const Layout<std::uint64_t> first(width, 0), second(width, 4);
  const std::uint64_t ones = width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
  const __m256i mask = _mm256_set1_epi64x(static_cast<std::int64_t>(ones));
  for (std::size_t i = 0; i < count; i += 8, in += width) {
    const __m256i low = _mm256_shuffle_epi8(load_halves(in, in + 2 * width / 8), first.bytes);
    const __m256i high =
        _mm256_shuffle_epi8(load_halves(in + 4 * width / 8, in + 6 * width / 8), second.bytes);
    store(to + i, _mm256_and_si256(_mm256_srlv_epi64(low, first.shifts), mask));
    store(to + i + 4, _mm256_and_si256(_mm256_srlv_epi64(high, second.shifts), mask));
  }
}

// The k-th of eight numbers goes to the k-th lane that is marked.
SELVEDGE_AVX2 std::size_t patch_narrow(const std::uint8_t* bitmap,
                                       const FastHighs<std::uint32_t>& highs, std::size_t count,
                                       std::uint32_t* numbers) {
  const __m256i one = _mm256_set1_epi32(1);
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(highs.shift));
  std::size_t next = 0;
  for (std::size_t i = 0; i < count; i += 8) {
    const std::uint8_t bits = bitmap[i / 8];
    if (bits == 0) continue;
    const std::uint64_t marked = _pdep_u64(bits, 0x0101010101010101) * 255;
    const auto lanes = static_cast<std::int64_t>(_pdep_u64(0x0706050403020100, marked));
    __m256i high = _mm256_add_epi32(load(highs.coded + next), one);
    if (highs.is_signed)
      high =
          _mm256_xor_si256(_mm256_srli_epi32(high, 1),
                           _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_and_si256(high, one)));
    const __m256i spread = _mm256_permutevar8x32_epi32(
        _mm256_sll_epi32(high, shift), _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(lanes)));
    const __m256i added = _mm256_and_si256(
        spread, _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(static_cast<std::int64_t>(marked))));
    store(numbers + i, _mm256_add_epi32(load(numbers + i), added));
    next += static_cast<unsigned>(std::popcount(bits));
  }
  return next;
}

// Each lane becomes the sum of the lanes up to it.
SELVEDGE_AVX2 SELVEDGE_INLINE __m256i sums(__m256i x, std::uint32_t) {
  x = _mm256_add_epi32(x, _mm256_slli_si256(x, 4));
  x = _mm256_add_epi32(x, _mm256_slli_si256(x, 8));
  return _mm256_add_epi32(x, _mm256_shuffle_epi32(_mm256_permute2x128_si256(x, x, 0x08), 0xFF));
}
SELVEDGE_AVX2 SELVEDGE_INLINE __m256i sums(__m256i x, std::uint64_t) {
  x = _mm256_add_epi64(x, _mm256_slli_si256(x, 8));
  const __m256i low = _mm256_permute2x128_si256(x, x, 0x08);
  return _mm256_add_epi64(x, _mm256_unpackhi_epi64(low, low));
}
SELVEDGE_AVX2 SELVEDGE_INLINE __m256i last_lane(__m256i x, std::uint32_t) {
  return _mm256_permutevar8x32_epi32(x, _mm256_set1_epi32(7));
}
SELVEDGE_AVX2 SELVEDGE_INLINE __m256i last_lane(__m256i x, std::uint64_t) {
  return _mm256_permute4x64_epi64(x, 0xFF);
}
SELVEDGE_AVX2 SELVEDGE_INLINE __m256i add(__m256i a, __m256i b, std::uint32_t) {
  return _mm256_add_epi32(a, b);
}
SELVEDGE_AVX2 SELVEDGE_INLINE __m256i add(__m256i a, __m256i b, std::uint64_t) {
  return _mm256_add_epi64(a, b);
}
SELVEDGE_AVX2 SELVEDGE_INLINE __m256i all_lanes(std::uint32_t x) {
  return _mm256_set1_epi32(static_cast<int>(x));
}
SELVEDGE_AVX2 SELVEDGE_INLINE __m256i all_lanes(std::uint64_t x) {
  return _mm256_set1_epi64x(static_cast<std::int64_t>(x));
}

// One register of numbers after the other, as sums in their order.
template <typename Word, FastOrder order>
struct Summer {
  __m256i low, sum, slope;

  SELVEDGE_AVX2 SELVEDGE_INLINE explicit Summer(const FastStart<Word>& start)
      : low(all_lanes(start.low)), sum(_mm256_setzero_si256()), slope(all_lanes(start.slope)) {}

  SELVEDGE_AVX2 SELVEDGE_INLINE __m256i next(const Word* u) {
    __m256i x = add(load(u), low, Word{});
    if constexpr (order == FastOrder::values) return x;
    if constexpr (order == FastOrder::second_differences) {
      const __m256i inner = sums(x, Word{});
      x = add(inner, slope, Word{});
      slope = add(slope, last_lane(inner, Word{}), Word{});
    }
    // What follows waits for the carried sum alone, and for nothing of this register.
    const __m256i inner = sums(x, Word{});
    const __m256i result = add(inner, sum, Word{});
    sum = add(sum, last_lane(inner, Word{}), Word{});
    return result;
  }

  SELVEDGE_AVX2 SELVEDGE_INLINE FastEnd<Word> end(const FastStart<Word>& start, const Word* u,
                                                  std::size_t count) const {
    Word totals[32 / sizeof(Word)], slopes[32 / sizeof(Word)];
    store(totals, sum);
    store(slopes, slope);
    return fast_end<order>(start, u, count, totals[0], slopes[0]);
  }
};

SELVEDGE_AVX2 SELVEDGE_INLINE __m256i product(__m256i a, __m256i b) {
  const __m256i cross = _mm256_add_epi64(_mm256_mul_epu32(a, _mm256_srli_epi64(b, 32)),
                                         _mm256_mul_epu32(_mm256_srli_epi64(a, 32), b));
  return _mm256_add_epi64(_mm256_mul_epu32(a, b), _mm256_slli_epi64(cross, 32));
}

// The scale in registers.
template <FastScale::Kind kind>
struct Scaler {
  __m256d base, multiple, offset, divisor, inverse, step, origin, decimals;
  __m256i whole_multiple, whole_offset;
  Rounding rounding;

  SELVEDGE_AVX2 SELVEDGE_INLINE Scaler(const FastScale& scale, std::int64_t from)
      : base(_mm256_set1_pd(static_cast<double>(from))),
        multiple(_mm256_set1_pd(scale.multiple)),
        offset(_mm256_set1_pd(scale.offset)),
        divisor(_mm256_set1_pd(scale.divisor)),
        inverse(_mm256_set1_pd(scale.inverse)),
        step(_mm256_set1_pd(scale.step)),
        origin(_mm256_set1_pd(scale.origin)),
        decimals(_mm256_set1_pd(scale.decimals)),
        whole_multiple(_mm256_set1_epi64x(scale.whole_multiple)),
        whole_offset(_mm256_set1_epi64x(scale.whole_offset)),
        rounding(scale.rounding) {}

  SELVEDGE_AVX2 SELVEDGE_INLINE __m256d narrow(__m128i sums_of_four) const {
    const __m256d k = _mm256_add_pd(base, _mm256_cvtepi32_pd(sums_of_four));
    return scaled(_mm256_fmadd_pd(k, multiple, offset));  // exact, so that fusing changes nothing
  }
  SELVEDGE_AVX2 SELVEDGE_INLINE __m256d wide(__m256i k) const {
    return scaled(avx2_double(_mm256_add_epi64(product(k, whole_multiple), whole_offset)));
  }

 private:
  SELVEDGE_AVX2 SELVEDGE_INLINE __m256d scaled(__m256d whole) const {
    __m256d value;
    if constexpr (kind == FastScale::Kind::quotient) {
      const __m256d guess = _mm256_mul_pd(whole, inverse);  // why it is exact: fast_avx512.cc
      value = _mm256_fmadd_pd(_mm256_fnmadd_pd(guess, divisor, whole), inverse, guess);
    } else {
      value = _mm256_div_pd(_mm256_add_pd(origin, _mm256_mul_pd(whole, step)), divisor);
    }
    if (rounding == Rounding::none) return value;
    if (rounding == Rounding::float32) return _mm256_cvtps_pd(_mm256_cvtpd_ps(value));
    const __m256d shift =
        _mm256_set1_pd(6755399441055744.0);  // 1.5 * 2^52 leaves no bits for a fraction
    const __m256d tall = _mm256_mul_pd(value, decimals);
    return _mm256_div_pd(_mm256_sub_pd(_mm256_add_pd(tall, shift), shift), decimals);
  }
};

template <FastOrder order>
struct Integers {
  SELVEDGE_AVX2 static FastEnd<std::uint32_t> run(const std::uint32_t* u,
                                                  const FastStart<std::uint32_t>& start,
                                                  std::size_t count, std::int64_t* to) {
    Summer<std::uint32_t, order> summer(start);
    const __m256i base = _mm256_set1_epi64x(start.base);
    for (std::size_t i = 0; i < count; i += 8) {
      const __m256i x = summer.next(u + i);
      store(to + i, _mm256_add_epi64(base, _mm256_cvtepi32_epi64(_mm256_castsi256_si128(x))));
      store(to + i + 4,
            _mm256_add_epi64(base, _mm256_cvtepi32_epi64(_mm256_extracti128_si256(x, 1))));
    }
    return summer.end(start, u, count);
  }
  SELVEDGE_AVX2 static FastEnd<std::uint64_t> run(const std::uint64_t* u,
                                                  const FastStart<std::uint64_t>& start,
                                                  std::size_t count, std::int64_t* to) {
    Summer<std::uint64_t, order> summer(start);
    const __m256i base = _mm256_set1_epi64x(start.base);
    for (std::size_t i = 0; i < count; i += 4)
      store(to + i, _mm256_add_epi64(base, summer.next(u + i)));
    return summer.end(start, u, count);
  }
};

template <FastOrder order, FastScale::Kind kind>
struct DoublesOf {
  SELVEDGE_AVX2 static FastEnd<std::uint32_t> run(const std::uint32_t* u,
                                                  const FastStart<std::uint32_t>& start,
                                                  const FastScale& scale, std::size_t count,
                                                  double* to) {
    Summer<std::uint32_t, order> summer(start);
    const Scaler<kind> scaler(scale, start.base);
    for (std::size_t i = 0; i < count; i += 8) {
      const __m256i x = summer.next(u + i);
      _mm256_storeu_pd(to + i, scaler.narrow(_mm256_castsi256_si128(x)));
      _mm256_storeu_pd(to + i + 4, scaler.narrow(_mm256_extracti128_si256(x, 1)));
    }
    return summer.end(start, u, count);
  }
  SELVEDGE_AVX2 static FastEnd<std::uint64_t> run(const std::uint64_t* u,
                                                  const FastStart<std::uint64_t>& start,
                                                  const FastScale& scale, std::size_t count,
                                                  double* to) {
    Summer<std::uint64_t, order> summer(start);
    const Scaler<kind> scaler(scale, start.base);
    const __m256i base = _mm256_set1_epi64x(start.base);
    for (std::size_t i = 0; i < count; i += 4)
      _mm256_storeu_pd(to + i, scaler.wide(_mm256_add_epi64(base, summer.next(u + i))));
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

const FastPath fast_path_avx2 = {"avx2",
                                 is_here,
                                 encode,
                                 unpack_narrow,
                                 unpack_wide,
                                 patch_narrow,
                                 patch_one_by_one<std::uint64_t>,
                                 integers_in_order<Integers, std::uint32_t>,
                                 integers_in_order<Integers, std::uint64_t>,
                                 doubles_in_order<Doubles, std::uint32_t>,
                                 doubles_in_order<Doubles, std::uint64_t>};

}  // namespace selvedge::codec
#endif
