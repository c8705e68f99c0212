#include "camera/movement_gate.h"

#include <algorithm>
#include <cmath>

#include "camera/source.h"
#include "engine/camera/crop.h"

namespace selvedge::camera {
namespace {

// Pixels of a cell's side: fewer, and a cell is no mean any more.
constexpr int cell_pixels = 4;
constexpr int most_side = 8192;

int least_side(int cells, float share) {
  const double side = std::clamp(cells, 8, 256) * cell_pixels / std::max(static_cast<double>(share), 1e-3);
  return static_cast<int>(std::min<double>(std::ceil(side), most_side));
}

codec::Image part_of(const codec::Image& image, const engine::Region& region) {
  const auto at = [](float share, int side) {
    return std::clamp(static_cast<int>(std::lround(share * static_cast<float>(side))), 0, side);
  };
  const int left = std::min(at(region.left, image.width), image.width - 1);
  const int top = std::min(at(region.top, image.height), image.height - 1);
  const int right = std::max(at(region.right, image.width), left + 1);
  const int bottom = std::max(at(region.bottom, image.height), top + 1);
  codec::Image part{right - left, bottom - top, {}};
  const auto bytes = std::ptrdiff_t{part.width} * 3;
  part.pixels.reserve(static_cast<std::size_t>(bytes) * static_cast<std::size_t>(part.height));
  for (int y = top; y < bottom; ++y) {
    const std::uint8_t* from = image.row(y) + std::ptrdiff_t{left} * 3;
    part.pixels.insert(part.pixels.end(), from, from + bytes);
  }
  return part;
}

}  // namespace

MovementGate::MovementGate(const engine::MotionRule& rule, const engine::Region& r) : gate(rule), region(r) {
  options.limits.bytes = Source::most_picture_bytes;
  options.least_width = least_side(rule.columns, r.right - r.left);
  options.least_height = least_side(rule.rows, r.bottom - r.top);
}

base::Result<std::optional<engine::Region>> MovementGate::step(base::BytesView file, base::Instant now, Crop crop) {
  codec::Image image = TRY(codec::decode(file, options)).image;
  // What moves elsewhere, and the light there, are none of its business.
  if (region != engine::Region{}) image = part_of(image, region);
  engine::Motion motion =
      gate.step(image, std::chrono::duration_cast<std::chrono::milliseconds>(base::Duration(now.ns)));
  if (!motion.look) return std::nullopt;
  if (crop == Crop::none || motion.regions.empty()) return region;
  const float height = region.bottom - region.top, width = region.right - region.left;
  for (engine::Region& one : motion.regions)
    one = {region.top + one.top * height, region.left + one.left * width, region.top + one.bottom * height,
           region.left + one.right * width};
  return engine::around(motion.regions, region);
}

}  // namespace selvedge::camera
