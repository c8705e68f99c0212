// Moment: the times that payloads carry, made into base::Time, or refused if they lie outside what
// 64-bit nanoseconds hold (the years 1678 to 2262).

#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"
#include "codec/payload/number.h"
#include "codec/payload/payload.h"

namespace selvedge::codec::payload {

// A count since 1970, exact to the nanosecond. With an automatic unit the size of the count tells
// it, as base::from_unix does.
std::optional<base::Time> to_time(const Decimal& count, Options::TimeUnit unit);

// Text: a number as above, or ISO 8601.
std::optional<base::Time> to_time(std::string_view text, Options::TimeUnit unit);

// Seconds in a binary float, in nanoseconds rounded to the microsecond: a double of today's seconds
// is not finer than a quarter of one.
std::optional<std::int64_t> seconds_to_ns(double seconds);

}  // namespace selvedge::codec::payload
