// Time: the two clocks of the platform, as types that do not mix.
//
// Time is the wall clock, in nanoseconds since 1970 UTC; it names moments, can jump, and is what a
// reading carries. Instant is the monotonic clock of one machine; timers and time-outs use it.

#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace selvedge::base {

using Duration = std::chrono::nanoseconds;

struct Time {
  std::int64_t ns = 0;

  friend auto operator<=>(const Time&, const Time&) = default;
  friend Time operator+(Time t, Duration d) { return {t.ns + d.count()}; }
  friend Time operator-(Time t, Duration d) { return {t.ns - d.count()}; }
  friend Duration operator-(Time a, Time b) { return Duration(a.ns - b.ns); }
};

struct Instant {
  std::int64_t ns = 0;

  friend auto operator<=>(const Instant&, const Instant&) = default;
  friend Instant operator+(Instant t, Duration d) { return {t.ns + d.count()}; }
  friend Instant operator-(Instant t, Duration d) { return {t.ns - d.count()}; }
  friend Duration operator-(Instant a, Instant b) { return Duration(a.ns - b.ns); }
};

// "2026-03-01T12:00:00.5Z": only as many decimals as are needed.
std::string to_iso8601(Time time);

// Takes ISO 8601 with Z or an offset ("2026-03-01T12:00:00Z", "2026-03-01"), or a whole number of
// seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by size.
Result<Time> parse_time(std::string_view text);

// A count since 1970 whose unit is told apart by size: below 1e11 seconds, below 1e14
// milliseconds, below 1e17 microseconds, else nanoseconds. What nanoseconds cannot hold (from the
// year 2262 on) becomes the last, or first, moment they can.
Time from_unix(std::int64_t count);

// "250ms", "10s", "5m", "2h", "7d", "1.5s". Code::invalid_input otherwise.
Result<Duration> parse_duration(std::string_view text);
std::string to_string(Duration duration);

}  // namespace selvedge::base
