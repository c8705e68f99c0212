// CameraJson: cameras as JSON, for the HTTP interface and whoever shows them. docs/reference/http.md.

#pragma once

#include <string>

#include "base/json.h"
#include "camera/camera.h"

namespace selvedge::camera {

void write_status(const CameraStatus& status, base::JsonWriter& json);   // an object
std::string_view name(SourceStatus::State state);

// What became of a picture that was sent; for looked_at with what was found, as serving/answer_json.h writes it.
std::string outcome_json(const std::string& camera, const Outcome& outcome);

}  // namespace selvedge::camera
