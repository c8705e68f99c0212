// Anchors: the boxes that an SSD's box codes are relative to, by the rule of MediaPipe's
// SsdAnchorsCalculator (google/mediapipe, calculators/tflite/ssd_anchors_calculator.cc), which is that of
// the SSD paper (Liu et al. 2016, section 2.2) with the additions of the object detection API.

#pragma once

#include <vector>

#include "base/result.h"
#include "engine/vision/rules.h"

namespace selvedge::engine {

struct Anchor {
  float y = 0, x = 0, height = 0, width = 0;       // middle and size, as shares of the model's picture
};

// For a model picture of that size. Code::invalid_input for a rule that gives no anchors, or more than
// a million.
base::Result<std::vector<Anchor>> make_anchors(const AnchorRule& rule, int width, int height);

}  // namespace selvedge::engine
