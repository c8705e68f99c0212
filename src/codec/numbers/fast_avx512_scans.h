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

// Which lanes are there, of what is left.
SELVEDGE_AVX512 SELVEDGE_INLINE __mmask16 lanes_of_16(std::size_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xFFFF : (1U << count) - 1);
}
SELVEDGE_AVX512 SELVEDGE_INLINE __mmask8 lanes_of_8(std::size_t count) {
  return static_cast<__mmask8>(count >= 8 ? 0xFF : (1U << count) - 1);
}

// Same results as fast_plan::PlainScans. The last register is read masked.
struct Avx512Scans {
  SELVEDGE_AVX512 static void differences(const std::int32_t* x, std::size_t count,
                                          std::uint32_t before, std::int32_t* to) {
    __m512i last = _mm512_set1_epi32(static_cast<int>(before));
    for (std::size_t i = 0; i < count; i += 16) {
      const __m512i row = _mm512_maskz_loadu_epi32(lanes_of_16(count - i), x + i);
      _mm512_mask_storeu_epi32(to + i, lanes_of_16(count - i),
                               _mm512_sub_epi32(row, _mm512_alignr_epi32(row, last, 15)));
      last = row;
    }
  }
  SELVEDGE_AVX512 static void differences(const std::int64_t* x, std::size_t count,
                                          std::uint64_t before, std::int64_t* to) {
    __m512i last = _mm512_set1_epi64(static_cast<std::int64_t>(before));
    for (std::size_t i = 0; i < count; i += 8) {
      const __m512i row = _mm512_maskz_loadu_epi64(lanes_of_8(count - i), x + i);
      _mm512_mask_storeu_epi64(to + i, lanes_of_8(count - i),
                               _mm512_sub_epi64(row, _mm512_alignr_epi64(row, last, 7)));
      last = row;
    }
  }

  // A byte for each number: the width that it needs. 255 behind the last.
  class Widths {
   public:
    template <fast_plan::Anchor anchor>
    SELVEDGE_AVX512 void measure(const std::int32_t* x, std::size_t count, std::int32_t number) {
      const __m512i from = _mm512_set1_epi32(number);
      std::memset(bytes_, 255, sizeof bytes_);
      for (std::size_t i = 0; i < count; i += 16) {
        const __mmask16 here = lanes_of_16(count - i);
        __m512i distance = _mm512_sub_epi32(_mm512_maskz_loadu_epi32(here, x + i), from);
        __m512i bits = distance;
        if constexpr (anchor == fast_plan::Anchor::lower_middle)
          distance = _mm512_sub_epi32(_mm512_setzero_si512(), distance);
        if constexpr (anchor != fast_plan::Anchor::start)
          bits = _mm512_xor_si512(distance, _mm512_srai_epi32(distance, 31));
        __m512i width =
            _mm512_sub_epi32(_mm512_set1_epi32(anchor == fast_plan::Anchor::start ? 32 : 33),
                             _mm512_lzcnt_epi32(bits));
        if constexpr (anchor != fast_plan::Anchor::start)
          width = _mm512_maskz_mov_epi32(_mm512_test_epi32_mask(distance, distance), width);
        width = _mm512_mask_mov_epi32(_mm512_set1_epi32(255), here, width);
        _mm_store_si128(reinterpret_cast<__m128i*>(bytes_ + i), _mm512_cvtepi32_epi8(width));
      }
    }
    template <fast_plan::Anchor anchor>
    SELVEDGE_AVX512 void measure(const std::int64_t* x, std::size_t count, std::int64_t number) {
      const __m512i from = _mm512_set1_epi64(number);
      std::memset(bytes_, 255, sizeof bytes_);
      for (std::size_t i = 0; i < count; i += 8) {
        const __mmask8 here = lanes_of_8(count - i);
        __m512i distance = _mm512_sub_epi64(_mm512_maskz_loadu_epi64(here, x + i), from);
        __m512i bits = distance;
        if constexpr (anchor == fast_plan::Anchor::lower_middle)
          distance = _mm512_sub_epi64(_mm512_setzero_si512(), distance);
        if constexpr (anchor != fast_plan::Anchor::start)
          bits = _mm512_xor_si512(distance, _mm512_srai_epi64(distance, 63));
        __m512i width =
            _mm512_sub_epi64(_mm512_set1_epi64(anchor == fast_plan::Anchor::start ? 64 : 65),
                             _mm512_lzcnt_epi64(bits));
        if constexpr (anchor != fast_plan::Anchor::start)
          width = _mm512_maskz_mov_epi64(_mm512_test_epi64_mask(distance, distance), width);
        width = _mm512_mask_mov_epi64(_mm512_set1_epi64(255), here, width);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(bytes_ + i), _mm512_cvtepi64_epi8(width));
      }
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
    for (std::size_t i = 0; i < count; i += 16) {
      const __m512i row = _mm512_mask_loadu_epi32(smallest, lanes_of_16(count - i), x + i);
      smallest = _mm512_min_epi32(smallest, row);
      largest = _mm512_max_epi32(largest, row);
    }
    return {_mm512_reduce_min_epi32(smallest), _mm512_reduce_max_epi32(largest)};
  }
  SELVEDGE_AVX512 static fast_plan::Extent<std::int64_t> extent(const std::int64_t* x,
                                                                std::size_t count) {
    __m512i smallest = _mm512_set1_epi64(x[0]), largest = smallest;
    for (std::size_t i = 0; i < count; i += 8) {
      const __m512i row = _mm512_mask_loadu_epi64(smallest, lanes_of_8(count - i), x + i);
      smallest = _mm512_min_epi64(smallest, row);
      largest = _mm512_max_epi64(largest, row);
    }
    return {_mm512_reduce_min_epi64(smallest), _mm512_reduce_max_epi64(largest)};
  }

  SELVEDGE_AVX512 static void mark(const std::int32_t* x, std::size_t count, std::uint8_t* bitmap) {
    for (std::size_t i = 0; i < count; i += 8) {
      const __m256i row = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i));
      bitmap[i / 8] = _mm256_test_epi32_mask(row, row);
    }
  }
  SELVEDGE_AVX512 static void mark(const std::int64_t* x, std::size_t count, std::uint8_t* bitmap) {
    for (std::size_t i = 0; i < count; i += 8) {
      const __m512i row = _mm512_loadu_si512(x + i);
      bitmap[i / 8] = _mm512_test_epi64_mask(row, row);
    }
  }
};

}  // namespace selvedge::codec
