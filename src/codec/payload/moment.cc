#include "codec/payload/moment.h"

#include <cmath>

namespace selvedge::codec::payload {
namespace {

// Decimal places between a count of this unit and nanoseconds.
int scale_of(Options::TimeUnit unit) {
  switch (unit) {
    case Options::TimeUnit::s: return 9;
    case Options::TimeUnit::ms: return 6;
    case Options::TimeUnit::us: return 3;
    case Options::TimeUnit::ns:
    case Options::TimeUnit::automatic: break;
  }
  return 0;
}

// The limits of base::from_unix.
template <typename T>
int scale_by_size(T size) {
  if (size < T(100'000'000'000)) return 9;
  if (size < T(100'000'000'000'000)) return 6;
  if (size < T(100'000'000'000'000'000)) return 3;
  return 0;
}

}  // namespace

std::optional<base::Time> to_time(const Decimal& count, Options::TimeUnit unit) {
  int scale = scale_of(unit);
  if (unit == Options::TimeUnit::automatic && count.exponent == 0) {
    scale = scale_by_size(count.digits);
  } else if (unit == Options::TimeUnit::automatic) {
    const auto size = to_double(count);
    if (!size) return std::nullopt;
    scale = scale_by_size(std::fabs(*size));
  }
  if (const auto ns = to_scaled(count, scale)) return base::Time{*ns};
  return std::nullopt;
}

std::optional<base::Time> to_time(std::string_view text, Options::TimeUnit unit) {
  if (const auto count = parse_decimal(text, Grammar::lenient)) return to_time(*count, unit);
  if (const auto time = base::parse_time(text)) return *time;
  return std::nullopt;
}

std::optional<std::int64_t> seconds_to_ns(double seconds) {
  if (!(std::fabs(seconds) < 9.2e9)) return std::nullopt;
  const double whole = std::trunc(seconds);
  return static_cast<std::int64_t>(whole) * 1'000'000'000 +
         std::llround((seconds - whole) * 1e6) * 1000;
}

}  // namespace selvedge::codec::payload
