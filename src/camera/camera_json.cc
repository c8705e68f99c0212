#include "camera/camera_json.h"

#include "serving/answer_json.h"

namespace selvedge::camera {

std::string_view name(SourceStatus::State state) {
  switch (state) {
    case SourceStatus::State::starting: return "starting";
    case SourceStatus::State::receiving: return "receiving";
    case SourceStatus::State::failing: return "failing";
  }
  return "";
}

void write_status(const CameraStatus& status, base::JsonWriter& json) {
  json.begin_object().field("name", status.name).field("model", status.model);
  if (!status.waiting_for.empty()) json.field("waiting_for", status.waiting_for);
  json.key("source").begin_object().field("kind", status.source_kind).field("state", name(status.source.state));
  if (!status.source.reason.empty()) json.field("reason", status.source.reason);
  json.field("pictures", status.source.pictures)
      .field("broken", status.source.broken)
      .field("attempts", status.source.attempts)
      .end_object();
  json.field("pictures", status.pictures)
      .field("looked_at", status.looked_at)
      .field("still", status.still)
      .field("dropped", status.dropped)
      .field("failed", status.failed)
      .field("without_model", status.without_model);
  if (status.last) json.field("last", base::to_iso8601(*status.last));
  if (!status.last_error.empty()) json.field("last_error", status.last_error);
  json.end_object();
}

std::string outcome_json(const std::string& camera, const Outcome& outcome) {
  base::JsonWriter json;
  json.begin_object().field("camera", camera).field("outcome", name(outcome.what));
  if (outcome.answer) {
    json.field("model", outcome.model.name).field("version", outcome.model.version);
    serving::write_answer(*outcome.answer, json);
  }
  return json.end_object().take();
}

}  // namespace selvedge::camera
