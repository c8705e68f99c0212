// CameraMetrics: what /metrics shows of one camera, labelled with its name. The instruments are the registry's: one
// camera that follows another of the same name goes on with its numbers. Belongs to the loop thread.

#pragma once

#include <string>

#include "base/metrics.h"

namespace selvedge::camera {

struct CameraMetrics {
  CameraMetrics(base::Registry& registry, const std::string& name);

  base::Counter* pictures = nullptr;
  base::Counter* looked_at = nullptr;
  base::Counter* still = nullptr;
  base::Counter* dropped = nullptr;
  base::Counter* failed = nullptr;
  base::Counter* without_model = nullptr;
  base::Histogram* delay = nullptr;                // seconds, from when it came until it was reported
};

}  // namespace selvedge::camera
