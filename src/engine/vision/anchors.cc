#include "engine/vision/anchors.h"

#include <cmath>
#include <string>

namespace selvedge::engine {

using base::Code;
using base::fail;

namespace {

constexpr std::size_t most_anchors = 1'000'000, most_layers = 64, most_ratios = 64;
constexpr int most_side = 16'384;

struct Shape {
  float height = 0, width = 0;
};

float scale_of(const AnchorRule& rule, std::size_t layer) {
  const std::size_t count = rule.strides.size();
  if (count == 1) return (rule.min_scale + rule.max_scale) / 2;
  return rule.min_scale + (rule.max_scale - rule.min_scale) * static_cast<float>(layer) / static_cast<float>(count - 1);
}

void add_shape(std::vector<Shape>& shapes, float scale, float ratio) {
  const float root = std::sqrt(ratio);
  shapes.push_back({scale / root, scale * root});
}

void add_shapes(const AnchorRule& rule, std::size_t layer, std::vector<Shape>& shapes) {
  const float scale = scale_of(rule, layer);
  if (layer == 0 && rule.reduce_lowest) {
    add_shape(shapes, 0.1F, 1);
    add_shape(shapes, scale, 2);
    add_shape(shapes, scale, 0.5F);
    return;
  }
  for (const float ratio : rule.aspect_ratios) add_shape(shapes, scale, ratio);
  if (rule.interpolated_ratio > 0) {
    const float next = layer + 1 == rule.strides.size() ? 1 : scale_of(rule, layer + 1);
    add_shape(shapes, std::sqrt(scale * next), rule.interpolated_ratio);
  }
}

}  // namespace

base::Result<std::vector<Anchor>> make_anchors(const AnchorRule& rule, int width, int height) {
  if (width < 1 || height < 1 || width > most_side || height > most_side || rule.strides.empty())
    return fail(Code::invalid_input, "anchors need strides and the size of the model's picture");
  if (rule.strides.size() > most_layers || rule.aspect_ratios.size() > most_ratios)
    return fail(Code::invalid_input, "an anchor rule has more than " + std::to_string(most_layers) + " strides or ratios");
  for (const float ratio : rule.aspect_ratios)
    if (!(ratio > 0)) return fail(Code::invalid_input, "an anchor's aspect ratio is not above 0");
  std::vector<Anchor> anchors;
  for (std::size_t layer = 0; layer < rule.strides.size();) {
    const int stride = rule.strides[layer];
    if (stride < 1) return fail(Code::invalid_input, "an anchor stride is below 1");
    // Layers of one stride share a grid, and their shapes stand side by side in each of its cells.
    std::vector<Shape> shapes;
    for (; layer < rule.strides.size() && rule.strides[layer] == stride; ++layer) add_shapes(rule, layer, shapes);
    const int across = (width - 1) / stride + 1, down = (height - 1) / stride + 1;
    const std::size_t more = std::size_t(across) * std::size_t(down) * shapes.size();
    if (more > most_anchors - anchors.size())
      return fail(Code::invalid_input, "there would be more than " + std::to_string(most_anchors) + " anchors");
    anchors.reserve(anchors.size() + more);
    for (int y = 0; y < down; ++y)
      for (int x = 0; x < across; ++x)
        for (const Shape& shape : shapes)
          anchors.push_back({(static_cast<float>(y) + rule.offset_y) / static_cast<float>(down),
                             (static_cast<float>(x) + rule.offset_x) / static_cast<float>(across),
                             rule.fixed_size ? 1 : shape.height, rule.fixed_size ? 1 : shape.width});
  }
  if (anchors.empty()) return fail(Code::invalid_input, "the anchor rule gives no anchors");
  return anchors;
}

}  // namespace selvedge::engine
