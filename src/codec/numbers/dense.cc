#include "codec/numbers/dense.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "codec/numbers/bits.h"
#include "codec/numbers/dense_start.h"
#include "codec/numbers/predictor.h"
#include "codec/numbers/token_reader.h"

namespace selvedge::codec {
namespace {

using tokens::Mode;

struct Scratch {
  tokens::Tables tables;
  std::vector<std::int64_t> residuals;
  std::vector<std::uint8_t> symbols, shifts;
  std::vector<tokens::Weight> weights;
  std::vector<std::uint16_t> words;    // from the last to the first
  base::Bytes raw;
};

Scratch& scratch() {
  static thread_local const std::unique_ptr<Scratch> s = std::make_unique<Scratch>();
  return *s;
}

constexpr unsigned kind_shift = 2;
// Beyond the kinds: linear with the taps that both sides know.
constexpr unsigned known_values = 5, known_differences = 6;

// The residuals that a mode is chosen by.
constexpr std::size_t mode_sample = 512;

// The shifts of groups are handed to all their values.
void spread_shifts(std::size_t count, std::uint8_t* shifts) {
  const tokens::Segments shared(count);
  for (unsigned segment = 0; segment < shared.count; ++segment)
    for (std::size_t index = 0; index < shared.groups(); ++index)
      if (const unsigned size = shared.size(segment, index); size > 1)
        std::memset(shifts + shared.start(segment, index) + 1, shifts[shared.start(segment, index)], size - 1);
}

// Bits of a symbol by its weight, about: only modes are compared by it.
class SymbolBits {
 public:
  SymbolBits() {
    for (std::size_t i = 0; i < bits_.size(); ++i)
      bits_[i] = static_cast<float>(tokens::scale_bits - std::log2(8 * static_cast<double>(i) + 4));
  }
  float of(unsigned weight) const { return bits_[weight / 8]; }

 private:
  std::array<float, (1 << tokens::scale_bits) / 8> bits_;
};

double bits_of(const tokens::WeighRun& run) {
  static const SymbolBits symbol_bits;
  double bits = 0;
  for (std::size_t i = 0; i < run.count; ++i)
    bits += symbol_bits.of(run.weights[i].own) + static_cast<float>(tokens::range_bits[run.symbols[i] / 2] + run.shifts[i]);
  return bits;
}

}  // namespace

unsigned first_size(std::span<const std::int64_t> residuals) {
  double sum = 0;
  const std::size_t n = std::min<std::size_t>(residuals.size(), 4096);
  for (const std::int64_t e : residuals.first(n)) sum += std::abs(static_cast<double>(e));
  const double mean = 16 * sum / static_cast<double>(std::max<std::size_t>(1, n));
  return tokens::size_of(static_cast<std::uint64_t>(std::min(mean, 1e17)));
}

namespace {

void begin(tokens::Tables& tables, Mode mode, const DenseStart* start) {
  if (start == nullptr) return tables.begin(mode);
  std::memcpy(tables.at, start->tables.at, sizeof tables.at[0] * (tokens::sizes + 1));
  std::memcpy(tables.seen, start->tables.seen, tokens::sizes);
}

void weigh(tokens::WeighRun& run, const DenseStart* start) {
  Scratch& s = scratch();
  begin(s.tables, run.mode, start);
  tokens::current_paths().weigh_tokens(run, s.tables);
  spread_shifts(run.count, run.shifts);
}

Mode choose_mode(tokens::WeighRun run) {
  run.count = std::min(run.count, mode_sample);
  Mode best = Mode::halves;
  double least = 0;
  for (const Mode mode : {Mode::halves, Mode::last_group, Mode::quarters, Mode::halves_and_last}) {
    run.mode = mode;
    weigh(run, nullptr);
    const double bits = bits_of(run);
    if (mode != Mode::halves && bits >= least) continue;
    least = bits;
    best = mode;
  }
  return best;
}

// Raw bits: the place within the range, then the low bits that the shift left out.
void put_raw(const tokens::WeighRun& run, base::Bytes& raw) {
  BitWriter out(raw);
  for (std::size_t i = 0; i < run.count; ++i) {
    const unsigned range = run.symbols[i] / 2, shift = run.shifts[i];
    const std::int64_t e = run.residuals[i];
    const std::uint64_t v = static_cast<std::uint64_t>(e < 0 ? ~e : e);
    const std::uint64_t place = (v >> shift) - tokens::range_start[range];
    const std::uint64_t low = v & ((std::uint64_t{1} << shift) - 1);
    if (range == tokens::open_range) {
      const auto length = static_cast<unsigned>(std::bit_width(place));
      out.put(length, 6);
      out.put_long(place, length);
      out.put(low, shift);
    } else {
      out.put(place << shift | low, tokens::range_bits[range] + shift);
    }
  }
  out.finish();
}

// rANS, from the last value to the first. The states begin with the first raw bits in them instead
// of with nothing.
void put_words(base::Writer& out, const tokens::WeighRun& run, base::BytesView& raw) {
  Scratch& s = scratch();
  const tokens::Segments shared(run.count);
  std::array<std::uint32_t, tokens::most_states> states;
  for (unsigned i = 0; i < shared.states; ++i) {
    std::uint16_t bits = 0;
    const std::size_t n = std::min<std::size_t>(raw.size(), 2);
    if (n > 0) std::memcpy(&bits, raw.data(), n);
    raw = raw.subspan(n);
    states[i] = tokens::lowest_state | bits;
  }
  s.words.clear();
  for (std::size_t index = shared.groups(); index-- > 0;) {
    for (unsigned segment = shared.count; segment-- > 0;) {
      for (unsigned i = shared.size(segment, index); i-- > 0;) {
        std::uint32_t& state = states[shared.state(segment, i)];
        const tokens::Weight w = run.weights[shared.start(segment, index) + i];
        if (state >= std::uint64_t{w.own} << (32 - tokens::scale_bits)) {
          s.words.push_back(static_cast<std::uint16_t>(state));
          state >>= 16;
        }
        state = ((state / w.own) << tokens::scale_bits) + state % w.own + w.below;
      }
    }
  }
  for (unsigned i = 0; i < shared.states; ++i) out.u32(states[i]);
  const std::size_t at = s.words.size();
  std::reverse(s.words.begin(), s.words.end());
  out.raw({reinterpret_cast<const std::uint8_t*>(s.words.data()), at * 2});
}

}  // namespace

namespace {

void put_from(base::Writer& out, std::span<const std::int64_t> integers, const DenseStart* start) {
  Scratch& s = scratch();
  const Chosen chosen = choose(integers, start == nullptr ? nullptr : &start->predictor, s.residuals);
  const Predictor& predictor = chosen.predictor;
  const std::size_t count = s.residuals.size();
  s.symbols.resize(count);
  s.shifts.resize(count);
  s.weights.resize(count);
  tokens::WeighRun run{Mode::halves, first_size(s.residuals), count, s.residuals.data(),
                       s.symbols.data(), s.shifts.data(), s.weights.data()};
  // A start has tables for one mode only.
  if (start == nullptr) run.mode = choose_mode(run);
  const unsigned kind = !chosen.is_known                                   ? static_cast<unsigned>(predictor.kind)
                        : predictor.kind == PredictorKind::linear_values ? known_values
                                                                         : known_differences;
  out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(run.mode) | kind << kind_shift));
  if (chosen.is_known)
    out.svarint(predictor.base);
  else
    put_predictor(out, predictor);
  if (count == 0) return;
  out.u8(static_cast<std::uint8_t>(run.first_size));
  weigh(run, start);
  s.raw.clear();
  put_raw(run, s.raw);
  base::BytesView raw = s.raw;
  put_words(out, run, raw);
  out.raw(raw);
}

bool take_predictor_of(base::Reader& in, unsigned kind, std::size_t count, const DenseStart* start, Predictor& predictor) {
  if (kind != known_values && kind != known_differences) {
    predictor.kind = static_cast<PredictorKind>(kind);
    return take_predictor(in, count, predictor);
  }
  if (start == nullptr) return false;
  predictor = start->predictor;
  const auto wanted = kind == known_values ? PredictorKind::linear_values : PredictorKind::linear_differences;
  predictor.base = in.svarint();
  return in.ok() && predictor.kind == wanted;
}

bool take_from(base::Reader& in, std::span<std::int64_t> integers, const DenseStart* start) {
  Scratch& s = scratch();
  const std::uint8_t form = in.u8();
  Predictor predictor;
  if (!in.ok() || !take_predictor_of(in, form >> kind_shift, integers.size(), start, predictor)) return false;
  if (integers.size() < predictor.given()) return false;
  const std::size_t count = integers.size() - predictor.given();
  if (count > 0) {
    tokens::TokenRun run{static_cast<Mode>(form & 3), in.u8(), count, nullptr, nullptr};
    if (!in.ok() || run.first_size >= tokens::sizes) return false;
    s.symbols.resize(count);
    s.shifts.resize(count);
    run.symbols = s.symbols.data();
    run.shifts = s.shifts.data();
    const unsigned state_count = tokens::Segments(count).states;
    std::array<std::uint32_t, tokens::most_states> states;
    const tokens::Paths& paths = tokens::current_paths();
    base::Reader ahead = in;
    const base::BytesView rest = ahead.rest();
    if (start != nullptr && run.mode != Mode::halves) return false;
    begin(s.tables, run.mode, start);
    const std::size_t used = paths.read_tokens(rest, run, s.tables, states.data());
    if (used == 0) return false;
    // What the states end with are the first raw bits.
    const std::size_t held = 2 * state_count;
    const base::BytesView raw = rest.subspan(used);
    // No more than an open range for each value.
    const std::size_t most = std::min(raw.size(), count * (6 + 63 + 48) / 8 + 1);
    s.raw.resize(held + most + 8);
    for (unsigned i = 0; i < state_count; ++i) {
      if (states[i] >> 16 != 1) return false;
      s.raw[2 * i] = static_cast<std::uint8_t>(states[i]);
      s.raw[2 * i + 1] = static_cast<std::uint8_t>(states[i] >> 8);
    }
    if (most > 0) std::memcpy(s.raw.data() + held, raw.data(), most);
    const tokens::RawRun raw_run{count, run.symbols, run.shifts, s.raw.data(), 8 * (held + most),
                                 integers.data() + predictor.given()};
    const std::size_t bits = paths.read_raw(raw_run);
    if (bits > raw_run.limit) return false;
    const std::size_t bytes = (bits + 7) / 8;
    in.raw(used + (bytes > held ? bytes - held : 0));
  }
  restore(predictor, integers);
  return in.ok();
}

}  // namespace

void put_dense(base::Writer& out, std::span<const std::int64_t> integers) { put_from(out, integers, nullptr); }
bool take_dense(base::Reader& in, std::span<std::int64_t> integers) { return take_from(in, integers, nullptr); }
void put_dense(base::Writer& out, std::span<const std::int64_t> integers, const DenseStart& start) {
  put_from(out, integers, &start);
}
bool take_dense(base::Reader& in, std::span<std::int64_t> integers, const DenseStart& start) {
  return take_from(in, integers, &start);
}

}  // namespace selvedge::codec
