#include "codec/numbers/carried.h"

#include <algorithm>

#include "base/result.h"
#include "codec/numbers/choice.h"
#include "codec/numbers/dense.h"
#include "codec/numbers/dense_start.h"
#include "codec/numbers/patches.h"

namespace selvedge::codec {

struct Key {
  NumberModel model;
  DenseStart start;
};
void KeyDeleter::operator()(Key* key) const { delete key; }

namespace {

constexpr std::size_t remembered_values = 4096;
constexpr std::size_t most_key_bytes = 64 << 10;

// A batch's first byte: its kind, whether its number model is its own, what patches it has otherwise, and
// whether its integers begin with nothing.
constexpr std::uint8_t kind_mask = 1, own_model = 2;
constexpr unsigned patches_shift = 2;
constexpr std::uint8_t alone = 32, unknown_bits = 0xC0;  // alone: without the key's tables and taps

}  // namespace

struct CarriedEncoder::State {
  unsigned batches_a_key;
  std::uint64_t batch = 0;
  std::uint64_t batches_since = 0, bytes_since = 0;  // the last key
  std::vector<double> memory;          // the last values
  SymbolCounts counts;                 // of all batches so far
  Key key;
  base::Bytes key_bytes, with_start, without;
  Numbers own, known;
  std::vector<std::int64_t> residuals;
};

CarriedEncoder::CarriedEncoder(unsigned batches_a_key) : state_(std::make_unique<State>()) {
  state_->batches_a_key = std::max(1u, batches_a_key);
}
CarriedEncoder::~CarriedEncoder() = default;

bool CarriedEncoder::is_key_due() const {
  const State& s = *state_;
  // A key is worth its bytes when it has been carried by many times as many.
  constexpr std::uint64_t first_lesson = 12, times_its_bytes = 32;
  if (s.batch == 0 || s.batch == first_lesson) return true;
  return s.batches_since >= s.batches_a_key && s.bytes_since >= times_its_bytes * s.key_bytes.size();
}

void CarriedEncoder::make_key(std::span<const double> values) {
  State& s = *state_;
  s.memory.insert(s.memory.end(), values.begin(), values.end());
  const std::span<const double> recent = std::span<const double>(s.memory).last(std::min(s.memory.size(), remembered_values));
  fit(recent, Effort::dense, {}, s.own);
  s.own.patches.clear();
  s.key.model = s.own.model;
  s.key.start = DenseStart();
  s.key.start.predictor = choose(s.own.integers, nullptr, s.residuals).predictor;
  s.key.start.predictor.base = s.key.start.predictor.base_difference = 0;
  s.counts.to_tables(s.key.start.tables, values.size() * s.batches_a_key);
  s.key_bytes.clear();
  base::Writer out(s.key_bytes);
  put_numbers(out, s.own);
  put_start(out, s.key.start);
  // Both sides go on with what can be read from the bytes.
  base::Reader in(s.key_bytes);
  Patches none;
  Key read;
  CHECK(take_numbers(in, remembered_values, read.model, none));
  CHECK(take_start(in, read.start) && in.at_end());
  s.key.model = std::move(read.model);
  s.key.start = read.start;
  s.memory.resize(s.memory.size() - values.size());
}

void CarriedEncoder::learn(std::span<const std::int64_t> integers) {
  State& s = *state_;
  choose(integers, &s.key.start.predictor, s.residuals);
  s.counts.add(s.residuals);
}

BatchKind CarriedEncoder::put(base::Writer& out, std::span<const double> values) {
  State& s = *state_;
  const BatchKind kind = is_key_due() ? BatchKind::key : BatchKind::dependent;
  if (kind == BatchKind::key) {
    make_key(values);
    s.batches_since = s.bytes_since = 0;
  }
  const std::size_t before = out.size();
  fit(values, Effort::dense, {}, s.own);
  const bool suits = fit_to(values, s.key.model, s.known);
  const bool known = suits && integer_bits(s.known.integers) + 72 * static_cast<double>(s.known.patches.exact.size()) <= total_bits(s.own);
  const Numbers& numbers = known ? s.known : s.own;
  base::Writer with_start(s.with_start), without(s.without);
  s.with_start.clear();
  s.without.clear();
  put_dense(with_start, numbers.integers, s.key.start);
  put_dense(without, numbers.integers);
  const bool is_alone = s.without.size() < s.with_start.size();
  out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(kind) | (known ? 0u : own_model) | (is_alone ? alone : 0u) |
                                   (known ? static_cast<unsigned>(kinds(numbers.patches)) << patches_shift : 0u)));
  if (kind == BatchKind::key) out.bytes(s.key_bytes);
  if (known)
    put_patches(out, numbers.patches);
  else
    put_numbers(out, numbers);
  out.raw(is_alone ? s.without : s.with_start);

  s.bytes_since += out.size() - before;
  ++s.batches_since;
  learn(numbers.integers);
  s.memory.insert(s.memory.end(), values.begin(), values.end());
  if (s.memory.size() > 2 * remembered_values)
    s.memory.erase(s.memory.begin(), s.memory.end() - static_cast<std::ptrdiff_t>(remembered_values));
  ++s.batch;
  return kind;
}

KeyPtr read_key(base::BytesView batch) {
  base::Reader in(batch);
  const std::uint8_t head = in.u8();
  const base::BytesView bytes = in.bytes();
  if (!in.ok() || (head & kind_mask) != static_cast<std::uint8_t>(BatchKind::key) || bytes.size() > most_key_bytes) return nullptr;
  KeyPtr key(new Key);
  base::Reader parts(bytes);
  Patches none;
  if (!take_numbers(parts, remembered_values, key->model, none) || !none.empty()) return nullptr;
  if (!take_start(parts, key->start) || !parts.at_end()) return nullptr;
  return key;
}

bool take_batch(base::BytesView batch, const Key* key, std::span<double> values) {
  base::Reader in(batch);
  const std::uint8_t head = in.u8();
  if (!in.ok() || head & unknown_bits) return false;
  KeyPtr own_key;
  if ((head & kind_mask) == static_cast<std::uint8_t>(BatchKind::key)) {
    own_key = read_key(batch);
    key = own_key.get();
    in.bytes();
  }
  if (key == nullptr) return false;
  NumberModel own;
  Patches patches;
  const bool has_own = head & own_model;
  if (has_own ? !take_numbers(in, values.size(), own, patches)
              : !take_patches(in, static_cast<PatchKinds>(head >> patches_shift & 7), values.size(), patches))
    return false;
  const NumberModel& model = has_own ? own : key->model;
  static thread_local std::vector<std::int64_t> integers;
  integers.resize(values.size());
  const bool taken = head & alone ? take_dense(in, integers) : take_dense(in, integers, key->start);
  return taken && in.at_end() && to_doubles(model, integers, values) &&
         apply(model, patches, values);
}

}  // namespace selvedge::codec
