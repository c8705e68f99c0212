// The loops over a run of tokens, the same on every path. Included by each path's file after
// token_path.h.

#include "codec/numbers/bits.h"
#include "codec/numbers/token_reader.h"

namespace selvedge::codec::tokens {
namespace {

// Takes a word into a state that runs low: without a branch, which nothing could predict.
[[gnu::always_inline]] inline void refill(std::uint32_t& state, const std::uint8_t*& at) {
  std::uint16_t word;
  std::memcpy(&word, at, sizeof word);
  const std::uint32_t refilled = state << 16 | word;
  const std::uint8_t* next = at + 2;
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  // GCC makes a branch of it whatever it is told.
  asm("cmp %[lowest], %[state]\n\tcmovb %[refilled], %[state]\n\tcmovb %[next], %[at]"
      : [state] "+r"(state), [at] "+r"(at)
      : [refilled] "r"(refilled), [next] "r"(next), [lowest] "i"(lowest_state)
      : "cc");
#else
  const bool is_low = state < lowest_state;
  state = is_low ? refilled : state;
  at = is_low ? next : at;
#endif
}

template <Mode mode>
inline unsigned context_of(const Trail& trail, unsigned size) {
  return mode == Mode::halves_and_last ? size + trail.last * sizes : size;
}

template <Mode mode>
[[gnu::always_inline]] inline void teach(Tables& tables, unsigned context, const unsigned (&found)[group]) {
  std::uint8_t& seen = tables.seen[context];
  Row row(tables.at[context]);
  row.learn(found, rates.of[seen]);
  row.store(tables.at[context]);
  seen = static_cast<std::uint8_t>(seen + (seen < most_seen));
}

// Where decoding stands. Copied into a local for the fast loop, so that it lives in registers.
template <unsigned segments, unsigned states_each>
struct Stand {
  const std::uint8_t* at;
  Trail trails[segments];
  std::uint32_t states[segments * states_each];
};

template <Mode mode, unsigned segments, unsigned states_each>
struct Decoder {
  const TokenRun run;
  Tables& tables;
  const std::uint8_t* const end;
  bool short_of_words = false;
  using Here = Stand<segments, states_each>;

  // Takes the symbol that a state stands for out of it; refills the state.
  template <bool checked>
  [[gnu::always_inline]] inline unsigned take(Here& here, unsigned which, const Row& row, const std::uint16_t* table) {
    std::uint32_t state = here.states[which];
    const unsigned slot = state & ((1u << scale_bits) - 1);
    const unsigned symbol = row.find(slot);
    const unsigned low = table[symbol];
    state = weight(low, table[symbol + 1]) * (state >> scale_bits) + slot - low;
    if (!checked) {
      refill(state, here.at);
    } else if (state < lowest_state) {
      if (end - here.at < 2) {
        short_of_words = true;
        return symbol;
      }
      refill(state, here.at);
    }
    here.states[which] = state;
    return symbol;
  }

  // One step: a group of each segment. All symbols are found before the tables learn any of them, so that
  // no segment waits for another. Unchecked: all groups are of four.
  template <bool checked>
  [[gnu::always_inline]] inline void step(Here& here, const Segments& shared, std::size_t index) {
    unsigned shifts[segments], contexts[segments], found[segments][group] = {}, many[segments];
#pragma GCC unroll 4
    for (unsigned segment = 0; segment < segments; ++segment) {
      const unsigned size = size_of(here.trails[segment].mean);
      shifts[segment] = shift_of(size);
      contexts[segment] = context_of<mode>(here.trails[segment], size);
      many[segment] = checked ? shared.size(segment, index) : group;
    }
#pragma GCC unroll 4
    for (unsigned segment = 0; segment < segments; ++segment) {
      const std::uint16_t* table = tables.at[contexts[segment]];
      const Row row(table);
#pragma GCC unroll 4
      for (unsigned i = 0; i < (checked ? many[segment] : group); ++i)
        found[segment][i] = take<checked>(here, states_each == 1 ? 0 : segment * group + i, row, table);
    }
#pragma GCC unroll 4
    for (unsigned segment = 0; segment < segments; ++segment) {
      if (checked && many[segment] == 0) continue;
      unsigned(&symbols_found)[group] = found[segment];
      for (unsigned i = many[segment]; checked && i < group; ++i) symbols_found[i] = symbols_found[many[segment] - 1];
      teach<mode>(tables, contexts[segment], symbols_found);
      const std::size_t place = shared.start(segment, index);
      const std::uint16_t* sizes_of = magnitudes.at[shifts[segment] != 0].data();
      std::uint64_t total = 0;
#pragma GCC unroll 4
      for (unsigned i = 0; i < (checked ? many[segment] : group); ++i) {
        total += sizes_of[symbols_found[i]];
        run.symbols[place + i] = static_cast<std::uint8_t>(symbols_found[i]);
      }
      run.shifts[place] = static_cast<std::uint8_t>(shifts[segment]);
      follow<mode>(here.trails[segment], total, sizes_of[symbols_found[many[segment] - 1]], many[segment], shifts[segment]);
    }
  }

  // Groups of which every segment has four, as long as there are words for sure. Returns the next.
  std::size_t all_whole(Here& kept, const Segments& shared, std::size_t whole) {
    Here here = kept;
    std::size_t index = 0;
    while (index < whole) {
      const std::size_t sure = static_cast<std::size_t>(end - here.at) / (2 * group * segments);
      if (sure == 0) break;
      for (const std::size_t stop = std::min(whole, index + sure); index < stop; ++index)
        step<false>(here, shared, index);
    }
    kept = here;
    return index;
  }

  void all(Here& here) {
    const Segments shared(run.count);
    const std::size_t before_last = (segments - 1) * shared.length;
    const std::size_t whole = shared.end <= before_last ? 0 : (shared.end - before_last) / group;
    for (std::size_t index = all_whole(here, shared, whole); index < shared.groups() && !short_of_words; ++index)
      step<true>(here, shared, index);
  }
};

template <Mode mode, unsigned segments, unsigned states_each>
std::size_t decode(base::BytesView in, const TokenRun& run, Tables& tables, std::uint32_t* states) {
  constexpr unsigned count = segments * states_each;
  if (in.size() < 4 * count) return 0;
  Decoder<mode, segments, states_each> decoder{run, tables, in.data() + in.size()};
  Stand<segments, states_each> here{in.data() + 4 * count, {}, {}};
  std::memcpy(here.states, in.data(), 4 * count);
  for (Trail& trail : here.trails) trail.mean = first_mean(run.first_size);
  decoder.all(here);
  if (decoder.short_of_words) return 0;
  std::memcpy(states, here.states, 4 * count);
  return static_cast<std::size_t>(here.at - in.data());
}

template <Mode mode>
std::size_t decode_mode(base::BytesView in, const TokenRun& run, Tables& tables, std::uint32_t* states) {
  const Segments shared(run.count);
  if (shared.count == 4) return decode<mode, 4, group>(in, run, tables, states);
  if (shared.count == 2) return decode<mode, 2, group>(in, run, tables, states);
  return shared.states == 1 ? decode<mode, 1, 1>(in, run, tables, states)
                            : decode<mode, 1, group>(in, run, tables, states);
}

inline std::size_t decode_any(base::BytesView in, const TokenRun& run, Tables& tables, std::uint32_t* states) {
  switch (run.mode) {
    case Mode::last_group: return decode_mode<Mode::last_group>(in, run, tables, states);
    case Mode::halves: return decode_mode<Mode::halves>(in, run, tables, states);
    case Mode::quarters: return decode_mode<Mode::quarters>(in, run, tables, states);
    case Mode::halves_and_last: break;
  }
  return decode_mode<Mode::halves_and_last>(in, run, tables, states);
}

// What a symbol adds to the raw bits: the start of its range, and how many tell the place in it.
struct Ranges {
  std::uint8_t start[symbols], bits[symbols];
  constexpr Ranges() : start{}, bits{} {
    for (unsigned s = 0; s < symbols; ++s) {
      start[s] = range_start[s / 2];
      bits[s] = range_bits[s / 2];
    }
  }
};
constexpr Ranges ranges;

// No value of a group has an open range, and the bits suffice for the most that they can be.
constexpr unsigned most_raw_bits = 6 + 48;
inline bool plain(const RawRun& run, std::size_t at, std::size_t place) {
  std::uint32_t four;
  std::memcpy(&four, run.symbols + place, group);
  // 28 and above, and only they, have bits 2, 3 and 4.
  return (four >> 4 & four >> 3 & four >> 2 & 0x01010101u) == 0 && at + group * most_raw_bits <= run.limit;
}

#ifdef SELVEDGE_PATH_AVX512
#define SELVEDGE_RAW_PAIRS
inline std::size_t take_raw_pair(const RawRun& run, std::size_t at, std::size_t place) {
  // The tables' first entries are 0, so the empty places of a lane stay empty.
  struct Words {
    alignas(64) std::uint16_t start[symbols], bits[symbols];
    constexpr Words() : start{}, bits{} {
      for (unsigned s = 0; s < symbols; ++s) start[s] = ranges.start[s], bits[s] = ranges.bits[s];
    }
  };
  static constexpr Words words;
  const __m512i symbol = _mm512_cvtepu8_epi64(_mm_loadu_si64(run.symbols + place));
  const __m512i shift = _mm512_mask_set1_epi64(_mm512_set1_epi64(run.shifts[place]), 0xF0, run.shifts[place + group]);
  const __m512i bits = _mm512_add_epi64(_mm512_permutexvar_epi16(symbol, _mm512_load_si512(words.bits)), shift);
  const __m512i start = _mm512_permutexvar_epi16(symbol, _mm512_load_si512(words.start));
  const __m512i zero = _mm512_setzero_si512();
  __m512i ends = _mm512_add_epi64(bits, _mm512_alignr_epi64(bits, zero, 7));
  ends = _mm512_add_epi64(ends, _mm512_alignr_epi64(ends, zero, 6));
  ends = _mm512_add_epi64(ends, _mm512_alignr_epi64(ends, zero, 4));
  const __m512i from = _mm512_add_epi64(_mm512_sub_epi64(ends, bits), _mm512_set1_epi64(static_cast<long long>(at)));
  const __m512i word = _mm512_i64gather_epi64(_mm512_srli_epi64(from, 3), run.bytes, 1);
  const __m512i mask = _mm512_sub_epi64(_mm512_sllv_epi64(_mm512_set1_epi64(1), bits), _mm512_set1_epi64(1));
  const __m512i field = _mm512_and_si512(_mm512_srlv_epi64(word, _mm512_and_si512(from, _mm512_set1_epi64(7))), mask);
  const __m512i v = _mm512_add_epi64(_mm512_sllv_epi64(start, shift), field);
  const __m512i sign = _mm512_sub_epi64(zero, _mm512_and_si512(symbol, _mm512_set1_epi64(1)));
  _mm512_storeu_si512(run.residuals + place, _mm512_xor_si512(v, sign));
  return at + static_cast<std::size_t>(_mm_extract_epi64(_mm512_extracti64x2_epi64(ends, 3), 1));
}
#endif

// One value with all its checks. False if the bits do not suffice or the symbol is not one.
inline bool take_raw(const RawRun& run, std::size_t& at, std::size_t place, unsigned shift) {
  const unsigned symbol = run.symbols[place];
  if (symbol >= used_symbols) return false;
  std::uint64_t v;
  if (symbol / 2 == open_range) {
    if (at + 6 > run.limit) return false;
    const auto length = static_cast<unsigned>(bits_at(run.bytes, at, 6));
    at += 6;
    if (at + length + shift > run.limit) return false;
    v = (long_bits_at(run.bytes, at, length) + range_start[open_range]) << shift;
    at += length;
    v |= bits_at(run.bytes, at, shift);
    at += shift;
  } else {
    const unsigned bits = ranges.bits[symbol] + shift;
    if (at + bits > run.limit) return false;
    v = (std::uint64_t{ranges.start[symbol]} << shift) + bits_at(run.bytes, at, bits);
    at += bits;
  }
  run.residuals[place] = static_cast<std::int64_t>(v ^ (0 - std::uint64_t{symbol & 1}));
  return true;
}

// A whole group, when there are bits enough and no open range is in it. Paths may have take_raw_pair, for
// two such groups at once.
inline void take_raw_group(const RawRun& run, std::size_t& at, std::size_t place) {
  const unsigned shift = run.shifts[place];
  std::size_t here = at;
#pragma GCC unroll 4
  for (unsigned i = 0; i < group; ++i) {
    const unsigned symbol = run.symbols[place + i];
    const unsigned bits = ranges.bits[symbol] + shift;
    const std::uint64_t v = (std::uint64_t{ranges.start[symbol]} << shift) + bits_at(run.bytes, here, bits);
    here += bits;
    run.residuals[place + i] = static_cast<std::int64_t>(v ^ (0 - std::uint64_t{symbol & 1}));
  }
  at = here;
}

// Residuals in the order of the values, whose groups' shifts stand at their first places.
inline std::size_t read_raw_any(const RawRun& run) {
  const Segments shared(run.count);
  std::size_t at = 0;
  for (unsigned segment = 0; segment < shared.count; ++segment) {
    std::size_t place = segment * shared.length;
    const std::size_t end = std::min(place + shared.length, shared.end);
    while (place + group <= end) {
#ifdef SELVEDGE_RAW_PAIRS
      if (place + 2 * group <= end && plain(run, at, place) && plain(run, at + group * most_raw_bits, place + group)) {
        at = take_raw_pair(run, at, place);
        place += 2 * group;
        continue;
      }
#endif
      if (plain(run, at, place)) {
        take_raw_group(run, at, place);
      } else {
        for (std::size_t i = 0; i < group; ++i)
          if (!take_raw(run, at, place + i, run.shifts[place])) return run.limit + 1;
      }
      place += group;
    }
    for (const std::size_t first = place; place < end; ++place)
      if (!take_raw(run, at, place, run.shifts[first])) return run.limit + 1;
  }
  return at;
}

// The encoder's side. Symbols are made here because the shift follows from the symbols before.
template <Mode mode>
void weigh(const WeighRun& run, Tables& tables) {
  const Segments shared(run.count);
  Trail trails[most_segments];
  for (Trail& trail : trails) trail.mean = first_mean(run.first_size);
  for (std::size_t index = 0; index < shared.groups(); ++index) {
    unsigned found[most_segments][group], contexts[most_segments];
    for (unsigned segment = 0; segment < shared.count; ++segment) {
      const unsigned count = shared.size(segment, index);
      if (count == 0) continue;
      Trail& trail = trails[segment];
      const unsigned size = size_of(trail.mean), shift = shift_of(size);
      contexts[segment] = context_of<mode>(trail, size);
      const std::size_t place = shared.start(segment, index);
      const std::uint16_t* table = tables.at[contexts[segment]];
      const std::uint16_t* sizes_of = magnitudes.at[shift != 0].data();
      std::uint64_t total = 0;
      for (unsigned i = 0; i < count; ++i) {
        const std::int64_t e = run.residuals[place + i];
        const unsigned symbol = 2 * range_of(static_cast<std::uint64_t>(e < 0 ? ~e : e) >> shift) + (e < 0);
        const unsigned low = table[symbol];
        run.weights[place + i] = {static_cast<std::uint16_t>(low),
                                  static_cast<std::uint16_t>(weight(low, table[symbol + 1]))};
        run.symbols[place + i] = static_cast<std::uint8_t>(symbol);
        found[segment][i] = symbol;
        total += sizes_of[symbol];
      }
      for (unsigned i = count; i < group; ++i) found[segment][i] = found[segment][count - 1];
      run.shifts[place] = static_cast<std::uint8_t>(shift);
      follow<mode>(trail, total, sizes_of[found[segment][count - 1]], count, shift);
    }
    for (unsigned segment = 0; segment < shared.count; ++segment)
      if (shared.size(segment, index) > 0) teach<mode>(tables, contexts[segment], found[segment]);
  }
}

inline void weigh_any(const WeighRun& run, Tables& tables) {
  switch (run.mode) {
    case Mode::last_group: return weigh<Mode::last_group>(run, tables);
    case Mode::halves: return weigh<Mode::halves>(run, tables);
    case Mode::quarters: return weigh<Mode::quarters>(run, tables);
    case Mode::halves_and_last: return weigh<Mode::halves_and_last>(run, tables);
  }
}

}  // namespace
}  // namespace selvedge::codec::tokens
