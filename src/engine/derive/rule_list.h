// RuleList: rules of what is made of the readings of series, in order and checked. The first rule whose filter
// matches the name of the series decides. A filter is one of MQTT ("plant/+/temperature", "plant/#"), taken level
// by level of the series' name, which begins with the topic unless a topic rule says otherwise.
//
// A Rule has `filter`, `series` (the template of what comes out), speaks_of(kind), and may_replace_source();
// check() and check_name(template) say what is wrong with it; `most_rules`, `what` and `word` are its own words.
// A value; any thread.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/mqtt/packet.h"
#include "engine/derive/derived_name.h"

namespace selvedge::engine {

template <typename Rule>
class RuleList {
 public:
  RuleList() = default;
  // Code::invalid_input names the rule, the key and what is wrong.
  static base::Result<RuleList> create(std::vector<Rule> rules);

  // The place of the rule that speaks of this series.
  std::optional<std::uint32_t> find(std::string_view series, model::Kind kind) const {
    const auto rule = match(series);
    return rule && rules_[*rule].speaks_of(kind) ? rule : std::nullopt;
  }
  // The same whatever the kind: the first whose filter matches.
  std::optional<std::uint32_t> match(std::string_view series) const {
    for (std::uint32_t i = 0; i < rules_.size(); ++i)
      if (codec::mqtt::matches(rules_[i].filter, series)) return i;
    return std::nullopt;
  }
  const Rule& at(std::uint32_t rule) const { return rules_[rule]; }
  bool empty() const { return rules_.empty(); }
  std::size_t size() const { return rules_.size(); }

  // The name of what comes out of `source` by this rule. Code::invalid_input if it is no name of a series.
  base::Result<std::string> derived(std::uint32_t rule, const model::SeriesDef& source, std::string_view output) const {
    return derived_name(names_[rule], source, output, rules_[rule].may_replace_source());
  }

 private:
  static base::Result<NameTemplate> compile(const Rule& rule);

  std::vector<Rule> rules_;
  std::vector<NameTemplate> names_;
};

template <typename Rule>
base::Result<NameTemplate> RuleList<Rule>::compile(const Rule& rule) {
  if (!codec::mqtt::is_topic_filter(rule.filter))
    return base::fail(base::Code::invalid_input, "filter: not a valid MQTT topic filter");
  TRY(rule.check());
  NameTemplate name = TRY(base::while_doing("series", parse_derived_name(rule.series, rule.filter, Rule::word)));
  TRY(rule.check_name(name));
  return name;
}

template <typename Rule>
base::Result<RuleList<Rule>> RuleList<Rule>::create(std::vector<Rule> rules) {
  if (rules.size() > Rule::most_rules)
    return base::fail(base::Code::invalid_input, std::to_string(rules.size()) + " " + std::string(Rule::what) +
                                                     " rules, at most " + std::to_string(Rule::most_rules) + " allowed");
  RuleList made;
  for (std::size_t i = 0; i < rules.size(); ++i)
    made.names_.push_back(TRY(base::while_doing(rule_label(Rule::what, i, rules[i].filter), compile(rules[i]))));
  made.rules_ = std::move(rules);
  return made;
}

}  // namespace selvedge::engine
