// Carried: small batches of one series, each begun with what the batches before have taught.
//
// Now and then a batch is a *key*: it brings the number model, the predictor's taps and the token tables
// that the encoder has learned so far. The batches behind it begin with those, and each can be decoded with
// its key alone, whatever became of the others. The key itself needs nothing.
//
// Bounds: an encoder remembers 4,096 values and one set of tables (40 KiB); a key is at most 64 KiB.
// Hostile bytes read and write nothing outside. An encoder belongs to one thread; keys are values that any
// thread may read. Layout: docs/spec/block.md.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/wire.h"

namespace selvedge::codec {

struct Key;                            // what a key batch hands on
struct KeyDeleter {
  void operator()(Key* key) const;
};
using KeyPtr = std::unique_ptr<Key, KeyDeleter>;

enum class BatchKind : std::uint8_t { key = 0, dependent = 1 };

class CarriedEncoder {
 public:
  // A key comes at the beginning, soon after while there is much to learn, and then every so many batches.
  explicit CarriedEncoder(unsigned batches_a_key = 64);
  ~CarriedEncoder();
  CarriedEncoder(const CarriedEncoder&) = delete;

  // Appends a batch of 1 to 2^20 values.
  BatchKind put(base::Writer& out, std::span<const double> values);

 private:
  bool is_key_due() const;
  void make_key(std::span<const double> values);
  void learn(std::span<const std::int64_t> integers);

  struct State;
  std::unique_ptr<State> state_;
};

// The key of a batch that is one; null if it is damaged or none.
KeyPtr read_key(base::BytesView batch);

// A batch whole; `key` is the last key before it in its series, and not asked for if it is one itself.
// False if damaged, or if there is no key.
bool take_batch(base::BytesView batch, const Key* key, std::span<double> values);

}  // namespace selvedge::codec
