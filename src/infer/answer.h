// Answer: what a pipeline says of one picture. Values only.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/vision/found.h"

namespace selvedge::infer {

using engine::Detection;
using engine::Mask;
using engine::Ranked;
using engine::Region;

struct Timings {                                   // nanoseconds, monotonic clock
  std::int64_t decode = 0, prepare = 0, infer = 0, finish = 0;
};

struct Answer {
  int width = 0, height = 0;                       // of the picture as it was given
  std::vector<Detection> detections;               // best first
  std::vector<Ranked> ranked;                      // best first
  std::optional<Mask> mask;
  Timings timings;
};

}  // namespace selvedge::infer
