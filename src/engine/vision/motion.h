// Motion: whether a picture differs enough from what the camera usually sees to be worth a look, and
// where.
//
// Pictures are reduced to a small grey grid, each cell the mean of its pixels. A background follows the
// grid slowly, so that daylight is no motion and a parked car stops being one. What the whole picture
// gains or loses in brightness (a camera's exposure, a lamp) is taken off first. A cell has moved if it
// is further from the background than `difference`, and the picture has if enough cells have. Memory:
// two grids. Pure: time comes in; one thread at a time.

#pragma once

#include <chrono>
#include <vector>

#include "codec/image/image.h"
#include "engine/vision/found.h"

namespace selvedge::engine {

struct MotionRule {
  int columns = 64, rows = 48;                     // of the grid, held within 8 and 256
  int difference = 12;                             // of 255, for a cell
  float share = 0.003F;                            // of all cells, for the picture
  // In how long the background has gone two thirds of the way to what is seen.
  std::chrono::milliseconds adapt{10'000};
  // A picture is passed at most this often, and at least as often as `longest` even if nothing moves
  // (0: never for that reason alone).
  std::chrono::milliseconds shortest{0}, longest{0};
  std::size_t most_regions = 8;
};

struct Motion {
  bool look = false;                               // whether the picture is to be looked at
  float share = 0;                                 // of the cells that moved
  std::vector<Region> regions;                     // where, largest first: boxes around neighbouring cells
};

class MotionGate {
 public:
  explicit MotionGate(const MotionRule& rule);

  // `now` must not go backwards. The first picture, and one of another size than the last, is always to
  // be looked at.
  Motion step(const codec::Image& image, std::chrono::milliseconds now);

 private:
  void reduce(const codec::Image& image);
  void compare(float brighter);
  void adapt(std::chrono::milliseconds passed);
  std::vector<Region> regions();

  MotionRule rule_;
  int width_ = 0, height_ = 0;                     // of the last picture
  std::vector<float> grid_, background_;
  std::vector<std::uint8_t> moved_;
  std::vector<int> open_;                          // cells to visit, while regions are collected
  std::chrono::milliseconds last_{0}, passed_at_{0};
};

}  // namespace selvedge::engine
