// Mask: the output of a segmentation model as one label for each cell of its grid.

#pragma once

#include <span>

#include "base/result.h"
#include "engine/vision/found.h"
#include "engine/vision/rules.h"

namespace selvedge::engine {

// How a grid of values lies in memory.
struct Grid {
  int width = 0, height = 0, channels = 1;
  InputRule::Layout layout = InputRule::Layout::rows;   // channels of a cell side by side, or a plane for each
};

// One channel: 1 where the value is at least rule.threshold, else 0. More: the channel that is
// greatest, the first of equal ones; NaN never is, and where nothing else is the label is 0. Code::invalid_input
// if the values do not fit the grid, or there are more than 256 channels.
base::Result<Mask> read_mask(const MaskRule& rule, std::span<const float> values, const Grid& grid);

// For models that give labels themselves; what is no label from 0 to 255 becomes 0.
base::Result<Mask> read_labels(std::span<const float> labels, int width, int height);

// To another size, by the nearest cell: labels cannot be mixed.
Mask resize(const Mask& mask, int width, int height);

// How many cells have each label, as shares of all; up to the greatest label there is.
std::vector<float> shares_of(const Mask& mask);

}  // namespace selvedge::engine
