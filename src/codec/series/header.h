// Header: the fixed part of a frame, read and written. Layout: docs/spec/block.md.

#pragma once

#include <cstdint>
#include <initializer_list>

#include "base/bytes.h"
#include "base/result.h"
#include "base/wire.h"
#include "codec/series/value_columns.h"
#include "model/block.h"

namespace selvedge::codec {

enum class TimeCodec : std::uint8_t {
  constant_step = 0,  // no bytes: span / (count - 1)
  offsets = 1,        // integers: offsets from the first time, in the header's unit; only read
  clock = 2,          // codec/numbers/clock.h
  fast_offsets = 3,   // as offsets, but fast integers
};

// Units of time in the header, by number: ns, us, ms, s.
inline constexpr std::int64_t time_units[] = {1, 1'000, 1'000'000, 1'000'000'000};

struct Header {
  model::BlockSummary summary;
  unsigned time_unit = 0;
  TimeCodec time_codec = TimeCodec::constant_step;
};

// The coarsest unit of which `ns` is a multiple, not coarser than `at_most`.
unsigned coarsest_unit(std::int64_t ns, unsigned at_most);

// Everything between the length and the columns.
void put_header(base::Writer& out, const Header& header);
base::Result<Header> take_header(base::Reader& in);

// A whole frame of these parts: checksum, version and length in front. They must fit together into
// max_frame_bytes.
void put_frame(base::Bytes& out, std::initializer_list<base::BytesView> parts);
// Checks length, version and checksum; leaves `in` behind the header, at the time column.
base::Result<Header> open_frame(base::BytesView frame, base::Reader& in);

}  // namespace selvedge::codec
