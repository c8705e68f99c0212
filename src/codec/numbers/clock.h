// Clock: times of readings, ascending int64 ns, in next to no bytes when a timer made them.
//
// Found by the encoder: the unit (ns, us, ms, s, or any common divisor), a constant step, a repeating
// pattern of steps, few distinct steps in an order that repeats itself, or a steady clock with drift
// and jitter, whose jitter is coded around the line and not twice, as differences would.
//
// Hostile bytes read and write nothing outside. Pure functions, any thread.

#pragma once

#include <cstdint>
#include <span>

#include "base/wire.h"

namespace selvedge::codec {

// Ascending times; first and last are known to the reader from the block's header and not coded again.
// A constant step from first to last costs no byte.
void put_clock(base::Writer& out, std::span<const std::int64_t> times);

// Fills `times` between `first` and `last`. False if damaged or if they do not ascend. The column
// reaches to the end of `in`.
bool take_clock(base::Reader& in, std::int64_t first, std::int64_t last, std::span<std::int64_t> times);

}  // namespace selvedge::codec
