#include "engine/vision/resample_x86.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace selvedge::engine {

#if defined(__x86_64__)
namespace {

// Sixteen channel values at a time, all rows of them before the next sixteen.
[[gnu::target("avx2")]] void blend_rows(const BlendRows& blend) {
  const std::size_t width = blend.line.size(), count = blend.weights.size();
  std::size_t i = 0;
  if (count > 1) {
    for (; i + 32 <= width; i += 32) {
      __m256i low = _mm256_setzero_si256(), high = low;
      const std::uint8_t* row = blend.first + i;
      for (std::size_t k = 0; k < count; ++k, row += blend.stride) {
        const __m256i weight = _mm256_set1_epi16(blend.weights[k]);
        const __m128i* pixels = reinterpret_cast<const __m128i*>(row);
        const __m256i a = _mm256_slli_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128(pixels)), 7);
        const __m256i b = _mm256_slli_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128(pixels + 1)), 7);
        low = _mm256_add_epi16(low, _mm256_mulhrs_epi16(a, weight));
        high = _mm256_add_epi16(high, _mm256_mulhrs_epi16(b, weight));
      }
      __m256i* to = reinterpret_cast<__m256i*>(blend.line.data() + i);
      _mm256_storeu_si256(to, low);
      _mm256_storeu_si256(to + 1, high);
    }
  }
  if (i < width)
    plain_kernels().blend_rows({blend.first + i, blend.stride, blend.weights, blend.line.subspan(i)});
}

// One pixel of the result as red, green, blue sums in the low three lanes, in the order asked for. Four
// pixels of the line at a time: each half of the register takes two, and a shuffle puts the two values
// of a channel side by side, as the multiplication that adds pairs wants them.
[[gnu::target("avx2")]] inline __m128 sum_of(const std::int16_t* pixels, const std::int16_t* weights, int count,
                                             __m256i pairs) {
  __m256i sum = _mm256_setzero_si256();
  for (int k = 0; k < count; k += 4, pixels += 12, weights += 4) {
    const __m256i four = _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels))),
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels + 6)), 1);
    // Weights 0 and 1 in every 32 bits of the low half, 2 and 3 in the high one.
    const __m128i some = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(weights));
    const __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_shuffle_epi32(some, 0x00)),
                                                 _mm_shuffle_epi32(some, 0x55), 1);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_shuffle_epi8(four, pairs), both));
  }
  return _mm_cvtepi32_ps(_mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1)));
}

// Bytes of two neighbouring pixels so that the values of a channel stand side by side; the last four
// become zero.
[[gnu::target("avx2")]] __m256i pairs_in(const std::array<int, 3>& order) {
  alignas(16) std::array<char, 16> bytes{};
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t pixel = 0; pixel < 2; ++pixel)
      for (std::size_t half = 0; half < 2; ++half)
        bytes[c * 4 + pixel * 2 + half] =
            static_cast<char>(std::size_t(order[c]) * 2 + pixel * 6 + half);
  for (std::size_t i = 12; i < 16; ++i) bytes[i] = static_cast<char>(0x80);
  return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(bytes.data())));
}

template <bool planes>
[[gnu::target("avx2")]] void shrink_line(const ShrinkLine& shrink) {
  const Filter& filter = *shrink.filter;
  const Scaling& scaling = *shrink.scaling;
  const __m256i pairs = pairs_in(scaling.order);
  const __m128 factor = _mm_setr_ps(scaling.factor[0], scaling.factor[1], scaling.factor[2], 0);
  const __m128 offset = _mm_setr_ps(scaling.offset[0], scaling.offset[1], scaling.offset[2], 0);
  const auto pixel = [&](std::size_t i) __attribute__((target("avx2"), always_inline)) {
    const Filter::Span& span = filter.spans[i];
    const __m128 sum = sum_of(shrink.line.data() + std::size_t(span.first - filter.first) * 3,
                              filter.weights.data() + span.weights, span.count, pairs);
    return _mm_add_ps(_mm_mul_ps(sum, factor), offset);
  };
  const std::size_t count = filter.spans.size();
  std::size_t i = 0;
  if constexpr (planes) {
    for (; i + 4 <= count; i += 4) {
      __m128 a = pixel(i), b = pixel(i + 1), c = pixel(i + 2), d = pixel(i + 3);
      _MM_TRANSPOSE4_PS(a, b, c, d);
      _mm_storeu_ps(shrink.to[0] + i, a);
      _mm_storeu_ps(shrink.to[1] + i, b);
      _mm_storeu_ps(shrink.to[2] + i, c);
    }
    for (; i < count; ++i) {
      alignas(16) std::array<float, 4> values;
      _mm_store_ps(values.data(), pixel(i));
      for (std::size_t c = 0; c < 3; ++c) shrink.to[c][i] = values[c];
    }
  } else {
    for (; i < count; ++i) _mm_storeu_ps(shrink.to[0] + i * 3, pixel(i));
  }
}

[[gnu::target("avx2")]] void quantise(const Quantise& quantise) {
  const __m256 least = _mm256_set1_ps(quantise.least), most = _mm256_set1_ps(quantise.most);
  const __m256i low_byte = _mm256_set1_epi32(0xFF);
  std::size_t i = 0;
  for (; i + 8 <= quantise.from.size(); i += 8) {
    const __m256 held = _mm256_min_ps(_mm256_max_ps(_mm256_loadu_ps(quantise.from.data() + i), least), most);
    const __m256i whole = _mm256_and_si256(_mm256_cvtps_epi32(held), low_byte);
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(quantise.to + i), _mm_packus_epi16(words, words));
  }
  plain_kernels().quantise({quantise.from.subspan(i), quantise.least, quantise.most, quantise.to + i});
}

}  // namespace

const Kernels* x86_kernels() {
  static constexpr Kernels kernels{blend_rows, shrink_line<true>, shrink_line<false>, quantise};
  return __builtin_cpu_supports("avx2") ? &kernels : nullptr;
}
#else
const Kernels* x86_kernels() { return nullptr; }
#endif

}  // namespace selvedge::engine
