#include "engine/vision/placement.h"

#include <algorithm>
#include <cmath>

namespace selvedge::engine {

base::Result<Region> region_within(const Region& region, int width, int height) {
  const auto held = [](float share) { return std::isfinite(share) ? std::clamp(share, 0.0F, 1.0F) : -1.0F; };
  const Region within{held(region.top), held(region.left), held(region.bottom), held(region.right)};
  const float across = (within.right - within.left) * static_cast<float>(width);
  const float down = (within.bottom - within.top) * static_cast<float>(height);
  const bool finite = std::min({within.top, within.left, within.bottom, within.right}) >= 0;
  if (!finite || across < 0.999F || down < 0.999F)
    return base::fail(base::Code::invalid_input, "the region has no pixel of the picture");
  return within;
}

Region seen_by(InputRule::Fit fit, const Region& region, int width, int height, int model_width, int model_height) {
  if (fit == InputRule::Fit::stretch) return region;
  // How much longer the region is than the model's picture, each way, in pixels for one of the model's.
  const float across = (region.right - region.left) * static_cast<float>(width) / static_cast<float>(model_width);
  const float down = (region.bottom - region.top) * static_cast<float>(height) / static_cast<float>(model_height);
  const float both = fit == InputRule::Fit::letterbox ? std::max(across, down) : std::min(across, down);
  const float half_width = (region.right - region.left) / 2 * both / across;
  const float half_height = (region.bottom - region.top) / 2 * both / down;
  const float x = (region.left + region.right) / 2, y = (region.top + region.bottom) / 2;
  return {y - half_height, x - half_width, y + half_height, x + half_width};
}

Box to_picture(const Box& box, const Region& seen, const Region& within) {
  const float height = seen.bottom - seen.top, width = seen.right - seen.left;
  return {std::clamp(seen.top + box[0] * height, within.top, within.bottom),
          std::clamp(seen.left + box[1] * width, within.left, within.right),
          std::clamp(seen.top + box[2] * height, within.top, within.bottom),
          std::clamp(seen.left + box[3] * width, within.left, within.right)};
}

Mask to_region(const Mask& mask, const Region& seen, const Region& region) {
  const auto cells = [](int all, float part, float whole) {
    return std::clamp(static_cast<int>(std::lround(static_cast<float>(all) * part / whole)), 1, 4096);
  };
  Mask result{cells(mask.width, region.right - region.left, seen.right - seen.left),
              cells(mask.height, region.bottom - region.top, seen.bottom - seen.top), {}};
  result.labels.assign(std::size_t(result.width) * std::size_t(result.height), 0);
  // The cell of `mask` under the middle of a cell of the result.
  const auto under = [](int i, int count, float from, float to, float seen_from, float seen_to, int cells_there) {
    const float at = from + (to - from) * (static_cast<float>(i) + 0.5F) / static_cast<float>(count);
    return static_cast<int>(std::floor((at - seen_from) / (seen_to - seen_from) * static_cast<float>(cells_there)));
  };
  for (int y = 0; y < result.height; ++y) {
    const int from_y = under(y, result.height, region.top, region.bottom, seen.top, seen.bottom, mask.height);
    if (from_y < 0 || from_y >= mask.height) continue;
    for (int x = 0; x < result.width; ++x) {
      const int from_x = under(x, result.width, region.left, region.right, seen.left, seen.right, mask.width);
      if (from_x < 0 || from_x >= mask.width) continue;
      result.labels[std::size_t(y) * std::size_t(result.width) + std::size_t(x)] =
          mask.labels[std::size_t(from_y) * std::size_t(mask.width) + std::size_t(from_x)];
    }
  }
  return result;
}

}  // namespace selvedge::engine
