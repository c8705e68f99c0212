#include "camera/camera_metrics.h"

namespace selvedge::camera {

CameraMetrics::CameraMetrics(base::Registry& registry, const std::string& name) {
  const base::Labels labels{{"camera", name}};
  const auto counter = [&](const char* what, const char* help) {
    return &registry.counter("selvedge_camera_" + std::string(what) + "_total", help, labels);
  };
  pictures = counter("pictures", "Pictures that came.");
  looked_at = counter("looked_at", "Pictures that a model looked at.");
  still = counter("still", "Pictures in which nothing moved.");
  dropped = counter("dropped", "Pictures dropped for newer ones.");
  failed = counter("failed", "Pictures that could not be decoded or looked at.");
  without_model = counter("without_model", "Pictures dropped because their model did not serve.");
  delay = &registry.histogram("selvedge_camera_delay_seconds", "From when a picture came until it was reported.",
                              base::latency_bounds(), labels);
}

}  // namespace selvedge::camera
