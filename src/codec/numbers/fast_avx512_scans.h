// The loops of the encoder with AVX-512. Internal to fast_avx512.cc.

#pragma once

#include <immintrin.h>

#include <bit>
#include <cstring>

#include "codec/numbers/fast_plan.h"

#define SELVEDGE_AVX512 \
  [[gnu::target(        \
      "avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx512vbmi,avx2,fma,bmi,bmi2,lzcnt,popcnt")]]

namespace selvedge::codec {

// Same results as fast_plan::PlainScans. Arrays are of a whole group, so that the last register may
// go beyond `count`.
struct Avx512Scans {
  SELVEDGE_AVX512 static void differences(const std::int32_t* x, std::size_t count,
                                          std::uint32_t before, std::int32_t* to) {
    __m512i last = _mm512_set1_epi32(static_cast<int>(before));
    for (std::size_t i = 0; i < count; i += 16) {
      const __m512i row = _mm512_loadu_si512(x + i);
      _mm512_storeu_si512(to + i, _mm512_sub_epi32(row, _mm512_alignr_epi32(row, last, 15)));
      last = row;
    }
  }
  SELVEDGE_AVX512 static void differences(const std::int64_t* x, std::size_t count,
                                          std::uint64_t before, std::int64_t* to) {
    __m512i last = _mm512_set1_epi64(static_cast<std::int64_t>(before));
    for (std::size_t i = 0; i < count; i += 8) {
      const __m512i row = _mm512_loadu_si512(x + i);
      _mm512_storeu_si512(to + i, _mm512_sub_epi64(row, _mm512_alignr_epi64(row, last, 7)));
      last = row;
    }
  }

  // A byte for each number: the width that it needs. 255 behind the last.
  class Widths {
   public:
    template <fast_plan::Anchor anchor>
    SELVEDGE_AVX512 void measure(const std::int32_t* x, std::size_t count, std::int32_t number) {
      constexpr bool is_start = anchor == fast_plan::Anchor::start;
      const __m512i from = _mm512_set1_epi32(number), most = _mm512_set1_epi32(is_start ? 32 : 33);
      for (std::size_t i = 0; i < count; i += 16) {
        __m512i distance = _mm512_sub_epi32(_mm512_loadu_si512(x + i), from);
        if constexpr (anchor == fast_plan::Anchor::lower_middle)
          distance = _mm512_sub_epi32(_mm512_setzero_si512(), distance);
        __m512i bits = distance;
        if constexpr (!is_start) bits = _mm512_xor_si512(distance, _mm512_srai_epi32(distance, 31));
        __m512i width = _mm512_sub_epi32(most, _mm512_lzcnt_epi32(bits));
        if constexpr (!is_start)
          width = _mm512_maskz_mov_epi32(_mm512_test_epi32_mask(distance, distance), width);
        _mm_store_si128(reinterpret_cast<__m128i*>(bytes_ + i), _mm512_cvtepi32_epi8(width));
      }
      std::memset(bytes_ + count, 255, fast_group - count);
    }
    template <fast_plan::Anchor anchor>
    SELVEDGE_AVX512 void measure(const std::int64_t* x, std::size_t count, std::int64_t number) {
      constexpr bool is_start = anchor == fast_plan::Anchor::start;
      const __m512i from = _mm512_set1_epi64(number), most = _mm512_set1_epi64(is_start ? 64 : 65);
      for (std::size_t i = 0; i < count; i += 8) {
        __m512i distance = _mm512_sub_epi64(_mm512_loadu_si512(x + i), from);
        if constexpr (anchor == fast_plan::Anchor::lower_middle)
          distance = _mm512_sub_epi64(_mm512_setzero_si512(), distance);
        __m512i bits = distance;
        if constexpr (!is_start) bits = _mm512_xor_si512(distance, _mm512_srai_epi64(distance, 63));
        __m512i width = _mm512_sub_epi64(most, _mm512_lzcnt_epi64(bits));
        if constexpr (!is_start)
          width = _mm512_maskz_mov_epi64(_mm512_test_epi64_mask(distance, distance), width);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(bytes_ + i), _mm512_cvtepi64_epi8(width));
      }
      std::memset(bytes_ + count, 255, fast_group - count);
    }
    SELVEDGE_AVX512 std::uint32_t within(unsigned width) const {
      const __m512i most = _mm512_set1_epi8(static_cast<char>(width));
      int inside = 0;
      for (std::size_t i = 0; i < fast_group; i += 64)
        inside += std::popcount(_mm512_cmple_epu8_mask(_mm512_load_si512(bytes_ + i), most));
      return static_cast<std::uint32_t>(inside);
    }
    SELVEDGE_AVX512 std::uint32_t sum() const {
      __m512i total = _mm512_setzero_si512();
      for (std::size_t i = 0; i < fast_group; i += 64) {
        const __m512i row = _mm512_load_si512(bytes_ + i);
        const __mmask64 here = _mm512_cmple_epu8_mask(row, _mm512_set1_epi8(64));
        total = _mm512_add_epi64(
            total, _mm512_sad_epu8(_mm512_maskz_mov_epi8(here, row), _mm512_setzero_si512()));
      }
      return static_cast<std::uint32_t>(_mm512_reduce_add_epi64(total));
    }

   private:
    alignas(64) std::uint8_t bytes_[fast_group];
  };

  SELVEDGE_AVX512 static fast_plan::Extent<std::int32_t> extent(const std::int32_t* x,
                                                                std::size_t count) {
    __m512i smallest = _mm512_set1_epi32(x[0]), largest = smallest;
    std::size_t i = 0;
    for (; i + 16 <= count; i += 16) {
      smallest = _mm512_min_epi32(smallest, _mm512_loadu_si512(x + i));
      largest = _mm512_max_epi32(largest, _mm512_loadu_si512(x + i));
    }
    const auto here = static_cast<__mmask16>((1U << (count - i)) - 1);
    const __m512i row = _mm512_mask_loadu_epi32(smallest, here, x + i);
    return {_mm512_reduce_min_epi32(_mm512_min_epi32(smallest, row)),
            _mm512_reduce_max_epi32(_mm512_max_epi32(largest, row))};
  }
  SELVEDGE_AVX512 static fast_plan::Extent<std::int64_t> extent(const std::int64_t* x,
                                                                std::size_t count) {
    __m512i smallest = _mm512_set1_epi64(x[0]), largest = smallest;
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
      smallest = _mm512_min_epi64(smallest, _mm512_loadu_si512(x + i));
      largest = _mm512_max_epi64(largest, _mm512_loadu_si512(x + i));
    }
    const auto here = static_cast<__mmask8>((1U << (count - i)) - 1);
    const __m512i row = _mm512_mask_loadu_epi64(smallest, here, x + i);
    return {_mm512_reduce_min_epi64(_mm512_min_epi64(smallest, row)),
            _mm512_reduce_max_epi64(_mm512_max_epi64(largest, row))};
  }

  SELVEDGE_AVX512 static std::size_t exceptions(const std::uint32_t* u, std::size_t count,
                                                unsigned width, bool is_signed,
                                                std::uint8_t* bitmap, std::uint32_t* coded) {
    const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(width));
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; i += 16) {
      const unsigned here = count - i >= 16 ? 0xFFFF : (1U << (count - i)) - 1;
      __m512i high = _mm512_sra_epi32(_mm512_loadu_si512(u + i), shift);
      const __mmask16 marked =
          _mm512_mask_test_epi32_mask(static_cast<__mmask16>(here), high, high);
      if (is_signed)
        high = _mm512_xor_si512(_mm512_slli_epi32(high, 1), _mm512_srai_epi32(high, 31));
      high = _mm512_sub_epi32(high, _mm512_set1_epi32(1));
      _mm512_storeu_si512(coded + found, _mm512_maskz_compress_epi32(marked, high));
      found += static_cast<unsigned>(std::popcount(static_cast<unsigned>(marked)));
      std::memcpy(bitmap + i / 8, &marked, sizeof marked);
    }
    return found;
  }
  SELVEDGE_AVX512 static std::size_t exceptions(const std::uint64_t* u, std::size_t count,
                                                unsigned width, bool is_signed,
                                                std::uint8_t* bitmap, std::uint64_t* coded) {
    const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(width));
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; i += 8) {
      const unsigned here = count - i >= 8 ? 0xFF : (1U << (count - i)) - 1;
      __m512i high = _mm512_sra_epi64(_mm512_loadu_si512(u + i), shift);
      const __mmask8 marked = _mm512_mask_test_epi64_mask(static_cast<__mmask8>(here), high, high);
      if (is_signed)
        high = _mm512_xor_si512(_mm512_slli_epi64(high, 1), _mm512_srai_epi64(high, 63));
      high = _mm512_sub_epi64(high, _mm512_set1_epi64(1));
      _mm512_storeu_si512(coded + found, _mm512_maskz_compress_epi64(marked, high));
      found += static_cast<unsigned>(std::popcount(static_cast<unsigned>(marked)));
      bitmap[i / 8] = marked;
    }
    return found;
  }
};

}  // namespace selvedge::codec
