#include "base/time.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

namespace selvedge::base {
namespace {

constexpr std::int64_t second = 1'000'000'000;

// Days since 1970 of a date in the Gregorian calendar, and back (Howard Hinnant, "chrono-compatible
// low-level date algorithms").
std::int64_t days_from_civil(std::int64_t y, unsigned m, unsigned d) {
  y -= m <= 2;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const auto yoe = static_cast<unsigned>(y - era * 400);
  const unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
  const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + static_cast<std::int64_t>(doe) - 719468;
}

struct Civil {
  std::int64_t year;
  unsigned month, day;
};

Civil civil_from_days(std::int64_t z) {
  z += 719468;
  const std::int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const auto doe = static_cast<unsigned>(z - era * 146097);
  const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const unsigned mp = (5 * doy + 2) / 153;
  const unsigned month = mp < 10 ? mp + 3 : mp - 9;
  return {static_cast<std::int64_t>(yoe) + era * 400 + (month <= 2), month,
          doy - (153 * mp + 2) / 5 + 1};
}

// Takes exactly `count` digits from the front of `text`.
bool take_digits(std::string_view& text, int count, std::int64_t& value) {
  if (text.size() < static_cast<std::size_t>(count)) return false;
  value = 0;
  for (int i = 0; i < count; ++i) {
    const char c = text[static_cast<std::size_t>(i)];
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(static_cast<std::size_t>(count));
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool parse_iso(std::string_view text, std::int64_t& ns) {
  std::int64_t year, month, day, hour = 0, minute = 0, sec = 0, fraction = 0, offset = 0;
  if (!take_digits(text, 4, year) || !take(text, '-') || !take_digits(text, 2, month) ||
      !take(text, '-') || !take_digits(text, 2, day))
    return false;
  if (month < 1 || month > 12 || day < 1 || day > 31 || year < 1700 || year > 2200) return false;
  if (!text.empty()) {
    if (!take(text, 'T') && !take(text, ' ')) return false;
    if (!take_digits(text, 2, hour) || !take(text, ':') || !take_digits(text, 2, minute)) return false;
    if (take(text, ':')) {
      if (!take_digits(text, 2, sec)) return false;
      if (take(text, '.')) {
        std::int64_t unit = second / 10;
        bool any = false;
        while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
          fraction += (text.front() - '0') * unit;
          unit /= 10;
          text.remove_prefix(1);
          any = true;
        }
        if (!any) return false;
      }
    }
    if (hour > 24 || minute > 59 || sec > 60) return false;
    if (!text.empty() && !take(text, 'Z')) {
      const bool minus = text.front() == '-';
      if (!take(text, '+') && !take(text, '-')) return false;
      std::int64_t oh, om = 0;
      if (!take_digits(text, 2, oh)) return false;
      take(text, ':');
      if (!text.empty() && !take_digits(text, 2, om)) return false;
      if (oh > 23 || om > 59) return false;
      offset = (oh * 60 + om) * (minus ? -60 : 60);
    }
  }
  if (!text.empty()) return false;
  const std::int64_t days =
      days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
  ns = (days * 86400 + hour * 3600 + minute * 60 + sec - offset) * second + fraction;
  return true;
}

}  // namespace

std::string to_iso8601(Time time) {
  std::int64_t secs = time.ns / second, rest = time.ns % second;
  if (rest < 0) {
    rest += second;
    --secs;
  }
  std::int64_t days = secs / 86400, of_day = secs % 86400;
  if (of_day < 0) {
    of_day += 86400;
    --days;
  }
  const Civil date = civil_from_days(days);
  char buffer[64];
  int n = std::snprintf(buffer, sizeof buffer, "%04lld-%02u-%02uT%02lld:%02lld:%02lld",
                        static_cast<long long>(date.year), date.month, date.day,
                        static_cast<long long>(of_day / 3600),
                        static_cast<long long>(of_day / 60 % 60), static_cast<long long>(of_day % 60));
  std::string text(buffer, static_cast<std::size_t>(n));
  if (rest != 0) {
    n = std::snprintf(buffer, sizeof buffer, ".%09lld", static_cast<long long>(rest));
    std::string_view digits(buffer, static_cast<std::size_t>(n));
    while (digits.back() == '0') digits.remove_suffix(1);
    text += digits;
  }
  return text + "Z";
}

Time from_unix(std::int64_t count) {
  const std::int64_t size = count < 0 ? -(count + 1) : count;
  const auto of = [count](std::int64_t unit) {
    std::int64_t ns = 0;
    if (!__builtin_mul_overflow(count, unit, &ns)) return Time{ns};
    return Time{count < 0 ? INT64_MIN : INT64_MAX};
  };
  if (size < 100'000'000'000) return of(second);
  if (size < 100'000'000'000'000) return of(1'000'000);
  if (size < 100'000'000'000'000'000) return of(1'000);
  return {count};
}

Result<Time> parse_time(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [p, e] = std::from_chars(text.data(), end, value);
  if (e == std::errc{} && p == end && !text.empty()) return from_unix(value);
  if (parse_iso(text, value)) return Time{value};
  return fail(Code::invalid_input,
              "time '" + std::string(text.substr(0, 64)) +
                  "': expected ISO 8601 (2026-03-01T12:00:00Z) or a count since 1970");
}

Result<Duration> parse_duration(std::string_view text) {
  const std::string copy(text.substr(0, 64));
  char* end = nullptr;
  const double value = std::strtod(copy.c_str(), &end);
  const std::string_view unit(end);
  double scale = 0;
  if (unit == "ns") scale = 1;
  else if (unit == "us") scale = 1e3;
  else if (unit == "ms") scale = 1e6;
  else if (unit == "s") scale = 1e9;
  else if (unit == "m" || unit == "min") scale = 60e9;
  else if (unit == "h") scale = 3600e9;
  else if (unit == "d") scale = 86400e9;
  const double ns = value * scale;
  if (end == copy.c_str() || scale == 0 || !(value >= 0) || !(ns < 9.2e18))
    return fail(Code::invalid_input,
                "duration '" + copy + "': expected a number and a unit, as in 250ms, 10s, 5m, 2h, 7d");
  return Duration(static_cast<std::int64_t>(std::llround(ns)));
}

std::string to_string(Duration duration) {
  struct Unit {
    std::int64_t ns;
    const char* name;
  };
  static constexpr Unit units[] = {{86400 * second, "d"}, {3600 * second, "h"}, {60 * second, "m"},
                                   {second, "s"},         {1'000'000, "ms"},   {1'000, "us"}};
  const std::int64_t ns = duration.count();
  if (ns == 0) return "0s";
  for (const Unit& unit : units)
    if (ns % unit.ns == 0) return std::to_string(ns / unit.ns) + unit.name;
  return std::to_string(ns) + "ns";
}

}  // namespace selvedge::base
