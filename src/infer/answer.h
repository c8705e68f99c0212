// Answer: what a pipeline says of one picture. Values only.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace selvedge::infer {

struct Detection {
  int label = 0;                                   // index into the labels
  std::string name;                                // "" where there are no labels
  float score = 0;                                 // 0 to 1
  std::array<float, 4> box{};                      // top, left, bottom, right as shares of the picture
};

struct Ranked {
  int label = 0;
  std::string name;
  float score = 0;
};

// One label for each pixel of a grid that covers the picture.
struct Mask {
  int width = 0, height = 0;
  std::vector<std::uint8_t> labels;
};

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
