// What a processor path does in its own way: a table's row in registers, where the symbol of a slot is
// found and from which the table is taught. Included by each path's file after it has set its target; everything here has internal
// linkage, so that no code of one path is ever linked into another.

#if defined(SELVEDGE_PATH_AVX512) || defined(SELVEDGE_PATH_AVX2)
#include <immintrin.h>
#endif

#include "codec/numbers/token_tables.h"

namespace selvedge::codec::tokens {
namespace {

// Where the entries go when a symbol is seen.
struct Goals {
  alignas(64) std::uint16_t at[symbols][symbols];
  constexpr Goals() : at{} {
    for (unsigned s = 0; s < symbols; ++s)
      for (unsigned i = 0; i < symbols; ++i)
        at[s][i] = static_cast<std::uint16_t>(i <= s ? i : 32768 - symbols + i);
  }
};
constexpr Goals goals;

#if defined(SELVEDGE_PATH_AVX512)

struct Row {
  __m512i entries;
  explicit Row(const std::uint16_t* table) : entries(_mm512_load_si512(table)) {}
  void store(std::uint16_t* table) const { _mm512_store_si512(table, entries); }
  unsigned find(unsigned slot) const {
    const __mmask32 above = _mm512_cmpgt_epi16_mask(entries, _mm512_set1_epi16(static_cast<short>(slot)));
    return static_cast<unsigned>(_tzcnt_u32(above)) - 1;
  }
  void learn(const unsigned (&found)[group], unsigned rate) {
    const auto goal = [&](unsigned i) { return _mm512_load_si512(goals.at[found[i]]); };
    const __m512i mean = _mm512_avg_epu16(_mm512_avg_epu16(goal(0), goal(1)), _mm512_avg_epu16(goal(2), goal(3)));
    const __m512i way = _mm512_sub_epi16(mean, entries);
    entries = _mm512_add_epi16(entries, _mm512_sra_epi16(way, _mm_cvtsi32_si128(static_cast<int>(rate))));
  }
};

#elif defined(SELVEDGE_PATH_AVX2)

struct Row {
  __m256i low, high;
  static __m256i part(const std::uint16_t* at) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(at)); }
  explicit Row(const std::uint16_t* table) : low(part(table)), high(part(table + 16)) {}
  void store(std::uint16_t* table) const {
    _mm256_store_si256(reinterpret_cast<__m256i*>(table), low);
    _mm256_store_si256(reinterpret_cast<__m256i*>(table + 16), high);
  }
  unsigned find(unsigned slot) const {
    const __m256i wanted = _mm256_set1_epi16(static_cast<short>(slot));
    const __m256i above = _mm256_packs_epi16(_mm256_cmpgt_epi16(low, wanted), _mm256_cmpgt_epi16(high, wanted));
    // packs works within halves: back into order.
    const __m256i in_order = _mm256_permute4x64_epi64(above, 0xD8);
    return static_cast<unsigned>(_tzcnt_u32(static_cast<unsigned>(_mm256_movemask_epi8(in_order)))) - 1;
  }
  static __m256i mean(const unsigned (&found)[group], unsigned from) {
    const auto goal = [&](unsigned i) { return part(goals.at[found[i]] + from); };
    return _mm256_avg_epu16(_mm256_avg_epu16(goal(0), goal(1)), _mm256_avg_epu16(goal(2), goal(3)));
  }
  void learn(const unsigned (&found)[group], unsigned rate) {
    const __m128i by = _mm_cvtsi32_si128(static_cast<int>(rate));
    low = _mm256_add_epi16(low, _mm256_sra_epi16(_mm256_sub_epi16(mean(found, 0), low), by));
    high = _mm256_add_epi16(high, _mm256_sra_epi16(_mm256_sub_epi16(mean(found, 16), high), by));
  }
};

#else

struct Row {
  std::uint16_t entries[symbols];
  explicit Row(const std::uint16_t* table) { std::memcpy(entries, table, sizeof entries); }
  void store(std::uint16_t* table) const { std::memcpy(table, entries, sizeof entries); }
  unsigned find(unsigned slot) const {
    std::uint16_t not_above = 0;
    for (const std::uint16_t entry : entries) not_above = static_cast<std::uint16_t>(not_above + (entry <= slot));
    return not_above - 1u;
  }
  void learn(const unsigned (&found)[group], unsigned rate) {
    const auto& a = goals.at[found[0]];
    const auto& b = goals.at[found[1]];
    const auto& c = goals.at[found[2]];
    const auto& d = goals.at[found[3]];
    for (unsigned i = 0; i < symbols; ++i) {
      const unsigned mean = ((a[i] + b[i] + 1u) / 2 + (c[i] + d[i] + 1u) / 2 + 1) / 2;
      const auto way = static_cast<std::int16_t>(mean - entries[i]);
      entries[i] = static_cast<std::uint16_t>(entries[i] + (way >> rate));
    }
  }
};

#endif

}  // namespace
}  // namespace selvedge::codec::tokens
