#include "engine/vision/mask.h"

#include <limits>
#include <string>

namespace selvedge::engine {

using base::Code;
using base::fail;

namespace {

base::Result<std::size_t> cells_of(std::size_t values, int width, int height, int channels) {
  const bool sensible = width > 0 && height > 0 && channels > 0 && width <= 16'384 && height <= 16'384 && channels <= 256;
  const std::size_t cells = sensible ? std::size_t(width) * std::size_t(height) : 0;
  if (sensible && values == cells * std::size_t(channels)) return cells;
  return fail(Code::invalid_input, "the model gives " + std::to_string(values) + " values, which do not fit a mask of " +
                                       std::to_string(width) + " x " + std::to_string(height) + " x " +
                                       std::to_string(channels));
}

}  // namespace

base::Result<Mask> read_mask(const MaskRule& rule, std::span<const float> values, const Grid& grid) {
  const std::size_t cells = TRY(cells_of(values.size(), grid.width, grid.height, grid.channels));
  Mask mask{grid.width, grid.height, std::vector<std::uint8_t>(cells)};
  if (grid.channels == 1) {
    for (std::size_t i = 0; i < cells; ++i) mask.labels[i] = values[i] >= rule.threshold ? 1 : 0;
    return mask;
  }
  const auto channels = static_cast<std::size_t>(grid.channels);
  const bool rows = grid.layout == InputRule::Layout::rows;
  const std::size_t across = rows ? channels : 1, along = rows ? 1 : cells;
  for (std::size_t i = 0; i < cells; ++i) {
    const float* value = values.data() + i * across;
    float greatest = -std::numeric_limits<float>::infinity();
    for (std::size_t c = 0; c < channels; ++c) {
      if (!(value[c * along] > greatest)) continue;
      greatest = value[c * along];
      mask.labels[i] = static_cast<std::uint8_t>(c);
    }
  }
  return mask;
}

base::Result<Mask> read_labels(std::span<const float> labels, int width, int height) {
  const std::size_t cells = TRY(cells_of(labels.size(), width, height, 1));
  Mask mask{width, height, std::vector<std::uint8_t>(cells)};
  for (std::size_t i = 0; i < cells; ++i)
    mask.labels[i] = labels[i] >= 0 && labels[i] < 256 ? static_cast<std::uint8_t>(labels[i]) : std::uint8_t{0};
  return mask;
}

Mask resize(const Mask& mask, int width, int height) {
  Mask result{width, height, {}};
  if (width < 1 || height < 1 || mask.width < 1 || mask.height < 1) return result;
  result.labels.resize(std::size_t(width) * std::size_t(height));
  const auto nearest = [](int i, int count, int from) {   // the cell under the middle of cell i
    return static_cast<std::size_t>((2 * std::int64_t{i} + 1) * from / (2 * std::int64_t{count}));
  };
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* row = mask.labels.data() + nearest(y, height, mask.height) * std::size_t(mask.width);
    std::uint8_t* to = result.labels.data() + std::size_t(y) * std::size_t(width);
    for (int x = 0; x < width; ++x) to[x] = row[nearest(x, width, mask.width)];
  }
  return result;
}

std::vector<float> shares_of(const Mask& mask) {
  std::vector<float> shares;
  if (mask.labels.empty()) return shares;
  std::vector<std::size_t> counts(256);
  for (const std::uint8_t label : mask.labels) ++counts[label];
  while (counts.back() == 0) counts.pop_back();
  for (const std::size_t count : counts)
    shares.push_back(static_cast<float>(count) / static_cast<float>(mask.labels.size()));
  return shares;
}

}  // namespace selvedge::engine
