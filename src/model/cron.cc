#include "model/cron.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <span>
#include <string>

#include "base/text.h"

namespace selvedge::model {
namespace {

using base::Code;
using base::fail;
using base::Result;

constexpr std::size_t most_bytes = 256;
// The longest gap between two times: 29 February on one weekday, over 2100, which is no leap year.
constexpr std::int64_t most_days = 366 * 41;
constexpr std::int64_t minute_s = 60, hour_s = 3600, day_s = 86'400, second_ns = 1'000'000'000;

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekday_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Field {
  std::string_view name;
  std::uint32_t low, high;
  std::span<const std::string_view> names;         // of low, low + 1, ...
};

Result<std::uint32_t> number(std::string_view text, const Field& field) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto at = std::ranges::find(field.names, lower);
  if (at != field.names.end())
    return field.low + static_cast<std::uint32_t>(at - field.names.begin());
  const bool digits = !text.empty() && text.size() <= 2 &&
                      std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
  const std::int64_t value = digits ? base::parse_int(text).value_or(-1) : -1;
  if (value < field.low || value > field.high)
    return fail(Code::invalid_input, "'" + base::printable(text, 20) + "' is no " + std::string(field.name) + " (" +
                                         std::to_string(field.low) + " to " + std::to_string(field.high) + ")");
  return static_cast<std::uint32_t>(value);
}

// One part of a list: which numbers it means.
Result<std::uint64_t> part(std::string_view text, const Field& field) {
  const std::size_t slash = text.find('/');
  const std::string_view range = text.substr(0, slash);
  const std::size_t dash = range.find('-');
  std::uint32_t low = field.low, high = field.high, step = 1;
  if (range != "*") {
    low = TRY(number(range.substr(0, dash), field));
    high = dash == std::string_view::npos ? low : TRY(number(range.substr(dash + 1), field));
    if (low > high)
      return fail(Code::invalid_input, "'" + base::printable(range, 20) + "' begins after its end");
  }
  if (slash != std::string_view::npos) {
    if (range != "*" && dash == std::string_view::npos)
      return fail(Code::invalid_input, "the step of '" + base::printable(text, 20) + "' needs a range or *");
    const auto value = base::parse_int(text.substr(slash + 1));
    if (!value || *value < 1 || *value > field.high)
      return fail(Code::invalid_input, "the step of '" + base::printable(text, 20) + "' is not from 1 to " +
                                           std::to_string(field.high));
    step = static_cast<std::uint32_t>(*value);
  }
  std::uint64_t bits = 0;
  for (std::uint32_t n = low; n <= high; n += step) bits |= std::uint64_t{1} << n;
  return bits;
}

Result<std::uint64_t> list(std::string_view text, const Field& field) {
  std::uint64_t bits = 0;
  for (;;) {
    const std::size_t comma = text.find(',');
    bits |= TRY(part(text.substr(0, comma), field));
    if (comma == std::string_view::npos) return bits;
    text.remove_prefix(comma + 1);
  }
}

// The first bit of `bits` at or after `from`; 64 if there is none.
std::int64_t first_bit(std::uint64_t bits, std::int64_t from) {
  return from > 63 ? 64 : std::countr_zero(bits & (~std::uint64_t{0} << from));
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
  static const std::array<Field, 5> fields{{{"minute", 0, 59, {}},
                                            {"hour", 0, 23, {}},
                                            {"day", 1, 31, {}},
                                            {"month", 1, 12, month_names},
                                            {"weekday", 0, 7, weekday_names}}};
  if (text.size() > most_bytes) return fail(Code::invalid_input, "a schedule has at most 256 bytes");
  std::array<std::string_view, 5> texts;
  std::size_t count = 0;
  for (std::size_t at = text.find_first_not_of(" \t"); at < text.size();
       at = text.find_first_not_of(" \t", at)) {
    const std::size_t end = std::min(text.find_first_of(" \t", at), text.size());
    if (count < texts.size()) texts[count] = text.substr(at, end - at);
    ++count;
    at = end;
  }
  if (count != texts.size())
    return fail(Code::invalid_input, "a schedule has five fields: minute hour day month weekday");
  std::array<std::uint64_t, 5> bits{};
  for (std::size_t i = 0; i < fields.size(); ++i) bits[i] = TRY(list(texts[i], fields[i]));
  Cron made;
  made.minutes_ = bits[0];
  made.hours_ = static_cast<std::uint32_t>(bits[1]);
  made.days_ = static_cast<std::uint32_t>(bits[2]);
  made.months_ = static_cast<std::uint32_t>(bits[3]);
  made.weekdays_ = static_cast<std::uint32_t>((bits[4] | bits[4] >> 7) & 0x7F);
  made.either_day_ = texts[2].front() != '*' && texts[4].front() != '*';
  if (!made.next_after({})) return fail(Code::invalid_input, "the schedule names a day that never comes");
  return made;
}

bool Cron::fits_day(std::int64_t day) const {
  const std::chrono::sys_days date{std::chrono::days(day)};
  const std::chrono::year_month_day parts(date);
  if ((months_ >> static_cast<unsigned>(parts.month()) & 1) == 0) return false;
  const bool by_day = (days_ >> static_cast<unsigned>(parts.day()) & 1) != 0;
  const bool by_weekday = (weekdays_ >> std::chrono::weekday(date).c_encoding() & 1) != 0;
  return either_day_ ? by_day || by_weekday : by_day && by_weekday;
}

std::optional<base::Time> Cron::next_after(base::Time time) const {
  std::int64_t second = time.ns / second_ns - (time.ns % second_ns < 0 ? 1 : 0);
  second += minute_s - ((second % minute_s) + minute_s) % minute_s;    // the next whole minute
  std::int64_t day = second / day_s - (second % day_s < 0 ? 1 : 0);
  const std::int64_t rest = second - day * day_s;
  std::int64_t hour = rest / hour_s, minute = rest % hour_s / minute_s;
  for (const std::int64_t last = day + most_days; day <= last; ++day, hour = minute = 0) {
    if (!fits_day(day)) continue;
    std::int64_t at_hour = first_bit(hours_, hour);
    std::int64_t at_minute = first_bit(minutes_, at_hour == hour ? minute : 0);
    if (at_hour == hour && at_minute == 64) {
      at_hour = first_bit(hours_, hour + 1);
      at_minute = first_bit(minutes_, 0);
    }
    if (at_hour == 64) continue;
    const std::int64_t found = day * day_s + at_hour * hour_s + at_minute * minute_s;
    if (found > INT64_MAX / second_ns) return std::nullopt;
    return base::Time{found * second_ns};
  }
  return std::nullopt;
}

}  // namespace selvedge::model
