// Value columns: how the values of each kind become bytes. Each way has a number, the codec of the
// frame's value column; numbers are never used again. Layouts: docs/spec/block.md.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/wire.h"
#include "codec/series/frame.h"

namespace selvedge::codec {

enum class ValueCodec : std::uint8_t {
  same = 0,          // every value is the header's `first`; no bytes
  raw = 1,           // float64: as they are, zstd
  raw_planes = 2,    // float64: byte planes, zstd
  decimal = 3,       // float64: k / 10^digits, differences, zstd
  integers = 4,      // int64: differences, zstd
  bits = 5,          // boolean: packed, zstd
  runs = 6,          // boolean: run lengths
  text_plain = 7,    // text: lengths and bytes, zstd
  text_dictionary = 8,
  sealed = 9,        // a whole frame that only its recipients can read: codec/series/sealed.h
  dense = 10,        // float64: number model and dense integers, codec/numbers
  fast = 11,         // float64: number model and fast integers
  dense_integers = 12,   // int64
  fast_integers = 13,
  text_dense_dictionary = 14,  // as text_dictionary, the entries' numbers as dense integers
};
inline constexpr ValueCodec last_value_codec = ValueCodec::text_dense_dictionary;

// Appends the value column and says how it was coded. Never yields `same`. `numbers` are fitted to the
// values of float64 columns. Codecs 3, 4 and 8 are only
// read: what wrote them is gone.
ValueCodec put_values(base::Writer& out, const Columns& columns, const Numbers& numbers, Effort effort);

// Reads `count` values of `columns.kind` into `columns`, whose times stay. False if damaged, or
// coded in a way that does not fit the kind.
bool take_values(base::Reader& in, ValueCodec codec, std::size_t count, Columns& columns);

// float64, in floats.cc.
// `values` are what a reader gets of `numbers`.
ValueCodec put_floats(base::Writer& out, const Numbers& numbers, std::span<const double> values, Effort effort);
bool take_raw_floats(base::Reader& in, std::size_t count, std::vector<double>& into);
bool take_plane_floats(base::Reader& in, std::size_t count, std::vector<double>& into);
bool take_decimals(base::Reader& in, std::size_t count, std::vector<double>& into);

// Text, in texts.cc.
ValueCodec put_texts(base::Writer& out, const Columns& columns);
bool take_plain_texts(base::Reader& in, std::size_t count, Columns& columns);
// `dense`: the entries' numbers are dense integers.
bool take_dictionary_texts(base::Reader& in, std::size_t count, bool dense, Columns& columns);

}  // namespace selvedge::codec
