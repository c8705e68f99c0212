#include "cloud/jobs_nodes.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "codec/json/value.h"
#include "codec/task/task.h"

namespace selvedge::cloud {

using codec::json::Value;
using engine::Twin;
using engine::placement::Limits;
using engine::placement::NodeSpec;
using model::TwinPart;

namespace {

constexpr std::array<std::string_view, 4> words{"ready", "cordoned", "draining", "gone"};

Value value_at(const Twin& twin, std::string_view pointer) {
  const auto json = twin.json("", pointer);
  if (!json) return {};
  auto parsed = codec::json::parse(*json);
  if (!parsed) return {};
  return std::move(*parsed);
}

std::string text_of(std::string_view leaf) {
  if (leaf.empty()) return {};
  const auto parsed = codec::json::parse(leaf);
  return parsed ? parsed->text() : std::string();
}

std::uint64_t number_of(std::string_view leaf) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, base::parse_int(leaf).value_or(0)));
}

std::int64_t amount(const Value& value, std::int64_t most, std::int64_t otherwise) {
  return value.is_number() ? static_cast<std::int64_t>(std::clamp(value.number(), 0.0, static_cast<double>(most)))
                           : otherwise;
}

bool good(const std::string& text) { return !text.empty() && text.size() <= Limits::name_bytes; }

void add_label(NodeSpec& spec, const std::string& label, const std::string& value) {
  if (!good(label) || value.size() > Limits::name_bytes || label == "site" || label == "node") return;
  if (std::ranges::find(spec.labels, label, [](const auto& one) { return one.first; }) != spec.labels.end()) return;
  if (spec.labels.size() < Limits::labels) spec.labels.emplace_back(label, value);
}

}  // namespace

std::string_view name(Scheduling scheduling) { return words[static_cast<std::size_t>(scheduling)]; }

std::optional<Scheduling> parse_scheduling(std::string_view word) {
  const auto* const at = std::ranges::find(words, word);
  if (at == words.end()) return std::nullopt;
  return static_cast<Scheduling>(at - words.begin());
}

NodeSpec read_node_spec(const std::string& node, const Twin& twin, const NodeDefaults& defaults) {
  NodeSpec spec;
  spec.name = node;
  const Value facts = value_at(twin, "/features/node/properties"), attributes = value_at(twin, "/attributes");
  const Value& resources = facts["resources"];
  spec.capacity = {amount(resources["cpu"], Limits::cpu - 1, defaults.resources.cpu),
                   amount(resources["memory"], Limits::bytes, defaults.resources.memory),
                   amount(resources["disk"], Limits::bytes, defaults.resources.disk)};
  const Value& accelerators = attributes["accelerators"].is_object() ? attributes["accelerators"] : facts["accelerators"];
  spec.devices = static_cast<std::uint32_t>(amount(accelerators["devices"], Limits::devices, 0));
  if (spec.devices > 0 && good(accelerators["model"].text())) spec.model = accelerators["model"].text();
  if (good(attributes["site"].text())) spec.site = attributes["site"].text();
  // What operators say comes first: it stands when both name one.
  for (const auto& [label, value] : attributes["labels"].object()) add_label(spec, label, value.print());
  for (const char* const fact : {"arch", "os"})
    if (good(facts[fact].text())) add_label(spec, fact, facts[fact].text());
  for (const Value& taint : attributes["taints"].array())
    if (good(taint.text()) && spec.taints.size() < Limits::taints &&
        std::ranges::find(spec.taints, taint.text()) == spec.taints.end())
      spec.taints.push_back(taint.text());
  return spec;
}

// A word that is not known keeps new tasks away until somebody mends it.
Scheduling read_scheduling(const Twin& twin) {
  const std::string_view leaf = twin.leaf(TwinPart::attributes, "/scheduling");
  if (leaf.empty()) return Scheduling::ready;
  return parse_scheduling(text_of(leaf)).value_or(Scheduling::cordoned);
}

std::uint64_t read_revision(const Twin& twin) { return number_of(twin.leaf(TwinPart::desired, "/tasks/_revision")); }
std::uint64_t read_heard(const Twin& twin) { return number_of(twin.leaf(TwinPart::reported, "/tasks/_heard")); }

FoundWishes read_wishes(const Twin& twin) {
  FoundWishes found;
  const Value wishes = value_at(twin, "/features/tasks/desiredProperties");
  for (const auto& [task, wish] : wishes.object()) {
    if (task.starts_with('_')) continue;
    base::JsonWriter json;
    codec::json::write(wish, json);
    if (auto read = codec::task::parse_task(task, json.text())) found.tasks.push_back(std::move(*read));
    else found.unreadable.push_back(task);
  }
  return found;
}

std::vector<std::string> reported_tasks(const Twin& twin) {
  std::vector<std::string> names;
  const Value reports = value_at(twin, "/features/tasks/properties");
  for (const auto& [task, status] : reports.object())
    if (!task.starts_with('_') && !status["state"].is_null()) names.push_back(task);
  return names;
}

std::optional<base::Result<model::TaskStatus>> read_report(const Twin& twin, std::string_view task) {
  const std::string at = "/tasks/" + std::string(task);
  if (twin.leaf(TwinPart::reported, at + "/state").empty()) return std::nullopt;
  return codec::task::read_status(value_at(twin, "/features" + ("/tasks/properties/" + std::string(task))));
}

}  // namespace selvedge::cloud
