// The loops of the encoder with AVX2. Internal to fast_avx2.cc.

#pragma once

#include <immintrin.h>

#include <bit>
#include <cstring>

#include "codec/numbers/fast_plan.h"

#define SELVEDGE_AVX2 [[gnu::target("avx2,fma,bmi,bmi2,lzcnt,popcnt")]]

namespace selvedge::codec {

// The nearest double to an int64: the high half times 2^32 is exact, so there is one rounding.
SELVEDGE_AVX2 inline __m256d avx2_double(__m256i k) {
  const __m256i high =
      _mm256_xor_si256(_mm256_srli_epi64(k, 32), _mm256_set1_epi64x(0x4530000080000000));
  const __m256i low = _mm256_blend_epi32(k, _mm256_set1_epi64x(0x4330000000000000), 0xAA);
  const __m256d bias = _mm256_set1_pd(0x1p84 + 0x1p63 + 0x1p52);
  return _mm256_add_pd(_mm256_sub_pd(_mm256_castsi256_pd(high), bias), _mm256_castsi256_pd(low));
}

// Same results as fast_plan::PlainScans. What does not fill a register is done one by one.
struct Avx2Scans {
  SELVEDGE_AVX2 static void differences(const std::int32_t* x, std::size_t count,
                                        std::uint32_t before, std::int32_t* to) {
    to[0] = static_cast<std::int32_t>(static_cast<std::uint32_t>(x[0]) - before);
    std::size_t i = 1;
    for (; i + 8 <= count; i += 8) store(to + i, _mm256_sub_epi32(load(x + i), load(x + i - 1)));
    for (; i < count; ++i)
      to[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(x[i]) -
                                        static_cast<std::uint32_t>(x[i - 1]));
  }
  SELVEDGE_AVX2 static void differences(const std::int64_t* x, std::size_t count,
                                        std::uint64_t before, std::int64_t* to) {
    to[0] = static_cast<std::int64_t>(static_cast<std::uint64_t>(x[0]) - before);
    std::size_t i = 1;
    for (; i + 4 <= count; i += 4) store(to + i, _mm256_sub_epi64(load(x + i), load(x + i - 1)));
    for (; i < count; ++i)
      to[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(x[i]) -
                                        static_cast<std::uint64_t>(x[i - 1]));
  }

  // A byte for each number, in any order: the width that it needs. 255 behind the last.
  class Widths {
   public:
    template <fast_plan::Anchor anchor>
    SELVEDGE_AVX2 void measure(const std::int32_t* x, std::size_t count, std::int32_t number) {
      std::memset(bytes_, 255, sizeof bytes_);
      std::size_t i = 0;
      for (; i + 32 <= count; i += 32) {
        __m256i bytes = _mm256_setzero_si256();
        for (int k = 3; k >= 0; --k)
          bytes =
              _mm256_or_si256(_mm256_slli_epi32(bytes, 8), widths<anchor>(x + i + 8 * k, number));
        store(bytes_ + i, bytes);
      }
      measure_rest<anchor>(x, i, count, number);
    }
    template <fast_plan::Anchor anchor>
    SELVEDGE_AVX2 void measure(const std::int64_t* x, std::size_t count, std::int64_t number) {
      std::memset(bytes_, 255, sizeof bytes_);
      std::size_t i = 0;
      for (; i + 32 <= count; i += 32) {
        __m256i bytes = _mm256_setzero_si256();
        for (int k = 7; k >= 0; --k)
          bytes =
              _mm256_or_si256(_mm256_slli_epi64(bytes, 8), widths<anchor>(x + i + 4 * k, number));
        store(bytes_ + i, bytes);
      }
      measure_rest<anchor>(x, i, count, number);
    }
    SELVEDGE_AVX2 std::uint32_t within(unsigned width) const {
      const __m256i most = _mm256_set1_epi8(static_cast<char>(width));
      __m256i inside = _mm256_setzero_si256();
      for (std::size_t i = 0; i < fast_group; i += 32) {
        const __m256i row = load(bytes_ + i);
        inside = _mm256_sub_epi8(inside, _mm256_cmpeq_epi8(_mm256_max_epu8(row, most), most));
      }
      return total(_mm256_sad_epu8(inside, _mm256_setzero_si256()));
    }
    SELVEDGE_AVX2 std::uint32_t sum() const {
      __m256i sums = _mm256_setzero_si256();
      for (std::size_t i = 0; i < fast_group; i += 32) {
        const __m256i row = load(bytes_ + i);
        const __m256i absent = _mm256_cmpeq_epi8(row, _mm256_set1_epi8(-1));
        sums = _mm256_add_epi64(
            sums, _mm256_sad_epu8(_mm256_andnot_si256(absent, row), _mm256_setzero_si256()));
      }
      return total(sums);
    }

   private:
    // The exponent as a float. Without the bit below the highest, nothing is rounded up to the
    // next.
    template <fast_plan::Anchor anchor>
    SELVEDGE_AVX2 static __m256i widths(const std::int32_t* x, std::int32_t number) {
      __m256i distance = _mm256_sub_epi32(load(x), _mm256_set1_epi32(number));
      __m256i bits = distance;
      if constexpr (anchor == fast_plan::Anchor::lower_middle)
        distance = _mm256_sub_epi32(_mm256_setzero_si256(), distance);
      if constexpr (anchor != fast_plan::Anchor::start)
        bits = _mm256_xor_si256(distance, _mm256_srai_epi32(distance, 31));
      bits = _mm256_andnot_si256(_mm256_srli_epi32(bits, 1), bits);
      const __m256i exponent = _mm256_srli_epi32(_mm256_castps_si256(_mm256_cvtepi32_ps(bits)), 23);
      if constexpr (anchor == fast_plan::Anchor::start)
        return _mm256_subs_epu16(exponent, _mm256_set1_epi32(126));
      const __m256i width = _mm256_subs_epu16(_mm256_max_epi32(exponent, _mm256_set1_epi32(126)),
                                              _mm256_set1_epi32(125));
      return _mm256_andnot_si256(_mm256_cmpeq_epi32(distance, _mm256_setzero_si256()), width);
    }
    template <fast_plan::Anchor anchor>
    SELVEDGE_AVX2 static __m256i widths(const std::int64_t* x, std::int64_t number) {
      __m256i distance = _mm256_sub_epi64(load(x), _mm256_set1_epi64x(number));
      __m256i bits = distance;
      if constexpr (anchor == fast_plan::Anchor::lower_middle)
        distance = _mm256_sub_epi64(_mm256_setzero_si256(), distance);
      if constexpr (anchor != fast_plan::Anchor::start)
        bits = _mm256_xor_si256(distance, _mm256_cmpgt_epi64(_mm256_setzero_si256(), distance));
      bits = _mm256_andnot_si256(_mm256_srli_epi64(bits, 1), bits);
      const __m256i exponent = _mm256_srli_epi64(_mm256_castpd_si256(avx2_double(bits)), 52);
      if constexpr (anchor == fast_plan::Anchor::start)
        return _mm256_subs_epu16(exponent, _mm256_set1_epi64x(1022));
      const __m256i width = _mm256_subs_epu16(_mm256_max_epi32(exponent, _mm256_set1_epi64x(1022)),
                                              _mm256_set1_epi64x(1021));
      return _mm256_andnot_si256(_mm256_cmpeq_epi64(distance, _mm256_setzero_si256()), width);
    }
    template <fast_plan::Anchor anchor, typename Signed>
    void measure_rest(const Signed* x, std::size_t i, std::size_t count, Signed number) {
      for (std::size_t left = count % 32; left > 0; --left, ++i)
        bytes_[i] = static_cast<std::uint8_t>(fast_plan::needed_width<anchor>(x[i], number));
    }
    SELVEDGE_AVX2 static std::uint32_t total(__m256i x) {
      const __m128i two = _mm_add_epi64(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
      return static_cast<std::uint32_t>(
          _mm_cvtsi128_si32(_mm_add_epi64(two, _mm_unpackhi_epi64(two, two))));
    }

    alignas(32) std::uint8_t bytes_[fast_group];
  };

  SELVEDGE_AVX2 static fast_plan::Extent<std::int32_t> extent(const std::int32_t* x,
                                                              std::size_t count) {
    __m256i smallest = _mm256_set1_epi32(x[0]), largest = smallest;
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
      smallest = _mm256_min_epi32(smallest, load(x + i));
      largest = _mm256_max_epi32(largest, load(x + i));
    }
    std::int32_t ends[16];
    store(ends, smallest);
    store(ends + 8, largest);
    fast_plan::Extent<std::int32_t> all = fast_plan::PlainScans::extent(ends, 16);
    for (std::size_t left = count % 8; left > 0; --left, ++i)
      all = {std::min(all.smallest, x[i]), std::max(all.largest, x[i])};
    return all;
  }
  SELVEDGE_AVX2 static fast_plan::Extent<std::int64_t> extent(const std::int64_t* x,
                                                              std::size_t count) {
    return fast_plan::PlainScans::extent(x, count);
  }

  SELVEDGE_AVX2 static std::size_t exceptions(const std::uint32_t* u, std::size_t count,
                                              unsigned width, bool is_signed, std::uint8_t* bitmap,
                                              std::uint32_t* coded) {
    const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(width));
    for (std::size_t i = 0; i < count; i += 8) {
      const __m256i high = _mm256_sra_epi32(load(u + i), shift);
      const __m256i zeros = _mm256_cmpeq_epi32(high, _mm256_setzero_si256());
      const int here = count - i >= 8 ? 0xFF : (1 << (count - i)) - 1;
      bitmap[i / 8] =
          static_cast<std::uint8_t>(~_mm256_movemask_ps(_mm256_castsi256_ps(zeros)) & here);
    }
    return fast_plan::PlainScans::code_marked(u, count, width, is_signed, bitmap, coded);
  }
  SELVEDGE_AVX2 static std::size_t exceptions(const std::uint64_t* u, std::size_t count,
                                              unsigned width, bool is_signed, std::uint8_t* bitmap,
                                              std::uint64_t* coded) {
    return fast_plan::PlainScans::exceptions(u, count, width, is_signed, bitmap, coded);
  }

 private:
  SELVEDGE_AVX2 static __m256i load(const void* at) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(at));
  }
  SELVEDGE_AVX2 static void store(void* at, __m256i x) {
    _mm256_storeu_si256(static_cast<__m256i*>(at), x);
  }
};

}  // namespace selvedge::codec
