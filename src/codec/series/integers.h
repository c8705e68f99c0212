// Integers: a column of 64-bit integers as differences, as blocks were once made. Only read.
//
//   u8      bits 0-1: order (0: the values, 1: differences, 2: differences of differences)
//           bit 2:    layout of the residuals: 0 varints, 1 byte planes
//           bit 3:    a divisor follows
//   varint  divisor of all residuals, at least 2        (if bit 3)
//   svarint the first value                             (order 1 and 2)
//   svarint the first difference                        (order 2, and two values or more)
//   u8      width in bytes, 0 to 8                      (planes)
//   section the zigzag residuals: varints, or the lowest byte of each, then the next lowest, ...
//
// Differences wrap around modulo 2^64, so every column can be coded.

#pragma once

#include <cstdint>
#include <vector>

#include "base/wire.h"

namespace selvedge::codec {

// Reads `count` integers into `into` (replaced). False if damaged.
bool take_integers(base::Reader& in, std::size_t count, std::vector<std::int64_t>& into);

}  // namespace selvedge::codec
