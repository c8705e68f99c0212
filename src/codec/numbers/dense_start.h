// What dense integers may begin with instead of nothing: tables and taps that others have learned.

#pragma once

#include <cstdint>
#include <span>

#include "base/wire.h"
#include "codec/numbers/predictor.h"
#include "codec/numbers/token_tables.h"

namespace selvedge::codec {

struct DenseStart {
  Predictor predictor;                 // its taps, if it is linear
  tokens::Tables tables;               // of Mode::halves

  DenseStart() { tables.begin(tokens::Mode::halves); }
};

// As put_dense and take_dense, from a start.
void put_dense(base::Writer& out, std::span<const std::int64_t> integers, const DenseStart& start);
bool take_dense(base::Reader& in, std::span<std::int64_t> integers, const DenseStart& start);

// The context that a block with these residuals begins with.
unsigned first_size(std::span<const std::int64_t> residuals);

// How often each symbol came in each context, over all blocks; old ones fade.
class SymbolCounts {
 public:
  void add(std::span<const std::int64_t> residuals);
  // Tables of these counts where knowing them will save more bits than it costs, over so many residuals to
  // come; elsewhere what tables begin with.
  void to_tables(tokens::Tables& tables, std::size_t to_come) const;

 private:
  std::array<std::array<std::uint32_t, tokens::used_symbols>, tokens::sizes> counts_{};
};

// The start as bytes: what the tables know coarsely, the taps exactly. Both sides go on with what is read
// back.
void put_start(base::Writer& out, const DenseStart& start);
bool take_start(base::Reader& in, DenseStart& start);

}  // namespace selvedge::codec
