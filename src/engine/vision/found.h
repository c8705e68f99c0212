// What is found in a picture: boxes, ranked classes, a mask. Values only.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace selvedge::engine {

using Box = std::array<float, 4>;                  // top, left, bottom, right

struct Detection {
  int label = 0;                                   // index into the labels
  std::string name;                                // "" where there are no labels
  float score = 0;                                 // 0 to 1
  Box box{};                                       // as shares of the picture
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

// A part of a picture, as shares of it.
struct Region {
  float top = 0, left = 0, bottom = 1, right = 1;

  bool operator==(const Region&) const = default;
};

}  // namespace selvedge::engine
