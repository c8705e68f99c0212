// CameraReport: what a look at a picture comes to outside the camera: readings, and an event. Pure.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "camera/camera.h"
#include "node/ingest.h"

namespace selvedge::node {

inline constexpr std::string_view camera_root = "selvedge/cameras/";
std::string camera_topic(std::string_view name);   // of its events

struct CameraReadings {
  std::string list;                                // the text that one of them is a view of
  std::vector<NamedReading> readings;
};
// Into `into`, which must stay where it is while the readings are used; they are none if nothing is to be said.
void write_readings(const camera::Look& look, std::string_view prefix, CameraReadings& into);

// The event as JSON: docs/reference/mqtt.md. Nothing if no count changed and no list is due.
std::optional<std::string> camera_event(const camera::Look& look);

}  // namespace selvedge::node
