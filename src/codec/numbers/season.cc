#include "codec/numbers/season.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "codec/numbers/processor.h"

namespace selvedge::codec {
namespace {

constexpr std::uint32_t shortest_season = 5;

// How far the signs at this lag agree, in standard deviations of what chance would do; of so many words.
[[gnu::always_inline]] inline double agreement_of(const std::vector<std::uint64_t>& signs, std::size_t words, std::size_t lag) {
  const std::size_t skip = lag / 64, shift = lag % 64;
  std::uint64_t differ = 0;
  const std::uint64_t* a = signs.data();
  const std::uint64_t* b = signs.data() + skip;
  for (std::size_t w = 0; w < words; ++w) {
    // Two shifts, because a shift by 64 is not one.
    const std::uint64_t late = b[w] >> shift | b[w + 1] << 1 << (63 - shift);
    differ += static_cast<std::uint64_t>(std::popcount(a[w] ^ late));
  }
  const double bits = static_cast<double>(words * 64);
  return (bits / 2 - static_cast<double>(differ)) / std::sqrt(bits / 4 + 1);
}

// The processor's own instruction, where it has one, is five times as fast.
#ifdef __x86_64__
[[gnu::target("popcnt")]] double agreement_popcnt(const std::vector<std::uint64_t>& signs, std::size_t words, std::size_t lag) {
  return agreement_of(signs, words, lag);
}
#endif
double agreement_plain(const std::vector<std::uint64_t>& signs, std::size_t words, std::size_t lag) {
  return agreement_of(signs, words, lag);
}

auto agreement_function() {
#ifdef __x86_64__
  if (processor() >= Processor::avx2) return agreement_popcnt;
#endif
  return agreement_plain;
}

}  // namespace

std::uint32_t season_of(std::span<const std::int64_t> differences) {
  const std::size_t n = differences.size();
  if (n < 6 * shortest_season || n < 128) return 0;
  static thread_local std::vector<std::uint64_t> signs;
  signs.assign(n / 64 + 2, 0);
  for (std::size_t i = 0; i < n; ++i)
    signs[i / 64] |= static_cast<std::uint64_t>(differences[i] > 0) << (i % 64);
  const auto last = static_cast<std::uint32_t>(std::min<std::size_t>(longest_season, n / 3));
  static const auto agreement = agreement_function();
  // A first look at part of the signs; only lags that stand out there are looked at as a whole.
  constexpr std::size_t first_look = 32;
  constexpr double worth_a_look = 3, beyond_chance = 5;
  const auto words = [&](std::size_t lag, std::size_t most) { return std::min((n - lag) / 64, most); };
  double best = beyond_chance;
  std::uint32_t season = 0;
  double before = 0;
  double here = agreement(signs, words(shortest_season, first_look), shortest_season);
  for (std::uint32_t lag = shortest_season; lag < last; ++lag) {
    const double next = agreement(signs, words(lag + 1, first_look), lag + 1);
    if (here > before && here >= next && here > worth_a_look) {
      const double whole = agreement(signs, words(lag, n), lag);
      // A multiple of the period must be clearly better to be taken for it.
      if (whole > best * (season == 0 ? 1 : 1.02)) {
        best = whole;
        season = lag;
      }
    }
    before = here;
    here = next;
  }
  return season;
}

}  // namespace selvedge::codec
