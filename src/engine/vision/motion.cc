#include "engine/vision/motion.h"

#include <algorithm>
#include <cmath>

namespace selvedge::engine {

using std::chrono::milliseconds;

MotionGate::MotionGate(const MotionRule& rule) : rule_(rule) {
  rule_.columns = std::clamp(rule.columns, 8, 256);
  rule_.rows = std::clamp(rule.rows, 8, 256);
  const auto cells = static_cast<std::size_t>(rule_.columns * rule_.rows);
  grid_.resize(cells);
  background_.resize(cells);
  moved_.resize(cells);
}

Motion MotionGate::step(const codec::Image& image, milliseconds now) {
  if (image.width < 1 || image.height < 1) return {};
  reduce(image);
  if (image.width != width_ || image.height != height_) {
    width_ = image.width;
    height_ = image.height;
    background_ = grid_;
    last_ = passed_at_ = now;
    return {true, 1, {{}}};
  }
  // The median of all differences: what moves in less than half of the picture does not touch it.
  std::vector<float> differences(grid_.size());
  for (std::size_t i = 0; i < grid_.size(); ++i) differences[i] = grid_[i] - background_[i];
  const auto middle = differences.begin() + static_cast<std::ptrdiff_t>(differences.size() / 2);
  std::ranges::nth_element(differences, middle);
  compare(*middle);

  Motion motion;
  const auto count = static_cast<float>(std::ranges::count(moved_, 1));
  motion.share = count / static_cast<float>(moved_.size());
  const milliseconds since = now - passed_at_;
  const bool due = rule_.longest > milliseconds{0} && since >= rule_.longest;
  if (count > 0 && motion.share >= rule_.share) motion.regions = regions();
  motion.look = since >= rule_.shortest && (!motion.regions.empty() || due);
  if (motion.look) passed_at_ = now;
  adapt(now - last_);
  last_ = now;
  return motion;
}

// The mean of the pixels of each cell; of every third row and column of a large picture, which is as good
// a mean of hundreds of pixels.
void MotionGate::reduce(const codec::Image& image) {
  const int step = std::clamp(std::min(image.width / rule_.columns, image.height / rule_.rows) / 4, 1, 3);
  for (int row = 0; row < rule_.rows; ++row) {
    const int top = row * image.height / rule_.rows;
    const int bottom = std::max(top + 1, (row + 1) * image.height / rule_.rows);
    for (int column = 0; column < rule_.columns; ++column) {
      const int left = column * image.width / rule_.columns;
      const int right = std::max(left + 1, (column + 1) * image.width / rule_.columns);
      std::uint64_t sum = 0, count = 0;
      for (int y = top; y < bottom; y += step) {
        const std::uint8_t* pixels = image.row(y);
        for (int x = left; x < right; x += step, ++count) {
          const std::uint8_t* pixel = pixels + std::ptrdiff_t{x} * 3;
          sum += 77U * pixel[0] + 150U * pixel[1] + 29U * pixel[2];   // brightness times 256
        }
      }
      grid_[static_cast<std::size_t>(row * rule_.columns + column)] =
          static_cast<float>(sum) / static_cast<float>(count) / 256;
    }
  }
}

void MotionGate::compare(float brighter) {
  const auto least = static_cast<float>(rule_.difference);
  for (std::size_t i = 0; i < grid_.size(); ++i)
    moved_[i] = std::abs(grid_[i] - background_[i] - brighter) > least ? 1 : 0;
}

void MotionGate::adapt(milliseconds passed) {
  const auto after = static_cast<float>(std::max<std::int64_t>(rule_.adapt.count(), 1));
  const float part = 1 - std::exp(-static_cast<float>(std::max<std::int64_t>(passed.count(), 0)) / after);
  for (std::size_t i = 0; i < grid_.size(); ++i) background_[i] += (grid_[i] - background_[i]) * part;
}

// Cells that touch, also at a corner, or with one cell between them, are one region. A region is one
// cell larger each way than they are: what moves is rarely whole.
std::vector<Region> MotionGate::regions() {
  struct Found {
    int top, left, bottom, right, cells;
  };
  std::vector<Found> all;
  std::vector<std::uint8_t> left_over = moved_;
  for (int first = 0; first < rule_.columns * rule_.rows; ++first) {
    if (left_over[static_cast<std::size_t>(first)] == 0) continue;
    Found found{rule_.rows, rule_.columns, 0, 0, 0};
    open_.assign(1, first);
    left_over[static_cast<std::size_t>(first)] = 0;
    while (!open_.empty()) {
      const int row = open_.back() / rule_.columns, column = open_.back() % rule_.columns;
      open_.pop_back();
      found = {std::min(found.top, row), std::min(found.left, column), std::max(found.bottom, row + 1),
               std::max(found.right, column + 1), found.cells + 1};
      for (int y = std::max(row - 2, 0); y <= std::min(row + 2, rule_.rows - 1); ++y)
        for (int x = std::max(column - 2, 0); x <= std::min(column + 2, rule_.columns - 1); ++x) {
          std::uint8_t& cell = left_over[static_cast<std::size_t>(y * rule_.columns + x)];
          if (cell == 0) continue;
          cell = 0;
          open_.push_back(y * rule_.columns + x);
        }
    }
    all.push_back(found);
  }
  std::ranges::stable_sort(all, std::greater<>(), &Found::cells);
  if (all.size() > rule_.most_regions) all.resize(rule_.most_regions);
  std::vector<Region> regions;
  for (const Found& found : all) {
    const auto share = [](int cell, int count) { return static_cast<float>(std::clamp(cell, 0, count)) / static_cast<float>(count); };
    regions.push_back({share(found.top - 1, rule_.rows), share(found.left - 1, rule_.columns),
                       share(found.bottom + 1, rule_.rows), share(found.right + 1, rule_.columns)});
  }
  return regions;
}

}  // namespace selvedge::engine
