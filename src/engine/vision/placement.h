// Placement: where on the picture a model looks, and from what it says back to the picture.
//
// Everything is in shares: of the picture, or of what the model sees. A letterboxed model sees more
// than there is, so the part it sees may reach beyond 0 and 1.

#pragma once

#include "base/result.h"
#include "engine/vision/found.h"
#include "engine/vision/rules.h"

namespace selvedge::engine {

// `region` held within the picture. Code::invalid_input if nothing of it, or less than a pixel, is left.
base::Result<Region> region_within(const Region& region, int width, int height);

// The part of a picture of that size that a model of `model_width` x `model_height` is shown, when it
// is to look at `region`: the region itself when it is stretched, more of it for a letterbox, less
// for a crop.
Region seen_by(InputRule::Fit fit, const Region& region, int width, int height, int model_width, int model_height);

// A box in shares of what the model saw, in shares of the picture, held within `within`.
Box to_picture(const Box& box, const Region& seen, const Region& within = {});

// A grid of labels over what the model saw, as a grid over `region` alone. Where the model saw
// nothing of the region (a crop) the label is 0.
Mask to_region(const Mask& mask, const Region& seen, const Region& region);

}  // namespace selvedge::engine
