// Which part of a picture a model is to look at: a fixed one, or where something moved. Pure.

#pragma once

#include <optional>
#include <span>

#include "base/result.h"
#include "engine/vision/found.h"

namespace selvedge::engine {

// "top,left,bottom,right" as shares of the picture: "0.2,0,1,0.5". Code::invalid_input for no area.
base::Result<Region> parse_region(std::string_view text);

// What both have; nothing if they only touch.
std::optional<Region> common(const Region& a, const Region& b);

// A square-ish part around all of `moved` within `whole`, with room around it, as things are recognised by
// their surroundings too; `whole` itself if that is hardly less.
Region around(std::span<const Region> moved, const Region& whole);

}  // namespace selvedge::engine
