#include "codec/numbers/dense_start.h"

#include <algorithm>
#include <cmath>

#include "codec/numbers/bits.h"

namespace selvedge::codec {
namespace {

using tokens::symbols;
using tokens::used_symbols;

// Weights in half powers of two, five bits each: what a level stands for. 0: next to never.
constexpr std::array<std::uint16_t, 32> weight_of_level = {
    0,   1,   2,   3,   4,    6,    8,    11,   16,   23,   32,   45,    64,    91,    128,   181,
    256, 362, 512, 724, 1024, 1448, 2048, 2896, 4096, 5793, 8192, 11585, 16384, 23170, 32767, 32767};
constexpr unsigned level_bits = 5;
constexpr unsigned most_tables = 32;
constexpr std::uint32_t most_counts = 8192;  // of a context; then all are halved
constexpr std::uint32_t prior_counts = 24;   // what a table begins with weighs like so many symbols
constexpr unsigned carried_seen = 6;         // a table from a key goes on learning at a middling rate

// The level that is nearest by ratio.
unsigned level_of(unsigned weight) {
  unsigned level = 0;
  while (level < 30 && weight * weight > std::uint32_t{weight_of_level[level]} * weight_of_level[level + 1]) ++level;
  return weight == 0 ? 0 : level;
}

// Entries of these weights, each symbol at least 1.
void set_table(const std::array<unsigned, symbols>& weights, std::uint16_t* table) {
  std::uint64_t total = 0;
  for (const unsigned w : weights) total += w;
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < symbols; ++i) {
    table[i] = static_cast<std::uint16_t>(i + sum * (32768 - symbols) / total);
    sum += weights[i];
  }
}

}  // namespace

void SymbolCounts::add(std::span<const std::int64_t> residuals) {
  const tokens::Segments shared(residuals.size());
  for (unsigned segment = 0; segment < shared.count; ++segment) {
    tokens::Trail trail{tokens::first_mean(first_size(residuals)), 0};
    for (std::size_t index = 0; index < shared.groups(); ++index) {
      const unsigned count = shared.size(segment, index);
      if (count == 0) break;
      const unsigned size = tokens::size_of(trail.mean), shift = tokens::shift_of(size);
      std::uint64_t total = 0;
      for (unsigned i = 0; i < count; ++i) {
        const std::int64_t e = residuals[shared.start(segment, index) + i];
        const unsigned symbol = 2 * tokens::range_of(static_cast<std::uint64_t>(e < 0 ? ~e : e) >> shift) + (e < 0);
        ++counts_[size][symbol];
        total += tokens::magnitudes.at[shift != 0][symbol];
      }
      tokens::follow<tokens::Mode::halves>(trail, total, 0, count, shift);
    }
  }
  for (auto& counts : counts_) {
    std::uint32_t sum = 0;
    for (const std::uint32_t c : counts) sum += c;
    if (sum > most_counts)
      for (std::uint32_t& c : counts) c /= 2;
  }
}

void SymbolCounts::to_tables(tokens::Tables& tables, std::size_t to_come) const {
  tables.begin(tokens::Mode::halves);
  double all = 0;
  for (const auto& counts : counts_)
    for (const std::uint32_t c : counts) all += c;
  for (unsigned size = 0; size < tokens::sizes; ++size) {
    std::uint32_t sum = 0;
    for (const std::uint32_t c : counts_[size]) sum += c;
    if (sum < prior_counts) continue;
    const auto& row = tokens::rows[tokens::row_of(size)];
    std::array<unsigned, symbols> weights{};
    for (unsigned i = 0; i < used_symbols; ++i)
      weights[i] = counts_[size][i] * 1024 + static_cast<unsigned>(row[i + 1] - row[i]) * (prior_counts * 1024 / 32768);
    // Tables would learn half of it by themselves.
    double saved = 0;
    for (unsigned i = 0; i < used_symbols; ++i)
      if (counts_[size][i] > 0)
        saved += counts_[size][i] * std::log2(weights[i] * 32.0 / (sum + prior_counts) / (row[i + 1] - row[i]));
    if (saved / 2 * static_cast<double>(to_come) / all < 100) continue;
    set_table(weights, tables.at[size]);
    tables.seen[size] = carried_seen;
  }
}

void put_start(base::Writer& out, const DenseStart& start) {
  const Predictor& p = start.predictor;
  out.u8(static_cast<std::uint8_t>(p.kind));
  put_predictor(out, p);
  std::vector<unsigned> known;
  for (unsigned i = 0; i < tokens::sizes; ++i)
    if (start.tables.seen[i] > 0 && known.size() < most_tables) known.push_back(i);
  out.u8(static_cast<std::uint8_t>(known.size()));
  base::Bytes bytes;
  BitWriter bits(bytes);
  for (const unsigned context : known) {
    const std::uint16_t* table = start.tables.at[context];
    std::array<unsigned, used_symbols> levels;
    unsigned last = 0;
    for (unsigned i = 0; i < used_symbols; ++i) {
      // The least that every symbol has is taken off again.
      levels[i] = level_of(static_cast<unsigned>(table[i + 1] - table[i]) - 1);
      if (levels[i] > 0) last = i;
    }
    bits.put(context, 7);
    bits.put(last, 5);
    for (unsigned i = 0; i <= last; ++i) bits.put(levels[i], level_bits);
  }
  bits.finish();
  out.bytes(bytes);
}

bool take_start(base::Reader& in, DenseStart& start) {
  Predictor& p = start.predictor;
  p = {};
  p.kind = static_cast<PredictorKind>(in.u8());
  // The taps are for batches of any length, so no period is too long here.
  if (!take_predictor(in, longest_block, p)) return false;
  const unsigned count = in.u8();
  const base::BytesView packed = in.bytes();
  if (!in.ok() || count > most_tables) return false;
  base::Bytes bytes(packed.begin(), packed.end());
  bytes.resize(bytes.size() + 8);
  const std::size_t limit = 8 * packed.size();
  std::size_t at = 0;
  for (unsigned t = 0; t < count; ++t) {
    if (at + 12 > limit) return false;
    const auto context = static_cast<unsigned>(bits_at(bytes.data(), at, 7));
    const auto last = static_cast<unsigned>(bits_at(bytes.data(), at + 7, 5));
    at += 12;
    if (context >= tokens::sizes || last >= used_symbols || at + (last + 1) * level_bits > limit) return false;
    std::array<unsigned, symbols> weights{};
    unsigned total = 0;
    for (unsigned i = 0; i <= last; ++i, at += level_bits)
      total += weights[i] = weight_of_level[bits_at(bytes.data(), at, level_bits)];
    if (total == 0) return false;
    set_table(weights, start.tables.at[context]);
    start.tables.seen[context] = carried_seen;
  }
  return (at + 7) / 8 == packed.size();
}

}  // namespace selvedge::codec
