// Frame: the bytes of a block: a header that answers questions by itself, and coded columns.
//
// The header is versioned, guarded by CRC-32C together with the columns, and holds exact count,
// first and last time, min, max, sum, first and last value, so that a query can skip decoding. The
// layout is docs/spec/block.md. Old versions are readable for ever.
//
// Decoding trusts nothing: every length is checked before it is used, and `count` is bounded by
// max_readings before anything is allocated. Pure functions, any thread.

#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/numbers/number_model.h"
#include "model/block.h"
#include "model/reading.h"

namespace selvedge::codec {

inline constexpr std::uint32_t max_readings_per_block = 1 << 20;
inline constexpr std::uint32_t max_text_bytes = 4096;     // of one text value
inline constexpr std::uint32_t max_frame_bytes = 64 << 20;

// Readings of one series as columns. Exactly one of the value columns is used, as `kind` says.
// Booleans are int64 0 or 1. Texts lie back to back in `text_bytes`, `text_ends[i]` is the end of
// the i-th.
struct Columns {
  model::Kind kind = model::Kind::float64;
  std::vector<std::int64_t> times;          // ns since 1970, in the order of arrival
  std::vector<double> float64;
  std::vector<std::int64_t> int64;          // int64 and boolean
  std::vector<std::uint32_t> text_ends;
  std::string text_bytes;

  std::size_t size() const { return times.size(); }
  void clear();
  void push(base::Time time, const model::ValueView& value);   // value.kind must be `kind`
  model::ValueView at(std::size_t i) const;
};

// How a block is coded. Any reader reads any of it.
struct EncodeOptions {
  Effort effort = Effort::dense;       // `fast`: more bytes for less time
  ErrorBound bound;                    // of float64 values; exact unless asked otherwise
};

// Encodes 1 to max_readings_per_block readings; appends the frame to `out`. Bit-exact, or within
// `options.bound`, and then the header's numbers are those of what a reader will get. The readings
// of a frame are in time order: the encoder sorts them (stably) if they are not.
base::Result<model::BlockSummary> encode_frame(const Columns& columns, base::Bytes& out,
                                               const EncodeOptions& options = {});

// Reads and checks the header and checksum only.
base::Result<model::BlockSummary> read_summary(base::BytesView frame);

// Decodes a whole frame into `columns` (cleared first).
base::Result<model::BlockSummary> decode_frame(base::BytesView frame, Columns& columns);
// One column of it: the times, or the values. The other is left empty and not looked at beyond the
// checksum, so that what is wrong with it stays unknown.
base::Result<model::BlockSummary> decode_times(base::BytesView frame, Columns& columns);
base::Result<model::BlockSummary> decode_values(base::BytesView frame, Columns& columns);

// The kind of coding inside, for people: "decimal+zstd".
std::string_view codec_name(std::uint8_t codec);

}  // namespace selvedge::codec
