#include "engine/aggregate/rule.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/bytes.h"
#include "base/text.h"
#include "base/wire.h"

namespace selvedge::engine {

using base::Code;
using base::fail;
using base::Result;

namespace {

using Kind = Function::Kind;

constexpr base::Duration longest = std::chrono::hours(24 * 366);
constexpr std::pair<std::string_view, Kind> words[] = {
    {"min", Kind::min},     {"max", Kind::max},     {"mean", Kind::mean},
    {"sum", Kind::sum},     {"count", Kind::count}, {"first", Kind::first},
    {"last", Kind::last},   {"time-weighted-mean", Kind::time_weighted_mean},
    {"stddev", Kind::stddev}};

Result<void> check_durations(const AggregateRule& rule) {
  const std::pair<const char*, base::Duration> all[] = {
      {"min-interval", rule.min_interval}, {"max-interval", rule.max_interval},
      {"period", rule.period},             {"window", rule.window},
      {"slide", rule.slide},               {"lateness", rule.lateness}};
  for (const auto& [name, duration] : all)
    if (duration.count() < 0 || duration > longest)
      return fail(Code::invalid_input, std::string(name) + ": not within 0s to 366d");
  if (rule.period.count() > 0 && rule.period < std::chrono::milliseconds(10))
    return fail(Code::invalid_input, "period: at least 10ms");
  if (rule.has_windows() && rule.step() < std::chrono::milliseconds(10))
    return fail(Code::invalid_input, "window and slide: at least 10ms");
  return {};
}

Result<void> check_report(const AggregateRule& rule) {
  const bool by_change = rule.report == Report::change || rule.report == Report::either;
  const bool by_period = rule.report == Report::period || rule.report == Report::either;
  const bool door = rule.report == Report::swinging_door;
  const auto number = [](double v) { return std::isfinite(v) && v >= 0; };
  if (!number(rule.dead_band) || !number(rule.relative))
    return fail(Code::invalid_input, "dead-band and relative: not below 0");
  if (rule.dead_band > 0 && !by_change && !door)
    return fail(Code::invalid_input, "dead-band: has no meaning without report = \"change\", \"either\" or \"swinging-door\"");
  if (rule.relative > 0 && !by_change)
    return fail(Code::invalid_input, "relative: has no meaning without report = \"change\" or \"either\"");
  if (door && rule.dead_band == 0)
    return fail(Code::invalid_input, "report = \"swinging-door\" needs a dead-band, the bound of its error");
  if (rule.min_interval.count() > 0 && !by_change)
    return fail(Code::invalid_input, "min-interval: has no meaning without report = \"change\" or \"either\"");
  if (rule.max_interval.count() > 0 && !by_change && !door)
    return fail(Code::invalid_input, "max-interval: has no meaning without report = \"change\", \"either\" or \"swinging-door\"");
  if (rule.max_interval.count() > 0 && rule.max_interval < rule.min_interval)
    return fail(Code::invalid_input, "max-interval: shorter than min-interval");
  if (by_period != (rule.period.count() > 0))
    return fail(Code::invalid_input, by_period ? "report = \"period\" or \"either\" needs a period"
                                               : "period: has no meaning without report = \"period\" or \"either\"");
  return {};
}

Result<void> check_windows(const AggregateRule& rule) {
  if (!rule.has_windows()) {
    if (!rule.functions.empty()) return fail(Code::invalid_input, "functions: need a window");
    if (rule.slide.count() > 0) return fail(Code::invalid_input, "slide: needs a window");
    return {};
  }
  if (rule.functions.empty())
    return fail(Code::invalid_input, "window: needs functions, for example [\"mean\"]");
  if (rule.functions.size() > AggregateRule::most_functions)
    return fail(Code::invalid_input, "functions: at most " + std::to_string(AggregateRule::most_functions));
  for (std::size_t i = 0; i < rule.functions.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (rule.functions[i].name == rule.functions[j].name)
        return fail(Code::invalid_input, "functions: " + rule.functions[i].name + " stands there twice");
  if (rule.slide.count() == 0) return {};
  if (rule.slide > rule.window || rule.window.count() % rule.slide.count() != 0 ||
      rule.window / rule.slide > static_cast<std::int64_t>(AggregateRule::most_slides))
    return fail(Code::invalid_input, "slide: the window must be 1 to " +
                                         std::to_string(AggregateRule::most_slides) + " times as long");
  return {};
}

}  // namespace

Result<void> AggregateRule::check() const {
  TRY(check_durations(*this));
  TRY(check_report(*this));
  TRY(check_windows(*this));
  if (raw == Raw::drop && report == Report::all && !has_windows())
    return fail(Code::invalid_input, "raw = \"drop\" without a report or a window would store nothing; "
                                     "to take no readings say ignore in [[topic]]");
  return {};
}

Result<void> AggregateRule::check_name(const NameTemplate& name) const {
  if (name.fields() > 1) return fail(Code::invalid_input, "series: {function} stands in it more than once");
  const std::size_t outputs = functions.size() + (report != Report::all ? 1 : 0);
  if (name.fields() == 0 && outputs > 1)
    return fail(Code::invalid_input, "series: needs {function}, as there is more than one");
  if (series == "{series}" && outputs > 0 && !may_replace_source())
    return fail(Code::invalid_input, "series: \"{series}\" is the raw series itself; that needs raw = \"drop\" and a report alone");
  return {};
}

std::vector<std::string_view> AggregateRule::outputs() const {
  std::vector<std::string_view> all(functions.size() + 1, reported);
  std::ranges::transform(functions, all.begin(), [](const Function& f) { return std::string_view(f.name); });
  return all;
}

Result<Function> parse_function(std::string_view text) {
  for (const auto& [word, kind] : words)
    if (text == word) return Function{kind, 0, std::string(word)};
  if (text == "median") return Function{Kind::quantile, 0.5, "median"};
  if (text.starts_with('p')) {
    const auto percent = base::parse_double(text.substr(1));
    if (percent && *percent > 0 && *percent < 100 && text.size() <= 16)
      return Function{Kind::quantile, *percent / 100, std::string(text)};
  }
  std::vector<std::string> known = {"median", "p50", "p90", "p95", "p99"};
  for (const auto& [word, kind] : words) known.emplace_back(word);
  const auto near = base::did_you_mean(text, known);
  return fail(Code::invalid_input, "'" + base::printable(text, 32) + "' is no function" +
                                       (near ? "; did you mean '" + *near + "'?"
                                             : "; min, max, mean, sum, count, first, last, "
                                               "time-weighted-mean, stddev, median and p99 (any "
                                               "percentage) are"));
}

model::Kind kind_of(const Function& function, model::Kind kind) {
  switch (function.kind) {
    case Kind::min:
    case Kind::max:
    case Kind::first:
    case Kind::last: return kind;
    case Kind::count: return model::Kind::int64;
    default: return model::Kind::float64;
  }
}

bool AggregateRule::uses(Function::Kind kind) const {
  return std::ranges::any_of(functions, [kind](const Function& f) { return f.kind == kind; });
}

std::uint64_t AggregateRule::fingerprint() const {
  base::Bytes bytes;
  base::Writer out(bytes);
  out.u8(static_cast<std::uint8_t>(report));
  out.f64(dead_band);
  out.f64(relative);
  for (const base::Duration d : {min_interval, max_interval, period, window, slide, lateness})
    out.svarint(d.count());
  out.u8(raw == Raw::drop ? 1 : 0);
  for (const Function& function : functions) out.text(function.name);
  return fingerprint_of(bytes);
}

}  // namespace selvedge::engine
