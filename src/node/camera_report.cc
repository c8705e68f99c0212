#include "node/camera_report.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/json.h"
#include "codec/series/frame.h"
#include "serving/answer_json.h"

namespace selvedge::node {
namespace {

constexpr std::size_t most_classes = 5;
constexpr std::string_view total = "count", listed = "detections";

std::string series(std::string_view prefix, std::string_view name) {
  return std::string(prefix) + '/' + std::string(name);
}

// A classifier finds one thing, the whole picture: it counts, but has no box.
bool is_classified(const infer::Answer& answer) { return !answer.ranked.empty(); }

// Of this picture, whether believed yet or not.
void write_counts(const engine::CountReport::Report& report, base::JsonWriter& json) {
  std::map<std::string, std::int64_t> counts;
  for (const engine::Detection& found : report.found) {
    std::string label = engine::level_of_label(found);
    if (counts.contains(label) || counts.size() < engine::CountReport::most_labels) ++counts[std::move(label)];
  }
  json.key("counts").begin_object().field(total, static_cast<std::uint64_t>(report.found.size()));
  for (const auto& [label, count] : counts) json.field(label, count);
  json.end_object();
}

}  // namespace

std::string camera_topic(std::string_view name) {
  return std::string(camera_root) + std::string(name) + "/detections";
}

void write_readings(const camera::Look& look, std::string_view prefix, CameraReadings& into) {
  into.readings.clear();
  for (const auto& [label, count] : look.report.counts)
    into.readings.push_back({series(prefix, label.empty() ? total : label), look.taken, model::ValueView::of(count)});
  if (!look.report.list) return;
  into.list = engine::detections_json(look.report.found, codec::max_text_bytes);
  into.readings.push_back({series(prefix, listed), look.taken, model::ValueView::of(std::string_view(into.list))});
}

std::optional<std::string> camera_event(const camera::Look& look) {
  if (!look.report.changed && !look.report.list) return std::nullopt;
  base::JsonWriter json;
  json.begin_object()
      .field("time", base::to_iso8601(look.taken))
      .field("model", look.model.name)
      .field("version", look.model.version)
      .field("width", look.answer.width)
      .field("height", look.answer.height)
      .key("detections")
      .begin_array();
  if (!is_classified(look.answer))
    for (const engine::Detection& found : look.report.found) serving::write_detection(found, json);
  json.end_array();
  if (is_classified(look.answer)) {
    json.key("classes").begin_array();
    for (std::size_t i = 0; i < std::min(most_classes, look.answer.ranked.size()); ++i) {
      const engine::Ranked& one = look.answer.ranked[i];
      json.begin_object();
      if (!one.name.empty()) json.field("name", one.name);
      json.field("label", one.label).field("score", std::round(static_cast<double>(one.score) * 1e5) / 1e5).end_object();
    }
    json.end_array();
  }
  write_counts(look.report, json);
  return json.end_object().take();
}

}  // namespace selvedge::node
