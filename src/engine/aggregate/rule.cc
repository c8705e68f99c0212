#include "engine/aggregate/rule.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/bytes.h"
#include "base/text.h"
#include "base/wire.h"
#include "codec/mqtt/packet.h"

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

// "{series}" and "{function}" are what a topic template calls "{topic}" and "{field}".
Result<NameTemplate> parse_name(const AggregateRule& rule) {
  std::string text;
  std::string_view rest = rule.series;
  while (!rest.empty()) {
    const std::size_t open = std::min(rest.find('{'), rest.size());
    text += rest.substr(0, open);
    rest.remove_prefix(open);
    const std::size_t close = rest.find('}');
    const std::string_view word = rest.substr(0, close == rest.npos ? close : close + 1);
    if (word == "{client}" || word == "{topic}" || word == "{field}")
      return fail(Code::invalid_input, std::string(word) +
                                           ": unknown; {series}, {1}, {2}, ..., {device} and {function} are known");
    text += word == "{series}" ? "{topic}" : word == "{function}" ? "{field}" : word;
    rest.remove_prefix(word.size());
  }
  return NameTemplate::parse(text, levels_of(rule.filter));
}

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

Result<void> check_name(const AggregateRule& rule, const NameTemplate& name) {
  if (name.fields() > 1) return fail(Code::invalid_input, "series: {function} stands in it more than once");
  const std::size_t outputs = rule.functions.size() + (rule.report != Report::all ? 1 : 0);
  if (name.fields() == 0 && outputs > 1)
    return fail(Code::invalid_input, "series: needs {function}, as there is more than one");
  // Only where nothing raw is stored may what comes out take its place.
  if (rule.series == "{series}" && outputs > 0 && (rule.raw != Raw::drop || rule.has_windows()))
    return fail(Code::invalid_input, "series: \"{series}\" is the raw series itself; that needs raw = \"drop\" and a report alone");
  return {};
}

Result<NameTemplate> compile(const AggregateRule& rule) {
  if (!codec::mqtt::is_topic_filter(rule.filter))
    return fail(Code::invalid_input, "filter: not a valid MQTT topic filter");
  TRY(check_durations(rule));
  TRY(check_report(rule));
  TRY(check_windows(rule));
  if (rule.raw == Raw::drop && rule.report == Report::all && !rule.has_windows())
    return fail(Code::invalid_input, "raw = \"drop\" without a report or a window would store nothing; "
                                     "to take no readings say ignore in [[topic]]");
  if (rule.series.empty() || rule.series.size() > 1024)
    return fail(Code::invalid_input, "series: a template of 1 to 1024 bytes");
  NameTemplate name = TRY(base::while_doing("series", parse_name(rule)));
  TRY(check_name(rule, name));
  return name;
}

}  // namespace

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
  std::uint64_t hash = 0xCBF29CE484222325ULL;   // FNV-1a
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001B3ULL;
  return hash;
}

Result<AggregateRules> AggregateRules::create(std::vector<AggregateRule> rules) {
  if (rules.size() > AggregateRule::most_rules)
    return fail(Code::invalid_input, std::to_string(rules.size()) + " aggregate rules, at most " +
                                         std::to_string(AggregateRule::most_rules) + " allowed");
  AggregateRules made;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    auto name = compile(rules[i]);
    if (!name)
      return std::unexpected(std::move(name).error().while_doing(
          "aggregate rule " + std::to_string(i + 1) + " ('" + base::printable(rules[i].filter, 64) + "')"));
    made.names_.push_back(std::move(*name));
  }
  made.rules_ = std::move(rules);
  return made;
}

std::optional<std::uint32_t> AggregateRules::match(std::string_view series) const {
  for (std::uint32_t i = 0; i < rules_.size(); ++i)
    if (codec::mqtt::matches(rules_[i].filter, series)) return i;
  return std::nullopt;
}

std::optional<std::uint32_t> AggregateRules::find(std::string_view series, model::Kind kind) const {
  const auto rule = match(series);
  if (rule && !rules_[*rule].speaks_of(kind)) return std::nullopt;
  return rule;
}

Result<std::string> AggregateRules::derived(std::uint32_t rule, const model::SeriesDef& source,
                                            std::string_view function) const {
  std::string before, after;
  names_[rule].expand({source.name, source.device, {}}, before, after);
  std::string name = before;
  if (names_[rule].fields() > 0) name.append(function).append(after);
  if (name.empty() || name.size() > most_series_name_bytes)
    return fail(Code::invalid_input, "name what comes of '" + base::printable(source.name, 64) +
                                         "': empty, or longer than 512 bytes");
  return name;
}

}  // namespace selvedge::engine
