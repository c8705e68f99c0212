// The loops over a run of tokens, the same on every path. Included by each path's file after
// token_path.h.

#include "codec/numbers/bits.h"
#include "codec/numbers/token_reader.h"

namespace selvedge::codec::tokens {
namespace {

inline std::uint32_t word_at(const std::uint8_t* at) {
  std::uint16_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

template <Mode mode>
inline unsigned context_of(const Trail& trail, unsigned size) {
  return mode == Mode::halves_and_last ? size + trail.last * sizes : size;
}

inline void count_seen(std::uint8_t& seen) { seen = static_cast<std::uint8_t>(seen + (seen < most_seen)); }

template <Mode mode, unsigned segments, unsigned states_each>
struct Decoder {
  const TokenRun& run;
  Tables& tables;
  const std::uint8_t* at;
  const std::uint8_t* end;
  Trail trails[segments];
  std::uint32_t states[segments * states_each];
  bool short_of_words = false;

  // Takes the symbol that a state stands for out of it; refills the state.
  template <bool checked>
  unsigned take(std::uint32_t& kept, const Row& row, const std::uint16_t* table) {
    std::uint32_t state = kept;
    const unsigned slot = state & ((1u << scale_bits) - 1);
    const unsigned symbol = row.find(slot);
    const unsigned low = table[symbol];
    state = weight(low, table[symbol + 1]) * (state >> scale_bits) + slot - low;
    const unsigned is_low = state < lowest_state;
    if constexpr (checked) {
      if (is_low && end - at < 2) {
        short_of_words = true;
        return symbol;
      }
      kept = is_low ? state << 16 | word_at(at) : state;
    } else {
      // Without a branch, which nothing could predict.
      kept = state << (is_low << 4) | (word_at(at) & (0u - static_cast<std::uint32_t>(is_low)));
    }
    at += 2 * std::size_t{is_low};
    return symbol;
  }

  // `count` is the group's size, and 4 unless checked.
  template <bool checked>
  void take_group(unsigned segment, std::size_t place, unsigned count) {
    Trail& trail = trails[segment];
    const unsigned size = size_of(trail.mean), shift = shift_of(size);
    const unsigned context = context_of<mode>(trail, size);
    std::uint16_t* table = tables.at[context];
    Row row(table);
    unsigned found[group] = {};
    const unsigned many = checked ? count : group;
#pragma GCC unroll 4
    for (unsigned i = 0; i < many; ++i)
      found[i] = take<checked>(states[states_each == 1 ? 0 : segment * group + i], row, table);
    const std::uint16_t* sizes_of = magnitudes.at[shift != 0].data();
    std::uint64_t total = 0;
#pragma GCC unroll 4
    for (unsigned i = 0; i < many; ++i) {
      total += sizes_of[found[i]];
      run.symbols[place + i] = static_cast<std::uint8_t>(found[i]);
    }
    for (unsigned i = many; i < group; ++i) found[i] = found[many - 1];
    row.learn(found, rates.of[tables.seen[context]]);
    row.store(table);
    count_seen(tables.seen[context]);
    run.shifts[place] = static_cast<std::uint8_t>(shift);
    follow<mode>(trail, total, sizes_of[found[many - 1]], many, shift);
  }

  void all(const Segments& shared) {
    // Groups of which every segment has four.
    const std::size_t whole = segments == 1 ? shared.end / group : (shared.end - shared.split) / group;
    std::size_t index = 0;
    while (index < whole && !short_of_words) {
      const std::size_t sure = static_cast<std::size_t>(end - at) / (2 * group * segments);
      if (sure == 0) break;
      for (const std::size_t stop = std::min(whole, index + sure); index < stop; ++index)
        for (unsigned segment = 0; segment < segments; ++segment)
          take_group<false>(segment, segment * shared.split + group * index, group);
    }
    for (; index < shared.groups() && !short_of_words; ++index)
      for (unsigned segment = 0; segment < segments; ++segment)
        if (const unsigned count = shared.size(segment, index); count > 0)
          take_group<true>(segment, shared.start(segment, index), count);
  }
};

template <Mode mode, unsigned segments, unsigned states_each>
std::size_t decode(base::BytesView in, const TokenRun& run, Tables& tables, std::uint32_t* states) {
  constexpr unsigned count = segments * states_each;
  if (in.size() < 4 * count) return 0;
  Decoder<mode, segments, states_each> decoder{run, tables, in.data() + 4 * count, in.data() + in.size(), {}, {}, false};
  std::memcpy(decoder.states, in.data(), 4 * count);
  for (Trail& trail : decoder.trails) trail.mean = first_mean(run.first_size);
  decoder.all(Segments(run.count));
  if (decoder.short_of_words) return 0;
  std::memcpy(states, decoder.states, 4 * count);
  return static_cast<std::size_t>(decoder.at - in.data());
}

template <Mode mode>
std::size_t decode_mode(base::BytesView in, const TokenRun& run, Tables& tables, std::uint32_t* states) {
  const Segments shared(run.count);
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

// A whole group, when there are bits enough and no open range is in it.
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
  const std::size_t bounds[3] = {0, shared.split, shared.end};
  for (unsigned segment = 0; segment < shared.count; ++segment) {
    std::size_t place = bounds[segment];
    const std::size_t end = bounds[segment + 1];
    for (; place + group <= end; place += group) {
      std::uint32_t four;
      std::memcpy(&four, run.symbols + place, group);
      // 28 and above, and only they, have bits 2, 3 and 4.
      if ((four >> 4 & four >> 3 & four >> 2 & 0x01010101u) != 0 || at + group * (6 + 48) > run.limit) [[unlikely]] {
        for (std::size_t i = 0; i < group; ++i)
          if (!take_raw(run, at, place + i, run.shifts[place])) return run.limit + 1;
        continue;
      }
      take_raw_group(run, at, place);
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
  Trail trails[2];
  for (Trail& trail : trails) trail.mean = first_mean(run.first_size);
  for (std::size_t index = 0; index < shared.groups(); ++index) {
    for (unsigned segment = 0; segment < shared.count; ++segment) {
      const unsigned count = shared.size(segment, index);
      if (count == 0) continue;
      const std::size_t place = shared.start(segment, index);
      Trail& trail = trails[segment];
      const unsigned size = size_of(trail.mean), shift = shift_of(size);
      const unsigned context = context_of<mode>(trail, size);
      std::uint16_t* table = tables.at[context];
      Row row(table);
      const std::uint16_t* sizes_of = magnitudes.at[shift != 0].data();
      std::uint64_t total = 0;
      unsigned found[group];
      for (unsigned i = 0; i < count; ++i) {
        const std::int64_t e = run.residuals[place + i];
        const unsigned symbol = 2 * range_of(static_cast<std::uint64_t>(e < 0 ? ~e : e) >> shift) + (e < 0);
        const unsigned low = table[symbol];
        run.weights[place + i] = {static_cast<std::uint16_t>(low), static_cast<std::uint16_t>(weight(low, table[symbol + 1]))};
        run.symbols[place + i] = static_cast<std::uint8_t>(symbol);
        found[i] = symbol;
        total += sizes_of[symbol];
      }
      for (unsigned i = count; i < group; ++i) found[i] = found[count - 1];
      row.learn(found, rates.of[tables.seen[context]]);
      row.store(table);
      count_seen(tables.seen[context]);
      run.shifts[place] = static_cast<std::uint8_t>(shift);
      follow<mode>(trail, total, sizes_of[found[count - 1]], count, shift);
    }
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
