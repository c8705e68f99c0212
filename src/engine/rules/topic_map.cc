#include "engine/rules/topic_map.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "base/text.h"
#include "codec/mqtt/packet.h"
#include "engine/rules/name_template.h"

namespace selvedge::engine {
namespace {

using base::Code;
using base::fail;
using base::Result;

constexpr std::size_t most_cached_key = 1024;
constexpr std::size_t most_template_bytes = 1024;

struct CompiledRule {
  NameTemplate series, device;
  bool device_as_given = false;
};

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
}

Result<CompiledRule> compile(const TopicRule& rule) {
  if (!codec::mqtt::is_topic_filter(rule.filter))
    return fail(Code::invalid_input, "filter: not a valid MQTT topic filter");
  if (rule.series.size() > most_template_bytes || rule.device.size() > most_template_bytes)
    return fail(Code::invalid_input, "series or device: a template longer than 1 KiB");
  const std::size_t levels = levels_of(rule.filter);
  CompiledRule compiled;
  const std::string_view series = rule.series.empty() ? std::string_view("{topic}") : rule.series;
  compiled.series = TRY(base::while_doing("series", NameTemplate::parse(series, levels)));
  if (compiled.series.fields() > 1)
    return fail(Code::invalid_input, "series: {field} stands in it more than once");
  if (compiled.series.fields() == 0) compiled.series.append("/");
  const std::string_view device = rule.device.empty() ? std::string_view("{device}") : rule.device;
  compiled.device = TRY(base::while_doing("device", NameTemplate::parse(device, levels)));
  if (compiled.device.fields() > 0)
    return fail(Code::invalid_input, "device: {field} is not known before the payload is read");
  compiled.device_as_given = compiled.device.is_device();
  if (has_control_characters(rule.series) || has_control_characters(rule.device))
    return fail(Code::invalid_input, "series or device: a template with a control character");
  if (!rule.payload.value_field.empty() && rule.payload.name_field.empty())
    return fail(Code::invalid_input, "value_field: has no meaning without name_field");
  return compiled;
}

Result<std::vector<CompiledRule>> compile_all(const std::vector<TopicRule>& rules) {
  if (rules.size() > most_rules)
    return fail(Code::invalid_input, std::to_string(rules.size()) + " topic rules, at most " +
                                         std::to_string(most_rules) + " allowed");
  std::vector<CompiledRule> compiled;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    Result<CompiledRule> rule = compile(rules[i]);
    if (!rule)
      return std::unexpected(std::move(rule).error().while_doing(
          "topic rule " + std::to_string(i + 1) + " ('" + base::printable(rules[i].filter, 64) + "')"));
    compiled.push_back(std::move(*rule));
  }
  return compiled;
}

// What was worked out for one topic, or for one topic, device and client if a template needs those.
struct Entry {
  std::optional<std::uint32_t> rule;
  std::string before, after, device;
  const char* problem = nullptr;
};

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
using Cache = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;

}  // namespace

struct TopicMap::State {
  std::vector<TopicRule> rules;
  std::vector<CompiledRule> compiled;
  std::uint32_t cached_topics = 0;
  bool key_has_names = false;          // device and client are part of the key
  // Two generations: when the young one is full it becomes the old one, and what is used again comes
  // back from there. So what was used lately stays, without a list to keep.
  Cache young, old;
  std::string key;
  Entry uncached;

  std::string_view key_of(const TopicSource& source);
  void work_out(const TopicSource& source, Entry& entry) const;
  const Entry& entry_of(const TopicSource& source);
  Entry& add(std::string_view of);
};

std::string_view TopicMap::State::key_of(const TopicSource& source) {
  if (!key_has_names) return source.topic;
  // Sizes first, so that no two sources share a key.
  const std::uint32_t sizes[2] = {static_cast<std::uint32_t>(source.topic.size()),
                                  static_cast<std::uint32_t>(source.device.size())};
  key.assign(reinterpret_cast<const char*>(sizes), sizeof sizes);
  key.append(source.topic).append(source.device).append(source.client);
  return key;
}

void TopicMap::State::work_out(const TopicSource& source, Entry& entry) const {
  entry = Entry{};
  for (std::uint32_t i = 0; i < rules.size() && !entry.rule; ++i)
    if (codec::mqtt::matches(rules[i].filter, source.topic)) entry.rule = i;
  if (!entry.rule || rules[*entry.rule].action == TopicRule::Action::ignore) return;
  const CompiledRule& rule = compiled[*entry.rule];
  rule.series.expand(source, entry.before, entry.after);
  std::string nothing;
  if (!rule.device_as_given) rule.device.expand(source, entry.device, nothing);
  // One more: the '/' that goes away with an empty field.
  if (entry.before.size() + entry.after.size() > most_series_name_bytes + 1)
    entry.problem = "the series name made of it is longer than 512 bytes";
  else if (entry.device.size() > most_series_name_bytes)
    entry.problem = "the device name made of it is longer than 512 bytes";
  else if (has_control_characters(entry.before) || has_control_characters(entry.after) ||
           has_control_characters(entry.device))
    entry.problem = "a name made of it holds a control character";
  if (entry.problem == nullptr) return;
  entry.before = entry.after = entry.device = {};
}

Entry& TopicMap::State::add(std::string_view of) {
  if (young.size() >= cached_topics) {
    old = std::move(young);
    young = {};
  }
  return young[std::string(of)];
}

const Entry& TopicMap::State::entry_of(const TopicSource& source) {
  const std::string_view wanted = key_of(source);
  if (const auto found = young.find(wanted); found != young.end()) return found->second;
  if (const auto found = old.find(wanted); found != old.end()) {
    auto node = old.extract(found);
    if (young.size() >= cached_topics) {
      old = std::move(young);
      young = {};
    }
    return young.insert(std::move(node)).position->second;
  }
  const bool cached = wanted.size() <= most_cached_key && cached_topics > 0;
  Entry& entry = cached ? add(wanted) : uncached;
  work_out(source, entry);
  return entry;
}

std::vector<TopicRule> default_topic_rules() {
  TopicRule all;
  all.filter = "#";
  return {all};
}

Result<void> validate(const std::vector<TopicRule>& rules) {
  TRY(compile_all(rules));
  return {};
}

Result<void> name_series(const TopicMatch& match, std::string_view field, std::string& name) {
  const auto refuse = [](std::string_view why) {
    return fail(Code::invalid_input, "name the series: " + std::string(why));
  };
  if (match.problem != nullptr) return refuse(match.problem);
  std::string_view before = match.before_field, after = match.after_field;
  if (field.empty()) {
    if (before.ends_with('/')) before.remove_suffix(1);
    else if (before.empty() && after.starts_with('/')) after.remove_prefix(1);
  }
  const std::size_t size = before.size() + field.size() + after.size();
  if (size == 0) return refuse("it would be empty");
  if (size > most_series_name_bytes) return refuse("it would be longer than 512 bytes");
  if (has_control_characters(field)) return refuse("the field holds a control character");
  name.assign(before).append(field).append(after);
  return {};
}

TopicMap::TopicMap(std::unique_ptr<State> state) : state_(std::move(state)) {}
TopicMap::TopicMap(TopicMap&&) noexcept = default;
TopicMap& TopicMap::operator=(TopicMap&&) noexcept = default;
TopicMap::~TopicMap() = default;

Result<TopicMap> TopicMap::create(std::vector<TopicRule> rules, std::uint32_t cached_topics) {
  auto state = std::make_unique<State>();
  state->compiled = TRY(compile_all(rules));
  state->rules = std::move(rules);
  state->cached_topics = cached_topics;
  for (const CompiledRule& rule : state->compiled) {
    const bool by_device = rule.series.uses_device() ||
                           (rule.device.uses_device() && !rule.device_as_given);
    if (by_device || rule.series.uses_client() || rule.device.uses_client())
      state->key_has_names = true;
  }
  return TopicMap(std::move(state));
}

TopicMatch TopicMap::look_up(const TopicSource& source) {
  const Entry& entry = state_->entry_of(source);
  TopicMatch match;
  if (!entry.rule) return match;
  match.rule = *entry.rule;
  const TopicRule& rule = state_->rules[match.rule];
  match.outcome = rule.action == TopicRule::Action::ignore ? TopicMatch::Outcome::ignored
                                                           : TopicMatch::Outcome::readings;
  if (match.outcome == TopicMatch::Outcome::ignored) return match;
  match.payload = &rule.payload;
  match.device = state_->compiled[match.rule].device_as_given ? source.device
                                                              : std::string_view(entry.device);
  match.before_field = entry.before;
  match.after_field = entry.after;
  match.problem = entry.problem;
  return match;
}

const std::vector<TopicRule>& TopicMap::rules() const { return state_->rules; }
std::size_t TopicMap::remembered() const { return state_->young.size() + state_->old.size(); }

}  // namespace selvedge::engine
