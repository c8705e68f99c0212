// The words of a query, and what is wrong with a range.

#include <array>
#include <limits>

#include "base/text.h"
#include "engine/query/range.h"

namespace selvedge::engine {
namespace {

using base::Code;
using base::fail;

constexpr std::uint32_t million = 1'000'000;

constexpr std::array<std::pair<Aggregate::Kind, std::string_view>, 12> aggregate_names{{
    {Aggregate::mean, "mean"},
    {Aggregate::min, "min"},
    {Aggregate::max, "max"},
    {Aggregate::sum, "sum"},
    {Aggregate::count, "count"},
    {Aggregate::first, "first"},
    {Aggregate::last, "last"},
    {Aggregate::time_weighted_mean, "time-weighted-mean"},
    {Aggregate::stddev, "stddev"},
    {Aggregate::variance, "variance"},
    {Aggregate::increase, "increase"},
    {Aggregate::rate, "rate"},
}};

// "99.9" to 999'000: at most two digits before the point and four behind it. 0 if it is none.
std::uint32_t millionths(std::string_view percent) {
  std::uint32_t value = 0;
  std::size_t digits = 0, behind = 0;
  bool point = false;
  for (const char c : percent) {
    if (c == '.' && !point && digits > 0) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9' || (point ? ++behind > 4 : ++digits > 2)) return 0;
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (point && behind == 0) return 0;
  for (; behind < 4; ++behind) value *= 10;
  return value;
}

std::string with_near(std::string_view text, const std::vector<std::string>& known) {
  const auto near = base::did_you_mean(text, known);
  return near ? "; did you mean '" + *near + "'?" : "";
}

}  // namespace

base::Result<Aggregate> parse_aggregate(std::string_view text) {
  for (const auto& [aggregate, word] : aggregate_names)
    if (word == text) return Aggregate(aggregate);
  if (text == "twa") return Aggregate(Aggregate::time_weighted_mean);
  if (text == "median") return Aggregate(Aggregate::quantile, million / 2);
  if (text.starts_with('p'))
    if (const std::uint32_t share = millionths(text.substr(1)); share > 0)
      return Aggregate(Aggregate::quantile, share);
  std::vector<std::string> known = {"twa", "median", "p50", "p90", "p95", "p99"};
  for (const auto& [aggregate, word] : aggregate_names) known.emplace_back(word);
  return fail(Code::invalid_input,
              "aggregate '" + base::printable(text, 32) +
                  "': expected mean, min, max, sum, count, first, last, time-weighted-mean (twa), stddev, "
                  "variance, increase, rate, median or a percentile as p99.9" + with_near(text, known));
}

std::string name(Aggregate aggregate) {
  for (const auto& [known, word] : aggregate_names)
    if (known == aggregate.kind) return std::string(word);
  std::string text = "p" + std::to_string(aggregate.share / 10'000);
  std::string behind = std::to_string(aggregate.share % 10'000);
  if (behind == "0") return text;
  behind.insert(0, 4 - behind.size(), '0');
  behind.erase(behind.find_last_not_of('0') + 1);
  return text + "." + behind;
}

base::Result<Downsample> parse_downsample(std::string_view text) {
  if (text == "lttb") return Downsample::lttb;
  if (text == "m4") return Downsample::m4;
  if (text == "minmax") return Downsample::minmax;
  return fail(Code::invalid_input, "downsample '" + base::printable(text, 32) + "': expected lttb, m4 or minmax" +
                                       with_near(text, {"lttb", "m4", "minmax"}));
}

bool QueryRange::has_ordered() const {
  if (!step) return false;
  for (const Aggregate aggregate : aggregates)
    if (aggregate.is_ordered()) return true;
  return false;
}

base::Time QueryRange::needed_from() const {
  constexpr std::int64_t open = std::numeric_limits<std::int64_t>::min();
  if (!has_ordered()) return from;
  std::int64_t early = 0;
  return {__builtin_sub_overflow(from.ns, hold_length().count(), &early) ? open : early};
}

base::Result<void> validate(const QueryRange& range) {
  constexpr std::int64_t open_from = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t open_to = std::numeric_limits<std::int64_t>::max();
  const auto invalid = [](std::string what) { return fail(Code::invalid_input, "query: " + std::move(what)); };
  if (range.from > range.to) return invalid("from is later than to");
  if (range.rows == 0) return invalid("0 rows asked for");
  if (range.downsample) {
    if (range.step) return invalid("downsample and step exclude each other");
    if (range.points < 4 || range.points > QueryRange::most_points)
      return invalid("points: expected 4 to " + std::to_string(QueryRange::most_points));
  }
  if (!range.step) {
    if (range.window) return invalid("a window needs a step");
    if (range.hold) return invalid("hold needs a step");
    return {};
  }
  if (range.step->count() <= 0) return invalid("the step is not positive");
  const auto step = static_cast<std::uint64_t>(range.step->count());
  const std::int64_t length = range.window_length().count();
  if (length < range.step->count() || static_cast<std::uint64_t>(length) % step != 0)
    return invalid("the window is no multiple of the step");
  if (static_cast<std::uint64_t>(length) / step > QueryRange::most_overlap)
    return invalid("a window of more than " + std::to_string(QueryRange::most_overlap) + " steps");
  if (range.hold && range.hold->count() < 0) return invalid("hold is negative");
  if (range.from.ns == open_from || range.to.ns == open_to) return {};
  const std::uint64_t span =
      static_cast<std::uint64_t>(range.to.ns) - static_cast<std::uint64_t>(range.from.ns);
  const std::uint64_t windows = span / step + (span % step != 0);
  if (windows > range.rows)
    return invalid(std::to_string(windows) + " windows, at most " + std::to_string(range.rows) +
                   " allowed; choose a longer step or a shorter range");
  return {};
}

}  // namespace selvedge::engine
