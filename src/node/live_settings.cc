#include "node/live_settings.h"

#include <algorithm>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

namespace selvedge::node {

using base::Code;
using base::Result;
using settings::Settings;

namespace {

constexpr std::string_view keys[] = {
    "log.level", "log.format",
    "mqtt.server-keep-alive", "mqtt.connections", "mqtt.queued-messages", "mqtt.queued-bytes",
    "mqtt.total-queued-bytes",
    "store.memory", "store.journal", "store.blocks", "store.keep-free", "store.block-age",
    "store.block-readings", "store.dense-readings", "store.retention", "store.when-full", "store.dead-letters",
    "uplink.bytes-per-second", "uplink.window", "uplink.backoff-max", "uplink.ack-timeout",
    "topics", "aggregates", "anomalies"};

std::string file_key(const std::string& key) {
  return key == topics_key ? "topic" : key == aggregates_key ? "aggregate" : key == anomalies_key ? "anomaly" : key;
}

template <typename Element>
std::string list_json(const std::deque<Element>& elements, void (*bind)(Settings&, Element&)) {
  base::JsonWriter json;
  json.begin_array();
  for (Element copy : elements) {
    Settings bound;
    bind(bound, copy);
    json.begin_object();
    for (const auto& e : bound.explained()) json.key(e.key).raw(e.value);
    json.end_object();
  }
  return json.end_array().take();
}

// The present value of a list; nothing if the key is none.
std::optional<std::string> list_value(const NodeConfig& config, std::string_view key) {
  if (key == topics_key) return list_json(config.topics, bind_topic);
  if (key == aggregates_key) return list_json(config.aggregates, bind_aggregate);
  if (key == anomalies_key) return list_json(config.anomalies, bind_anomaly);
  return std::nullopt;
}

}  // namespace

std::span<const std::string_view> live_keys() { return keys; }

LiveSettings::LiveSettings(NodeConfig base) : base_(std::move(base)), current_(base_) {}

Result<void> LiveSettings::check_key(const std::string& key) {
  if (std::ranges::find(keys, key) != std::end(keys)) return {};
  NodeConfig any;
  Settings bound;
  any.bind_to(bound);
  std::vector<std::string> known(std::begin(keys), std::end(keys));
  const auto is_key = [&key](const auto& e) { return e.key == key; };
  if (key == "cameras" || std::ranges::any_of(bound.explained(), is_key))
    return base::fail(Code::invalid_input, key + ": needs a restart, so it can only be set in the node's "
                                                 "configuration file");
  const auto near = base::did_you_mean(key, known);
  return base::fail(Code::invalid_input, "unknown setting '" + base::printable(key) + "'" +
                                             (near ? "; did you mean '" + *near + "'?" : ""));
}

Result<NodeConfig> LiveSettings::with(const Wishes& wishes) const {
  NodeConfig made = base_;
  Settings bound;
  made.bind_to(bound);
  for (const auto& [key, json] : wishes) {
    if (key == topics_key) made.topics.clear();
    if (key == aggregates_key) made.aggregates.clear();
    if (key == anomalies_key) made.anomalies.clear();
    TRY(bound.apply_json(file_key(key), json, "twin"));
  }
  TRY(made.finish());
  return made;
}

Result<void> LiveSettings::change(Wishes wishes) {
  NodeConfig next = TRY(with(wishes));
  if (apply_) TRY(apply_(next));
  current_ = std::move(next);
  wishes_ = std::move(wishes);
  return {};
}

std::vector<std::string> LiveSettings::restore(const std::map<std::string, std::string>& wishes) {
  std::vector<std::string> taken;
  for (const auto& [key, json] : wishes) {
    auto set = check_key(key);
    if (set) {
      Wishes more = wishes_;
      more[key] = json;
      set = change(std::move(more));
    }
    if (set) taken.push_back(key);
    else base::log::warn("settings", "a value that was wished before is refused now",
                         {{"key", key}, {"why", set.error()}});
  }
  return taken;
}

Result<void> LiveSettings::set(const std::string& key, std::string_view json) {
  TRY(check_key(key));
  Wishes wishes = wishes_;
  wishes[key] = json;
  return change(std::move(wishes));
}

Result<void> LiveSettings::unset(const std::string& key) {
  Wishes wishes = wishes_;
  if (wishes.erase(key) == 0) return {};
  return change(std::move(wishes));
}

std::vector<Settings::Explained> LiveSettings::explained() const {
  NodeConfig copy = current_;
  Settings bound;
  copy.bind_to(bound);
  for (const auto& [key, from] : base_.sources) bound.set_source(key, from);
  for (const auto& [key, json] : wishes_) bound.set_source(key, "twin");
  bound.mark_live(keys);
  auto all = bound.explained();
  const auto add_list = [&](std::string_view key, bool any, const char* help) {
    if (!any) return;
    const auto from = base_.sources.find(file_key(std::string(key)));
    all.push_back({std::string(key), *list_value(copy, key),
                   wishes_.contains(std::string(key)) ? "twin"
                   : from != base_.sources.end()      ? from->second
                                                      : "default",
                   help, true});
  };
  add_list(topics_key, !copy.topics.empty(), "How topics become series: every [[topic]] in order.");
  add_list(aggregates_key, !copy.aggregates.empty(),
           "What is made of readings on the node: every [[aggregate]] in order.");
  add_list(anomalies_key, !copy.anomalies.empty(),
           "Series that are watched for unusual behaviour: every [[anomaly]] in order.");
  return all;
}

std::string LiveSettings::value(std::string_view key) const {
  if (const auto list = list_value(current_, key)) return *list;
  for (const auto& e : explained())
    if (e.key == key) return e.value;
  return {};
}

}  // namespace selvedge::node
