#include "engine/vision/resample_x86.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace selvedge::engine {

#if defined(__x86_64__)
namespace {

// Many channel values at a time, all rows of them before the next. A byte in the upper half of 16 bits
// times a weight gives 256ths in the upper half of the product.
template <std::size_t registers>
[[gnu::target("avx2"), gnu::always_inline]] inline void blend_some(const BlendRows& blend, std::size_t at) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i half = _mm256_set1_epi16(static_cast<short>((blend.weights.size() + 1) / 2));
  __m256i low[registers], high[registers];
  for (std::size_t r = 0; r < registers; ++r) low[r] = high[r] = half;
  const std::uint8_t* row = blend.first + at;
  for (const std::uint16_t each : blend.weights) {
    const __m256i weight = _mm256_set1_epi16(static_cast<short>(each));
#pragma GCC unroll 2
    for (std::size_t r = 0; r < registers; ++r) {
      const __m256i pixels = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + r * 32));
      low[r] = _mm256_add_epi16(low[r], _mm256_mulhi_epu16(_mm256_unpacklo_epi8(zero, pixels), weight));
      high[r] = _mm256_add_epi16(high[r], _mm256_mulhi_epu16(_mm256_unpackhi_epi8(zero, pixels), weight));
    }
    row += blend.stride;
  }
  for (std::size_t r = 0; r < registers; ++r) {
    const __m256i first = _mm256_srli_epi16(low[r], 1), second = _mm256_srli_epi16(high[r], 1);
    // Unpacking went by halves of the register: their order is put right.
    __m256i* to = reinterpret_cast<__m256i*>(blend.line.data() + at + r * 32);
    _mm256_storeu_si256(to, _mm256_permute2x128_si256(first, second, 0x20));
    _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(first, second, 0x31));
  }
}

[[gnu::target("avx2")]] void blend_rows(const BlendRows& blend) {
  const std::size_t width = blend.line.size();
  std::size_t i = 0;
  if (blend.weights.size() > 1) {
    for (; i + 64 <= width; i += 64) blend_some<2>(blend, i);
    for (; i + 32 <= width; i += 32) blend_some<1>(blend, i);
  }
  if (i < width)
    plain_kernels().blend_rows({blend.first + i, blend.stride, blend.weights, blend.line.subspan(i)});
}

// One pixel of the result: each half of the register has sums of red, green, blue in the order asked for,
// and the two halves are to be added. Four pixels of the line at a time: each half takes two, and a
// shuffle puts the two values of a channel side by side, as the multiplication that adds pairs wants them.
template <int unrolled>
[[gnu::target("avx2"), gnu::always_inline]] inline __m256i halves_of(const std::int16_t* pixels, const std::uint16_t* weights,
                                                                     int groups, __m256i order) {
  __m256i sum = _mm256_setzero_si256();
  const int count = unrolled > 0 ? unrolled : groups;
#pragma GCC unroll 4
  for (int k = 0; k < count; ++k) {
    const __m256i four = _mm256_permutevar8x32_epi32(
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(pixels + k * 12)), _mm256_setr_epi32(0, 1, 2, 2, 3, 4, 5, 5));
    const __m256i weight = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights + k * 16));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_shuffle_epi8(four, order), weight));
  }
  return sum;
}

// Bytes of two neighbouring pixels so that the values of a channel stand side by side; the last four
// become zero.
[[gnu::target("avx2")]] inline void pairs_in(const std::array<int, 3>& order, __m256i& pairs) {
  alignas(16) std::array<char, 16> bytes{};
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t pixel = 0; pixel < 2; ++pixel)
      for (std::size_t half = 0; half < 2; ++half)
        bytes[c * 4 + pixel * 2 + half] =
            static_cast<char>(std::size_t(order[c]) * 2 + pixel * 6 + half);
  for (std::size_t i = 12; i < 16; ++i) bytes[i] = static_cast<char>(0x80);
  pairs = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(bytes.data())));
}

// What is the same for all pixels of a line.
struct Line {
  const Filter::Span* spans;
  const std::int16_t* pixels;                      // where pixel 0 of the source would be
  const std::uint16_t* weights;
  std::size_t stride;                              // of the weights, between pixels of the result
  int groups;
  __m256i order;
  __m256 factor, offset;
};

// Pixels i and k of the result as red, green, blue and nothing each.
template <int unrolled>
[[gnu::target("avx2"), gnu::always_inline]] inline __m256 two_pixels(const Line& line, std::size_t i, std::size_t k) {
  const __m256i a = halves_of<unrolled>(line.pixels + std::ptrdiff_t{line.spans[i].first} * 3, line.weights + i * line.stride,
                                        line.groups, line.order);
  const __m256i b = halves_of<unrolled>(line.pixels + std::ptrdiff_t{line.spans[k].first} * 3, line.weights + k * line.stride,
                                        line.groups, line.order);
  const __m256i sum = _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
  return _mm256_add_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), line.factor), line.offset);
}

template <bool planes, int unrolled>
[[gnu::target("avx2")]] void shrink(const Line& given, std::size_t count, const std::array<float*, 3>& to) {
  const Line line = given;                         // in registers: nothing written can change it
  std::size_t i = 0;
  if constexpr (planes) {
    for (; i + 4 <= count; i += 4) {
      const __m256 even = two_pixels<unrolled>(line, i, i + 2), odd = two_pixels<unrolled>(line, i + 1, i + 3);
      const __m256d mixed = _mm256_castps_pd(_mm256_unpacklo_ps(even, odd));
      const __m256 red_green = _mm256_castpd_ps(_mm256_permute4x64_pd(mixed, 0xD8));
      const __m256d blues = _mm256_castps_pd(_mm256_unpackhi_ps(even, odd));
      const __m256 blue = _mm256_castpd_ps(_mm256_permute4x64_pd(blues, 0xD8));
      _mm_storeu_ps(to[0] + i, _mm256_castps256_ps128(red_green));
      _mm_storeu_ps(to[1] + i, _mm256_extractf128_ps(red_green, 1));
      _mm_storeu_ps(to[2] + i, _mm256_castps256_ps128(blue));
    }
  } else {
    for (; i + 2 <= count; i += 2) {
      const __m256 two = two_pixels<unrolled>(line, i, i + 1);
      _mm_storeu_ps(to[0] + i * 3, _mm256_castps256_ps128(two));
      _mm_storeu_ps(to[0] + i * 3 + 3, _mm256_extractf128_ps(two, 1));
    }
  }
  for (; i < count; ++i) {
    alignas(32) std::array<float, 8> values;
    _mm256_store_ps(values.data(), two_pixels<unrolled>(line, i, i));
    for (std::size_t c = 0; c < 3; ++c) (planes ? to[c][i] : to[0][i * 3 + c]) = values[c];
  }
}

template <bool planes>
[[gnu::target("avx2")]] void shrink_line(const ShrinkLine& whole) {
  const Filter& filter = *whole.filter;
  const std::array<float, 3>& factor = whole.scaling->factor;
  const std::array<float, 3>& offset = whole.scaling->offset;
  __m256i order;
  pairs_in(whole.scaling->order, order);
  const Line line{filter.spans.data(), whole.line.data() - std::ptrdiff_t{filter.first} * 3, filter.pairs.data(),
                  static_cast<std::size_t>(filter.width) * 4, filter.width / 4, order,
                  _mm256_setr_ps(factor[0], factor[1], factor[2], 0, factor[0], factor[1], factor[2], 0),
                  _mm256_setr_ps(offset[0], offset[1], offset[2], 0, offset[0], offset[1], offset[2], 0)};
  switch (line.groups) {
    case 1: return shrink<planes, 1>(line, filter.spans.size(), whole.to);
    case 2: return shrink<planes, 2>(line, filter.spans.size(), whole.to);
    case 3: return shrink<planes, 3>(line, filter.spans.size(), whole.to);
    default: return shrink<planes, 0>(line, filter.spans.size(), whole.to);
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
