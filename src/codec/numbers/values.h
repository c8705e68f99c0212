// Values: columns of doubles and of 64-bit integers as bytes, by a number model and the dense or the
// fast coder. The reader knows how many there are and which coder it was.
//
// Hostile bytes read and write nothing outside. Pure functions, any thread; scratch memory belongs to
// the thread and is used again.

#pragma once

#include <cstdint>
#include <span>

#include "base/wire.h"
#include "codec/numbers/number_model.h"

namespace selvedge::codec {

// 1 to 2^20 values; exact, or within the bound.
void put_doubles(base::Writer& out, std::span<const double> values, Effort effort, const ErrorBound& bound = {});
// The same, when the values have been fitted already.
void put_doubles(base::Writer& out, const Numbers& numbers, Effort effort);
// False if damaged. Reads just what was put.
bool take_doubles(base::Reader& in, Effort effort, std::span<double> values);

// What a reader will get of these numbers.
void values_of(const Numbers& numbers, std::span<double> values);

// Integers, from which a common divisor of their differences is taken out.
void put_int64s(base::Writer& out, std::span<const std::int64_t> values, Effort effort);
bool take_int64s(base::Reader& in, Effort effort, std::span<std::int64_t> values);

}  // namespace selvedge::codec
