// Taps: a model that says values from its middle too, as outputs after its own. Any thread.

#pragma once

#include <span>
#include <string>

#include "engine/quantise/plan.h"

namespace selvedge::engine::quantise {

// Values that nodes of the graph make, of float32. The bytes are for the model runtime: their shapes
// are not said, it finds them itself.
base::Bytes with_taps(const Graph& graph, std::span<const std::string> values);

}  // namespace selvedge::engine::quantise
