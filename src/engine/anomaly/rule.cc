#include "engine/anomaly/rule.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "base/wire.h"
#include "codec/mqtt/packet.h"

namespace selvedge::engine {

using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr base::Duration longest = std::chrono::hours(24 * 366);

// "{series}" and "{output}" are what a topic template calls "{topic}" and "{field}".
Result<NameTemplate> parse_name(const AnomalyRule& rule) {
  std::string text;
  std::string_view rest = rule.series;
  while (!rest.empty()) {
    const std::size_t open = std::min(rest.find('{'), rest.size());
    text += rest.substr(0, open);
    rest.remove_prefix(open);
    const std::size_t close = rest.find('}');
    const std::string_view word = rest.substr(0, close == rest.npos ? close : close + 1);
    if (word == "{client}" || word == "{topic}" || word == "{field}")
      return fail(Code::invalid_input,
                  std::string(word) + ": unknown; {series}, {1}, {2}, ..., {device} and {output} are known");
    text += word == "{series}" ? "{topic}" : word == "{output}" ? "{field}" : word;
    rest.remove_prefix(word.size());
  }
  return NameTemplate::parse(text, levels_of(rule.filter));
}

Result<void> within(const char* key, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
  if (value >= least && value <= most) return {};
  return fail(Code::invalid_input,
              std::string(key) + ": not within " + std::to_string(least) + " to " + std::to_string(most));
}

Result<void> check_numbers(const AnomalyRule& rule) {
  if (!std::isfinite(rule.threshold) || rule.threshold <= 0)
    return fail(Code::invalid_input, "threshold: above 0");
  if (!std::isfinite(rule.clear) || rule.clear < 0 || rule.clear > rule.threshold)
    return fail(Code::invalid_input, "clear: from 0 to the threshold");
  TRY(within("confirm", rule.confirm, 1, 1000));
  TRY(within("hold", rule.hold, 1, 1000));
  TRY(within("window", rule.window, AnomalyRule::least_window, AnomalyRule::most_window));
  TRY(within("phases", rule.phases, AnomalyRule::least_phases, AnomalyRule::most_phases));
  TRY(within("every", rule.every, 1, 1'000'000));
  const std::pair<const char*, base::Duration> all[] = {
      {"period", rule.period}, {"stuck-after", rule.stuck_after}, {"report", rule.report}};
  for (const auto& [name, duration] : all)
    if (duration.count() < 0 || duration > longest)
      return fail(Code::invalid_input, std::string(name) + ": not within 0s to 366d");
  return {};
}

Result<void> check_kind(const AnomalyRule& rule) {
  const bool seasonal = rule.detector == DetectorKind::seasonal, model = rule.detector == DetectorKind::model;
  if (rule.period.count() > 0 && !seasonal)
    return fail(Code::invalid_input, "period: has no meaning without detector = \"seasonal\"");
  if (seasonal && rule.period.count() > 0 && rule.period < base::Duration(std::chrono::milliseconds(10)) * rule.phases)
    return fail(Code::invalid_input, "period: at least 10ms for each of the phases");
  if (model && rule.model.empty())
    return fail(Code::invalid_input, "model: detector = \"model\" needs the name of one");
  if (!model && !rule.model.empty())
    return fail(Code::invalid_input, "model: has no meaning without detector = \"model\"");
  return {};
}

Result<NameTemplate> compile(const AnomalyRule& rule) {
  if (!codec::mqtt::is_topic_filter(rule.filter))
    return fail(Code::invalid_input, "filter: not a valid MQTT topic filter");
  TRY(check_numbers(rule));
  TRY(check_kind(rule));
  if (rule.series.empty() || rule.series.size() > 1024)
    return fail(Code::invalid_input, "series: a template of 1 to 1024 bytes");
  NameTemplate name = TRY(base::while_doing("series", parse_name(rule)));
  if (name.fields() != 1) return fail(Code::invalid_input, "series: {output} must stand in it once");
  return name;
}

}  // namespace

std::uint64_t AnomalyRule::fingerprint() const {
  base::Bytes bytes;
  base::Writer out(bytes);
  out.u8(static_cast<std::uint8_t>(detector));
  out.varint(window);
  out.svarint(period.count());
  out.varint(phases);
  out.text(model);
  std::uint64_t hash = 0xCBF29CE484222325ULL;   // FNV-1a
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001B3ULL;
  return hash;
}

Result<AnomalyRules> AnomalyRules::create(std::vector<AnomalyRule> rules) {
  if (rules.size() > AnomalyRule::most_rules)
    return fail(Code::invalid_input, std::to_string(rules.size()) + " anomaly rules, at most " +
                                         std::to_string(AnomalyRule::most_rules) + " allowed");
  AnomalyRules made;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    auto name = compile(rules[i]);
    if (!name)
      return std::unexpected(std::move(name).error().while_doing(
          "anomaly rule " + std::to_string(i + 1) + " ('" + base::printable(rules[i].filter, 64) + "')"));
    made.names_.push_back(std::move(*name));
  }
  made.rules_ = std::move(rules);
  return made;
}

std::optional<std::uint32_t> AnomalyRules::find(std::string_view series, model::Kind kind) const {
  for (std::uint32_t i = 0; i < rules_.size(); ++i)
    if (codec::mqtt::matches(rules_[i].filter, series))
      return rules_[i].speaks_of(kind) ? std::optional(i) : std::nullopt;
  return std::nullopt;
}

Result<std::string> AnomalyRules::derived(std::uint32_t rule, const model::SeriesDef& source,
                                          std::string_view output) const {
  std::string before, after;
  names_[rule].expand({source.name, source.device, {}}, before, after);
  std::string name = before.append(output).append(after);
  if (name.empty() || name.size() > most_series_name_bytes || name == source.name)
    return fail(Code::invalid_input, "name what comes of '" + base::printable(source.name, 64) +
                                         "': empty, longer than 512 bytes, or the series itself");
  return name;
}

}  // namespace selvedge::engine
